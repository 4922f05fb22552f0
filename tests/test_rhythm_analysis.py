"""Rhythm within an analysis: strips, episodes of atrial fibrillation, its burden, and the task of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.analyze.analysis import Analysis
from ictus.app.analyze.ecg import analyze, open_analysis
from ictus.app.analyze.files import save_analysis
from ictus.app.analyze.reference_cascade import ReferenceCascade
from ictus.app.analyze.rhythm_events import AfFinder, RhythmMeter, StripTable
from ictus.app.analyze.stream import AnalysisStream
from ictus.app.analyze.strips import LONGEST_STRIP_S, analyze_rhythm, save_rhythm
from ictus.app.cli import main
from ictus.app.model_files import load_model
from ictus.app.summaries import rhythm_text
from ictus.firmware_export.native.device import NativeDevice
from ictus.firmware_export.native.library import NoNativeLibraryError, native_library
from ictus.models.alarm_model import load_alarm
from ictus.models.rhythm_cascade import decide_strips
from ictus.models.rhythm_data import prepare_strip
from ictus.models.rhythm_task import RHYTHMS
from ictus.signals import (
    SAMPLE_FOLDER,
    InputError,
    Recording,
    UnanalysableError,
    gate_features,
    lead_of,
    load,
    open_lead,
    to_device,
)
from ictus.signals.rhythm_marks import rhythm_spans
from scipy.signal import upfirdn

CHANGING = SAMPLE_FOLDER / "mitdb" / "222"  # flutter and fibrillation that come and go
LABELS = st.lists(st.sampled_from([-1, 0, 1, 2]), max_size=40)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyze(CHANGING)


def strips_of(labels: Sequence[int], duration_s: int = 32) -> StripTable:
    n = len(labels)
    onset_s, label = np.arange(n) * duration_s, np.array(labels, np.int8)
    score = np.where(label < 0, np.nan, 0.75)
    whole = np.full(n, duration_s)
    return StripTable(onset_s, whole, label, label, np.minimum(label + 1, 2).astype(np.int8), whole, score, score)


@given(LABELS, st.integers(1, 7))
def test_batches_do_not_change_the_episodes(labels: list[int], n_batches: int) -> None:
    strips, finder, found = strips_of(labels), AfFinder(), []
    for rows in np.array_split(np.arange(len(labels)), n_batches):
        found += finder.add(strips.take(rows))
    found += finder.close()
    whole = AfFinder()
    assert found == [*whole.add(strips), *whole.close()]
    assert sum(e.duration_s for e in found) == 32 * labels.count(1)
    assert all(a.onset_s + a.duration_s < b.onset_s for a, b in pairwise(found))


@given(LABELS)
def test_the_burden_is_a_share_of_the_time_with_a_class(labels: list[int]) -> None:
    meter = RhythmMeter(32)
    meter.add(strips_of(labels), [])
    rhythm = meter.summary(len(labels) * 32 + 5.5)
    n_decided = len(labels) - labels.count(-1)
    assert rhythm.decided_s + rhythm.undecided_s + rhythm.rest_s == len(labels) * 32 + 5.5
    assert rhythm.n_by_rhythm == {name: labels.count(i) for i, name in enumerate(RHYTHMS)}
    if n_decided:
        assert rhythm.af_burden == pytest.approx(labels.count(1) / n_decided)
    else:
        assert np.isnan(rhythm.af_burden)
        assert "not decided" in rhythm_text(rhythm)


def test_the_device_and_the_reference_find_the_same_rhythm_with_the_zoo_s_models() -> None:
    try:
        native_library()
    except NoNativeLibraryError as error:
        pytest.skip(str(error))
    of, beat, rhythm = open_lead(CHANGING), load_model().model, load_model(task="rhythm").model
    streams = open_analysis(of), AnalysisStream(of, ReferenceCascade(beat, rhythm), upfirdn)
    parts = [list(stream) for stream in streams]
    tables = [StripTable.concatenate([f.strips for f in found]) for found in parts]
    for name, column in vars(tables[0]).items():
        np.testing.assert_array_equal(column, vars(tables[1])[name], name)
    episodes = [[e for f in found for e in f.episodes] for found in parts]
    assert episodes[0] == episodes[1] != []
    assert streams[0].summary().rhythm == streams[1].summary().rhythm


def test_annotated_fibrillation_is_found_and_its_burden_told() -> None:
    recording = load(SAMPLE_FOLDER / "mitdb" / "210")
    annotated_s = float(np.diff(rhythm_spans(recording, ("(AFIB",))).sum())
    found = analyze(recording)
    assert found.summary.rhythm.af_burden == pytest.approx(annotated_s / recording.duration_s, abs=0.15)
    episode = next(e for e in found.events if e.kind == "atrial_fibrillation")
    assert episode.confidence is not None
    assert 0.5 < episode.confidence <= 1


def test_episodes_add_up_to_the_burden(analysis: Analysis) -> None:
    episodes = [e for e in analysis.events if e.kind == "atrial_fibrillation"]
    rhythm = analysis.summary.rhythm
    assert sum(e.duration_s for e in episodes) == pytest.approx(rhythm.af_burden * rhythm.decided_s)
    assert (rhythm.n_episodes, rhythm.longest_s) == (len(episodes), max(e.duration_s for e in episodes))
    assert len(analysis.strips) == int(analysis.duration_s) // 32


def test_the_files_tell_the_rhythm(analysis: Analysis, tmp_path: Path) -> None:
    as_json, as_wfdb, as_tsv = save_analysis(analysis, tmp_path)
    written = json.loads(as_json.read_text())
    assert written["summary"]["rhythm"]["af_burden"] == pytest.approx(analysis.summary.rhythm.af_burden, abs=1e-4)
    classes = [strip["class"] for strip in written["strips"]]
    assert classes == [RHYTHMS[label] if label >= 0 else None for label in analysis.strips.label]
    found = wfdb.rdann(str(as_wfdb.with_suffix("")), "beat")
    marks = [
        (s, text.rstrip("\0"))
        for s, text, m in zip(found.sample, found.aux_note, found.symbol, strict=True)
        if m == "+"
    ]
    changes = [i for i, name in enumerate(classes) if i == 0 or name != classes[i - 1]]
    names = {"N": "(N", "A": "(AFIB", "O": "(OTHER", None: "(UNDECIDED"}
    expected = [(round(32 * i * found.fs), names[classes[i]]) for i in changes]
    assert marks == [*expected, (round(32 * len(classes) * found.fs), "(UNDECIDED")]
    assert as_tsv.read_text().count("atrial_fibrillation") == analysis.summary.rhythm.n_episodes


def cut(recording: Recording, start_s: float, stop_s: float) -> Recording:
    rows = slice(round(start_s * recording.fs_hz), round(stop_s * recording.fs_hz))
    counts = recording.counts[rows]
    return Recording("strip", recording.fs_hz, counts, recording.channels, recording.subject)


@pytest.mark.parametrize("duration_s", [5.0, 9.4, 30.0, 61.0])
def test_a_short_recording_is_one_strip_and_decided_as_the_evaluation_does(duration_s: float) -> None:
    strip = cut(load(CHANGING), 4.0, 4.0 + duration_s)
    found = analyze_rhythm(lead_of(strip))
    expected = decide_strips(load_model(task="rhythm").model, [prepare_strip(strip)], load_model().model)
    assert len(found.strips) == 1
    assert found.strips.label[0] == expected.said[0]
    assert found.strips.duration_s[0] == int(duration_s)
    assert found.rhythm.strip_s == int(duration_s)


def test_a_longer_recording_has_the_strips_of_the_whole_analysis(analysis: Analysis) -> None:
    found = analyze_rhythm(open_lead(CHANGING))
    assert found.rhythm == analysis.summary.rhythm
    assert found.episodes == tuple(e for e in analysis.events if e.kind == "atrial_fibrillation")
    assert found.duration_s >= LONGEST_STRIP_S


def test_what_is_too_short_or_wholly_rejected_says_so() -> None:
    recording = load(CHANGING)
    with pytest.raises(InputError, match="shorter than 5 s"):
        analyze_rhythm(lead_of(cut(recording, 0, 4.9)))
    flat = replace(cut(recording, 0, 20), counts=np.full((7200, 2), 900, np.int16))
    with pytest.raises(UnanalysableError, match="nothing analysable"):
        analyze_rhythm(lead_of(flat))


def test_a_strip_of_which_most_is_flat_has_no_class(tmp_path: Path) -> None:
    strip = cut(load(CHANGING), 0, 30)
    counts = strip.counts.copy()
    counts[8 * 360 :] = counts[8 * 360]
    found = analyze_rhythm(lead_of(replace(strip, counts=counts)))
    assert found.strips.label.tolist() == [-1]
    assert found.rhythm.n_undecided == 1
    as_json = save_rhythm(found, tmp_path)[0]
    assert json.loads(as_json.read_text())["summary"]["rhythm"]["af_burden"] is None


def test_the_command_analyses_rhythm_and_knows_its_tasks(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    record, out = str(CHANGING), tmp_path / "out"
    assert main(["analyze", record, "--task", "rhythm", "--out", str(out)]) == 0
    assert "AF burden" in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["222.rhythm", "222.rhythm.json", "222_rhythm_events.tsv"]
    assert json.loads((out / "222.rhythm.json").read_text())["task"] == "rhythm"
    assert main(["analyze", record, "--task", "posture", "--out", str(out)]) == 2
    assert "'posture' is not known" in capsys.readouterr().err


def test_an_analysis_with_compact_models_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from ictus.app.cli import main; "
        f"status = main(['analyze', {str(SAMPLE_FOLDER / 'mitdb' / '100')!r}, '--out', {str(tmp_path)!r}]); "
        "sys.exit(status or 3 * ('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_alarm_of_the_device_is_that_of_python() -> None:
    folder = os.environ.get("ICTUS_DATA")
    if folder is None or not (Path(folder) / "cudb").is_dir():
        pytest.skip("ICTUS_DATA is not set, or holds no cudb")
    counts = to_device(load(Path(folder) / "cudb" / "cu01")).counts
    counts = counts[: len(counts) // 128 * 128]
    model, alarm = load_model().model, load_alarm()
    expected = alarm.logits(gate_features(counts)) >= alarm.threshold
    assert np.array_equal(NativeDevice(model, alarm=alarm).push(counts).positive, expected)
    assert 0 < expected.sum() < len(expected)
    assert not NativeDevice(model).push(counts).positive.any()
