"""Whole numbers from a MATLAB 5 file, element by element: none may be longer than what holds it.

Source: MAT-File Format, MathWorks, "MAT-File Level 5": data elements of a type, a number of bytes and as many
bytes; elements within arrays, and compressed ones.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .errors import CorruptRecordError, one_line

__all__ = ["read_integers"]

_HEADER_BYTES = 128
_ARRAY, _COMPRESSED = 14, 15
_ORDERS = {b"IM": "<", b"MI": ">"}
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 12: "i8", 13: "u8"}

Element = tuple[int, bytes]
"""Type and content."""


def read_integers(path: Path, data: bytes, name: str, most_bytes: int) -> np.ndarray:
    """Values of an integer variable, in the order of the file: (n,).

    Parameters
    ----------
    data : the file
    most_bytes : that a compressed variable may take

    Raises
    ------
    CorruptRecordError
        Not a MATLAB file of version 5, an element that is cut off or too large, or no such variable.
    """
    order = _ORDERS.get(data[126:_HEADER_BYTES])
    if not data.startswith(b"MATLAB 5.0") or order is None:
        raise CorruptRecordError(f"{path}: not a MATLAB file of version 5, it begins with {data[:10]!r}")
    for kind, body in _elements(path, data[_HEADER_BYTES:], order):
        inner = (
            _elements(path, _unpacked(path, body, most_bytes), order) if kind == _COMPRESSED else [(kind, body)]
        )
        for what, array in inner:
            parts = list(_elements(path, array, order)) if what == _ARRAY else []
            if len(parts) > 3 and parts[2][1] == name.encode():
                return _values(path, parts, order)
    raise CorruptRecordError(f"{path}: it holds no variable {name!r}")


def _elements(path: Path, data: bytes, order: str) -> Iterator[Element]:
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # up to four bytes within the tag
            yield kind & 0xFFFF, data[at + 4 : at + 4 + min(kind >> 16, 4)]
            at += 8
            continue
        body = data[at + 8 : at + 8 + size]
        if len(body) < size:
            raise CorruptRecordError(f"{path}: an element of {size} bytes, {len(body)} are left")
        yield kind, body
        at += 8 + size + (0 if kind == _COMPRESSED else -size % 8)


def _unpacked(path: Path, body: bytes, most_bytes: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        inner = stream.decompress(body, most_bytes)
    except zlib.error as error:
        raise CorruptRecordError(f"{path}: a compressed element cannot be unpacked ({one_line(error)})") from error
    if not stream.eof:
        raise CorruptRecordError(f"{path}: a compressed element takes more than {most_bytes} bytes, or is cut off")
    return inner


def _values(path: Path, parts: list[Element], order: str) -> np.ndarray:
    (_, shape), _, (stored, content) = parts[1:4]
    if stored not in _STORED or len(shape) % 4:  # whatever the class: MATLAB stores whole doubles as integers, too
        raise CorruptRecordError(f"{path}: values stored as type {stored}; whole numbers are read")
    dtype = np.dtype(f"{order}{_STORED[stored]}")
    n = math.prod(struct.unpack(f"{order}{len(shape) // 4}i", shape))
    if n * dtype.itemsize != len(content):
        raise CorruptRecordError(f"{path}: {n} values announced, {len(content)} bytes of {dtype} found")
    return np.frombuffer(content, dtype)
