"""What a worker does with one recording of an evaluation of beats: prepare, decide, match; and what that gives."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...models import BeatRecord, Decisions, decide, prepare_record
from ...signals import BLOCK_SAMPLES, N_GATE_FEATURES, BeatWindows, DeviceSignal, load
from ..analyze.batch_work import model_of, recording_files
from ..batch.partitions import PartitionWriter, Verdict
from ..batch.sources import Source
from .decision_files import decision_annotations

__all__ = ["PEAKS", "DecideBeats", "decisions_of", "record_of"]

PEAKS = ("detected", "reference")

_WHOLE = pa.list_(pa.int64())
_SMALL = pa.list_(pa.int8())
_FLAGS = pa.list_(pa.bool_())
_VALUES = pa.list_(pa.float64())

DECISIONS = pa.schema(
    [
        ("record", pa.string()),
        ("subject", pa.string()),
        ("peaks", pa.string()),
        ("model", pa.int32()),
        ("lead", pa.string()),
        ("peak", _WHOLE),
        ("matched", _WHOLE),
        ("reference_peak", _WHOLE),
        ("reference_label", _SMALL),
        ("fibrillation_s", _VALUES),
        ("accepted", _FLAGS),
        ("gated", _FLAGS),
        ("reached", _FLAGS),
        ("label", _SMALL),
        ("logits", pa.string()),
        ("screen", _VALUES),
        ("classes", _VALUES),
        ("annotations", pa.binary()),
    ]
)
"""Columns of a partition: a row for each kind of peaks and each model.

The lists are the fields of `BeatRecord` and `Decisions` of these names, pairs and class logits one after the
other; ``logits`` is the type of the latter, ``annotations`` the WFDB file of the decisions.
"""


@dataclass(frozen=True)
class DecideBeats:
    """What a worker does with one recording: see `Work`.

    Attributes
    ----------
    models : bytes of their files; the first decides on both kinds of peaks
    """

    models: tuple[bytes, ...]

    @property
    def identity(self) -> str:
        """See `Work.identity`."""
        return repr(("evaluate", "beat", [hashlib.sha256(model).hexdigest() for model in self.models]))

    @property
    def schema(self) -> pa.Schema:
        """See `Work.schema`."""
        return DECISIONS

    def files(self, source: Source) -> tuple[Path, ...]:
        """The signal and the reference annotations."""
        beside = source.path.with_suffix(".atr")
        return (*recording_files(source.path), *([beside] if beside.is_file() else ()))

    def __call__(self, source: Source) -> bytes:
        """See `Work.__call__`."""
        recording, writer = load(source.path), PartitionWriter(DECISIONS)
        for peaks in PEAKS:
            record = replace(prepare_record(recording, peaks), name=source.name)
            for number, data in enumerate(self.models):
                made = decide(model_of("beat", data), record)
                row = _row(record, made) | {"model": number}
                annotations = decision_annotations(record, made, recording)
                writer.add({name: [value] for name, value in (row | {"annotations": annotations}).items()})
        figures = {"subject": recording.subject, "duration_s": recording.duration_s}
        return writer.finish(Verdict(source.name, figures))


def _row(record: BeatRecord, made: Decisions) -> dict[str, Any]:
    return {
        "record": record.name,
        "subject": record.subject,
        "peaks": record.peaks,
        "lead": record.signal.lead,
        "peak": record.beats.peak,
        "matched": record.matched,
        "reference_peak": record.reference_peak,
        "reference_label": record.reference_label,
        "fibrillation_s": record.fibrillation_s.ravel(),
        "accepted": made.accepted,
        "gated": made.gated,
        "reached": made.reached,
        "label": made.label,
        "logits": f"{made.screen.dtype} {made.classes.dtype} {made.classes.shape[1]}",
        "screen": made.screen.astype(np.float64),
        "classes": made.classes.astype(np.float64).ravel(),
    }


def _array(row: Mapping[str, Any], name: str, dtype: str | None = None) -> np.ndarray:
    values = row[name].values.to_numpy(zero_copy_only=False)
    return values if dtype is None else values.astype(dtype)


def record_of(row: Mapping[str, Any]) -> BeatRecord:
    """The recording without its signal and the inputs of the networks, which no score looks at."""
    peak = _array(row, "peak")
    return BeatRecord(
        name=row["record"].as_py(),
        subject=row["subject"].as_py(),
        peaks=row["peaks"].as_py(),
        signal=DeviceSignal(np.empty(0, np.int16), row["lead"].as_py()),
        beats=replace(BeatWindows.empty(), peak=peak, block=peak // BLOCK_SAMPLES),
        features=np.empty((0, N_GATE_FEATURES), np.int8),
        matched=_array(row, "matched"),
        reference_peak=_array(row, "reference_peak"),
        reference_label=_array(row, "reference_label"),
        fibrillation_s=_array(row, "fibrillation_s").reshape(-1, 2),
    )


def decisions_of(row: Mapping[str, Any]) -> Decisions:
    """The decisions of a row of a partition."""
    screen, classes, n_labels = row["logits"].as_py().split()
    return Decisions(
        accepted=_array(row, "accepted"),
        gated=_array(row, "gated"),
        reached=_array(row, "reached"),
        label=_array(row, "label"),
        screen=_array(row, "screen", screen),
        classes=_array(row, "classes", classes).reshape(-1, int(n_labels)),
    )
