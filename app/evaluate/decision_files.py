"""Decisions as WFDB annotation files, so that other scorers (bxb, rxr of the WFDB tools) can check the scores."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import wfdb

from ...models import BeatRecord, Decisions
from ...signals import BLOCK_SAMPLES, CLASSES, DEVICE_FS_HZ, Recording

__all__ = ["ANNOTATOR", "DECISIONS_FOLDER", "decision_annotations"]

ANNOTATOR = "ict"
"""Suffix of the annotation files."""
DECISIONS_FOLDER = "decisions"
"""Of the decisions that are kept, within the folder of an evaluation."""

_SHUTDOWN, _RESUMED = -1, 0
"""Subtypes of ``~``: bits 4 and 5 both set begin a stretch without decisions, others end it (bxb(1))."""


def decision_annotations(record: BeatRecord, decisions: Decisions, recording: Recording) -> bytes:
    """WFDB annotation file of what was decided on a prepared recording.

    A class letter stands at every decided R peak, ``~`` where a rejected stretch begins and ends; beats in
    rejected stretches are left out. EC57's programs so count rejected beats as missed, as `models.metrics` does.

    Parameters
    ----------
    recording : what `record` was prepared from; positions count in its samples
    """
    per_sample = recording.fs_hz / DEVICE_FS_HZ
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ~decisions.accepted, [False]]).astype(np.int8)))
    kept = ~decisions.gated
    position = np.concatenate([edges * BLOCK_SAMPLES, record.beats.peak[kept]]) * per_sample
    symbol = np.concatenate([np.full(len(edges), "~"), np.array(list(CLASSES))[decisions.label[kept]]])
    subtype = np.zeros(len(position), np.int64)
    subtype[: len(edges) : 2] = _SHUTDOWN
    subtype[1 : len(edges) : 2] = _RESUMED
    order = np.argsort(position, kind="stable")
    sample = np.minimum(np.rint(position[order]).astype(np.int64), recording.n_samples - 1)
    return _written(sample, symbol[order], subtype[order], recording.fs_hz)


def _written(sample: np.ndarray, symbol: np.ndarray, subtype: np.ndarray, fs_hz: float) -> bytes:
    if len(sample) == 0:
        return bytes(2)
    with TemporaryDirectory() as folder:
        wfdb.wrann("r", ANNOTATOR, sample, symbol.tolist(), subtype, fs=fs_hz, write_dir=folder)
        return (Path(folder) / f"r.{ANNOTATOR}").read_bytes()
