"""Recordings of EEG decided one by one as a batch, so that a broken evaluation goes on where it was."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ...signals.eeg_files import EegFile
from ..analyze.batch_work import model_of, recording_files
from ..batch.engine import BatchRun, run_batch
from ..batch.partitions import PartitionWriter, Verdict
from ..batch.sources import Source
from ..batch.workers import Workers
from ..model_files import LoadedModel
from ..run_notes import note_data
from .seizure_protocols import Decided, decide_files

if TYPE_CHECKING:
    from ...models.train import Progress

__all__ = ["DecideEeg", "decide_eeg_files"]

_SEIZURE, _ALARM = "seizure", "alarm"
_STAGES = ("gate_s", "screen_s", "specialist_s")

SPANS = pa.schema(
    [
        ("record", pa.string()),
        ("kind", pa.string()),
        ("onset_s", pa.float64()),
        ("end_s", pa.float64()),
        ("alarm_s", pa.float64()),
    ]
)
"""Columns of a partition: a row for each ``seizure`` that is known and each ``alarm`` that was reported."""


@dataclass(frozen=True)
class DecideEeg:
    """What a worker does with one recording, or with the clips of one: see `Work`.

    The source's detail holds the files, their paths relative to the folder of the first.

    Attributes
    ----------
    model : bytes of its file
    montage : as for `decide_files`
    """

    model: bytes
    montage: str | None

    @property
    def identity(self) -> str:
        """See `Work.identity`."""
        return repr(("evaluate", "seizure", hashlib.sha256(self.model).hexdigest(), self.montage))

    @property
    def schema(self) -> pa.Schema:
        """See `Work.schema`."""
        return SPANS

    def files(self, source: Source) -> tuple[Path, ...]:
        """See `Work.files`."""
        return tuple(path for file in _files(source) for path in recording_files(file.path))

    def __call__(self, source: Source) -> bytes:
        """See `Work.__call__`."""
        (made,) = decide_files(_files(source), model_of("seizure", self.model), self.montage)
        spans = [(_SEIZURE, *span, None) for span in made.seizures_s] + [(_ALARM, *a) for a in made.alarms]
        writer = PartitionWriter(SPANS)
        if spans:
            kinds, onsets_s, ends_s, alarms_s = (list(column) for column in zip(*spans, strict=True))
            names = [source.name] * len(spans)
            writer.add({"record": names, "kind": kinds, "onset_s": onsets_s, "end_s": ends_s, "alarm_s": alarms_s})
        figures = {"name": made.name, "subject": made.subject, "duration_s": made.duration_s}
        figures |= {"rejected_s": made.rejected_s, **dict(zip(_STAGES, made.stage_s, strict=True))}
        counts = {"seizures": len(made.seizures_s), "alarms": len(made.alarms)}
        return writer.finish(Verdict(source.name, figures | counts))


def decide_eeg_files(
    files: Sequence[EegFile],
    loaded: LoadedModel,
    montage: str | None,
    folder: Path,
    workers: Workers,
    progress: "Progress | None" = None,
) -> tuple[list[Decided], dict[str, str]]:
    """`decide_files` as a batch.

    Parameters
    ----------
    folder : of the partitions

    Returns
    -------
    what was decided, and recording -> why it could not be

    Raises
    ------
    InputError
        As `run_batch`.
    """
    sources = _sources(files)
    note_data(f"{len(sources)} recordings of EEG", [file.path for file in files])
    work = DecideEeg(loaded.path.read_bytes(), montage)
    run = run_batch(sources, work, folder, workers, progress)
    failed = {d.source.name: d.verdict.reason for d in run.errors}
    return _decided(run), failed


def _sources(files: Sequence[EegFile]) -> list[Source]:
    """One for all clips of a recording, in the order of time, then one for each whole recording."""
    clips: dict[str, list[EegFile]] = {}
    for file in sorted((f for f in files if f.state), key=lambda f: (f.subject, f.record, f.start_s)):
        clips.setdefault(file.record, []).append(file)
    joined = [_source(record, parts) for record, parts in clips.items()]
    return [*joined, *(_source(file.name, [file]) for file in files if not file.state)]


def _source(name: str, files: Sequence[EegFile]) -> Source:
    first = files[0].path.absolute()
    beside = tuple(replace(f, path=Path(os.path.relpath(f.path.absolute(), first.parent))) for f in files)
    return Source(name, first, beside)


def _files(source: Source) -> list[EegFile]:
    assert isinstance(source.detail, tuple), "made by _source"
    return [replace(file, path=source.path.parent / file.path) for file in source.detail]


def _decided(run: BatchRun) -> list[Decided]:
    return [_read(run.partition(d.key), d.verdict) for d in run.results]


def _read(path: Path, verdict: Verdict) -> Decided:
    rows = pq.read_table(path).to_pylist()
    figures = verdict.figures
    first, second, third = (int(figures[name]) for name in _STAGES)
    return Decided(
        name=figures["name"],
        subject=figures["subject"],
        duration_s=figures["duration_s"],
        rejected_s=figures["rejected_s"],
        stage_s=(first, second, third),
        seizures_s=tuple((r["onset_s"], r["end_s"]) for r in rows if r["kind"] == _SEIZURE),
        alarms=tuple((r["onset_s"], r["end_s"], r["alarm_s"]) for r in rows if r["kind"] == _ALARM),
    )
