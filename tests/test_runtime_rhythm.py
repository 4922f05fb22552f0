"""Strips of rhythm on the device: wave, features, screen and specialist in C are those of Python, bit for bit."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.compression import CompactModel, to_bytes
from ictus.firmware_export.arena import arena_bytes
from ictus.firmware_export.emulator.device_run import run_recording, start_device
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import STATUS_NAMES, Machine, check, place
from ictus.firmware_export.emulator.rhythm_run import (
    MIN_ANALYSABLE_BLOCKS,
    STRIP_BLOCKS,
    expected_strips,
    run_strips,
    strip_inputs,
)
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import FirmwareImage
from ictus.signals import SAMPLE_FOLDER, detect_qrs, load, to_device
from ictus.signals.rhythm_features import N_RHYTHM_FEATURES, rhythm_features
from ictus.signals.rhythm_wave import rhythm_wave

STRIP = STRIP_BLOCKS * 128
N_DECIDED_LATE = 193  # samples from a strip's end to its decision


@pytest.fixture(scope="module")
def fibrillation() -> np.ndarray:
    """Real signal with atrial fibrillation, its second strip mostly a flat line: int16 (n,)."""
    whole = to_device(load(SAMPLE_FOLDER / "mitdb" / "201")).counts
    counts = whole[3 * STRIP : 7 * STRIP + N_DECIDED_LATE].copy()
    counts[STRIP + 200 : 2 * STRIP - 200] = 17
    return counts


def assert_as_expected(machine: Machine, model: CompactModel, counts: np.ndarray) -> None:
    start_device(machine)
    run, expected = run_strips(machine, model, counts), expected_strips(model, counts)
    assert run.events.equals(expected.events)
    assert run.counts == expected.counts


def test_host_core_and_python_give_the_same_strips(
    rhythm_host: HostMachine,
    rhythm_core: EmulatedCore,
    random_rhythm_model: CompactModel,
    fibrillation: np.ndarray,
) -> None:
    assert_as_expected(rhythm_host, random_rhythm_model, fibrillation)
    assert_as_expected(rhythm_core, random_rhythm_model, fibrillation)


@pytest.mark.parametrize("record", ["201", "202", "203", "219", "222"])
def test_five_minutes_with_fibrillation_give_the_same_strips(
    rhythm_host: HostMachine, random_rhythm_model: CompactModel, record: str
) -> None:
    folder = os.environ.get("ICTUS_DATA")
    if folder is None or not (Path(folder) / "mitdb").is_dir():
        pytest.skip("ICTUS_DATA is not set, or holds no mitdb")
    counts = to_device(load(Path(folder) / "mitdb" / record)).counts[: 300 * 128]
    assert_as_expected(rhythm_host, random_rhythm_model, counts)
    assert len(strip_inputs(counts)) == 9


def test_strips_reach_every_exit(random_rhythm_model: CompactModel, fibrillation: np.ndarray) -> None:
    events = expected_strips(random_rhythm_model, fibrillation).events
    assert set(events.reached) == {0, 1, 2}
    assert events.label[1] == -1
    assert events.n_analysable[1] < MIN_ANALYSABLE_BLOCKS


@pytest.mark.parametrize("n_missing", [0, 1])
def test_a_strip_is_decided_one_and_a_half_seconds_after_its_end(
    rhythm_host: HostMachine, random_rhythm_model: CompactModel, fibrillation: np.ndarray, n_missing: int
) -> None:
    start_device(rhythm_host)
    run = run_strips(rhythm_host, random_rhythm_model, fibrillation[: STRIP + N_DECIDED_LATE - n_missing])
    assert len(run.events) == 1 - n_missing


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1, 300, 20000]))
def test_any_samples_give_the_same_strips(
    rhythm_host: HostMachine, random_rhythm_model: CompactModel, seed: int, scale: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 2 * STRIP + N_DECIDED_LATE
    steps = rng.standard_t(1.5, n) * scale * (rng.random(n) < 0.3)
    walk = np.where(rng.random(n) < 0.9, steps, np.cumsum(steps))
    stages = tuple(dataclasses.replace(stage, threshold=-128) for stage in random_rhythm_model.stages)
    assert random_rhythm_model.stages != stages
    assert_as_expected(rhythm_host, random_rhythm_model, np.clip(walk, -32768, 32767).astype(np.int16))


def features_in_c(machine: Machine, wave: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    machine.free_all()
    out = machine.allocate(N_RHYTHM_FEATURES)
    arguments = place(machine, wave), place(machine, peaks.astype(np.uint16)), len(peaks), out
    machine.call("ictus_harness_strip_features", *arguments)
    return np.frombuffer(machine.read(out, N_RHYTHM_FEATURES), np.int8)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), n_peaks=st.integers(0, 200), regularity=st.floats(0, 1))
def test_any_peaks_give_the_same_features(
    rhythm_host: HostMachine, seed: int, n_peaks: int, regularity: float
) -> None:
    rng = np.random.default_rng(seed)
    wave = np.clip(rng.standard_t(2, 2048) * 30, -128, 127).astype(np.int8)
    if regularity > 0.5:
        mean_rr = 4000 / max(n_peaks, 1)
        rr = np.maximum(mean_rr * (1 + (1 - regularity) * rng.standard_normal(n_peaks)), 1)
        peaks = np.unique(np.cumsum(rr).astype(np.int64) % 4096)
    else:
        peaks = np.sort(rng.choice(4096, n_peaks, replace=False))
    assert np.array_equal(features_in_c(rhythm_host, wave, peaks), rhythm_features(wave, peaks))


def test_real_strips_give_the_same_features_on_the_core(rhythm_core: EmulatedCore) -> None:
    for record in ("201", "232", "100"):
        counts = to_device(load(SAMPLE_FOLDER / "mitdb" / record)).counts[:STRIP]
        wave, peaks = rhythm_wave(counts), detect_qrs(counts).peak
        assert np.array_equal(features_in_c(rhythm_core, wave, peaks), rhythm_features(wave, peaks))


def with_other_code(model: CompactModel, name: str) -> CompactModel:
    """Turn the sign of the last surviving weight of the last layer of a stage."""
    stages = list(model.stages)
    index = [stage.name for stage in stages].index(name)
    *others, last = stages[index].layers
    codes = last.codes.copy()
    row, column = np.argwhere(codes)[-1]
    codes[row, column] = (codes[row, column] + 3) % 8 + 1
    layers = *others, dataclasses.replace(last, codes=codes)
    stages[index] = dataclasses.replace(stages[index], layers=layers)
    return dataclasses.replace(model, stages=tuple(stages))


@pytest.mark.parametrize("stage", ["gate", "screen", "specialist"])
def test_one_changed_weight_code_is_noticed(
    rhythm_host: HostMachine, random_rhythm_model: CompactModel, stage: str
) -> None:
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "201")).counts
    start_device(rhythm_host)
    run = run_strips(rhythm_host, random_rhythm_model, counts)
    changed = expected_strips(with_other_code(random_rhythm_model, stage), counts)
    assert not run.events.equals(changed.events)


def add_rhythm(machine: Machine, model: CompactModel) -> int:
    """Status of adding the rhythm of strips to a machine's device."""
    data, n_arena = to_bytes(model), arena_bytes(model)
    rhythm = machine.allocate(machine.call("ictus_harness_rhythm_size"))
    arena = machine.allocate(n_arena)
    return machine.call("ictus_harness_add_rhythm", rhythm, place(machine, data), len(data), arena, n_arena)


