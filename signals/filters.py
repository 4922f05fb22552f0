"""The device's signal filters: exact integer FIRs, the same bit for bit in C (`ictus_filter.c`).

Every filter starts as if the first sample had been there for ever.
"""

import numpy as np

__all__ = ["BASELINE_DELAY", "BASELINE_WINDOW", "SMOOTH_DELAY", "remove_baseline", "smooth"]

SMOOTH_DELAY = 1
BASELINE_WINDOW = 128
BASELINE_DELAY = SMOOTH_DELAY + BASELINE_WINDOW // 2


def smooth(counts: np.ndarray) -> np.ndarray:
    """Take out mains and muscle: ``s[n] = (x[n] + 2 x[n-1] + x[n-2] + 2) >> 2``.

    Zero at 64 Hz, -3 dB at 23 Hz, -1.3 dB at 15 Hz; no overshoot, so no overflow.

    Parameters
    ----------
    counts : int16 (n,)

    Returns
    -------
    int16 (n,), causal: ``s[n]`` belongs to ``x[n - 1]``
    """
    if not len(counts):
        return np.empty(0, np.int16)
    x = np.concatenate((np.repeat(counts[:1], 2), counts)).astype(np.int32)
    return ((x[2:] + 2 * x[1:-1] + x[:-2] + 2) >> 2).astype(np.int16)


def remove_baseline(counts: np.ndarray) -> np.ndarray:
    """Smooth, then subtract the mean over one second around each sample.

    ``b[n] = sat16(s[n-64] - ((sum(s[n-k] for k in range(128)) + 64) >> 7))``, where `s` is `smooth`
    and `sat16` clips to int16 (a difference can reach 65,535 when the input jumps from rail to rail).

    Parameters
    ----------
    counts : int16 (n,)

    Returns
    -------
    int16 (n,), delay-compensated: sample n belongs to ``counts[n]``. The causal device computes it
    `BASELINE_DELAY` samples later; past the end the last sample is held.
    """
    if not len(counts):
        return np.empty(0, np.int16)
    s = smooth(np.concatenate((counts, np.repeat(counts[-1:], BASELINE_DELAY)))).astype(np.int64)
    total = np.cumsum(np.concatenate((np.repeat(s[:1], BASELINE_WINDOW), s)))
    mean = (total[BASELINE_WINDOW:] - total[:-BASELINE_WINDOW] + BASELINE_WINDOW // 2) >> 7
    centre = np.concatenate((np.repeat(s[:1], BASELINE_WINDOW // 2), s))[: len(s)]
    return np.clip(centre - mean, -32768, 32767)[BASELINE_DELAY:].astype(np.int16)
