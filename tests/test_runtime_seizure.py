"""Seizures on the device: filters, features, gate, screen, specialist and events in C are those of Python."""

import dataclasses
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.app.model_files import ZOO
from ictus.compression import CompactModel, load_compact, to_bytes
from ictus.firmware_export.emulator.device_run import start_device
from ictus.firmware_export.emulator.machine import STATUS_NAMES, Machine, RuntimeRefusedError, check, place
from ictus.firmware_export.emulator.seizure_run import expected_seconds, run_seconds
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.native import seizure as seizure_native_module
from ictus.firmware_export.native.library import NoNativeLibraryError
from ictus.firmware_export.native.seizure import (
    NativeSeizure,
    ReferenceSeizure,
    SeizureRunner,
    SeizureSeconds,
    open_seizure,
)
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY
from ictus.models.seizure_cascade import EVENT_RULE, SeizureDecisions
from ictus.signals import SAMPLE_FOLDER, load
from ictus.signals.eeg_events import EventTracker
from ictus.signals.eeg_features import N_EEG_FEATURES, N_SEIZURE_FEATURES, EegFrontEnd
from ictus.signals.eeg_lead import load_device_eeg
from ictus.signals.eeg_wave import EEG_BLOCK, scale_eeg

WINDOW = 4 * EEG_BLOCK


def seconds_in_c(machine: Machine, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gate features, context and specialist's window of every second of one channel."""
    machine.free_all()
    n = len(counts) // 256
    widths = N_EEG_FEATURES, N_SEIZURE_FEATURES, WINDOW
    rooms = [machine.allocate(n * width) for width in widths]
    assert machine.call("ictus_harness_eeg_seconds", place(machine, counts), len(counts), *rooms) == n
    found = [np.frombuffer(machine.read(a, n * w), np.int8) for a, w in zip(rooms, widths, strict=True)]
    gate, context, window = (part.reshape(n, width) for part, width in zip(found, widths, strict=True))
    return gate, context, window


def windows_in_python(filtered: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """What the specialist is given every second: int8 (n, 256)."""
    held = np.concatenate([np.zeros((3, EEG_BLOCK), np.int16), filtered])
    rows = [scale_eeg(held[i : i + 4].ravel(), int(f)) for i, f in enumerate(factor)]
    return np.array(rows, np.int8).reshape(len(factor), WINDOW)


def assert_same_front_end(machine: Machine, counts: np.ndarray) -> None:
    expected = EegFrontEnd(counts.shape[1]).push(counts)
    for channel in range(counts.shape[1]):
        gate, context, window = seconds_in_c(machine, np.ascontiguousarray(counts[:, channel]))
        assert np.array_equal(gate, expected.gate[:, channel])
        assert np.array_equal(context, expected.context[:, channel])
        windows = windows_in_python(expected.filtered[:, :, channel], expected.factor[:, channel])
        assert np.array_equal(window, windows)


def test_faults_of_every_kind_give_the_same_features(seizure_host: HostMachine, eeg_counts: np.ndarray) -> None:
    assert_same_front_end(seizure_host, eeg_counts)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 12_000), scale=st.sampled_from([1, 30, 1000, 90_000]))
