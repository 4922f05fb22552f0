"""The stored form of a compact model: the fewest bytes, for a file, an update over the air, or to unpack at start.

    header      magic "ICTZ", u8 version, u32 CRC-32 of everything but itself, length of the whole in groups of
                seven bits (the lowest first, the highest bit says that another follows)
    body        one range-coded stream of binary decisions (see `coding.range_coder`): the model's shapes; per
                stage its source, number of layers, kept map and threshold; per layer its shape, shifts and biases,
                its packer, and its weights

The device cannot run this form: `ictus_unpack.c` turns it into the bytes of `to_bytes`. See `stored_walk` for the
order of the body.
"""

import struct
import zlib
from dataclasses import astuple, dataclass

import numpy as np

from ..signals import CorruptModelError
from .coding.decisions import KINDS, Decisions
from .coding.fields import FieldReader, FieldWriter
from .coding.packer import LayerGrid
from .coding.range_coder import RangeDecoder, encode
from .compact import CompactModel
from .layout import check_shapes
from .packers import PACKERS, packer_of
from .stored_walk import BLANK_MODEL, PACKER_BITS, StoredWalk, check_storable, grids_of

__all__ = ["STORED_MAGIC", "StoredByteCount", "from_stored", "packed_sizes", "stored_byte_count", "to_stored"]

STORED_MAGIC = b"ICTZ"
_VERSION = 1
_HEADER = struct.Struct("<4sBI")
_CRC_AT = 5


@dataclass(frozen=True)
class StoredByteCount:
    """Stored bytes of a model by what they are for; `total` equals the file's size.

    Everything shares one range-coded stream: a part is the information that it takes there, in whole bytes, and
    what the rounding leaves is counted with `headers`.
    """

    codes: int
    index: int
    tables: int
    scales: int
    shapes: int
    headers: int

    @property
    def total(self) -> int:
        return sum(astuple(self))


class _Writing(StoredWalk[FieldWriter]):
    """The walk that writes, with the smallest packer for each layer."""

    def _weights(self, grid: LayerGrid, codes: np.ndarray) -> np.ndarray:
        tried = [(packer, packer.pack(codes, grid)) for packer in PACKERS]
        packer, decisions = min(tried, key=lambda pair: pair[1].n_bits)
        self.fields.symbol("packer", PACKER_BITS, packer.number)
        self.fields.append(decisions)
        return codes


class _Reading(StoredWalk[FieldReader]):
    """The walk that reads."""

    def _weights(self, grid: LayerGrid, codes: np.ndarray) -> np.ndarray:
        del codes
        number = self.fields.symbol("packer", PACKER_BITS)
        packer = packer_of(number)
        if packer is None:
            raise CorruptModelError(f"packed stream: packer {number} is not known")
        return packer.unpack(self.fields.source, grid)


def to_stored(model: CompactModel) -> bytes:
    """Serialise to the fewest bytes; the same model always gives the same bytes.

    Raises
    ------
    InputError
        the model has a size that the format cannot hold.
    """
    return _with_header(encode(_decisions(model)))


def _decisions(model: CompactModel) -> Decisions:
    model.require_device_layers()
    check_storable(model)
    fields = FieldWriter()
    _Writing(fields).model(model)
    return fields.decisions()


def _with_header(body: bytes) -> bytes:
    total = _HEADER.size + len(body)
    length = next(_sevens(total + n) for n in range(1, 6) if len(_sevens(total + n)) == n)
    start = _HEADER.pack(STORED_MAGIC, _VERSION, 0)[:_CRC_AT]
    crc = zlib.crc32(length + body, zlib.crc32(start))
    return start + struct.pack("<I", crc) + length + body


def _sevens(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    groups = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([group | 128 for group in groups[:-1]] + groups[-1:])


def from_stored(data: bytes) -> CompactModel:
    """Inverse of `to_stored`, with every field checked.

    Raises
    ------
    CorruptModelError
        says what is wrong and what was expected.
    """
    fields = FieldReader(RangeDecoder(data[_checked_header(data) :]))
    model = _Reading(fields).model(BLANK_MODEL)
    fields.source.finish()
    check_shapes(model)
    return model


def _checked_header(data: bytes) -> int:
    """Where the body begins."""
    if len(data) <= _HEADER.size or data[:4] != STORED_MAGIC:
        raise CorruptModelError(
            f"not a stored model: {len(data)} bytes that begin with {data[:4]!r}, expected {STORED_MAGIC!r}"
        )
    _, version, crc = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise CorruptModelError(f"stored form {version}, this release reads {_VERSION}")
    length = _sevens(len(data))
    if data[_HEADER.size : _HEADER.size + len(length)] != length:
        raise CorruptModelError(f"{len(data)} bytes, its header says another length")
    found = zlib.crc32(data[_HEADER.size :], zlib.crc32(data[:_CRC_AT]))
    if crc != found:
        raise CorruptModelError(f"checksum {found:08x}, its header says {crc:08x}")
    return _HEADER.size + len(length)


def stored_byte_count(model: CompactModel) -> StoredByteCount:
    """Account for every byte of `to_stored`."""
    decisions = _decisions(model)
    bits = np.bincount(decisions.kinds, decisions.cost(), len(KINDS))
    codes, index, tables, scales, shapes, _ = (round(float(kind_bits) / 8) for kind_bits in bits)
    rest = len(_with_header(encode(decisions))) - (codes + index + tables + scales + shapes)
    return StoredByteCount(codes, index, tables, scales, shapes, rest)


def packed_sizes(model: CompactModel) -> dict[str, float]:
    """Bytes of all weights of a model by packer, were it the only one."""
    sizes = dict.fromkeys((packer.name for packer in PACKERS), 0.0)
    for grid, codes in grids_of(model):
        for packer in PACKERS:
            sizes[packer.name] += packer.pack(codes, grid).n_bits / 8
    return sizes
