"""Batches on a real Dask cluster whose workers are other processes, one of them killed in the middle."""

import os
import shutil
import signal
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ictus.app.analyze.batch import BatchArguments, analyze_batch
from ictus.app.analyze.batch_work import AnalyzeWork
from ictus.app.batch.dask_workers import DaskWorkers
from ictus.app.batch.engine import run_batch
from ictus.app.batch.sources import find_sources
from ictus.app.batch.work import Outcome, Task, with_files
from ictus.app.cli import main
from ictus.signals import SAMPLE_FOLDER, InputError

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
MITDB = SAMPLE_FOLDER / "mitdb"
NAMES = ("100", "101", "105", "106", "200", "201")

pytestmark = pytest.mark.filterwarnings("ignore")  # of the cluster, whose workers are killed


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers in processes of their own, which are replaced when they end."""
    settings = {"distributed.scheduler.allowed-failures": 1, "distributed.worker.memory.terminate": False}
    settings |= {"distributed.comm.timeouts.connect": "60s"}
    import dask

    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as started,
    ):
        yield started


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in NAMES:
        for suffix in (".hea", ".dat"):
            (folder / f"{name}{suffix}").symlink_to(MITDB / f"{name}{suffix}")
    return folder


def partitions(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "partitions").iterdir()}


def test_a_cluster_gives_what_processes_give_though_a_worker_is_killed(
    cluster: Any, recordings: Path, tmp_path: Path
) -> None:
    (recordings / "empty.edf").touch()
    calm = analyze_batch(BatchArguments((str(recordings),), tmp_path / "calm", AnalyzeWork("beat"), jobs=1))
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        first = set(client.run(os.getpid).values())

        def strike(_: str, done: int, total: int, message: str) -> None:
            if done == 3:
                os.kill(min(first), signal.SIGKILL)

        address = cluster.scheduler_address
        given = BatchArguments((str(recordings),), tmp_path / "out", AnalyzeWork("beat"), dask=address)
        result = analyze_batch(given, strike)
        client.wait_for_workers(2, timeout=120)
        assert set(client.run(os.getpid).values()) != first
    assert result | {"folder": ""} == calm | {"folder": ""}
    assert (result["recordings"]["analysed"], result["recordings"]["failed"]) == (len(NAMES), 1)
    assert partitions(tmp_path / "out") == partitions(tmp_path / "calm")
    again = analyze_batch(BatchArguments((str(recordings),), tmp_path / "out", AnalyzeWork("beat"), dask=address))
    assert again["done_now"] == 0


def test_files_that_a_worker_does_not_find_are_sent(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    for suffix in (".hea", ".dat"):
        shutil.copy(MITDB / f"100{suffix}", folder)
    workers = DaskWorkers(cluster.scheduler_address)

    whole, path = (folder / "100.dat").read_bytes(), folder / "100.dat"
    asked = []

    def sent(task: Task) -> Task:
        asked.append(task.source.name)
        path.write_bytes(whole)
        try:
            return with_files(task)
        finally:
            path.unlink()

    monkeypatch.setattr("ictus.app.batch.dask_workers.with_files", sent)

    class HereAlone:
        """Takes the samples away once they are hashed: no worker finds them, as on another machine."""

        def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
            for task in tasks:
                path.unlink()
                yield from workers.results([task])

    try:
        run = run_batch(find_sources([folder]), AnalyzeWork("beat"), tmp_path / "out", HereAlone())
    finally:
        workers.close()
    assert asked == ["100"]
    assert [d.verdict.fault for d in run.done] == [""]
    assert run.done[0].verdict.figures["duration_s"] == 300


def test_a_cluster_that_loses_all_workers_is_one_line_and_what_is_done_stays(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ictus.app.batch.dask_workers._NO_WORKER_S", 2.0)
    given = BatchArguments((str(recordings),), tmp_path / "out", AnalyzeWork("beat"))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as lonely:

        def leave(_: str, done: int, total: int, message: str) -> None:
            if done == 1:
                lonely.scale(0)

        with pytest.raises(InputError, match="no worker for 2 s; what is done is kept"):
            analyze_batch(replace(given, dask=lonely.scheduler_address), leave)
    n_kept = len(partitions(tmp_path / "out"))
    assert 1 <= n_kept < len(NAMES)
    assert analyze_batch(replace(given, jobs=1))["done_now"] == len(NAMES) - n_kept


def test_nobody_at_the_address_is_one_line(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ictus.app.batch.dask_workers._CONNECT_S", 1)
    command = ["analyze", str(recordings), "--out", str(tmp_path / "out"), "--dask", "tcp://127.0.0.1:9"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "no scheduler answers there" in said
    assert not (tmp_path / "out" / "partitions").exists()
