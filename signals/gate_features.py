"""Features of one second of signal for the noise gate, in integers only.

A block is *analysable* when the noise in it leaves at least 6 dB between the beats and the noise, by the
definition in `noise`, after the device's own filter (wander that the filter removes does not count). A flat line
and a signal at the converter's rail never are. The network is trained with blocks well on either side of that.

The idea: an ECG is quiet most of the time and moves in short bursts, noise fills the gaps. So each block is cut
into 8 pieces of an eighth of a second, and the quietest, the median and the loudest are compared in three bands.
Flutter and fibrillation waves fill the gaps too, but in the lowest band only, and regularly.

The same arithmetic runs on the device in ``firmware_export/runtime/ictus_gate.c``, bit for bit: a handful of
additions per sample, and at the end of a block the sorting of three times 8 numbers and 16 integer logarithms.
"""

from enum import IntEnum

import numpy as np

from .beats import BLOCK_SAMPLES

__all__ = ["N_GATE_FEATURES", "GateFeature", "gate_features", "ilog2_q4"]

_PIECES = 8
_PIECE_SAMPLES = BLOCK_SAMPLES // _PIECES
_MEDIAN = _PIECES // 2 - 1
_UPPER_STEP = 1  # the second difference over k samples is largest at 64 Hz / k
_QRS_STEP = 4
_WAVE_STEP = 12
_WANDER_LAG = 32
_HISTORY_BLOCKS = 4  # a beat lies in any 4 s down to 15 a minute
_RAIL = 32000  # counts: a converter this close to the end of int16 is saturated
_TURN = 4  # counts; 20 uV: a smaller change of slope is the converter's own noise


class GateFeature(IntEnum):
    """Columns of the features. A level is 16 log2(sum) - 128: 16 steps an octave, -128 for nothing at all."""

    UPPER_QUIET = 0
    """Quietest piece, upper band (second difference of neighbours, above about 30 Hz)."""
    UPPER_MEDIAN = 1
    """Fourth quietest of the 8 pieces, upper band."""
    UPPER_LOUD = 2
    """Loudest piece, upper band."""
    QRS_QUIET = 3
    """Quietest piece, QRS band (second difference over 4 samples, about 16 Hz)."""
    QRS_MEDIAN = 4
    """Fourth quietest of the 8 pieces, QRS band."""
    QRS_LOUD = 5
    """Loudest piece, QRS band."""
    QRS_LOUD_4S = 6
    """Loudest piece of the last 4 blocks, QRS band: the size of a beat, even when this block holds none."""
    DRIFT = 7
    """Sum of the absolute differences of consecutive piece means: motion of the baseline."""
    STEP = 8
    """Largest absolute difference of consecutive piece means."""
    RANGE = 9
    """Largest minus smallest sample."""
    TURNS = 10
    """Number of slope reversals of at least 20 uV on both sides, times 2, minus 64."""
    HELD = 11
    """Longest run of equal samples (at most 127)."""
    RAILED = 12
    """Samples within 768 counts of the end of int16 (at most 127)."""
    UPPER_QUIET_4S = 13
    """Quietest piece of the last 4 blocks, upper band: lasting muscle noise."""
    QRS_QUIET_4S = 14
    """Quietest piece of the last 4 blocks, QRS band."""
    QRS_MEDIAN_4S = 15
    """Smallest median piece of the last 4 blocks, QRS band."""
    WAVE_QUIET_4S = 16
    """Quietest piece of the last 4 blocks, wave band (second difference over 12 samples, about 5 Hz)."""
    WAVE_MEDIAN = 17
    """Fourth quietest of the 8 pieces, wave band: fibrillation waves, T waves."""
    CROSSINGS = 18
    """Sign changes of the difference over 12 samples, times 4, minus 64: few in a regular wave."""
    WANDER = 19
    """Sum of the absolute differences over 32 samples, / 8."""


