"""Causal QRS detector in integers, the same bit for bit in C (`ictus_qrs.c`).

1. Energy: second difference of the smoothed signal over 31 ms steps (a band-pass around 15 Hz that
   takes out baseline, P and T waves), rectified and summed over a QRS width.
2. Candidate: a maximum of the energy that stays the largest for `HOLD` samples. Its height is its
   energy less an eighth of the energy around it, since a beat stands alone and noise does not; it
   counts no more than `CEILING`, so that no artefact sets the levels where no heart can reach them.
3. Decision: which candidates are beats (`qrs_decision`).
4. R peak: where the smoothed signal is farthest from its own mean around the candidate.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from .filters import SMOOTH_DELAY, smooth
from .qrs_decision import HOLD, MAX_WAIT, Candidate, decide

__all__ = ["QRS_MAX_LATENCY_SAMPLES", "QrsDetections", "detect_qrs"]

STEP = 4  # samples; the second difference over k samples is largest at 64 Hz / k
WIDTH = 12  # samples; 94 ms, a QRS
REACH = 8  # samples; the R peak lies at most 63 ms from the centre of the energy
CEILING = 1 << 14  # energy of a QRS of about 7 mV
ENERGY_DELAY = SMOOTH_DELAY + STEP + WIDTH // 2
QRS_MAX_LATENCY_SAMPLES = MAX_WAIT + ENERGY_DELAY + REACH


@dataclass(frozen=True)
class QrsDetections:
    """Detected beats in time order.

    Attributes
    ----------
    peak : int64 (k,), device sample of the R peak, strictly ascending
    reported : int64 (k,), device sample at which the causal detector announces it, strictly ascending
    """

    peak: np.ndarray
    reported: np.ndarray

    def __len__(self) -> int:
        return len(self.peak)


def detect_qrs(counts: np.ndarray) -> QrsDetections:
    """Detect beats; never raises on int16 input of any content or length.

    Parameters
    ----------
    counts : int16 (n,), one lead at 128 Hz

    Returns
    -------
    QrsDetections, with ``0 < reported - peak <= QRS_MAX_LATENCY_SAMPLES``
    """
    s = smooth(counts).astype(np.int32)
    candidates = _candidates(_energy(_bend(s)))
    at, reported = decide(candidates, len(counts))
    return QrsDetections(_r_peaks(s, np.array(at, np.int64)), np.array(reported, np.int64))


def _bend(s: np.ndarray) -> np.ndarray:
    """``|s[n] - 2 s[n-STEP] + s[n-2 STEP]|``: integer (n,), at most 2^17."""
    held = np.concatenate((np.repeat(s[:1], 2 * STEP), s))
    return np.abs(held[2 * STEP :] - 2 * held[STEP:-STEP] + held[: -2 * STEP])


def _energy(bend: np.ndarray) -> np.ndarray:
    """Sum of the last `WIDTH` bends: int64 (n,), at most 12 * 2^17."""
    total = np.cumsum(np.concatenate((np.zeros(WIDTH, np.int64), bend)))
    return total[WIDTH:] - total[: len(bend)]


def _busy(energy: np.ndarray) -> np.ndarray:
    """Eight times the running mean of every eighth energy, over about half a second: int64 (1 + n // 8,).

    ``busy[0] = 0; busy[i] = busy[i-1] + energy[8 i - 1] - (busy[i-1] >> 3)``
    """
    return np.array(list(accumulate(energy[7::8].tolist(), lambda y, x: y + x - (y >> 3), initial=0)))


def _candidates(energy: np.ndarray) -> list[Candidate]:
    """Maxima of the energy, each with the energy around it."""
    at = np.array(_held_maxima(energy), np.int64)
    surround = np.maximum((_busy(energy)[(at + HOLD + 2) >> 3] * 5 >> 3) - energy[at], 0)
    height = np.clip(energy[at] - (surround >> 3), 0, CEILING)
    return list(map(Candidate, at.tolist(), height.tolist(), surround.tolist()))


def _held_maxima(energy: np.ndarray) -> list[int]:
    """Last samples of the maxima that none within the next `HOLD` samples surpasses."""
    change = np.sign(np.diff(energy, prepend=0))
    turns = np.flatnonzero(change)
    top = (change[turns[:-1]] > 0) & (change[turns[1:]] < 0)
    maxima = turns[1:][top] - 1
    held: list[int] = []
    best_at, best = -HOLD - 1, 0
    for at, height in zip(maxima.tolist(), energy[maxima].tolist(), strict=True):
        if at - best_at > HOLD:
            if best:
                held.append(best_at)
            best_at, best = at, height
        elif height > best:
            best_at, best = at, height
    if best and best_at + HOLD + 1 < len(energy):
        held.append(best_at)
    return held


def _r_peaks(s: np.ndarray, at: np.ndarray) -> np.ndarray:
    """First sample within `REACH` of the candidate's centre that lies farthest from the local mean.

    The mean is over twice the reach; compared without division: ``|n s - sum|``.
    """
    around = np.arange(-2 * REACH, 2 * REACH + 1)
    centre = at - ENERGY_DELAY
    near = s[np.maximum(centre[:, None] + around + SMOOTH_DELAY, 0)]
    total = near.sum(axis=1, keepdims=True)
    deflection = np.abs(len(around) * near[:, REACH:-REACH] - total)
    return np.maximum(centre - REACH + deflection.argmax(axis=1), 0)
