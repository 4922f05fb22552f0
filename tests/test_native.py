"""The device's C on this computer: the same decisions as the Python reference, streamed from files of any kind."""

import dataclasses
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.app.analyze import ecg as analyze_module
from ictus.app.analyze.analysis import BeatTable
from ictus.app.analyze.ecg import analyze, analyze_to_files, open_analysis
from ictus.app.analyze.fibrillation import FibrillationFinder
from ictus.app.analyze.reference_cascade import ReferenceCascade
from ictus.app.analyze.rhythm_events import StripTable
from ictus.app.analyze.stream import AnalysisStream
from ictus.compression import CompactModel
from ictus.firmware_export.native import library as native_library_module
from ictus.firmware_export.native.device import NativeDevice, detect_qrs_native, resample_native
from ictus.firmware_export.native.library import NoNativeLibraryError, native_library
from ictus.models.alarm_model import alarm_spans, standing
from ictus.signals import (
    SAMPLE_FOLDER,
    Channel,
    Lead,
    Recording,
    detect_qrs,
    device_pieces,
    lead,
    lead_of,
    load,
    open_lead,
    to_device,
)
from ictus.signals.device_signal import _antialias
from ictus.signals.wfdb_annotations import Mark, encode_annotations
from scipy.signal import upfirdn

RECORDS = sorted((SAMPLE_FOLDER / "mitdb").glob("*.hea"))


@pytest.fixture(scope="module", autouse=True)
def _has_compiler() -> None:
    try:
        native_library()
    except NoNativeLibraryError as error:
        pytest.skip(str(error))


def device_lead(counts: np.ndarray) -> Lead:
    """Device counts as a recording that the front end passes on unchanged."""
    return lead_of(Recording("x", 128.0, counts[:, None], (Channel("a", "uV", 0.2),), "x"))


def assert_same_as_reference(of: Lead, model: CompactModel, rhythm: CompactModel) -> None:
    streams = open_analysis(of, model, rhythm), AnalysisStream(of, ReferenceCascade(model, rhythm), upfirdn)
    first, second = (list(stream) for stream in streams)
    for name, column in vars(BeatTable.concatenate([f.beats for f in first])).items():
        expected = vars(BeatTable.concatenate([f.beats for f in second]))[name]
        np.testing.assert_array_equal(column, expected, name)
    strips, expected = (vars(StripTable.concatenate([f.strips for f in found])) for found in (first, second))
    for name, column in strips.items():
        np.testing.assert_array_equal(column, expected[name], name)
    for kind in ("events", "alarms", "not_analysable", "episodes"):
        assert [e for f in first for e in getattr(f, kind)] == [e for f in second for e in getattr(f, kind)]
    assert repr(streams[0].summary()) == repr(streams[1].summary())


@pytest.mark.parametrize("record", RECORDS[::6], ids=lambda p: p.stem)
def test_a_record_gives_the_same_as_the_reference(
    record: Path, random_model: CompactModel, random_rhythm_model: CompactModel
) -> None:
    assert_same_as_reference(open_lead(record), random_model, random_rhythm_model)


@pytest.mark.parametrize("n", [700, 1279, 1280, 1281, 60 * 128 + 5])
def test_a_recording_of_any_length_gives_the_same(
    n: int, device_counts: np.ndarray, random_model: CompactModel, random_rhythm_model: CompactModel
) -> None:
    gate, *others = random_model.stages
    lenient = dataclasses.replace(random_model, stages=(dataclasses.replace(gate, threshold=-128), *others))
    assert_same_as_reference(device_lead(device_counts[:n]), lenient, random_rhythm_model)


def test_noise_flat_lines_and_rails_give_the_same(
    device_counts: np.ndarray, random_model: CompactModel, random_rhythm_model: CompactModel
) -> None:
    assert_same_as_reference(device_lead(device_counts), random_model, random_rhythm_model)


def test_pieces_of_any_size_give_the_same(
    random_model: CompactModel, monkeypatch: pytest.MonkeyPatch, device_counts: np.ndarray
) -> None:
    of = device_lead(device_counts)
    whole = list(open_analysis(of, random_model))
    monkeypatch.setattr(lead, "PIECE_SAMPLES", 1000)
    stream = open_analysis(of, random_model)
    pieces = list(stream)
    assert len(pieces) > 10
    tables = [BeatTable.concatenate([f.beats for f in found]).peak for found in (whole, pieces)]
    assert np.array_equal(*tables)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 15)), max_size=20), st.integers(1, 9))
