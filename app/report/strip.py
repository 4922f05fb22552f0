"""The stretch of a recording that a report shows: the one with the most to see."""

from typing import Any

import numpy as np

from ...models import BeatRecord, Decisions
from ...signals import BLOCK_SAMPLES, CLASSES, DEVICE_FS_HZ, DEVICE_UV_PER_COUNT

__all__ = ["strip_json"]

STRIP_S = 20
_STAGES = ("gate", "screen", "specialist")


def strip_json(record: BeatRecord, decisions: Decisions, seconds: int = STRIP_S) -> dict[str, Any]:
    """The ``strip`` of a report: signal, rejected seconds and decided beats."""
    start = _most_varied(record, seconds) * DEVICE_FS_HZ
    stop = min(start + seconds * DEVICE_FS_HZ, len(record.signal.counts))
    rows = np.flatnonzero((record.beats.peak >= start) & (record.beats.peak < stop))
    blocks = np.arange(start // BLOCK_SAMPLES, min(-(-stop // BLOCK_SAMPLES), len(decisions.accepted)))
    millivolts = record.signal.counts[start:stop] * (DEVICE_UV_PER_COUNT / 1000)
    return {
        "record": record.name,
        "lead": record.signal.lead,
        "start_s": start / DEVICE_FS_HZ,
        "fs_hz": DEVICE_FS_HZ,
        "mv": np.round(millivolts, 3).tolist(),
        "rejected": [[float(b), float(b + 1)] for b in blocks[~decisions.accepted[blocks]]],
        "beats": [_beat(record, decisions, int(row)) for row in rows],
    }


def _most_varied(record: BeatRecord, seconds: int) -> int:
    """Second at which the stretch with the most classes, then the most abnormal beats, begins."""
    n_starts = max(1, len(record.signal.counts) // DEVICE_FS_HZ - seconds + 1)
    second = record.reference_peak // DEVICE_FS_HZ
    score = np.zeros(n_starts)
    for index in range(len(CLASSES)):
        per_second = np.bincount(second[record.reference_label == index], minlength=n_starts + seconds)
        in_stretch = np.convolve(per_second, np.ones(seconds, int))[seconds - 1 :][:n_starts]
        score += 1000 * (in_stretch > 0) + (in_stretch if index else 0)
    return int(score.argmax())


def _beat(record: BeatRecord, decisions: Decisions, row: int) -> dict[str, Any]:
    label, decided = int(record.label[row]), int(decisions.label[row])
    stage = 0 if decisions.gated[row] else 1 + int(decisions.reached[row])
    return {
        "time_s": float(record.beats.peak[row]) / DEVICE_FS_HZ,
        "reference": CLASSES[label] if label >= 0 else None,
        "decision": CLASSES[decided] if decided >= 0 else "gated",
        "stage": _STAGES[stage],
    }
