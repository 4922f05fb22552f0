"""The QRS detector: accuracy on real records, causality, robustness, and the C twin."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.signals.beat_classes import beats_of
from ictus.signals.datasets import find_dataset
from ictus.signals.device_signal import to_device
from ictus.signals.filters import BASELINE_DELAY, remove_baseline
from ictus.signals.load import load
from ictus.signals.matching import match_peaks
from ictus.signals.noise import mix
from ictus.signals.qrs import QRS_MAX_LATENCY_SAMPLES, detect_qrs

RUNTIME = Path(__file__).parents[1] / "firmware_export" / "runtime"
SOURCES = [Path(__file__).with_name("qrs_stream.c"), RUNTIME / "ictus_qrs.c", RUNTIME / "ictus_filter.c"]
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
M4 = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp", "-ffreestanding", "-O2", "-c"]
M0 = ["-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus", "-ffreestanding", "-O2", "-c"]


def _device(record: str, name: str = "mitdb") -> tuple[np.ndarray, np.ndarray]:
    """Device counts and reference beats in device samples of a built-in record."""
    recording = load(find_dataset(None, name).path(record))
    peak, _ = beats_of(recording.events)
    return to_device(recording).counts, np.rint(peak * 128 / recording.fs_hz).astype(np.int64)


def _random_signal(seed: int) -> np.ndarray:
    """Noise of any size with steps, rails, spikes and flat stretches."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 3000))
    x = rng.normal(0, 10 ** rng.uniform(-1, 4.5), n)
    x += np.cumsum(rng.normal(0, 10 ** rng.uniform(-2, 2), n))
    x += np.repeat(rng.choice([0, 0, -40000, 40000, 300], n // 100 + 1), 100)[:n]
    x[rng.random(n) < 0.01] += 10 ** rng.uniform(1, 4.5)
    if n > 600:
        x[200 : 200 + int(rng.integers(400))] = x[200]
    return np.clip(np.rint(x), -32768, 32767).astype(np.int16)


def _se_ppv(reference: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    peak = detect_qrs(counts).peak
    matched = len(match_peaks(reference, peak)[0])
    return matched / len(reference), matched / len(peak)


@pytest.fixture(scope="module")
def beating() -> tuple[np.ndarray, np.ndarray]:
    return _device("100")


SAMPLE_RECORDS = find_dataset(None).records


def test_beats_of_the_built_in_records_are_found() -> None:
    n_reference = n_detected = n_matched = 0
    for record in SAMPLE_RECORDS:
        counts, reference = _device(record)
        peak = detect_qrs(counts).peak
        n_reference, n_detected = n_reference + len(reference), n_detected + len(peak)
        n_matched += len(match_peaks(reference, peak)[0])
    assert n_matched / n_reference >= 0.995
    assert n_matched / n_detected >= 0.995


def test_the_peak_is_the_r_peak_within_two_samples(beating: tuple[np.ndarray, np.ndarray]) -> None:
    counts, reference = beating
    peak = detect_qrs(counts).peak
    first, second = match_peaks(reference, peak)
    assert np.mean(np.abs(reference[first] - peak[second]) <= 2) > 0.98


@pytest.mark.parametrize("record", ["100", "106"])
def test_uninterrupted_electrode_motion_at_12_db_leaves_nine_of_ten(record: str) -> None:
    recording = load(find_dataset(None).path(record))
    noise = load(find_dataset(None, "nstdb").path("em"))
    peak, _ = beats_of(recording.events)
    clean = to_device(recording)
    reference = np.rint(peak * 128 / recording.fs_hz).astype(np.int64)
    noisy = mix(clean.counts, to_device(noise).counts, 12.0, reference, 128.0)
    assert min(_se_ppv(reference, noisy)) > 0.9


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=150)
def test_no_signal_stalls_it_and_every_announcement_keeps_its_contract(seed: int) -> None:
    counts = _random_signal(seed)
    found = detect_qrs(counts)
    latency = found.reported - found.peak
    assert found.peak.dtype == found.reported.dtype == np.int64
    assert (np.diff(found.peak) > 0).all()
    assert (np.diff(found.reported) > 0).all()
    assert ((latency > 0) & (latency <= QRS_MAX_LATENCY_SAMPLES)).all()
    assert ((found.peak >= 0) & (found.reported < len(counts))).all()


@pytest.mark.parametrize("n", [*range(60), 160, 161, 191, 192, 193])
def test_the_shortest_signals_are_fine(n: int) -> None:
    detect_qrs(np.full(n, -32768, np.int16))
    detect_qrs(np.arange(n, dtype=np.int16) * 500)


@pytest.mark.parametrize("level", [-32768, 0, 7, 32767])
def test_a_flat_line_holds_no_beat(level: int) -> None:
    assert len(detect_qrs(np.full(5000, level, np.int16))) == 0


def test_a_converter_that_flickers_by_two_counts_holds_no_beat() -> None:
    assert len(detect_qrs(np.random.default_rng(0).integers(-2, 3, 20000).astype(np.int16))) == 0


@given(st.integers(1, 20000))
@settings(max_examples=20)
def test_it_is_causal(end: int) -> None:
    counts, _ = _device("100")
    whole, part = detect_qrs(counts), detect_qrs(counts[:end])
    known = whole.reported < end
    assert np.array_equal(part.peak, whole.peak[known])
    assert np.array_equal(part.reported, whole.reported[known])


def _rail(x: np.ndarray) -> None:
    x[6400:6720] = 32767


def _storm(x: np.ndarray) -> None:
    x[6400:7040] = np.random.default_rng(3).integers(-32768, 32768, 640)


def _lead_off(x: np.ndarray) -> None:
    x[6400:9600] = 0


def _loose_at_the_start(x: np.ndarray) -> None:
    x[:640] = np.random.default_rng(4).integers(-32768, 32768, 640)


@pytest.mark.parametrize(
    ("artefact", "end"), [(_rail, 6720), (_storm, 7040), (_lead_off, 9600), (_loose_at_the_start, 640)]
)
def test_after_an_artefact_it_sees_again_within_twenty_seconds(
    beating: tuple[np.ndarray, np.ndarray], artefact: Callable[[np.ndarray], None], end: int
) -> None:
    counts, reference = beating
    spoilt = counts.copy()
    artefact(spoilt)
    after = end + 20 * 128
    peak = detect_qrs(spoilt).peak
    matched = match_peaks(reference[reference > after], peak[peak > after])[0]
    assert len(matched) >= np.count_nonzero(reference > after) - 1


def test_pacing_spikes_of_one_sample_do_not_count_as_beats(beating: tuple[np.ndarray, np.ndarray]) -> None:
    counts, reference = beating
    paced = counts.copy()
    paced[np.maximum(reference - 12, 0)] += 200
    assert min(_se_ppv(reference, paced)) > 0.99


def _compile(compiler: list[str], flags: list[str], output: Path, sources: list[Path]) -> Path:
    command = [*compiler, *WARNINGS, *flags, "-I", str(RUNTIME), *map(str, sources), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


def _zig() -> list[str]:
    if find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed")
    return [sys.executable, "-m", "ziglang", "cc"]


@pytest.fixture(scope="module", params=["zig", "gcc"])
def stream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C detector as a program, that stops at undefined behaviour."""
    output = tmp_path_factory.mktemp("qrs") / "stream"
    if request.param == "zig":
        return _compile(_zig(), ["-O1", "-fsanitize=undefined", "-fsanitize-trap=undefined"], output, SOURCES)
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    return _compile(["gcc"], ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"], output, SOURCES)


def _assert_same(stream: Path, counts: np.ndarray) -> None:
    done = subprocess.run([str(stream)], input=counts.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    filtered, announced, age = np.frombuffer(done.stdout, np.int32).reshape(-1, 3).T
    reported = np.flatnonzero(announced)
    expected = detect_qrs(counts)
    n_aligned = max(0, len(counts) - BASELINE_DELAY)
    assert np.array_equal(filtered[BASELINE_DELAY:], remove_baseline(counts)[:n_aligned])
    assert np.array_equal(reported, expected.reported)
    assert np.array_equal(reported - age[reported], expected.peak)


@pytest.mark.parametrize("record", SAMPLE_RECORDS)
def test_c_equals_python_on_real_records(stream: Path, record: str) -> None:
    _assert_same(stream, _device(record)[0])


def test_c_equals_python_on_anything(stream: Path) -> None:
    for seed in range(60):
        _assert_same(stream, _random_signal(seed))
    _assert_same(stream, np.random.default_rng(0).integers(-32768, 32768, 20000).astype(np.int16))


@pytest.mark.parametrize("target", [M4, M0], ids=["cortex-m4", "cortex-m0plus"])
@pytest.mark.parametrize("source", SOURCES[1:], ids=lambda p: p.stem)
def test_the_c_compiles_for_the_device_without_a_warning(target: list[str], source: Path, tmp_path: Path) -> None:
    _compile(_zig(), target, tmp_path / "out.o", [source])
