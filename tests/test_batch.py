"""Batches of real recordings: every one once, whatever happens to files, workers or the program."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from batch_works import Counting
from ictus.app.analyze.batch import BatchArguments, analyze_batch, batch_text
from ictus.app.analyze.batch_work import AnalyzeWork
from ictus.app.analyze.ecg import analyze
from ictus.app.batch.engine import run_batch
from ictus.app.batch.sources import Source, find_sources
from ictus.app.batch.work import Outcome, Parcel, Task, perform_elsewhere, with_files
from ictus.app.batch.workers import ATTEMPTS, LocalWorkers
from ictus.app.cli import main
from ictus.signals import CLASSES, SAMPLE_FOLDER, InputError, default_data_folder

MITDB = SAMPLE_FOLDER / "mitdb"
_COMMAND = "import sys; from ictus.app.cli import main; sys.exit(main(sys.argv[1:]))"


class NoWorkers:
    """Nobody: there must be nothing to do."""

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        for task in tasks:
            raise AssertionError(f"{task.source.name} was done already")
        return iter(())


class InThisProcess:
    """Works here, one after the other."""

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        for task in tasks:
            yield task, perform_elsewhere(task)


def linked(folder: Path, *names: str) -> Path:
    """A folder with links to the files of some recordings."""
    folder.mkdir(parents=True)
    for name in names:
        for suffix in (".hea", ".dat", ".atr"):
            (folder / f"{name}{suffix}").symlink_to(MITDB / f"{name}{suffix}")
    return folder


def counted(folder: Path, **how: tuple[str, ...] | Path) -> tuple[tuple[Source, ...], Counting]:
    return find_sources([folder]), Counting(**how)  # pyright: ignore[reportArgumentType]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_names_stay_apart_and_links_are_followed_once(tmp_path: Path) -> None:
    one, two = linked(tmp_path / "one", "100", "101"), linked(tmp_path / "two" / "deep", "100")
    (one / "again").symlink_to(one)
    (one / "other").symlink_to(tmp_path / "two")
    (one / ".hidden").mkdir()
    shutil.copy(MITDB / "100.hea", one / ".hidden" / "100.hea")
    assert [s.name for s in find_sources([one])] == ["100", "101", "other/deep/100"]
    both = find_sources([one, two, one / "100.hea"])
    assert [s.name for s in both] == ["101", "deep/100", "one/100", "other/deep/100"]
    assert len({s.path for s in both}) == 4
    assert [s.name for s in find_sources([one, tmp_path / "two"], leave_out=tmp_path / "two" / "deep")] == [
        "100",
        "101",
    ]


def test_two_files_of_one_name_keep_their_suffix(tmp_path: Path) -> None:
    folder = linked(tmp_path / "a", "100")
    (folder / "100.csv").write_text("time_s,II\n0,1\n")
    assert [s.name for s in find_sources([folder])] == ["100.csv", "100.hea"]
    with pytest.raises(InputError, match="no such file"):
        find_sources([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no recording"):
        find_sources([tmp_path / "empty"])


def test_a_partition_says_what_analyze_says(tmp_path: Path) -> None:
    given = BatchArguments((str(MITDB / "200"), str(MITDB / "201")), tmp_path / "out", AnalyzeWork("beat"), jobs=2)
    result = analyze_batch(given)
    assert (result["recordings"], result["done_now"]) == ({"n": 2, "analysed": 2, "failed": 0}, 2)
    single = [analyze(MITDB / name) for name in ("200", "201")]
    assert result["beats"]["V"] == sum(a.n_by_class["V"] for a in single)
    table = ds.dataset(tmp_path / "out" / "partitions").to_table()
    for name, analysis in zip(("200", "201"), single, strict=True):
        mine = [row for row in table.to_pylist() if row["record"] == name]
        beats = [row for row in mine if row["kind"] == "beat"]
        assert [row["onset_s"] for row in beats] == [b.time_s for b in analysis.beats]
        assert [row["label"] for row in beats] == [b.label for b in analysis.beats]
        assert [row["stage"] for row in beats] == [b.stage for b in analysis.beats]
        np.testing.assert_array_equal([row["confidence"] for row in beats], [b.confidence for b in analysis.beats])
        found = {(e.onset_s, e.kind, e.note) for e in analysis.events}
        assert {(r["onset_s"], r["kind"], r["note"]) for r in mine if r["kind"] not in ("beat", "strip")} >= found
    listed = {row["record"]: row for row in rows(tmp_path / "out" / "recordings.csv")}
    assert int(listed["200"]["V"]) == single[0].n_by_class["V"]
    assert float(listed["201"]["af_burden"]) == single[1].summary.rhythm.af_burden
    assert "2 of 2 recordings analysed (2 done now)" in batch_text(result)


def test_bad_files_stand_in_the_error_table_and_stop_nothing(tmp_path: Path) -> None:
    folder = linked(tmp_path / "in", "100", "101", "106")
    (folder / "empty.edf").touch()
    (folder / "text.csv").write_text("a,b\n1,2\n3,4\n")
    (folder / "cut.hea").write_text((MITDB / "100.hea").read_text().replace("100.dat", "cut.dat"))
    (folder / "cut.dat").write_bytes((MITDB / "100.dat").read_bytes()[:1000])
    (folder / "gone.hea").symlink_to(tmp_path / "nowhere.hea")
    n = 5000
    (folder / "flat.csv").write_text("# fs_hz=250\nII[mV]\n" + "0.1\n" * n)
    before = bytes_below(MITDB)
    assert main(["analyze", str(folder), "--out", str(tmp_path / "out"), "--jobs", "2"]) == 0
    errors = {row["record"]: row for row in rows(tmp_path / "out" / "errors.csv")}
    assert sorted(errors) == ["cut", "empty", "flat", "gone", "text"]
    assert {row["kind"] for row in errors.values()} == {"input"}
    assert "0 bytes" in errors["empty"]["reason"]
    assert "no sampling rate" in errors["text"]["reason"]
    assert "cut.dat" in errors["cut"]["reason"]
    assert "No such file" in errors["gone"]["reason"]
    assert [row["record"] for row in rows(tmp_path / "out" / "recordings.csv")] == ["100", "101", "106"]
    assert pq.read_table(tmp_path / "out" / "errors.parquet").num_rows == 5
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["recordings"] == {"n": 8, "analysed": 3, "failed": 5}
    assert [e["record"] for e in summary["errors"]] == sorted(errors)
    assert len(list((tmp_path / "out" / "partitions").iterdir())) == 8
    assert ds.dataset(tmp_path / "out" / "partitions").to_table().num_rows > 1000
    assert bytes_below(MITDB) == before


def test_nothing_but_bad_files_is_bad_input_but_leaves_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.edf").touch()
    assert main(["analyze", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 2
    assert "none of 1 recordings could be analysed" in capsys.readouterr().err
    assert len(rows(tmp_path / "out" / "errors.csv")) == 1


def test_a_second_start_does_no_work_and_a_changed_file_alone_is_done_again(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("100", "101", "106"):
        for suffix in (".hea", ".dat"):
            shutil.copy(MITDB / f"{name}{suffix}", folder)
    sources, work = counted(folder, wrong=("106",))
    first = run_batch(sources, work, tmp_path / "out", InThisProcess())
    tables = bytes_below(tmp_path / "out")
    again = run_batch(sources, work, tmp_path / "out", NoWorkers())
    assert (first.n_new, again.n_new, len(again.results), len(again.errors)) == (3, 0, 2, 1)
    assert bytes_below(tmp_path / "out") == tables
    os.utime(folder / "100.dat", (1, 1))
    assert run_batch(sources, work, tmp_path / "out", NoWorkers()).n_new == 0
    with (folder / "101.dat").open("r+b") as file:
        file.write(b"\x01\x02\x03")
    changed = run_batch(sources, work, tmp_path / "out", InThisProcess())
    assert [d.source.name for d in changed.done if d.is_new] == ["101"]
    assert len(list((tmp_path / "out" / "partitions").iterdir())) == 3


def test_results_of_other_recordings_are_put_aside_and_come_back(tmp_path: Path) -> None:
    sources, work = counted(linked(tmp_path / "in", "100", "101", "106"))
    run_batch(sources, work, tmp_path / "out", InThisProcess())
    run_batch(sources[:1], work, tmp_path / "out", NoWorkers())
    assert len(list((tmp_path / "out" / "partitions").iterdir())) == 1
    assert run_batch(sources, work, tmp_path / "out", NoWorkers()).n_new == 0
    assert len(list((tmp_path / "out" / "partitions").iterdir())) == 3


def test_a_damaged_partition_is_made_again(tmp_path: Path) -> None:
    sources, work = counted(linked(tmp_path / "in", "100", "101"))
    run = run_batch(sources, work, tmp_path / "out", InThisProcess())
    path = run.partition(run.done[0].key)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    (tmp_path / "out" / ".hashes.json").write_text("{")
    assert run_batch(sources, work, tmp_path / "out", InThisProcess()).n_new == 1
    assert path.read_bytes() == whole


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    sources, work = counted(linked(tmp_path / "in", "100", "101", "106", "105"), kills=("101",))
    once = Counting(kills=("101",), kills_until=tmp_path / "killed")
    run = run_batch(sources, once, tmp_path / "out", LocalWorkers(2))
    assert (tmp_path / "killed").exists()
    assert (len(run.results), len(run.errors), run.n_new) == (4, 0, 4)
    always = run_batch(sources, work, tmp_path / "other", LocalWorkers(2))
    assert [d.source.name for d in always.results] == ["100", "105", "106"]
    (error,) = always.errors
    assert (error.source.name, error.verdict.fault) == ("101", "killed")
    assert f"{ATTEMPTS} times" in error.verdict.reason
    assert not multiprocessing.active_children()


def test_all_workers_killed_in_the_middle_of_real_recordings(tmp_path: Path) -> None:
    folder = linked(tmp_path / "in", "100", "200", "201", "203", "208", "213")
    calm = BatchArguments((str(folder),), tmp_path / "calm", AnalyzeWork("beat"), jobs=1)
    expected = analyze_batch(calm)

    def strike(_: str, done: int, total: int, message: str) -> None:
        if done == 2:
            for process in multiprocessing.active_children():
                os.kill(process.pid or 0, signal.SIGKILL)

    given = BatchArguments((str(folder),), tmp_path / "out", AnalyzeWork("beat"), jobs=2)
    assert analyze_batch(given, strike) | {"folder": ""} == expected | {"folder": ""}
    assert bytes_below(tmp_path / "out" / "partitions") == bytes_below(tmp_path / "calm" / "partitions")


@pytest.mark.parametrize("n_done", [1, 3])
def test_the_program_killed_and_started_again_gives_what_an_undisturbed_run_gives(
    tmp_path: Path, n_done: int
) -> None:
    folder = linked(tmp_path / "in", "100", "101", "200", "201")
    partitions = tmp_path / "out" / "partitions"
    command = [sys.executable, "-c", _COMMAND, "analyze", str(folder), "--jobs", "1", "--out"]
    with subprocess.Popen([*command, str(tmp_path / "out")], stderr=subprocess.DEVNULL) as process:
        while len(list(partitions.glob("*.parquet"))) < n_done and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    subprocess.run([*command, str(tmp_path / "out")], check=True, capture_output=True)
    subprocess.run([*command, str(tmp_path / "calm")], check=True, capture_output=True)
    mine, calm = bytes_below(tmp_path / "out"), bytes_below(tmp_path / "calm")
    assert {name: data for name, data in mine.items() if "/." not in f"/{name}"} == {
        name: data for name, data in calm.items() if "/." not in f"/{name}"
    }


def task_of(source: Source) -> Task:
    from ictus.app.batch.identity import FileHashes, program_identity

    hashes, work = FileHashes(source.path.parent / "none"), AnalyzeWork("beat")
    parcels = tuple(Parcel(path, hashes.sha256(path)) for path in work.files(source))
    return Task("key", source, work, program_identity(), parcels)


def test_a_worker_elsewhere_gets_the_files_that_it_does_not_have(tmp_path: Path) -> None:
    for suffix in (".hea", ".dat"):
        shutil.copy(MITDB / f"100{suffix}", tmp_path)
    task = task_of(Source("100", tmp_path / "100.hea"))
    here = perform_elsewhere(task)
    packed = with_files(task)
    (tmp_path / "100.dat").write_bytes(b"another recording of this name")
    assert perform_elsewhere(task).needs_files
    (tmp_path / "100.dat").unlink()
    assert perform_elsewhere(packed) == here
    assert here.partition is not None
    with pytest.raises(InputError, match=r"100\.dat"):
        with_files(task)


def test_a_worker_of_another_version_says_so() -> None:
    from dataclasses import replace

    outcome = perform_elsewhere(replace(task_of(Source("100", MITDB / "100.hea")), program="0.0.1 cafe"))
    assert outcome.fault == "internal"
    assert "0.0.1 cafe" in outcome.reason


@pytest.mark.parametrize(("task", "folder"), [("rhythm", "cinc2017"), ("seizure", "chbmit")])
def test_the_other_tasks_fill_the_same_columns(task: str, folder: str, tmp_path: Path) -> None:
    source = SAMPLE_FOLDER / folder
    paths = tuple(str(p) for p in sorted(source.iterdir()) if p.suffix in (".hea", ".edf"))[:3]
    result = analyze_batch(BatchArguments(paths, tmp_path / "out", AnalyzeWork(task), jobs=1))
    assert result["recordings"] == {"n": len(paths), "analysed": len(paths), "failed": 0}
    table = ds.dataset(tmp_path / "out" / "partitions").to_table()
    kinds = set(table["kind"].to_pylist())
    assert kinds >= ({"strip"} if task == "rhythm" else {"second"})
    assert set(table["record"].to_pylist()) == {Path(p).stem for p in paths}
    assert batch_text(result)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["{in}"], "needs --out DIR"),
        (["{in}/100", "--jobs", "2"], "one recording"),
        (["{in}", "--out", "{out}", "--jobs", "2", "--dask", "tcp://127.0.0.1:1"], "--jobs counts processes"),
        (["{in}", "--out", "{out}", "--model", "nowhere.ictus"], "no such model file"),
        (["{in}", "--out", "{out}", "--task", "seizure", "--channel", "II"], "takes --montage"),
        (["{in}", "--out", "{out}", "--task", "gait"], "is not known"),
    ],
)
def test_wrong_arguments_say_so_in_one_line(
    arguments: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    linked(tmp_path / "in", "100")
    filled = [a.format(**{"in": tmp_path / "in", "out": tmp_path / "out"}) for a in arguments]
    assert main(["analyze", *filled]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out" / "partitions").exists()


@pytest.mark.skipif(not (default_data_folder() / "mitdb").is_dir(), reason="MIT-BIH is not here ($ICTUS_DATA)")
def test_whole_records_by_the_name_of_their_data_set(tmp_path: Path) -> None:
    paths = tuple(str(default_data_folder() / "mitdb" / name) for name in ("100", "114", "201"))
    given = BatchArguments(paths, tmp_path / "out", AnalyzeWork("beat"), jobs=2)
    result = analyze_batch(given)
    assert result["hours"] == pytest.approx(3 * 650_000 / 360 / 3600)
    assert sum(result["beats"][c] for c in CLASSES) > 5000
    assert len(find_sources(["mitdb"])) == 48
