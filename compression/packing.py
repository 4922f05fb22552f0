"""Sparse codes as a byte stream that a microcontroller can walk without tables.

Each byte holds ``gap << c | code``, where c is 3 bits for up to 4 exponents (narrow) and 4 bits for 8 (wide); with
``E`` the largest gap, 31 or 15:

    gap below E           skip `gap` pruned weights, then one weight: the code's highest bit is its sign, the rest
                          its exponent
    gap E, code above 0   skip ``E * code`` pruned weights
    gap E, code 0         end of the output channel

Channels follow one another. Relative indexing goes back to EIE (Han et al., ISCA 2016).
"""

import numpy as np

from ..signals import CorruptModelError, InputError
from .compact import N_EXPONENTS

__all__ = ["MAX_STREAM_BYTES", "WIDE_EXPONENTS", "device_exponents", "pack_codes", "unpack_codes"]

WIDE_EXPONENTS = 8
"""Exponents of a layer whose stream is wide; a narrow one has room for `N_EXPONENTS`."""

MAX_STREAM_BYTES = 65535


def device_exponents(n_exponents: int) -> int:
    """Exponents that the stream of a layer has room for.

    Raises
    ------
    InputError
        no device runs so many.
    """
    if n_exponents > WIDE_EXPONENTS:
        raise InputError(f"a layer with {n_exponents} exponents: the device runs at most {WIDE_EXPONENTS}")
    return WIDE_EXPONENTS if n_exponents > N_EXPONENTS else N_EXPONENTS


def pack_codes(codes: np.ndarray, n_exponents: int = N_EXPONENTS) -> bytes:
    """Stream of uint8 codes (out_channels, taps), 0 to ``2 * n_exponents``.

    Raises
    ------
    InputError
        more exponents, or a longer stream, than the device runs.
    """
    room = device_exponents(n_exponents)
    values = np.maximum(codes.astype(np.int64) - 1, 0)
    fields = values // n_exponents * room + values % n_exponents
    stream = b"".join(_pack_channel(row > 0, field, room) for row, field in zip(codes, fields, strict=True))
    if len(stream) > MAX_STREAM_BYTES:
        raise InputError(
            f"a layer with a stream of {len(stream)} bytes: the device runs at most {MAX_STREAM_BYTES}"
        )
    return stream


def _escape(room: int) -> tuple[int, int]:
    """The largest gap, and the bits of a code."""
    code_bits = room.bit_length()
    return (1 << 8 - code_bits) - 1, code_bits


def _pack_channel(survives: np.ndarray, fields: np.ndarray, room: int) -> bytes:
    escape, code_bits = _escape(room)
    out = bytearray()
    position = 0
    for index in np.flatnonzero(survives).tolist():
        n_escapes, gap = divmod(index - position, escape)
        out += _skip(n_escapes, escape, code_bits)
        out.append(gap << code_bits | int(fields[index]))
        position = index + 1
    out.append(escape << code_bits)
    return bytes(out)


def _skip(n_escapes: int, escape: int, code_bits: int) -> bytes:
    end, most = escape << code_bits, (1 << code_bits) - 1
    full, rest = divmod(n_escapes, most)
    return bytes([end | most] * full + ([end | rest] if rest else []))


def unpack_codes(stream: bytes, out_channels: int, taps: int, n_exponents: int = N_EXPONENTS) -> np.ndarray:
    """Codes uint8 (out_channels, taps) of a stream; inverse of `pack_codes` for 4 exponents and for 8.

    Raises
    ------
    CorruptModelError
        if an index leaves its channel, or the stream is too short or too long.
    """
    codes = np.zeros((out_channels, taps), np.uint8)
    cursor = 0
    for channel in range(out_channels):
        cursor = _unpack_channel(stream, cursor, codes[channel], _escape(n_exponents))
    if cursor != len(stream):
        raise CorruptModelError(f"weight stream: {len(stream)} bytes, its {out_channels} channels end at {cursor}")
    return codes


def _unpack_channel(stream: bytes, cursor: int, row: np.ndarray, form: tuple[int, int]) -> int:
    escape, code_bits = form
    position = 0
    while cursor < len(stream):
        byte, cursor = stream[cursor], cursor + 1
        gap, code = byte >> code_bits, byte & (1 << code_bits) - 1
        if gap == escape and code == 0:
            return cursor
        position += escape * code if gap == escape else gap
        if position + (gap < escape) > len(row):
            raise CorruptModelError(f"weight stream: index {position} in a channel of {len(row)} weights")
        if gap < escape:
            row[position] = code + 1
            position += 1
    raise CorruptModelError("weight stream: ends inside a channel")