def test_any_samples_give_the_same_features(seizure_host: HostMachine, seed: int, n: int, scale: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.standard_t(1.5, (n, 1)) * scale * (rng.random((n, 1)) < rng.random())
    counts = np.cumsum(steps, axis=0) if seed % 2 else steps
    assert_same_front_end(seizure_host, np.clip(counts, -32768, 32767).astype(np.int16))


@pytest.mark.parametrize("value", [-32768, 0, 32767])
def test_a_rail_gives_the_same_features(seizure_host: HostMachine, value: int) -> None:
    assert_same_front_end(seizure_host, np.full((256 * 3, 1), value, np.int16))


def open_device(machine: Machine, n_channels: int) -> int:
    """Address of a device with any number of channels."""
    machine.free_all()
    device = machine.allocate(machine.call("ictus_harness_seizure_bytes", n_channels))
    check(machine.call("ictus_harness_seizure_init", device, n_channels, machine.allocate(8192), 8192))
    return device


def assert_as_expected(machine: Machine, model: CompactModel, counts: np.ndarray) -> None:
    run = run_seconds(machine, counts, device=open_device(machine, counts.shape[1]))
    expected = expected_seconds(model, counts)
    assert run.events.equals(expected.events)
    assert run.counts == expected.counts


def chbmit_clip(name: str, montage: str) -> np.ndarray:
    folder = os.environ.get("ICTUS_DATA")
    if folder is None or not (Path(folder) / "chbmit" / "clips").is_dir():
        pytest.skip("ICTUS_DATA is not set, or holds no chbmit/clips")
    return load_device_eeg(load(Path(folder) / "chbmit" / "clips" / f"{name}.edf"), montage)[0]


@pytest.mark.parametrize("name", ["chb01_03_seizure", "chb01_15_seizure", "chb03_01_ictal"])
@pytest.mark.parametrize("montage", ["double-banana", "temporal-4", "T7-P7"])
def test_real_seizures_give_the_same_seconds(
    seizure_host: HostMachine, random_seizure_model: CompactModel, name: str, montage: str
) -> None:
    assert_as_expected(seizure_host, random_seizure_model, chbmit_clip(name, montage))


@pytest.mark.parametrize("clip", sorted((SAMPLE_FOLDER / "chbmit").glob("*.edf")), ids=lambda path: path.stem)
def test_the_zoos_model_gives_the_same_seconds_in_c(clip: Path) -> None:
    counts, mask = load_device_eeg(load(clip))
    model = load_compact(ZOO / "seizure.ictus")
    native, python = (runner(model, mask).push(counts) for runner in (NativeSeizure, ReferenceSeizure))
    for name, values in vars(python.decisions).items():
        assert np.array_equal(vars(native.decisions)[name], values), name


def with_other_code(model: CompactModel, name: str) -> CompactModel:
    """Another surviving weight in the last layer of a stage."""
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
    seizure_host: HostMachine, random_seizure_model: CompactModel, eeg_counts: np.ndarray, stage: str
) -> None:
    start_device(seizure_host)
    changed = expected_seconds(with_other_code(random_seizure_model, stage), eeg_counts)
    assert not run_seconds(seizure_host, eeg_counts).events.equals(changed.events)


def test_made_up_eeg_reaches_every_exit_and_raises_an_alarm(
    seizure_host: HostMachine, random_seizure_model: CompactModel, eeg_counts: np.ndarray
) -> None:
    events = expected_seconds(random_seizure_model, eeg_counts).events
    assert set(events.reached) == {0, 1, 2}
    assert events.began.max() >= 4
    assert not events.is_on.all()
    start_device(seizure_host)
    assert run_seconds(seizure_host, eeg_counts).events.equals(events)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    n_channels=st.integers(1, 23),
    n=st.integers(0, 5000),
    scale=st.sampled_from([1, 300, 90_000]),
)
def test_any_samples_of_any_number_of_channels_give_the_same_seconds(
    seizure_host: HostMachine, random_seizure_model: CompactModel, seed: int, n_channels: int, n: int, scale: int
) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.standard_t(1.5, (n, n_channels)) * scale * (rng.random((n, 1)) < rng.random(n_channels))
    counts = np.where(rng.random(n_channels) < 0.5, steps, np.cumsum(steps, axis=0))
    assert_as_expected(seizure_host, random_seizure_model, np.clip(counts, -32768, 32767).astype(np.int16))


@pytest.mark.parametrize("n_channels", [0, 24])
def test_no_channel_and_too_many_are_refused(seizure_host: HostMachine, n_channels: int) -> None:
    seizure_host.free_all()
    device = seizure_host.allocate(seizure_host.call("ictus_harness_seizure_bytes", 24))
    arguments = device, n_channels, seizure_host.allocate(8192), 8192
    assert STATUS_NAMES[seizure_host.call("ictus_harness_seizure_init", *arguments)] == "OTHER_INPUTS"


