"""The device filters: vectorised form against the definition, sample by sample."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ictus.signals.filters import BASELINE_DELAY, remove_baseline, smooth

any_counts = arrays(np.int16, st.integers(0, 300), elements=st.integers(-32768, 32767))


def _smooth_by_sample(x: list[int]) -> list[int]:
    x1 = x2 = x[0]
    out = []
    for value in x:
        out.append((value + 2 * x1 + x2 + 2) >> 2)
        x1, x2 = value, x1
    return out


def _remove_baseline_by_sample(x: list[int]) -> list[int]:
    ring = [x[0]] * 128
    out = []
    for s in _smooth_by_sample([*x, *[x[-1]] * BASELINE_DELAY]):
        ring = [*ring[1:], s]
        out.append(max(-32768, min(32767, ring[-65] - ((sum(ring) + 64) >> 7))))
    return out[BASELINE_DELAY:]


@given(any_counts)
def test_smooth_is_its_definition(x: np.ndarray) -> None:
    expected = _smooth_by_sample(x.tolist()) if len(x) else []
    assert smooth(x).dtype == np.int16
    assert smooth(x).tolist() == expected


@given(any_counts)
def test_baseline_removal_is_its_definition_over_the_whole_range_of_int16(x: np.ndarray) -> None:
    expected = _remove_baseline_by_sample(x.tolist()) if len(x) else []
    assert remove_baseline(x).dtype == np.int16
    assert remove_baseline(x).tolist() == expected


def test_baseline_removal_is_delay_compensated_and_keeps_an_impulse_in_its_place() -> None:
    x = np.zeros(600, np.int16)
    x[300] = 4000
    assert np.argmax(remove_baseline(x)) == 300


@given(st.integers(-32768, 32767), st.integers(1, 400))
def test_a_constant_becomes_zero_from_the_first_sample(level: int, n: int) -> None:
    assert not remove_baseline(np.full(n, level, np.int16)).any()


def test_a_jump_from_rail_to_rail_saturates_instead_of_wrapping() -> None:
    x = np.full(600, -32768, np.int16)
    x[300:308] = 32767
    assert (remove_baseline(x)[302:306] == 32767).all()
    assert (remove_baseline(-1 - x)[302:306] == -32768).all()


def test_mains_at_half_the_sampling_rate_is_removed() -> None:
    x = (2000 * (-1) ** np.arange(600)).astype(np.int16)
    assert np.abs(remove_baseline(x)[200:400]).max() <= 1
