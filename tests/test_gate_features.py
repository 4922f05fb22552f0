"""Gate features: what they mean, and the C that must agree."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY, MissingToolError, compiler
from ictus.signals import N_GATE_FEATURES, SAMPLE_FOLDER, GateFeature, gate_features, load, to_device
from ictus.signals.gate_features import ilog2_q4

SOURCES = [
    Path(__file__).with_name("gate_stream.c"),
    *(RUNTIME_DIRECTORY / f"ictus_{n}.c" for n in ("gate", "filter")),
]
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror", "-O2"]
CHECKS = ["-fsanitize=undefined", "-fsanitize-trap=undefined"]


def sample_counts(folder: str, name: str) -> np.ndarray:
    return to_device(load(SAMPLE_FOLDER / folder / name)).counts


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        compiler()
    except MissingToolError as error:
        pytest.skip(str(error))
    path = tmp_path_factory.mktemp("host") / "gate_stream"
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        *FLAGS,
        *CHECKS,
        f"-I{RUNTIME_DIRECTORY}",
        *map(str, SOURCES),
    ]
    subprocess.run([*command, "-o", str(path)], check=True)
    return path


def features_in_c(program: Path, counts: np.ndarray) -> np.ndarray:
    done = subprocess.run([program], input=counts.astype("<i2").tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.int8).reshape(-1, N_GATE_FEATURES)


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


@pytest.mark.parametrize("value", [517, 32767, -32768])
def test_a_flat_line_has_no_level_at_all(value: int):
    features = gate_features(np.full(3 * 128, value, np.int16))
    levels = [f for f in GateFeature if f not in (GateFeature.HALF_PERIOD, GateFeature.LEAKAGE)]
    assert np.all(features[:, levels] == -128)


def test_noise_fills_the_quiet_between_beats():
    clean = sample_counts("mitdb", "100")[: 60 * 128]
    noise = sample_counts("nstdb", "ma")[: len(clean)]
    quiet, noisy = gate_features(clean).astype(int), gate_features(clean + 4 * noise).astype(int)
    for lower in (GateFeature.QRS_MEDIAN, GateFeature.QRS_THIRD):
        contrast = [np.median(f[:, GateFeature.QRS_LOUD] - f[:, lower]) for f in (quiet, noisy)]
        assert contrast[0] > contrast[1] + 16


def test_ranks_rise_and_a_beat_leaves_the_third_loudest_eighth_quiet():
    features = gate_features(sample_counts("mitdb", "100")).astype(int)
    ranks = features[:, GateFeature.QRS_QUIET : GateFeature.QRS_LOUD + 1]
    assert np.all(np.diff(ranks, axis=1) >= 0)
    median, third, loud = np.median(ranks[:, 1:], axis=0)
    assert loud - third > third - median


@pytest.mark.parametrize("frequency_hz", [2.5, 4.0, 6.0])
def test_a_regular_wave_cancels_itself_half_a_period_ago(frequency_hz: float):
    time_s = np.arange(8 * 128) / 128
    wave = np.rint(200 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.int16)
    features = gate_features(wave)[2:]
    half_samples = 2 ** ((features[:, GateFeature.HALF_PERIOD] + 64) / 32)
    np.testing.assert_allclose(half_samples, 16 / frequency_hz, atol=0.6, rtol=0.06)  # whole samples, linear log
    assert np.all(features[:, GateFeature.LEAKAGE] < -64 + 40)
    ecg = gate_features(sample_counts("mitdb", "100"))
    assert np.median(ecg[:, GateFeature.LEAKAGE]) > 20


def test_the_second_half_of_the_columns_is_the_running_mean_of_the_first():
    features = gate_features(sample_counts("mitdb", "208")).astype(int)
    now, mean = features[:, : len(GateFeature)], features[:, len(GateFeature) :]
    np.testing.assert_array_equal(mean[0], now[0])
    expected = np.empty(now.shape)
    expected[0] = now[0]
    for i in range(1, len(now)):
        expected[i] = 0.75 * expected[i - 1] + 0.25 * now[i]
    assert np.abs(mean - expected).max() <= 1.5


@pytest.mark.parametrize("folder, name", [("mitdb", "100"), ("mitdb", "208"), ("nstdb", "em")])
def test_c_agrees_on_real_recordings(program: Path, folder: str, name: str):
    counts = sample_counts(folder, name)[: 120 * 128]
    np.testing.assert_array_equal(features_in_c(program, counts), gate_features(counts))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(0, 15), hold=st.sampled_from([1, 2, 100, 300]))
def test_c_agrees_on_anything(program: Path, seed: int, bits: int, hold: int):
    rng = np.random.default_rng(seed)
    counts = np.repeat(rng.integers(-(1 << bits), 1 << bits, 9 * 128), hold)[: 9 * 128].astype(np.int16)
    np.testing.assert_array_equal(features_in_c(program, counts), gate_features(counts))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), hold=st.sampled_from([1, 16, 64, 128]))
def test_c_agrees_from_rail_to_rail(program: Path, seed: int, hold: int):
    rng = np.random.default_rng(seed)
    counts = np.repeat(rng.choice([-32768, 32767], 4 * 128), hold)[: 4 * 128].astype(np.int16)
    np.testing.assert_array_equal(features_in_c(program, counts), gate_features(counts))
