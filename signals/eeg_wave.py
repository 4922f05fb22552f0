"""EEG as the seizure cascade sees it: 0.5 to 28 Hz at 64 Hz, and int8 on a scale of one's choice.

Integers only, causal, and with a state of 200 bytes a channel, so that the device (``ictus_eeg.c``) computes the
same samples. Channels never mix: every function works on the columns of an array.
"""

import numpy as np
from scipy.signal import upfirdn

__all__ = [
    "EEG_BLOCK",
    "EEG_DECIMATION",
    "EEG_DELAY_S",
    "EEG_DEVICE_FS_HZ",
    "EEG_FS_HZ",
    "EEG_UV_PER_COUNT",
    "HALF_LOWPASS",
    "MEAN_SAMPLES",
    "SCALE_BITS",
    "EegFilter",
    "fixed_factor",
    "scale_eeg",
]

EEG_DEVICE_FS_HZ = 256
EEG_UV_PER_COUNT = 0.25
EEG_DECIMATION = 4
EEG_FS_HZ = EEG_DEVICE_FS_HZ // EEG_DECIMATION
EEG_BLOCK = EEG_FS_HZ  # samples of the filtered signal in a second

HALF_LOWPASS = (
    -27,
    -106,
    -165,
    -178,
    -64,
    171,
    431,
    534,
    309,
    -267,
    -978,
    -1392,
    -1038,
    342,
    2594,
    5133,
    7137,
    7896,
)
"""The low-pass up to and including its middle tap, Q15; it is symmetric. Equiripple, passes 22 Hz, stops 42 Hz."""

MEAN_SAMPLES = 64  # of 64 Hz: the mean that the high-pass takes out
_HIGHPASS_DELAY = 16
_LOWPASS = np.array(HALF_LOWPASS + HALF_LOWPASS[-2::-1], np.float64)
_N_TAPS = len(_LOWPASS)
_FIRST_WHOLE = 9  # output of `_ALIGNED` from which on every tap lies on a sample
_ALIGNED = np.pad(_LOWPASS, (2, 0))  # an output at every multiple of 4 then ends at samples 34, 38, ... of a piece

EEG_DELAY_S = (_N_TAPS // 2) / EEG_DEVICE_FS_HZ + _HIGHPASS_DELAY / EEG_FS_HZ
"""How far the filtered signal lags behind the electrodes."""

SCALE_BITS = 14
_STEPS_PER_UNIT = 32  # Q2.5


class EegFilter:
    """Low-pass, decimation by 4, high-pass; the same result in whatever pieces the signal comes.

    With x the device counts at 256 Hz and h the low-pass in Q15::

        z[i] = sat16((sum(h[k] x[4 i + 3 - k] for k in range(35)) + 2^14) >> 15)
        y[i] = sat16(z[i - 16] - ((sum(z[i - k] for k in range(64)) + 32) >> 6))

    What lies before the first sample is taken as equal to it. -3 dB at 0.5 and 28 Hz, at least 59 dB down from
    48 Hz on, so that mains of 50 and 60 Hz cannot alias. `EEG_DELAY_S` behind the input.
    """

    def __init__(self) -> None:
        self._counts = np.empty((0, 0), np.int16)
        self._lowpassed = np.empty((0, 0), np.int64)

    def push(self, counts: np.ndarray) -> np.ndarray:
        """Filter the next piece.

        Parameters
        ----------
        counts : int16 (n, n_channels), device signal at 256 Hz, 0.25 uV per count

        Returns
        -------
        int16 (m, n_channels) at 64 Hz, 0.25 uV per count: all samples that are complete; over all pieces
        ``m = n // 4``
        """
        if not len(counts):
            return np.empty((0, counts.shape[1]), np.int16)
        if not len(self._counts):
            self._counts = np.repeat(counts[:1], _N_TAPS - EEG_DECIMATION, axis=0)
            self._lowpassed = np.repeat(counts[:1], MEAN_SAMPLES, axis=0).astype(np.int64)
        held = np.concatenate([self._counts, counts])
        n = (len(held) - _N_TAPS) // EEG_DECIMATION + 1
        if n < 1:
            self._counts = held
            return np.empty((0, counts.shape[1]), np.int16)
        self._counts = held[n * EEG_DECIMATION :]
        return self._without_mean(_decimated(held, n))

    def _without_mean(self, z: np.ndarray) -> np.ndarray:
        """The high-pass: int64 (n, n_channels) -> int16."""
        held = np.concatenate([self._lowpassed, z])
        total = np.cumsum(held, axis=0)
        mean = (total[MEAN_SAMPLES:] - total[:-MEAN_SAMPLES] + MEAN_SAMPLES // 2) >> 6
        late = held[MEAN_SAMPLES - _HIGHPASS_DELAY : len(held) - _HIGHPASS_DELAY]
        self._lowpassed = held[len(held) - MEAN_SAMPLES :]
        return np.clip(late - mean, -32768, 32767).astype(np.int16)


def _decimated(held: np.ndarray, n: int) -> np.ndarray:
    """The low-pass at every fourth sample from the 35th on, int64 (n, n_channels). Float64 sums exactly."""
    columns = np.ascontiguousarray(held.T, np.float64)
    products = upfirdn(_ALIGNED, columns, 1, EEG_DECIMATION)[:, _FIRST_WHOLE : _FIRST_WHOLE + n]
    return np.clip((products.T.astype(np.int64) + (1 << 14)) >> 15, -32768, 32767)


def fixed_factor(uv_per_unit: float) -> int:
    """Factor for `scale_eeg` with which 1.0, which is 32 steps of int8, stands for so many microvolts.

    From 4 uV; a range of 4 units is all that int8 holds.
    """
    return round(_STEPS_PER_UNIT * EEG_UV_PER_COUNT * (1 << SCALE_BITS) / uv_per_unit)


def scale_eeg(filtered: np.ndarray, factor: int | np.ndarray) -> np.ndarray:
    """Filtered signal as int8 Q2.5, saturating: ``sat8((y factor + 2^13) >> 14)``.

    Parameters
    ----------
    filtered : int16, any shape
    factor : 0 to 2^15, a number or an array that broadcasts against `filtered`

    Returns
    -------
    int8, shape of the broadcast
    """
    product = filtered.astype(np.int32) * np.asarray(factor, np.int32)
    return np.clip((product + (1 << SCALE_BITS - 1)) >> SCALE_BITS, -128, 127).astype(np.int8)