def test_beside_beats_it_changes_none_and_takes_their_gate(
    host: HostMachine, random_model: CompactModel, random_rhythm_model: CompactModel, fibrillation: np.ndarray
) -> None:
    alone = run_recording(host, random_model, fibrillation)
    start_device(host)
    check(add_rhythm(host, random_rhythm_model))
    strips = run_strips(host, random_rhythm_model, fibrillation)
    assert strips.events.equals(expected_strips(random_rhythm_model, fibrillation, gate=random_model).events)
    counts = host.allocate(24)
    host.call("ictus_harness_counts", counts)
    assert np.frombuffer(host.read(counts, 24), "<u4")[2] == len(alone.events) > 80


def test_a_model_for_other_strips_is_refused(
    host: HostMachine, random_model: CompactModel, random_rhythm_model: CompactModel
) -> None:
    start_device(host)
    assert STATUS_NAMES[add_rhythm(host, random_model)] == "OTHER_INPUTS"
    other = dataclasses.replace(random_rhythm_model, n_context=N_RHYTHM_FEATURES + 1)
    assert STATUS_NAMES[add_rhythm(host, other)] == "OTHER_INPUTS"


def test_a_strip_needs_little_memory(
    rhythm_image: FirmwareImage, rhythm_core: EmulatedCore, random_rhythm_model: CompactModel
) -> None:
    size = rhythm_core.call("ictus_harness_rhythm_size")
    assert size < 2048 + 600
    rhythm_core.reset_stack()
    start_device(rhythm_core)
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "201")).counts[: 2 * STRIP]
    assert (run_strips(rhythm_core, random_rhythm_model, counts).events.reached == 2).any()
    assert rhythm_core.profile().stack_bytes < 1536


def test_strip_inputs_leave_out_what_is_not_decided_yet(fibrillation: np.ndarray) -> None:
    assert len(strip_inputs(fibrillation)) == 4
    assert len(strip_inputs(fibrillation[:-1])) == 3
    assert len(strip_inputs(fibrillation[:100])) == 0
