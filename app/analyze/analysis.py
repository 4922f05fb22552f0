"""What an analysis finds: beats, events, heart rate, latency."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...signals import CLASSES, DEVICE_FS_HZ
from .beat_events import Event
from .heart_rate import HeartRate, Trend
from .rhythm_events import RhythmSummary, StripTable

__all__ = ["NOTICE", "STAGES", "Analysis", "Beat", "BeatTable", "Found", "Latency", "Summary"]

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."
STAGES = ("gate", "screen", "specialist")


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
class BeatTable:
    """Beats as columns, in time order.

    Attributes
    ----------
    peak : int64 (n,), device sample of the R peak
    label : int8 (n,), position in `CLASSES`; -1 where the gate rejected the second
    stage : int8 (n,), position in `STAGES`
    screen, confidence : float64 (n,), as in `Beat`; NaN for a rejected beat
    """

    peak: np.ndarray
    label: np.ndarray
    stage: np.ndarray
    screen: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.peak)

    @classmethod
    def empty(cls) -> "BeatTable":
        """No beat."""
        label, score = np.empty(0, np.int8), np.empty(0)
        return cls(np.empty(0, np.int64), label, label, score, score)

    @classmethod
    def concatenate(cls, parts: Sequence["BeatTable"]) -> "BeatTable":
        """Beats of several tables one after the other."""
        return cls(*(np.concatenate(column) for column in zip(*(vars(p).values() for p in parts), strict=True)))

    def beats(self) -> tuple[Beat, ...]:
        """The rows."""
        times_s = (self.peak / DEVICE_FS_HZ).tolist()
        columns = (c.tolist() for c in (self.label, self.stage, self.screen, self.confidence))
        return tuple(
            Beat(time_s, CLASSES[label], STAGES[stage], screen, confidence)
            if label >= 0
            else Beat(time_s, None, STAGES[stage], None, None)
            for time_s, label, stage, screen, confidence in zip(times_s, *columns, strict=True)
        )


@dataclass(frozen=True)
class Latency:
    """Seconds from an R peak to its decision on the device, and when the first decision falls."""

    median_s: float
    max_s: float
    bound_s: float
    first_decision_s: float


@dataclass(frozen=True)
class Found:
    """What is new since the last piece of a recording; every kind in time order, each for itself."""

    beats: BeatTable
    events: Sequence[Event]
    alarms: Sequence[Event]
    not_analysable: Sequence[Event]
    strips: StripTable
    episodes: Sequence[Event]


@dataclass(frozen=True)
class Summary:
    """A whole recording in figures whose number does not grow with its length.

    Attributes
    ----------
    record, lead : what was analysed
    fs_hz, n_samples : of the recording
    rejected_s : time that the gate rejected
    n_beats, n_rejected : detected beats, and those of them in rejected seconds
    n_by_class : decided beats by class letter
    rate : heart rate over the analysable time
    trend : heart rate and analysable share over time
    latency : of the decisions
    rhythm : strips by class, episodes of atrial fibrillation and its burden
    note : what the reader should know of how it was done; empty as a rule
    """

    record: str
    lead: str
    fs_hz: float
    n_samples: int
    rejected_s: float
    n_beats: int
    n_rejected: int
    n_by_class: dict[str, int]
    rate: HeartRate
    trend: Trend
    latency: Latency
    rhythm: RhythmSummary
    note: str = ""

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.fs_hz


@dataclass(frozen=True)
class Analysis:
    """What one recording holds, all of it in memory.

    Attributes
    ----------
    summary : its figures
    table : every detected beat in time order, rejected ones included
    events : runs, couplets, bigeminy, pauses, ventricular and atrial fibrillation in time order
    not_analysable : stretches that the gate rejected
    strips : every strip of rhythm in time order
    """

    summary: Summary
    table: BeatTable
    events: tuple[Event, ...]
    not_analysable: tuple[Event, ...]
    strips: StripTable = field(default_factory=StripTable.empty)

    @cached_property
    def beats(self) -> tuple[Beat, ...]:
        """The rows of `table`."""
        return self.table.beats()

    @property
    def record(self) -> str:
        return self.summary.record

    @property
    def lead(self) -> str:
        return self.summary.lead

    @property
    def duration_s(self) -> float:
        return self.summary.duration_s

    @property
    def rejected_s(self) -> float:
        return self.summary.rejected_s

    @property
    def n_by_class(self) -> dict[str, int]:
        return self.summary.n_by_class

    @property
    def rate(self) -> HeartRate:
        return self.summary.rate

    @property
    def latency(self) -> Latency:
        return self.summary.latency
