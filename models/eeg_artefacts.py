"""Artefacts and harmless rhythms of wearable EEG, modelled: no recording of them is at hand that may be used.

Each has a stated shape, size and spectrum, drawn anew every time. They are added to seizure-free EEG, to teach the
gate what to reject and the other stages what is no seizure. What was not modelled, they cannot teach.

Sizes and spectra: Croft & Barry, Removal of ocular artifact from the EEG: a review, Neurophysiol Clin 30:5-19,
2000 (blinks); Goncharova et al., EMG contamination of EEG: spectral and topographical characteristics, Clin
Neurophysiol 114:1580-1593, 2003 (muscle: broad, above 20 Hz); Tatum, Dworetzky & Schomer, Artifact and recording
concepts in EEG, J Clin Neurophysiol 28:252-263, 2011 (chewing, pops, pulse, sweat, movement).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from ..signals.eeg_wave import EEG_DEVICE_FS_HZ, EEG_UV_PER_COUNT, EegFilter

__all__ = ["ARTEFACTS", "HARMLESS", "Artefact", "Contaminated", "contaminate"]

_FS = EEG_DEVICE_FS_HZ
Rng = np.random.Generator


@dataclass(frozen=True)
class Artefact:
    """One kind of disturbance.

    Attributes
    ----------
    wave : (rng, samples) -> float64 (samples,) in microvolts at 256 Hz
    spread : how much of it the other channels see; 0 leaves it to one channel, 1 gives it to all
    """

    wave: Callable[[Rng, int], np.ndarray]
    spread: float


def _uniform_log(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _band(rng: Rng, n: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Noise of a band, standard deviation 1."""
    sos = butter(2, [low_hz, high_hz], "bandpass", fs=_FS, output="sos")
    noise = np.asarray(sosfilt(sos, rng.standard_normal(n + _FS)), np.float64)[_FS:]
    return noise / max(float(noise.std()), 1e-9)


def _at_intervals(rng: Rng, n: int, mean_s: float, jitter: float, pulse: Callable[[], np.ndarray]) -> np.ndarray:
    """Pulses at random intervals, which spread by `jitter` of their mean."""
    out = np.zeros(n)
    at = int(rng.uniform(0, min(mean_s * _FS, n)))
    while at < n:
        shape = pulse()[: n - at]
        out[at : at + len(shape)] += shape
        at += max(int(mean_s * _FS * np.exp(jitter * rng.standard_normal())), 16)
    return out


def _blinks(rng: Rng, n: int) -> np.ndarray:
    """Bumps of 0.2 to 0.45 s, 40 to 300 uV, every 1 to 6 s, with a shallow swing back."""
    size = _uniform_log(rng, 40, 300)

    def blink() -> np.ndarray:
        t = np.arange(int(_FS * rng.uniform(0.2, 0.45)))
        bump = np.sin(np.pi * t / len(t)) ** 2
        return size * rng.uniform(0.7, 1.3) * np.concatenate([bump, -0.15 * bump])

    return _at_intervals(rng, n, _uniform_log(rng, 1, 6), 0.5, blink)


def _saccades(rng: Rng, n: int) -> np.ndarray:
    """Steps of 30 to 150 uV to either side that decay within 0.3 to 2 s."""
    size = _uniform_log(rng, 30, 150)

    def saccade() -> np.ndarray:
        decay_s = rng.uniform(0.3, 2)
        return rng.choice([-1, 1]) * size * np.exp(-np.arange(int(3 * decay_s * _FS)) / (decay_s * _FS))

    return _at_intervals(rng, n, _uniform_log(rng, 0.4, 3), 0.7, saccade)


def _clench(rng: Rng, n: int) -> np.ndarray:
    """Muscle of 15 to 100 Hz, 8 to 120 uV rms, swelling and fading."""
    envelope = np.clip(1 + 0.5 * _band(rng, n, 0.2, 2), 0.1, None)
    return _uniform_log(rng, 8, 120) * envelope * _band(rng, n, 15, 100)


