"""Sparse codes as a byte stream that a microcontroller can walk without tables.

Each byte holds ``gap << 3 | code``:

    gap 0..30           skip `gap` pruned weights, then one weight with this code (sign, two bits of exponent)
    gap 31, code 1..7   skip ``31 * code`` pruned weights
    gap 31, code 0      end of the output channel

Channels follow one another. Relative indexing goes back to EIE (Han et al., ISCA 2016).
"""

import numpy as np

from ..signals import CorruptModelError

__all__ = ["pack_codes", "unpack_codes"]

_ESCAPE = 31
_END = _ESCAPE << 3


def pack_codes(codes: np.ndarray) -> bytes:
    """Stream of uint8 codes (out_channels, taps)."""
    return b"".join(_pack_channel(row) for row in codes)


def _pack_channel(row: np.ndarray) -> bytes:
    out = bytearray()
    position = 0
    for index in np.flatnonzero(row):
        gap = int(index) - position
        out += _skip(gap // _ESCAPE)
        out.append(gap % _ESCAPE << 3 | int(row[index]) - 1)
        position = int(index) + 1
    out.append(_END)
    return bytes(out)


def _skip(n_escapes: int) -> bytes:
    full, rest = divmod(n_escapes, 7)
    return bytes([_END | 7] * full + ([_END | rest] if rest else []))


def unpack_codes(stream: bytes, out_channels: int, taps: int) -> np.ndarray:
    """Codes uint8 (out_channels, taps) of a stream; inverse of `pack_codes`.

    Raises
    ------
    CorruptModelError
        if an index leaves its channel, or the stream is too short or too long.
    """
    codes = np.zeros((out_channels, taps), np.uint8)
    cursor = 0
    for channel in range(out_channels):
        cursor = _unpack_channel(stream, cursor, codes[channel])
    if cursor != len(stream):
        raise CorruptModelError(f"weight stream: {len(stream)} bytes, its {out_channels} channels end at {cursor}")
    return codes


def _unpack_channel(stream: bytes, cursor: int, row: np.ndarray) -> int:
    position = 0
    while cursor < len(stream):
        byte, cursor = stream[cursor], cursor + 1
        gap, code = byte >> 3, byte & 7
        if byte == _END:
            return cursor
        position += _ESCAPE * code if gap == _ESCAPE else gap
        if position + (gap < _ESCAPE) > len(row):
            raise CorruptModelError(f"weight stream: index {position} in a channel of {len(row)} weights")
        if gap < _ESCAPE:
            row[position] = code + 1
            position += 1
    raise CorruptModelError("weight stream: ends inside a channel")
