"""Probabilities from counts in integers: the same in numpy, in Python and in C.

Logarithms are to the base 2 in 256ths. Between powers of two, ``log2(1 + f)`` is ``f + 0.344 f (1 - f)`` and
``2^f`` is ``1 + f - 0.344 f (1 - f)``, both within 0.015.

A decision's probability comes from how often it was a 1 before: in the whole layer, and in smaller contexts such
as its row. A context counts as much as it has seen: eight decisions of the layer's mean are added to its own. The
contexts move the layer's log-odds by a weighted sum of what each would move it alone.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np

from .decisions import ONE

__all__ = ["combined", "combined_of", "log2", "log2_of", "probability", "probability_of"]

T = TypeVar("T", int, np.ndarray)
Counts: TypeAlias = Sequence[T]
"""How many decisions were 0, and how many 1."""

_FRACTION = 8
_UNIT = 1 << _FRACTION
_BEND = 88
_MAX_LOG_ODDS = 12 * _UNIT - 1
"""Keeps probabilities at 1 to 4095 parts of 4096."""

_MEAN_SHIFT = 9
"""A context's counts are taken 512 times against the 4096 parts of the layer's mean: eight decisions of it."""


def log2(value: int) -> int:
    """Logarithm in 256ths of a whole number 1 to 2^32 - 1."""
    return _log2(value, value.bit_length() - 1)


def log2_of(values: np.ndarray) -> np.ndarray:
    """`log2` of each of int64 values."""
    return _log2(values, np.frexp(values.astype(np.float64))[1].astype(np.int64) - 1)


def _log2(value: T, exponent: T) -> T:
    f = (value << _FRACTION >> exponent) - _UNIT
    return (exponent << _FRACTION) + f + (f * (_UNIT - f) * _BEND >> 16)


def probability(log_odds: int) -> int:
    """Probability of a 1 in 4096ths, 1 to 4095, of log-odds in 256ths."""
    smaller = _smaller(min(abs(log_odds), _MAX_LOG_ODDS))
    return ONE - smaller if log_odds > 0 else smaller


def probability_of(log_odds: np.ndarray) -> np.ndarray:
    """`probability` of each of int64 log-odds."""
    smaller = _smaller(np.minimum(np.abs(log_odds), _MAX_LOG_ODDS))
    return np.where(log_odds > 0, ONE - smaller, smaller)


def _smaller(size: T) -> T:
    """Probability of the less likely side."""
    f = size & _UNIT - 1
    odds = _UNIT + f - (f * (_UNIT - f) * _BEND >> 16) << (size >> _FRACTION)
    return (ONE << _FRACTION) // (_UNIT + odds)


def combined(layer: Counts[int], contexts: Sequence[Counts[int]], weights: Sequence[int], strength: int) -> int:
    """Probability of a 1 in 4096ths from earlier decisions.

    Parameters
    ----------
    layer : how many decisions of the layer were 0 and how many 1
    contexts : the same of each context
    weights : of the contexts, in eighths
    strength : of all contexts, in halves
    """
    alone = log2(2 * layer[1] + 1) - log2(2 * layer[0] + 1)
    mean = probability(alone)
    pull = 0
    for (zeros, ones), weight in zip(contexts, weights, strict=True):
        own = log2((ones << _MEAN_SHIFT) + mean) - log2((zeros << _MEAN_SHIFT) + ONE - mean)
        pull += weight * (own - alone)
    return probability(alone + (pull * strength >> 4))


def combined_of(
    layer: Counts[np.ndarray], contexts: Sequence[Counts[np.ndarray]], weights: Sequence[int]
) -> Callable[[int], np.ndarray]:
    """`combined` of many decisions at once, as a function of the strength; int64 counts (n,)."""
    alone = log2_of(2 * layer[1] + 1) - log2_of(2 * layer[0] + 1)
    mean = probability_of(alone)
    pull = np.zeros_like(alone)
    for (zeros, ones), weight in zip(contexts, weights, strict=True):
        own = log2_of((ones << _MEAN_SHIFT) + mean) - log2_of((zeros << _MEAN_SHIFT) + ONE - mean)
        pull += weight * (own - alone)
    return lambda strength: probability_of(alone + (pull * strength >> 4))
