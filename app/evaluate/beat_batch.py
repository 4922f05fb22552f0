"""The work of an evaluation of beats that each recording needs by itself: prepare, decide, match.

Done in memory, or as a batch whose partitions let a broken evaluation go on where it was. Both give the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow.parquet as pq

from ...models import BeatRecord, Decisions, decide
from ...signals import LocalDataset, load
from ..batch.choose import chosen_workers
from ..batch.engine import BatchRun, run_batch
from ..batch.sources import Source
from ..model_files import LoadedModel
from ..run_notes import note_data
from .beat_work import DecideBeats, decisions_of, record_of
from .decision_files import decision_annotations
from .experiment import annotated_names, prepare_annotated, require_annotated

if TYPE_CHECKING:
    from ...models.train import Progress

__all__ = ["BeatBatch", "BeatsInMemory", "DecidedBeats"]


class DecidedBeats(Protocol):
    """Prepared recordings, and what each model decides on them."""

    def annotated(self, peaks: str) -> tuple[list[BeatRecord], dict[str, str]]:
        """Recordings with reference beats, and recording -> why it is left out; see `prepare_annotated`."""
        ...

    def decisions(self, model: int, records: Sequence[BeatRecord]) -> dict[str, Decisions]:
        """Of the model of this number, by recording."""
        ...

    def annotations(self, records: Sequence[BeatRecord]) -> Iterator[tuple[str, bytes]]:
        """Recording and the WFDB file of the first model's decisions."""
        ...


class BeatsInMemory:
    """Everything in this process, but for the front end.

    Parameters
    ----------
    found : the data set
    loaded : the models
    """

    def __init__(
        self, found: LocalDataset, loaded: Sequence[LoadedModel], progress: "Progress | None" = None
    ) -> None:
        self._found, self._loaded, self._progress = found, loaded, progress

    def annotated(self, peaks: str) -> tuple[list[BeatRecord], dict[str, str]]:
        """See `DecidedBeats.annotated`."""
        return prepare_annotated(self._found, peaks, self._progress)

    def decisions(self, model: int, records: Sequence[BeatRecord]) -> dict[str, Decisions]:
        """See `DecidedBeats.decisions`."""
        return {r.name: decide(self._loaded[model].model, r) for r in records}

    def annotations(self, records: Sequence[BeatRecord]) -> Iterator[tuple[str, bytes]]:
        """See `DecidedBeats.annotations`."""
        decided = self.decisions(0, records)
        for r in records:
            yield r.name, decision_annotations(r, decided[r.name], load(self._found.path(r.name)))


class BeatBatch:
    """A batch over the recordings of a data set that can be scored; one that fails is left out and says why.

    Parameters
    ----------
    found : the data set
    loaded : the models
    folder : of the partitions
    jobs, dask : as for `chosen_workers`

    Attributes
    ----------
    run : the finished batch
    left_out : recording -> why it is not decided

    Raises
    ------
    InputError
        As `run_batch`, or no recording has annotated beats.
    """

    def __init__(
        self,
        found: LocalDataset,
        loaded: Sequence[LoadedModel],
        folder: Path,
        jobs: int | None = None,
        dask: str | None = None,
        progress: "Progress | None" = None,
    ) -> None:
        names, left_out = annotated_names(found)
        work = DecideBeats(tuple(each.path.read_bytes() for each in loaded))
        sources = [Source(name, found.path(name).absolute()) for name in names]
        note_data(found.name, [source.path for source in sources])
        with chosen_workers(jobs, dask) as workers:
            self.run = run_batch(sources, work, folder, workers, progress)
        self.left_out = left_out | {d.source.name: d.verdict.reason for d in self.run.errors}
        self._found = found

    @cached_property
    def _rows(self) -> dict[str, dict[tuple[str, int], Mapping[str, Any]]]:
        return {d.source.name: _rows(self.run, d.key) for d in self.run.results}

    def annotated(self, peaks: str) -> tuple[list[BeatRecord], dict[str, str]]:
        """See `DecidedBeats.annotated`."""
        records = [record_of(rows[peaks, 0]) for rows in self._rows.values()]
        return require_annotated(self._found, records, self.left_out)

    def decisions(self, model: int, records: Sequence[BeatRecord]) -> dict[str, Decisions]:
        """See `DecidedBeats.decisions`."""
        return {r.name: decisions_of(self._rows[r.name][r.peaks, model]) for r in records}

    def annotations(self, records: Sequence[BeatRecord]) -> Iterator[tuple[str, bytes]]:
        """See `DecidedBeats.annotations`."""
        for r in records:
            yield r.name, self._rows[r.name][r.peaks, 0]["annotations"].as_py()


def _rows(run: BatchRun, key: str) -> dict[tuple[str, int], Mapping[str, Any]]:
    """Rows of a partition by kind of peaks and model, still as they are stored."""
    with pq.ParquetFile(run.partition(key)) as file:
        table = file.read(use_threads=False)
    rows = [{name: table[name][i] for name in table.column_names} for i in range(table.num_rows)]
    return {(row["peaks"].as_py(), row["model"].as_py()): row for row in rows}
