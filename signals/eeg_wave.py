"""EEG as the seizure cascade sees it: 0.5 to 28 Hz at 64 Hz, and int8 on a scale of one's choice.

Integers only, causal, and with a state of 200 bytes a channel, so that the device (``ictus_eeg.c``) computes the
same samples; `WIDE_BAND` has no counterpart there. Channels never mix: every function works on the columns of an
array.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import upfirdn

__all__ = [
    "EEG_BLOCK",
    "EEG_DECIMATION",
    "EEG_DELAY_S",
    "EEG_DEVICE_FS_HZ",
    "EEG_FS_HZ",
    "EEG_UV_PER_COUNT",
    "SCALE_BITS",
    "WEARABLE_BAND",
    "WIDE_BAND",
    "EegBand",
    "EegFilter",
    "fixed_factor",
    "scale_eeg",
]

EEG_DEVICE_FS_HZ = 256
EEG_UV_PER_COUNT = 0.25
EEG_DECIMATION = 4
EEG_FS_HZ = EEG_DEVICE_FS_HZ // EEG_DECIMATION
EEG_BLOCK = EEG_FS_HZ  # samples of the filtered signal in a second

_HALF_LOWPASS = (
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

_HALF_WIDE_LOWPASS = (
    *(-37, -64, -30, 19, 73, 43, -41, -110, -64, 69, 162, 87),
    *(-109, -231, -113, 168, 324, 139, -254, -447, -165, 381, 617, 188),
    *(-577, -870, -209, 914, 1306, 224, -1628, -2326, -234, 4391, 9181, 11214),
)
"""The same, equiripple; passes 39 Hz, stops 49 Hz."""


@dataclass(frozen=True)
class EegBand:
    """What `EegFilter` leaves of the device signal.

    Attributes
    ----------
    half_lowpass : taps of a symmetric low-pass up to and including the middle one, Q15, at 256 Hz
    decimation : every so many low-passed samples one is kept
    mean_samples : of the decimated signal, a power of two: the mean that the high-pass takes out
    """

    half_lowpass: tuple[int, ...]
    decimation: int
    mean_samples: int

    @property
    def lowpass(self) -> np.ndarray:
        """All taps, float64."""
        return np.array(self.half_lowpass + self.half_lowpass[-2::-1], np.float64)

    @property
    def fs_hz(self) -> int:
        """Rate of the filtered signal."""
        return EEG_DEVICE_FS_HZ // self.decimation

    @property
    def highpass_delay(self) -> int:
        """Filtered samples by which the high-pass is late."""
        return self.mean_samples // 4

    @property
    def delay_s(self) -> float:
        """How far the filtered signal lags behind the electrodes."""
        return (len(self.half_lowpass) - 1) / EEG_DEVICE_FS_HZ + self.highpass_delay / self.fs_hz


WEARABLE_BAND = EegBand(_HALF_LOWPASS, EEG_DECIMATION, 64)
"""0.5 to 28 Hz (-3 dB) at 64 Hz, at least 59 dB down from 48 Hz on, so that mains of 50 and 60 Hz cannot alias."""

WIDE_BAND = EegBand(_HALF_WIDE_LOWPASS, 2, 128)
"""0.5 to 42 Hz (-3 dB) at 128 Hz, at least 57 dB down from 49 Hz on: all that the Bonn recordings hold."""

EEG_DELAY_S = WEARABLE_BAND.delay_s
"""How far the filtered signal of the wearable lags behind the electrodes."""

SCALE_BITS = 14
_STEPS_PER_UNIT = 32  # Q2.5


class EegFilter:
    """Low-pass, decimation, high-pass; the same result in whatever pieces the signal comes.

    With x the device counts at 256 Hz, h the low-pass in Q15 and, for `WEARABLE_BAND`, d = 4 and n = 64::

        z[i] = sat16((sum(h[k] x[d i + d - 1 - k]) + 2^14) >> 15)
        y[i] = sat16(z[i - n / 4] - ((sum(z[i - k] for k in range(n)) + n / 2) >> log2(n)))

    What lies before the first sample is taken as equal to it.

    Parameters
    ----------
    band : what is left of the signal
    """

    def __init__(self, band: EegBand = WEARABLE_BAND) -> None:
        self.band = band
        lowpass = band.lowpass
        self._n_taps = len(lowpass)
        lead = -(self._n_taps - 1) % band.decimation
        self._aligned = np.pad(lowpass, (lead, 0))  # an output then ends at the last tap, and at each step on
        self._first_whole = (self._n_taps - 1 + lead) // band.decimation
        self._counts = np.empty((0, 0), np.int16)
        self._lowpassed = np.empty((0, 0), np.int64)

    def push(self, counts: np.ndarray) -> np.ndarray:
        """Filter the next piece.

        Parameters
        ----------
        counts : int16 (n, n_channels), device signal at 256 Hz, 0.25 uV per count

        Returns
        -------
        int16 (m, n_channels) at the band's rate, 0.25 uV per count: all samples that are complete; over all pieces
        ``m = n // decimation``
        """
        if not len(counts):
            return np.empty((0, counts.shape[1]), np.int16)
        n_taps, step = self._n_taps, self.band.decimation
        if not len(self._counts):
            self._counts = np.repeat(counts[:1], n_taps - step, axis=0)
            self._lowpassed = np.repeat(counts[:1], self.band.mean_samples, axis=0).astype(np.int64)
        held = np.concatenate([self._counts, counts])
        n = (len(held) - n_taps) // step + 1
        if n < 1:
            self._counts = held
            return np.empty((0, counts.shape[1]), np.int16)
        self._counts = held[n * step :]
        return self._without_mean(self._decimated(held, n))

    def _without_mean(self, z: np.ndarray) -> np.ndarray:
        """The high-pass: int64 (n, n_channels) -> int16."""
        n, delay = self.band.mean_samples, self.band.highpass_delay
        held = np.concatenate([self._lowpassed, z])
        total = np.cumsum(held, axis=0)
        mean = (total[n:] - total[:-n] + n // 2) // n
        late = held[n - delay : len(held) - delay]
        self._lowpassed = held[len(held) - n :]
        return np.clip(late - mean, -32768, 32767).astype(np.int16)

    def _decimated(self, held: np.ndarray, n: int) -> np.ndarray:
        """The low-pass at every kept sample, int64 (n, n_channels). Float64 sums exactly."""
        columns = np.ascontiguousarray(held.T, np.float64)
        products = upfirdn(self._aligned, columns, 1, self.band.decimation)[:, self._first_whole :][:, :n]
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
