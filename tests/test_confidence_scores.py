"""Calibration and risk-coverage: what must hold for the cascade's own confidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.compression.compact import LOGIT_FRACTION_BITS
from ictus.models import Decisions
from ictus.models.confidence_scores import (
    INTEGER_LOGIT_STEP,
    ScoredDecisions,
    calibration,
    decision_confidence,
    risk_coverage,
)


def scored(confidence: list[float], is_right: list[bool], n_unreached: int = 0) -> ScoredDecisions:
    """Decisions on normal beats, some of them wrong, and beats that were gated or missed."""
    order = np.argsort(-np.array(confidence), kind="stable")
    n = len(order)
    return ScoredDecisions(
        np.array(confidence)[order],
        np.array(is_right, bool)[order],
        np.zeros(n, np.int8),
        np.array([n + n_unreached, 0, 0, 0, 0]),
    )


def test_the_stage_that_decided_gives_the_confidence() -> None:
    classes = np.log(np.array([[0.7, 0.1, 0.1, 0.05, 0.05]] * 3))
    decisions = Decisions(
        accepted=np.array([True, False]),
        gated=np.array([False, False, True]),
        reached=np.array([False, True, False]),
        label=np.array([0, 1, -1], np.int8),
        screen=np.log(np.array([0.25, 4.0, 1.0])),
        classes=classes,
    )
    np.testing.assert_allclose(decision_confidence(decisions), [0.8, 0.1, np.nan])


def test_integer_logits_are_taken_in_their_fixed_point() -> None:
    assert INTEGER_LOGIT_STEP == 2.0**-LOGIT_FRACTION_BITS
    as_float = Decisions(
        np.array([True]), np.zeros(2, bool), np.array([False, True]), np.array([0, 2], np.int8),
        np.array([-1.5, 2.0]), np.array([[1.0, 0, 0, 0, 0], [0, 0, 3.5, 0, 0]]),
    )  # fmt: skip
    as_int = Decisions(
        as_float.accepted, as_float.gated, as_float.reached, as_float.label,
        (as_float.screen * 8).astype(np.int8), (as_float.classes * 8).astype(np.int8),
    )  # fmt: skip
    np.testing.assert_allclose(decision_confidence(as_int), decision_confidence(as_float))


def test_a_recording_without_decisions_has_no_confidence() -> None:
    nothing = Decisions(
        np.zeros(3, bool),
        np.zeros(0, bool),
        np.zeros(0, bool),
        np.zeros(0, np.int8),
        np.zeros(0),
        np.zeros((0, 5)),
    )
    assert len(decision_confidence(nothing)) == 0
    empty = scored([], [], 4)
    assert np.isnan(calibration(empty).error)
    assert risk_coverage(empty).to_json()["points"] == []


def test_the_calibration_error_is_the_weighted_distance_of_the_bins() -> None:
    result = calibration(scored([0.91] * 4 + [0.51] * 4, [True, True, True, False, True, True, False, False]))
    assert result.error == pytest.approx(0.5 * abs(0.91 - 0.75) + 0.5 * abs(0.51 - 0.5))
    assert [row[2:] for row in result.rows()] == [(4, pytest.approx(0.51), 0.5), (4, pytest.approx(0.91), 0.75)]


def test_a_confidence_of_one_falls_into_the_last_bin() -> None:
    assert calibration(scored([1.0, 1.0], [True, True])).n[-1] == 2


def test_risk_and_coverage_of_a_case_counted_by_hand() -> None:
    curve = risk_coverage(scored([0.9, 0.8, 0.8, 0.6], [True, True, False, False], n_unreached=1))
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.6])  # equal confidence is kept or withheld together
    np.testing.assert_allclose(curve.coverage, [0.2, 0.6, 0.8])
    np.testing.assert_allclose(curve.risk, [0.0, 1 / 3, 0.5])
    np.testing.assert_allclose(curve.withheld[:, 0], [3 / 5, 1 / 5, 0.0])
    assert curve.area == pytest.approx((0.2 * 0 + 0.4 / 3 + 0.2 / 2) / 0.8)
    assert curve.row(curve.at(0.75))["coverage"] == pytest.approx(0.6)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_all_decisions_kept_have_the_plain_error_rate(pairs: list[tuple[float, bool]]) -> None:
    confidence, is_right = map(list, zip(*pairs, strict=True))
    curve = risk_coverage(scored(confidence, is_right))
    assert curve.risk[-1] == pytest.approx(1 - np.mean(is_right))
    assert curve.coverage[-1] == 1.0
    assert (np.diff(curve.coverage) > 0).all()
    assert 0 <= curve.ideal_area <= curve.risk[-1] + 1e-12
