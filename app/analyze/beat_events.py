"""Events in a sequence of classified beats: runs, couplets, bigeminy, pauses.

A stretch that the gate rejected ends every event: what happened inside it is not known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["PAUSE_S", "Event", "EventFinder", "StretchFinder", "beat_events", "stretches"]

PAUSE_S = 2.0
"""An RR interval above this is a pause (ACC/AHA ambulatory ECG guidelines, Crawford et al., JACC 34:912, 1999)."""

_TACHYCARDIA_BPM = 100.0
_RUN_BEATS = 3
_BIGEMINY_ECTOPIC_BEATS = 3
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
    confidence : the network's own share for it, 0 to 1, not calibrated; None where it comes from a rule
    """

    onset_s: float
    duration_s: float
    kind: str
    n_beats: int = 0
    rate_bpm: float | None = None
    note: str = ""
    confidence: float | None = None


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


class EventFinder:
    """`beat_events` of beats that come in batches; holds back only the beats of an event that may still go on."""

    def __init__(self) -> None:
        self._time_s, self._label = np.empty(0), np.empty(0, "<U1")
        self._segment = np.empty(0, np.int64)

    def add(self, time_s: np.ndarray, label: np.ndarray, segment: np.ndarray) -> list[Event]:
        """Events that are over, of these beats and of those before them; arguments as `beat_events`."""
        self._time_s = np.concatenate((self._time_s, time_s))
        self._label = np.concatenate((self._label, label))
        self._segment = np.concatenate((self._segment, segment))
        quiet = self._between()
        if not len(quiet):
            return []
        n = int(quiet[-1]) + 1
        found = beat_events(self._time_s[:n], self._label[:n], self._segment[:n])
        self._keep(n - 1)
        return found

    def close(self) -> list[Event]:
        """Events of the beats that were held back."""
        found = beat_events(self._time_s, self._label, self._segment)
        self._keep(len(self._time_s))
        return found

    def _between(self) -> np.ndarray:
        """Beats before which every event but a pause is over: normal like the one before, or after a gap."""
        both_normal = (self._label[1:] == "N") & (self._label[:-1] == "N")
        return np.flatnonzero(both_normal | (np.diff(self._segment) != 0)) + 1

    def _keep(self, first: int) -> None:
        self._time_s, self._label = self._time_s[first:], self._label[first:]
        self._segment = self._segment[first:]


class StretchFinder:
    """Neighbouring marked seconds as one event each, of seconds that come in batches."""

    def __init__(self, kind: str) -> None:
        self._kind, self._n, self._open_at = kind, 0, -1

    def add(self, is_marked: np.ndarray) -> list[Event]:
        """Events that are over, of these seconds, bool (n,), and of those before them."""
        found = []
        for i in np.flatnonzero(np.diff(is_marked, prepend=self._open_at >= 0)).tolist():
            if is_marked[i]:
                self._open_at = self._n + i
            else:
                found += self.close(self._n + i)
        self._n += len(is_marked)
        return found

    def close(self, end_s: float) -> list[Event]:
        """The event that is still going on ends here."""
        onset, self._open_at = self._open_at, -1
        return [] if onset < 0 else [Event(float(onset), float(end_s - onset), self._kind)]


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
