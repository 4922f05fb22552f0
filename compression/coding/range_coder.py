"""Binary decisions as bytes, and back: a range coder of 32 bits.

The decoder holds a range and a value below it. A decision whose 1 has the probability ``p / 4096`` gives the lower
``(range >> 12) * p`` of the range to the 1 and the rest to the 0; whenever the range is below 2^24, both take up
another byte. At the end the coder leaves out up to four zero bytes, which the decoder adds again.

G. N. N. Martin, "Range encoding" (1979); the binary form with a carry follows common practice.
"""

from ...signals import CorruptModelError
from .decisions import EVEN, Decisions

__all__ = ["RangeDecoder", "encode"]

_TOP = 1 << 24
_WORD = (1 << 32) - 1
_LAST_BYTES = 4


def encode(decisions: Decisions) -> bytes:
    """The shortest bytes from which `RangeDecoder` gives these decisions."""
    out = bytearray()
    low, width = 0, _WORD
    for bit, one in zip(decisions.bits.tolist(), decisions.ones.tolist(), strict=True):
        bound = (width >> 12) * one
        if bit:
            width = bound
        else:
            low += bound
            width -= bound
        while width < _TOP:
            _emit(out, low)
            low = (low << 8) & _WORD
            width <<= 8
    return _finish(out, low, width)


def _emit(out: bytearray, low: int) -> None:
    """Append the highest byte of `low`; a carry goes into the bytes before it."""
    if low > _WORD:
        last = len(out) - 1
        while out[last] == 255:
            out[last] = 0
            last -= 1
        out[last] += 1
    out.append(low >> 24 & 255)


def _finish(out: bytearray, low: int, width: int) -> bytes:
    """Close with the value of the range that ends in the most zero bytes, without these."""
    steps = (1 << 8 * zeros for zeros in range(_LAST_BYTES, -1, -1))
    value = next(value for step in steps if (value := -(-low // step) * step) < low + width)
    for _ in range(_LAST_BYTES):
        _emit(out, value)
        value = value << 8 & _WORD
    n_zeros = next((n for n in range(_LAST_BYTES) if out[-1 - n]), _LAST_BYTES)
    return bytes(out[: len(out) - n_zeros])


class RangeDecoder:
    """Reads decisions from bytes.

    Parameters
    ----------
    data : what `encode` wrote
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._cursor, self._width = data, 0, _WORD
        self._value = 0
        for _ in range(_LAST_BYTES):
            self._take()

    def _take(self) -> None:
        byte = self._data[self._cursor] if self._cursor < len(self._data) else 0
        if self._cursor >= len(self._data) + _LAST_BYTES:
            raise CorruptModelError(f"packed stream: {len(self._data)} bytes, its decisions need more")
        self._value = (self._value << 8 | byte) & _WORD
        self._cursor += 1

    def bit(self, one: int) -> int:
        """The next decision, whose 1 has the probability ``one / 4096``.

        Raises
        ------
        CorruptModelError
            the bytes ended before.
        """
        bound = (self._width >> 12) * one
        decided = self._value < bound
        if decided:
            self._width = bound
        else:
            self._value -= bound
            self._width -= bound
        while self._width < _TOP:
            self._width <<= 8
            self._take()
        return int(decided)

    def field(self, width: int) -> int:
        """An unsigned field of plain bits, the highest first."""
        value = 0
        for _ in range(width):
            value = value << 1 | self.bit(EVEN)
        return value

    def finish(self) -> None:
        """Check that nothing is left; raises `CorruptModelError`."""
        if self._cursor < len(self._data):
            raise CorruptModelError(f"packed stream: {len(self._data)} bytes, its decisions end at {self._cursor}")
