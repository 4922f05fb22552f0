"""What was found in a recording as the rows of a table, the same for every task."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...models.rhythm_task import RHYTHMS
from ...signals import CLASSES, DEVICE_FS_HZ
from ..batch.partitions import PartitionWriter
from .analysis import STAGES, BeatTable
from .beat_events import Event
from .rhythm_events import StripTable

__all__ = ["FINDINGS", "add_beats", "add_events", "add_strips", "named", "repeated"]

_NAME = pa.dictionary(pa.int16(), pa.string())

FINDINGS = pa.schema(
    [
        ("record", _NAME),
        ("kind", _NAME),
        ("onset_s", pa.float64()),
        ("duration_s", pa.float64()),
        ("label", _NAME),
        ("stage", _NAME),
        ("screen", pa.float64()),
        ("confidence", pa.float64()),
        ("n_beats", pa.int32()),
        ("rate_bpm", pa.float64()),
        ("note", pa.string()),
    ]
)
"""Columns of a partition of `ictus analyze`.

``record``: name within the batch. ``kind``: ``beat``, ``strip``, ``second``, ``not_analysable``, or the kind of an
event. ``onset_s``, ``duration_s``: from the start of the recording. ``label``: class of a beat or a strip, null
where the gate rejected it. ``stage``, ``screen``, ``confidence``: as in `Beat` and `StripTable`; in a second of
EEG ``confidence`` is the specialist's share for seizure. ``n_beats``, ``rate_bpm``, ``note``: of an event.
"""


def add_beats(writer: PartitionWriter, record: str, beats: BeatTable) -> None:
    """A row for each beat."""
    if len(beats):
        writer.add(
            {
                "record": repeated(record, len(beats)),
                "kind": repeated("beat", len(beats)),
                "onset_s": beats.peak / DEVICE_FS_HZ,
                "duration_s": np.zeros(len(beats)),
                "label": named(beats.label, CLASSES),
                "stage": named(beats.stage, STAGES),
                "screen": beats.screen,
                "confidence": beats.confidence,
            }
        )


def add_strips(writer: PartitionWriter, record: str, strips: StripTable) -> None:
    """A row for each strip of rhythm."""
    if len(strips):
        writer.add(
            {
                "record": repeated(record, len(strips)),
                "kind": repeated("strip", len(strips)),
                "onset_s": strips.onset_s.astype(np.float64),
                "duration_s": strips.duration_s.astype(np.float64),
                "label": named(strips.label, RHYTHMS),
                "stage": named(strips.stage, STAGES),
                "screen": strips.screen,
                "confidence": strips.confidence,
            }
        )


def add_events(writer: PartitionWriter, record: str, events: Sequence[Event]) -> None:
    """A row for each event or rejected stretch."""
    if events:
        writer.add(
            {
                "record": repeated(record, len(events)),
                "kind": pa.array([e.kind for e in events]).dictionary_encode().cast(_NAME),
                "onset_s": [e.onset_s for e in events],
                "duration_s": [e.duration_s for e in events],
                "confidence": [e.confidence for e in events],
                "n_beats": [e.n_beats or None for e in events],
                "rate_bpm": [e.rate_bpm for e in events],
                "note": [e.note or None for e in events],
            }
        )


def repeated(text: str, n: int) -> pa.DictionaryArray:
    """One text in every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int16)), pa.array([text]))


def named(index: np.ndarray, names: Sequence[str]) -> pa.DictionaryArray:
    """Names by position, integer (n,); null for -1."""
    positions = pa.array(index.astype(np.int16), mask=index < 0)
    return pa.DictionaryArray.from_arrays(positions, pa.array(list(names)))
