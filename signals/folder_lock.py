"""One run at a time in a folder: a lock that the operating system drops with the process, however it ends."""

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from .errors import InputError
from .whole_files import remove_leftovers

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, _WINDOWS_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["FolderInUseError", "locked_folder"]

_POLL_S = 0.1
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
_HOLDER_BYTES = 4096
_WINDOWS_BYTE = 1 << 30
"""Locked there instead of at 0, because on Windows a locked byte cannot be read."""

_HELD: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())


class FolderInUseError(InputError):
    """Another run writes into the folder."""


@contextmanager
def locked_folder(folder: str | os.PathLike[str], wait_s: float = 0.0) -> Iterator[Path]:
    """Keep a folder for one run; the folder need not exist, and is not made.

    The lock is `flock` (2) on ``.NAME.lock`` beside the folder, or on ``.lock`` in it where nothing may be written
    beside it. It belongs to the open file and not to a process number: kill -9 drops it, and a number that is used
    again holds nothing. A file that a killed run left behind is taken over and removed at the end; what it left
    half-written in the folder is removed at the start (`remove_leftovers`). Within the block the same run may ask
    for the folder again.

    Parameters
    ----------
    folder : where the run writes
    wait_s : how long to wait for another run, in s

    Yields
    ------
    the folder as an absolute path

    Raises
    ------
    FolderInUseError
        Another run holds the folder; the message says which.
    InputError
        No lock can be had there: not writable, disk full, or a file system without locks.
    """
    target = Path(folder).absolute()
    if target in _HELD.get():
        yield target
        return
    made = _make_above(target)
    path = _lock_path(target)
    try:
        file = _acquire(path, time.monotonic() + wait_s)
    except OSError as error:
        why = "the file system has no locks" if error.errno in _NO_LOCKS else error.strerror or str(error)
        raise InputError(f"{folder}: cannot be kept for this run, {why} ({path})") from error
    if file is None:
        raise FolderInUseError(f"{folder}: {_holder(path)} writes into this folder; wait, or choose another --out")
    token = _HELD.set(_HELD.get() | {target})
    try:
        remove_leftovers(target)
        yield target
    finally:
        _HELD.reset(token)
        _release(file, path)
        for folder in made:  # those that hold nothing now
            with suppress(OSError):
                folder.rmdir()


def _make_above(target: Path) -> list[Path]:
    """Make the folders above the target; those made, the innermost first."""
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{error.filename or target}: {error.strerror or error}") from error
    return missing


def _lock_path(target: Path) -> Path:
    if target.is_dir() and not (target.name and os.access(target.parent, os.W_OK | os.X_OK)):
        return target / ".lock"
    return target.with_name(f".{target.name}.lock")


def _acquire(path: Path, until_s: float) -> int | None:
    """An open file that holds the lock and says who we are, or None if another one keeps it until then."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            has_locked = _try_lock(file)
            if has_locked and _is_still(path, file):
                _write_holder(file)
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        if has_locked:  # of a file that its holder removed between our two looks; the name is free, or another's
            continue
        if time.monotonic() >= until_s:
            return None
        time.sleep(min(_POLL_S, max(until_s - time.monotonic(), 0.0)))


def _try_lock(file: int) -> bool:
    try:
        _lock(file)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


def _is_still(path: Path, file: int) -> bool:
    """Whether the name still means the file that we locked: the holder before us removed it when it ended."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _write_holder(file: int) -> None:
    """Who holds it; a disk that is full takes the lock all the same."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    said = {"pid": os.getpid(), "host": socket.gethostname(), "since": started}
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, json.dumps(said).encode("utf-8"))


def _holder(path: Path) -> str:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_HOLDER_BYTES))
        return f"process {said['pid']} on {said['host']} (since {said['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"


def _release(file: int, path: Path) -> None:
    """The name goes first, while nobody else can hold it; on Windows, where an open file stays, it is left."""
    with suppress(OSError):
        path.unlink()
    os.close(file)
