"""What a packer writes: a row of binary decisions, each with the probability that the decoder gives it.

A plain bit is a decision of probability one half. One range coder turns the decisions of a whole model into bytes
(see `range_coder`), so that no layer pays for a length, for padding or for the end of a code of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["CODES", "EVEN", "INDEX", "KINDS", "ONE", "TABLES", "Decisions", "join", "plain_fields"]

ONE = 4096
"""Probabilities are whole 4096ths, 1 to 4095."""

EVEN = ONE // 2

KINDS = ("codes", "index", "tables", "scales", "shapes", "headers")
"""What a decision is for; the number of a kind is its place here."""

CODES, INDEX, TABLES = range(3)


@dataclass(frozen=True)
class Decisions:
    """Decisions in the order in which they are decoded.

    Attributes
    ----------
    bits : uint8 (n,), 0 or 1
    ones : uint16 (n,), probability of a 1 in 4096ths, 1..4095
    kinds : uint8 (n,), what each is for, see `KINDS`
    """

    bits: np.ndarray
    ones: np.ndarray
    kinds: np.ndarray

    def cost(self) -> np.ndarray:
        """Bits that an ideal coder takes for each: float64 (n,)."""
        chance = np.where(self.bits, self.ones, ONE - self.ones.astype(np.int64))
        return -np.log2(chance / ONE)

    @property
    def n_bits(self) -> float:
        """Bits that an ideal coder takes for all."""
        return float(self.cost().sum())


def join(parts: Iterable[Decisions]) -> Decisions:
    """Decisions one after the other."""
    empty = Decisions(np.empty(0, np.uint8), np.empty(0, np.uint16), np.empty(0, np.uint8))
    rows = [empty, *parts]
    return Decisions(
        *(np.concatenate([getattr(part, name) for part in rows]) for name in ("bits", "ones", "kinds"))
    )


def plain_fields(values: Iterable[int], widths: Iterable[int], kinds: Iterable[int]) -> Decisions:
    """Unsigned fields as plain bits, the highest bit first; a field of width 0 takes none.

    Parameters
    ----------
    values : each below ``2 ** width``
    widths : 0..62
    """
    value, width, kind = (np.fromiter(column, np.int64) for column in (values, widths, kinds))
    starts = np.cumsum(width) - width
    place = np.repeat(width, width) - 1 - (np.arange(width.sum()) - np.repeat(starts, width))
    bits = (np.repeat(value, width) >> place & 1).astype(np.uint8)
    return Decisions(bits, np.full(len(bits), EVEN, np.uint16), np.repeat(kind, width).astype(np.uint8))
