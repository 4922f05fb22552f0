"""Beat windows and heartbeat context for the beat networks, in integers only.

Every value handed to a network is int8 in Q2.5 fixed point: 1.0 is 32, the range is -4 to 3.97, and it saturates.
The same arithmetic runs on the device in ``firmware_export/runtime/ictus_beat.c``, bit for bit.

The largest gain in inter-patient ventricular detection comes from the beat minus the patient's own typical beat;
supraventricular runs show only against a long-term mean RR interval (de Chazal, O'Dwyer & Reilly, IEEE Trans
Biomed Eng 51(7):1196-1206, 2004). Both are kept here as running estimates with a few bytes of state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .filters import remove_baseline

__all__ = [
    "BLOCK_SAMPLES",
    "N_CONTEXT",
    "POST_RR_CAP",
    "PRE_R_SAMPLES",
    "RR_CAP",
    "WINDOW_SAMPLES",
    "BeatWindows",
    "Context",
    "beat_windows",
]

WINDOW_SAMPLES = 96  # [R - 50, R + 46) at 128 Hz: -0.39 s to 0.36 s, P wave to T wave
PRE_R_SAMPLES = 50
BLOCK_SAMPLES = 128  # the device decides once a second, at the end of a block
POST_RR_CAP = 192  # 1.5 s: a beat is decided at the latest this long after its R peak
RR_CAP = 255  # 2 s: RR intervals fit one byte
_LONG_RR_CAP = 1023  # 8 s: in the long-term means pauses count

_B_LIMIT = 2047  # counts; 10 mV, so that a sample with 4 fractional bits fits int16
_AMPLITUDE_FLOOR = 16  # counts; 80 uV
_AMPLITUDE_HALF_WIDTH = 6  # samples around the R peak searched for the amplitude
_QRS_SAMPLES, _P_WAVE_SAMPLES = 27, 20
_QRS = slice(PRE_R_SAMPLES - 13, PRE_R_SAMPLES - 13 + _QRS_SAMPLES)  # R +- 0.1 s
_P_WAVE = slice(PRE_R_SAMPLES - 32, PRE_R_SAMPLES - 32 + _P_WAVE_SAMPLES)  # 0.25 s to 0.1 s before R
_P_SMOOTHING = 4  # samples
_LOCAL_BEATS = 8
_FIRST_DEVIATION = 4  # samples; 31 ms, before anything is known of the rhythm
_DEVIATION_FLOOR = 2  # samples; 16 ms, the resolution of an interval
_SHARE_UNIT = 1 << 15  # a share of 1 in the running means of what the recent RR were like
_N_SHARES = 3


class Context(IntEnum):
    """Columns of `BeatWindows.context`. A ratio r is stored as 2 (r - 1) in Q2.5: 0 means equal."""

    PRE_LONG = 0
    """RR before this beat / slow running mean RR (about 128 beats)."""
    PRE_LOCAL = 1
    """RR before this beat / mean of the 8 RR before it."""
    POST_LONG = 2
    """RR after this beat (at most 1.5 s) / slow running mean RR."""
    POST_LOCAL = 3
    """RR after this beat (at most 1.5 s) / mean of the 8 RR before it."""
    POST_PRE = 4
    """RR after / RR before."""
    PRE_PREVIOUS = 5
    """RR before / the RR before that."""
    RATE = 6
    """RR before this beat, 4 (rr_s - 0.75): absolute, for the heart rate."""
    IRREGULARITY = 7
    """Mean absolute successive difference of the last 8 RR / slow running mean RR, times 4."""
    PRE_RECORDING = 8
    """RR before this beat / running mean RR of about 1,024 beats, so that a run does not become the norm."""
    PRE_DEVIATION = 9
    """RR before this beat minus the slow running mean RR, over its running mean absolute deviation, times 1/2:
    a premature beat in a regular rhythm stands out, one in atrial fibrillation does not."""
    AMPLITUDE = 10
    """Largest deflection at the R peak / its running typical value."""
    RESIDUAL = 11
    """Mean |channel 1| over R +- 0.1 s, times 4: how unlike the patient's typical QRS."""
    WIDTH = 12
    """Area over peak of the QRS / the same of the running template."""
    P_RESIDUAL = 13
    """Mean |channel 1| from 0.25 s to 0.1 s before R, times 8: how unlike the patient's typical P wave."""
    JUMPS_16TH = 14
    """Share, times 4, of the recent RR (about 32) that differed from the one before by more than 1/16 of the slow
    running mean RR. With the next two: in fibrillation an early beat is nothing special."""
    JUMPS_8TH = 15
    """The same, by more than 1/8."""
    JUMPS_QUARTER = 16
    """The same, by more than 1/4."""
    PRE_LASTING = 17
    """RR before this beat / running mean RR weighted by duration (about 512 beats): where long runs of early beats
    end in pauses, the pauses tell the sinus rate."""
    P_RISE = 18
    """P wave of the running template: how far it rises, from 0.25 s to 0.1 s before R, above the line between both
    ends / the running typical amplitude, times 16. In fibrillation the template has none."""
    P_FALL = 19
    """The same, how far it falls below."""


