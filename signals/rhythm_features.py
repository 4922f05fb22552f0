"""What a strip's R peaks and average beat say about its rhythm: int8 numbers for the screen and the CNN's head.

Atrial fibrillation shows as RR intervals that repeat on no scale and as a missing P wave; ectopy as pairs of a
short and a long interval, with or without an unusual QRS. Additions, comparisons and a few dozen divisions; the
state is the strip's peaks and its int8 wave, both of which the device keeps anyway.
"""

from enum import IntEnum

import numpy as np

__all__ = ["MAX_RHYTHM_PEAKS", "N_RHYTHM_FEATURES", "RhythmFeature", "rhythm_features"]

MAX_RHYTHM_PEAKS = 161  # peaks of a strip that are looked at: its first 160 RR intervals
_MIN_INTERVALS = 3
_RR_CAP = 255  # samples of 128 Hz; 2 s, one byte
_BEFORE, _AFTER = 20, 28  # samples of 64 Hz around R: -0.31 s to 0.44 s
_P_WAVE = slice(4, 15)  # of these: 0.25 s to 0.08 s before R
_QRS = slice(15, 26)  # R +- 0.08 s
_T_WAVE = slice(26, 46)  # 0.09 s to 0.4 s after R


class RhythmFeature(IntEnum):
    """Columns of `rhythm_features`.

    `rr` is an RR interval, `step` the difference of two neighbours, both in units of the strip's median RR; a
    quantile q/8 of n sorted values is the one at ``n q >> 3``.
    """

    RATE = 0
    """Median RR in samples of 128 Hz, less 96 (0.75 s)."""
    SHORTEST = 1
    """128 (rr - 1) of the shortest."""
    RR_Q1 = 2
    """128 (rr - 1) of the quantile 1/8."""
    RR_Q2 = 3
    RR_Q6 = 4
    RR_Q7 = 5
    LONGEST = 6
    """64 (rr - 1) of the longest."""
    MEAN = 7
    """128 (mean rr - 1)."""
    STEP_Q2 = 8
    """512 |step| of the quantile 2/8."""
    STEP_Q4 = 9
    """256 |step| of the median."""
    STEP_Q6 = 10
    """128 |step| of the quantile 6/8."""
    STEP_Q7 = 11
    """128 |step| of the quantile 7/8."""
    STEP_MEAN = 12
    """256 times the mean |step|."""
    LAG2_Q4 = 13
    """256 times the median difference of every second RR: small in bigeminy."""
    LAG3_Q4 = 14
    """The same of every third RR."""
    LAG2_Q6 = 15
    """128 times the quantile 6/8 of the difference of every second RR."""
    WITHIN_32 = 16
    """128 times the share of |step| below 1/32."""
    WITHIN_16 = 17
    WITHIN_8 = 18
    WITHIN_4 = 19
    TURNS = 20
    """128 times the share of neighbouring steps of opposite sign, both above 1/16."""
    SHORT_LONG = 21
    """128 times the share of a step below -1/8 that one above 1/8 follows."""
    LONG_SHORT = 22
    """128 times the share of a step above 1/8 that one below -1/8 follows."""
    STEADY = 23
    """128 times the longest run of |step| below 1/16, over the number of steps."""
    PAIRS_1 = 24
    """128 times the share of pairs of RR that lie within 1/16 of the median RR of each other."""
    PAIRS_2 = 25
    """128 times the share of such pairs whose followers do so, too (as in sample entropy)."""
    PAIRS_3 = 26
    """128 times the share of those whose second followers do so, too."""
    EARLY = 27
    """128 times the share of rr below 7/8."""
    LATE = 28
    """128 times the share of rr above 5/4."""
    PAUSES = 29
    """128 times the share of rr above 7/4: dropped or missed beats."""
    COUNT = 30
    """Number of RR intervals."""
    P_HEIGHT = 31
    """4 times the range of the average beat in the P segment; the wave's unit is 1/64 of the R wave."""
    P_RISE = 32
    """5 times the mean of the average beat from 0.19 to 0.13 s before R, less that from 0.25 to 0.2 s before R."""
    P_RESIDUAL = 33
    """8 times the mean distance to the average beat in the P segment."""
    QRS_RESIDUAL = 34
    """4 times the same in the QRS."""
    T_RESIDUAL = 35
    """4 times the same in the ST segment and T wave."""
    QRS_WIDTH = 36
    """Area over peak of the average QRS in 1/8 samples of 64 Hz."""
    R_HEIGHT = 37
    """The average beat at R."""
    T_HEIGHT = 38
    """Twice the range of the average beat in the ST segment and T wave."""
    ROUGHNESS = 39
    """8 times the mean second difference in the P segment, per beat: fibrillatory waves, muscle."""
    ODD = 40
    """128 times the share of beats whose QRS lies twice as far from the average beat as the mean does."""
    ODD_EARLY = 41
    """128 times the share of beats that are odd and early (rr below 7/8)."""
    PLAIN_EARLY = 42
    """128 times the share of beats that are early and not odd."""
    P_CALM = 43
    """8 times the mean distance in the P segment of beats with |step| below 1/8 alone."""


N_RHYTHM_FEATURES = len(RhythmFeature)
_N_RR = RhythmFeature.P_HEIGHT


