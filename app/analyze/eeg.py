"""What an analysis of EEG finds: seizures, the score of every second, what could not be analysed.

The samples are read and decided in pieces; what is kept is a row of figures for each second, 10 MB for a day of 18
channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...compression.compact import LOGIT_FRACTION_BITS
from ...firmware_export.native.seizure import SeizureSeconds, open_seizure
from ...models.seizure_cascade import EVENT_RULE, REACHED, SeizureDecisions
from ...models.seizure_data import FIRST_DECISION_S
from ...models.staged import StagedModel
from ...signals import Recording, UnanalysableError, eeg_events
from ...signals.eeg_features import EEG_WINDOW_S
from ...signals.eeg_files import open_eeg
from ...signals.eeg_lead import EegLead, EegSource, eeg_lead, source_of
from ...signals.eeg_montage import Montage
from ...signals.eeg_wave import EEG_DELAY_S, EEG_DEVICE_FS_HZ, EEG_UV_PER_COUNT
from ..model_files import load_model
from .analysis import NOTICE
from .beat_events import Event, stretches

__all__ = [
    "EegDisplay",
    "SeizureAnalysis",
    "SeizureEvent",
    "SeizureLatency",
    "alarm_confidences",
    "analyze_eeg",
    "decide_lead",
    "eeg_display",
    "open_eeg_lead",
]


NOT_ANALYSABLE = "not_analysable"


@dataclass(frozen=True)
class SeizureEvent:
    """A seizure that the cascade reports.

    Attributes
    ----------
    onset_s : start of the first of the windows that raised the alarm, from the start of the recording
    duration_s : to the end of the last window above the threshold
    alarm_s : when the device raises the alarm
    confidence : mean of the network's own probability over the event, 0 to 1, not calibrated
    kind, note : for lists that hold other events, too
    """

    onset_s: float
    duration_s: float
    alarm_s: float
    confidence: float
    kind: str = "seizure"
    note: str = ""


@dataclass(frozen=True)
class SeizureLatency:
    """How far a decision lags behind the electrodes.

    Attributes
    ----------
    window_s : length of the stretch that a second's score is made from
    filter_s : how far the filtered signal lags behind the electrodes
    alarm_s : from the end of the first window that looks like a seizure to the alarm, at least
    statement : the same in a sentence
    """

    window_s: float
    filter_s: float
    alarm_s: float
    statement: str


@dataclass(frozen=True)
class SeizureAnalysis:
    """One recording; one row per whole second.

    Attributes
    ----------
    record, montage : what was analysed
    channels : names, the columns of the tables
    mask : bool (n_channels,), False for channels that the recording does not hold
    fs_hz, duration_s : of the recording
    second_s : float (n_seconds,), start of every row
    score : float (n_seconds,), score of the specialist, a logit; nan where the second did not reach it
    screen : float (n_seconds,), score of the screen, a logit; nan where no channel was analysable
    reached : uint8 (n_seconds,), where the second's way ended, position in `STAGES`
    rejected : bool (n_seconds, n_channels), True where the gate rejected the channel; masked channels are rejected
    line_length_uv : float32 (n_seconds, n_channels), mean |step| of the filtered signal at 64 Hz in uV a sample
    is_on : bool (n_seconds,), whether an alarm is on at the end of the second
    screen_threshold : of the screen's score, from which a second passes on to the specialist
    threshold : of the specialist's score, from which a second looks like a seizure
    events : seizures in time order
    not_analysable : stretches without an analysable channel, and the start, before the first whole window
    latency : of the decisions
    notice : what the software is not for
    """

    record: str
    montage: Montage
    channels: tuple[str, ...]
    mask: np.ndarray
    fs_hz: float
    duration_s: float
    second_s: np.ndarray
    score: np.ndarray
    screen: np.ndarray
    reached: np.ndarray
    rejected: np.ndarray
    line_length_uv: np.ndarray
    is_on: np.ndarray
    screen_threshold: float
    threshold: float
    events: tuple[SeizureEvent, ...]
    not_analysable: tuple[Event, ...]
    latency: SeizureLatency
    notice: str = NOTICE

    @property
    def rejected_s(self) -> float:
        """Time without an analysable channel."""
        return sum(e.duration_s for e in self.not_analysable)


@dataclass(frozen=True)
class EegDisplay:
    """A montage of a recording to look at.

    Attributes
    ----------
    record : name of the recording
    montage : name of the montage
    names : of the channels, the columns
    mask : bool (n_channels,), False for channels that the recording does not hold; they are 0
    fs_hz : samples a second of what `uv` gives, whatever the recording's own rate
    duration_s : of the recording
    uv : from and to which second -> float32 (n, n_channels) in uV, unfiltered
    """

    record: str
    montage: str
    names: tuple[str, ...]
    mask: np.ndarray
    fs_hz: float
    duration_s: float
    uv: Callable[[float, float], np.ndarray]


def analyze_eeg(
    recording: Recording | EegSource | EegLead | str | Path,
    model: StagedModel | str | Path | None = None,
    montage: Montage | str | None = None,
    fs_hz: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> SeizureAnalysis:
    """Look for seizures.

    Parameters
    ----------
    recording : a file, a source, a recording in memory, or a montage that is already chosen
    model : a model or its file; None takes the zoo's
    montage, fs_hz : as for `open_eeg_lead`
    progress : is told the share of the recording that is done

    Raises
    ------
    InputError
        The recording cannot be read, or holds no channel of the montage.
    UnanalysableError
        It is shorter than a second.
    """
    lead = recording if isinstance(recording, EegLead) else open_eeg_lead(recording, montage, fs_hz)
    if model is None or isinstance(model, str | Path):
        model = load_model(model, "seizure").model
    seconds = decide_lead(lead, model, progress)
    return _analysis(lead, model, seconds)


def decide_lead(
    lead: EegLead, model: StagedModel, progress: Callable[[float], None] | None = None
) -> SeizureSeconds:
    """Every second of a montage, decided by the device's own code where it can be compiled.

    Raises
    ------
    UnanalysableError
        There is not a whole second.
    """
    runner, parts, n_samples = open_seizure(model, lead.mask), list[SeizureSeconds](), 0
    for piece in lead.pieces():
        parts.append(runner.push(piece))
        n_samples += len(piece)
        if progress:
            progress(min(n_samples / EEG_DEVICE_FS_HZ / lead.duration_s, 1.0))
    if not sum(map(len, parts)):
        raise UnanalysableError(f"{lead.record}: {lead.duration_s:g} s, less than a second")
    decisions = SeizureDecisions.concatenate([part.decisions for part in parts])
    return SeizureSeconds(decisions, np.concatenate([part.line_length_uv for part in parts]))


def _analysis(lead: EegLead, model: StagedModel, seconds: SeizureSeconds) -> SeizureAnalysis:
    decisions = seconds.decisions
    alarms, is_on = decisions.events()
    score = _scores(decisions)
    screen = _natural(decisions.screen, decisions.reached >= REACHED.index("screen"))
    threshold = float(model.thresholds["screen"]) / _unit(decisions.screen)
    return SeizureAnalysis(
        record=lead.record,
        montage=lead.montage,
        channels=lead.montage.channels,
        mask=lead.mask,
        fs_hz=lead.fs_hz,
        duration_s=lead.duration_s,
        second_s=np.arange(len(decisions), dtype=np.float64),
        score=score,
        screen=screen,
        reached=decisions.reached,
        rejected=decisions.rejected,
        line_length_uv=seconds.line_length_uv,
        is_on=is_on,
        screen_threshold=threshold,
        threshold=0.0,
        events=tuple(_event(alarm, score, lead.montage.channels, seconds) for alarm in alarms),
        not_analysable=_gated(decisions),
        latency=_latency(),
    )


def alarm_confidences(decisions: SeizureDecisions) -> list[tuple[float, float, float]]:
    """Onset and end in s, and confidence, of every seizure that is reported; see `SeizureEvent`."""
    score = _scores(decisions)
    return [(float(a.onset_s), float(a.end_s), _confidence(a, score)) for a in decisions.events()[0]]


def _scores(decisions: SeizureDecisions) -> np.ndarray:
    """Scores of the specialist, logits, float64 (n,), nan where it did not run."""
    return _natural(decisions.specialist, decisions.reached >= REACHED.index("specialist"))


def _confidence(alarm: eeg_events.SeizureEvent, score: np.ndarray) -> float:
    during = score[alarm.onset_s : alarm.end_s]
    known = during[np.isfinite(during)]
    return float((1 / (1 + np.exp(-known))).mean()) if len(known) else 0.0


def _natural(logits: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    """Logits in natural units, float64 (n,), nan where unknown; those of the compact model are Q4.3 integers."""
    return np.where(is_known, logits.astype(np.float64) / _unit(logits), np.nan)


def _unit(logits: np.ndarray) -> int:
    return 1 << LOGIT_FRACTION_BITS if np.issubdtype(logits.dtype, np.integer) else 1


def _event(
    alarm: eeg_events.SeizureEvent, score: np.ndarray, channels: Sequence[str], seconds: SeizureSeconds
) -> SeizureEvent:
    length = seconds.line_length_uv[alarm.onset_s : alarm.end_s]
    kept = ~seconds.decisions.rejected[alarm.onset_s : alarm.end_s]
    largest = channels[int(np.where(kept, length, 0).sum(axis=0).argmax())]
    return SeizureEvent(
        onset_s=float(alarm.onset_s),
        duration_s=float(alarm.end_s - alarm.onset_s),
        alarm_s=float(alarm.alarm_s),
        confidence=_confidence(alarm, score),
        note=f"alarm {alarm.alarm_s - alarm.onset_s} s after its onset; largest in {largest}",
    )


def _gated(decisions: SeizureDecisions) -> tuple[Event, ...]:
    """The start, and stretches without an analysable channel."""
    is_gated = decisions.analysable.sum(axis=1) == 0
    n = min(FIRST_DECISION_S, len(is_gated))
    start_up = [Event(0.0, float(n), NOT_ANALYSABLE, note="before the first whole window")]
    later = ((a + n, b + n) for a, b in stretches(is_gated[n:]))
    return (*start_up, *(Event(float(a), float(b - a), NOT_ANALYSABLE) for a, b in later))


def _latency() -> SeizureLatency:
    rule = EVENT_RULE
    return SeizureLatency(
        window_s=float(EEG_WINDOW_S),
        filter_s=EEG_DELAY_S,
        alarm_s=float(rule.wanted - 1),
        statement=f"A second is decided when it ends, from the latest {EEG_WINDOW_S} s of a signal that lags "
        f"{EEG_DELAY_S:.2f} s behind the electrodes. The alarm comes when {rule.wanted} of the latest "
        f"{rule.among} seconds look like a seizure: no sooner than {rule.wanted - 1} s after the first of them.",
    )


def open_eeg_lead(
    recording: Recording | EegSource | str | Path, montage: Montage | str | None = None, fs_hz: float | None = None
) -> EegLead:
    """A montage of whatever a caller has: a file, a source, or a recording in memory.

    Parameters
    ----------
    montage : as for `plan_montage`
    fs_hz : sampling rate of a CSV file that states none

    Raises
    ------
    InputError
        The recording cannot be read, or holds no channel of the montage.
    """
    if isinstance(recording, str | Path):
        recording = open_eeg(recording, fs_hz=fs_hz)
    return eeg_lead(source_of(recording) if isinstance(recording, Recording) else recording, montage)


def eeg_display(
    recording: Recording | EegSource | str | Path, montage: Montage | str | None = None, fs_hz: float | None = None
) -> EegDisplay:
    """Channels to look at; a stretch of a file is read when it is asked for. Errors as `open_eeg_lead`."""
    lead = open_eeg_lead(recording, montage, fs_hz)

    def uv(start_s: float, end_s: float) -> np.ndarray:
        return lead.between(start_s, end_s).astype(np.float32) * np.float32(EEG_UV_PER_COUNT)

    return EegDisplay(
        lead.record, lead.montage.name, lead.montage.channels, lead.mask, EEG_DEVICE_FS_HZ, lead.duration_s, uv
    )
