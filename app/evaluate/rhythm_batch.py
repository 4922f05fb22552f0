"""Strips of rhythm decided one by one as a batch, so that a broken evaluation goes on where it was."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...models.rhythm_cascade import StripDecisions, decide_strips
from ...models.rhythm_data import prepare_strip
from ...signals import InputError, LocalDataset, load
from ...signals.strips import strip_labels
from ..analyze.batch_work import model_of, recording_files
from ..batch.choose import chosen_workers
from ..batch.engine import BatchRun, run_batch
from ..batch.partitions import PartitionWriter, Verdict
from ..batch.sources import Source
from ..model_files import LoadedModel
from ..run_notes import note_data

if TYPE_CHECKING:
    from ...models.train import Progress

__all__ = ["DecideStrip", "DecidedStrips", "decide_strip_files", "decided_strips"]

_LOGITS = pa.list_(pa.float64())

STRIPS = pa.schema(
    [
        ("record", pa.string()),
        ("label", pa.int8()),
        ("analysable", pa.float64()),
        ("screen", pa.float64()),
        ("reached", pa.bool_()),
        ("classes", _LOGITS),
    ]
)
"""Columns of a partition, one row: the fields of `StripDecisions`."""


@dataclass(frozen=True)
class DecidedStrips:
    """What a model decided.

    Attributes
    ----------
    names : of the strips
    decisions : on them
    failed : strip -> why it could not be decided
    """

    names: tuple[str, ...]
    decisions: StripDecisions
    failed: dict[str, str]


@dataclass(frozen=True)
class DecideStrip:
    """What a worker does with one strip: see `Work`; the label is the source's detail.

    Attributes
    ----------
    model : bytes of its file; its own gate judges the strip
    """

    model: bytes

    @property
    def identity(self) -> str:
        """See `Work.identity`."""
        return repr(("evaluate", "rhythm", hashlib.sha256(self.model).hexdigest()))

    @property
    def schema(self) -> pa.Schema:
        """See `Work.schema`."""
        return STRIPS

    def files(self, source: Source) -> tuple[Path, ...]:
        """See `Work.files`."""
        return recording_files(source.path)

    def __call__(self, source: Source) -> bytes:
        """See `Work.__call__`."""
        model = model_of("rhythm", self.model)
        recording = load(source.path)
        made = decide_strips(model, [prepare_strip(recording, str(source.detail))], model)
        writer = PartitionWriter(STRIPS)
        columns = {field.name: list(getattr(made, field.name)) for field in fields(made)}
        writer.add({"record": [source.name], **columns})
        figures = {"label": str(source.detail), "duration_s": recording.duration_s}
        return writer.finish(Verdict(source.name, figures))


def decide_strip_files(
    found: LocalDataset,
    loaded: LoadedModel,
    folder: Path,
    jobs: int | None = None,
    dask: str | None = None,
    progress: "Progress | None" = None,
) -> BatchRun:
    """Decide all labelled strips of a data set.

    Parameters
    ----------
    folder : of the partitions
    jobs, dask : as for `chosen_workers`

    Raises
    ------
    InputError
        As `strip_labels` and `run_batch`, or no strip could be decided.
    """
    labels = strip_labels(found)
    sources = [Source(name, found.path(name).absolute(), label) for name, label in labels.items()]
    note_data(found.name, [*(s.path for s in sources), *found.folder.glob("REFERENCE*.csv")])
    with chosen_workers(jobs, dask) as workers:
        run = run_batch(sources, DecideStrip(loaded.path.read_bytes()), folder, workers, progress)
    if not run.results:
        why = run.errors[-1].verdict.reason
        raise InputError(f"{found.folder}: none of {len(sources)} strips could be decided ({why})")
    return run


def decided_strips(run: BatchRun) -> DecidedStrips:
    """What was decided."""
    failed = {d.source.name: d.verdict.reason for d in run.errors}
    parts = [_decisions(run.partition(d.key)) for d in run.results]
    return DecidedStrips(tuple(d.source.name for d in run.results), StripDecisions.concatenate(parts), failed)


def _decisions(path: Path) -> StripDecisions:
    (row,) = pq.read_table(path).to_pylist()
    return StripDecisions(
        label=np.array([row["label"]], np.int8),
        analysable=np.array([np.nan if row["analysable"] is None else row["analysable"]]),
        screen=np.array([row["screen"]]),
        reached=np.array([row["reached"]], np.bool_),
        classes=np.array([row["classes"]]),
    )
