"""Analyse one recording: what was analysable, which beats, which events, and after how long."""

from dataclasses import dataclass, replace

import numpy as np

from ..compression.compact import LOGIT_FRACTION_BITS
from ..models.beat_data import BeatRecord, prepare_record
from ..models.staged import Decisions, StagedModel, decide
from ..signals import (
    BASELINE_DELAY,
    BLOCK_SAMPLES,
    CLASSES,
    DEVICE_FS_HZ,
    PRE_R_SAMPLES,
    QRS_MAX_LATENCY_SAMPLES,
    WINDOW_SAMPLES,
    Events,
    Recording,
    UnanalysableError,
    choose_channel,
    detect_qrs,
)
from ..signals.beats import POST_RR_CAP
from .beat_events import Event, HeartRate, beat_events, heart_rate, stretches
from .verbs import load_model

__all__ = ["NOTICE", "Analysis", "Beat", "Latency", "analyze"]

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."

_LATENCY_BOUND = POST_RR_CAP + QRS_MAX_LATENCY_SAMPLES + BLOCK_SAMPLES


@dataclass(frozen=True)
class Beat:
    """One detected beat.

    Attributes
    ----------
    time_s : R peak, from the start of the recording
    label : class letter, None where the gate rejected the second it lies in
    stage : where its way ended: gate, screen or specialist
    screen : score of the screen, a logit: above 0 looks abnormal; None for a rejected beat
    confidence : the network's own share for the class, 0 to 1, not calibrated; None for a rejected beat
    """

    time_s: float
    label: str | None
    stage: str
    screen: float | None
    confidence: float | None


@dataclass(frozen=True)
class Latency:
    """Seconds from an R peak to its decision on the device, and when the first decision falls."""

    median_s: float
    max_s: float
    bound_s: float
    first_decision_s: float


@dataclass(frozen=True)
class Analysis:
    """What one recording holds.

    Attributes
    ----------
    record, lead : what was analysed
    duration_s : of the recording
    beats : every detected beat in time order, rejected ones included
    not_analysable : stretches that the gate rejected
    events : runs, couplets, bigeminy and pauses in time order
    rate : heart rate over the analysable time
    latency : of the decisions
    """

    record: str
    lead: str
    duration_s: float
    beats: tuple[Beat, ...]
    not_analysable: tuple[Event, ...]
    events: tuple[Event, ...]
    rate: HeartRate
    latency: Latency

    @property
    def rejected_s(self) -> float:
        """Time that the gate rejected."""
        return sum(e.duration_s for e in self.not_analysable)

    @property
    def n_by_class(self) -> dict[str, int]:
        """Decided beats by class letter."""
        return {letter: sum(b.label == letter for b in self.beats) for letter in CLASSES}


def analyze(recording: Recording, model: StagedModel | None = None, channel: int | str | None = None) -> Analysis:
    """Run the cascade over one lead of a recording; reference annotations are not looked at.

    Parameters
    ----------
    recording : any rate from 60 to 5,000 Hz
    model : float or compact; None takes the zoo's
    channel : column or name of the lead; None takes MLII, else II, else the first

    Raises
    ------
    UnanalysableError
        No beat was found, or the gate rejected the whole recording.
    InputError
        A rate, unit or channel that the front end cannot take.
    """
    record = prepare_record(_one_lead(recording, channel))
    if len(record.beats) == 0:
        raise UnanalysableError(
            f"{recording.name}: no beat found in {recording.duration_s:.1f} s of lead {record.signal.lead}"
        )
    decisions = decide(load_model().model if model is None else model, record)
    if not decisions.accepted.any():
        raise UnanalysableError(
            f"{recording.name}: nothing analysable, the gate rejected all {recording.duration_s:.1f} s "
            f"of lead {record.signal.lead}"
        )
    segment = np.cumsum(~decisions.accepted)[record.beats.block][~decisions.gated]
    time_s = record.beats.peak[~decisions.gated] / DEVICE_FS_HZ
    letters = np.array(list(CLASSES))[decisions.label[~decisions.gated]]
    return Analysis(
        record=recording.name,
        lead=record.signal.lead,
        duration_s=recording.duration_s,
        beats=_beats(record, decisions),
        not_analysable=_rejected(decisions.accepted, recording.duration_s),
        events=tuple(beat_events(time_s, letters, segment)),
        rate=heart_rate(time_s, segment),
        latency=_latency(record),
    )


def _one_lead(recording: Recording, channel: int | str | None) -> Recording:
    """The recording with one channel and without reference annotations."""
    column = choose_channel(recording, channel)
    only = slice(column, column + 1)
    return replace(
        recording,
        counts=recording.counts[:, only],
        channels=recording.channels[only],
        invalid=None if recording.invalid is None else recording.invalid[:, only],
        events=Events.empty(),
    )


def _beats(record: BeatRecord, decisions: Decisions) -> tuple[Beat, ...]:
    screen, classes = _natural(decisions.screen), _natural(decisions.classes)
    is_normal = 1 / (1 + np.exp(screen))
    share = np.exp(classes - classes.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    beats = []
    for i, peak in enumerate((record.beats.peak / DEVICE_FS_HZ).tolist()):
        if decisions.gated[i]:
            beats.append(Beat(peak, None, "gate", None, None))
            continue
        label = int(decisions.label[i])
        stage = "specialist" if decisions.reached[i] else "screen"
        confidence = float(share[i, label] if decisions.reached[i] else is_normal[i])
        beats.append(Beat(peak, CLASSES[label], stage, float(screen[i]), confidence))
    return tuple(beats)


def _natural(logits: np.ndarray) -> np.ndarray:
    """Logits in natural units: those of the compact model are Q4.3 integers."""
    is_fixed_point = np.issubdtype(logits.dtype, np.integer)
    return logits.astype(np.float64) / (1 << LOGIT_FRACTION_BITS if is_fixed_point else 1)


def _rejected(accepted: np.ndarray, duration_s: float) -> tuple[Event, ...]:
    """Neighbouring rejected seconds as one episode each."""
    block_s = BLOCK_SAMPLES / DEVICE_FS_HZ
    return tuple(
        Event(start * block_s, min(stop * block_s, duration_s) - start * block_s, "not_analysable")
        for start, stop in stretches(~accepted)
    )


def _latency(record: BeatRecord) -> Latency:
    """A beat is decided at the end of the block in which its window is complete and the next beat is known."""
    found = detect_qrs(record.signal.counts)
    overdue = found.peak + POST_RR_CAP + QRS_MAX_LATENCY_SAMPLES
    next_known = np.minimum(np.append(found.reported[1:], overdue[-1]), overdue)
    ready = np.maximum(next_known, found.peak + WINDOW_SAMPLES - PRE_R_SAMPLES - 1 + BASELINE_DELAY)
    decided = (ready // BLOCK_SAMPLES + 1) * BLOCK_SAMPLES
    latency_s = (decided - found.peak) / DEVICE_FS_HZ
    return Latency(
        float(np.median(latency_s)),
        float(latency_s.max()),
        _LATENCY_BOUND / DEVICE_FS_HZ,
        float(decided[0] / DEVICE_FS_HZ),
    )
