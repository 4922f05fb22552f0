"""What the machine does to a run: a full disk, a folder that may only be read, kill -9, a second run, a clock."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ictus.app.cli import main
from ictus.app.exit_status import exit_status
from ictus.app.runs import recording
from ictus.app.runs.recording import recorded
from ictus.app.runs.store import open_runs
from ictus.models.parallel import prepare_all
from ictus.signals import SAMPLE_FOLDER, InputError
from ictus.signals.folder_lock import FolderInUseError, locked_folder
from ictus.signals.whole_files import atomic_folder, noting_files, write_bytes

RECORD = str(SAMPLE_FOLDER / "mitdb" / "208")
TRIED = """
import contextlib, io, json, sys
from pathlib import Path
from ictus.app.cli import main
disk, commands = Path(sys.argv[1]), json.loads(sys.argv[2])
found = []
for command in commands:
    said, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(out):
        status = main(command)
    files = [p.relative_to(disk).as_posix() for p in disk.rglob("*")]
    found.append({"status": status, "said": said.getvalue().splitlines(), "files": files})
print(json.dumps(found))
"""


def _on_disk(disk: Path, mounts: str, commands: list[list[str]], **environment: str) -> list[dict]:
    """Run commands in one process for which something is mounted; skips where that is not allowed."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare(1) of util-linux to mount a small disk")
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["unshare", "--mount", *user, "sh", "-c"]
    if subprocess.run([*unshare, mounts], capture_output=True).returncode:
        pytest.skip("mounting in a namespace of our own is not allowed here")
    inside = f'{mounts} && exec "$@"'
    command = [*unshare, inside, "sh", sys.executable, "-c", TRIED, str(disk), json.dumps(commands)]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def _writers(disk: Path) -> list[list[str]]:
    """Commands that write, each to a place of its own."""
    return [
        ["analyze", RECORD, "--out", f"{disk}/analyze"],
        ["analyze", RECORD, "--out", str(disk)],
        ["export", "beat", "--format", "tflite", "--out", f"{disk}/export"],
        ["data", "list", "--json", f"{disk}/list.json"],
    ]


def _is_one_line(run: dict, *says: str) -> bool:
    own = [line for line in run["said"] if line.startswith("ictus: ")]
    return len(own) == 1 and all(text in own[0] for text in says)


