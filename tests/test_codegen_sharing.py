"""Sums that channels share: the same accumulators, whatever is taken together."""

import numpy as np
import pytest
from ictus.firmware_export.codegen.formats import Operand
from ictus.firmware_export.codegen.program import Add, Use
from ictus.firmware_export.codegen.sharing import Sum, gather, share

N_CHANNELS = 6
WORD = 2**32


def random_uses(rng: np.random.Generator, n: int, shifts: tuple[int, ...]) -> list[Use]:
    """Inputs of a dense tile, stored at any of these shifts."""
    uses = []
    for index in range(n):
        taken = np.flatnonzero(rng.random(N_CHANNELS) < 0.8).tolist()
        adds = tuple(Add(k, int(rng.integers(0, 4)), bool(rng.random() < 0.5)) for k in taken)
        uses.append(Use(Operand(index, is_word=True, shift=int(rng.choice(shifts))), adds))
    return uses


def shifted(word: int, exponent: int) -> int:
    """What an addition with a shifted operand takes."""
    return (word << exponent if exponent >= 0 else word >> -exponent) % WORD


def plain(uses: list[Use], words: list[int]) -> list[int]:
    """Accumulators, weight by weight."""
    sums = [0] * N_CHANNELS
    for use, word in zip(uses, words, strict=True):
        for add in use.adds:
            value = shifted(word, add.exponent - use.operand.shift)
            sums[add.accumulator] += -value if add.is_negative else value
    return [value % WORD for value in sums]


def with_sums(uses: list[Use], words: list[int]) -> tuple[list[int], list[Sum]]:
    """Accumulators by what `share` found, and that."""
    found, left = share(uses)
    sums = plain([Use(use.operand, adds) for use, adds in zip(uses, left, strict=True)], words)
    for one in found:
        b = shifted(words[one.b], one.shift)
        word = (words[one.a] - b if one.is_difference else words[one.a] + b) % WORD
        for add in one.adds:
            sums[add.accumulator] += (-1 if add.is_negative else 1) * shifted(word, add.exponent)
    return [value % WORD for value in sums], found


@pytest.mark.parametrize("seed", range(20))
def test_signed_pairs_at_their_own_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    uses = random_uses(rng, 5, (0,))
    words = [int(low) + int(high) * 2**16 for low, high in rng.integers(-128, 128, (5, 2))]
    shared, found = with_sums(uses, [word % WORD for word in words])
    assert shared == plain(uses, [word % WORD for word in words])
    assert all(len(one.adds) >= 2 for one in found)


@pytest.mark.parametrize("seed", range(20))
def test_pairs_that_are_stored_shifted(seed: int) -> None:
    """A shift to the right is exact only without a sign, and where nothing is carried into the upper half."""
    rng = np.random.default_rng(seed)
    uses = random_uses(rng, 5, (0, 3, 4, 8))
    halves = rng.integers(0, 128, (5, 2))
    halves[rng.random((5, 2)) < 0.3] = 127
    words = [
        int(low) << use.operand.shift | int(high) << use.operand.shift + 16
        for use, (low, high) in zip(uses, halves, strict=True)
    ]
    shared, _ = with_sums(uses, words)
    assert shared == plain(uses, words)


def test_what_is_shared_takes_fewer_additions() -> None:
    rng = np.random.default_rng(0)
    uses = random_uses(rng, 22, (0,))
    n_before, n_after = sum(len(use.adds) for use in uses), 0
    groups = list(gather(uses, 3))
    for group in groups:
        found, left = share(group)
        n_after += sum(1 + len(one.adds) for one in found) + sum(map(len, left))
    assert n_after < 0.95 * n_before
    assert sorted(use.operand.index for group in groups for use in group) == list(range(22))
    assert max(map(len, groups)) <= 3


def test_many_inputs_are_taken_in_their_order() -> None:
    uses = random_uses(np.random.default_rng(0), 400, (0,))
    assert [use for group in gather(uses, 3) for use in group] == uses
