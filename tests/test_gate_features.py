"""Gate features: what they mean, and the C that must agree."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY, MissingToolError, build_library
from ictus.signals import N_GATE_FEATURES, SAMPLE_FOLDER, GateFeature, gate_features, load, to_device
from ictus.signals.gate_features import ilog2_q4


def sample_counts(folder: str, name: str) -> np.ndarray:
    return to_device(load(SAMPLE_FOLDER / folder / name)).counts


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    try:
        path = build_library(RUNTIME_DIRECTORY / "ictus_gate.c", tmp_path_factory.mktemp("host") / "ictus_gate.so")
    except MissingToolError as error:
        pytest.skip(str(error))
    return ctypes.CDLL(str(path))


def features_in_c(library: ctypes.CDLL, counts: np.ndarray) -> np.ndarray:
    state = ctypes.create_string_buffer(2048)
    features = (ctypes.c_int8 * N_GATE_FEATURES)()
    library.ictus_gate_init(state)
    rows = [
        np.array(features, np.int8)
        for x in counts.tolist()
        if library.ictus_gate_push(state, ctypes.c_int16(x), features)
    ]
    return np.array(rows, np.int8).reshape(-1, N_GATE_FEATURES)


@given(st.integers(1, 2**31 - 1))
def test_integer_logarithm_is_within_a_sixteenth_of_the_true_one_and_the_slack_of_a_chord(value: int):
    error = ilog2_q4(np.array([value]))[0] - 16 * np.log2(value)
    assert -2.4 < error <= 0


def test_integer_logarithm_never_falls_and_counts_octaves():
    value = np.arange(1, 100_000)
    assert np.all(np.diff(ilog2_q4(value)) >= 0)
    assert ilog2_q4(np.array([0, 1, 2, 4, 1 << 20])).tolist() == [0, 0, 16, 32, 320]


def test_one_row_a_second_and_the_incomplete_last_one_repeats():
    counts = sample_counts("mitdb", "100")[: 10 * 128 + 5]
    features = gate_features(counts)
    assert features.shape == (11, N_GATE_FEATURES)
    assert features.dtype == np.int8
    np.testing.assert_array_equal(features[10], features[9])
    assert len(gate_features(counts[:0])) == 0
    assert len(gate_features(counts[:5])) == 1


def test_later_samples_change_nothing():
    counts = sample_counts("mitdb", "100")
    np.testing.assert_array_equal(gate_features(counts[: 50 * 128]), gate_features(counts)[:50])


def test_a_flat_line_shows():
    features = gate_features(np.full(3 * 128, 517, np.int16))
    assert features[1, GateFeature.HELD] == 127
    assert features[1, GateFeature.RANGE] == -128
    assert features[1, GateFeature.RAILED] == 0


def test_the_rail_shows():
    assert gate_features(np.full(128, 32767, np.int16))[0, GateFeature.RAILED] == 127
    assert gate_features(np.full(128, -32768, np.int16))[0, GateFeature.RAILED] == 127


def test_noise_fills_the_quiet_between_beats():
    clean = sample_counts("mitdb", "100")[: 60 * 128]
    noise = sample_counts("nstdb", "ma")[: len(clean)]
    quiet, noisy = gate_features(clean).astype(int), gate_features(clean + 4 * noise).astype(int)
    contrast = [np.median(f[:, GateFeature.QRS_LOUD] - f[:, GateFeature.QRS_MEDIAN]) for f in (quiet, noisy)]
    assert contrast[0] > contrast[1] + 16


def test_a_beat_is_remembered_for_four_seconds():
    counts = np.zeros(8 * 128, np.int16)
    counts[60:64] = 300
    loudest = gate_features(counts)[:, GateFeature.QRS_LOUD_4S]
    assert np.all(loudest[:4] == loudest[0])
    assert np.all(loudest[4:] == -128)


@pytest.mark.parametrize("folder, name", [("mitdb", "100"), ("mitdb", "208"), ("nstdb", "em")])
def test_c_agrees_on_real_recordings(library: ctypes.CDLL, folder: str, name: str):
    counts = sample_counts(folder, name)[: 120 * 128]
    np.testing.assert_array_equal(features_in_c(library, counts), gate_features(counts))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(0, 15), hold=st.sampled_from([1, 2, 100, 300]))
def test_c_agrees_on_anything(library: ctypes.CDLL, seed: int, bits: int, hold: int):
    rng = np.random.default_rng(seed)
    counts = np.repeat(rng.integers(-(1 << bits), 1 << bits, 9 * 128), hold)[: 9 * 128].astype(np.int16)
    np.testing.assert_array_equal(features_in_c(library, counts), gate_features(counts))
