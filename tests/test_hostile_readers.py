"""Files that once broke a reader, each as small as it gets; found by `benchmarks/fuzz_readers.py`."""

import io
import json
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from ictus.app.evaluate.operating_point import load_curves
from ictus.app.model_files import read_card
from ictus.compression import Recipe
from ictus.compression.recipe import load_recipe
from ictus.compression.sweep_grid import load_grid
from ictus.data_scripts.checksums import parse_sums
from ictus.firmware_export.energy.devices import load_devices
from ictus.models.alarm_model import load_alarm
from ictus.signals import SAMPLE_FOLDER, InputError, LocalDataset, load, open_lead
from ictus.signals.bids_eeg import read_bids_events
from ictus.signals.chbmit import parse_summary, read_clips, read_seizure_file
from ictus.signals.delhi import read_delhi
from ictus.signals.strips import strip_labels
from ictus.signals.umich import read_umich
from refusal import MB, Reader, refused
from scipy.io import savemat

DEEP = b"[" * 3000
CLIP = SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"
CLIPS = b"file,subject,record,start_s,duration_s,state\n"


def grid(path: Path) -> object:
    return load_grid(path, {"default": Recipe()})


def curves(path: Path) -> object:
    return load_curves("beat", path=path)


def card(path: Path) -> object:
    return read_card(path.with_suffix(""))


def labels(path: Path) -> object:
    return strip_labels(LocalDataset("cinc2017", path.parent, (), ".hea", False))


def sums(path: Path) -> object:
    return parse_sums(path.read_text(encoding="latin-1"), str(path))


def summary(path: Path) -> object:
    return parse_summary(path.read_text(encoding="latin-1"), str(path))


@pytest.mark.parametrize(
    ("read", "name", "content"),
    [
        (load_alarm, "a.json", DEEP),
        (curves, "c.json", DEEP),
        (card, "m.ictus.json", b'{"a":' * 3000),
        (grid, "g.toml", b"w=" + DEEP),
        (load_recipe, "r.toml", b"w=" + DEEP),
        (load_devices, "d.toml", b"w=" + DEEP),
    ],
)
def test_what_is_nested_too_deeply_is_refused(tmp_path: Path, read: Reader, name: str, content: bytes) -> None:
    refused(read, tmp_path / name, content, "nested too deeply")


@pytest.mark.parametrize(
    ("read", "name", "content"),
    [
        (load, "r.csv", b"time_s," + b"a" * 3000 + b"\n0,x\n1,2\n"),
        (load, "r.hea", b"r 1\nr.dat " + b"9" * 3000 + b"\n"),
        (load, "r.hea", b"r/" + b"2" * 3000 + b" 1\n"),
        (read_clips, "clips.csv", CLIPS + b"[" * 3000 + b"\n"),
        (read_bids_events, "s_events.tsv", b"onset\tduration\n" + b"9" * 3000 + b"\t1\n"),
        (labels, "REFERENCE.csv", b'a":{' * 900),
        (sums, "SHA256SUMS.txt", b"0" * 64 + b" C:" + b"a" * 3000),
        (load_recipe, "r.toml", b'"' + b"9" * 3000 + b'" = 1'),
        (load_recipe, "r.toml", b'"\\n\\u001b[2J" = 1'),
        (load_devices, "d.toml", b'[mcu."\\n\\u001b[2J"]\nname = 1'),
        (summary, "chb01-summary.txt", b"File Name: a\x0f.edf"),
    ],
)
def test_a_message_stays_one_short_printable_line(tmp_path: Path, read: Reader, name: str, content: bytes) -> None:
    refused(read, tmp_path / name, content)


@pytest.mark.parametrize(
    ("read", "name", "content"),
    [
        (read_clips, "clips.csv", b"\xdc"),
        (read_clips, "clips.csv", CLIPS + b"\xd0\n"),
        (labels, "REFERENCE.csv", b"\xd0,N"),
        (read_bids_events, "s_events.tsv", b"onset\tduration\n\xd0\t1\n"),
        (card, "m.ictus.json", b"\xff{}"),
    ],
)
def test_what_is_not_utf_8_is_refused(tmp_path: Path, read: Reader, name: str, content: bytes) -> None:
    assert "UTF-8" in refused(read, tmp_path / name, content)


@pytest.mark.parametrize(
    ("read", "name", "content"),
    [
        (read_clips, "clips.csv", CLIPS + b"a" * 200_000),
        (labels, "REFERENCE.csv", b"a" * 200_000),
        (read_bids_events, "s_events.tsv", b"onset\tduration\n" + b"1" * 200_000),
    ],
)
def test_a_cell_beyond_what_the_csv_module_takes_is_refused(
    tmp_path: Path, read: Reader, name: str, content: bytes
) -> None:
    refused(read, tmp_path / name, content, "field larger than")