N_GATE_FEATURES = len(GateFeature)


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
    int8 (ceil(n / 128), N_GATE_FEATURES), columns named by `GateFeature`
        An incomplete last block, which the device never judges, repeats the block before it.
    """
    n_blocks = len(counts) // BLOCK_SAMPLES
    if n_blocks == 0:
        return np.zeros((1 if len(counts) else 0, N_GATE_FEATURES), np.int8)
    features = _full_blocks(counts[: n_blocks * BLOCK_SAMPLES].astype(np.int64))
    if len(counts) % BLOCK_SAMPLES:
        features = np.concatenate([features, features[-1:]])
    return features


def _full_blocks(x: np.ndarray) -> np.ndarray:
    upper, qrs, wave = (_sorted_pieces(x, step) for step in (_UPPER_STEP, _QRS_STEP, _WAVE_STEP))
    blocks = x.reshape(-1, BLOCK_SAMPLES)
    motion = _mean_motion(x)
    wander = np.abs(x - _lagged(x, _WANDER_LAG)).reshape(-1, BLOCK_SAMPLES)
    columns = [
        *(_level(upper[:, i]) for i in (0, _MEDIAN, -1)),
        *(_level(qrs[:, i]) for i in (0, _MEDIAN, -1)),
        _level(_recent(qrs[:, -1]).max(axis=0)),
        _level(motion.sum(axis=1)),
        _level(motion.max(axis=1)),
        _level(np.ptp(blocks, axis=1)),
        _int8(2 * _turns(x) - 64),
        _int8(_longest_run(x)),
        _int8((np.abs(blocks) >= _RAIL).sum(axis=1)),
        *(_level(_recent(v).min(axis=0)) for v in (upper[:, 0], qrs[:, 0], qrs[:, _MEDIAN], wave[:, 0])),
        _level(wave[:, _MEDIAN]),
        _int8(4 * _crossings(x) - 64),
        _level(wander.sum(axis=1) >> 3),
    ]
    return np.stack(columns, axis=1)


def _int8(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -128, 127).astype(np.int8)


def _level(values: np.ndarray) -> np.ndarray:
    return _int8(ilog2_q4(values) - 128)


def _lagged(x: np.ndarray, lag: int) -> np.ndarray:
    """`x` delayed by `lag` samples, the first sample held before the start."""
    return np.concatenate([np.repeat(x[:1], lag), x])[: len(x)]


def _pieces(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, _PIECES, _PIECE_SAMPLES)


def _sorted_pieces(x: np.ndarray, step: int) -> np.ndarray:
    """Sum of the absolute second difference in each piece, ascending within a block: int64 (n_blocks, 8)."""
    difference = np.abs(x - 2 * _lagged(x, step) + _lagged(x, 2 * step))
    return np.sort(_pieces(difference).sum(axis=2), axis=1)


def _mean_motion(x: np.ndarray) -> np.ndarray:
    """Absolute differences between consecutive piece means, 8 a block; the first piece has none before it."""
    mean = _pieces(x).sum(axis=2).ravel() // _PIECE_SAMPLES
    return np.abs(mean - _lagged(mean, 1)).reshape(-1, _PIECES)


def _recent(values: np.ndarray) -> np.ndarray:
    """Values of this block and the 3 before it, (4, n_blocks); before the start the first block is held."""
    return np.stack([_lagged(values, lag) for lag in range(_HISTORY_BLOCKS)])


def _turns(x: np.ndarray) -> np.ndarray:
    """Slope reversals per block: x[n - 1] is an extreme that both neighbours miss by at least `_TURN`."""
    rise, previous = x - _lagged(x, 1), _lagged(x, 1) - _lagged(x, 2)
    up, down = np.minimum(rise, -previous) >= _TURN, np.minimum(-rise, previous) >= _TURN
    return (up | down).reshape(-1, BLOCK_SAMPLES).sum(axis=1)


def _crossings(x: np.ndarray) -> np.ndarray:
    rises = x > _lagged(x, _WAVE_STEP)
    return (rises != _lagged(rises, 1)).reshape(-1, BLOCK_SAMPLES).sum(axis=1)


def _longest_run(x: np.ndarray) -> np.ndarray:
    """Longest run of equal samples that ends in or passes through each block, counted from 1, at most 127."""
    index = np.arange(len(x))
    started = np.maximum.accumulate(np.where(x != _lagged(x, 1), index, 0))
    return np.minimum(index - started + 1, 127).reshape(-1, BLOCK_SAMPLES).max(axis=1)
