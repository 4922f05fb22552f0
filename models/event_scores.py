"""Scores of seizure events, as SzCORE defines them.

Source: Dan et al., *SzCORE: Seizure Community Open-Source Research Evaluation framework*, Epilepsia 66(S3):14-24,
2025, and its package ``timescoring`` 0.0.7, whose counts these equal exactly. One difference is on purpose: events
that overlap, or stand out of order, are united first. The package takes them as they come; of two of which one is
within the other its merging keeps the end of the inner one, which shortens the event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

__all__ = [
    "SZCORE",
    "EventRules",
    "EventScore",
    "bootstrap_events",
    "false_alarm_interval",
    "score_events",
    "score_samples",
    "share_interval",
    "sum_scores",
]

Times = Sequence[tuple[float, float]]
"""Onset and end of every event, in seconds."""

_EVENT_HZ = 10
"""Time step of event scoring: 0.1 s."""

_LEAST_OVERLAP = 1e-6
_DAY_S = 86400.0


@dataclass(frozen=True)
class EventRules:
    """When an alarm is true, and what one event is.

    Attributes
    ----------
    tolerance_before_s, tolerance_after_s : an alarm this long before or after a seizure is still no false one
    min_overlap : share of the seizure with its tolerances that alarms must cover; 0 means any overlap
    max_event_s : longer events count as several
    min_gap_s : events closer than this count as one
    """

    tolerance_before_s: float = 30.0
    tolerance_after_s: float = 60.0
    min_overlap: float = 0.0
    max_event_s: float = 300.0
    min_gap_s: float = 90.0


SZCORE = EventRules()
"""The values of SzCORE."""


@dataclass(frozen=True)
class EventScore:
    """Counts that can be added up over recordings, and what they come to.

    Attributes
    ----------
    n : reference events (or samples)
    n_detected : of these, detected
    n_false : alarms (or samples) that are false
    duration_s : of the recordings
    latency_s : from the start of each detected event to its alarm, 0 for an alarm that came before; events only
    """

    n: int
    n_detected: int
    n_false: int
    duration_s: float
    latency_s: tuple[float, ...] = ()

    def __add__(self, other: "EventScore") -> "EventScore":
        return EventScore(
            self.n + other.n,
            self.n_detected + other.n_detected,
            self.n_false + other.n_false,
            self.duration_s + other.duration_s,
            self.latency_s + other.latency_s,
        )

    @property
    def sensitivity(self) -> float:
        """Share of the reference events that was detected; nan without any."""
        return self.n_detected / self.n if self.n else float("nan")

    @property
    def precision(self) -> float:
        """True ones among the detections; nan without any."""
        n_said = self.n_detected + self.n_false
        return self.n_detected / n_said if n_said else float("nan")

    @property
    def f1(self) -> float:
        """F1; nan where there is neither an event nor a false alarm."""
        return (
            2 * self.n_detected / (self.n_detected + self.n_false + self.n)
            if self.n + self.n_false
            else float("nan")
        )

    @property
    def false_alarms_per_day(self) -> float:
        """False alarms in 24 hours of recording."""
        return self.n_false / (self.duration_s / 3600 / 24)


NO_EVENTS = EventScore(0, 0, 0, 0.0)


def sum_scores(scores: Sequence[EventScore]) -> EventScore:
    """Scores of several recordings as one."""
    return reduce(EventScore.__add__, scores, NO_EVENTS)


def score_samples(reference: Times, said: Times, duration_s: float, fs_hz: int = 1) -> EventScore:
    """Sample-based scores: every sample is an event of its own.

    Parameters
    ----------
    reference, said : events of one recording
    duration_s : of the recording
    fs_hz : samples a second
    """
    n = round(duration_s * fs_hz)
    truth, decision = (_mask(_united(events), n, fs_hz) for events in (reference, said))
    hits, false = int((truth & decision).sum()), int((~truth & decision).sum())
    return EventScore(int(truth.sum()), hits, false, n / fs_hz)


def score_events(
    reference: Times,
    said: Times,
    duration_s: float,
    rules: EventRules = SZCORE,
    alarm_s: Sequence[float] | None = None,
) -> EventScore:
    """Event-based scores of one recording.

    Parameters
    ----------
    reference, said : events of one recording
    duration_s : of the recording
    alarm_s : when each event of `said` was raised; None means at its onset

    Raises
    ------
    ValueError
        `alarm_s` is not one time for every event of `said`.
    """
    if alarm_s is not None and len(alarm_s) != len(said):
        raise ValueError(f"{len(alarm_s)} alarm times for {len(said)} events")
    n = round(duration_s * _EVENT_HZ)
    truth, alarms = (_split(_merged(_united(e), rules.min_gap_s), rules.max_event_s) for e in (reference, said))
    covered = np.concatenate([[0], np.cumsum(_mask(alarms, n, _EVENT_HZ))])
    is_true, latency_s = np.zeros(n, np.bool_), []
    raised = sorted(zip(said, [a for a, _ in said] if alarm_s is None else alarm_s, strict=True))
    for onset_s, end_s in truth:
        start_s = max(0, onset_s - rules.tolerance_before_s)
        stop_s = min(n / _EVENT_HZ, end_s + rules.tolerance_after_s)
        first, stop = _span(start_s, stop_s, n)
        overlap_s = (covered[max(stop, first)] - covered[first]) / _EVENT_HZ
        if stop_s > start_s and overlap_s / (stop_s - start_s) > rules.min_overlap + _LEAST_OVERLAP:
            is_true[first:stop] = True
            latency_s.append(_latency_s(raised, onset_s, start_s, stop_s))
    false = sum(not is_true[slice(*_span(onset_s, end_s, n))].any() for onset_s, end_s in alarms)
    return EventScore(len(truth), len(latency_s), false, n / _EVENT_HZ, tuple(latency_s))


def bootstrap_events(
    by_subject: Mapping[str, EventScore], n_draws: int = 2000, seed: int = 0
) -> dict[str, list[float]]:
    """95 % percentile intervals by drawing subjects with replacement.

    Returns
    -------
    dict
        ``sensitivity``, ``precision``, ``f1`` and ``false_alarms_per_day``, each [low, high]; nan where undefined
    """
    scores = list(by_subject.values())
    rng = np.random.default_rng(seed)
    drawn = [sum_scores([scores[i] for i in rng.integers(len(scores), size=len(scores))]) for _ in range(n_draws)]
    names = ("sensitivity", "precision", "f1", "false_alarms_per_day")
    return {name: _interval(np.asarray([getattr(score, name) for score in drawn])) for name in names}


def false_alarm_interval(n_false: int, duration_s: float) -> list[float]:
    """95 % interval of the false alarms a day if they come independently of each other.

    Source: Garwood, Biometrika 28:437-442, 1936. Without a single false alarm the upper end is 3.7 in the time
    that was recorded.
    """
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * n_false)) / 2 if n_false else 0.0
    high = float(chi2.ppf(0.975, 2 * n_false + 2)) / 2
    return [low * _DAY_S / duration_s, high * _DAY_S / duration_s]


def share_interval(n_found: int, n: int) -> list[float]:
    """95 % interval of the share of events that are found if they come independently of each other.

    Source: Clopper & Pearson, Biometrika 26:404-413, 1934. `n` is at least 1.
    """
    from scipy.stats import beta

    low = float(beta.ppf(0.025, n_found, n - n_found + 1)) if n_found else 0.0
    high = float(beta.ppf(0.975, n_found + 1, n - n_found)) if n_found < n else 1.0
    return [low, high]


def _united(events: Times) -> list[tuple[float, float]]:
    """Events in time order, overlapping ones as one; those that only touch stay apart."""
    found: list[tuple[float, float]] = []
    for onset_s, end_s in sorted(events):
        if found and onset_s < found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end_s)
        else:
            found.append((onset_s, end_s))
    return found


def _merged(events: Times, min_gap_s: float) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for onset_s, end_s in events:
        if found and onset_s - found[-1][1] < min_gap_s:
            found[-1] = found[-1][0], end_s
        else:
            found.append((onset_s, end_s))
    return found


def _split(events: Times, max_event_s: float) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for onset_s, end_s in events:
        while end_s - onset_s > max_event_s:
            found.append((onset_s, onset_s + max_event_s))
            onset_s += max_event_s
        found.append((onset_s, end_s))
    return found


def _mask(events: Times, n: int, fs_hz: int) -> np.ndarray:
    """Which of `n` samples lie in an event: bool (n,)."""
    mask = np.zeros(n, np.bool_)
    for onset_s, end_s in events:
        mask[round(onset_s * fs_hz) : round(end_s * fs_hz)] = True
    return mask


def _span(onset_s: float, end_s: float, n: int) -> tuple[int, int]:
    """First sample and the one past the end, within the recording."""
    return min(round(onset_s * _EVENT_HZ), n), min(round(end_s * _EVENT_HZ), n)


def _latency_s(
    raised: Sequence[tuple[tuple[float, float], float]], onset_s: float, start_s: float, stop_s: float
) -> float:
    """From `onset_s` to the earliest alarm that overlaps the time from `start_s` to `stop_s`; never below 0.

    Alarms that only merging made overlap count from their own time.
    """
    times_s = [alarm_s for (a, b), alarm_s in raised if a < stop_s and b > start_s]
    times_s = times_s or [alarm_s for (_, b), alarm_s in raised if b <= start_s][-1:]
    return max(min(times_s, default=onset_s) - onset_s, 0.0)


def _interval(values: np.ndarray) -> list[float]:
    """2.5th and 97.5th percentile of the defined values."""
    defined = values[np.isfinite(values)]
    return [float(x) for x in np.percentile(defined, [2.5, 97.5])] if len(defined) else [float("nan")] * 2
