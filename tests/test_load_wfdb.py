"""WFDB records: what a sound one becomes, and that a damaged one ends in one clear line."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.signals import (
    SAMPLE_FOLDER,
    CorruptRecordError,
    InputError,
    Recording,
    UnsupportedFormatError,
    beats_of,
    load,
)

MITDB = SAMPLE_FOLDER / "mitdb"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A writable copy of a real record; the path is that of its header."""
    for suffix in (".hea", ".dat", ".atr"):
        shutil.copyfile(MITDB / f"201{suffix}", tmp_path / f"201{suffix}")
    return tmp_path / "201.hea"


def edit(header: Path, old: str, new: str) -> Path:
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))
    return header


def full_record(name: str) -> Recording:
    root = os.environ.get("ICTUS_DATA")
    if not root:
        pytest.skip("ICTUS_DATA is not set: the full databases are not here")
    return load(Path(root) / name)


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat", ".atr"])
def test_a_record_loads_by_any_of_its_names(suffix: str) -> None:
    recording = load(MITDB / f"201{suffix}")
    assert (recording.name, recording.fs_hz, recording.counts.shape) == ("201", 360.0, (108_000, 2))
    assert [c.name for c in recording.channels] == ["MLII", "V1"]


def test_counts_are_those_of_the_file_and_cannot_be_changed() -> None:
    recording = load(MITDB / "201")
    low, shared, high = np.fromfile(MITDB / "201.dat", np.uint8)[:3].astype(int)
    first = [low | (shared & 0x0F) << 8, high | (shared & 0xF0) << 4]
    assert recording.counts.dtype == np.int16
    assert recording.counts[0].tolist() == [(c + 2048) % 4096 - 2048 for c in first]
    with pytest.raises(ValueError, match="read-only"):
        recording.counts[0, 0] = 0


def test_physical_values_follow_gain_and_baseline() -> None:
    recording = load(MITDB / "201")
    assert recording.channels[0].gain_per_unit == 200.0
    assert recording.channels[0].baseline_counts == 1024
    expected = (recording.counts[:, 0].astype(float) - 1024) / 200
    np.testing.assert_array_equal(recording.physical(0), expected)


def test_rhythm_is_the_text_of_its_annotation() -> None:
    events = load(MITDB / "201").events
    assert (events.sample[0], events.symbol[0], events.text[0]) == (0, "+", "(N")
    assert np.all(np.diff(events.sample) >= 0)


def test_a_record_without_annotations_has_no_events(record: Path) -> None:
    record.with_suffix(".atr").unlink()
    assert len(load(record).events) == 0


def test_gain_zero_means_200_counts_per_mv() -> None:
    channel = load(SAMPLE_FOLDER / "nstdb" / "bw").channels[0]
    assert (channel.gain_per_unit, channel.unit, channel.baseline_counts) == (200.0, "mV", 0)


def test_a_matlab_signal_file_with_its_header_loads() -> None:
    recording = load(SAMPLE_FOLDER / "cinc2017" / "A00002.mat")
    assert (recording.fs_hz, recording.counts.shape) == (300.0, (9_000, 1))


def test_records_201_and_202_are_one_subject() -> None:
    assert full_record("mitdb/201").subject == full_record("mitdb/202").subject == "201"


def test_a_full_record_holds_the_published_number_of_beats() -> None:
    sample, _ = beats_of(full_record("mitdb/100").events)
    assert len(sample) == 2_273


def test_the_invalid_code_of_format_212_marks_missing_samples() -> None:
    recording = full_record("cudb/cu12")
    missing = recording.counts == -2048
    assert recording.invalid is not None
    assert missing.any()
    np.testing.assert_array_equal(recording.invalid, missing)
    np.testing.assert_array_equal(np.isnan(recording.physical(0)), missing[:, 0])


def test_a_constant_signal_loads(record: Path) -> None:
    record.with_suffix(".dat").write_bytes(bytes(3 * 108_000))
    assert not load(record).counts.any()


def test_a_signal_without_one_valid_sample_loads_as_invalid(record: Path) -> None:
    record.with_suffix(".dat").write_bytes(bytes([0x00, 0x88, 0x00]) * 108_000)
    invalid = load(record).invalid
    assert invalid is not None
    assert invalid.all()


def test_signals_of_the_highest_rate_are_kept(tmp_path: Path) -> None:
    frames = np.arange(30, dtype="<i2").reshape(10, 3)
    frames.tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text("r 2 100 10\nr.dat 16x2 1 16 0 0 0 0 fast\nr.dat 16 1 16 0 0 0 0 slow\n")
    recording = load(tmp_path / "r")
    assert (recording.fs_hz, [c.name for c in recording.channels]) == (200.0, ["fast"])
    np.testing.assert_array_equal(recording.counts[:, 0], frames[:, :2].ravel())


