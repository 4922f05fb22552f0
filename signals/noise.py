"""Adding recorded noise to a clean ECG at a stated signal-to-noise ratio.

The definition is that of the noise stress test (Moody, Muldrow & Mark, Computers in Cardiology 11:381-384, 1984;
programs ``nst`` and ``sigamp`` of the WFDB Applications Guide): SNR = 10 log10(S / (a^2 N)) in dB, where

- S is the signal power, taken as that of a sine of the QRS's peak-to-peak amplitude: amplitude^2 / 8;
- N is the noise power: the square of the RMS over pieces of one second, each freed of its mean;
- a is the gain that the noise is multiplied with.

Both amplitudes are trimmed means over the first 300 measurements, without the largest and the smallest 5 %.
"""

import numpy as np

__all__ = ["mix", "noise_gain", "noise_power", "qrs_power"]

_N_MEASUREMENTS = 300
_TRIM = 0.05
_QRS_HALF_WIDTH_S = 0.05


def qrs_power(signal: np.ndarray, r_peak: np.ndarray, fs_hz: float) -> float:
    """Power of an ECG: squared peak-to-peak amplitude of its QRS complexes / 8.

    Parameters
    ----------
    signal : (n,), any unit
    r_peak : int64 (k,), samples of the (normal) QRS complexes
    fs_hz : sampling rate in Hz

    Raises
    ------
    ValueError
        No QRS complex lies far enough from both ends to be measured.
    """
    half_width = max(round(_QRS_HALF_WIDTH_S * fs_hz), 1)
    r_peak = np.asarray(r_peak)
    inside = r_peak[(r_peak >= half_width) & (r_peak < len(signal) - half_width)]
    if len(inside) == 0:
        raise ValueError(f"none of {len(r_peak)} QRS complexes lies within the {len(signal)} samples")
    qrs = np.asarray(signal, np.float64)[inside[:_N_MEASUREMENTS, None] + np.arange(-half_width, half_width + 1)]
    return _trimmed_mean(np.ptp(qrs, axis=1)) ** 2 / 8


def noise_power(noise: np.ndarray, fs_hz: float) -> float:
    """Power of a noise recording: squared mean RMS of one-second pieces (n,), each freed of its mean.

    Raises
    ------
    ValueError
        The noise is shorter than a second, or has no power.
    """
    piece = round(fs_hz)
    n_pieces = len(noise) // piece
    if n_pieces == 0:
        raise ValueError(f"{len(noise)} samples of noise are less than one second at {fs_hz} Hz")
    pieces = np.asarray(noise[: n_pieces * piece], np.float64).reshape(n_pieces, piece)
    power = _trimmed_mean(pieces[:_N_MEASUREMENTS].std(axis=1)) ** 2
    if power == 0:
        raise ValueError("the noise is constant")
    return power


def noise_gain(signal_power: float, power: float, snr_db: float) -> float:
    """Gain `a` of a noise of the given power that leaves `snr_db`."""
    return float(np.sqrt(signal_power / power * 10 ** (-snr_db / 10)))


def mix(clean: np.ndarray, noise: np.ndarray, snr_db: float, r_peak: np.ndarray, fs_hz: float) -> np.ndarray:
    """Add noise to a clean ECG at a stated signal-to-noise ratio.

    Parameters
    ----------
    clean : (n,), counts or physical values
    noise : (m,), at the same sampling rate, any unit; starts again from its beginning where it is too short
    snr_db : ratio in dB as the module defines it
    r_peak : int64 (k,), samples of the QRS complexes that set the signal's size
    fs_hz : sampling rate in Hz of both

    Returns
    -------
    (n,), dtype of `clean`; integers are rounded and saturate

    Raises
    ------
    ValueError
        The power of the signal or of the noise cannot be measured.
    """
    gain = noise_gain(qrs_power(clean, r_peak, fs_hz), noise_power(noise, fs_hz), snr_db)
    noise = np.asarray(noise, np.float64)
    mixed = clean + gain * np.resize(noise - noise.mean(), len(clean))
    if not np.issubdtype(clean.dtype, np.integer):
        return mixed.astype(clean.dtype)
    limits = np.iinfo(clean.dtype)
    return np.clip(np.rint(mixed), limits.min, limits.max).astype(clean.dtype)


def _trimmed_mean(values: np.ndarray) -> float:
    cut = int(len(values) * _TRIM)
    return float(np.sort(values)[cut : len(values) - cut].mean())