@pytest.mark.parametrize("size", ["8k", "40k"], ids=["nothing fits", "something fits"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, size):
    disk = tmp_path / "disk"
    disk.mkdir()
    # a file takes what is left of a page of its own, so that even the shortest result does not fit
    mounts = f"mount -t tmpfs -o size={size} none {disk} && head -c 4096 /dev/zero > {disk}/before"
    commands = _writers(disk)
    for command, run in zip(commands, _on_disk(disk, mounts, commands), strict=True):
        if run["status"] == 0:
            assert command[0] == "data"
            continue
        assert run["status"] == 2, (command, run)
        assert _is_one_line(run, "No space left on device", str(disk)), (command, run)
        assert run["files"] == ["before"], command


def test_a_folder_that_may_only_be_read_is_one_line(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounts = f"mount -t tmpfs none {disk} && mount -o remount,ro {disk}"
    for command, run in zip(_writers(disk), _on_disk(disk, mounts, _writers(disk)), strict=True):
        assert run["status"] == 2, (command, run)
        assert _is_one_line(run, str(disk)), (command, run)


def test_results_may_go_to_a_mounted_disk_itself(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    [run] = _on_disk(disk, f"mount -t tmpfs none {disk}", [["analyze", RECORD, "--out", str(disk)]])
    assert run["status"] == 0, run
    assert "208.beat.json" in run["files"]
    assert not [name for name in run["files"] if name.endswith((".part", ".lock"))]


@pytest.mark.parametrize("more", ["-o size=8k", "-o ro"], ids=["full", "read-only"])
def test_a_registry_on_such_a_disk_is_one_line_and_the_run_goes_on(tmp_path, more):
    disk = tmp_path / "disk"
    disk.mkdir()
    where, bad = str(disk / "reviews.sqlite"), str(tmp_path / "no-such-model")
    command = ["evaluate", "beat", "--model", bad]  # of which nothing else is slow
    [run] = _on_disk(disk, f"mount -t tmpfs {more} none {disk}", [command], ICTUS_REVIEWS=where)
    assert run["status"] == 2
    first, last = (line for line in run["said"] if line.startswith("ictus: "))
    assert "not in the registry of runs" in first
    assert where in first or str(disk) in first
    assert last == f"ictus: {bad}: no such model file"


def test_standard_output_on_a_full_disk_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = [
        sys.executable,
        "-c",
        "import sys; from ictus.app.cli import main; sys.exit(main(['data', 'list']))",
    ]
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 2
    assert run.stderr == "ictus: writing: No space left on device\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
def test_what_the_machine_refuses_is_no_internal_error(number):
    status, line = exit_status(OSError(number, os.strerror(number), "/somewhere/x"))
    assert (status, line) == (2, f"/somewhere/x: {os.strerror(number)}")
    assert exit_status(FileNotFoundError(errno.ENOENT, "gone"))[0] == 1


def _work(out: Path, told: Callable[[str], object]) -> None:
    """What a resumable run does: one file after the other, and at the end a folder of several."""
    with locked_folder(out):
        for i in range(3):
            if not (out / f"{i}.bin").exists():
                out.mkdir(parents=True, exist_ok=True)
                write_bytes(out / f"{i}.bin", bytes([i]) * 5000)
                told(f"{i}.bin")
        with atomic_folder(out / "report") as part:
            (part / "sub").mkdir()
            (part / "a").write_bytes(b"a" * 5000)
            (part / "sub" / "b").write_bytes(b"b" * 5000)
        told("report/a report/sub/b")


WHOLE = {f"{i}.bin": bytes([i]) * 5000 for i in range(3)} | {"report/a": b"a" * 5000, "report/sub/b": b"b" * 5000}


def _visible(out: Path) -> dict[str, bytes]:
    files = [p for p in out.rglob("*") if p.is_file()]
    named = [p for p in files if not any(n.endswith((".part", ".lock")) for n in p.relative_to(out).parts)]
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in named}


def _killed_at(step: int, out: Path) -> tuple[bool, list[str]]:
    """Work in a process that is killed before its so-manieth system call that matters; what it had reported."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        left = step

        def counted(call: Callable) -> Callable:
            def wrapped(*args, **kwargs):
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return call(*args, **kwargs)

            return wrapped

        for name in ("open", "fsync", "replace", "rename", "mkdir", "unlink", "close", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        report = os.write
        _work(out, lambda names: report(writing, f"{names} ".encode()))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        names = told.read().split()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, names


def test_killed_at_any_system_call_nothing_is_half_and_nothing_reported_is_lost(tmp_path):
    step, was_killed = 0, True
    while was_killed:
        out = tmp_path / f"{step}" / "out"
        was_killed, told = _killed_at(step, out)
        found = _visible(out)
        assert all(WHOLE[name] == content for name, content in found.items()), step
        assert set(told) <= set(found), step
        _work(out, lambda _: None)
        assert _visible(out) == WHOLE, step
        assert not list((tmp_path / f"{step}").rglob(".*")), step
        step += 1
    assert step > 40


@contextmanager
def _held_by_another(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    script = (
        "import sys, time\nfrom ictus.signals.folder_lock import locked_folder\n"
        "with locked_folder(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(100)\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_into_a_folder_is_refused_and_touches_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    commands = [
        ["run", "--quick", "--out", str(out)],
        ["evaluate", "beat", "--out", str(out)],
        ["compress", "beat", "--sweep", "--out", str(out)],
        ["export", "beat", "--format", "c", "--out", str(out)],
        ["simulate", "beat", RECORD, "--out", str(out)],
    ]
    with _held_by_another(out) as holder:
        for command in commands:
            assert main(command) == 2, command
            said = capsys.readouterr().err
            assert said.startswith(f"ictus: {out}: process {holder.pid} on "), command
            assert said.count("\n") == 1
        assert not out.exists()
        holder.kill()
        holder.wait()
        with locked_folder(out):  # kill -9 lets go at once
            assert not out.exists()
    assert not list(tmp_path.iterdir())


def test_a_lock_that_a_killed_run_left_is_taken_whoever_has_its_number_now(tmp_path):
    out = tmp_path / "out"
    left = {"pid": os.getpid(), "host": "here", "since": "2026-01-01"}
    (tmp_path / ".out.lock").write_text(json.dumps(left))
    with locked_folder(out) as held, locked_folder(held):  # the same run may ask again
        assert held == out
    assert not list(tmp_path.iterdir())


def test_a_run_may_wait_for_its_folder(tmp_path):
    with _held_by_another(tmp_path / "out") as holder:
        with (
            pytest.raises(FolderInUseError, match="writes into this folder"),
            locked_folder(tmp_path / "out", 0.3),
        ):
            pass
        holder.kill()
        with locked_folder(tmp_path / "out", 10):
            pass


def test_what_a_killed_run_left_half_written_is_gone_when_the_next_one_starts(tmp_path):
    out = tmp_path / "out"
    (out / "trials").mkdir(parents=True)
    half = [out / ".a.json.0123abcd.part", out / "trials" / ".b.0123abcd.part", out / ".out.0123abcd.part"]
    half[0].write_text("half")
    half[1].write_text("half")
    half[2].mkdir()
    kept = [out / "trials" / "b", out / "my.part", out / ".hidden.part"]
    for path in kept:
        path.write_text("mine")
    with locked_folder(out):
        assert not any(path.exists() for path in half)
        assert all(path.exists() for path in kept)


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name


def _asleep(job: str) -> _Named:
    Path(job).write_text(str(os.getpid()))
    time.sleep(100)
    return _Named(job)


def test_workers_do_not_outlive_a_killed_run(tmp_path):
    jobs = [str(tmp_path / name) for name in ("1", "2")]
    child = os.fork()
    if child == 0:
        prepare_all(_asleep, jobs, 2)
        os._exit(0)
    end = time.monotonic() + 60
    while not all(Path(job).is_file() and Path(job).read_text() for job in jobs) and time.monotonic() < end:
        time.sleep(0.01)
    workers = [int(Path(job).read_text()) for job in jobs]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while any(map(_runs, workers)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(_runs, workers))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_clock_that_goes_backwards_changes_neither_order_nor_length(tmp_path, monkeypatch):
    monkeypatch.setenv("ICTUS_REVIEWS", str(tmp_path / "r.sqlite"))

    class Backwards(datetime):
        now_is = datetime(2026, 5, 1, tzinfo=UTC)

        @classmethod
        def now(cls, tz=None):
            cls.now_is -= timedelta(days=1)
            return cls.now_is

    monkeypatch.setattr(recording, "datetime", Backwards)
    for kind in ("train", "evaluate"):
        with recorded(kind, {}, []):
            pass
    runs = open_runs()
    found = runs.latest()
    runs.close()
    assert [run.start.kind for run in found] == ["evaluate", "train"]
    assert all(run.result.duration_s >= 0 for run in found)
    assert found[0].result.ended_at < found[1].start.started_at


def test_a_run_knows_the_files_that_it_wrote(tmp_path):
    with noting_files() as noted:
        write_bytes(tmp_path / "a", b"a")
        with atomic_folder(tmp_path / "new") as part:
            (part / "b").write_text("b")
        with atomic_folder(tmp_path) as part:
            (part / "c").write_text("c")
        with pytest.raises(InputError):
            write_bytes(tmp_path / "none" / "d", b"d")
    assert noted == [tmp_path / "a", tmp_path / "new" / "b", tmp_path / "c"]
