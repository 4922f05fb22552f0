"""What must hold whatever a file holds: a clear error or none, in bounded memory and time, nothing else touched.

One oracle for every reader. A file may be refused by an error of the `InputError` family alone, in one printable
line that names the file. Nothing outside the case's folder is opened or written, nothing is unpickled, no program
is started, no connection made. The memory's limit holds for the whole process, see `memory_limit`.
"""

import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz_mutation import Parts
from ictus.signals.errors import InputError

__all__ = ["ROOM_BYTES", "SECONDS", "Case", "Fault", "Oracle", "Verdict", "memory_limit"]

SECONDS = 5.0
"""Processor time that a file of some kB may take."""

ROOM_BYTES = 300_000_000
"""Memory above what the process had before."""

_MOST_LETTERS = 1000
_FORBIDDEN = (
    "pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork",
    "socket.connect",
)  # fmt: skip
_WRITING = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
_NO_HANDLE = -1
_OURS = tuple(str(Path(p).resolve()) for p in {sys.prefix, sys.base_prefix, Path(__file__).parent.parent})
_HARMLESS = (
    "/dev/null",
    "/dev/urandom",
    "/proc/self",
    f"/proc/{os.getpid()}/",
    "/sys/devices/system/cpu",
    "/etc/localtime",
    "/usr/share/zoneinfo",
)


@dataclass(frozen=True)
class Case:
    """A reader with a file: `names` of the parts' files, the first being read; parts of one name are one file."""

    reader: str
    names: tuple[str, ...]
    read: Callable[[Path], object]
    unpacks: bool = False


@dataclass(frozen=True)
class Fault:
    """What a reader did that none may: its kind, where in the package, and the words."""

    kind: str
    place: str
    detail: str

    @property
    def key(self) -> str:
        """Tells faults apart: the same for two files with which the same line fails in the same way."""
        return f"{self.kind} at {self.place}"


@dataclass(frozen=True)
class Verdict:
    """How a reader took a file: ``accepted``, or the name of the error; and what was wrong with that."""

    outcome: str
    fault: Fault | None = None


class _TooLongError(BaseException):
    """Not an `Exception`, so that no reader takes it for an error of the file."""


class _TrespassError(BaseException):
    """The same."""


class Oracle:
    """Runs cases in folders of its own; `close` removes them."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")
        self._scratch = Path(
            tempfile.mkdtemp(prefix="ictus-fuzz-", dir=shared if shared.is_dir() else None)
        ).resolve()
        self.folder, self.cache, self._elsewhere = (
            self._scratch / name for name in ("case", "cache", "elsewhere")
        )
        for folder in (self.folder, self.cache, self._elsewhere):
            folder.mkdir()
        self._watched: tuple[str, ...] | None = None
        sys.addaudithook(self._audit)

    def close(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def check(self, case: Case, parts: Parts) -> Verdict:
        """Write the files, read them, and judge."""
        files: dict[str, bytes] = {}
        for name, part in zip(case.names, parts, strict=True):
            files[name] = files.get(name, b"") + part
        if {p.name for p in self.folder.iterdir()} - set(files):
            self._clean()  # another reader's
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        verdict = self._run(case, [str(self.folder), str(self.cache), *files])
        left = {p.name for p in self.folder.iterdir()} - set(files)
        left |= {p.name for p in self._elsewhere.iterdir()}
        if left and verdict.fault is None:
            verdict = Verdict("wrote", Fault("wrote", case.reader, ", ".join(sorted(left))))
        if left or case.unpacks:
            self._clean()
        return verdict

    def _clean(self) -> None:
        for folder in (self.folder, self.cache, self._elsewhere):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def _run(self, case: Case, names: list[str]) -> Verdict:
        path = self.folder / case.names[0]
        self._watched = (str(self.folder), str(self.cache)) if case.unpacks else (str(self.folder),)
        try:
            with self._own_environment(), warnings.catch_warnings(), _time_limit(SECONDS):
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", DeprecationWarning)  # of the libraries, not of the file
                case.read(path)
        except InputError as error:
            return Verdict(type(error).__name__, _fault_of_message(error, names))
        except (Exception, _TooLongError, _TrespassError, RecursionError) as error:
            return Verdict("crash", Fault(type(error).__name__, _place(error), " ".join(str(error).split())[:300]))
        finally:
            self._watched = None
        return Verdict("accepted")

    @contextmanager
    def _own_environment(self) -> Iterator[None]:
        """What the package keeps for its user goes into the scratch folder."""
        own = {"XDG_CACHE_HOME": str(self.cache), "XDG_DATA_HOME": str(self._elsewhere)}
        before = {name: os.environ.get(name) for name in own}
        os.environ |= own
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watched is None:
            return
        if event in _FORBIDDEN:
            raise _TrespassError(f"{event} {arguments!r:.200}")
        opens = event == "open" and isinstance(arguments[0], str | bytes | os.PathLike)
        if opens and not _below_a_handle(*arguments):
            self._visit(os.fsdecode(arguments[0]), bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)))
        beside_handle = event in ("os.mkdir", "os.remove", "os.rmdir") and arguments[-1] != _NO_HANDLE
        if event in _WRITING and not beside_handle and isinstance(arguments[0], str | bytes | os.PathLike):
            self._visit(os.fsdecode(arguments[0]), True)

    def _visit(self, name: str, writes: bool) -> None:
        assert self._watched is not None
        path = os.path.realpath(name)
        may_write = any(path.startswith(f"{root}{os.sep}") or path == root for root in self._watched[1:])
        if may_write or path.endswith(".pyc") or ".pyc." in path:
            return
        inside = path.startswith(f"{self._watched[0]}{os.sep}") or path == self._watched[0]
        if writes or not (inside or path.startswith((*_OURS, *_HARMLESS))):
            raise _TrespassError(f"{'writes' if writes else 'opens'} {path}")


def _below_a_handle(path: Any, mode: str | None, flags: int) -> bool:
    """Whether `os.open` reads what may lie below a folder's handle, as when a tree is removed."""
    reads = not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    return mode is None and reads and not Path(os.fsdecode(path)).is_absolute()


def _fault_of_message(error: InputError, names: list[str]) -> Fault | None:
    text = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return Fault("MemoryError", _place(cause), text)
        cause = cause.__cause__ or cause.__context__
    if not any(name in text for name in names):
        return Fault("file not named", _place(error), text[:300])
    if not text.isprintable() or not text or len(text) > _MOST_LETTERS:
        return Fault("message", _place(error), ascii(text[:300]))
    return None


def _place(error: BaseException) -> str:
    """The innermost line of the package."""
    frames = traceback.extract_tb(error.__traceback__)
    root = str(Path(__file__).resolve().parent.parent)
    ours = [f for f in frames if f.filename.startswith(root) and "/.venv/" not in f.filename]
    last = ours[-1] if ours else frames[-1]
    return f"{last.filename.removeprefix(root).lstrip('/')}:{last.lineno} {last.name}"


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raises within what runs once it has taken that much processor time."""
    start = time.process_time()

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise _TooLongError(f"{time.process_time() - start:.1f} s of processor time, limit {seconds:g} s")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def memory_limit(room_bytes: int = ROOM_BYTES) -> Iterator[None]:
    """The process may take so much more address space than it has now; beyond, allocations fail."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
