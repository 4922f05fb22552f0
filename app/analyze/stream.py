"""A lead through the cascade, piece by piece, in memory that does not grow with its length."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from ...firmware_export.emulator.rhythm_run import STRIP_BLOCKS
from ...firmware_export.native.device import Decided
from ...signals import BLOCK_SAMPLES, CLASSES, DEVICE_FS_HZ, Lead, UnanalysableError, device_pieces
from ...signals.device_signal import Resample
from .analysis import BeatTable, Found, Latency, Summary
from .beat_events import Event, EventFinder, StretchFinder
from .decision_scores import decision_scores
from .ectopy import EctopyJudge
from .fibrillation import FibrillationFinder
from .heart_rate import HeartRateMeter
from .reference_cascade import MAX_WAIT
from .rhythm_events import AfFinder, RhythmMeter, StripTable, strip_table

__all__ = ["STRIP_S", "AnalysisStream", "Cascade", "JudgedSeconds", "beat_table"]

_TAIL_BLOCKS = MAX_WAIT // BLOCK_SAMPLES + 1
"""Blocks of the last sample held, after which every beat of the recording is decided."""
_LATENCY_BOUND = MAX_WAIT + BLOCK_SAMPLES
_WAIT_S = -(-_LATENCY_BOUND // DEVICE_FS_HZ)
"""Seconds after which every beat is decided."""
STRIP_S = STRIP_BLOCKS * BLOCK_SAMPLES // DEVICE_FS_HZ
"""Length of a strip."""


class Cascade(Protocol):
    """What decides: the device's C, or the reference."""

    def push(self, counts: np.ndarray) -> Decided:
        """Take whole blocks, int16 (n,), and give what is decided."""
        ...

    def finish(self) -> Decided:
        """Give what was not given before."""
        ...


