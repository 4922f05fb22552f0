"""What leaves the dashboard: a reviewed recording as one value, from which every export is made.

It holds no patient unless somebody asked for it, and the time it was made at is stated, not taken from the clock:
the same document gives the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..recording_facts import ModelFacts, RecordingFacts
from .log import CONFIRMED, REJECTED, RELABELLED, EventKey, EventState

__all__ = ["NO_DEVICE", "ReviewDocument", "ReviewedEvent", "Strip", "operating_text", "strip_window"]

NO_DEVICE = "Research use only, not a medical device"


@dataclass(frozen=True)
class ReviewedEvent:
    """An event and what was decided on it.

    Attributes
    ----------
    confidence : the model's, 0 to 1; None where it has none
    note : what the model says of it
    """

    key: EventKey
    state: EventState
    confidence: float | None = None
    note: str = ""


@dataclass(frozen=True)
class ReviewDocument:
    """A recording with all its events.

    Attributes
    ----------
    operating_point : kind of event -> threshold
    reviewer : who exports
    created_at : ISO 8601 in UTC
    events : those that nobody reviewed included
    identity : of the patient, see `patient_identity`; empty unless asked for
    """

    recording: RecordingFacts
    model: ModelFacts
    operating_point: Mapping[str, float]
    reviewer: str
    created_at: str
    events: tuple[ReviewedEvent, ...]
    identity: tuple[str, ...] = field(default=())

    @property
    def confirmed(self) -> tuple[ReviewedEvent, ...]:
        """Events that were confirmed or given another label, in time order."""
        kept = (e for e in self.events if e.state.verdict in (CONFIRMED, RELABELLED))
        return tuple(sorted(kept, key=in_time))

    @property
    def standing(self) -> tuple[ReviewedEvent, ...]:
        """All events but the rejected ones, in time order."""
        return tuple(sorted((e for e in self.events if e.state.verdict != REJECTED), key=in_time))


@dataclass(frozen=True)
class Strip:
    """A stretch of signal to be drawn.

    Attributes
    ----------
    start_s : from the start of the recording
    channels : names
    unit : ``mV`` or ``uV``
    values : float (n_channels, n), nan where missing
    marks : time in s and letter of each beat
    rejected : onset and end in s of what the gate rejected
    """

    start_s: float
    fs_hz: float
    channels: tuple[str, ...]
    unit: str
    values: np.ndarray
    marks: tuple[tuple[float, str], ...] = ()
    rejected: tuple[tuple[float, float], ...] = ()

    @property
    def duration_s(self) -> float:
        return self.values.shape[1] / self.fs_hz


def in_time(event: ReviewedEvent) -> tuple[float, str]:
    """What to sort events by."""
    return event.key.onset_s, event.key.kind


def strip_window(key: EventKey, duration_s: float, seconds: float = 10.0) -> tuple[float, float]:
    """Start and end in s of the stretch that shows an event: all of it in the middle, or its beginning.

    Parameters
    ----------
    duration_s : of the recording
    """
    if key.duration_s <= seconds * 0.8:
        start_s = key.onset_s + key.duration_s / 2 - seconds / 2
    else:
        start_s = key.onset_s - seconds * 0.2
    start_s = max(min(start_s, duration_s - seconds), 0.0)
    return start_s, min(start_s + seconds, duration_s)


def operating_text(operating_point: Mapping[str, float]) -> str:
    """Thresholds by kind of event, in one line."""
    parts = [f"{kind} {operating_point[kind]:.3g}" for kind in sorted(operating_point)]
    return ", ".join(parts) or "all decisions of the model"