def _chewing(rng: Rng, n: int) -> np.ndarray:
    """Bursts of muscle 1 to 2.5 times a second, with the slow swing of the jaw below them."""
    rate_hz = rng.uniform(1, 2.5)
    phase = 2 * np.pi * (rate_hz * np.arange(n) / _FS + 0.05 * np.cumsum(rng.standard_normal(n)) / _FS)
    bursts = np.clip(np.sin(phase), 0, None) ** 2
    size = _uniform_log(rng, 10, 150)
    return size * (bursts * _band(rng, n, 12, 100) + rng.uniform(0, 0.7) * np.sin(phase + rng.uniform(0, 6)))


def _pops(rng: Rng, n: int) -> np.ndarray:
    """Steps of 80 to 2,000 uV that decay within 0.03 to 0.5 s: an electrode that loses contact for a moment."""
    decay_s = _uniform_log(rng, 0.03, 0.5)

    def pop() -> np.ndarray:
        size = rng.choice([-1, 1]) * _uniform_log(rng, 80, 2000)
        return size * np.exp(-np.arange(int(5 * decay_s * _FS)) / (decay_s * _FS))

    return _at_intervals(rng, n, _uniform_log(rng, 0.5, 5), 0.8, pop)


def _movement(rng: Rng, n: int) -> np.ndarray:
    """Swings of cable and head, 0.3 to 4 Hz, 40 to 600 uV."""
    low_hz = _uniform_log(rng, 0.3, 1.5)
    return _uniform_log(rng, 40, 600) * _band(rng, n, low_hz, 2.5 * low_hz)


def _sweat(rng: Rng, n: int) -> np.ndarray:
    """Drift of 0.1 to 0.6 Hz, 50 to 500 uV."""
    return _uniform_log(rng, 50, 500) * _band(rng, n, 0.1, 0.6)


def _mains(rng: Rng, n: int) -> np.ndarray:
    """50 or 60 Hz with a third harmonic, 5 to 1,000 uV, slowly changing."""
    phase = 2 * np.pi * rng.choice([50.0, 60.0]) * np.arange(n) / _FS + rng.uniform(0, 6)
    size = _uniform_log(rng, 5, 1000) * np.clip(1 + 0.3 * _band(rng, n, 0.05, 0.5), 0, None)
    return size * (np.sin(phase) + rng.uniform(0, 0.2) * np.sin(3 * phase))


def _heart(rng: Rng, n: int) -> np.ndarray:
    """R waves of the heart, 0.8 to 2 a second, 10 to 60 uV, 40 to 80 ms wide."""
    width, size = int(_FS * rng.uniform(0.04, 0.08)), _uniform_log(rng, 10, 60)
    beat = np.concatenate([np.bartlett(width), -0.3 * np.bartlett(width)]) * size
    return _at_intervals(rng, n, 1 / rng.uniform(0.8, 2), 0.05, lambda: beat)


def _alpha(rng: Rng, n: int) -> np.ndarray:
    """Waxing and waning rhythm of 8 to 12 Hz, as of closed eyes, 10 to 50 uV."""
    centre_hz = rng.uniform(8.5, 11.5)
    return _uniform_log(rng, 10, 50) * _band(rng, n, centre_hz - 0.7, centre_hz + 0.7)


def _slow(rng: Rng, n: int) -> np.ndarray:
    """Slow waves of drowsiness and sleep, 0.8 to 5 Hz, 15 to 120 uV, over a broad band."""
    low_hz = _uniform_log(rng, 0.6, 2.5)
    return _uniform_log(rng, 15, 120) * _band(rng, n, low_hz, 2.2 * low_hz)


def _spindles(rng: Rng, n: int) -> np.ndarray:
    """Bursts of 11 to 16 Hz for 0.5 to 2 s every 3 to 10 s, 10 to 50 uV."""
    size, hz = _uniform_log(rng, 10, 50), rng.uniform(11, 16)

    def spindle() -> np.ndarray:
        t = np.arange(int(_FS * rng.uniform(0.5, 2)))
        return size * np.hanning(len(t)) * np.sin(2 * np.pi * hz * t / _FS)

    return _at_intervals(rng, n, _uniform_log(rng, 3, 10), 0.4, spindle)


