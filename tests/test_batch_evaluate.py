"""An evaluation that keeps its decisions gives the figures of one that does not, and goes on where it was."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from ictus.app.output import json_text
from ictus.app.verbs import evaluate
from ictus.signals import SAMPLE_FOLDER, InputError
from ictus.signals.whole_files import noting_files

FOLDERS = {"beat": "mitdb", "rhythm": "cinc2017", "seizure": "chbmit"}

SCORING = {"beat": "ictus.app.tasks.beat.evaluate_decisions", "rhythm": "ictus.app.tasks.rhythm.decided_strips"}


def few(task: str, folder: Path) -> Path:
    """Some of the built-in recordings."""
    source = SAMPLE_FOLDER / FOLDERS[task]
    target = folder / FOLDERS[task]
    if task != "beat":
        shutil.copytree(source, target)
        return target
    target.mkdir(parents=True)
    for name in ("100", "200", "201", "208"):
        for suffix in (".hea", ".dat", ".atr"):
            shutil.copy(source / f"{name}{suffix}", target)
    return target


def refuse(*_: Any) -> None:
    raise AssertionError("nothing was to be done")


@pytest.mark.parametrize("task", FOLDERS)
def test_figures_are_those_of_an_evaluation_in_memory(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = few(task, tmp_path)
    expected = evaluate(task, data=data, split="all")
    kept = evaluate(task, data=data, split="all", out=tmp_path / "out", jobs=2)
    kept.pop("by_peaks", None)
    assert json_text(kept) == json_text(expected)
    monkeypatch.setattr("ictus.app.batch.workers._Worker.start", refuse)
    if task in SCORING:
        monkeypatch.setattr(SCORING[task], refuse)
    again = evaluate(task, data=data, split="all", out=tmp_path / "out")
    again.pop("by_peaks", None)
    assert json_text(again) == json_text(expected)
    assert next((tmp_path / "out" / "decisions" / "partitions").glob("*.parquet")).is_file()


@pytest.mark.parametrize("task", SCORING)
def test_a_result_is_kept_while_its_files_are_as_they_were_written(task: str, tmp_path: Path) -> None:
    data, out = few(task, tmp_path), tmp_path / "out"

    def files() -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}

    with noting_files() as first:
        expected = evaluate(task, data=data, split="all", out=out)
    whole = files()
    with noting_files() as second:
        evaluate(task, data=data, split="all", out=out)
    assert {p.name for p in second} >= {*whole}, "the registry is to hear of the files of a run that did nothing"
    assert {p.name for p in second} <= {p.name for p in first}
    for damage in (
        lambda: (out / "report.html").unlink(),
        lambda: (out / "confusion.csv").write_text("changed"),
        lambda: (out / "decisions" / "result.json").write_text("[1"),
        lambda: (out / "decisions" / "result.json").write_text("[]"),
    ):
        damage()
        assert json_text(evaluate(task, data=data, split="all", out=out)) == json_text(expected)
        assert files() == whole


def test_a_result_is_of_its_options_and_of_its_recordings(tmp_path: Path) -> None:
    data, out = few("beat", tmp_path), tmp_path / "out"
    assert evaluate("beat", data=data, split="all", out=out)["peaks"] == "detected"
    assert evaluate("beat", data=data, split="all", out=out, peaks="reference")["peaks"] == "reference"
    (data / "208.atr").unlink()
    fewer = evaluate("beat", data=data, split="all", out=out, peaks="reference")
    assert fewer["records"] == ["100", "200", "201"]
    assert fewer["not_scored"] == {"208": "no annotation file"}
    assert json.loads((out / "evaluation.json").read_text())["records"] == fewer["records"]


def test_a_killed_worker_and_a_bad_recording_change_no_figure(tmp_path: Path) -> None:
    data = few("beat", tmp_path)
    expected = evaluate("beat", data=data, split="all")
    (data / "202.hea").write_text("202 1 360 1000\n202.dat 212 200 11 1024 0 0 0 MLII\n")
    (data / "202.atr").write_bytes(bytes(2))

    def strike(phase: str, done: int, total: int, message: str) -> None:
        if phase == "recordings" and done == 1:
            for process in multiprocessing.active_children():
                os.kill(process.pid or 0, signal.SIGKILL)

    kept = evaluate("beat", data=data, split="all", out=tmp_path / "out", jobs=2, progress=strike)
    assert "202.dat" in kept["not_scored"]["202"]
    assert kept["by_peaks"]["detected"]["records"] == expected["records"]
    for name in ("not_scored", "by_peaks"):
        kept.pop(name, None)
        expected.pop(name, None)
    assert json_text(kept) == json_text(expected)
    with (tmp_path / "out" / "decisions" / "errors.csv").open(encoding="utf-8", newline="") as file:
        assert [row["record"] for row in csv.DictReader(file)] == ["202"]
    names = sorted(p.name for p in (tmp_path / "out" / "annotations").iterdir())
    assert names == ["100.ict", "200.ict", "201.ict", "208.ict"]


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("beat", {"split": "all", "jobs": 2}),
        ("beat", {"split": "cv", "jobs": 2, "out": "out"}),
        ("rhythm", {"split": "cv", "dask": "tcp://127.0.0.1:9", "out": "out"}),
        ("seizure", {"split": "loso", "jobs": 2, "out": "out"}),
    ],
)
def test_workers_without_recordings_to_share_are_refused(
    task: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="--jobs and --dask share recordings"):
        evaluate(task, data=SAMPLE_FOLDER / FOLDERS[task], **options)
    assert not (tmp_path / "out").exists()
