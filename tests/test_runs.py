"""The registry of runs: what a record holds, how runs are compared, and that it is never in the way."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from ictus.app.cli import main
from ictus.app.review.store import open_store
from ictus.app.run_notes import note_data, note_result, note_seeds
from ictus.app.runs.compare import compare_runs
from ictus.app.runs.figures import figures_in, splits_in
from ictus.app.runs.record import RunRecord, RunResult, RunStart, this_host, this_process
from ictus.app.runs.recording import recorded
from ictus.app.runs.store import RunStore, open_runs
from ictus.signals import SAMPLE_FOLDER, InputError
from ictus.signals.whole_files import write_bytes
from sqlalchemy import text

START = RunStart(
    kind="train",
    task="beat",
    command="ictus train beat",
    arguments={"task": "beat", "seed": 0, "out": "a"},
    version="0.1.0",
    code="ab" * 8,
    environment={"python": "3.11"},
    host=this_host(),
    process=this_process(),
    started_at="2026-01-01T00:00:00.000Z",
)
RESULT = RunResult(
    status=0,
    ended_at="2026-01-01T00:01:00.000Z",
    duration_s=60.0,
    data={"mitdb": {"files": 3, "sha256": "ab" * 32}},
    splits={"inter": "cd" * 32},
    seeds=(0,),
    figures={"accuracy": 0.9, "classes.V.n": 7},
    files={"/a/m": "ef" * 32},
)


@pytest.fixture
def runs(review_url: str):
    opened = open_runs(review_url)
    yield opened
    opened.close()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "registry.sqlite"
    monkeypatch.setenv("ICTUS_REVIEWS", str(path))
    return path


def _latest(path: Path) -> RunRecord:
    opened = open_runs(str(path))
    try:
        return opened.latest(1)[0]
    finally:
        opened.close()


def test_what_was_recorded_is_there_for_the_next_program(runs, review_url):
    number = runs.begin(START)
    assert runs.get(number).state == "running"
    runs.end(number, RESULT)
    other = open_runs(review_url)
    assert other.get(number) == RunRecord(number, START, RESULT)
    assert other.get(number).state == "done"
    other.close()


def test_runs_and_reviews_live_in_one_database(runs, review_url):
    number = runs.begin(START)
    reviews = open_store(review_url)
    assert reviews.recordings() == ()
    reviews.close()
    assert runs.get(number).start == START


def test_a_database_of_reviews_alone_gets_the_table_of_runs(review_url):
    open_store(review_url).close()
    opened = open_runs(review_url)
    assert opened.latest() == []
    opened.close()


def test_order_is_that_of_beginning_whatever_the_clock_says(runs):
    numbers = [
        runs.begin(replace(START, started_at=when))
        for when in ("2026-05-02T00:00:00.000Z", "2020-01-01T00:00:00.000Z")
    ]
    assert [run.id for run in runs.latest()] == sorted(numbers, reverse=True)


def test_filters_take_kind_task_time_and_number(runs):
    train, evaluate = runs.begin(START), runs.begin(replace(START, kind="evaluate", task="rhythm"))
    late = runs.begin(replace(START, started_at="2026-02-01T00:00:00.000Z"))
    assert [run.id for run in runs.latest(kind="train")] == [late, train]
    assert [run.id for run in runs.latest(task="rhythm")] == [evaluate]
    assert [run.id for run in runs.latest(since="2026-01-15T00:00:00.000Z")] == [late]
    assert [run.id for run in runs.latest(limit=2)] == [late, evaluate]


def test_many_runs_at_once_lose_nothing(runs):
    def one() -> None:
        for _ in range(5):
            runs.end(runs.begin(START), RESULT)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = runs.latest()
    assert len(found) == 20
    assert {run.state for run in found} == {"done"}


def test_a_newer_table_is_refused_and_the_reviews_beside_it_are_not(runs, review_url):
    with runs._engine.begin() as connection:
        connection.execute(text("UPDATE ictus_runs_schema SET version = 99"))
    with pytest.raises(InputError, match="version 99 of the table of runs; this ictus knows up to 1"):
        open_runs(review_url)
    open_store(review_url).close()


@pytest.mark.parametrize(
    ("process", "state"),
    [({"pid": 2**22 + 1}, "killed"), (this_process(), "running"), (this_process() | {"ticks": 1}, "killed")],
    ids=["gone", "alive", "number used again"],
)
def test_a_run_that_never_ended_is_running_or_killed(process, state):
    assert RunRecord(1, replace(START, process=process), RunResult()).state == state
    assert RunRecord(1, replace(START, host="elsewhere"), RunResult()).state == "never ended"


def test_a_command_says_what_it_read_and_what_came_out(registry, tmp_path):
    record = SAMPLE_FOLDER / "mitdb" / "208.hea"
    with recorded("train", {"task": "beat", "extra": (Path("x"),)}, ["train", "my beat"]):
        note_data("mitdb", [record])
        note_seeds([3, 4])
        note_result({"accuracy": 0.5, "split": "inter", "split_sha256": "ab"})
        written = write_bytes(tmp_path / "m", b"model")
    run = _latest(registry)
    assert run.start.command == "ictus train 'my beat'"
    assert run.start.arguments == {"task": "beat", "extra": ["x"]}
    assert run.result.data["mitdb"]["files"] == 3  # .hea, .dat, .atr
    assert (run.result.seeds, run.result.figures, run.result.splits) == (
        (3, 4),
        {"accuracy": 0.5},
        {"inter": "ab"},
    )
    assert run.result.files == {str(written): "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"}


def test_the_hash_of_the_data_is_that_of_names_and_contents_wherever_they_lie(registry, tmp_path):
    def digest(folder: str, content: bytes) -> str:
        path = tmp_path / folder / "1.edf"
        path.parent.mkdir()
        path.write_bytes(content)
        with recorded("train", {}, []):
            note_data("mine", [path])
        return _latest(registry).result.data["mine"]["sha256"]

    assert digest("a", b"x") == digest("b", b"x") != digest("c", b"y")


@pytest.mark.parametrize(
    ("error", "status", "state"),
    [(InputError("x.hea: no"), 2, "failed"), (KeyboardInterrupt(), 130, "interrupted"),
     (ZeroDivisionError(), 1, "failed"),
     (OSError(28, "No space left on device", "x.json"), 2, "failed")],
)  # fmt: skip
def test_how_a_run_ended_is_recorded(registry, error, status, state):
    with pytest.raises(type(error)), recorded("train", {}, []):
        raise error
    run = _latest(registry)
    assert (run.result.status, run.state) == (status, state)
    assert run.result.error


def test_a_killed_run_shows_as_killed(registry):
    script = (
        "from ictus.app.runs.recording import recorded\nimport time\n"
        "with recorded('train', {}, []):\n    print(1, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert _latest(registry).state == "running"
        os.kill(process.pid, signal.SIGKILL)
    assert _latest(registry).state == "killed"


def test_a_registry_that_cannot_be_written_is_one_line_and_the_run_goes_on(tmp_path, monkeypatch, capsys):
    (tmp_path / "r").write_text("no database at all " * 100)
    monkeypatch.setenv("ICTUS_REVIEWS", str(tmp_path / "r"))
    done = []
    with recorded("train", {}, []):
        done.append(1)
    assert done == [1]
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "not in the registry of runs" in said


def test_a_registry_that_fills_up_meanwhile_is_one_line_and_the_run_succeeds(registry, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(registry))

    with recorded("train", {}, []):
        monkeypatch.setattr(RunStore, "end", full)
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert said.count("\n") == 1


def test_figures_are_numbers_by_their_path_and_no_tables():
    result = {
        "accuracy": 0.5,
        "nothing": None,
        "is_sample": True,
        "bad": float("nan"),
        "classes": {"V": {"n": 3}},
        "evaluations": [{"split": "inter", "model": "float", "peaks": "detected", "accuracy": 0.25}],
        "per_record": {"100": {"accuracy": 1.0}},
        "counts": [1, 2, 3],
    }
    assert figures_in(result) == {
        "accuracy": 0.5,
        "classes.V.n": 3,
        "evaluations.inter/float/detected.accuracy": 0.25,
    }
    assert splits_in({"splits": {"inter": {"sha256": "ab"}}, "split": "cv", "split_sha256": "cd"}) == {
        "cv": "cd",
        "inter": "ab",
    }


def test_a_comparison_shows_what_was_asked_and_what_came_out_differently():
    first = RunRecord(1, START, RESULT)
    other = RunRecord(
        2,
        replace(START, arguments={"task": "beat", "seed": 1, "out": "b"}, code="cd" * 8),
        replace(RESULT, seeds=(1,), figures={"accuracy": 0.75, "new": 1}, files={"/b/m": "00" * 32}),
    )
    found = compare_runs([first, other])
    assert found["differs"] == {
        "arguments": {"seed": [0, 1]},
        "seeds": {"seeds": [[0], [1]]},
        "code": {"files": ["ab" * 8, "cd" * 8]},
    }
    assert found["figures"]["accuracy"] == {"values": [0.9, 0.75], "differences": [0.0, pytest.approx(-0.15)]}
    assert found["figures"]["new"] == {"values": [None, 1], "differences": [None, None]}
    assert found["files"] == {"m": False}
    assert compare_runs([first, first])["differs"] == {}


def test_the_command_lists_shows_and_compares(registry, capsys):
    opened = open_runs(str(registry))
    for figure in (0.9, 0.8):
        opened.end(opened.begin(START), replace(RESULT, figures={"accuracy": figure}))
    opened.close()
    assert main(["runs", "--json", "-"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [run["id"] for run in listed] == [2, 1]
    assert main(["runs", "show", "1"]) == 0
    assert RESULT.data["mitdb"]["sha256"] in capsys.readouterr().out
    assert main(["runs", "compare", "1", "2"]) == 0
    assert "-0.1" in capsys.readouterr().out
    assert main(["runs", "--kind", "compress", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["show", "7"], "no run 7"), (["show", "x"], "'x' is no number"), (["compare", "1"], "from 2 to 20"),
     (["list", "1"], "takes no number"), (["--since", "yesterday"], "is no date"),
     (["--since", "99999999d"], "is no date")],
)  # fmt: skip
def test_bad_arguments_are_one_line(registry, capsys, arguments, message):
    assert main(["runs", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_real_command_leaves_a_record_of_its_data_figures_and_files(registry, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["evaluate", "beat", "--out", str(out)]) == 0
    run = _latest(registry)
    assert (run.state, run.start.kind, run.start.task) == ("done", "evaluate", "beat")
    assert run.result.data["mitdb"]["files"] > 30
    assert 0.5 < run.result.figures["accuracy"] <= 1
    assert len(run.result.splits["inter"]) == 64
    assert str(out / "report.html") in run.result.files
    assert main(["evaluate", "beat", "--model", str(tmp_path / "none")]) == 2
    failed = _latest(registry)
    assert (failed.state, failed.result.status) == ("failed", 2)
    assert "none" in failed.result.error
