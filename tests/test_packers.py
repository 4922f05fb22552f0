"""The stored form: every packer gives the same codes back, the smallest is taken, every byte is accounted for."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.compression import CompactLayer, CompactModel, CompactStage, from_bytes, load_compact, to_bytes
from ictus.compression.channel_order import order_channels
from ictus.compression.coding.chance import combined, combined_of, log2, probability
from ictus.compression.coding.decisions import Decisions
from ictus.compression.coding.packer import LayerGrid
from ictus.compression.coding.range_coder import RangeDecoder, encode
from ictus.compression.packers import PACKERS
from ictus.compression.packing import pack_codes, unpack_codes
from ictus.compression.reference_layer import ReferenceLayer
from ictus.compression.storage import StoredByteCount, from_stored, packed_sizes, stored_byte_count, to_stored
from ictus.signals import CorruptModelError, InputError

ZOO = Path(__file__).resolve().parents[1] / "models" / "zoo"
TASKS = ("beat", "rhythm", "seizure")
BODY_AT = 11
"""Where the decisions of a stored model of 128 to 16383 bytes begin."""


@st.composite
def layers(draw: st.DrawFn) -> tuple[np.ndarray, LayerGrid]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_exponents = draw(st.sampled_from([1, 2, 4, 8, 16]))
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 90))
    density = draw(st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.0]))
    uneven = (
        rng.random((shape[0], 1)) * rng.random((1, shape[1])) * 4 * density if draw(st.booleans()) else density
    )
    codes = rng.integers(1, 2 * n_exponents + 1, shape) * (rng.random(shape) < uneven)
    return codes.astype(np.uint8), LayerGrid(*shape, draw(st.integers(1, 100)), n_exponents)


def _same(left: CompactModel, right: CompactModel) -> bool:
    """Whether all numbers of two models are the same."""

    def parts(model: CompactModel) -> list[object]:
        found: list[object] = [model.task, model.n_features, model.window_shape, model.n_context]
        for stage in model.stages:
            found += [stage.name, stage.source, stage.n_kept, stage.threshold]
            found += [getattr(layer, part.name) for layer in stage.layers for part in fields(layer)]
        return found

    pairs = list(zip(parts(left), parts(right), strict=True))
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@cache
def _zoo(task: str) -> CompactModel:
    return load_compact(ZOO / f"{task}.ictus")


@cache
def _stored(task: str) -> bytes:
    return to_stored(_zoo(task))


def _small_model(n_exponents: int = 4, seed: int = 0) -> CompactModel:
    rng = np.random.default_rng(seed)

    def layer(channels: int, taps: int, **flags: object) -> CompactLayer:
        codes = rng.integers(1, 2 * n_exponents + 1, (channels, taps)) * (rng.random((channels, taps)) < 0.4)
        shape = {"step": 4, "out_length": 1, "relu": True, "n_exponents": n_exponents} | flags
        bias = rng.integers(-128, 128, channels).astype(np.int8)
        return CompactLayer(codes.astype(np.uint8), bias, rng.integers(0, 16, channels).astype(np.uint8), **shape)

    gate = CompactStage("gate", "features", (layer(1, 6, relu=False),), threshold=-7)
    screen_layers = (layer(3, 6, step=2, out_length=5), layer(1, 18, takes_context=True, relu=False))
    screen = CompactStage("screen", "window", screen_layers, n_kept=1, threshold=127)
    specialist = CompactStage("specialist", "kept", (layer(4, 15), layer(5, 4, relu=False)))
    return CompactModel("beat", 6, (8, 2), 3, (gate, screen, specialist))


def _with_last_layer(model: CompactModel, change: Callable[[CompactLayer], CompactLayer]) -> CompactModel:
    *stages, last = model.stages
    layers = (*last.layers[:-1], change(last.layers[-1]))
    return replace(model, stages=(*stages, replace(last, layers=layers)))


@pytest.mark.parametrize("packer", PACKERS, ids=lambda packer: packer.name)
@settings(max_examples=30)
@given(layers())
def test_a_packed_layer_gives_the_same_codes_back(packer, layer):
    codes, grid = layer
    decisions = packer.pack(codes, grid)
    data = encode(decisions)
    source = RangeDecoder(data)
    assert np.array_equal(packer.unpack(source, grid), codes)
    source.finish()
    assert len(data) <= decisions.n_bits / 8 + 2


@pytest.mark.parametrize("packer", PACKERS, ids=lambda packer: packer.name)
@settings(max_examples=30)
@given(st.binary(max_size=60), layers())
def test_any_bytes_unpack_within_bounds_or_are_refused(packer, data, layer):
    _, grid = layer
    try:
        codes = packer.unpack(RangeDecoder(data), grid)
    except CorruptModelError:
        return
    assert codes.shape == (grid.out_channels, grid.taps)
    assert codes.max(initial=0) <= 2 * grid.n_exponents


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4095)), max_size=300))
def test_the_range_coder_gives_every_decision_back_for_what_it_should_cost(rows):
    bits, ones = np.array(rows, np.int64).reshape(-1, 2).T
    decisions = Decisions(bits.astype(np.uint8), ones.astype(np.uint16), np.zeros(len(rows), np.uint8))
    data = encode(decisions)
    source = RangeDecoder(data)
    assert [source.bit(one) for one in ones.tolist()] == bits.tolist()
    source.finish()
    assert len(data) <= decisions.n_bits / 8 + 2


def test_a_carry_runs_through_all_bytes_before_it():
    likely = Decisions(np.zeros(2000, np.uint8), np.full(2000, 1, np.uint16), np.zeros(2000, np.uint8))
    source = RangeDecoder(encode(likely))
    assert not any(source.bit(1) for _ in range(2000))


@given(st.integers(1, 2**32 - 1))
def test_integer_logarithms_are_close(value):
    assert log2(value) / 256 == pytest.approx(np.log2(value), abs=0.017)


@given(st.integers(-5000, 5000))
def test_probabilities_follow_the_log_odds_and_never_reach_certainty(log_odds):
    exact = 4096 / (1 + 2 ** (-log_odds / 256))
    assert probability(log_odds) == pytest.approx(exact, rel=0.01, abs=1.5)
    assert 1 <= probability(log_odds) <= 4095


@given(st.lists(st.tuples(*[st.integers(0, 4_000_000)] * 2), min_size=3, max_size=3), st.integers(0, 3))
def test_numpy_and_python_predict_the_same(counts, strength):
    layer, *contexts = counts
    arrays = [tuple(np.array([n]) for n in pair) for pair in counts]
    together = combined_of(arrays[0], arrays[1:], (3, 5))(strength)
    assert together.tolist() == [combined(layer, contexts, (3, 5), strength)]


@pytest.mark.parametrize("n_exponents", [1, 2, 4, 8, 16])
def test_the_stored_form_gives_the_same_model_back(n_exponents):
    for seed in range(5):
        model = _small_model(n_exponents, seed)
        assert _same(from_stored(to_stored(model)), model)


@pytest.mark.parametrize("task", TASKS)
def test_the_zoo_s_models_come_back_from_the_stored_form(task, tmp_path):
    model = _zoo(task)
    path = tmp_path / f"{task}.ictz"
    path.write_bytes(_stored(task))
    assert _same(load_compact(path), model)


@pytest.mark.parametrize("task", TASKS)
def test_every_stored_byte_is_accounted_for(task):
    count = stored_byte_count(_zoo(task))
    parts = [getattr(count, part.name) for part in fields(StoredByteCount)]
    assert count.total == len(_stored(task)) == sum(parts)
    assert min(parts) > 0
    assert count.headers < 20


@pytest.mark.parametrize("task", TASKS)
def test_the_stored_form_takes_the_smallest_packer_of_each_layer(task):
    sizes = packed_sizes(_zoo(task))
    count = stored_byte_count(_zoo(task))
    assert count.codes + count.index + count.tables <= min(sizes.values()) + 3
    assert min(sizes, key=lambda name: sizes[name]) == "contexts"
    assert len(_stored(task)) < 0.75 * len(to_bytes(_zoo(task)))


@pytest.mark.parametrize("task", TASKS)
def test_ordered_channels_change_no_output_and_take_fewer_stored_bytes(task):
    model = _zoo(task)
    ordered = order_channels(model)
    rng = np.random.default_rng(3)
    shapes = (model.n_features,), (model.window_shape[0] or 1500, model.window_shape[1]), (model.n_context,)
    inputs = [rng.integers(-128, 128, (8, *shape), dtype=np.int8) for shape in shapes]
    before, after = model.run(*inputs), ordered.run(*inputs)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert len(to_stored(ordered)) < 0.98 * len(_stored(task))
    assert _same(order_channels(ordered), ordered)


def test_a_flipped_or_missing_byte_is_noticed():
    data = to_stored(_small_model())
    for position in range(len(data)):
        with pytest.raises(CorruptModelError):
            from_stored(data[:position])
        with pytest.raises(CorruptModelError):
            from_stored(data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :])


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 255), st.sampled_from([1, 4, 8]))
def test_a_damaged_body_with_a_right_checksum_is_refused_or_is_a_model(position, flip, n_exponents):
    data = bytearray(to_stored(_small_model(n_exponents)))
    data[BODY_AT + position % (len(data) - BODY_AT)] ^= flip
    data[5:9] = struct.pack("<I", zlib.crc32(bytes(data[9:]), zlib.crc32(bytes(data[:5]))))
    try:
        model = from_stored(bytes(data))
    except CorruptModelError:
        return
    inputs = [
        np.zeros((2, *shape), np.int8) for shape in ((model.n_features,), model.window_shape, (model.n_context,))
    ]
    model.run(*inputs)


def test_what_the_formats_cannot_hold_is_refused_in_one_line():
    wide = _small_model(16)
    with pytest.raises(InputError, match="16 exponents: the device runs at most 8"):
        to_bytes(wide)
    reference = _with_last_layer(_small_model(), lambda layer: ReferenceLayer(**vars(layer)))
    for refuse in (to_bytes, to_stored):
        with pytest.raises(InputError, match="ReferenceLayer"):
            refuse(reference)
    large = replace(_small_model(), window_shape=(70000, 2))
    with pytest.raises(InputError, match="at most"):
        to_stored(large)


@given(layers().filter(lambda layer: layer[1].n_exponents in (4, 8)))
def test_narrow_and_wide_device_streams_give_the_same_codes_back(layer):
    codes, grid = layer
    stream = pack_codes(codes, grid.n_exponents)
    assert np.array_equal(unpack_codes(stream, *codes.shape, grid.n_exponents), codes)


@pytest.mark.parametrize("n_exponents", [1, 2, 4, 8])
def test_the_device_form_keeps_every_weight(n_exponents, tmp_path):
    model = _small_model(n_exponents)
    path = tmp_path / "model.ictus"
    path.write_bytes(to_bytes(model))
    loaded = load_compact(path)
    pairs = [
        (mine, other)
        for stage, same in zip(model.stages, loaded.stages, strict=True)
        for mine, other in zip(stage.layers, same.layers, strict=True)
    ]
    assert all(np.array_equal(mine.weights, other.weights) for mine, other in pairs)
    assert path.read_bytes()[4] == (3 if n_exponents == 8 else 2)


def test_a_wide_stream_in_an_old_file_is_refused():
    data = bytearray(to_bytes(_small_model(8)))
    data[4] = 2
    data[16:20] = struct.pack("<I", zlib.crc32(bytes(data[20:]), zlib.crc32(bytes(data[:16]))))
    with pytest.raises(CorruptModelError, match="flags"):
        from_bytes(bytes(data))