ARTEFACTS = {
    "blinks": Artefact(_blinks, 0.3),
    "saccades": Artefact(_saccades, 0.3),
    "clench": Artefact(_clench, 0.6),
    "chewing": Artefact(_chewing, 0.6),
    "pops": Artefact(_pops, 0.0),
    "movement": Artefact(_movement, 0.4),
    "sweat": Artefact(_sweat, 0.5),
    "mains": Artefact(_mains, 0.8),
}
"""What the gate is taught to reject where it outweighs the EEG."""

HARMLESS = {
    "alpha": Artefact(_alpha, 0.7),
    "slow": Artefact(_slow, 0.8),
    "spindles": Artefact(_spindles, 0.6),
    "heart": Artefact(_heart, 0.8),
}
"""What the gate may let through and the other stages must not take for a seizure."""


@dataclass(frozen=True)
class Contaminated:
    """EEG with one disturbance added.

    Attributes
    ----------
    counts : int16 (n, n_channels), device signal
    weight : float64 (n_seconds, n_channels), rms of the disturbance over that of the EEG behind `EegFilter`; a
        second of a channel that is flat or clipped has infinity
    kind : key of `ARTEFACTS` or `HARMLESS`, "flat" or "rail"
    """

    counts: np.ndarray
    weight: np.ndarray
    kind: str


def contaminate(counts: np.ndarray, kind: str, rng: Rng) -> Contaminated:
    """Add one disturbance to a stretch of EEG, from a random moment for at least 2 s on.

    Parameters
    ----------
    counts : int16 (n, n_channels), device signal
    kind : key of `ARTEFACTS` or `HARMLESS`, "flat" (an electrode is off) or "rail" (the converter clips)
    """
    n, n_channels = counts.shape
    start = int(rng.uniform(0, max(n - 2 * _FS, 1)))
    stop = min(start + int(_FS * _uniform_log(rng, 2, 40)), n)
    if kind in ("flat", "rail"):
        return _stuck(counts, kind, slice(start, stop), rng)
    artefact = {**ARTEFACTS, **HARMLESS}[kind]
    share = np.abs(rng.standard_normal(n_channels)) * artefact.spread
    share[rng.integers(n_channels)] = 1.0
    added = np.zeros(counts.shape)
    added[start:stop] = artefact.wave(rng, stop - start)[:, None] * np.minimum(share, 1) / EEG_UV_PER_COUNT
    disturbance = np.clip(np.rint(added), -32768, 32767).astype(np.int16)
    mixed = np.clip(counts + np.rint(added), -32768, 32767).astype(np.int16)
    return Contaminated(mixed, _rms(disturbance) / np.maximum(_rms(counts), 1), kind)


def _stuck(counts: np.ndarray, kind: str, where: slice, rng: Rng) -> Contaminated:
    """Some channels hold one value, or are clipped at a low limit."""
    mixed = counts.copy()
    chosen = rng.random(counts.shape[1]) < 0.4
    chosen[rng.integers(counts.shape[1])] = True
    part = mixed[where]
    if kind == "flat":
        part[:, chosen] = part[:1, chosen]
        is_stuck = np.zeros(counts.shape, bool)
        is_stuck[where, chosen] = True
    else:
        limit = np.maximum(np.quantile(np.abs(part[:, chosen]), rng.uniform(0.3, 0.7), axis=0), 1).astype(np.int16)
        part[:, chosen] = np.clip(part[:, chosen], -limit, limit)
        is_stuck = np.zeros(counts.shape, bool)
        is_stuck[where, chosen] = np.abs(part[:, chosen]) == limit
    seconds = is_stuck[: len(counts) // _FS * _FS].reshape(-1, _FS, counts.shape[1]).mean(axis=1)
    return Contaminated(mixed, np.where(seconds > 0.25, np.inf, np.where(seconds > 0, 1.0, 0.0)), kind)


def _rms(counts: np.ndarray) -> np.ndarray:
    """Root mean square of each second behind the filter: float64 (n_seconds, n_channels)."""
    filtered = EegFilter().push(counts[: len(counts) // _FS * _FS]).astype(np.float64)
    return np.sqrt((filtered.reshape(len(counts) // _FS, -1, counts.shape[1]) ** 2).mean(axis=1))
