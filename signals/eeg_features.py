"""What each second of each EEG channel looks like, for the gate, the screen and the specialist's head.

Integers only and a bounded state; the device (``ictus_eeg.c``) computes the same. Channels never mix.

A *level* is ``16 log2(sum)``, 16 steps an octave. Eight levels of each second (`Band`) stand against a running
baseline of the channel's own, so that one threshold fits loud and quiet people. The baseline lags by 30 s, and a
second more than an octave away moves it by no more than 1/128 octave, so that it does not learn a seizure. It
starts as the mean of seconds 1 to 8: a seizure that begins before is seen in shape only.

The bands are Haar details: differences of sums of neighbouring samples, of which no sample is in two, so that they
need no state and no multiplication.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .eeg_baseline import BASELINE_LEVELS, EegBaseline, wave_factor
from .eeg_wave import EEG_BLOCK, EEG_DECIMATION, EegFilter
from .gate_features import ilog2_q4

__all__ = [
    "EEG_WINDOW_S",
    "N_EEG_FEATURES",
    "N_SEIZURE_FEATURES",
    "EegFeature",
    "EegFrontEnd",
    "EegSeconds",
    "SeizureFeature",
]

EEG_WINDOW_S = 4  # what the context features and the specialist look at
_RAW_BLOCK = EEG_BLOCK * EEG_DECIMATION
_PIECES = 8
_HALVES = EEG_BLOCK // 2  # samples of the half-rate signal in a second
_LAGS = range(2, 25)  # samples of 32 Hz: 16 to 1.3 Hz
_COMPARED = 2 * _HALVES - _LAGS[-1]


class EegFeature(IntEnum):
    """Columns of the gate's features: one second, one channel, without memory but for `RATIO_AMPLITUDE` on.

    Levels less 128; of sums over the filtered second where nothing else is said.
    """

    AMPLITUDE = 0
    """Sum of |y| over 4."""
    LINE_LENGTH = 1
    """Sum of |y[i] - y[i-1]| over 4."""
    HAAR_1 = 2
    """Sum over 4 of |difference of neighbouring samples|: 16 to 32 Hz."""
    HAAR_2 = 3
    """The same of neighbouring sums of 2: 8 to 16 Hz."""
    HAAR_3 = 4
    """Of 4: 4 to 8 Hz."""
    HAAR_4 = 5
    """Of 8: 2 to 4 Hz."""
    HAAR_5 = 6
    """Of 16: 1 to 2 Hz."""
    UPPER = 7
    """Sum over 4 of |x[4i] - 2 x[4i+1] + x[4i+2]| of the unfiltered counts: muscle, mains."""
    FLAT = 8
    """Half the number of unfiltered samples that equal the one before, less 64."""
    PEAK = 9
    """Largest |y| times 16."""
    STEP = 10
    """Largest |y[i] - y[i-1]| times 16."""
    QUIET = 11
    """Twice the line length of the quietest eighth of the second."""
    LOUD = 12
    """The same of the loudest eighth."""
    CROSSINGS = 13
    """4 times the number of changes of sign, less 64."""
    TURNS = 14
    """4 times the number of changes between rising and not rising, less 64."""
    RATIO_AMPLITUDE = 15
    """Twice the level less its baseline, `AMPLITUDE`."""
    RATIO_LINE_LENGTH = 16
    RATIO_UPPER = 17


N_EEG_FEATURES = len(EegFeature)
_N_MOMENTARY = EegFeature.RATIO_AMPLITUDE


class SeizureFeature(IntEnum):
    """Columns of the context: the latest 4 s of one channel.

    A ratio has 32 steps an octave. Before the recording's start its first second is repeated.
    """

    RATIO_AMPLITUDE = 0
    """Mean level of the 4 s less the baseline; so the next seven, in the order of `EegFeature`."""
    RATIO_LINE_LENGTH = 1
    RATIO_HAAR_1 = 2
    RATIO_HAAR_2 = 3
    RATIO_HAAR_3 = 4
    RATIO_HAAR_4 = 5
    RATIO_HAAR_5 = 6
    RATIO_UPPER = 7
    LEAST_AMPLITUDE = 8
    """Smallest level of the 4 s less the baseline: a seizure goes on, an artefact passes."""
    LEAST_LINE_LENGTH = 9
    TREND = 10
    """Mean line length of the latest two seconds less that of the two before."""
    SHAPE_1 = 11
    """Mean level of `HAAR_1` less that of `AMPLITUDE`; so the next four."""
    SHAPE_2 = 12
    SHAPE_3 = 13
    SHAPE_4 = 14
    SHAPE_5 = 15
    SIZE = 16
    """Mean level of `AMPLITUDE`, 16 steps an octave, less 128."""
    CREST = 17
    """Largest `PEAK` less the mean level of `AMPLITUDE`, 16 steps an octave."""
    UNEVEN = 18
    """Largest `LOUD` less smallest `QUIET`, 16 steps an octave, less 64."""
    CROSSINGS = 19
    """Mean of the 4 s of `EegFeature.CROSSINGS`."""
    TURNS = 20
    """Mean of the 4 s of `EegFeature.TURNS`."""
    PERIODIC = 21
    """How far the signal differs from itself one period ago, against half a period ago: mean of both halves of the
    window, 32 steps an octave, plus 64. See `_aperiodicity`."""


N_SEIZURE_FEATURES = len(SeizureFeature)


@dataclass(frozen=True)
class EegSeconds:
    """Consecutive whole seconds.

    Attributes
    ----------
    filtered : int16 (n, 64, n_channels), see `EegFilter`
    gate : int8 (n, n_channels, N_EEG_FEATURES)
    context : int8 (n, n_channels, N_SEIZURE_FEATURES)
    factor : int32 (n, n_channels), for `scale_eeg`: with it the mean |y| of the baseline is 8 steps of int8
    """

    filtered: np.ndarray
    gate: np.ndarray
    context: np.ndarray
    factor: np.ndarray

    def __len__(self) -> int:
        return len(self.filtered)

    @classmethod
    def none(cls, n_channels: int) -> "EegSeconds":
        """No second at all."""
        gate = np.empty((0, n_channels, N_EEG_FEATURES), np.int8)
        context = np.empty((0, n_channels, N_SEIZURE_FEATURES), np.int8)
        filtered = np.empty((0, EEG_BLOCK, n_channels), np.int16)
        return cls(filtered, gate, context, np.empty((0, n_channels), np.int32))


class EegFrontEnd:
    """Filter and features; the same result in whatever pieces the signal comes."""

    def __init__(self, n_channels: int) -> None:
        self._filter = EegFilter()
        self._baseline = EegBaseline(n_channels)
        self._counts = np.empty((0, n_channels), np.int16)
        self._last = np.empty((0, n_channels), np.int16)
        self._halves = np.empty((0, n_channels), np.int64)
        self._rows = np.empty((0, n_channels, _N_MOMENTARY + 1), np.int64)

    def push(self, counts: np.ndarray) -> EegSeconds:
        """Take the next piece, give the seconds that are complete.

        Parameters
        ----------
        counts : int16 (n, n_channels), device signal at 256 Hz, 0.25 uV per count
        """
        held = np.concatenate([self._counts, counts])
        n = len(held) // _RAW_BLOCK
        self._counts = held[n * _RAW_BLOCK :]
        if n == 0:
            return EegSeconds.none(counts.shape[1])
        raw = held[: n * _RAW_BLOCK]
        filtered = self._filter.push(raw)
        rows = self._momentary(raw.astype(np.int32), filtered)
        baseline = self._baseline.push(rows[..., :BASELINE_LEVELS])
        gate = _gate_features(rows[..., :_N_MOMENTARY], baseline)
        context = self._context(rows, baseline)
        return EegSeconds(filtered.reshape(n, EEG_BLOCK, -1), gate, context, wave_factor(baseline[..., 0]))

    def _momentary(self, raw: np.ndarray, filtered: np.ndarray) -> np.ndarray:
        """Columns of `EegFeature` without their offsets, then `_aperiodicity`: int64 (n, n_channels, 16)."""
        n, n_channels = len(filtered) // EEG_BLOCK, raw.shape[1]
        blocks = filtered.astype(np.int64).reshape(n, EEG_BLOCK, n_channels)
        before = self._last if len(self._last) else filtered[:1]
        steps = np.diff(filtered.astype(np.int64), axis=0, prepend=before).reshape(blocks.shape)
        halves = np.concatenate([self._halves, blocks.reshape(n * _HALVES, 2, n_channels).sum(axis=1)])
        if not len(self._halves):
            halves = np.concatenate([halves[:_HALVES], halves])
        self._last, self._halves = filtered[-1:], halves[-_HALVES:]
        pieces = np.abs(steps).reshape(n, _PIECES, EEG_BLOCK // _PIECES, n_channels).sum(axis=2)
        quads = raw.reshape(n, EEG_BLOCK, EEG_DECIMATION, n_channels)
        upper = np.abs(quads[:, :, 0] - 2 * quads[:, :, 1] + quads[:, :, 2]).sum(axis=1)
        samples = raw.reshape(n, _RAW_BLOCK, n_channels)
        sums = [np.abs(blocks).sum(axis=1), pieces.sum(axis=1), *_haar(blocks), upper]
        columns = [
            *(ilog2_q4(total >> 2) for total in sums),
            (samples[:, 1:] == samples[:, :-1]).sum(axis=1) >> 1,
            ilog2_q4(np.abs(blocks).max(axis=1) << 4),
            ilog2_q4(np.abs(steps).max(axis=1) << 4),
            ilog2_q4(pieces.min(axis=1) << 1),
            ilog2_q4(pieces.max(axis=1) << 1),
            np.diff(blocks < 0, axis=1).sum(axis=1) << 2,
            np.diff(steps > 0, axis=1).sum(axis=1) << 2,
            _aperiodicity(halves),
        ]
        return np.stack(columns, axis=2)

    def _context(self, rows: np.ndarray, baseline: np.ndarray) -> np.ndarray:
        """Columns of `SeizureFeature`."""
        held = np.concatenate([self._rows, rows])
        if not len(self._rows):
            held = np.concatenate([np.repeat(rows[:1], EEG_WINDOW_S - 1, axis=0), rows])
        self._rows = held[-(EEG_WINDOW_S - 1) :]
        window = np.lib.stride_tricks.sliding_window_view(held, EEG_WINDOW_S, axis=0)
        return _context_features(window, baseline)


def _int8(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -128, 127).astype(np.int8)


def _haar(blocks: np.ndarray) -> list[np.ndarray]:
    """Sums of the magnitudes of five Haar details of blocks (n, 64, n_channels): each (n, n_channels)."""
    totals = []
    for _ in range(5):
        first, second = blocks[:, ::2], blocks[:, 1::2]
        totals.append(np.abs(first - second).sum(axis=1))
        blocks = first + second
    return totals


def _aperiodicity(halves: np.ndarray) -> np.ndarray:
    """Self-difference one period ago as a level less that half a period ago, of each second with the one before.

    The difference of the signal at 32 Hz to itself k samples ago, summed over the latest 40, is greatest at the
    lag of half a period (the first such lag below 24); from there on, it is least at a whole period.

    Parameters
    ----------
    halves : int64 ((n + 1) * 32, n_channels), sums of two samples

    Returns
    -------
    int64 (n, n_channels), at most 0
    """
    rows = halves.astype(np.int32).reshape(len(halves) // _HALVES, _HALVES, halves.shape[1])
    pairs = np.concatenate([rows[:-1], rows[1:]], axis=1)
    now = pairs[:, _LAGS[-1] :]
    differences = np.stack([np.abs(now - pairs[:, _LAGS[-1] - k :][:, :_COMPARED]).sum(axis=1) for k in _LAGS])
    half = differences[:-1].argmax(axis=0)
    is_beyond = np.arange(len(_LAGS))[:, None, None] > half
    least = differences.min(axis=0, where=is_beyond, initial=np.iinfo(differences.dtype).max)
    greatest = np.take_along_axis(differences, half[None], axis=0)[0]
    return np.minimum(ilog2_q4(least) - ilog2_q4(greatest), 0)


def _gate_features(rows: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Columns of `EegFeature` from their values without offset."""
    offset = np.full(_N_MOMENTARY, 128)
    offset[[EegFeature.FLAT, EegFeature.CROSSINGS, EegFeature.TURNS]] = 64
    levels = [EegFeature.AMPLITUDE, EegFeature.LINE_LENGTH, EegFeature.UPPER]
    ratio = ((rows[..., levels] << 4) - baseline[..., levels]) >> 3
    return np.concatenate([_int8(rows - offset), _int8(ratio)], axis=2)


