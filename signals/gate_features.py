"""Features of one second of signal for the noise gate and the fibrillation alarm, in integers only.

The idea: an ECG is quiet most of the time and moves in short bursts, noise fills the gaps. So each block is cut
into 8 pieces of an eighth of a second, and the quietest, the median and the loudest are compared in two bands.
Flutter and fibrillation waves fill the gaps too, but regularly: shifted by half of their own period they cancel
(the leakage of Kuo & Dillman, Computer Detection of Ventricular Fibrillation, Computers in Cardiology 1978,
347-349). Noise comes in stretches, so every feature stands beside its running mean over about 4 s.

They are taken from the smoothed signal that the device's filter computes anyway (`filters.smooth`), most of them
from means of four samples of it, so that they are cheap. The same arithmetic runs on
the device in ``firmware_export/runtime/ictus_gate.c``, bit for bit.
"""

from enum import IntEnum
from itertools import accumulate

import numpy as np

from .beats import BLOCK_SAMPLES
from .filters import smooth

__all__ = ["N_GATE_FEATURES", "GateFeature", "gate_features", "ilog2_q4"]

_PIECES = 8
_PIECE_SAMPLES = BLOCK_SAMPLES // _PIECES
_UPPER_RANKS = 0, _PIECES // 2 - 1, _PIECES - 1  # quietest first
_QRS_RANKS = 0, _PIECES // 2 - 1, _PIECES - 3, _PIECES - 1
_QRS_STEP = 4  # the second difference over k samples is largest at 64 Hz / k
_SLOW_SAMPLES = 4  # mean of as many: 32 Hz
_SLOW_PER_BLOCK = BLOCK_SAMPLES // _SLOW_SAMPLES
_LONGEST_HALF_PERIOD = 16  # slow samples: 1 Hz
_PI_Q6 = 201
_MEMORY_SHIFT = 2  # running mean over about 4 blocks


class GateFeature(IntEnum):
    """First half of the columns; the second half holds their running means in the same order.

    A level is 16 log2(sum) - 128: 16 steps an octave, -128 for nothing at all.
    """

    UPPER_QUIET = 0
    """Quietest piece, upper band (second difference of neighbours, about 15 to 45 Hz behind the smoothing)."""
    UPPER_MEDIAN = 1
    """Fourth quietest of the 8 pieces, upper band."""
    UPPER_LOUD = 2
    """Loudest piece, upper band."""
    QRS_QUIET = 3
    """Quietest piece, QRS band (second difference over 4 samples, about 16 Hz)."""
    QRS_MEDIAN = 4
    """Fourth quietest of the 8 pieces, QRS band."""
    QRS_THIRD = 5
    """Third loudest of the 8 pieces, QRS band: a beat fills one or two of them, noise more."""
    QRS_LOUD = 6
    """Loudest piece, QRS band: the size of a beat."""
    STEP = 7
    """Largest absolute difference of consecutive piece means, as a level: motion of the baseline."""
    HALF_PERIOD = 8
    """Half of the mean period, in samples of 32 Hz (1 to 16): 32 log2 - 64."""
    LEAKAGE = 9
    """What is left after adding the signal half a period ago, of 128 parts, minus 64: little in a regular wave."""
    RANGE = 10
    """Largest minus smallest of the samples at 32 Hz, as a level."""


_N_MOMENTARY = len(GateFeature)
N_GATE_FEATURES = 2 * _N_MOMENTARY


def ilog2_q4(value: np.ndarray) -> np.ndarray:
    """Integer logarithm: 16 log2(value), piecewise linear between powers of two; 0 for 0. int64, same shape.

    `value` is not negative and below 2^31.
    """
    value = np.maximum(value, 1)
    octave = np.frexp(value.astype(np.float64))[1].astype(np.int64) - 1
    return 16 * octave + (((value << 4) >> octave) & 15)


