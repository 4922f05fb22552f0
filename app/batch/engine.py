"""A batch: every recording is done once, whatever happens to a worker, a recording or this program."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...signals.errors import InputError
from ...signals.folder_lock import locked_folder
from .identity import FileHashes, key_of, program_identity
from .partitions import PartitionStore, Verdict, error_partition, verdict_of
from .sources import Source
from .tables import write_tables
from .work import Outcome, Parcel, Task, Work
from .workers import Workers

if TYPE_CHECKING:
    from ...models.train import Progress

__all__ = ["BatchRun", "Done", "run_batch"]

_TRIED_AGAIN = ("killed", "memory")
"""Errors that another day may not have: a finished run that is started again tries these recordings once more."""


@dataclass(frozen=True)
class Done:
    """A recording and what came out.

    Attributes
    ----------
    source, key : the recording, and the name of its partition
    verdict : its figures or its error
    is_new : whether it was done now, not by an earlier start
    """

    source: Source
    key: str
    verdict: Verdict
    is_new: bool


@dataclass(frozen=True)
class BatchRun:
    """A finished batch.

    Attributes
    ----------
    folder : of the run
    done : every recording, in the order of the sources
    """

    folder: Path
    done: tuple[Done, ...]

    @property
    def results(self) -> tuple[Done, ...]:
        """Those with a result."""
        return tuple(d for d in self.done if not d.verdict.fault)

    @property
    def errors(self) -> tuple[Done, ...]:
        """Those without."""
        return tuple(d for d in self.done if d.verdict.fault)

    @property
    def n_new(self) -> int:
        """Recordings done by this start."""
        return sum(d.is_new for d in self.done)

    def partition(self, key: str) -> Path:
        """File of a recording's result."""
        return PartitionStore(self.folder).path(key)


def run_batch(
    sources: Sequence[Source], work: Work, folder: Path, workers: Workers, progress: "Progress | None" = None
) -> BatchRun:
    """Do `work` with every recording that has no partition yet, then write the tables over all of them.

    Parameters
    ----------
    sources : the recordings; their names differ
    folder : of the results; what an earlier start did stays
    workers : do the work; the results are written here

    Raises
    ------
    InputError
        The folder cannot be written, or another program writes into it. What is done by then stays.
    """
    with locked_folder(folder):
        store, hashes = PartitionStore(folder), FileHashes(folder / ".hashes.json")
        batch = _Batch(sources, work, store, hashes, _Pace(len(sources), progress))
        try:
            for task, outcome in workers.results(batch.tasks()):
                batch.take(task, outcome)
        finally:
            with suppress(InputError):  # without it the next start reads all files again, no more
                hashes.keep(batch.paths)
        run = BatchRun(folder, tuple(batch.done[source.name] for source in sources))
        store.keep_only(d.key for d in run.done)
        write_tables(folder, [(d.source, d.key, d.verdict) for d in run.done])
    return run


@dataclass
class _Batch:
    """What is done and what is to be done."""

    sources: Sequence[Source]
    work: Work
    store: PartitionStore
    hashes: FileHashes
    pace: "_Pace"
    done: dict[str, Done] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)

    def tasks(self) -> Iterator[Task]:
        """The recordings to be done; those that are done already are noted on the way."""
        program = program_identity()
        for source in self.sources:
            try:
                parcels = self._parcels(source)
            except InputError as error:
                self._refuse(source, key_of(source.name, program, str(error)), error)
                continue
            hashed = [(parcel.path.name, parcel.sha256) for parcel in parcels]
            key = key_of(source.name, source.detail, hashed, self.work.identity, program)
            known = self.store.find(key)
            if known is None or known.fault in _TRIED_AGAIN:
                yield Task(key, source, self.work, program, parcels)
            else:
                self._note(Done(source, key, known, is_new=False))

    def take(self, task: Task, outcome: Outcome) -> None:
        """Keep what came out of a task."""
        self._finish(task.source, task.key, outcome)

    def _parcels(self, source: Source) -> tuple[Parcel, ...]:
        try:
            paths = self.work.files(source)
        except InputError:
            paths = (source.path,)  # the work will say in full what is wrong with it
        self.paths += paths
        return tuple(Parcel(path, self.hashes.sha256(path)) for path in paths)

    def _refuse(self, source: Source, key: str, error: InputError) -> None:
        """A recording whose files cannot even be hashed; it is tried again at every start."""
        known = self.store.find(key)
        if known is None:
            self._finish(source, key, Outcome(fault="input", reason=str(error)))
        else:
            self._note(Done(source, key, known, is_new=False))

    def _finish(self, source: Source, key: str, outcome: Outcome) -> None:
        partition = outcome.partition
        if partition is None:
            partition = error_partition(self.work.schema, source.name, outcome.fault, outcome.reason)
        self.store.write(key, partition)
        verdict = verdict_of(partition)
        assert verdict is not None, "a partition was written here that cannot be read"
        self._note(Done(source, key, verdict, is_new=True))

    def _note(self, done: Done) -> None:
        self.done[done.source.name] = done
        self.pace.tell(done.source, done.is_new)


class _Pace:
    """Tells how far a batch is, and how long the rest will take at the pace so far."""

    def __init__(self, n: int, progress: "Progress | None") -> None:
        self._n, self._progress = n, progress
        self._n_done = self._n_new = 0
        self._first_s = 0.0  # the first result came: what starts workers says nothing of the pace

    def tell(self, source: Source, is_new: bool) -> None:
        """One more is done."""
        self._n_done += 1
        self._n_new += is_new
        if is_new and self._n_new == 1:
            self._first_s = time.monotonic()
        if self._progress:
            self._progress("recordings", self._n_done, self._n, f"{source.name}{self._left()}")

    def _left(self) -> str:
        n_left = self._n - self._n_done
        if self._n_new < 2 or not n_left:
            return ""
        return f", {_span((time.monotonic() - self._first_s) / (self._n_new - 1) * n_left)} left"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
