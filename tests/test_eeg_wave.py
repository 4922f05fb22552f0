"""The EEG filter: against its definition sample by sample, in pieces, and in the frequency domain."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ictus.signals.eeg_wave import (
    EEG_DELAY_S,
    WEARABLE_BAND,
    WIDE_BAND,
    EegBand,
    EegFilter,
    fixed_factor,
    scale_eeg,
)

BANDS = [WEARABLE_BAND, WIDE_BAND]
any_eeg = arrays(np.int16, st.tuples(st.integers(1, 700), st.integers(1, 3)), elements=st.integers(-32768, 32767))


def _sat16(value: int) -> int:
    return max(-32768, min(32767, value))


def _by_sample(x: list[int], band: EegBand) -> list[int]:
    taps = [*band.half_lowpass, *band.half_lowpass[-2::-1]]
    before = [x[0]] * len(taps)
    low = [x[0]] * band.mean_samples
    out = []
    for i in range(len(x) // band.decimation):
        latest = [*before, *x[: band.decimation * (i + 1)]][::-1]
        low.append(_sat16((sum(h * v for h, v in zip(taps, latest, strict=False)) + (1 << 14)) >> 15))
        mean = (sum(low[-band.mean_samples :]) + band.mean_samples // 2) // band.mean_samples
        out.append(_sat16(low[-1 - band.mean_samples // 4] - mean))
    return out


def _gain(frequency_hz: float, band: EegBand = WEARABLE_BAND) -> float:
    """Amplitude of a sine of 10,000 counts behind the filter, over 10,000."""
    phase = 2 * np.pi * frequency_hz * np.arange(256 * 40) / 256
    tones = np.stack([10000 * np.sin(phase), 10000 * np.cos(phase)], axis=1)
    settled = EegFilter(band).push(np.rint(tones).astype(np.int16))[512:].astype(float)
    return float(np.sqrt((settled**2).sum(axis=1).mean()) / 10000)


@given(any_eeg, st.sampled_from(BANDS))
def test_filter_is_its_definition_over_the_whole_range_of_int16(counts: np.ndarray, band: EegBand) -> None:
    filtered = EegFilter(band).push(counts)
    assert filtered.dtype == np.int16
    for channel in range(counts.shape[1]):
        assert filtered[:, channel].tolist() == _by_sample(counts[:, channel].tolist(), band)


@given(any_eeg, st.lists(st.integers(0, 300), max_size=6), st.sampled_from(BANDS))
def test_pieces_give_the_same_as_the_whole(counts: np.ndarray, lengths: list[int], band: EegBand) -> None:
    by_piece = EegFilter(band)
    pieces = [by_piece.push(piece) for piece in np.split(counts, np.cumsum(lengths))]
    assert np.array_equal(np.concatenate(pieces), EegFilter(band).push(counts))


@given(st.integers(-32768, 32767), st.sampled_from(BANDS))
def test_a_constant_leaves_nothing(level: int, band: EegBand) -> None:
    assert not EegFilter(band).push(np.full((600, 1), level, np.int16)).any()


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("mains_hz", [50, 60, 100, 120])
def test_mains_is_damped_by_at_least_55_db(mains_hz: float, band: EegBand) -> None:
    assert 20 * np.log10(_gain(mains_hz, band)) <= -55


@pytest.mark.parametrize(("frequency_hz", "least", "most"), [
    (0.1, 0, 0.16), (0.5, 0.65, 0.75), (1, 0.95, 1.05), (1.5, 0.84, 0.95), (2.5, 1, 1.12),
    (8, 0.94, 1.06), (20, 0.94, 1.06), (28, 0.68, 0.74), (48, 0, 0.0011),
])  # fmt: skip
def test_band_is_half_a_hertz_to_28(frequency_hz: float, least: float, most: float) -> None:
    assert least <= _gain(frequency_hz) <= most


@pytest.mark.parametrize(("frequency_hz", "least", "most"), [
    (0.1, 0, 0.16), (0.5, 0.65, 0.75), (8, 0.94, 1.06), (30, 0.94, 1.06), (39, 0.94, 1.06), (42.4, 0.65, 0.75),
])  # fmt: skip
def test_the_wide_band_is_half_a_hertz_to_42(frequency_hz: float, least: float, most: float) -> None:
    assert least <= _gain(frequency_hz, WIDE_BAND) <= most


def test_a_spike_comes_out_after_the_stated_delay() -> None:
    counts = np.zeros((512, 1), np.int16)
    counts[255] = 20000
    assert np.argmax(EegFilter().push(counts)) == pytest.approx((255 / 256 + EEG_DELAY_S) * 64, abs=1)


@given(arrays(np.int16, 50), st.integers(0, 2**15))
def test_scaling_rounds_and_saturates(filtered: np.ndarray, factor: int) -> None:
    exact = np.floor(filtered.astype(np.float64) * factor / 2**14 + 0.5)
    assert np.array_equal(scale_eeg(filtered, factor), np.clip(exact, -128, 127))


def test_fixed_factor_makes_so_many_microvolts_one_unit() -> None:
    assert scale_eeg(np.array([400], np.int16), fixed_factor(100.0)) == 32


def test_an_hour_of_23_channels_takes_seconds() -> None:
    counts = np.random.default_rng(0).integers(-400, 400, (256 * 600, 23)).astype(np.int16)
    start = time.process_time()
    EegFilter().push(counts)
    assert (time.process_time() - start) * 6 < 10
