"""Beat windows: what the networks see, and the C that must see the same."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY, MissingToolError, build_library
from ictus.signals import (
    N_CONTEXT,
    PRE_R_SAMPLES,
    SAMPLE_FOLDER,
    WINDOW_SAMPLES,
    BeatWindows,
    Context,
    beat_windows,
    detect_qrs,
    load,
    to_device,
)
from ictus.signals.filters import remove_baseline


def sample_counts(name: str) -> np.ndarray:
    return to_device(load(SAMPLE_FOLDER / "mitdb" / name)).counts


def pulses(peaks: np.ndarray, n: int, height: int = 200) -> np.ndarray:
    counts = np.zeros(n)
    for peak in peaks:
        counts[peak - 5 : peak + 6] += height * np.hanning(11)
    return counts.astype(np.int16)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    try:
        path = build_library(RUNTIME_DIRECTORY / "ictus_beat.c", tmp_path_factory.mktemp("host") / "ictus_beat.so")
    except MissingToolError as error:
        pytest.skip(str(error))
    return ctypes.CDLL(str(path))


def windows_in_c(library: ctypes.CDLL, filtered: np.ndarray, peaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Feed each beat to the C code as the device does: a ring that ends 46 samples after its R peak."""
    state = ctypes.create_string_buffer(1024)
    window = np.zeros((len(peaks), WINDOW_SAMPLES, 2), np.int8)
    context = np.zeros((len(peaks), N_CONTEXT), np.int8)
    padded = np.pad(filtered, (512, 64))
    interval = np.diff(peaks)
    library.ictus_beat_init(state)
    for i, peak in enumerate(peaks.tolist()):
        position = np.arange(peak - 466, peak + 46)
        ring = np.zeros(512, np.int16)
        ring[position & 511] = padded[position + 512]
        rr = int(interval[i - 1]) if i else 0, int(interval[i]) if i < len(interval) else 192
        pointers = window[i].ctypes.data_as(ctypes.c_void_p), context[i].ctypes.data_as(ctypes.c_void_p)
        library.ictus_beat_cut(state, ring.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint32(peak), *rr, *pointers)
    return window, context


