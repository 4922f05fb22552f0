"""Events in a sequence of classified beats: runs, couplets, bigeminy, pauses.

A stretch that the gate rejected ends every event: what happened inside it is not known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["PAUSE_S", "RR_LIMITS_S", "Event", "HeartRate", "beat_events", "heart_rate", "stretches"]

PAUSE_S = 2.0
"""An RR interval above this is a pause (ACC/AHA ambulatory ECG guidelines, Crawford et al., JACC 34:912, 1999)."""

RR_LIMITS_S = (0.2, 3.0)
"""RR intervals outside, 300 and 20 beats a minute, say nothing about the heart rate."""

_TACHYCARDIA_BPM = 100.0
_RUN_BEATS = 3
_BIGEMINY_ECTOPIC_BEATS = 3
_RATE_BEATS = 8
_NAMES = {"V": "ventricular", "S": "supraventricular"}


@dataclass(frozen=True)
class Event:
    """Something found in a recording.

    Attributes
    ----------
    onset_s, duration_s : from the first R peak to the last one
    kind : for instance ``ventricular_run``
    n_beats : beats that belong to it, 0 where it is not made of beats
    rate_bpm : mean rate within a run, else None
    note : a sentence for the reader
    """

    onset_s: float
    duration_s: float
    kind: str
    n_beats: int = 0
    rate_bpm: float | None = None
    note: str = ""


@dataclass(frozen=True)
class HeartRate:
    """Beats a minute: mean over all RR intervals, extremes of the mean over 8 of them in a row; nan if unknown."""

    mean_bpm: float
    min_bpm: float
    max_bpm: float


def heart_rate(time_s: np.ndarray, segment: np.ndarray) -> HeartRate:
    """Heart rate of beats at `time_s`, float (n,); `segment`, int (n,), changes where a stretch was rejected."""
    rr_s = np.diff(time_s)
    rr_s = rr_s[(np.diff(segment) == 0) & (rr_s >= RR_LIMITS_S[0]) & (rr_s <= RR_LIMITS_S[1])]
    if len(rr_s) == 0:
        return HeartRate(float("nan"), float("nan"), float("nan"))
    width = min(_RATE_BEATS, len(rr_s))
    local = np.convolve(rr_s, np.full(width, 1 / width), mode="valid")
    return HeartRate(60 / float(rr_s.mean()), 60 / float(local.max()), 60 / float(local.min()))


def beat_events(time_s: np.ndarray, label: np.ndarray, segment: np.ndarray) -> list[Event]:
    """Events in time order.

    Parameters
    ----------
    time_s : float (n,), R peaks, ascending
    label : str (n,), class letters
    segment : int (n,), differs between beats with a rejected stretch between them
    """
    events = [*_runs(time_s, label, segment), *_bigeminy(time_s, label, segment), *_pauses(time_s, segment)]
    return sorted(events, key=lambda e: (e.onset_s, e.kind))


def stretches(is_member: np.ndarray) -> Iterator[tuple[int, int]]:
    """First index and index past the end of every run of True in bool (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_member, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _runs(time_s: np.ndarray, label: np.ndarray, segment: np.ndarray) -> Iterator[Event]:
    """Two and more ventricular or supraventricular beats in a row."""
    same = (label[1:] == label[:-1]) & (segment[1:] == segment[:-1])
    for start, stop in stretches(same):
        name, n_beats = _NAMES.get(str(label[start])), stop - start + 1
        if name:
            yield _run(name, time_s[start : stop + 1], n_beats)


def _run(name: str, time_s: np.ndarray, n_beats: int) -> Event:
    onset_s, duration_s = float(time_s[0]), float(time_s[-1] - time_s[0])
    rate_bpm = 60 * (n_beats - 1) / duration_s
    kind = f"{name}_{'run' if n_beats >= _RUN_BEATS else 'couplet'}"
    note = f"{n_beats} {name} beats in a row at {rate_bpm:.0f}/min"
    if n_beats >= _RUN_BEATS and rate_bpm >= _TACHYCARDIA_BPM:
        note = f"{'VT' if name == 'ventricular' else 'SVT'}-like run: {note}"
    return Event(onset_s, duration_s, kind, n_beats, rate_bpm, note)


def _bigeminy(time_s: np.ndarray, label: np.ndarray, segment: np.ndarray) -> Iterator[Event]:
    """Normal and ventricular beats by turns, at least three of the latter."""
    first, second = label[:-1], label[1:]
    turns = ((first == "N") & (second == "V")) | ((first == "V") & (second == "N"))
    for start, stop in stretches(turns & (segment[1:] == segment[:-1])):
        n_ectopic = int((label[start : stop + 1] == "V").sum())
        if n_ectopic >= _BIGEMINY_ECTOPIC_BEATS:
            duration_s = float(time_s[stop] - time_s[start])
            note = f"every second beat ventricular, {n_ectopic} of {stop - start + 1}"
            yield Event(float(time_s[start]), duration_s, "ventricular_bigeminy", stop - start + 1, note=note)


def _pauses(time_s: np.ndarray, segment: np.ndarray) -> Iterator[Event]:
    rr_s = np.diff(time_s)
    for i in np.flatnonzero((rr_s > PAUSE_S) & (np.diff(segment) == 0)).tolist():
        note = f"no beat found for {rr_s[i]:.2f} s"
        yield Event(float(time_s[i]), float(rr_s[i]), "pause", 2, note=note)
