"""The running baseline of an EEG channel: what is usual for this person, electrode and amplifier.

Eight levels a second (see `eeg_features`), each followed on its own. One word of state a level, and the latest 30
seconds of levels, a byte each.
"""

import numpy as np

from .eeg_wave import SCALE_BITS

__all__ = ["BASELINE_LAG_S", "BASELINE_LEVELS", "BASELINE_START_S", "EegBaseline", "wave_factor"]

BASELINE_LEVELS = 8
BASELINE_START_S = 8  # seconds 1 to 8 are averaged; second 0 holds the filter's start
BASELINE_LAG_S = 30

_FLOOR = np.array([1536, 1280, 1280, 1280, 1280, 1280, 1280, 1024])
"""Lowest baseline of each level, 256 steps an octave: a mean |y| of 1 uV, a mean step of 0.5 uV."""
_OCTAVE = 256
_SLOW = 2  # 1/128 octave a second
_SHIFT = 5  # time constant 32 s
_MANTISSA = np.rint(2.0 ** (SCALE_BITS + 1 - np.arange(16) / 16)).astype(np.int32)


class EegBaseline:
    """Follows each level of each channel.

    With L the level of a second and b the baseline, 256 steps an octave, t counted from 0::

        t = 0           b = 16 L[0]
        1 <= t <= 8     b = (32 sum(L[1..t]) + t) // (2 t)
        t >= 39         e = 16 L[t - 30] - b
                        b += (e + 16) >> 5         if |e| <= 256
                        b += 2 sign(e)             otherwise

    What is given out is b, and no less than a floor.
    """

    def __init__(self, n_channels: int) -> None:
        self._levels = np.zeros((BASELINE_LAG_S, n_channels, BASELINE_LEVELS), np.int64)  # second t at t % 30
        self._total = np.zeros((n_channels, BASELINE_LEVELS), np.int64)
        self._baseline = np.zeros((n_channels, BASELINE_LEVELS), np.int64)
        self._t = 0

    def push(self, levels: np.ndarray) -> np.ndarray:
        """Baseline of each second: int64 (n, n_channels, 8), 256 steps an octave, of levels of the same shape."""
        baselines = np.empty(levels.shape, np.int64)
        for baseline, level in zip(baselines, levels, strict=True):
            self._follow(level)
            np.maximum(self._baseline, _FLOOR, out=baseline)
            self._levels[self._t % BASELINE_LAG_S] = level
            self._t += 1
        return baselines

    def _follow(self, level: np.ndarray) -> None:
        t = self._t
        if t == 0:
            self._baseline = level << 4
        elif t <= BASELINE_START_S:
            self._total += level
            self._baseline = (32 * self._total + t) // (2 * t)
        elif t > BASELINE_START_S + BASELINE_LAG_S:
            error = (self._levels[t % BASELINE_LAG_S] << 4) - self._baseline
            near = (error + (1 << _SHIFT - 1)) >> _SHIFT
            self._baseline += np.where(np.abs(error) <= _OCTAVE, near, _SLOW * np.sign(error))


def wave_factor(amplitude: np.ndarray) -> np.ndarray:
    """Factor for `scale_eeg` that makes the baseline's mean |y| 8 steps of int8: int32, at most 2^15.

    ``M[b >> 4 & 15] >> ((b >> 8) - 6)`` with ``M[i] = round(2^(15 - i/16))``

    Parameters
    ----------
    amplitude : baseline of the amplitude's level, 256 steps an octave, at least its floor
    """
    return (_MANTISSA[amplitude >> 4 & 15] >> ((amplitude >> 8) - 6)).astype(np.int32)
