"""WFDB annotation files, written and read mark by mark.

Source of the layout: WFDB Applications Guide, "annot(5)", MIT format: a 16-bit word holds a code in its upper 6
bits and the samples since the mark before in its lower 10; codes from 59 on are no marks but belong to one.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["Mark", "decode_annotations", "encode_annotations"]

_CODES = {
    "N": 1, "L": 2, "R": 3, "a": 4, "V": 5, "F": 6, "J": 7, "A": 8, "S": 9, "E": 10, "j": 11, "/": 12, "Q": 13,
    "~": 14, "|": 16, "s": 18, "T": 19, "*": 20, "D": 21, '"': 22, "=": 23, "p": 24, "B": 25, "^": 26, "t": 27,
    "+": 28, "u": 29, "?": 30, "!": 31, "[": 32, "]": 33, "e": 34, "n": 35, "@": 36, "x": 37, "f": 38, "(": 39,
    ")": 40, "r": 41,
}  # fmt: skip
_SYMBOLS = {code: symbol for symbol, code in _CODES.items()}
_SKIP, _SUB, _AUX = 59, 61, 63
_FARTHEST = 1 << 10
_FS_TEXT = "## time resolution: {}"
_NOTE = 22


class Mark(NamedTuple):
    """One annotation: `sample` at the rate of the recording, a WFDB `symbol`, `subtype` -128..127, `text`."""

    sample: int
    symbol: str
    subtype: int = 0
    text: str = ""


def encode_annotations(marks: Iterable[Mark], fs_hz: float) -> Iterator[bytes]:
    """Bytes of an annotation file, a piece for each mark.

    Parameters
    ----------
    marks : in the order of time
    fs_hz : sampling rate, which the file states in its first mark

    Raises
    ------
    ValueError
        A mark lies before the one before it, or its symbol is not known.
    """
    yield _word(_NOTE, 0) + _aux(_FS_TEXT.format(_number(fs_hz)))
    last = 0
    for mark in marks:
        if mark.symbol not in _CODES or mark.sample < last:
            raise ValueError(
                f"mark {mark.symbol!r} at sample {mark.sample}, after one at {last}, cannot be written"
            )
        data = _interval(_CODES[mark.symbol], mark.sample - last)
        if mark.subtype != 0:
            data += _word(_SUB, mark.subtype & 0xFF)
        yield data + _aux(mark.text) if mark.text else data
        last = mark.sample
    yield b"\0\0"


def decode_annotations(data: bytes) -> Iterator[Mark]:
    """Marks of a file that is in memory, in the order in which they stand; marks of other codes are left out.

    Raises
    ------
    ValueError
        The two zero bytes at the end are missing.
    """
    sample, position, pending = 0, 0, None
    while True:
        code, value, position = *divmod(_word_at(data, position), _FARTHEST), position + 2
        if code == _AUX and pending is not None:
            pending = pending._replace(text=data[position : position + value].decode("latin-1"))
        position += value + value % 2 if code == _AUX else 0
        if code == _SUB and pending is not None:
            pending = pending._replace(subtype=(value & 0xFF ^ 0x80) - 0x80)
        if code == _SKIP:
            sample, position = sample + _skip_at(data, position), position + 4
        if code >= _SKIP:
            continue
        if pending is not None and pending.symbol:
            yield pending
        if code == value == 0:
            return
        sample += value
        pending = Mark(sample, _SYMBOLS.get(code, ""))


def _word_at(data: bytes, position: int) -> int:
    if position + 2 > len(data):
        raise ValueError("the two zero bytes at the end are missing")
    return int.from_bytes(data[position : position + 2], "little")


def _skip_at(data: bytes, position: int) -> int:
    """Signed 32 bits, the upper half first."""
    both = _word_at(data, position) << 16 | _word_at(data, position + 2)
    return both - (1 << 32) if both >> 31 else both


def _interval(code: int, samples: int) -> bytes:
    if samples < _FARTHEST:
        return _word(code, samples)
    return _word(_SKIP, 0) + struct.pack("<HH", samples >> 16, samples & 0xFFFF) + _word(code, 0)


def _word(code: int, value: int) -> bytes:
    return struct.pack("<H", code << 10 | value)


def _aux(text: str) -> bytes:
    data = text.encode("ascii", "replace")[:255]
    return _word(_AUX, len(data)) + data + b"\0" * (len(data) % 2)


def _number(fs_hz: float) -> str:
    return str(int(fs_hz)) if fs_hz == int(fs_hz) else str(fs_hz)
