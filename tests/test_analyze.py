"""Events in sequences of beats, and the analysis of real recordings."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from ictus.app.analysis_files import save_analysis
from ictus.app.analyze import Analysis, analyze
from ictus.app.beat_events import beat_events, heart_rate
from ictus.app.summaries import analysis_text
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.machine import place
from ictus.signals import BLOCK_SAMPLES, DEVICE_FS_HZ, SAMPLE_FOLDER, Recording, UnanalysableError, load, to_device


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


def test_heart_rate_leaves_out_what_no_heart_does() -> None:
    time_s = np.array([0, 1, 2, 2.1, 3, 4, 14, 15])
    rate = heart_rate(time_s, np.zeros(8, int))
    assert rate.mean_bpm == pytest.approx(60 / np.mean([1, 1, 0.9, 1, 1]))
    assert np.isnan(heart_rate(np.array([1.0]), np.zeros(1, int)).mean_bpm)


def test_rejected_seconds_become_one_episode(analysis: Analysis) -> None:
    (episode,) = analysis.not_analysable
    assert (episode.onset_s, episode.duration_s) == (10.0, 10.0)
    rejected = [b.time_s for b in analysis.beats if b.label is None]
    assert rejected and min(rejected) >= 10 and max(rejected) < 20


def test_no_decision_comes_later_than_stated(analysis: Analysis) -> None:
    latency = analysis.latency
    assert 0 < latency.median_s <= latency.max_s <= latency.bound_s


def test_the_stated_latency_is_that_of_the_firmware(host: HostMachine, recording: Recording) -> None:
    counts = to_device(recording).counts
    latency_s = firmware_latencies_s(host, counts[: len(counts) // BLOCK_SAMPLES * BLOCK_SAMPLES])
    stated = analyze(recording, FixedModel()).latency
    assert len(latency_s) > 300
    assert np.median(latency_s) == stated.median_s
    assert max(latency_s) <= stated.max_s


def firmware_latencies_s(host: HostMachine, counts: np.ndarray) -> list[float]:
    """From each R peak to the end of the block in which the firmware gave its event."""
    host.free_all()
    assert host.call("ictus_harness_start") == 0
    samples, out = place(host, counts), host.allocate(16 * 48)
    latency_s = []
    for end in range(BLOCK_SAMPLES, len(counts) + 1, BLOCK_SAMPLES):
        n = host.call("ictus_harness_push", samples + 2 * (end - BLOCK_SAMPLES), BLOCK_SAMPLES, out, 16)
        peaks = np.frombuffer(host.read(out, 48 * n), "<i4").reshape(n, 12)[:, 0]
        latency_s += ((end - peaks) / DEVICE_FS_HZ).tolist()
    return latency_s


def test_reference_annotations_are_not_looked_at(recording: Recording, analysis: Analysis) -> None:
    assert len(recording.events) > 0
    assert analysis.beats == analyze(load_without_events(recording), FixedModel(slice(10, 20))).beats


def load_without_events(recording: Recording) -> Recording:
    return Recording(recording.name, recording.fs_hz, recording.counts, recording.channels, recording.subject)


def test_the_three_files_tell_the_same(recording: Recording, analysis: Analysis, tmp_path: Path) -> None:
    as_json, as_wfdb, as_tsv = save_analysis(analysis, recording, tmp_path / "out")
    beats = json.loads(as_json.read_text())["beats"]
    found = wfdb.rdann(str(as_wfdb.with_suffix("")), "beat")
    decided = [b for b in beats if b["class"]]
    symbols = np.array(found.symbol)
    assert found.fs == recording.fs_hz
    assert "".join(symbols[symbols != "~"]) == "".join(b["class"] for b in decided)
    assert (
        np.abs(found.sample[symbols != "~"] / found.fs - [b["time_s"] for b in decided]).max() < 0.501 / found.fs
    )
    assert found.sample[symbols == "~"].tolist() == [3600, 7200]
    with as_tsv.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert list(rows[0])[:3] == ["onset", "duration", "trial_type"]
    assert sum(r["trial_type"] == "ventricular_beat" for r in rows) == sum(b["class"] == "V" for b in beats)
    assert [float(r["onset"]) for r in rows] == sorted(float(r["onset"]) for r in rows)


def test_research_use_only_stands_in_the_file(recording: Recording, analysis: Analysis, tmp_path: Path) -> None:
    as_json = save_analysis(analysis, recording, tmp_path)[0]
    assert "Research use only" in json.loads(as_json.read_text())["notice"]


def test_an_unknown_heart_rate_is_a_dash(analysis: Analysis) -> None:
    unknown = replace(analysis, rate=heart_rate(np.array([1.0]), np.zeros(1, int)))
    assert "heart rate: mean -, lowest -, highest - per minute" in analysis_text(unknown, [])


def test_a_wholly_rejected_recording_says_so(recording: Recording) -> None:
    with pytest.raises(UnanalysableError, match="nothing analysable"):
        analyze(recording, FixedModel(slice(None)))
