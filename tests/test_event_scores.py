"""Seizure events against the field's own scorer, and the laws behind it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.models.event_scores import (
    SZCORE,
    EventRules,
    EventScore,
    bootstrap_events,
    false_alarm_interval,
    score_events,
    score_samples,
    sum_scores,
)
from timescoring.annotations import Annotation
from timescoring.scoring import EventScoring, SampleScoring

Times = list[tuple[float, float]]


def random_events(rng: np.random.Generator, duration_s: float) -> Times:
    """Events in time order that do not overlap but may touch, on one of several time grids, few or many."""
    n = int(rng.integers(0, 2 ** rng.integers(1, 5)))
    step_s = float(rng.choice([1.0, 0.1, 0.05, 1 / 256]))
    edges = np.sort(rng.integers(0, round(duration_s / step_s) + 1, 2 * n)) * step_s
    return [(float(a), float(b)) for a, b in edges.reshape(-1, 2)]


def random_rules(rng: np.random.Generator) -> EventRules:
    if rng.random() < 0.5:
        return SZCORE
    before, after, gap = (float(x) for x in rng.integers(0, 100, 3))
    return EventRules(before, after, float(rng.choice([0.0, 0.1, 0.5])), float(rng.integers(1, 400)), gap)


def figures(score: EventScore) -> tuple[float, ...]:
    return score.sensitivity, score.precision, score.f1, score.false_alarms_per_day


def package_figures(found: EventScoring | SampleScoring) -> tuple[float, ...]:
    return found.sensitivity, found.precision, found.f1, found.fpRate


def annotations(reference: Times, said: Times, duration_s: float) -> tuple[Annotation, Annotation]:
    return Annotation(reference, 2, round(duration_s * 2)), Annotation(said, 2, round(duration_s * 2))


def package_events(reference: Times, said: Times, duration_s: float, rules: EventRules) -> EventScoring:
    truth, decision = annotations(reference, said, duration_s)
    parameters = EventScoring.Parameters(
        rules.tolerance_before_s, rules.tolerance_after_s, rules.min_overlap, rules.max_event_s, rules.min_gap_s
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return EventScoring(truth, decision, parameters)


def test_a_thousand_random_event_lists_score_exactly_as_timescoring() -> None:
    rng = np.random.default_rng(0)
    n_undefined = 0
    for _ in range(1000):
        duration_s = float(rng.choice([60, 600, 1800.5, 3600]))
        reference, said = random_events(rng, duration_s), random_events(rng, duration_s)
        rules = random_rules(rng)
        ours, theirs = (
            score_events(reference, said, duration_s, rules),
            package_events(reference, said, duration_s, rules),
        )
        assert (ours.n, ours.n_detected, ours.n_false) == (theirs.refTrue, theirs.tp, theirs.fp)
        np.testing.assert_array_equal(figures(ours), package_figures(theirs))
        samples = SampleScoring(*annotations(reference, said, duration_s))
        ours = score_samples(reference, said, duration_s)
        assert (ours.n, ours.n_detected, ours.n_false) == (samples.refTrue, samples.tp, samples.fp)
        np.testing.assert_array_equal(figures(ours), package_figures(samples))
        n_undefined += math.isnan(ours.f1)
    assert n_undefined > 5  # lists without any event were among them


def test_an_event_within_another_one_shortens_it_in_the_package_and_not_here() -> None:
    nested, united = [(100.0, 200.0), (110.0, 120.0)], [(100.0, 200.0)]
    late = [(290.0, 300.0)]
    assert package_events(nested, late, 600, SZCORE).tp == 0
    assert package_events(united, late, 600, SZCORE).tp == 0
    just_after = [(230.0, 240.0)]
    assert package_events(nested, just_after, 600, SZCORE).tp == 0
    assert package_events(united, just_after, 600, SZCORE).tp == 1
    assert score_events(nested, just_after, 600) == score_events(united, just_after, 600)
    assert score_events(nested, just_after, 600).n_detected == 1


@pytest.mark.parametrize(
    ("said", "is_detected"),
    [((69.0, 69.9), False), ((69.0, 70.2), True), ((199.9, 220.0), True), ((200.1, 220.0), False)],
)
def test_tolerance_is_30_s_before_and_60_s_after(said: tuple[float, float], is_detected: bool) -> None:
    found = score_events([(100.0, 140.0)], [said], 600)
    assert (found.n_detected, found.n_false) == (int(is_detected), int(not is_detected))


def test_close_events_are_one_and_long_ones_several() -> None:
    assert score_events([(0.0, 10.0), (99.0, 110.0)], [], 3600).n == 1
    assert score_events([(0.0, 10.0), (100.0, 110.0)], [], 3600).n == 2
    assert score_events([(0.0, 650.0)], [], 3600).n == 3


def test_latency_counts_from_the_seizure_to_the_time_of_the_alarm() -> None:
    seizure = [(100.0, 140.0)]
    assert score_events(seizure, [(104.0, 130.0)], 600, alarm_s=[106.0]).latency_s == (6.0,)
    assert score_events(seizure, [(90.0, 130.0)], 600).latency_s == (0.0,)
    assert score_events(seizure, [(104.0, 106.0), (102.0, 103.0)], 600).latency_s == (2.0,)
    with pytest.raises(ValueError, match="2 alarm times for 1 events"):
        score_events(seizure, [(104.0, 130.0)], 600, alarm_s=[1.0, 2.0])


times = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 500)), max_size=6).map(
    lambda rows: [(float(a), float(min(a + d, 3600))) for a, d in rows]
)


@given(reference=times, said=times)
def test_counts_stay_within_what_there_is(reference: Times, said: Times) -> None:
    found = score_events(reference, said, 3600)
    assert 0 <= found.n_detected <= found.n
    assert len(found.latency_s) == found.n_detected
    assert score_events(reference, reference, 3600).n_false == 0
    assert score_events(reference, reference, 3600).n_detected == found.n
    assert score_events(reference, said[::-1], 3600) == found


def test_scores_add_up_over_recordings() -> None:
    day = 86400.0
    total = sum_scores([EventScore(2, 1, 3, day, (4.0,)), EventScore(2, 2, 1, day, (1.0, 9.0))])
    assert total == EventScore(4, 3, 4, 2 * day, (4.0, 1.0, 9.0))
    assert (total.sensitivity, total.false_alarms_per_day, total.f1) == (0.75, 2.0, 6 / 11)


def test_intervals_hold_the_figure_and_say_what_no_alarm_proves() -> None:
    by_subject = {
        "a": EventScore(4, 4, 1, 86400),
        "b": EventScore(4, 2, 0, 86400),
        "c": EventScore(2, 1, 5, 86400),
    }
    low, high = bootstrap_events(by_subject)["sensitivity"]
    assert low <= sum_scores(list(by_subject.values())).sensitivity <= high
    assert false_alarm_interval(0, 86400) == pytest.approx([0, 3.689], abs=1e-3)
    assert false_alarm_interval(4, 2 * 86400) == pytest.approx([0.545, 5.121], abs=1e-3)