def test_batches_do_not_change_the_alarm(runs: list[tuple[bool, int]], n_batches: int) -> None:
    positive = np.concatenate([np.empty(0, bool), *(np.full(n, value) for value, n in runs)])
    finder, found = FibrillationFinder(), []
    for part in np.array_split(positive, n_batches):
        found += finder.add(part)
    found += finder.close()
    expected = alarm_spans(standing(positive), positive)
    assert [(e.onset_s, e.onset_s + e.duration_s) for e in found] == expected


@pytest.mark.parametrize("end", [1, 5 * 128 + 1])
def test_blocks_are_whole(end: int, random_model: CompactModel) -> None:
    with pytest.raises(ValueError, match="not whole blocks"):
        NativeDevice(random_model).push(np.zeros(end, np.int16))


@settings(max_examples=25)
@given(st.sampled_from([100, 128, 250, 256, 300, 360, 500, 1000]), st.integers(1, 4000), st.integers(0))
def test_the_native_resampler_equals_upfirdn_in_every_bit(fs_hz: float, n: int, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(-32768, 32768, n).astype(np.int16)
    of = lead_of(Recording("x", fs_hz, counts[:, None], (Channel("a", "uV", 0.2),), "x"))
    native = np.concatenate(list(device_pieces(of, resample_native)))
    assert np.array_equal(native, np.concatenate(list(device_pieces(of))))


def test_the_whole_output_of_the_native_resampler_equals_upfirdn() -> None:
    taps, _ = _antialias(64, 125)
    x = np.random.default_rng(0).normal(0, 1000, 3000).astype(np.float32)
    assert np.array_equal(resample_native(taps, x, 64, 125), upfirdn(taps, x, 64, 125))


@pytest.mark.parametrize("record", RECORDS[::6], ids=lambda p: p.stem)
def test_the_native_detector_equals_python(record: Path) -> None:
    counts = to_device(load(record)).counts
    expected = detect_qrs(counts)
    peak, reported = detect_qrs_native(counts)
    assert np.array_equal(peak, expected.peak)
    assert np.array_equal(reported, expected.reported)


def _written(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One minute of real ECG as a file of another kind, and small pieces to read it in."""
    recording = load(SAMPLE_FOLDER / "mitdb" / "200")
    counts = recording.counts[: 60 * 360]
    if kind == "csv":
        monkeypatch.setattr("ictus.signals.csv_reader._READ_BYTES", 5000)
        rows = "\n".join(f"{i / 360:.6f},{a / 200},{'' if i % 977 == 0 else b}" for i, (a, b) in enumerate(counts))
        (folder / "x.csv").write_text(f"# a comment\ntime_s,MLII[mV],V1[uV]\n{rows}\n")
        return folder / "x.csv"
    monkeypatch.setattr("ictus.signals.wfdb_reader.PIECE_SAMPLES", 1000)
    wfdb.wrsamp(
        "x", 360, ["mV", "mV"], ["MLII", "V1"], d_signal=counts.astype(np.int64), fmt=[kind, kind],
        adc_gain=[200.0, 200.0], baseline=[1024, 1024], write_dir=str(folder),
    )  # fmt: skip
    return folder / "x.hea"


@pytest.mark.parametrize("kind", ["16", "212", "24", "32", "csv"])
@pytest.mark.parametrize("channel", [0, "V1"])
def test_a_lead_read_in_pieces_is_that_of_the_whole_file(
    kind: str, channel: int | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _written(tmp_path, kind, monkeypatch)
    whole, of = lead_of(load(path), channel), open_lead(path, channel)
    assert (of.channel, of.fs_hz, of.n_samples) == (whole.channel, whole.fs_hz, whole.n_samples)
    assert len(list(of.pieces())) > 3
    assert np.array_equal(*(np.concatenate(list(device_pieces(x))) for x in (whole, of)))


@pytest.mark.parametrize("channel", [0, 7, None])
def test_an_edf_signal_read_in_pieces_is_that_of_the_whole_file(
    channel: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ictus.signals.edf_reader.PIECE_SAMPLES", 300)
    path = SAMPLE_FOLDER / "chbmit" / "chb01_18_preictal.edf"
    whole, of = lead_of(load(path), channel), open_lead(path, channel)
    pieces = list(of.pieces())
    assert len(pieces) > 3
    assert np.array_equal(np.concatenate([c for c, _ in pieces]), next(whole.pieces())[0])
    assert (of.channel, of.fs_hz, of.n_samples) == (whole.channel, whole.fs_hz, whole.n_samples)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 20))
def test_gaps_across_pieces_are_closed_as_in_the_whole(valid: list[bool], size: int) -> None:
    invalid = ~np.array(valid)
    counts = np.arange(len(valid), dtype=np.int16)
    if invalid.all():
        return

    def pieces(n: int) -> Iterator[lead.Piece]:
        for start in range(0, len(counts), n):
            yield counts[start : start + n], invalid[start : start + n]

    whole, parts = (
        Lead("x", 128.0, len(counts), Channel("a", "mV", 200.0), lambda n=n: pieces(n))
        for n in (len(counts), size)
    )
    expected = counts[np.maximum.accumulate(np.where(invalid, np.argmin(invalid), counts))]
    assert np.array_equal(np.concatenate(list(lead.without_gaps(whole))), expected)
    assert np.array_equal(np.concatenate(list(lead.without_gaps(parts))), expected)


def test_files_written_on_the_way_hold_what_the_analysis_holds(tmp_path: Path) -> None:
    record = SAMPLE_FOLDER / "mitdb" / "200"
    summary, files = analyze_to_files(open_lead(record), tmp_path)
    analysis = analyze(record)
    as_json, as_wfdb, _ = files.paths
    written = json.loads(as_json.read_text())
    assert [b["time_s"] for b in written["beats"]] == [b.time_s for b in analysis.beats]
    assert [b["class"] for b in written["beats"]] == [b.label for b in analysis.beats]
    assert [e["onset_s"] for e in written["events"]] == [e.onset_s for e in analysis.events]
    assert repr(summary) == repr(analysis.summary)
    assert len(written["trend"]["mean_bpm"]) == 5
    assert wfdb.rdann(str(as_wfdb.with_suffix("")), "beat").fs == 360
    assert sorted(p.name for p in tmp_path.iterdir()) == ["200.beat", "200.beat.json", "200_events.tsv"]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from(["N", "V", "~"])), max_size=20))
def test_wfdb_reads_the_annotations_back(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    folder = tmp_path_factory.mktemp("ann")
    sample = np.cumsum([s for s, _ in steps]).astype(int).tolist()
    marks = [Mark(s, symbol, -1 if symbol == "~" else 0) for s, (_, symbol) in zip(sample, steps, strict=True)]
    (folder / "x.beat").write_bytes(b"".join(encode_annotations(marks, 250.5)))
    if not marks:
        return
    found = wfdb.rdann(str(folder / "x"), "beat")
    assert found.fs == 250.5
    assert found.sample.tolist() == sample
    assert found.symbol == [m.symbol for m in marks]
    assert found.subtype.tolist() == [m.subtype for m in marks]


def test_marks_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        list(encode_annotations([Mark(5, "N"), Mark(4, "N")], 250))


def test_without_a_compiler_the_reference_gives_the_same_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing() -> None:
        raise NoNativeLibraryError("neither ziglang nor a system compiler `cc` is installed")

    record = open_lead(SAMPLE_FOLDER / "mitdb" / "100")
    analyze_to_files(record, tmp_path / "c")
    monkeypatch.setattr(analyze_module, "native_library", missing)
    summary, _ = analyze_to_files(record, tmp_path / "python")
    assert summary.note.startswith("analysed by the Python reference, with the same result but slowly: neither")
    for path in (tmp_path / "c").iterdir():
        assert path.read_bytes() == (tmp_path / "python" / path.name).read_bytes()


def test_a_compiler_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native_library_module, "_compilers", lambda: [("false",)])
    with pytest.raises(NoNativeLibraryError, match="false: the compiler failed"):
        native_library.__wrapped__()


def test_the_library_is_built_once_per_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs = []

    def compiled(command: list[str], **_: object) -> None:
        runs.append(command)
        Path(command[-1]).write_bytes(b"")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", compiled)
    first, second = (native_library_module._built(("cc",)) for _ in range(2))
    assert first == second
    assert len(runs) == 1
    assert first.is_relative_to(tmp_path / "ictus" / "native")
