"""Noise mixing: the definition of the noise stress test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.signals import SAMPLE_FOLDER, beats_of, load, to_device
from ictus.signals.noise import mix, noise_gain, noise_power, qrs_power

FS_HZ = 128


def device_record(name: str) -> tuple[np.ndarray, np.ndarray]:
    recording = load(SAMPLE_FOLDER / "mitdb" / name)
    sample, label = beats_of(recording.events)
    return to_device(recording).counts, np.round(sample[label == 0] * (FS_HZ / recording.fs_hz)).astype(np.int64)


def device_noise(name: str) -> np.ndarray:
    return to_device(load(SAMPLE_FOLDER / "nstdb" / name)).counts


def test_signal_power_is_that_of_a_sine_of_the_qrs_peak_to_peak_amplitude():
    t = np.arange(60 * FS_HZ) / FS_HZ
    sine = 100 * np.sin(2 * np.pi * 10 * t)
    assert qrs_power(sine, np.arange(FS_HZ, 59 * FS_HZ, FS_HZ), FS_HZ) == pytest.approx(np.mean(sine**2), rel=0.02)


def test_noise_power_leaves_out_what_is_slower_than_a_second():
    rng = np.random.default_rng(0)
    fast = rng.normal(0, 10, 300 * FS_HZ)
    slow = np.repeat(rng.normal(0, 1000, 300), FS_HZ)
    assert noise_power(fast + slow, FS_HZ) == pytest.approx(noise_power(fast, FS_HZ))
    assert noise_power(fast, FS_HZ) == pytest.approx(100, rel=0.05)


def test_one_large_burst_in_a_hundred_seconds_does_not_count():
    noise = np.random.default_rng(1).normal(0, 10, 100 * FS_HZ)
    burst = noise.copy()
    burst[:FS_HZ] *= 1000
    assert noise_power(burst, FS_HZ) == pytest.approx(noise_power(noise, FS_HZ), rel=0.01)


@pytest.mark.parametrize("kind", ["bw", "em", "ma"])
@pytest.mark.parametrize("snr_db", [24, 6, -6])
def test_what_was_added_has_the_stated_ratio_to_the_real_record(kind: str, snr_db: float):
    clean, r_peak = device_record("100")
    noise = device_noise(kind)[: len(clean)]
    added = mix(clean, noise, snr_db, r_peak, FS_HZ).astype(np.float64) - clean
    measured = 10 * np.log10(qrs_power(clean, r_peak, FS_HZ) / noise_power(added[: len(noise)], FS_HZ))
    assert measured == pytest.approx(snr_db, abs=0.2)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.floats(-20, 40))
def test_six_decibels_less_is_twice_the_noise(signal: float, noise: float, snr_db: float):
    doubled = noise_gain(signal, noise, snr_db - 20 * np.log10(2))
    assert doubled == pytest.approx(2 * noise_gain(signal, noise, snr_db))


def test_short_noise_starts_again_and_integers_saturate():
    clean, r_peak = device_record("100")
    noise = np.random.default_rng(2).integers(-5, 6, 3 * FS_HZ)
    mixed = mix(clean, noise, -80, r_peak, FS_HZ)
    assert mixed.dtype == clean.dtype
    assert mixed.shape == clean.shape
    assert mixed.min() == -32768
    assert mixed.max() == 32767


def test_what_cannot_be_measured_is_refused():
    clean, r_peak = device_record("100")
    with pytest.raises(ValueError, match="constant"):
        mix(clean, np.ones(1000), 6, r_peak, FS_HZ)
    with pytest.raises(ValueError, match="less than one second"):
        noise_power(np.ones(10), FS_HZ)
    with pytest.raises(ValueError, match="none of 0 QRS"):
        qrs_power(clean, r_peak[:0], FS_HZ)
