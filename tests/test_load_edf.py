"""EDF and EDF+ files, held against the clauses of the specification that they can break."""

import shutil
from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.signals import SAMPLE_FOLDER, CorruptRecordError, InputError, UnsupportedFormatError, load

CLIP = SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A writable copy of a real clip."""
    return Path(shutil.copyfile(CLIP, tmp_path / "clip.edf"))


def overwrite(path: Path, position: int, field: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[position : position + len(field)] = field
    path.write_bytes(content)
    return path


def write_edf(path: Path, signals: list[edfio.EdfSignal], notes: list[edfio.EdfAnnotation]) -> Path:
    edfio.Edf(signals, annotations=notes or None).write(path)
    return path


def ramp(fs_hz: float, n_samples: int, label: str) -> edfio.EdfSignal:
    values = np.linspace(-1.0, 1.0, n_samples)
    return edfio.EdfSignal(values, fs_hz, label=label, physical_dimension="mV", physical_range=(-2, 2))


def test_a_real_clip_loads_with_all_channels() -> None:
    recording = load(CLIP)
    assert (recording.fs_hz, recording.counts.shape) == (256.0, (2_560, 23))
    assert recording.channels[0].name == "FP1-F7"
    assert recording.channels[0].unit == "uV"
    assert recording.subject == "chb01"


def test_physical_values_agree_with_the_edf_library_within_its_rounding() -> None:
    signal = edfio.read_edf(CLIP).signals[3]
    step = (signal.physical_max - signal.physical_min) / (signal.digital_max - signal.digital_min)
    np.testing.assert_allclose(load(CLIP).physical(3), signal.data, atol=step * 1e-6)


def test_a_micro_sign_in_the_unit_survives(clip: Path) -> None:
    """The specification asks for ASCII, "uV"; many recorders write the Latin-1 sign."""
    assert load(overwrite(clip, 256 + 23 * 96, b"\xb5V      ")).channels[0].unit == "\u00b5V"


def test_an_unfinished_header_takes_the_records_that_are_there(clip: Path) -> None:
    assert load(overwrite(clip, 236, b"-1      ")).n_samples == 2_560


def test_edf_plus_annotations_become_events(tmp_path: Path) -> None:
    notes = [edfio.EdfAnnotation(2.5, 3.0, "seizure"), edfio.EdfAnnotation(1.0, None, "spike")]
    events = load(write_edf(tmp_path / "a.edf", [ramp(100, 1_000, "C3")], notes)).events
    assert events.symbol.tolist() == ["spike", "seizure"]
    assert events.sample.tolist() == [100, 250]
    assert events.duration_s.tolist() == [0.0, 3.0]


def test_annotations_outside_the_recording_are_dropped(tmp_path: Path) -> None:
    notes = [edfio.EdfAnnotation(1.0, None, "in"), edfio.EdfAnnotation(10.0, None, "out")]
    recording = load(write_edf(tmp_path / "a.edf", [ramp(100, 1_000, "C3")], notes))
    assert recording.events.symbol.tolist() == ["in"]


def test_signals_of_the_highest_rate_are_kept(tmp_path: Path) -> None:
    signals = [ramp(100, 1_000, "C3"), ramp(1, 10, "SpO2"), ramp(100, 1_000, "C4")]
    recording = load(write_edf(tmp_path / "a.edf", signals, []))
    assert [c.name for c in recording.channels] == ["C3", "C4"]
    assert (recording.fs_hz, recording.n_samples) == (100.0, 1_000)


def test_a_text_file_named_edf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.edf"
    path.write_text("patient was asleep\n" * 100)
    with pytest.raises(CorruptRecordError, match=r"notes\.edf: not an EDF file, it begins with b'patient '"):
        load(path)


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.edf").touch()
    with pytest.raises(CorruptRecordError, match=r"a\.edf: the file is empty"):
        load(tmp_path / "a.edf")
    with pytest.raises(InputError, match=r"b\.edf: no such file"):
        load(tmp_path / "b.edf")


@pytest.mark.parametrize(
    ("position", "field", "message"),
    [
        (184, b"512     ", "header of 512 bytes, 23 signals need 6144"),
        (236, b"many    ", "number of data records 'many'"),
        (236, b"11      ", "11 data records announced, the file holds 10"),
        (244, b"nan     ", "data record duration 'nan'"),
        (244, b"0       ", "sampling rate inf Hz"),
        (244, b"1e-9    ", "sampling rate .* outside"),
        (252, b"0   ", "number of signals '0'"),
        (252, b"9999", "number of signals '9999'"),
        (256 + 23 * 216, b"-256    ", "samples per data record '-256'"),
        (256 + 23 * 120, b"-32768  ", "empty range"),
    ],
)
def test_a_broken_header_field_is_named(clip: Path, position: int, field: bytes, message: str) -> None:
    if message == "empty range":
        overwrite(clip, 256 + 23 * 128, field)
    with pytest.raises(CorruptRecordError, match=message):
        load(overwrite(clip, position, field))


def test_a_truncated_file_is_refused(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes()[:-1_000])
    with pytest.raises(CorruptRecordError, match="10 data records announced, the file holds 9"):
        load(clip)


def test_a_discontinuous_recording_without_times_is_refused(clip: Path) -> None:
    with pytest.raises(CorruptRecordError, match=r"data record 1 of an EDF\+D file tells no start time"):
        load(overwrite(clip, 192, b"EDF+D"))


def test_annotations_alone_are_refused(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "a.edf", [], [edfio.EdfAnnotation(0.0, None, "alone")])
    with pytest.raises(UnsupportedFormatError, match="annotations only"):
        load(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 256 * 24), field=st.binary(min_size=1, max_size=8))
def test_a_damaged_header_never_ends_in_another_error(clip: Path, position: int, field: bytes) -> None:
    shutil.copyfile(CLIP, clip)
    try:
        recording = load(overwrite(clip, position, field))
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        assert "clip.edf" in str(error)
    else:
        assert np.isfinite(recording.physical(0)).all()
