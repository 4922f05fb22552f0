"""The cascade by the Python reference: for float models, and where the device's C cannot be compiled."""

import numpy as np

from ...firmware_export.emulator.rhythm_run import StripEvents, decided_strips, strip_inputs
from ...firmware_export.native.device import Decided
from ...models.alarm_model import load_alarm
from ...models.beat_data import BeatRecord, prepare_record
from ...models.rhythm_task import RHYTHMS
from ...models.staged import StagedModel, decide
from ...signals import (
    BASELINE_DELAY,
    BLOCK_SAMPLES,
    CLASSES,
    DEVICE_FS_HZ,
    DEVICE_UV_PER_COUNT,
    PRE_R_SAMPLES,
    QRS_MAX_LATENCY_SAMPLES,
    WINDOW_SAMPLES,
    Channel,
    Recording,
    detect_qrs,
)
from ...signals.beats import POST_RR_CAP

__all__ = ["MAX_WAIT", "ReferenceCascade"]

MAX_WAIT = POST_RR_CAP + QRS_MAX_LATENCY_SAMPLES
"""Samples after an R peak from which on its decision waits only for the end of the block."""

_DEVICE_CHANNEL = Channel("device", "uV", 1 / DEVICE_UV_PER_COUNT)


class ReferenceCascade:
    """Takes the same blocks as `NativeDevice` and decides all of them at the end; its memory grows with them."""

    def __init__(self, model: StagedModel, rhythm: StagedModel) -> None:
        self._model, self._rhythm = model, rhythm
        self._counts = [np.empty(0, np.int16)]

    def push(self, counts: np.ndarray) -> Decided:
        """Keep the next samples, int16 (n,)."""
        self._counts.append(counts)
        return _nothing()

    def finish(self) -> Decided:
        """Decide on everything."""
        counts = np.concatenate(self._counts)
        recording = Recording("device", DEVICE_FS_HZ, counts[:, None], (_DEVICE_CHANNEL,), "device")
        record = prepare_record(recording)
        found, alarm = decide(self._model, record), load_alarm()
        reached = np.where(found.gated, 0, np.where(found.reached, 2, 1)).astype(np.int8)
        classes = found.classes * (reached == 2)[:, None]
        return Decided(
            peak=record.beats.peak,
            decided=_decided_at(record),
            reached=reached,
            label=found.label,
            screen=found.screen * (reached > 0),
            classes=classes.astype(found.classes.dtype),
            rejected=~found.accepted,
            positive=alarm.logits(record.features) >= alarm.threshold,
            strips=decided_strips(self._rhythm, strip_inputs(counts), found.accepted).events,
        )


def _nothing() -> Decided:
    whole, small = np.empty(0, np.int64), np.empty(0, np.int8)
    classes, seconds = np.empty((0, len(CLASSES)), np.int8), np.empty(0, np.bool_)
    strips = StripEvents(whole, small, small, small, small, np.empty((0, len(RHYTHMS)), np.int8))
    return Decided(whole, whole, small, small, small, classes, seconds, seconds, strips)


def _decided_at(record: BeatRecord) -> np.ndarray:
    """A beat is decided at the end of the block in which its window is complete and the next beat is known."""
    found = detect_qrs(record.signal.counts)
    overdue = found.peak + MAX_WAIT
    next_known = np.minimum(np.append(found.reported, np.iinfo(np.int64).max)[1:], overdue)
    ready = np.maximum(next_known, found.peak + WINDOW_SAMPLES - PRE_R_SAMPLES - 1 + BASELINE_DELAY)
    return (ready // BLOCK_SAMPLES + 1) * BLOCK_SAMPLES
