"""The whole device: from samples to events, C on the host, C on the emulated core and Python alike."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.compression.compact import CompactModel
from ictus.firmware_export.arena import arena_bytes
from ictus.firmware_export.c_export import write_sources
from ictus.firmware_export.emulator.device_run import DEVICE_REGIONS, DeviceRun, expected_run, run_recording
from ictus.firmware_export.emulator.emulator import OUTSIDE, EmulatedCore
from ictus.firmware_export.emulator.machine import RuntimeRefusedError
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import FirmwareImage, build_host
from ictus.signals import BLOCK_SAMPLES

LATEST_DECISION = 192 + 192 + BLOCK_SAMPLES  # longest post-RR, longest detection latency, one block


def assert_as_expected(run: DeviceRun, expected: DeviceRun, n_samples: int) -> None:
    """The same events, but for beats too near to the end to be decided."""
    assert run.events.equals(expected.events.first(len(run.events)))
    owed = expected.events.peak[len(run.events) :]
    assert (owed > n_samples - LATEST_DECISION - BLOCK_SAMPLES).all()
    assert (run.counts.blocks, run.counts.rejected) == (expected.counts.blocks, expected.counts.rejected)
    assert run.counts.dropped == 0


def test_host_and_python_give_the_same_events(
    host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    run = run_recording(host, random_model, device_counts)
    assert_as_expected(run, expected_run(random_model, device_counts), len(device_counts))


def test_the_recording_reaches_every_exit(random_model: CompactModel, device_counts: np.ndarray) -> None:
    reached = expected_run(random_model, device_counts).events.reached
    assert all((reached == stage).sum() > 10 for stage in range(3))


def test_emulated_core_and_host_give_the_same_events(
    core: EmulatedCore, host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    on_core = run_recording(core, random_model, device_counts)
    on_host = run_recording(host, random_model, device_counts)
    assert on_core.events.equals(on_host.events)
    assert on_core.counts == on_host.counts


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 4000), scale=st.sampled_from([1, 300, 20000]))
def test_any_samples_give_the_same_events(
    host: HostMachine, random_model: CompactModel, seed: int, n: int, scale: int
) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.standard_t(1.5, n) * scale * (rng.random(n) < 0.3)
    counts = np.clip(np.where(rng.random(n) < 0.9, steps, np.cumsum(steps)), -32768, 32767).astype(np.int16)
    run = run_recording(host, random_model, counts)
    assert_as_expected(run, expected_run(random_model, counts), n)


@pytest.mark.parametrize("n", [0, 100, 1280])
def test_a_recording_without_a_beat_has_blocks_only(host: HostMachine, random_model: CompactModel, n: int) -> None:
    flat = np.full(n, 17, np.int16)
    expected = expected_run(random_model, flat)
    assert (len(expected.events), expected.counts.blocks) == (0, n // BLOCK_SAMPLES)
    assert_as_expected(run_recording(host, random_model, flat), expected, n)


def test_a_reset_forgets_everything(
    host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    first = run_recording(host, random_model, device_counts)
    run_recording(host, random_model, -device_counts[::-1])
    assert run_recording(host, random_model, device_counts).events.equals(first.events)


def test_counters_say_how_often_each_stage_ran(
    host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    run = run_recording(host, random_model, device_counts)
    reached = run.events.reached
    assert run.counts.beats == len(run.events)
    assert run.counts.screened == (reached > 0).sum()
    assert run.counts.specialist == (reached == 2).sum()
    assert run.counts.blocks == len(device_counts) // BLOCK_SAMPLES


def test_cost_is_told_apart_by_part(
    device_image: FirmwareImage, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    core = EmulatedCore(device_image.elf, DEVICE_REGIONS)
    run = run_recording(core, random_model, device_counts)
    profile = core.profile()
    n_samples = len(device_counts)
    pieces = dict.fromkeys(("filter", "qrs", "gate_features"), n_samples // 16)
    stages = {"gate": run.counts.blocks, "screen": run.counts.screened, "specialist": run.counts.specialist}
    assert profile.calls == {**pieces, "beat_window": run.counts.beats, **stages}
    assert set(profile.by_region) == {OUTSIDE, *DEVICE_REGIONS}
    assert all(n > 0 for n in profile.region_instructions().values())
    assert profile.instructions / n_samples < 2000


def test_a_changed_weight_code_changes_events(
    random_model: CompactModel, device_counts: np.ndarray, host: HostMachine
) -> None:
    gate = random_model.stages[0]
    codes = gate.layers[-1].codes.copy()
    codes[0, np.flatnonzero(codes[0])[0]] = 0
    layers = *gate.layers[:-1], dataclasses.replace(gate.layers[-1], codes=codes)
    changed = dataclasses.replace(
        random_model, stages=(dataclasses.replace(gate, layers=layers), *random_model.stages[1:])
    )
    run = run_recording(host, random_model, device_counts)
    assert not run.events.equals(expected_run(changed, device_counts).events.first(len(run.events)))


def test_a_model_for_other_inputs_is_refused(
    random_model: CompactModel, tmp_path: Path, host: HostMachine
) -> None:
    other = dataclasses.replace(random_model, stages=random_model.stages[:2])
    write_sources(other, tmp_path)
    machine = HostMachine(build_host(tmp_path, tmp_path / "other.so"))
    with pytest.raises(RuntimeRefusedError, match="OTHER_INPUTS"):
        run_recording(machine, other, np.zeros(128, np.int16))
    assert len(run_recording(host, random_model, np.zeros(128, np.int16)).events) == 0


def test_the_device_is_small(device_image: FirmwareImage, core: EmulatedCore, random_model: CompactModel) -> None:
    core.reset_stack()
    run_recording(core, random_model, np.zeros(1280, np.int16))
    state = device_image.ram_bytes - arena_bytes(random_model)
    assert state < 3072
    assert core.profile().stack_bytes < 1024
