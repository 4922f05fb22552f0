"""A network over a signal of any length: whole, row by row, in Python, in C and on the emulated core alike."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.compression import CompactLayer, CompactModel, CompactStage, from_bytes, to_bytes
from ictus.compression.compact import pool_positions
from ictus.compression.shrink import remove_dead_channels
from ictus.firmware_export.arena import arena_bytes
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import LoadedModel, RuntimeRefusedError
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY
from ictus.signals import CorruptModelError, UnanalysableError

shared_builds = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make_layer(rng: np.random.Generator, channels: int, taps: int, **shape: int | bool) -> CompactLayer:
    codes = np.where(rng.random((channels, taps)) < 0.5, rng.integers(1, 9, (channels, taps)), 0)
    low = int(taps).bit_length() - 1
    shift = rng.integers(low, min(low + 3, 16), channels, dtype=np.uint8)
    fields = {"step": taps, "out_length": 1, "relu": True} | shape
    return CompactLayer(codes.astype(np.uint8), rng.integers(-20, 60, channels).astype(np.int8), shift, **fields)


def make_model(
    seed: int, convolutions: list[tuple[int, int, int]], width: int = 1, n_context: int = 5
) -> CompactModel:
    """A rhythm model; `convolutions` are kernel, stride and channels of each, `width` is that of the signal."""
    rng = np.random.default_rng(seed)
    layers = []
    for number, (kernel, stride, channels) in enumerate(convolutions, start=1):
        is_last = number == len(convolutions)
        layers.append(make_layer(rng, channels, kernel * width, step=stride * width, out_length=0, pools=is_last))
        width = channels
    layers.append(make_layer(rng, 6, 2 * width + n_context, takes_context=True))
    layers.append(make_layer(rng, 3, 6, relu=False))
    stages = (
        CompactStage("gate", "features", (make_layer(rng, 1, 4, relu=False),)),
        CompactStage("screen", "context", (make_layer(rng, 4, n_context), make_layer(rng, 1, 4, relu=False))),
        CompactStage("specialist", "stream", tuple(layers)),
    )
    channels = layers[0].taps // convolutions[0][0]
    return CompactModel("rhythm", 4, (0, channels), n_context, stages)


@st.composite
def models(draw: st.DrawFn) -> CompactModel:
    convolution = st.tuples(st.integers(1, 7), st.sampled_from([1, 1, 2, 2, 2, 3, 9]), st.integers(1, 6))
    convolutions = draw(st.lists(convolution, min_size=1, max_size=4))
    seed, width, n_context = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    return make_model(seed, convolutions, width, n_context)


def strip_for(model: CompactModel, seed: int, n_extra: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    channels = model.window_shape[1]
    n_rows = model.stage("specialist").shortest() // channels + n_extra
    wave = rng.integers(-128, 128, (n_rows, channels), dtype=np.int8)
    return wave, rng.integers(-128, 128, model.n_context, dtype=np.int8)


class RowByRow:
    """The specialist one row at a time, with the last `kernel` rows of every convolution as its only memory."""

    def __init__(self, model: CompactModel) -> None:
        layers = model.stage("specialist").layers
        self.convolutions = [layer for layer in layers if layer.out_length == 0]
        self.behind = [layer for layer in layers if layer.out_length]
        widths = [model.window_shape[1], *(layer.out_channels for layer in self.convolutions)]
        self.rings = [np.zeros((c.taps // w, w), np.int8) for c, w in zip(self.convolutions, widths, strict=False)]
        self.strides = [c.step // w for c, w in zip(self.convolutions, widths, strict=False)]
        self.n_seen = [0] * len(self.convolutions)
        self.pooled: list[np.ndarray] = []

    def push(self, row: np.ndarray, number: int = 0) -> None:
        if number == len(self.convolutions):
            self.pooled.append(row)
            return
        ring = self.rings[number] = np.concatenate([self.rings[number][1:], row[None]])
        self.n_seen[number] += 1
        n_whole = self.n_seen[number] - len(ring)
        if n_whole >= 0 and n_whole % self.strides[number] == 0:
            layer = replace(self.convolutions[number], pools=False)
            self.push(layer.run(ring.reshape(1, -1))[0], number + 1)

    def finish(self, features: np.ndarray) -> np.ndarray:
        rows = np.stack(self.pooled)
        total, n = rows.sum(axis=0, dtype=np.int64), len(rows)
        x = np.concatenate([(2 * total + n) // (2 * n), rows.max(axis=0)]).astype(np.int8)[None]
        for layer in self.behind:
            x = layer.run(np.concatenate([x, features[None]], axis=1) if layer.takes_context else x)
        return x[0]


@settings(max_examples=50)
@given(models(), st.integers(0, 99), st.integers(0, 200))
def test_row_by_row_gives_the_logits_of_the_whole_strip(model: CompactModel, seed: int, n_extra: int) -> None:
    wave, features = strip_for(model, seed, n_extra)
    stream = RowByRow(model)
    for row in wave:
        stream.push(row)
    assert np.array_equal(stream.finish(features), model.run_strip(wave, features))


@shared_builds
@given(models(), st.integers(0, 99), st.integers(0, 200), st.sampled_from([1, 3, 64, 1000]))
def test_c_gives_the_logits_of_the_whole_strip_however_it_is_cut(
    rhythm_host: HostMachine, rhythm_core: EmulatedCore, model: CompactModel, seed: int, n_extra: int, chunk: int
) -> None:
    wave, features = strip_for(model, seed, n_extra)
    expected = model.run_strip(wave, features)
    for machine, lent in ((rhythm_host, 0), (rhythm_host, 400), (rhythm_core, 0), (rhythm_core, 4000)):
        loaded = LoadedModel.open(machine, model, lent)
        assert np.array_equal(loaded.run_strip(wave, features, chunk), expected)
        assert loaded.arena_bytes == arena_bytes(model)


@shared_builds
@given(models())
def test_a_strip_shorter_than_the_receptive_field_is_refused(
    rhythm_host: HostMachine, model: CompactModel
) -> None:
    wave, features = strip_for(model, 0, -1)
    with pytest.raises(UnanalysableError, match="the network needs"):
        model.run_strip(wave, features)
    with pytest.raises(RuntimeRefusedError, match="TOO_SHORT"):
        LoadedModel.open(rhythm_host, model).run_strip(wave, features)


def test_the_mean_rounds_halves_up() -> None:
    maps = np.array([[[0, 1], [1, 2]], [[3, 127], [3, 127]]], np.int8)
    assert pool_positions(maps).tolist() == [[1, 2, 1, 2], [3, 127, 3, 127]]


def test_the_file_gives_the_same_model_back() -> None:
    model = make_model(3, [(5, 2, 4), (3, 1, 6)], width=2)
    again = from_bytes(to_bytes(model))
    wave, features = strip_for(model, 1, 50)
    assert to_bytes(again) == to_bytes(model)
    assert np.array_equal(again.run_strip(wave, features), model.run_strip(wave, features))


def test_strips_of_one_length_run_together() -> None:
    model = make_model(4, [(5, 2, 4), (3, 2, 6)])
    rng = np.random.default_rng(0)
    waves, features = (
        rng.integers(-128, 128, (7, 90), dtype=np.int8),
        rng.integers(-128, 128, (7, 5), dtype=np.int8),
    )
    together = model.run(np.zeros((7, 4), np.int8), waves, features)
    one_by_one = [model.run_strip(wave, context) for wave, context in zip(waves, features, strict=True)]
    assert np.array_equal(together["specialist"], np.stack(one_by_one))
    assert np.array_equal(together["screen"][:, 0], model.screen_strips(features))


def test_removing_dead_channels_of_a_stream_changes_no_output() -> None:
    model = make_model(5, [(5, 2, 6), (3, 2, 8)])
    gate, screen, specialist = model.stages
    first, second, *behind = specialist.layers
    codes, bias = first.codes.copy(), first.bias.copy()
    codes[2], bias[2] = 0, 0
    unread = behind[0].codes.copy()
    unread[:, [3, 8 + 3]] = 0  # mean and maximum of channel 3
    layers = replace(first, codes=codes, bias=bias), second, replace(behind[0], codes=unread), *behind[1:]
    model = replace(model, stages=(gate, screen, replace(specialist, layers=layers)))
    smaller = remove_dead_channels(model)
    assert [layer.out_channels for layer in smaller.stage("specialist").layers[:2]] == [5, 7]
    wave, features = strip_for(model, 2, 77)
    assert np.array_equal(smaller.run_strip(wave, features), model.run_strip(wave, features))


@pytest.mark.parametrize("fault", ["pools twice", "never pools", "cuts rows", "has a length", "takes the context"])
def test_a_stream_that_cannot_run_is_refused_by_python_and_by_c(rhythm_host: HostMachine, fault: str) -> None:
    model = make_model(6, [(5, 2, 4), (3, 2, 4)])
    first, second, *behind = model.stages[2].layers
    broken = {
        "pools twice": (replace(first, pools=True), second),
        "never pools": (first, replace(second, pools=False)),
        "cuts rows": (first, replace(second, step=7)),
        "has a length": (first, replace(second, out_length=3)),
        "takes the context": (replace(first, takes_context=True), second),
    }[fault]
    stage = replace(model.stages[2], layers=(*broken, *behind))
    wrong = replace(model, stages=(*model.stages[:2], stage))
    with pytest.raises(CorruptModelError):
        from_bytes(to_bytes(wrong))
    with pytest.raises(RuntimeRefusedError, match="BAD_SHAPE"):
        LoadedModel.open(rhythm_host, wrong)


def test_no_damage_with_a_right_checksum_leaves_the_memory(
    tmp_path: Path, watched: Callable[[Sequence[Path], Path], None]
) -> None:
    """As in test_runtime_model.py, with signals of 300 rows through what opens."""
    (tmp_path / "model.bin").write_bytes(to_bytes(make_model(7, [(3, 2, 2), (2, 3, 2)], n_context=2)))
    parts = ("ictus_model.c", "ictus_model_base.c", "ictus_layer.c", "ictus_stream.c", "ictus_code.c")
    sources = [Path(__file__).with_name("runtime_fuzz.c"), *(RUNTIME_DIRECTORY / name for name in parts)]
    program = tmp_path / "fuzz"
    watched(sources, program)
    done = subprocess.run([program, tmp_path / "model.bin"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert int(done.stdout) > 1000, "too few damaged models opened for the test to mean anything"
