"""A record around a command: begun before its work, completed when it ends, never in its way."""

import hashlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...signals.errors import InputError
from ...signals.whole_files import noting_files
from ..code_version import code_fingerprint, environment
from ..exit_status import EXIT_DONE, exit_status
from ..run_notes import RunNotes, noting
from .figures import figures_in, splits_in
from .record import RunResult, RunStart, this_host, this_process
from .store import RunStore, open_runs

__all__ = ["recorded"]

BUSY_S = 5
"""A run does not wait longer for its record."""

MOST_FILES = 1000
_TASKS = ("beat", "rhythm", "seizure")


@contextmanager
def recorded(kind: str, arguments: Mapping[str, Any], typed: Sequence[str]) -> Iterator[None]:
    """Record the run that the block is.

    A registry that cannot be written is said in one line on standard error, and the run goes on.

    Parameters
    ----------
    kind : the command
    arguments : its options
    typed : the command line without the program's name
    """
    began_s = time.monotonic()
    run_id = _in_registry(lambda runs: runs.begin(_start(kind, arguments, typed)))
    status, error = EXIT_DONE, ""
    with noting() as notes, noting_files() as files:
        try:
            yield
        except BaseException as raised:
            status, error = exit_status(raised)
            raise
        finally:
            if run_id is not None:
                result = _result(status, error, time.monotonic() - began_s, notes, files)
                _in_registry(lambda runs: runs.end(run_id, result))


def _in_registry(act: Callable[[RunStore], Any]) -> Any:
    """What `act` gives; None, and a line, where the registry cannot be written.

    It is closed again at once: a connection must not be carried into the processes that the run starts.
    """
    try:
        runs = open_runs(busy_s=BUSY_S)
        try:
            return act(runs)
        finally:
            runs.close()
    except (InputError, OSError) as error:
        print(f"ictus: this run is not in the registry of runs, {error}", file=sys.stderr)
        return None


def _start(kind: str, arguments: Mapping[str, Any], typed: Sequence[str]) -> RunStart:
    task = arguments.get("task") or next((v for v in arguments.values() if v in _TASKS), "")
    return RunStart(
        kind=kind,
        task=str(task),
        command=shlex.join(["ictus", *typed]),
        arguments={name: _plain(value) for name, value in arguments.items()},
        version=version("ictus"),
        code=code_fingerprint(),
        environment=environment(),
        host=this_host(),
        process=this_process(),
        started_at=_now(),
    )


def _result(status: int, error: str, duration_s: float, notes: RunNotes, files: Sequence[Path]) -> RunResult:
    return RunResult(
        status=status,
        error=error,
        ended_at=_now(),
        duration_s=round(duration_s, 3),
        data={name: _data(read) for name, read in notes.data.items()},
        splits=splits_in(notes.result),
        seeds=tuple(notes.seeds),
        figures=figures_in(notes.result),
        files=dict(_hashed(sorted(set(files))[:MOST_FILES])),
    )


def _data(read: Iterable[Path]) -> dict[str, Any]:
    """Number of files, and a hash of their names and contents; where they lie does not matter."""
    hashed = sorted((Path(path).name, digest) for path, digest in _hashed(_with_companions(read)))
    lines = "".join(f"{digest}  {name}\n" for name, digest in hashed)
    return {"files": len(hashed), "sha256": hashlib.sha256(lines.encode("utf-8", "replace")).hexdigest()}


def _with_companions(read: Iterable[Path]) -> list[Path]:
    """The files, and those beside them of the same name: signals and annotations of a WFDB header."""
    wanted: dict[Path, set[str]] = {}
    for path in read:
        wanted.setdefault(path.parent, set()).add(_stem(path.name))
    found: list[Path] = []
    for folder, stems in wanted.items():
        with os.scandir(folder) as entries:
            found += [Path(e.path) for e in entries if _stem(e.name) in stems and e.is_file()]
    return sorted(found)


def _stem(name: str) -> str:
    return name.split(".")[0]


def _hashed(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Path and SHA-256 of every file that can be read."""
    for path in paths:
        try:
            with path.open("rb") as file:
                yield str(path.absolute()), hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