def test_every_peak_gets_a_row_and_the_block_that_holds_it():
    counts = sample_counts("100")
    peaks = np.array([0, 1, 127, 128, 5000, len(counts) - 1])
    beats = beat_windows(counts, peaks)
    assert beats.window.shape == (6, WINDOW_SAMPLES, 2)
    assert beats.context.shape == (6, N_CONTEXT)
    assert beats.window.dtype == beats.context.dtype == np.int8
    assert beats.block.tolist() == [0, 0, 0, 1, 39, (len(counts) - 1) // 128]
    assert not beats.window[0, :PRE_R_SAMPLES, 0].any(), "before the recording there is nothing"
    assert len(beat_windows(counts, peaks[:0])) == 0


@pytest.mark.parametrize("peaks", [[-1, 5], [5, 10**6], [5, 5], [7, 5]])
def test_peaks_outside_or_out_of_order_are_refused(peaks: list[int]):
    with pytest.raises(ValueError, match="R peaks"):
        beat_windows(np.zeros(1000, np.int16), np.array(peaks))


def test_the_typical_r_amplitude_is_two_whatever_the_gain():
    counts = sample_counts("100")
    peaks = detect_qrs(counts).peak
    loud = beat_windows(counts * np.int16(3), peaks)
    quiet = beat_windows(counts, peaks)
    assert abs(np.median(quiet.window[20:, PRE_R_SAMPLES, 0]) - 64) <= 3
    assert np.median(np.abs(loud.window[20:].astype(int) - quiet.window[20:])) <= 1


def test_the_second_channel_is_quiet_for_a_usual_beat_and_loud_for_a_strange_one():
    peaks = np.arange(100, 12000, 100)
    counts = pulses(peaks, 12100)
    counts[7995:8006] *= -1
    beats = beat_windows(counts, peaks)
    strange = np.flatnonzero(peaks == 8000)[0]
    assert np.abs(beats.window[strange, PRE_R_SAMPLES, 1].astype(int)) >= 120
    assert beats.context[strange, Context.RESIDUAL] > 60
    assert np.abs(beats.context[strange - 1, Context.RESIDUAL]) <= 8
    assert np.abs(beats.context[strange + 1, Context.RESIDUAL]) <= 8


def test_a_steady_rhythm_has_neutral_context():
    peaks = np.arange(100, 12000, 96)
    beats = beat_windows(pulses(peaks, 12100), peaks)
    ratios = beats.context[:-1, : Context.PRE_DEVIATION + 1]
    assert np.abs(ratios[1:]).max() <= 1
    assert ratios[0].tolist() == [0] * len(ratios[0]), "the first beat knows nothing but is not odd"


def test_a_premature_run_stays_premature_against_the_long_term_mean():
    rr = np.concatenate([np.full(300, 100), np.full(40, 70)])
    peaks = 100 + np.cumsum(rr)
    last = beat_windows(pulses(peaks, peaks[-1] + 200), peaks).context[-1].astype(int)
    assert abs(last[Context.PRE_LOCAL]) <= 1
    assert last[Context.PRE_LONG] < -10
    assert last[Context.PRE_RECORDING] < last[Context.PRE_LONG]


def test_the_same_prematurity_weighs_less_in_an_irregular_rhythm():
    rng = np.random.default_rng(0)
    premature = []
    for spread in (1, 20):
        rr = np.append(np.round(100 + rng.uniform(-spread, spread, 200)), 75).astype(int)
        peaks = 100 + np.cumsum(rr)
        context = beat_windows(pulses(peaks, peaks[-1] + 200), peaks).context
        premature.append(int(context[-1, Context.PRE_DEVIATION]))
    assert premature[0] < 2 * premature[1] < 0


def test_pauses_tell_the_sinus_rate_behind_long_runs_of_early_beats():
    rr = np.tile(np.concatenate([np.full(12, 95), [300]]), 40)
    peaks = 100 + np.cumsum(rr)
    early = beat_windows(pulses(peaks, peaks[-1] + 200), peaks).context[-3].astype(int)
    assert early[Context.PRE_LASTING] < 2 * early[Context.PRE_RECORDING] < -10
    assert abs(early[Context.PRE_LOCAL]) <= 64


def test_jumps_between_intervals_are_counted_by_their_size():
    shares = {}
    for step in (0, 4, 9, 20, 40):
        peaks = 100 + np.cumsum(np.tile([100 - step // 2, 100 + step - step // 2], 150))
        last = beat_windows(pulses(peaks, peaks[-1] + 200), peaks).context[-1]
        shares[step] = [int(x) for x in last[[Context.JUMPS_16TH, Context.JUMPS_8TH, Context.JUMPS_QUARTER]]]
    assert shares[0] == shares[4] == [0, 0, 0]
    assert min(shares[9][0], shares[20][1], shares[40][2]) > 115
    assert shares[9][1:] == [0, 0]
    assert shares[20][2] == 0


def test_fibrillation_jumps_and_sinus_rhythm_does_not():
    jumps = {}
    for name in ("203", "100"):  # atrial fibrillation, and sinus rhythm
        counts = sample_counts(name)
        jumps[name] = beat_windows(counts, detect_qrs(counts).peak).context[32:, Context.JUMPS_16TH]
    assert np.percentile(jumps["203"], 10) > np.percentile(jumps["100"], 90)


def test_the_template_has_a_p_wave_in_sinus_rhythm_and_hardly_one_in_fibrillation():
    height = {}
    for name in ("203", "100"):  # atrial fibrillation, and sinus rhythm
        counts = sample_counts(name)
        context = beat_windows(counts, detect_qrs(counts).peak).context[32:]
        height[name] = context[:, [Context.P_RISE, Context.P_FALL]].max(axis=1)
    assert np.percentile(height["203"], 90) < np.percentile(height["100"], 10)


@pytest.mark.parametrize(("p_wave", "expected"), [(20, (46, 0)), (0, (0, 0)), (-20, (0, 45))])
def test_a_p_wave_counts_by_its_height_over_the_r_amplitude_and_its_sign(p_wave: int, expected: tuple[int, int]):
    peaks = np.arange(100, 12000, 100)
    context = beat_windows(pulses(peaks, 12100) + pulses(peaks - 22, 12100, p_wave), peaks).context[-2]
    assert (context[Context.P_RISE], context[Context.P_FALL]) == expected


def test_only_the_interval_after_a_beat_looks_ahead():
    counts = sample_counts("106")
    peaks = detect_qrs(counts).peak
    whole = beat_windows(counts, peaks)
    for k in (1, 2, 50, 200):
        n = peaks[k - 1] + 200
        part = beat_windows(counts[:n], peaks[:k])
        np.testing.assert_array_equal(part.window, whole.window[:k])
        np.testing.assert_array_equal(part.context[:-1], whole.context[: k - 1])


def test_parts_join_and_select():
    counts = sample_counts("100")
    beats = beat_windows(counts, np.array([500, 600, 700]))
    joined = BeatWindows.concatenate([beats.take(np.array([0])), beats.take(np.array([False, True, True]))])
    for field in ("window", "context", "peak", "block"):
        np.testing.assert_array_equal(getattr(joined, field), getattr(beats, field))
    assert len(BeatWindows.concatenate([])) == 0


@pytest.mark.parametrize("name", ["100", "106", "208"])
def test_c_cuts_real_beats_bit_for_bit(library: ctypes.CDLL, name: str):
    counts = sample_counts(name)
    peaks = detect_qrs(counts).peak
    beats = beat_windows(counts, peaks)
    window, context = windows_in_c(library, remove_baseline(counts), peaks)
    np.testing.assert_array_equal(window, beats.window)
    np.testing.assert_array_equal(context, beats.context)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), longest_rr=st.sampled_from([2, 60, 200, 900]), bits=st.integers(0, 15))
def test_c_cuts_anything_bit_for_bit(library: ctypes.CDLL, seed: int, longest_rr: int, bits: int):
    rng = np.random.default_rng(seed)
    peaks = np.cumsum(rng.integers(1, longest_rr + 1, 200))
    counts = rng.integers(-(1 << bits), 1 << bits, peaks[-1] + 1).astype(np.int16)
    beats = beat_windows(counts, peaks)
    window, context = windows_in_c(library, remove_baseline(counts), peaks)
    np.testing.assert_array_equal(window, beats.window)
    np.testing.assert_array_equal(context, beats.context)


def test_c_agrees_after_its_beat_counter_wrapped(library: ctypes.CDLL):
    rng = np.random.default_rng(3)
    peaks = np.cumsum(rng.integers(60, 120, 3000))
    counts = rng.integers(-300, 300, peaks[-1] + 1).astype(np.int16)
    window, context = windows_in_c(library, remove_baseline(counts), peaks)
    beats = beat_windows(counts, peaks)
    np.testing.assert_array_equal(context, beats.context)
    np.testing.assert_array_equal(window, beats.window)
