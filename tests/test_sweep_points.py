"""Laws of a sweep's points: Pareto front, quality, choice, and the search for the sparsest network in a budget."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.compression.sweep_points import Limits, SweepPoint, Weights, choose, pareto_front, quality
from ictus.compression.sweep_search import next_above, rising, sparsest_within, widest_within
from ictus.signals import InputError

costs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30)
losses = st.dictionaries(st.integers(0, 99).map(lambda s: s / 100), st.floats(-2, 20), min_size=1, max_size=9)


def beats(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a <= b).all() and (a < b).any())


@given(costs)
def test_the_front_is_what_nothing_beats(rows: list[tuple[int, int]]) -> None:
    table = np.array(rows, np.float64)
    front = pareto_front(table)
    assert front.any()
    for row, is_on in zip(table, front, strict=True):
        assert is_on == (not any(beats(other, row) for other in table))
        assert is_on or any(beats(other, row) for other in table[front])


@given(costs)
def test_the_front_of_the_front_is_the_front(rows: list[tuple[int, int]]) -> None:
    table = np.array(rows, np.float64)
    assert pareto_front(table[pareto_front(table)]).all()


def test_a_point_with_an_unknown_cost_neither_wins_nor_beats() -> None:
    assert pareto_front(np.array([[1.0, np.nan], [2.0, 2.0]])).tolist() == [False, True]


@given(st.floats(0.01, 1), st.integers(1, 10**6), st.floats(1.01, 100))
def test_quality_grows_with_accuracy_and_falls_with_bytes(accuracy: float, n_bytes: int, factor: float) -> None:
    assert quality(accuracy, n_bytes * factor) < quality(accuracy, n_bytes)
    assert quality(accuracy / factor, n_bytes) < quality(accuracy, n_bytes)


def test_twice_the_bytes_cost_three_decibels_and_weights_change_that() -> None:
    assert quality(0.95, 1000) - quality(0.95, 2000) == pytest.approx(10 * math.log10(2))
    heavy = Weights.parse("bytes=1, accuracy=0")
    assert quality(0.95, 1000, weights=heavy) == pytest.approx(-60)
    assert math.isnan(quality(0.95, 1000, None, Weights(instructions=0.5)))


@pytest.mark.parametrize("text", ["size=1", "bytes=x", "bytes=-1", "bytes", "bytes=inf"])
def test_weights_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="weight"):
        Weights.parse(text)


@pytest.mark.parametrize("limit", [{"max_loss": -1.0}, {"max_loss": 101.0}, {"max_bytes": math.nan}])
def test_limits_that_nothing_can_keep_are_refused(limit: dict[str, float]) -> None:
    with pytest.raises(InputError, match="--max-"):
        Limits(**limit)


points = st.lists(
    st.builds(
        SweepPoint,
        key=st.uuids().map(str),
        name=st.just("p"),
        method=st.just("recipe"),
        settings=st.just({}),
        accuracy=st.floats(0.5, 1),
        macro_f1=st.just(0.5),
        loss_points=st.floats(-1, 10),
        bytes=st.integers(100, 20_000),
        energy_uj=st.none() | st.floats(0.1, 50),
        runs_on_device=st.booleans(),
    ),
    max_size=20,
)


@given(points, st.none() | st.floats(0, 5), st.none() | st.floats(0, 20_000), st.none() | st.floats(0, 50))
def test_what_is_chosen_keeps_every_limit_and_nothing_is_only_if_nothing_does(
    found: list[SweepPoint], loss: float | None, n_bytes: float | None, energy: float | None
) -> None:
    limits = Limits(n_bytes, loss, energy)
    allowed = [p for p in found if p.runs_on_device and limits.excess(p) == 0]
    chosen = choose(found, limits)
    assert (chosen is None) == (not allowed)
    if chosen is not None:
        assert chosen in allowed
        best = (
            min(p.bytes for p in allowed)
            if loss is not None
            else max(quality(p.accuracy, p.bytes) for p in allowed)
        )
        assert best == (chosen.bytes if loss is not None else quality(chosen.accuracy, chosen.bytes))


def test_an_unknown_energy_keeps_no_limit_on_energy() -> None:
    point = SweepPoint("k", "n", "recipe", {}, 0.9, 0.9, 0.0, 1000)
    assert choose([point], Limits(max_energy=1e6)) is None
    assert choose([replace(point, energy_uj=1.0)], Limits(max_energy=1e6)) is not None


@given(losses)
def test_smoothed_losses_rise_and_keep_their_mean(found: dict[float, float]) -> None:
    smooth = list(rising(found).values())
    assert smooth == sorted(smooth)
    assert sum(smooth) == pytest.approx(sum(found.values()), abs=1e-9)


@given(losses, st.floats(0, 5))
def test_the_sparsest_within_a_budget_keeps_it(found: dict[float, float], budget: float) -> None:
    sparsity = sparsest_within(found, budget)
    if sparsity is not None:
        assert found[sparsity] <= budget
    beyond = next_above(found, sparsity)
    assert beyond is None or sparsity is None or beyond > sparsity


@given(st.floats(0.05, 0.98), st.integers(1, 8))
def test_bisection_closes_in_on_where_a_rising_loss_breaks_the_budget(limit: float, n_trials: int) -> None:
    tried = widest_within(lambda s: 0.0 if s <= limit else 9.0, 1.0, 0.0, 0.985, n_trials)
    assert 1 <= len(tried) <= n_trials
    good, bad = [s for s in tried if s <= limit] or [0.0], [s for s in tried if s > limit] or [0.985]
    assert (1 - max(good)) / (1 - min(bad)) <= (1 / 0.015) ** (0.5 ** len(tried)) * 1.2
