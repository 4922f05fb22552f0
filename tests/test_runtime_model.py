"""The C runtime gives the integers of `CompactModel.run`, and refuses what is not a model."""

import dataclasses
import struct
import subprocess
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
from ictus.compression.model_file import from_bytes, to_bytes
from ictus.firmware_export.arena import arena_bytes
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import STATUS_NAMES, LoadedModel, Machine, RuntimeRefusedError, place
from ictus.firmware_export.golden import GoldenVectors
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY
from ictus.signals.errors import CorruptModelError

STATUS = {name: value for value, name in enumerate(STATUS_NAMES)}
shared_builds = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def chains(
    draw: st.DrawFn, length: int, channels: int, n_context: int, n_outputs: int
) -> tuple[CompactLayer, ...]:
    """Up to two convolutions and one or two dense layers on an input of ``length * channels`` values."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.floats(0, 1))
    layers = []
    for _ in range(draw(st.integers(0, 2))):
        kernel, stride = draw(st.integers(1, length)), draw(st.integers(1, 3))
        out_length, out_channels = (length - kernel) // stride + 1, draw(st.integers(1, 5))
        shape = out_channels, kernel * channels
        layers.append(make_layer(rng, density, shape, stride * channels, out_length, draw(st.booleans()), False))
        length, channels = out_length, out_channels
    for units in (draw(st.integers(1, 9)), n_outputs):
        takes_context = draw(st.booleans())
        shape = units, length * channels + n_context * takes_context
        layers.append(make_layer(rng, density, shape, 1, 1, draw(st.booleans()), takes_context))
        length, channels = 1, units
    return tuple(layers)


def make_layer(
    rng: np.random.Generator,
    density: float,
    shape: tuple[int, int],
    step: int,
    length: int,
    relu: bool,
    context: bool,
) -> CompactLayer:
    codes = np.where(rng.random(shape) < density, rng.integers(1, 9, shape), 0).astype(np.uint8)
    bias = rng.integers(-128, 128, shape[0]).astype(np.int8)
    shift = rng.integers(0, 16, shape[0]).astype(np.uint8)
    return CompactLayer(codes, bias, shift, step, length, relu, context)


@st.composite
def compact_models(draw: st.DrawFn) -> CompactModel:
    """Models of every shape that the format allows, small."""
    n_features, n_context = draw(st.integers(1, 20)), draw(st.integers(0, 6))
    window = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    gate = CompactStage("gate", "features", draw(chains(n_features, 1, n_context, 1)))
    screen_layers = draw(chains(*window, n_context, 1))
    n_kept = draw(st.integers(1, len(screen_layers)))
    kept = screen_layers[n_kept - 1]
    screen = CompactStage("screen", "window", screen_layers, n_kept)
    specialist = CompactStage("specialist", "kept", draw(chains(kept.out_length, kept.out_channels, n_context, 5)))
    return CompactModel("beat", n_features, window, n_context, (gate, screen, specialist))


def assert_agrees(machine: Machine, model: CompactModel, golden: GoldenVectors) -> None:
    found = LoadedModel.open(machine, model).run(golden.features, golden.window, golden.context)
    for name, logits in golden.expected(model).items():
        np.testing.assert_array_equal(found[name], logits, err_msg=name)


@shared_builds
@given(model=compact_models())
def test_every_exit_agrees_for_models_of_any_shape(
    host: HostMachine, core: EmulatedCore, model: CompactModel
) -> None:
    golden = GoldenVectors.random(model, 5)
    assert_agrees(host, model, golden)
    assert_agrees(core, model, golden)


@shared_builds
@given(model=compact_models())
def test_exporter_and_runtime_agree_on_the_arena(host: HostMachine, model: CompactModel) -> None:
    assert LoadedModel.open(host, model).arena_bytes == arena_bytes(model)


def test_two_thousand_windows_agree_at_every_exit(
    host: HostMachine, core: EmulatedCore, random_model: CompactModel
) -> None:
    golden = GoldenVectors.random(random_model, 2000)
    assert_agrees(host, random_model, golden)
    assert_agrees(core, random_model, golden)


@pytest.mark.parametrize("stage_number", [0, 1, 2])
def test_a_changed_weight_code_is_noticed(
    core: EmulatedCore, random_model: CompactModel, stage_number: int
) -> None:
    stages = list(random_model.stages)
    stage = stages[stage_number]
    codes = stage.layers[-1].codes.copy()
    row, column = np.argwhere(codes)[0]
    codes[row, column] = (codes[row, column] + 3) % 8 + 1  # its sign
    changed = dataclasses.replace(stage.layers[-1], codes=codes)
    stages[stage_number] = dataclasses.replace(stage, layers=(*stage.layers[:-1], changed))
    wrong = dataclasses.replace(random_model, stages=tuple(stages))
    golden = GoldenVectors.random(random_model, 200)
    found = LoadedModel.open(core, wrong).run(golden.features, golden.window, golden.context)
    assert (found[stage.name] != golden.expected(random_model)[stage.name]).any()


def tiny_model() -> CompactModel:
    """Every kind of layer and of stream byte in about 150 bytes."""
    rng = np.random.default_rng(3)
    gate = make_layer(rng, 0.5, (1, 3), 3, 1, False, False)
    conv = make_layer(rng, 0.5, (2, 6), 2, 4, True, False)
    exit_1 = make_layer(rng, 0.5, (1, 10), 1, 1, False, True)
    dense = make_layer(rng, 0.1, (3, 8), 1, 1, True, False)
    exit_2 = make_layer(rng, 0.7, (5, 5), 1, 1, False, True)
    stages = (
        CompactStage("gate", "features", (gate,)),
        CompactStage("screen", "window", (conv, exit_1), n_kept=1),
        CompactStage("specialist", "kept", (dense, exit_2)),
    )
    return CompactModel("beat", 3, (6, 2), 2, stages)


def open_status(host: HostMachine, data: bytes) -> int:
    host.free_all()
    model = host.allocate(host.call("ictus_harness_model_size"))
    return host.call("ictus_harness_open", place(host, data), len(data), model)


def with_checksum(data: bytearray) -> bytes:
    crc = zlib.crc32(data[20:], zlib.crc32(data[:16]))
    return bytes(data[:16]) + struct.pack("<I", crc) + bytes(data[20:])


def test_a_flipped_byte_is_refused_wherever_it_lies(host: HostMachine) -> None:
    data = to_bytes(tiny_model())
    assert open_status(host, data) == STATUS["OK"]
    for position in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= flip
            assert open_status(host, bytes(damaged)) != STATUS["OK"], position


def test_a_cut_or_lengthened_model_is_refused(host: HostMachine) -> None:
    data = to_bytes(tiny_model())
    for length in range(len(data)):
        assert open_status(host, data[:length]) in (STATUS["NOT_A_MODEL"], STATUS["WRONG_SIZE"])
    assert open_status(host, data + b"\0") == STATUS["WRONG_SIZE"]


def test_c_accepts_no_model_that_python_refuses(host: HostMachine) -> None:
    data = to_bytes(tiny_model())
    for position in [*range(6, 12), *range(20, len(data))]:
        for value in (0, 1, 2, 7, 16, 255):
            damaged = bytearray(data)
            damaged[position] = value
            blob = with_checksum(damaged)
            if open_status(host, blob) == STATUS["OK"]:
                from_bytes(blob)


def test_versions_and_magic_have_their_own_status(host: HostMachine) -> None:
    data = bytearray(to_bytes(tiny_model()))
    data[4] = 255
    assert open_status(host, with_checksum(data)) == STATUS["OTHER_VERSION"]
    with pytest.raises(CorruptModelError):
        from_bytes(with_checksum(data))
    assert open_status(host, b"ICTX" + bytes(data[4:])) == STATUS["NOT_A_MODEL"]


def test_null_pointers_and_a_small_arena_are_refused(host: HostMachine, core: EmulatedCore) -> None:
    data = to_bytes(tiny_model())
    for machine in (host, core):
        loaded = LoadedModel.open(machine, tiny_model())
        assert machine.call("ictus_harness_open", 0, len(data), loaded.address) == STATUS["NULL_ARGUMENT"]
        assert machine.call("ictus_harness_open", place(machine, data), len(data), 0) == STATUS["NULL_ARGUMENT"]
        loaded = LoadedModel.open(machine, tiny_model())
        arena = machine.allocate(loaded.arena_bytes)
        assert (
            machine.call("ictus_harness_attach", loaded.address, 0, loaded.arena_bytes) == STATUS["NULL_ARGUMENT"]
        )
        too_small = machine.call("ictus_harness_attach", loaded.address, arena, loaded.arena_bytes - 1)
        assert too_small == STATUS["ARENA_TOO_SMALL"]
        assert machine.call("ictus_harness_run", loaded.address, 3, arena, arena, arena) == STATUS["NO_SUCH_STAGE"]
        assert machine.call("ictus_harness_run", loaded.address, 1, 0, arena, arena) == STATUS["NULL_ARGUMENT"]


def test_a_refused_model_raises_in_python(host: HostMachine) -> None:
    model = tiny_model()
    specialist = dataclasses.replace(model.stages[2], layers=model.stages[2].layers[:1], n_kept=1)
    clashing = dataclasses.replace(model, stages=(*model.stages[:2], specialist))
    with pytest.raises(RuntimeRefusedError, match="BAD_SHAPE"):
        LoadedModel.open(host, clashing)


def test_no_damage_with_a_right_checksum_leaves_the_memory(
    tmp_path: Path, watched: Callable[[Sequence[Path], Path], None]
) -> None:
    """Every byte of a model is set to many values; what opens is run on buffers of exactly the stated sizes."""
    (tmp_path / "model.bin").write_bytes(to_bytes(tiny_model()))
    program = tmp_path / "fuzz"
    parts = ("ictus_model.c", "ictus_model_base.c", "ictus_layer.c", "ictus_stream.c", "ictus_code.c")
    sources = [Path(__file__).with_name("runtime_fuzz.c"), *(RUNTIME_DIRECTORY / name for name in parts)]
    watched(sources, program)
    done = subprocess.run([program, tmp_path / "model.bin"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert int(done.stdout) > 1000, "too few damaged models opened for the test to mean anything"
