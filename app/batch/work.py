"""What a worker does with one recording, and what it hands back."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from ...signals.errors import InputError
from .identity import program_identity
from .sources import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FAULTS", "Outcome", "Parcel", "Task", "Work", "perform", "perform_elsewhere", "with_files"]

FAULTS = ("input", "internal", "memory", "killed")
"""Kinds of error: the recording cannot be used; the program is wrong; too little memory; a worker ended on it."""


class Work(Protocol):
    """What is done with every recording of a batch: a frozen dataclass that travels to the workers."""

    @property
    def identity(self) -> str:
        """Of the model and the options: two works with the same one give the same results."""
        ...

    @property
    def schema(self) -> "pa.Schema":
        """Columns of a partition."""
        ...

    def files(self, source: Source) -> tuple[Path, ...]:
        """What is read of a recording; `InputError` if it cannot be told."""
        ...

    def __call__(self, source: Source) -> bytes:
        """The partition of a recording; `InputError` if it cannot be used."""
        ...


@dataclass(frozen=True)
class Parcel:
    """A file of a recording for a worker on another machine.

    Attributes
    ----------
    path : where it lies here
    sha256 : of its bytes
    content : None as long as the worker may find the file itself
    """

    path: Path
    sha256: str
    content: bytes | None = None


@dataclass(frozen=True)
class Task:
    """One recording and what is to be done with it."""

    key: str
    source: Source
    work: Work
    program: str
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes
    ----------
    partition : bytes of a Parquet file; None where there is an error
    fault : one of `FAULTS`, or empty
    reason : one line
    needs_files : the worker does not find the recording's files
    """

    partition: bytes | None = None
    fault: str = ""
    reason: str = ""
    needs_files: bool = False


def perform(task: Task) -> Outcome:
    """Do the work of a task; nothing is raised but what ends a process."""
    try:
        return Outcome(task.work(task.source))
    except InputError as error:
        return Outcome(fault="input", reason=_line(error))
    except MemoryError:
        return Outcome(fault="memory", reason=f"{task.source.path}: the analysis does not fit into memory")
    except Exception as error:
        return Outcome(fault="internal", reason=f"internal error, {type(error).__name__}: {_line(error)}")


def perform_elsewhere(task: Task) -> Outcome:
    """`perform` where neither the program nor the files need to be the same: both are checked first."""
    if task.program != program_identity():
        reason = f"a worker runs ictus {program_identity()}, the batch was started by {task.program}"
        return Outcome(fault="internal", reason=reason)
    if all(parcel.content is not None for parcel in task.parcels):
        return _perform_unpacked(task)
    is_here = all(_has(parcel) for parcel in task.parcels)
    return perform(task) if is_here else Outcome(needs_files=True)


def with_files(task: Task) -> Task:
    """The task with the contents of its files.

    Raises
    ------
    InputError
        A file cannot be read any more.
    """
    try:
        parcels = tuple(replace(parcel, content=parcel.path.read_bytes()) for parcel in task.parcels)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror or error}") from error
    return replace(task, parcels=parcels)


def _perform_unpacked(task: Task) -> Outcome:
    root = Path(os.path.commonpath([parcel.path.parent for parcel in task.parcels]))
    with TemporaryDirectory(prefix="ictus-") as folder:
        for parcel in task.parcels:
            place = Path(folder) / parcel.path.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(parcel.content or b"")
        moved = replace(task.source, path=Path(folder) / task.source.path.relative_to(root))
        outcome = perform(replace(task, source=moved))
        return replace(outcome, reason=outcome.reason.replace(folder, str(root)))


def _has(parcel: Parcel) -> bool:
    try:
        with parcel.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == parcel.sha256
    except OSError:
        return False


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