def rhythm_features(wave: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Describe one strip.

    Parameters
    ----------
    wave : int8 (t,), the strip at 64 Hz, see `rhythm_wave`
    peaks : int64 (k,), strictly increasing R peaks in samples of 128 Hz from the strip's start; those after the
        first `MAX_RHYTHM_PEAKS` are not looked at

    Returns
    -------
    int8 (N_RHYTHM_FEATURES,), columns named by `RhythmFeature`; all 0 but `COUNT` where the strip has fewer than
    three RR intervals
    """
    peaks = np.asarray(peaks[:MAX_RHYTHM_PEAKS], np.int64)
    rr = np.minimum(np.diff(peaks), _RR_CAP)
    features = np.zeros(N_RHYTHM_FEATURES, np.int64)
    features[RhythmFeature.COUNT] = len(rr)
    if len(rr) >= _MIN_INTERVALS:
        median = int(np.sort(rr)[len(rr) >> 1])
        features[:_N_RR] = _rr_features(rr, median)
        features[_N_RR:] = _beat_features(wave.astype(np.int64), peaks, rr, median)
    return np.clip(features, -128, 127).astype(np.int8)


def _quantile(ordered: np.ndarray, eighths: int) -> int:
    return int(ordered[len(ordered) * eighths >> 3])


def _share(is_so: np.ndarray) -> int:
    """128 times the share of True; 0 of nothing."""
    return (int(is_so.sum()) << 7) // max(len(is_so), 1)


def _rr_features(rr: np.ndarray, median: int) -> list[int]:
    """Columns RATE to COUNT."""
    n = len(rr)
    ordered = np.sort(rr)
    step = np.diff(rr)
    size = np.abs(step)
    steps = np.sort(size)
    lag2 = np.sort(np.abs(rr[2:] - rr[:-2]))
    lag3 = np.sort(np.abs(rr[3:] - rr[:-3])) if n > _MIN_INTERVALS else lag2
    before, after = step[:-1], step[1:]
    return [
        median - 96,
        (int(ordered[0]) << 7) // median - 128,
        *((_quantile(ordered, q) << 7) // median - 128 for q in (1, 2, 6, 7)),
        (int(ordered[-1]) << 6) // median - 64,
        (int(rr.sum()) << 7) // (n * median) - 128,
        (_quantile(steps, 2) << 9) // median,
        (_quantile(steps, 4) << 8) // median,
        (_quantile(steps, 6) << 7) // median,
        (_quantile(steps, 7) << 7) // median,
        (int(size.sum()) << 8) // ((n - 1) * median),
        (_quantile(lag2, 4) << 8) // median,
        (_quantile(lag3, 4) << 8) // median,
        (_quantile(lag2, 6) << 7) // median,
        *(_share(size << shift < median) for shift in (5, 4, 3, 2)),
        _share((before * after < 0) & (np.minimum(size[:-1], size[1:]) << 4 > median)),
        _share((before << 3 < -median) & (after << 3 > median)),
        _share((before << 3 > median) & (after << 3 < -median)),
        (_longest_run(size << 4 < median) << 7) // (n - 1),
        *_repetitions(rr, median),
        _share(rr << 3 < 7 * median),
        _share(rr << 2 > 5 * median),
        _share(rr << 2 > 7 * median),
        n,
    ]


def _longest_run(is_so: np.ndarray) -> int:
    longest = run = 0
    for so in is_so.tolist():
        run = run + 1 if so else 0
        longest = max(longest, run)
    return longest


def _repetitions(rr: np.ndarray, median: int) -> list[int]:
    """Columns PAIRS_1 to PAIRS_3: over all pairs i < j whose second followers exist."""
    n = len(rr) - 2
    near = np.abs(rr[:, None] - rr) << 4 <= median
    one = near[:n, :n] & np.tri(n, k=-1, dtype=bool)
    two = one & near[1 : n + 1, 1 : n + 1]
    three = two & near[2 : n + 2, 2 : n + 2]
    totals = [n * (n - 1) // 2, *(int(found.sum()) for found in (one, two, three))]
    return [(totals[i + 1] << 7) // max(totals[i], 1) for i in range(3)]


def _beat_features(wave: np.ndarray, peaks: np.ndarray, rr: np.ndarray, median: int) -> list[int]:
    """Columns P_HEIGHT to P_CALM; all 0 where no beat but the first lies in the strip as a whole."""
    at = peaks[1:] >> 1
    is_whole = (at >= _BEFORE) & (at + _AFTER <= len(wave))
    n = int(is_whole.sum())
    if n == 0:
        return [0] * (N_RHYTHM_FEATURES - _N_RR)
    beat = wave[at[is_whole][:, None] + np.arange(-_BEFORE, _AFTER)]
    mean = (2 * beat.sum(axis=0) + n) // (2 * n)
    distance = np.abs(beat - mean)
    qrs, p_wave = distance[:, _QRS].sum(axis=1), distance[:, _P_WAVE].sum(axis=1)
    odd = qrs * n > 2 * qrs.sum()
    early = (rr << 3 < 7 * median)[is_whole]
    bend = np.abs(beat[:, 4:13] - 2 * beat[:, 5:14] + beat[:, 6:15])
    before = np.concatenate([rr[:1], rr[:-1]])
    calm = (np.abs(rr - before) << 3 < median)[is_whole]
    size = np.abs(mean[_QRS])
    return [
        int(np.ptp(mean[_P_WAVE])) << 2,
        int(mean[8:13].sum() * 4 - mean[4:8].sum() * 5) >> 2,
        (int(p_wave.sum()) << 3) // (11 * n),
        (int(qrs.sum()) << 2) // (11 * n),
        (int(distance[:, _T_WAVE].sum()) << 2) // (20 * n),
        (int(size.sum()) << 3) // max(int(size.max()), 1),
        int(mean[_BEFORE]),
        int(np.ptp(mean[_T_WAVE])) << 1,
        (int(bend.sum()) << 3) // (9 * n),
        _share(odd),
        _share(odd & early),
        _share(early & ~odd),
        (int(p_wave[calm].sum()) << 3) // (11 * max(int(calm.sum()), 1)),
    ]