N_CONTEXT = len(Context)


@dataclass(frozen=True)
class BeatWindows:
    """Network inputs of a run of beats.

    Attributes
    ----------
    window : int8 (n, 96, 2), Q2.5; channel 0 the beat with the running typical R amplitude at 2.0,
        channel 1 the beat minus the running template on the same scale
    context : int8 (n, N_CONTEXT), Q2.5, columns named by `Context`
    peak : int64 (n,), sample of the R peak in the device signal
    block : int64 (n,), index of the 1 s block that holds the peak
    """

    window: np.ndarray
    context: np.ndarray
    peak: np.ndarray
    block: np.ndarray

    def __len__(self) -> int:
        return len(self.peak)

    def take(self, index: np.ndarray) -> "BeatWindows":
        """Select beats by a boolean mask or by integer positions."""
        return BeatWindows(self.window[index], self.context[index], self.peak[index], self.block[index])

    @classmethod
    def concatenate(cls, parts: Sequence["BeatWindows"]) -> "BeatWindows":
        """Join runs of beats in the given order; `peak` and `block` keep counting within each run."""
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([p.window for p in parts]),
            np.concatenate([p.context for p in parts]),
            np.concatenate([p.peak for p in parts]),
            np.concatenate([p.block for p in parts]),
        )

    @classmethod
    def empty(cls) -> "BeatWindows":
        """No beats."""
        nothing = np.empty(0, np.int64)
        window = np.empty((0, WINDOW_SAMPLES, 2), np.int8)
        return cls(window, np.empty((0, N_CONTEXT), np.int8), nothing, nothing)


