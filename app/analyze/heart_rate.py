"""Heart rate over a recording of any length: extremes and mean, and its course."""

from dataclasses import dataclass

import numpy as np

from ...signals import DEVICE_FS_HZ

__all__ = ["RR_LIMITS_S", "HeartRate", "HeartRateMeter", "Trend"]

RR_LIMITS_S = (0.2, 3.0)
"""RR intervals outside, 300 and 20 beats a minute, say nothing about the heart rate."""

_SHORTEST, _LONGEST = (limit * DEVICE_FS_HZ for limit in RR_LIMITS_S)
_RATE_BEATS = 8
_MINUTE = 60 * DEVICE_FS_HZ
_MOST_POINTS = 1440
_PER_MINUTE = 60.0 * DEVICE_FS_HZ


@dataclass(frozen=True)
class HeartRate:
    """Beats a minute: mean over all RR intervals, extremes of the mean over 8 of them in a row; nan if unknown."""

    mean_bpm: float
    min_bpm: float
    max_bpm: float


@dataclass(frozen=True)
class Trend:
    """The course of a recording, in at most 1,440 points of equal length, the last one cut off by the end.

    Attributes
    ----------
    point_s : length of a point: a minute, or more for recordings of more than a day
    mean_bpm : float64 (n,), mean over the RR intervals that end in the point; nan where there is none
    analysable : float64 (n,), share of the point's time that the gate let through
    """

    point_s: int
    mean_bpm: np.ndarray
    analysable: np.ndarray


class HeartRateMeter:
    """Takes beats and judged seconds as they come; its state grows by a few bytes a minute."""

    def __init__(self) -> None:
        self._last_peak, self._last_segment = -(1 << 40), -1
        self._recent = np.empty(0, np.int64)
        self._total, self._n, self._least, self._most = 0, 0, 0, 0
        self._minutes = np.zeros((0, 4), np.int64)  # sum and number of RR intervals, seconds, rejected seconds

    def add_beats(self, peak: np.ndarray, segment: np.ndarray) -> None:
        """Analysable beats: R peaks, int64 (n,); `segment`, int (n,), changes where a stretch was rejected."""
        if len(peak) == 0:
            return
        rr = np.diff(peak, prepend=self._last_peak)
        is_heart = (np.diff(segment, prepend=self._last_segment) == 0) & (rr >= _SHORTEST) & (rr <= _LONGEST)
        self._last_peak, self._last_segment = int(peak[-1]), int(segment[-1])
        self._count(0, peak[is_heart] // _MINUTE, rr[is_heart])
        self._count(1, peak[is_heart] // _MINUTE, 1)
        self._extremes(rr[is_heart])

    def add_seconds(self, first: int, rejected: np.ndarray) -> None:
        """Judged seconds from number `first` on, bool (n,)."""
        minute = np.arange(first, first + len(rejected)) // 60
        self._count(2, minute, 1)
        self._count(3, minute, rejected)

    def rate(self) -> HeartRate:
        """Over everything so far."""
        if self._n == 0:
            return HeartRate(float("nan"), float("nan"), float("nan"))
        width = min(_RATE_BEATS, self._n)
        least, most = (self._least, self._most) if self._n >= _RATE_BEATS else (self._total, self._total)
        return HeartRate(
            _PER_MINUTE * self._n / self._total, _PER_MINUTE * width / most, _PER_MINUTE * width / least
        )

    def trend(self) -> Trend:
        """Of everything so far."""
        per_point = max(-(-len(self._minutes) // _MOST_POINTS), 1)
        padded = np.pad(self._minutes, ((0, -len(self._minutes) % per_point), (0, 0)))
        total, n, seconds, rejected = padded.reshape(-1, per_point, 4).sum(axis=1).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return Trend(60 * per_point, _PER_MINUTE * n / total, 1 - rejected / seconds)

    def _count(self, column: int, minute: np.ndarray, value: np.ndarray | int) -> None:
        missing = int(minute.max(initial=-1)) + 1 - len(self._minutes)
        self._minutes = np.pad(self._minutes, ((0, max(missing, 0)), (0, 0)))
        np.add.at(self._minutes[:, column], minute, value)

    def _extremes(self, rr: np.ndarray) -> None:
        self._total, self._n = self._total + int(rr.sum()), self._n + len(rr)
        run = np.concatenate((self._recent, rr))
        self._recent = run[-(_RATE_BEATS - 1) :]
        if len(run) < _RATE_BEATS:
            return
        local = np.convolve(run, np.ones(_RATE_BEATS, np.int64), mode="valid")
        known = [self._least] if self._least else []
        self._least, self._most = min([int(local.min()), *known]), max(int(local.max()), self._most)
