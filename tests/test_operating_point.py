"""The curves behind the sensitivity slider: what they count, and that they belong to a model."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.app.evaluate import beat_curves as module
from ictus.app.evaluate.beat_curves import KINDS
from ictus.app.evaluate.beat_splits import scoring_plan
from ictus.app.evaluate.experiment import prepare_annotated
from ictus.app.evaluate.operating_point import (
    THRESHOLDS,
    Curves,
    SubjectScores,
    curve_of,
    curves_path,
    curves_text,
    load_curves,
)
from ictus.app.evaluate.seizure_curves import ScoredRecording, seizure_counts, seizure_curves
from ictus.app.model_files import load_model
from ictus.app.recording_facts import ModelFacts, model_facts
from ictus.models import evaluate_beats
from ictus.models.beat_scores import ECTOPIC, ectopic_score
from ictus.signals import find_dataset
from ictus.signals.errors import CorruptModelError

_SHARES = st.lists(st.floats(0, 1), max_size=8).map(np.array)
_SUBJECTS = st.builds(
    lambda hits, alarms, missed, hours: SubjectScores(hits, alarms, len(hits) + missed, hours),
    _SHARES, _SHARES, st.integers(1, 5), st.floats(0.1, 24),
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(_SUBJECTS, min_size=1, max_size=5))
def test_a_higher_threshold_finds_no_more_and_alarms_no_more(subjects):
    curve = curve_of("V", [s.counts() for s in subjects])
    assert (np.diff(curve.sensitivity) <= 0).all()
    assert (np.diff(curve.false_alarms_per_hour) <= 0).all()
    first = curve.at(0.0)
    n_reference, hours = sum(s.n_reference for s in subjects), sum(s.hours for s in subjects)
    assert first.sensitivity == pytest.approx(sum(len(s.hits) for s in subjects) / n_reference)
    assert first.false_alarms_per_hour == pytest.approx(sum(len(s.false_alarms) for s in subjects) / hours)
    assert first.missed == 1 - first.sensitivity
    assert (curve.sensitivity_low <= curve.sensitivity_high).all()


def test_counts_are_those_of_decisions_at_or_above_the_threshold():
    one = SubjectScores(np.array([0.5, 0.9]), np.array([0.3, 0.5]), 4, 2.0)
    curve = curve_of("V", [one.counts()] * 2)
    assert (curve.at(0.5).sensitivity, curve.at(0.5).false_alarms_per_hour) == (0.5, 0.5)
    assert (curve.at(0.52).sensitivity, curve.at(0.52).false_alarms_per_hour) == (0.25, 0.0)
    assert curve.at(0.5).sensitivity_low == curve.at(0.5).sensitivity_high == 0.5
    assert (curve.at(-3), curve.at(7).threshold) == (curve.at(0.0), THRESHOLDS[-1])


def test_the_threshold_for_a_sensitivity_is_the_highest_that_reaches_it():
    curve = curve_of("V", [SubjectScores(np.array([0.3, 0.5, 0.9]), np.empty(0), 3, 1.0).counts()])
    assert curve.threshold_for(1.0) == 0.3
    assert curve.threshold_for(0.6) == 0.5
    assert curve.threshold_for(1.1) == 0.0


def test_the_interval_is_over_subjects_and_not_over_events():
    good, bad = (SubjectScores(np.full(n, 0.9), np.empty(0), 50, 1.0).counts() for n in (50, 0))
    point = curve_of("V", [good, bad] * 3).at(0.0)
    assert point.sensitivity == 0.5
    assert point.sensitivity_low < 0.2 < 0.8 < point.sensitivity_high


def test_at_threshold_0_the_curve_counts_what_the_evaluation_counts(monkeypatch):
    loaded, found = load_model(), find_dataset(None)
    prepared = prepare_annotated(found, "detected")
    monkeypatch.setattr(module, "prepare_annotated", lambda *_: prepared)
    curves = module.beat_curves(None, None, "inter", "by hand")
    plan = scoring_plan("inter", loaded, found, prepared[0])
    table = evaluate_beats(loaded.model, plan.records).table
    for name, kind in ECTOPIC.items():
        counted, at = ectopic_score(table, name), curves.by_kind[kind].at(0.0)
        assert curves.by_kind[kind].n_reference == counted.n
        assert at.sensitivity == pytest.approx(counted.se)
        assert at.false_alarms_per_hour == pytest.approx(counted.fp / curves.hours, rel=1e-3)
    assert curves.n_records == len(plan.records)
    assert curves.matches_model


def _curves() -> Curves:
    by_kind = {
        kind: curve_of(kind, [SubjectScores(np.array([0.7]), np.array([0.2]), 2, 0.5).counts()]) for kind in KINDS
    }
    return Curves("beat", "ab" * 32, "made up", "by hand", 1, 1, 0.5, by_kind)


def test_curves_come_back_from_their_file_as_they_went_in(tmp_path):
    path = tmp_path / "beat.curve.json"
    path.write_text(curves_text(_curves()))
    found = load_curves("beat", ModelFacts("m", "0", "ab" * 32), path)
    assert found.matches_model
    assert not load_curves("beat", ModelFacts("m", "0", "cd" * 32), path).matches_model
    assert curves_text(found) == curves_text(_curves())
    assert load_curves("beat", path=tmp_path / "gone.json") is None


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"by_kind": {"V": {}}}, {"by_kind": 3}, {"unknown": 1}, None],
)  # fmt: skip
def test_a_damaged_file_of_curves_is_told_in_one_line(tmp_path, change):
    path = tmp_path / "beat.curve.json"
    text = "{" if change is None else json.dumps(json.loads(curves_text(_curves())) | change)
    path.write_text(text)
    with pytest.raises(CorruptModelError, match=r"beat\.curve\.json") as caught:
        load_curves("beat", path=path)
    assert "\n" not in str(caught.value)


def test_the_zoos_curves_are_of_the_zoos_model():
    curves = load_curves("beat", model_facts(curves_path("beat").with_name("beat.ictus")))
    assert curves is not None
    assert curves.matches_model, "measure them again: python benchmarks/operating_points.py"
    assert set(curves.by_kind) == set(KINDS)
    assert (curves.n_records, curves.n_subjects) == (22, 22)


def test_the_zoos_curve_of_seizures_is_of_the_zoos_model_and_says_how_little_it_proves():
    curves = load_curves("seizure", model_facts(curves_path("seizure").with_name("seizure.ictus")))
    assert curves is not None
    assert curves.matches_model, "measure it again: python benchmarks/seizure_operating_points.py"
    seizures = curves.by_kind["seizure"]
    at, at_most = seizures.at(0.0), 0.025 ** (1 / seizures.n_reference)  # all found: Clopper and Pearson's bound
    assert at.sensitivity_low <= at_most + 1e-6 and at.false_alarms_per_hour_high > 3


def test_a_handful_of_seizures_all_found_and_no_false_alarm_do_not_look_certain():
    nights = [ScoredRecording(f"p{i}", 1800.0, ((100.0, 130.0),), ((101.0, 130.0, 0.9),)) for i in range(3)]
    at = seizure_curves(nights, "ab" * 32, "made up", "by hand").by_kind["seizure"].at(0.5)
    assert (at.sensitivity, at.false_alarms_per_hour) == (1.0, 0.0)
    assert at.sensitivity_low == pytest.approx(0.025 ** (1 / 3), rel=1e-6)
    assert at.false_alarms_per_hour_high == pytest.approx(-np.log(0.025) / 1.5, rel=1e-6)


def test_a_seizure_counts_once_however_many_alarms_it_has_and_close_alarms_are_one():
    alarms = ((100.0, 120.0, 0.9), (140.0, 160.0, 0.6), (1000.0, 1010.0, 0.7), (1050.0, 1060.0, 0.8))
    night = ScoredRecording("chb01", 7200.0, ((110.0, 150.0), (5000.0, 5040.0)), alarms)
    curve = curve_of("seizure", seizure_counts([night, ScoredRecording("chb02", 3600.0, (), ())]))
    assert curve.n_reference == 2
    assert (curve.at(0.0).sensitivity, curve.at(0.0).false_alarms_per_hour) == (0.5, pytest.approx(1 / 3))
    assert (curve.at(0.8).sensitivity, curve.at(0.8).false_alarms_per_hour) == (0.5, pytest.approx(1 / 3))
    assert (curve.at(0.9).sensitivity, curve.at(0.9).false_alarms_per_hour) == (0.5, 0.0)
    assert curve.at(0.99).sensitivity == 0.0