def beat_windows(counts: np.ndarray, peaks: np.ndarray) -> BeatWindows:
    """Cut and scale one window and its context per R peak.

    Parameters
    ----------
    counts : int16 (n,), device signal at 128 Hz, 5 uV per count
    peaks : int64 (k,), strictly increasing samples of R peaks in ``[0, n)``

    Returns
    -------
    BeatWindows
        One row per peak, in the same order. Samples outside the recording are 0.

    Raises
    ------
    ValueError
        `peaks` is not strictly increasing or leaves the signal.
    """
    peaks = np.asarray(peaks, dtype=np.int64)
    _check_peaks(peaks, len(counts))
    if len(peaks) == 0:
        return BeatWindows.empty()
    cut = _cut(remove_baseline(counts), peaks)
    amplitude = np.abs(cut[:, _around_r(_AMPLITUDE_HALF_WIDTH)]).max(axis=1)
    typical, template = _track(cut, amplitude)
    window = np.stack([_scale(cut, typical), _scale(cut - template, typical)], axis=2)
    rr, later_rr = _rr_context(peaks)
    shape = _shape_context(cut, template, amplitude, typical, window)
    context = np.concatenate([rr, shape, later_rr, _p_wave_context(template, typical)], axis=1)
    return BeatWindows(window, context, peaks, peaks // BLOCK_SAMPLES)


def _check_peaks(peaks: np.ndarray, n_samples: int) -> None:
    if len(peaks) and (peaks[0] < 0 or peaks[-1] >= n_samples):
        raise ValueError(f"R peaks span [{peaks[0]}, {peaks[-1]}], the signal has {n_samples} samples")
    if np.any(np.diff(peaks) <= 0):
        raise ValueError("R peaks are not strictly increasing")


def _around_r(half_width: int) -> slice:
    return slice(PRE_R_SAMPLES - half_width, PRE_R_SAMPLES + half_width + 1)


def _cut(filtered: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Windows in counts, int32 (n, 96), limited to +-10 mV."""
    padded = np.pad(np.clip(filtered.astype(np.int32), -_B_LIMIT, _B_LIMIT), (PRE_R_SAMPLES, WINDOW_SAMPLES))
    return padded[peaks[:, None] + np.arange(WINDOW_SAMPLES)]


def _rate_shift(n_seen: int, fastest: int, slowest: int) -> int:
    """log2 of the averaging length after `n_seen` beats: a cumulative mean that turns into a running one."""
    return min(max(n_seen.bit_length() - 1, fastest), slowest)


def _track(cut: np.ndarray, amplitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Typical amplitude int32 (n,) and template int32 (n, 96), in counts, as known before each beat.

    Corrections are limited, so that both follow the median of the recent beats rather than their mean:
    an ectopic beat moves them no further than a slightly different normal one.
    """
    typical = np.empty(len(cut), np.int32)
    template = np.empty_like(cut)
    level = int(amplitude[0]) << 4
    shape = cut[0] << 4
    for i, beat in enumerate(cut):
        known = max(level >> 4, _AMPLITUDE_FLOOR)
        typical[i] = known
        template[i] = shape >> 4
        shift = _rate_shift(i + 1, 1, 4)
        limit = (known << 4) >> (1 if i < _LOCAL_BEATS else 2)
        level += min(max((int(amplitude[i]) << 4) - level, -limit), limit) >> shift
        shape = shape + (np.clip((beat << 4) - shape, -limit, limit) >> shift)
    return typical, template


def _scale(values: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """Counts to Q2.5 with the typical amplitude at 2.0: int8, same shape as `values`."""
    limit = 2 * typical[:, None]
    factor = ((64 << 16) // typical)[:, None]
    scaled = (np.clip(values, -limit, limit) * factor + (1 << 15)) >> 16
    return np.clip(scaled, -128, 127).astype(np.int8)


def _int8(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -128, 127).astype(np.int8)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Twice ``a / b - 1`` in Q2.5, int8 (n,); `a` not negative, `b` positive."""
    return _int8((a << 6) // b - 64)


def _signed_ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a / b`` towards zero; `b` positive."""
    return np.sign(a) * (np.abs(a) // b)


def _rr_context(peaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns PRE_LONG to PRE_DEVIATION, int8 (n, 10), and JUMPS_16TH to PRE_LASTING, int8 (n, 4).

    The first beat takes the interval after it for the one before it, and both for all earlier ones.
    """
    interval = np.diff(peaks)
    post = np.minimum(np.append(interval, POST_RR_CAP), POST_RR_CAP)
    pre = np.concatenate([post[:1], np.minimum(interval, RR_CAP)])
    history = np.concatenate([np.full(_LOCAL_BEATS + 1, pre[0]), pre])
    local = _moving_sum(history[1:-1])  # the 8 intervals before the current one
    change = _moving_sum(np.abs(np.diff(history))[1:])  # the 8 latest successive differences
    pauses = np.concatenate([pre[:1], np.minimum(interval, _LONG_RR_CAP)])
    long, recording, deviation, lasting, *shares = _long_term_rr(pre, pauses)
    columns = [
        _ratio(pre << 4, long),
        _ratio(pre << 3, local),
        _ratio(post << 4, long),
        _ratio(post << 3, local),
        _ratio(post, pre),
        _ratio(pre, history[_LOCAL_BEATS:-1]),
        _int8(pre - 96),
        _int8((change << 8) // long),
        _ratio(pre << 4, recording),
        _int8(_signed_ratio(((pre << 4) - long) << 4, deviation)),
    ]
    later = [*(share.astype(np.int8) for share in shares), _ratio(pre << 4, lasting)]
    return np.stack(columns, axis=1), np.stack(later, axis=1)


def _moving_sum(values: np.ndarray) -> np.ndarray:
    """Sum of `_LOCAL_BEATS` consecutive values, one for each full stretch."""
    total = np.concatenate([[0], np.cumsum(values)])
    return total[_LOCAL_BEATS:] - total[:-_LOCAL_BEATS]


def _long_term_rr(pre: np.ndarray, pauses: np.ndarray) -> np.ndarray:
    """RR statistics as known before each beat, int64 (4 + 3, n).

    In 1/16 sample: running means of about 128 and 1,024 beats, the mean absolute deviation from the first, of
    which one beat counts no more than a quarter of the mean, and the mean weighted by duration,
    ``sum rr^2 / sum rr``, of about 512 beats. Then the shares of `Context.JUMPS_16TH` to `JUMPS_QUARTER`.

    Parameters
    ----------
    pre, pauses : int64 (n,), RR before each beat, capped at `RR_CAP` and at `_LONG_RR_CAP`
    """
    known = np.empty((4 + _N_SHARES, len(pre)), np.int64)
    before = int(pre[0])
    long = recording = recent = before << 16
    deviation, square, share = _FIRST_DEVIATION << 16, before * before << 10, [0] * _N_SHARES
    for i, (rr, pause) in enumerate(zip(pre.tolist(), pauses.tolist(), strict=True)):
        mean = long >> 12
        spread = max(deviation >> 12, _DEVIATION_FLOOR << 4)
        lasting = square // (recent >> 12) >> 2
        known[:, i] = (mean, recording >> 12, spread, lasting, *(x >> 8 for x in share))
        miss = min(abs((rr << 4) - mean), mean >> 2)
        jump = abs(rr - before) << 4
        for k in range(_N_SHARES):
            target = _SHARE_UNIT if jump > mean >> (4 - k) else 0
            share[k] += (target - share[k]) >> _rate_shift(i + 1, 1, 5)
        before = rr
        long += ((pause << 16) - long) >> _rate_shift(i + 1, 0, 7)
        recording += ((pause << 16) - recording) >> _rate_shift(i + 1, 0, 10)
        recent += ((pause << 16) - recent) >> _rate_shift(i + 1, 0, 9)
        square += ((pause * pause << 10) - square) >> _rate_shift(i + 1, 0, 9)
        deviation += ((miss << 12) - deviation) >> _rate_shift(i + 1, 3, 7)
    return known


def _shape_context(
    cut: np.ndarray, template: np.ndarray, amplitude: np.ndarray, typical: np.ndarray, window: np.ndarray
) -> np.ndarray:
    """Columns AMPLITUDE to P_RESIDUAL, int8 (n, 4)."""
    residual = np.abs(window[:, :, 1].astype(np.int64))
    columns = [
        _ratio(amplitude, typical),
        _int8(residual[:, _QRS].sum(axis=1) * 4 // _QRS_SAMPLES),
        _ratio(_width(cut), _width(template)),
        _int8(residual[:, _P_WAVE].sum(axis=1) * 8 // _P_WAVE_SAMPLES),
    ]
    return np.stack(columns, axis=1)


def _p_wave_context(template: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """Columns P_RISE and P_FALL, int8 (n, 2)."""
    p_wave = np.lib.stride_tricks.sliding_window_view(template[:, _P_WAVE], _P_SMOOTHING, axis=1).sum(axis=2)
    ends = p_wave[:, 0] + p_wave[:, -1]
    rise, fall = 2 * p_wave.max(axis=1) - ends, ends - 2 * p_wave.min(axis=1)
    return np.stack([_int8((value << 6) // typical) for value in (rise, fall)], axis=1)


def _width(cut: np.ndarray) -> np.ndarray:
    """Area over peak of the QRS in 1/8 sample, at least 8: int64 (n,)."""
    qrs = np.abs(cut[:, _QRS].astype(np.int64))
    return np.maximum(8 * qrs.sum(axis=1) // np.maximum(qrs.max(axis=1), 1), 8)
