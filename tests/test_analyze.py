"""Events in sequences of beats, and the analysis of real recordings."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.analyze.analysis import Analysis
from ictus.app.analyze.beat_events import EventFinder, StretchFinder, beat_events, stretches
from ictus.app.analyze.ecg import analyze
from ictus.app.analyze.files import AnalysisFiles, save_analysis
from ictus.app.analyze.heart_rate import HeartRate, HeartRateMeter
from ictus.app.summaries import analysis_text
from ictus.signals import SAMPLE_FOLDER, Recording, UnanalysableError, load


class FixedModel:
    """Rejects given seconds, and calls every `every`-th beat ventricular."""

    thresholds = {"gate": 0.0, "screen": 0.0}

    def __init__(self, rejected: slice = slice(0, 0), every: int = 10) -> None:
        self.rejected, self.every = rejected, every

    def judge(self, features: np.ndarray) -> np.ndarray:
        logit = np.ones(len(features))
        logit[self.rejected] = -1
        return logit

    def classify(self, window: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        is_v = np.arange(len(window)) % self.every == 0
        classes = np.zeros((len(context), 5))
        classes[:, 2] = 4.0
        return np.where(is_v, 2.0, -2.0), classes


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load(SAMPLE_FOLDER / "mitdb" / "100")


@pytest.fixture(scope="module")
def analysis(recording: Recording) -> Analysis:
    return analyze(recording, FixedModel(slice(10, 20)))


def events_of(letters: str, rr_s: float = 0.5) -> list[tuple[str, int]]:
    label = np.array(list(letters))
    found = beat_events(np.arange(len(label)) * rr_s, label, np.zeros(len(label), int))
    return [(e.kind, e.n_beats) for e in found]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("NNVNN", []),
        ("NNVVNN", [("ventricular_couplet", 2)]),
        ("NVVVVN", [("ventricular_run", 4)]),
        ("NNSSSN", [("supraventricular_run", 3)]),
        ("NNVNVNVNN", [("ventricular_bigeminy", 7)]),
        ("NVNVNN", []),
        ("NNFFFNN", []),
    ],
)
def test_beats_in_a_row_make_events(letters: str, expected: list[tuple[str, int]]) -> None:
    assert events_of(letters) == expected


def test_a_fast_run_is_called_vt_like_and_has_a_rate() -> None:
    fast, slow = (
        beat_events(np.arange(5) * rr, np.array(list("VVVVV")), np.zeros(5, int))[0] for rr in (0.4, 1.0)
    )
    assert fast.rate_bpm == pytest.approx(150)
    assert fast.note.startswith("VT-like run")
    assert "VT-like" not in slow.note


def test_a_rejected_stretch_ends_a_run_and_hides_a_pause() -> None:
    time_s, label = np.array([0.0, 0.5, 4.0, 4.5, 7.0]), np.array(list("VVVVV"))
    found = beat_events(time_s, label, np.array([0, 0, 1, 1, 1]))
    assert [e.kind for e in found] == ["ventricular_couplet", "ventricular_run", "pause"]
    assert found[2].onset_s == 4.5


def rate_of(peak: np.ndarray, n_batches: int = 1) -> HeartRate:
    meter = HeartRateMeter()
    for part in np.array_split(peak, n_batches):
        meter.add_beats(part, np.zeros(len(part), int))
    return meter.rate()


def test_heart_rate_leaves_out_what_no_heart_does() -> None:
    time_s = np.array([0, 1, 2, 2.125, 3, 4, 14, 15])
    rate = rate_of((time_s * 128).astype(int))
    assert rate.mean_bpm == pytest.approx(60 / np.mean([1, 1, 0.875, 1, 1]))
    assert rate.min_bpm == rate.max_bpm == rate.mean_bpm  # fewer than 8 intervals
    assert np.isnan(rate_of(np.array([128])).mean_bpm)


@given(st.lists(st.integers(20, 500), min_size=1, max_size=60), st.integers(2, 9))
def test_batches_do_not_change_the_heart_rate(rr: list[int], n_batches: int) -> None:
    peak = np.cumsum(rr)
    assert repr(rate_of(peak, n_batches)) == repr(rate_of(peak))


def test_extremes_are_means_of_eight_intervals_in_a_row() -> None:
    peak = np.cumsum([128] * 20 + [64] * 8 + [128] * 20 + [192] * 8 + [128] * 20)
    rate = rate_of(peak, 7)
    assert (rate.min_bpm, rate.max_bpm) == (40, 120)


def test_the_trend_of_two_days_has_at_most_1440_points() -> None:
    meter = HeartRateMeter()
    for hour in range(48):
        peak = np.arange(3600) * 128 + hour * 3600 * 128
        meter.add_beats(peak, np.zeros(3600, int))
        meter.add_seconds(hour * 3600, np.full(3600, hour == 47))
    trend = meter.trend()
    assert (trend.point_s, len(trend.mean_bpm)) == (120, 1440)
    assert set(trend.mean_bpm.tolist()) == {60.0}
    assert trend.analysable.tolist() == [1.0] * 1410 + [0.0] * 30


@given(st.text("NNNNVVS", max_size=60), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_batches_do_not_change_the_events(letters: str, n_batches: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    label, segment = np.array(list(letters), "<U1"), np.cumsum(rng.random(len(letters)) < 0.1)
    time_s = np.cumsum(rng.choice([0.5, 0.5, 2.5], len(letters)))
    finder, found = EventFinder(), []
    for rows in np.array_split(np.arange(len(letters)), n_batches):
        found += finder.add(time_s[rows], label[rows], segment[rows])
    assert found + finder.close() == beat_events(time_s, label, segment)


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 8))
def test_batches_do_not_change_the_stretches(marked: list[bool], n_batches: int) -> None:
    finder, found = StretchFinder("x"), []
    for part in np.array_split(np.array(marked, bool), n_batches):
        found += finder.add(part)
    found += finder.close(len(marked))
    expected = [(start, stop - start) for start, stop in stretches(np.array(marked, bool))]
    assert [(e.onset_s, e.duration_s) for e in found] == expected


def test_rejected_seconds_become_one_episode(analysis: Analysis) -> None:
    (episode,) = analysis.not_analysable
    assert (episode.onset_s, episode.duration_s) == (10.0, 10.0)
    rejected = [b.time_s for b in analysis.beats if b.label is None]
    assert rejected and min(rejected) >= 10 and max(rejected) < 20


def test_no_decision_comes_later_than_stated(analysis: Analysis) -> None:
    latency = analysis.latency
    assert 0 < latency.median_s <= latency.max_s <= latency.bound_s


def test_reference_annotations_are_not_looked_at(recording: Recording, analysis: Analysis) -> None:
    assert len(recording.events) > 0
    assert analysis.beats == analyze(load_without_events(recording), FixedModel(slice(10, 20))).beats


def load_without_events(recording: Recording) -> Recording:
    return Recording(recording.name, recording.fs_hz, recording.counts, recording.channels, recording.subject)


def test_the_three_files_tell_the_same(recording: Recording, analysis: Analysis, tmp_path: Path) -> None:
    as_json, as_wfdb, as_tsv = save_analysis(analysis, tmp_path / "out")
    beats = json.loads(as_json.read_text())["beats"]
    found = wfdb.rdann(str(as_wfdb.with_suffix("")), "beat")
    decided = [b for b in beats if b["class"]]
    symbols = np.array(found.symbol)
    assert found.fs == recording.fs_hz
    is_beat = ~np.isin(symbols, ["~", "+"])
    assert "".join(symbols[is_beat]) == "".join(b["class"] for b in decided)
    assert np.abs(found.sample[is_beat] / found.fs - [b["time_s"] for b in decided]).max() < 0.501 / found.fs
    assert found.sample[symbols == "~"].tolist() == [3600, 7200]
    with as_tsv.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert list(rows[0])[:3] == ["onset", "duration", "trial_type"]
    assert sum(r["trial_type"] == "ventricular_beat" for r in rows) == sum(b["class"] == "V" for b in beats)
    assert [float(r["onset"]) for r in rows] == sorted(float(r["onset"]) for r in rows)


def test_research_use_only_stands_in_the_file(recording: Recording, analysis: Analysis, tmp_path: Path) -> None:
    as_json = save_analysis(analysis, tmp_path)[0]
    assert "Research use only" in json.loads(as_json.read_text())["notice"]


def test_an_unknown_heart_rate_is_a_dash(analysis: Analysis, tmp_path: Path) -> None:
    unknown = replace(analysis.summary, rate=rate_of(np.array([1])))
    text = analysis_text(unknown, AnalysisFiles(tmp_path))
    assert "heart rate: mean -, lowest -, highest - per minute" in text


def test_a_wholly_rejected_recording_says_so(recording: Recording) -> None:
    with pytest.raises(UnanalysableError, match="nothing analysable"):
        analyze(recording, FixedModel(slice(None)))