def gate_features(counts: np.ndarray) -> np.ndarray:
    """Features of every block of 128 samples (1 s).

    Parameters
    ----------
    counts : int16 (n,), device signal at 128 Hz, 5 uV per count; what came before is taken as the first sample

    Returns
    -------
    int8 (ceil(n / 128), N_GATE_FEATURES)
        The columns of `GateFeature`, then the running mean of each. An incomplete last block, which the device
        never judges, repeats the block before it.
    """
    n_blocks = len(counts) // BLOCK_SAMPLES
    if n_blocks == 0:
        return np.zeros((1 if len(counts) else 0, N_GATE_FEATURES), np.int8)
    now = _momentary(smooth(counts[: n_blocks * BLOCK_SAMPLES]).astype(np.int64))
    features = np.concatenate([now, _running_mean(now)], axis=1)
    if len(counts) % BLOCK_SAMPLES:
        features = np.concatenate([features, features[-1:]])
    return features


def _momentary(s: np.ndarray) -> np.ndarray:
    """Features of each block without memory: int8 (n_blocks, _N_MOMENTARY)."""
    pieces = s.reshape(-1, _PIECES, _PIECE_SAMPLES)
    upper = np.abs(pieces[..., :-2:2] - 2 * pieces[..., 1:-1:2] + pieces[..., 2::2]).sum(axis=2)
    near, middle, far = (pieces[..., i * _QRS_STEP :][..., : _PIECE_SAMPLES // 2 : 2] for i in range(3))
    qrs = np.abs(near - 2 * middle + far).sum(axis=2)
    bands = (upper, _UPPER_RANKS), (qrs, _QRS_RANKS)
    levels = [ranked for band, ranks in bands for ranked in np.sort(band, axis=1)[:, ranks].T]
    slow = s.reshape(-1, _SLOW_SAMPLES).sum(axis=1) >> 2
    before = np.concatenate([np.repeat(s[:1], _LONGEST_HALF_PERIOD), slow])
    extent = _level(np.ptp(slow.reshape(-1, _SLOW_PER_BLOCK), axis=1))
    columns = [_level(v) for v in (*levels, _largest_step(slow))]
    return np.stack([*columns, *_wave_shape(slow, before), extent], axis=1)


def _running_mean(now: np.ndarray) -> np.ndarray:
    """First-order mean of each column over about 4 blocks, from the first block on: int8, same shape.

    ``mean[i] = mean[i-1] + ((16 now[i] - mean[i-1]) >> 2)``, in sixteenths.
    """
    columns = (16 * now.T.astype(np.int64)).tolist()
    means = [list(accumulate(column, lambda y, x: y + (x - y >> _MEMORY_SHIFT))) for column in columns]
    return (np.array(means).T >> 4).astype(np.int8)


def _int8(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -128, 127).astype(np.int8)


def _level(values: np.ndarray) -> np.ndarray:
    return _int8(ilog2_q4(values) - 128)


def _largest_step(slow: np.ndarray) -> np.ndarray:
    """Largest absolute difference of consecutive piece means in each block; the first piece has none before it."""
    mean = slow.reshape(-1, _PIECE_SAMPLES // _SLOW_SAMPLES).sum(axis=1) >> 2
    return np.abs(np.diff(mean, prepend=mean[:1])).reshape(-1, _PIECES).max(axis=1)


def _wave_shape(slow: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half of the mean period and the leakage of each block, as features: two int8 (n_blocks,).

    The mean period of a wave is about 2 pi times its size over the size of its slope.

    Parameters
    ----------
    before : `slow` with `_LONGEST_HALF_PERIOD` values before its start
    """
    blocks = slow.reshape(-1, _SLOW_PER_BLOCK)
    mean = blocks.sum(axis=1, keepdims=True) // _SLOW_PER_BLOCK
    slope = np.abs(np.diff(before[_LONGEST_HALF_PERIOD - 1 :])).reshape(-1, _SLOW_PER_BLOCK).sum(axis=1)
    size = np.abs(blocks - mean).sum(axis=1)
    half = np.clip((_PI_Q6 * size + 32 * slope) // np.maximum(64 * slope, 1), 1, _LONGEST_HALF_PERIOD)
    at = np.arange(_LONGEST_HALF_PERIOD, len(before)).reshape(-1, _SLOW_PER_BLOCK)
    shifted = before[at - half[:, None]] - mean
    left, parts = np.abs(blocks - mean + shifted).sum(axis=1), size + np.abs(shifted).sum(axis=1)
    return _int8(2 * ilog2_q4(half) - 64), _int8(128 * left // np.maximum(parts, 1) - 64)