def test_times_far_apart_are_refused_without_a_warning(tmp_path: Path) -> None:
    refused(load, tmp_path / "r.csv", b"t;x\n0;\n1e308;\n.2;\n")


def test_times_that_lie_as_good_as_together_give_no_rate(tmp_path: Path) -> None:
    refused(load, tmp_path / "r.csv", b"t;x\n0;1\n1e-320;2\n", "sampling rate")


@pytest.mark.parametrize("cell", [b"nan", b"inf", b"-inf", b"1e999"])
def test_a_clip_lies_at_a_finite_time(tmp_path: Path, cell: bytes) -> None:
    refused(read_clips, tmp_path / "clips.csv", CLIPS + b"a.edf,s,r,%b,1,ictal\n" % cell, "not a number")


@pytest.mark.parametrize("digit", [b"0", b"9"])
def test_a_time_resolution_is_finite_and_above_0(tmp_path: Path, digit: bytes) -> None:
    text = b"## time resolution: " + digit * 400
    data = struct.pack("<HH", 22 << 10, 63 << 10 | len(text)) + text + b"\0\0"
    refused(read_seizure_file, tmp_path / "r.edf.seizures", data, "no time resolution")


@pytest.mark.parametrize("share", ["9" * 400, "nan", "inf", "-inf", "1e300"])
def test_a_share_in_a_recipe_is_a_number(tmp_path: Path, share: str) -> None:
    refused(load_recipe, tmp_path / "r.toml", f"[channels]\nshare = {share}\n".encode(), "share")


def test_an_integer_too_large_for_a_float_is_refused(tmp_path: Path) -> None:
    huge = "9" * 400
    rows = {name: [int(huge)] for name in ("threshold", "sensitivity")}
    content = json.dumps({"format": 1, "by_kind": {"S": rows}}).encode()
    refused(curves, tmp_path / "c.json", content, "not a file of operating points")
    figure = f"[mcu.a]\nsource = 'x'\n[mcu.a.sleep_ua]\nsource = 'x'\ntypical = {huge}\n"
    refused(load_devices, tmp_path / "d.toml", figure.encode(), "not in order")


@pytest.mark.parametrize(
    "text",
    [
        "mcu = 1",
        "[mcu]\na = 1",
        "default = 'x'",
        "[alias]\na = 1",
        "[battery.a]\nsource = 'x'\nname = 3",
        "[mcu.a]\nsource = 'x'\nclock_mhz = 'fast'",
        "[mcu.a]\nsource = 'x'\nclock_mhz = inf",
        "[mcu.a]\nsource = 'x'\nclock_mhz = true",
        "[mcu.a]\nsource = 'x'\nsleep_ua = 3",
        "[mcu.a.sleep_ua]\nsource = 'x'\ntypical = 'low'",
    ],
)
def test_a_device_table_holds_rows_of_the_right_kinds(tmp_path: Path, text: str) -> None:
    refused(load_devices, tmp_path / "d.toml", text.encode())


@pytest.mark.parametrize("claimed", [2049, 1 << 20, 0xFFFFFFFF])
def test_a_matlab_header_that_claims_too_much_takes_no_memory(tmp_path: Path, claimed: int) -> None:
    file = io.BytesIO()
    savemat(file, {"ictal": np.arange(1024, dtype=np.int16)})
    data = bytearray(file.getvalue())
    at = data.index(struct.pack("<II", 3, 2048))
    data[at + 4 : at + 8] = struct.pack("<I", claimed)
    tracemalloc.start()
    refused(read_delhi, tmp_path / "ictal1.mat", bytes(data), "an element of|values announced")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * MB


def test_a_small_matlab_file_does_not_unpack_without_end(tmp_path: Path) -> None:
    body = zlib.compress(struct.pack("<II", 14, 30 * MB) + bytes(30 * MB))
    head = b"MATLAB 5.0".ljust(124) + b"\0\1IM" + struct.pack("<II", 15, len(body))
    refused(read_delhi, tmp_path / "ictal1.mat", head + body, "takes more than")


def test_a_matlab_value_beyond_16_bits_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    savemat(file, {"ictal": np.arange(70_000, 71_024)})
    refused(read_delhi, tmp_path / "ictal1.mat", file.getvalue(), "16 bits")


def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    refused(read_umich, tmp_path / "umich_seizure.tar.xz", b"")


