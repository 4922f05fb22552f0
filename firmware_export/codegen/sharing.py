"""Sums of two inputs that several channels of a tile take in the same proportion: each is added up once.

A weight costs one addition. Two channels that take ``2 a - 8 b`` and ``-a + 4 b`` share ``a - 4 b``: three
additions in the place of four, and as much less flash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from .program import Add, Use

__all__ = ["Sum", "gather", "share"]

_HALF_MAX = 0xFFFF
_MOST = 127
_MOST_GATHERED = 160
"""Inputs of which every two are compared; more are taken in their order."""

_Proportion = tuple[int, bool]
"""How much further the second input is shifted than the first, below 0 if less; whether their signs differ."""


@dataclass(frozen=True)
class Sum:
    """``a + (b << shift)`` or ``a - (b << shift)`` of two inputs of a group.

    Attributes
    ----------
    a, b : places of the inputs in the group
    shift : of `b`
    is_difference : `b` is subtracted
    adds : which accumulators take the sum; exponents may be negative, and are then shifts to the right
    """

    a: int
    b: int
    shift: int
    is_difference: bool
    adds: tuple[Add, ...]


def share(uses: Sequence[Use]) -> tuple[list[Sum], list[tuple[Add, ...]]]:
    """What a group of inputs shares, by the additions that it saves, and which weights of each are left.

    Parameters
    ----------
    uses : of inputs that are in registers at the same time, whole words or bytes
    """
    left = [{add.accumulator: add for add in use.adds} for use in uses]
    sums: list[Sum] = []
    while found := max(_shared(uses, left), key=lambda shared: len(shared[2]), default=None):
        (first, second), (shift, is_difference), accumulators = found
        a, b = (first, second) if shift >= 0 else (second, first)
        adds = tuple(_relative(left[a][k], uses[a].operand.shift) for k in accumulators)
        sums.append(Sum(a, b, abs(shift), is_difference, adds))
        for k in accumulators:
            del left[a][k], left[b][k]
    return sums, [tuple(weights.values()) for weights in left]


def gather(uses: Sequence[Use], size: int) -> Iterator[list[Use]]:
    """Groups of at most `size` inputs, those together that share the most."""
    if len(uses) > _MOST_GATHERED:
        yield from (list(uses[start : start + size]) for start in range(0, len(uses), size))
        return
    left = [{add.accumulator: add for add in use.adds} for use in uses]
    saved = {pair: _saved(uses, left, pair) for pair in combinations(range(len(uses)), 2)}
    free = list(range(len(uses)))

    def gain(group: Sequence[int], k: int) -> int:
        return sum(saved[min(j, k), max(j, k)] for j in group)

    while free:
        pairs = combinations(free, 2)
        group = list(max(pairs, key=lambda pair: saved[pair], default=(free[0],)))[:size]
        while len(group) < size and len(group) < len(free):
            group.append(max((k for k in free if k not in group), key=lambda k: gain(group, k)))
        free = [k for k in free if k not in group]
        yield [uses[k] for k in sorted(group)]


def _saved(uses: Sequence[Use], left: Sequence[dict[int, Add]], pair: tuple[int, int]) -> int:
    return sum(len(found[2]) - 1 for found in _of_pair(uses, left, *pair))


def _shared(
    uses: Sequence[Use], left: Sequence[dict[int, Add]]
) -> Iterator[tuple[tuple[int, int], _Proportion, list[int]]]:
    """Two inputs, a proportion, and the accumulators that take them in it, two or more."""
    for first, second in combinations(range(len(uses)), 2):
        yield from _of_pair(uses, left, first, second)


def _of_pair(
    uses: Sequence[Use], left: Sequence[dict[int, Add]], first: int, second: int
) -> Iterator[tuple[tuple[int, int], _Proportion, list[int]]]:
    proportions: dict[_Proportion, list[int]] = {}
    one, other = left[first], left[second]
    shift_one, shift_other = uses[first].operand.shift, uses[second].operand.shift
    for k in one.keys() & other.keys():
        a, b = one[k], other[k]
        further = (b.exponent - shift_other) - (a.exponent - shift_one)
        is_difference = a.is_negative != b.is_negative
        least = min(a.exponent - shift_one, b.exponent - shift_other)
        if least >= 0 or (not is_difference and _fits(uses[first], uses[second], further)):
            proportions.setdefault((further, is_difference), []).append(k)
    for proportion, accumulators in proportions.items():
        if len(accumulators) > 1:
            yield (first, second), proportion, sorted(accumulators)


def _fits(one: Use, other: Use, further: int) -> bool:
    """Whether a sum that is shifted to the right stays within its half of a word.

    Both are stored shifted and are not negative, so that nothing is lost below.
    """
    a, b = _MOST << one.operand.shift + max(-further, 0), _MOST << other.operand.shift + max(further, 0)
    return a + b <= _HALF_MAX


def _relative(add: Add, shift: int) -> Add:
    return Add(add.accumulator, add.exponent - shift, add.is_negative)
