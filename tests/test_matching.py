"""One-to-one matching of detected and reference beats (EC57)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from ictus.signals.matching import MATCH_TOLERANCE, match_peaks

beats = st.lists(st.integers(0, 2000), unique=True, max_size=60).map(lambda v: np.array(sorted(v), np.int64))


def _match(reference: list[int], detected: list[int]) -> list[tuple[int, int]]:
    first, second = match_peaks(np.array(reference, np.int64), np.array(detected, np.int64))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def test_the_tolerance_is_150_ms() -> None:
    assert MATCH_TOLERANCE == 19
    assert _match([100], [119]) == [(0, 0)]
    assert _match([100], [120]) == []


def test_a_second_detection_of_a_beat_is_a_false_alarm() -> None:
    assert _match([100], [95, 102]) == [(0, 1)]


def test_a_detection_serves_one_beat_only() -> None:
    assert _match([100, 110], [104]) == [(0, 0)]


def test_a_beat_whose_nearest_detection_is_taken_gets_the_next() -> None:
    assert _match([100, 108], [101, 125]) == [(0, 0), (1, 1)]


def test_pairs_do_not_cross() -> None:
    assert _match([100, 108], [90, 101]) == [(0, 0), (1, 1)]


def test_nothing_matches_nothing() -> None:
    assert _match([], []) == _match([5], []) == _match([], [5]) == []


@given(beats, beats, st.integers(0, 40))
def test_pairs_are_one_to_one_within_the_tolerance_and_none_is_left_over(
    reference: np.ndarray, detected: np.ndarray, tolerance: int
) -> None:
    first, second = match_peaks(reference, detected, tolerance)
    assert len(set(first.tolist())) == len(set(second.tolist())) == len(first) == len(second)
    assert (np.diff(first) > 0).all()
    assert (np.diff(second) > 0).all()
    assert (np.abs(reference[first] - detected[second]) <= tolerance).all()
    left_reference, left_detected = np.delete(reference, first), np.delete(detected, second)
    assert (np.abs(left_reference[:, None] - left_detected) > tolerance).all()


@given(beats)
def test_a_perfect_detector_is_perfect(reference: np.ndarray) -> None:
    first, second = match_peaks(reference, reference)
    assert np.array_equal(first, np.arange(len(reference)))
    assert np.array_equal(second, first)
