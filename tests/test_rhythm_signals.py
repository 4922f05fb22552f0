"""The rhythm network's wave and features, on real strips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.signals import find_dataset, load, to_device
from ictus.signals.qrs import detect_qrs
from ictus.signals.rhythm_features import MAX_RHYTHM_PEAKS, N_RHYTHM_FEATURES, RhythmFeature, rhythm_features
from ictus.signals.rhythm_wave import RHYTHM_BLOCK, rhythm_wave
from ictus.signals.strips import strip_labels


@pytest.fixture(scope="module")
def counts() -> dict[str, np.ndarray]:
    found = find_dataset(None, "cinc2017")
    return {record: to_device(load(found.path(record))).counts for record in found.records}


def test_the_wave_has_whole_seconds_and_r_waves_near_two(counts):
    labels = strip_labels(find_dataset(None, "cinc2017"))
    for record, strip in counts.items():
        wave = rhythm_wave(strip)
        assert wave.dtype == np.int8
        assert len(wave) == len(strip) // 128 * RHYTHM_BLOCK
        highest = np.abs(wave.astype(int)).reshape(-1, RHYTHM_BLOCK).max(axis=1)
        assert labels[record] == "~" or 30 <= np.median(highest) <= 80


def test_a_block_of_the_wave_does_not_know_later_samples(counts):
    strip = next(iter(counts.values()))
    whole = rhythm_wave(strip)
    for n_blocks in (3, 10):
        known = rhythm_wave(strip[: (n_blocks + 1) * 128])  # the baseline needs half a second more
        assert (known[: n_blocks * RHYTHM_BLOCK] == whole[: n_blocks * RHYTHM_BLOCK]).all()


def test_gain_does_not_change_the_wave_by_more_than_rounding(counts):
    strip = next(iter(counts.values()))
    louder = rhythm_wave((strip.astype(np.int32) * 4).clip(-32768, 32767).astype(np.int16))
    assert np.abs(louder.astype(int) - rhythm_wave(strip).astype(int)).max() <= 4


@given(st.lists(st.integers(-32768, 32767), max_size=400), st.integers(0, 2))
@settings(deadline=None, max_examples=40)
def test_any_content_gives_a_wave_and_features(values, repeat):
    counts = np.array(values * (2 * repeat + 1), np.int16)
    wave = rhythm_wave(counts)
    features = rhythm_features(wave, detect_qrs(counts).peak)
    assert features.shape == (N_RHYTHM_FEATURES,)
    assert features.dtype == np.int8


def test_a_steady_rhythm_has_no_irregularity():
    wave, peaks = np.zeros(1920, np.int8), np.arange(50, 3800, 100)
    features = rhythm_features(wave, peaks)
    assert features[RhythmFeature.COUNT] == len(peaks) - 1
    for column in (RhythmFeature.STEP_MEAN, RhythmFeature.LAG2_Q6, RhythmFeature.SHORTEST, RhythmFeature.EARLY):
        assert features[column] == 0
    for column in (RhythmFeature.PAIRS_3, RhythmFeature.STEADY, RhythmFeature.WITHIN_32):
        assert features[column] == 127


def test_bigeminy_steps_from_beat_to_beat_but_not_over_two():
    peaks = np.cumsum([50] + [70, 130] * 18)
    features = rhythm_features(np.zeros(1920, np.int8), peaks)
    assert features[RhythmFeature.LAG2_Q6] == 0
    assert features[RhythmFeature.STEP_MEAN] == 118  # 256 * 60 / 130
    assert features[RhythmFeature.TURNS] == 127


def test_fibrillation_is_more_irregular_than_normal_rhythm_on_real_strips(counts):
    labels = strip_labels(find_dataset(None, "cinc2017"))
    irregular: dict[str, list[int]] = {}
    for record, strip in counts.items():
        features = rhythm_features(rhythm_wave(strip), detect_qrs(strip).peak)
        irregular.setdefault(labels[record], []).append(int(features[RhythmFeature.STEP_Q4]))
    assert np.median(irregular["A"]) > 2 * max(np.median(irregular["N"]), 5)


def test_too_few_beats_leave_only_their_count():
    features = rhythm_features(np.zeros(320, np.int8), np.array([10, 110, 210]))
    assert features[RhythmFeature.COUNT] == 2
    assert np.delete(features, RhythmFeature.COUNT).any() == 0


def test_only_the_first_peaks_are_looked_at(counts):
    wave = rhythm_wave(next(iter(counts.values())))
    peaks = np.arange(30, 30 + 20 * (MAX_RHYTHM_PEAKS + 25), 20)
    assert (rhythm_features(wave, peaks) == rhythm_features(wave, peaks[:MAX_RHYTHM_PEAKS])).all()
