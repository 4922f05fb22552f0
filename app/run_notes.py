"""What a command says of itself while it runs, for its record; without a record nobody listens."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["RunNotes", "note_data", "note_result", "note_seeds", "noting"]


@dataclass
class RunNotes:
    """What was said.

    Attributes
    ----------
    data : name of a data set -> the files that were read of it
    seeds : of training
    result : the JSON contract's object
    """

    data: dict[str, set[Path]] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=list)
    result: Mapping[str, Any] = field(default_factory=dict)


_CURRENT: ContextVar[RunNotes | None] = ContextVar("run_notes", default=None)


@contextmanager
def noting() -> Iterator[RunNotes]:
    """Listen while the block runs."""
    notes = RunNotes()
    token = _CURRENT.set(notes)
    try:
        yield notes
    finally:
        _CURRENT.reset(token)


def note_data(name: str, files: Iterable[Path]) -> None:
    """Recordings of data set `name` were read; of one in several files, like a WFDB record, any one of them."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.data.setdefault(name, set()).update(files)


def note_seeds(seeds: Iterable[int]) -> None:
    """Something was trained from these seeds."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.seeds.extend(seed for seed in seeds if seed not in notes.seeds)


def note_result(result: Mapping[str, Any]) -> None:
    """What the command hands over."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.result = result
