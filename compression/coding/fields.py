"""Small numbers as adaptive binary decisions, written and read by the same walk over a model's parts.

A walk calls ``fields.number("taps", value)``: a `FieldWriter` writes the value and gives it back, a `FieldReader`
ignores it and gives back what it reads. So the order and the coding of all fields stand in one place.
"""

from abc import ABC, abstractmethod
from collections import defaultdict

import numpy as np

from ...signals import CorruptModelError
from .chance import log2, probability
from .decisions import EVEN, KINDS, Decisions, join
from .range_coder import RangeDecoder

__all__ = ["MAX_NUMBER_BITS", "FieldReader", "FieldWriter", "Fields"]

MAX_NUMBER_BITS = 22
_LAST_UNARY = 7
_MOST_SEEN = 255


class Fields(ABC):
    """A walk's view of what it writes or reads; every name has its own counts."""

    kind = KINDS.index("headers")

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])

    @abstractmethod
    def _decide(self, one: int, value: int) -> int: ...

    def bit(self, name: str, value: int = 0, node: int = 0) -> int:
        """A decision that is as likely as it was before under this name and node."""
        counts = self._counts[name, node]
        bit = self._decide(probability(log2(2 * counts[1] + 1) - log2(2 * counts[0] + 1)), value)
        counts[bit] += 1
        if sum(counts) == _MOST_SEEN:
            counts[:] = counts[0] >> 1, counts[1] >> 1
        return bit

    def plain(self, width: int, value: int = 0) -> int:
        """An unsigned field of plain bits."""
        found = 0
        for place in reversed(range(width)):
            found = found << 1 | self._decide(EVEN, value >> place & 1)
        return found

    def symbol(self, name: str, width: int, value: int = 0) -> int:
        """A symbol of `width` bits, each of which depends on those before it."""
        node = 1
        for place in reversed(range(width)):
            node = node << 1 | self.bit(name, value >> place & 1, node)
        return node - (1 << width)

    def unary(self, name: str, most: int, value: int = 0, node: int = 0) -> int:
        """A small number as 1s and a 0; raises `CorruptModelError` above `most`."""
        found = 0
        while self.bit(name, int(found < value), node * (_LAST_UNARY + 1) + min(found, _LAST_UNARY)):
            found += 1
            if found > most:
                raise CorruptModelError(f"packed stream: {name} above {most}")
        return found

    def number(self, name: str, value: int = 0) -> int:
        """A number of any size: the bits of ``value + 1`` behind the highest as 1s and a 0, then these bits.

        Raises
        ------
        CorruptModelError
            more than 22 bits.
        """
        width = self.unary(name, MAX_NUMBER_BITS, (value + 1).bit_length() - 1)
        return (1 << width | self.plain(width, (value + 1) & (1 << width) - 1)) - 1


class FieldWriter(Fields):
    """Collects decisions."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[Decisions] = []
        self._run: list[tuple[int, int, int]] = []

    def _decide(self, one: int, value: int) -> int:
        self._run.append((value, one, self.kind))
        return value

    def append(self, decisions: Decisions) -> None:
        """Add decisions that a packer made."""
        self._close()
        self._parts.append(decisions)

    def decisions(self) -> Decisions:
        """All of them."""
        self._close()
        return join(self._parts)

    def _close(self) -> None:
        columns = np.array(self._run, np.int64).reshape(-1, 3).T
        bits, ones, kinds = (column.astype(t) for column, t in zip(columns, "BHB", strict=True))
        self._parts.append(Decisions(bits, ones, kinds))
        self._run = []


class FieldReader(Fields):
    """Reads decisions.

    Parameters
    ----------
    source : the decoder, from which packers may read in between
    """

    def __init__(self, source: RangeDecoder) -> None:
        super().__init__()
        self.source = source

    def _decide(self, one: int, value: int) -> int:
        del value
        return self.source.bit(one)