def _context_features(window: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Columns of `SeizureFeature` of rows (n, n_channels, 16, 4): int8 (n, n_channels, N_SEIZURE_FEATURES)."""
    row = EegFeature
    total = window.sum(axis=3)
    least = window[..., [row.AMPLITUDE, row.LINE_LENGTH], :].min(axis=3)
    length = window[..., row.LINE_LENGTH, :]
    haar, size = slice(row.HAAR_1, row.HAAR_5 + 1), total[..., row.AMPLITUDE]
    parts = [
        ((total[..., :BASELINE_LEVELS] << 2) - baseline) >> 3,
        ((least << 4) - baseline[..., :2]) >> 3,
        (length[..., 2:].sum(axis=2) - length[..., :2].sum(axis=2))[..., None],
        (total[..., haar] - size[..., None]) >> 1,
        np.stack(
            [
                (size >> 2) - 128,
                window[..., row.PEAK, :].max(axis=2) - (size >> 2),
                window[..., row.LOUD, :].max(axis=2) - window[..., row.QUIET, :].min(axis=2) - 64,
                (total[..., row.CROSSINGS] >> 2) - 64,
                (total[..., row.TURNS] >> 2) - 64,
                window[..., -1, 1] + window[..., -1, 3] + 64,
            ],
            axis=2,
        ),
    ]
    return _int8(np.concatenate(parts, axis=2))