@given(runs=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 40)), max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_scores_give_the_same_alarms(seizure_host: HostMachine, runs: list[tuple[int, int]]) -> None:
    above = np.concatenate([np.zeros(0, bool), *(np.repeat([True, False], run) for run in runs)])
    seizure_host.free_all()
    on, began = seizure_host.allocate(len(above)), seizure_host.allocate(len(above))
    seizure_host.call("ictus_harness_events", place(seizure_host, above.astype(np.uint8)), len(above), on, began)
    tracker = EventTracker(EVENT_RULE)
    for second, is_above in enumerate(above.tolist()):
        ago = tracker.push(is_above)
        assert seizure_host.read(on + second, 1)[0] == tracker.is_on
        assert seizure_host.read(began + second, 1)[0] == (ago if tracker.is_news else 0)


def in_pieces(runner: SeizureRunner, counts: np.ndarray, lengths: list[int]) -> SeizureSeconds:
    pieces = [runner.push(piece) for piece in np.split(counts, np.minimum(np.cumsum(lengths), len(counts)))]
    decisions = SeizureDecisions.concatenate([piece.decisions for piece in pieces])
    return SeizureSeconds(decisions, np.concatenate([piece.line_length_uv for piece in pieces]))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(0, 6000), max_size=6), mask=st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_library_gives_what_python_gives_in_any_pieces(
    random_seizure_model: CompactModel, eeg_counts: np.ndarray, lengths: list[int], mask: list[bool]
) -> None:
    exists = np.array(mask) | (np.arange(4) == 1)
    native = in_pieces(NativeSeizure(random_seizure_model, exists), eeg_counts[:8000], lengths)
    python = in_pieces(ReferenceSeizure(random_seizure_model, exists), eeg_counts[:8000], [])
    for name, values in vars(python.decisions).items():
        assert np.array_equal(vars(native.decisions)[name], values), name
    assert np.array_equal(native.line_length_uv, python.line_length_uv)


def test_without_a_compiler_python_decides(
    random_seizure_model: CompactModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise NoNativeLibraryError("no compiler")

    assert isinstance(open_seizure(random_seizure_model, np.ones(2, bool)), NativeSeizure)
    monkeypatch.setattr(seizure_native_module, "native_library", refuse)
    assert isinstance(open_seizure(random_seizure_model, np.ones(2, bool)), ReferenceSeizure)


def test_a_model_for_other_inputs_is_refused(random_rhythm_model: CompactModel) -> None:
    with pytest.raises(RuntimeRefusedError, match="OTHER_INPUTS"):
        NativeSeizure(random_rhythm_model, np.ones(2, bool))


@pytest.fixture(scope="module")
def checked_stream(
    tmp_path_factory: pytest.TempPathFactory, watched: Callable[[Sequence[Path], Path], None]
) -> Path:
    """A program around the runtime that address and undefined-behaviour sanitizers watch."""
    program = tmp_path_factory.mktemp("checked") / "stream"
    model = "model", "model_base", "layer", "code", "stream"
    names = ("eeg", "eeg_features", "eeg_events", "seizure", "gate", *model)
    sources = [Path(__file__).with_name("seizure_stream.c"), *(RUNTIME_DIRECTORY / f"ictus_{n}.c" for n in names)]
    watched(sources, program)
    return program


@pytest.mark.parametrize("n_channels", [1, 2, 23])
def test_nothing_outside_the_lent_memory_is_touched(
    checked_stream: Path, random_seizure_model: CompactModel, tmp_path: Path, n_channels: int
) -> None:
    (tmp_path / "model.ictus").write_bytes(to_bytes(random_seizure_model))
    rng = np.random.default_rng(n_channels)
    counts = rng.choice([-32768, 32767], (256 * 12, n_channels)).astype(np.int16)
    counts[256 * 4 :] = rng.integers(-3000, 3000, (256 * 8, n_channels))
    given = np.uint32(n_channels).tobytes() + counts.tobytes()
    done = subprocess.run([checked_stream, tmp_path / "model.ictus"], input=given, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    rows = np.frombuffer(done.stdout, seizure_native_module.SECOND)
    expected = expected_seconds(random_seizure_model, counts).events
    assert np.array_equal(rows["specialist"], expected.specialist)
    assert np.array_equal(rows["reached"], expected.reached)