def test_annotations_just_after_the_end_are_dropped(record: Path) -> None:
    n_frames = int(load(record).events.sample[-1])
    dat = record.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[: 3 * n_frames])
    edit(record, "108000", str(n_frames))
    assert load(record).events.sample[-1] < n_frames


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"999\.hea: no such file"):
        load(tmp_path / "999.hea")
    with pytest.raises(InputError, match="999: no such file"):
        load(tmp_path / "999")


def test_a_truncated_signal_file_is_refused(record: Path) -> None:
    dat = record.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[:1000])
    with pytest.raises(CorruptRecordError, match=r"201\.dat: is truncated: 333 samples .* header 108000"):
        load(record)


@pytest.mark.parametrize("n_samples", ["107999", "108001", "999999999999"])
def test_a_wrong_sample_count_is_refused(record: Path, n_samples: str) -> None:
    with pytest.raises(CorruptRecordError, match=f"108000 samples per signal, header {n_samples}"):
        load(edit(record, "108000", n_samples))


@pytest.mark.parametrize("suffix", [".hea", ".dat", ".atr"])
def test_an_empty_file_is_refused(record: Path, suffix: str) -> None:
    record.with_suffix(suffix).write_bytes(b"")
    with pytest.raises(CorruptRecordError, match=rf"201\{suffix}: .*(empty|no sample|ends with)"):
        load(record)


def test_a_header_that_names_a_missing_file_is_refused(record: Path) -> None:
    with pytest.raises(CorruptRecordError, match=r"201\.hea: signal file 'other\.dat' is missing"):
        load(edit(record, "201.dat", "other.dat"))


@pytest.mark.parametrize("name", ["../201.dat", "/etc/passwd", "..", "a\\b.dat"])
def test_signal_files_outside_the_folder_are_refused(record: Path, name: str) -> None:
    with pytest.raises(CorruptRecordError, match="lies outside the folder"):
        load(edit(record, "201.dat", name))


@pytest.mark.parametrize("fs", ["0", "-360", "0.5", "1e9", "nan", "inf", "fast"])
def test_an_absurd_sampling_rate_is_refused(record: Path, fs: str) -> None:
    with pytest.raises(CorruptRecordError, match="sampling rate"):
        load(edit(record, "201 2 360", f"201 2 {fs}"))


@pytest.mark.parametrize("storage_format", ["0", "13", "508", "516"])
def test_an_unsupported_format_is_refused(record: Path, storage_format: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"storage format {storage_format} is not read"):
        load(edit(record, "201.dat 212", f"201.dat {storage_format}"))


@pytest.mark.parametrize("field", ["212:" + "9" * 5000, "212+" + "9" * 5000, "212x0", "212 1e-300", "212 nan"])
def test_numbers_beyond_their_limits_are_refused(record: Path, field: str) -> None:
    with pytest.raises(CorruptRecordError, match=r"201\.hea"):
        load(edit(record, "201.dat 212 200", f"201.dat {field}"))


def test_a_multi_segment_record_is_refused(record: Path) -> None:
    with pytest.raises(UnsupportedFormatError, match="multi-segment"):
        load(edit(record, "201 2 360", "201/3 2 360"))


def test_a_wrong_number_of_signals_is_refused(record: Path) -> None:
    with pytest.raises(CorruptRecordError, match="3 signals announced, 2 lines found"):
        load(edit(record, "201 2 360", "201 3 360"))


def test_truncated_or_garbage_annotations_are_refused(record: Path) -> None:
    annotations = record.with_suffix(".atr")
    for content in (annotations.read_bytes()[:100], b"no annotations", b"\xff" * 7 + bytes(2)):
        annotations.write_bytes(content)
        with pytest.raises(CorruptRecordError, match=r"201\.atr"):
            load(record)


def test_annotations_of_a_longer_record_are_refused(record: Path) -> None:
    dat = record.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes()[:3000])
    with pytest.raises(CorruptRecordError, match=r"annotation at sample .* outside 0 to 999"):
        load(edit(record, "108000", "1000"))


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ecg.pdf").write_bytes(b"%PDF")
    with pytest.raises(UnsupportedFormatError, match=r"ecg\.pdf: files of kind '\.pdf' are not read"):
        load(tmp_path / "ecg.pdf")
    with pytest.raises(InputError, match="a folder, not a recording"):
        load(tmp_path)


def assert_loads_or_one_line(path: Path) -> None:
    try:
        recording = load(path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        assert path.stem in str(error)
    else:
        assert 1 <= recording.fs_hz <= 100_000


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 120), removed=st.integers(0, 6), inserted=st.binary(max_size=6))
def test_a_damaged_header_never_ends_in_another_error(
    record: Path, position: int, removed: int, inserted: bytes
) -> None:
    whole = (MITDB / "201.hea").read_bytes()
    record.write_bytes(whole[:position] + inserted + whole[position + removed :])
    record.with_suffix(".atr").unlink(missing_ok=True)
    assert_loads_or_one_line(record)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_as_header_never_end_in_another_error(record: Path, content: bytes) -> None:
    record.write_bytes(content)
    assert_loads_or_one_line(record)