class AnalysisStream:
    """Iterate over it for what is found; then ask for the summary.

    The last sample is held until the last second is full and its beats are decided, as a device would go on.

    Parameters
    ----------
    lead : 60 to 5,000 Hz
    cascade : fresh from its reset
    resample : as for `device_pieces`
    note : for the summary

    Raises
    ------
    UnanalysableError
        On the way: no valid sample. From `summary`: no beat, or the gate rejected everything.
    InputError
        A rate or unit that the front end cannot take, or what shows when the file is read.
    """

    def __init__(self, lead: Lead, cascade: Cascade, resample: Resample, note: str = "") -> None:
        self._lead, self._cascade, self._resample, self._note = lead, cascade, resample, note
        self._n_device = 0
        self._seconds = JudgedSeconds()
        self._events, self._rejected = EventFinder(), StretchFinder("not_analysable")
        self._alarm, self._n_alarm_seconds = FibrillationFinder(), 0
        self._ectopy, self._episodes, self._rhythm = EctopyJudge(_WAIT_S), AfFinder(), RhythmMeter(STRIP_S)
        self._rate, self._latency = HeartRateMeter(), _LatencyCount()
        self._n_by_label = np.zeros(len(CLASSES) + 1, np.int64)  # the last one counts rejected beats

    def __iter__(self) -> Iterator[Found]:
        for decided in self._decided():
            yield self._take(decided)
        strips, rejected = self._ectopy.close(), self._rejected.close(self._lead.duration_s)
        episodes = [*self._episodes.add(strips), *self._episodes.close()]
        self._rhythm.add(strips, episodes)
        yield Found(BeatTable.empty(), self._events.close(), self._alarm.close(), rejected, strips, episodes)

    def summary(self) -> Summary:
        """The figures, once everything has been iterated over."""
        where = f"{self._lead.duration_s:.1f} s of lead {self._lead.channel.name}"
        if self._n_by_label.sum() == 0:
            raise UnanalysableError(f"{self._lead.record}: no beat found in {where}")
        if self._seconds.n_rejected == self._seconds.n:
            raise UnanalysableError(f"{self._lead.record}: nothing analysable, the gate rejected all {where}")
        return Summary(
            record=self._lead.record,
            lead=self._lead.channel.name,
            fs_hz=self._lead.fs_hz,
            n_samples=self._lead.n_samples,
            rejected_s=self._seconds.rejected_s(self._lead.duration_s),
            n_beats=int(self._n_by_label.sum()),
            n_rejected=int(self._n_by_label[-1]),
            n_by_class=dict(zip(CLASSES, self._n_by_label.tolist(), strict=False)),
            rate=self._rate.rate(),
            trend=self._rate.trend(),
            latency=self._latency.summary(),
            rhythm=self._rhythm.summary(self._lead.duration_s),
            note=self._note,
        )

    def _decided(self) -> Iterator[Decided]:
        rest = last = np.empty(0, np.int16)
        for piece in device_pieces(self._lead, self._resample):
            self._n_device += len(piece)
            rest = np.concatenate((rest, piece))
            whole = len(rest) // BLOCK_SAMPLES * BLOCK_SAMPLES
            yield self._cascade.push(rest[:whole])
            last, rest = piece[-1:], rest[whole:]
        tail = np.repeat(last, _TAIL_BLOCKS * BLOCK_SAMPLES + -len(rest) % BLOCK_SAMPLES)
        yield self._cascade.push(np.concatenate((rest, tail)))
        yield self._cascade.finish()

    def _take(self, decided: Decided) -> Found:
        n_seconds = -(-self._n_device // BLOCK_SAMPLES)
        rejected = decided.rejected[: n_seconds - self._seconds.n]
        self._rate.add_seconds(self._seconds.n, rejected)
        self._seconds.add(rejected)
        decided = decided.first(int(np.searchsorted(decided.peak, self._n_device)))
        self._latency.add(decided.peak, decided.decided)
        self._n_by_label += np.bincount(decided.label % len(self._n_by_label), minlength=len(self._n_by_label))
        is_seen = decided.label >= 0
        peak, letters = decided.peak[is_seen], np.array(list(CLASSES))[decided.label[is_seen]]
        segment = self._seconds.segment(peak)
        self._rate.add_beats(peak, segment)
        events = self._events.add(peak / DEVICE_FS_HZ, letters, segment)
        strips, episodes = self._take_strips(decided)
        alarms = self._alarm.add(self._whole_seconds(decided.positive))
        return Found(beat_table(decided), events, alarms, self._rejected.add(rejected), strips, episodes)

    def _whole_seconds(self, positive: np.ndarray) -> np.ndarray:
        """Those of the recording: the last one is left out if the recording does not fill it."""
        within = positive[: self._n_device // BLOCK_SAMPLES - self._n_alarm_seconds]
        self._n_alarm_seconds += len(within)
        return within

    def _take_strips(self, decided: Decided) -> tuple[StripTable, list[Event]]:
        """Strips that lie within the recording and whose beats are decided, and episodes that are over."""
        found, n_whole = strip_table(decided.strips, STRIP_S), self._n_device // BLOCK_SAMPLES
        strips = self._ectopy.add(decided.peak, decided.label, found.take(found.end_s <= n_whole), n_whole)
        episodes = self._episodes.add(strips)
        self._rhythm.add(strips, episodes)
        return strips, episodes


class JudgedSeconds:
    """The gate's judgement, second by second."""

    def __init__(self) -> None:
        self.n = self.n_rejected = 0
        self._ends_rejected = False
        self._n_rejected_until = np.empty(0, np.int64)  # at the end of the latest seconds

    def add(self, rejected: np.ndarray) -> None:
        """The next seconds, bool (n,)."""
        if not len(rejected):
            return
        until = self.n_rejected + np.cumsum(rejected)
        self._n_rejected_until = np.concatenate((self._n_rejected_until[-2 * _TAIL_BLOCKS :], until))
        self.n, self.n_rejected = self.n + len(rejected), int(until[-1])
        self._ends_rejected = bool(rejected[-1])

    def segment(self, peak: np.ndarray) -> np.ndarray:
        """Changes, for beats in analysable seconds, where a rejected second lies between two of them."""
        return self._n_rejected_until[peak // BLOCK_SAMPLES - (self.n - len(self._n_rejected_until))]

    def rejected_s(self, duration_s: float) -> float:
        """Time in rejected seconds; the last one ends with the recording."""
        return self.n_rejected - self._ends_rejected * (self.n - duration_s)


class _LatencyCount:
    """How often each latency occurred, in samples."""

    def __init__(self) -> None:
        self._n = np.zeros(_LATENCY_BOUND + 1, np.int64)
        self._first_decided = 0

    def add(self, peak: np.ndarray, decided: np.ndarray) -> None:
        if len(peak):
            self._first_decided = self._first_decided or int(decided[0])
            self._n += np.bincount(decided - peak, minlength=len(self._n))

    def summary(self) -> Latency:
        """In seconds; there must have been a beat."""
        until = np.cumsum(self._n)
        middle = [int(np.searchsorted(until, i, side="right")) for i in ((until[-1] - 1) // 2, until[-1] // 2)]
        return Latency(
            sum(middle) / 2 / DEVICE_FS_HZ,
            int(np.flatnonzero(self._n)[-1]) / DEVICE_FS_HZ,
            _LATENCY_BOUND / DEVICE_FS_HZ,
            self._first_decided / DEVICE_FS_HZ,
        )


def beat_table(decided: Decided) -> BeatTable:
    """Decisions with scores in natural units."""
    scores = decision_scores(decided.label, decided.reached, decided.screen, decided.classes)
    return BeatTable(decided.peak, decided.label, decided.reached, *scores)
