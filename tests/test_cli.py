"""The command line: exit status, one line for every bad input, and nothing written."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ictus.app import commands
from ictus.app.cli import main
from ictus.compression import CompactModel, to_bytes
from ictus.firmware_export.emulator.footprint import DisagreementError
from ictus.firmware_export.emulator.machine import RuntimeRefusedError
from ictus.firmware_export.toolchain import MissingToolError
from ictus.models.float_model import FloatModel
from ictus.models.weights import FloatFile, float_to_bytes, seeded_net
from ictus.signals import N_GATE_FEATURES, SAMPLE_FOLDER

FS_HZ, SECONDS = 250, 20
RECORD_LINE = f"r 1 {FS_HZ} {FS_HZ * SECONDS}"
SIGNAL_LINE = "r.dat 16 200/mV 16 0 0 0 0 II"


@pytest.fixture
def model(random_model: CompactModel, tmp_path: Path) -> Path:
    """A compact model that rejects nothing."""
    stages = tuple(replace(s, threshold=-128) for s in random_model.stages)
    path = tmp_path / "m.ictus"
    path.write_bytes(to_bytes(replace(random_model, stages=stages)))
    return path


def wfdb_record(folder: Path, counts: np.ndarray, record_line: str = RECORD_LINE, line: str = SIGNAL_LINE) -> Path:
    (folder / "r.hea").write_text(f"{record_line}\n{line}\n")
    (folder / "r.dat").write_bytes(counts.astype("<i2").tobytes())
    return folder / "r.hea"


def flat() -> np.ndarray:
    return np.zeros(FS_HZ * SECONDS)


def text_file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def edf_with_broken_header(folder: Path) -> Path:
    data = bytearray(next((SAMPLE_FOLDER / "chbmit").glob("*.edf")).read_bytes()[:100_000])
    data[252:256] = b"abcd"
    (folder / "x.edf").write_bytes(data)
    return folder / "x.edf"


def without_its_signal(folder: Path) -> Path:
    header = wfdb_record(folder, flat())
    (folder / "r.dat").unlink()
    return header


def slow_wave(folder: Path) -> Path:
    return wfdb_record(folder, 20 * np.sin(2 * np.pi * 0.1 * np.arange(FS_HZ * SECONDS) / FS_HZ))


BAD_RECORDS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda f: f / "nowhere.edf", "no such file"),
    "empty": (lambda f: text_file(f, "x.csv", ""), "empty"),
    "empty header": (lambda f: text_file(f, "x.hea", ""), "empty"),
    "a folder": (lambda f: f, "folder"),
    "truncated .dat": (lambda f: wfdb_record(f, flat()[:-100]), "truncated"),
    ".hea names a missing file": (without_its_signal, "is missing"),
    "wrong sample count": (lambda f: wfdb_record(f, np.zeros(9000)), "longer than its header"),
    "unsupported file": (lambda f: text_file(f, "x.mp3", "x"), "'.mp3'"),
    "unsupported storage": (lambda f: wfdb_record(f, flat(), line="r.dat 999 200"), "999"),
    "rate 0": (lambda f: wfdb_record(f, flat(), f"r 1 0 {FS_HZ * SECONDS}"), "0 Hz"),
    "rate absurd": (lambda f: wfdb_record(f, flat(), f"r 1 1e12 {FS_HZ * SECONDS}"), "1e+12 Hz"),
    "rate too low for ECG": (lambda f: wfdb_record(f, flat(), f"r 1 20 {FS_HZ * SECONDS}"), "20 Hz"),
    "all NaN": (lambda f: text_file(f, "x.csv", "# fs_hz=250\nII\n" + "nan\n" * 5000), "no valid sample"),
    "constant": (lambda f: wfdb_record(f, flat()), "no beat found"),
    "no beat": (slow_wave, "no beat found"),
    "EDF with a broken header": (edf_with_broken_header, "x.edf"),
    "text named .edf": (lambda f: text_file(f, "x.edf", "once upon a time " * 50), "x.edf"),
    "not a voltage": (lambda f: wfdb_record(f, flat(), line="r.dat 16 200/mmHg 16 0 0 0 0 ABP"), "mmHg"),
}


@pytest.mark.parametrize("case", BAD_RECORDS)
def test_a_bad_recording_is_one_line_and_status_2(
    case: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, expected = BAD_RECORDS[case]
    out, folder = tmp_path / "out", tmp_path / "in"
    folder.mkdir()
    assert main(["analyze", str(make(folder)), "--model", str(model), "--out", str(out)]) == 2
    assert_one_line(capsys, expected)
    assert not out.exists()


def assert_one_line(capsys: pytest.CaptureFixture[str], expected: str) -> None:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ictus: ")
    assert captured.err.count("\n") == 1
    assert expected in captured.err


def test_a_flipped_byte_or_another_version_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = model.read_bytes()
    for position, expected in ((40, "checksum"), (4, "version"), (0, "neither a compact model (.ictus) nor")):
        data = bytearray(good)
        data[position] ^= 8
        model.write_bytes(data)
        out = tmp_path / "out"
        assert main(["analyze", sample("100"), "--model", str(model), "--out", str(out)]) == 2
        assert_one_line(capsys, expected)
        assert not out.exists()


def test_a_card_that_is_no_json_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("{", "[]"):
        (tmp_path / "m.ictus.json").write_text(text)
        assert main(["analyze", sample("100"), "--model", str(model), "--out", str(tmp_path / "out")]) == 2
        assert_one_line(capsys, "m.ictus.json: not the JSON of a model's card")


def test_a_float_model_with_a_flipped_byte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    float_model = FloatModel(seeded_net(N_GATE_FEATURES, 0).eval(), {"gate": 0.0, "screen": 0.0})
    data = bytearray(float_to_bytes(FloatFile("beat", float_model)))
    data[-3] ^= 1
    (tmp_path / "m.safetensors").write_bytes(data)
    out = tmp_path / "out"
    model = str(tmp_path / "m.safetensors")
    assert main(["analyze", sample("100"), "--model", model, "--out", str(out)]) == 2
    assert_one_line(capsys, "checksum")
    assert not out.exists()


def sample(name: str) -> str:
    return str(SAMPLE_FOLDER / "mitdb" / name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "no-such-record", "--out", "{file}/out"],
        ["run", "--out", "{file}/out"],
        ["run", "--json", "{file}/x.json"],
        ["train", "beat", "--out", "{file}/m.safetensors"],
        ["export", "beat", "--format", "c", "--out", "{file}/c"],
        ["evaluate", "beat", "--json", "{nowhere}/x.json"],
        ["data", "fetch", "mitdb", "--data", "{file}/data"],
    ],
)
def test_an_unwritable_output_is_noticed_before_the_work(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    paths = {"file": tmp_path / "file", "nowhere": tmp_path / "nowhere"}
    assert main([a.format(**paths) for a in arguments]) == 2
    assert_one_line(capsys, "cannot write here")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["analyze"],
        ["train"],
        ["evaluate", "beat", "--peaks", "guessed"],
        ["train", "beat", "--seed", "x"],
        ["train", "beat", "--seeds", "0"],
        ["evaluate", "beat", "--folds", "few"],
    ],
)
def test_bad_arguments_are_one_line_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert_one_line(capsys, "--help")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "juggle"], "juggle"),
        (["evaluate", "beat", "--split", "lucky"], "lucky"),
        (["evaluate", "beat", "--model", "nowhere.ictus"], "nowhere.ictus"),
        (["evaluate", "beat", "--recipe", "default"], "--recipe is not an option of `ictus evaluate beat`"),
        (
            ["compress", "beat", "--recipe", "nope", "--data", "nowhere"],
            "recipe 'nope' is not known; known: default",
        ),
        (["compress", "rhythm", "--recipe", "nope", "--data", "nowhere"], "recipe 'nope' is not known"),
        (["evaluate", "seizure", "--recipe", "nope", "--split", "loso"], "recipe 'nope' is not known"),
        (["evaluate", "rhythm", "--recipe", "nope", "--data", "nowhere"], "recipe 'nope' is not known"),
        (["train", "rhythm", "--extra", "svdb"], "--extra is not an option of `ictus train rhythm`"),
        (["run", "--task", "rhythm"], "`ictus run` serves the task beat, not rhythm"),
        (["data", "verify"], "needs the name"),
        (["data", "fetch", "nodb"], "nodb"),
        (["simulate", "nowhere.ictus", "x"], "nowhere.ictus"),
    ],
)
def test_unknown_names_are_one_line_and_status_2(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert_one_line(capsys, expected)
    assert not list(tmp_path.iterdir())


def test_analyze_writes_three_files_and_the_json(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, as_json = tmp_path / "out", tmp_path / "x.json"
    arguments = ["analyze", sample("100"), "--model", str(model), "--out", str(out), "--json", str(as_json)]
    assert main(arguments) == 0
    assert sorted(p.name for p in out.iterdir()) == ["100.beat", "100.beat.json", "100_events.tsv"]
    assert json.loads(as_json.read_text()) == json.loads((out / "100.beat.json").read_text())
    assert "Research use only" in capsys.readouterr().out


def test_json_on_standard_output_is_alone_there(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", sample("100"), "--model", str(model), "--out", str(tmp_path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["record"] == "100"


def test_only_bad_input_has_status_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """That the device disagrees with the reference is nobody's input."""
    for error, status in ((MissingToolError("x"), 2), (RuntimeRefusedError("x"), 2), (DisagreementError("x"), 1)):

        def fail(_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(commands, "COMMANDS", {"data": fail})
        assert main(["data", "list"]) == status
        assert_one_line(capsys, "x")


@pytest.mark.parametrize(("error", "status"), [(RuntimeError("broken\nhere"), 1), (KeyboardInterrupt(), 130)])
def test_what_is_not_the_users_fault(
    error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "COMMANDS", {"data": fail})
    monkeypatch.delenv("ICTUS_DEBUG", raising=False)
    assert main(["data", "list"]) == status
    assert_one_line(capsys, "interrupted" if status == 130 else "internal error, RuntimeError: broken here")
    if status == 1:
        assert main(["data", "list", "--traceback"]) == 1
        assert "Traceback" in capsys.readouterr().err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "not a medical device" in text.lower()
    assert all(name in text for name in commands.COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ictus ")


def test_data_list_tells_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "--data", str(SAMPLE_FOLDER), "--json", "-"]) == 0
    states = {d["name"]: d for d in json.loads(capsys.readouterr().out)["datasets"]}
    assert states["mitdb"]["n_recordings"] > 0
    assert states["svdb"]["n_recordings"] == 0