WFDB_HEADER = b"r 1 360 100\nr.dat 16 200 11 1024 959 0 0 MLII\n"


def record(folder: Path, header: bytes, marks: bytes | None = None) -> Path:
    (folder / "r.hea").write_bytes(header)
    (folder / "r.dat").write_bytes(np.arange(100, dtype="<i2").tobytes())
    if marks is not None:
        (folder / "r.atr").write_bytes(marks)
    return folder / "r.hea"


def test_a_note_that_is_nearly_a_time_resolution_does_not_hang(tmp_path: Path) -> None:
    text = b"## time res\x7flution: 360\0"
    marks = struct.pack("<HH", 22 << 10, 63 << 10 | 23) + text + struct.pack("<HHH", 1 << 10 | 60, 5 << 10 | 20, 0)
    events = load(record(tmp_path, WFDB_HEADER, marks)).events
    assert events.sample.tolist() == [60, 80] and events.symbol.tolist() == ["N", "V"]


def test_annotations_that_go_back_or_on_without_end_are_refused(tmp_path: Path) -> None:
    for distance in (b"\xff\xff\0\0", b"\xff\x7f\xff\xff"):
        record(tmp_path, WFDB_HEADER, struct.pack("<H", 59 << 10) + distance + struct.pack("<HH", 1 << 10 | 1, 0))
        with pytest.raises(InputError, match=r"r\.atr: annotation at sample"):
            load(tmp_path / "r.hea")
    record(tmp_path, WFDB_HEADER, struct.pack("<HHH", 1 << 10 | 1, 63 << 10 | 200, 0))
    with pytest.raises(InputError, match=r"r\.atr: not a WFDB annotation file"):
        load(tmp_path / "r.hea")


@pytest.mark.parametrize("line", [b"r 1", b"r 1 360"])
def test_a_header_that_tells_no_length_is_read_by_the_size_of_its_file(tmp_path: Path, line: bytes) -> None:
    path = record(tmp_path, WFDB_HEADER.replace(b"r 1 360 100", line))
    assert load(path).counts[:, 0].tolist() == list(range(100))
    assert np.concatenate([counts for counts, _ in open_lead(path).pieces()]).tolist() == list(range(100))


def test_a_format_that_wfdb_does_not_read_is_refused_as_such(tmp_path: Path) -> None:
    refused(load, record(tmp_path, b""), WFDB_HEADER.replace(b" 16 ", b" 61 "), "storage format 61 is not read")


def test_a_note_beyond_all_times_is_left_out(tmp_path: Path) -> None:
    edf = (CLIP.read_bytes()[: 256 * 24]).ljust(256 * 24)
    signals = {0: b"EDF Annotations ", 1: b"EEG Fz          "}
    fields = [(16, b""), (80, b""), (8, b"uV"), (8, b"-800"), (8, b"800"), (8, b"-2048"), (8, b"2047")]
    columns = b"".join(
        b"".join((signals[i] if k == 0 else text).ljust(width) for i in signals)
        for k, (width, text) in enumerate(fields)
    )
    head = (
        edf[:184] + b"768".ljust(8) + b"EDF+C".ljust(44) + b"1".ljust(8) + b"1".ljust(8) + b"2".ljust(4) + columns
    )
    head += b" " * 160 + b"32".ljust(8) * 2 + b" " * 64
    notes = b"+0\x14\x14\0+1e308\x14far\x14\0+0.5\x14near\x14\0".ljust(64, b"\0")
    (tmp_path / "r.edf").write_bytes(head + notes + bytes(64))
    assert load(tmp_path / "r.edf").events.symbol.tolist() == ["near"]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"256 Hz", b"9" * 5000 + b" Hz"), (b"2996", b"9" * 400), (b"13:43:04", b"9" * 5000 + b":00:00")],
)
def test_numbers_without_end_in_a_summary_are_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    text = (
        b"Data Sampling Rate: 256 Hz\nFile Name: chb01_03.edf\nFile Start Time: 13:43:04\n"
        b"Number of Seizures in File: 1\nSeizure Start Time: 2996 seconds\nSeizure End Time: 3036 seconds\n"
    )
    assert parse_summary(text.decode(), "summary").files
    refused(summary, tmp_path / "chb01-summary.txt", text.replace(old, new), "no known form")


def test_a_key_of_a_grid_is_only_so_deep(tmp_path: Path) -> None:
    text = b"[[grid]]\nvary." + b"a." * 3000 + b"b = [1]\n"
    refused(grid, tmp_path / "g.toml", text)
