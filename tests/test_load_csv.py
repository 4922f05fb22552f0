"""CSV tables: sampling rate, units, missing cells, and one clear line for what cannot be read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.signals import SAMPLE_FOLDER, CorruptRecordError, InputError, load


def write(folder: Path, text: str) -> Path:
    path = folder / "strip.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_real_strip_written_as_csv_comes_back(tmp_path: Path) -> None:
    strip = load(SAMPLE_FOLDER / "cinc2017" / "A00002")
    rows = "".join(f"{i / 300:.3f},{v:.6f}\n" for i, v in enumerate(strip.physical(0)))
    recording = load(write(tmp_path, "time_s,I[mV]\n" + rows))
    assert recording.fs_hz == 300.0
    assert (recording.channels[0].name, recording.channels[0].unit) == ("I", "mV")
    assert recording.counts.dtype == np.int32
    np.testing.assert_array_equal(recording.physical(0), strip.physical(0))


def test_rate_from_a_comment_and_unit_from_the_name(tmp_path: Path) -> None:
    recording = load(write(tmp_path, "# fs_hz=250\nII,C3[uV]\n0.5,12.25\n-0.5,-3\n"))
    assert recording.fs_hz == 250.0
    assert [(c.name, c.unit) for c in recording.channels] == [("II", "mV"), ("C3", "uV")]
    assert recording.physical(1).tolist() == [12.25, -3.0]


def test_the_argument_wins_over_the_file(tmp_path: Path) -> None:
    assert load(write(tmp_path, "# fs_hz=250\nII\n0\n1\n"), fs_hz=500).fs_hz == 500.0


def test_semicolons_and_tabs_separate_too(tmp_path: Path) -> None:
    assert load(write(tmp_path, "I;II\n1;2\n"), fs_hz=100).counts.shape == (1, 2)
    assert load(write(tmp_path, "I\tII\n1\t2\n"), fs_hz=100).counts.shape == (1, 2)


def test_empty_and_nan_cells_are_invalid_samples(tmp_path: Path) -> None:
    recording = load(write(tmp_path, "I,II\n1,\nnan,2\n3,4\n"), fs_hz=100)
    assert recording.invalid is not None
    assert recording.invalid.tolist() == [[False, True], [True, False], [False, False]]
    assert np.isnan(recording.physical(0)[1])


@pytest.mark.parametrize("cell", ["nan", "0", "1.5"])
def test_a_nan_or_constant_signal_loads(tmp_path: Path, cell: str) -> None:
    assert load(write(tmp_path, "II\n" + f"{cell}\n" * 50), fs_hz=100).n_samples == 50


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("II\n", "1 rows, 2 needed"),
        ("1,2\n3,4\n", "line 1 holds numbers, not channel names"),
        ("I,II\n1,2\n1\n", "line 3 has 1 cells, the first row 2"),
        ("I,II\n1,2\n3,x\n", "line 3, column 'II': 'x' is not a number"),
        ("I,II\n1,inf\n", "line 2 holds an infinite value"),
        ("# fs_hz=0\nII\n1\n", "sampling rate 0 Hz lies outside 1 to 100000 Hz"),
        ("# fs_hz=fast\nII\n1\n", "sampling rate 'fast' is not a number"),
        ("time_s,II\n0,1\n0,2\n", "does not rise"),
        ("time_s,II\n0,1\n0.1,2\n0.2,2\n0.9,2\n", "not evenly spaced"),
        ("time_s,II\n0,1\nnan,2\n0.2,2\n", "not evenly spaced"),
        ("time_s\n0\n1\n", "no channel"),
        ("II\n1\n2\n", "no sampling rate"),
    ],
)
def test_an_unusable_table_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(write(tmp_path, text))
    assert "strip.csv" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_binary_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "strip.csv"
    path.write_bytes(b"\xff\xfe\x00\x80" * 10)
    with pytest.raises(CorruptRecordError, match="byte 0 is not UTF-8 text"):
        load(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=30))
def test_values_keep_a_billionth_of_the_largest(tmp_path: Path, values: list[float]) -> None:
    recording = load(write(tmp_path, "II\n" + "".join(f"{v!r}\n" for v in values)), fs_hz=100)
    tolerance = max(max(map(abs, values)) * 5e-9, 1e-12)
    np.testing.assert_allclose(recording.physical(0), values, rtol=0, atol=tolerance)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet='time_sIV[],;\t\n#"0123456789.-+eEnaf= ', max_size=80))
def test_any_text_loads_or_ends_in_one_line(tmp_path: Path, text: str) -> None:
    try:
        load(write(tmp_path, text), fs_hz=100)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
