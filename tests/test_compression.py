"""Compression: codes, packing, pruning, the file, and the integers that equal the quantised network."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.compression import (
    CompactLayer,
    CompactModel,
    CompactStage,
    byte_count,
    code_values,
    from_bytes,
    load_compact,
    pack_codes,
    to_bytes,
    unpack_codes,
    with_class_offset,
)
from ictus.compression.criteria.lamp import lamp_scores
from ictus.compression.log2 import choose_top_exponent, dequantise, quantise
from ictus.compression.prune import Pruner
from ictus.compression.quant_net import QuantNet
from ictus.compression.schedules import schedule_named
from ictus.compression.shrink import remove_dead_channels
from ictus.models.beat_task import RHYTHM_CHANNELS
from ictus.models.train import to_unit
from ictus.models.weights import seeded_net
from ictus.signals import N_CONTEXT, N_GATE_FEATURES, WINDOW_SAMPLES, CorruptModelError, InputError

sparse_codes = st.tuples(st.integers(1, 12), st.integers(1, 700), st.floats(0, 1), st.integers(0, 2**32 - 1)).map(
    lambda p: _random_codes(*p)
)


def _random_codes(channels: int, taps: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 9, (channels, taps)) * (rng.random((channels, taps)) < density)
    return codes.astype(np.uint8)


def _trained_like_net(seed: int = 0):
    """A network whose batch norms have seen data, two thirds of its weights gone."""
    net = seeded_net(N_GATE_FEATURES, seed)
    rng = np.random.default_rng(seed)
    window, context, features = _inputs(rng, 512)
    net.train()
    net(to_unit(window).flatten(1), to_unit(context))
    net.judge(to_unit(features))
    Pruner([*net.screen, *net.specialist]).prune_to(0.66)
    return net.eval()


def _inputs(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shapes = (WINDOW_SAMPLES, 2), (N_CONTEXT,), (N_GATE_FEATURES,)
    window, context, features = (rng.integers(-128, 128, (n, *shape), dtype=np.int8) for shape in shapes)
    return window, context, features


@pytest.fixture(scope="module")
def net():
    return _trained_like_net()


@pytest.fixture(scope="module")
def model(net) -> CompactModel:
    return QuantNet(net).to_compact("beat", {"gate": -3, "screen": 5})


@given(sparse_codes)
def test_unpacking_a_packed_stream_gives_the_same_codes(codes):
    assert np.array_equal(unpack_codes(pack_codes(codes), *codes.shape), codes)


@given(st.binary(max_size=40), st.integers(1, 4), st.integers(1, 100))
def test_any_bytes_unpack_within_bounds_or_are_refused(stream, channels, taps):
    try:
        codes = unpack_codes(stream, channels, taps)
    except CorruptModelError:
        return
    assert codes.shape == (channels, taps)
    assert codes.max(initial=0) <= 8


def test_a_code_is_a_sign_and_a_power_of_two():
    assert code_values(np.arange(9)).tolist() == [0, 1, 2, 4, 8, -1, -2, -4, -8]


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 3))
def test_quantisation_takes_the_nearest_power_of_two_in_the_window(seed, scale):
    weight = torch.from_numpy(np.random.default_rng(seed).normal(0, scale, (4, 50)).astype(np.float32))
    top = choose_top_exponent(weight)
    found = dequantise(quantise(weight, top), top)
    for row, exponent, quantised in zip(weight, top, found, strict=True):
        powers = [0.0] + [s * 2.0**e for e in range(int(exponent) - 3, int(exponent) + 1) for s in (1, -1)]
        nearest = torch.tensor(powers)[(row[:, None] - torch.tensor(powers)).abs().argmin(dim=1)]
        assert torch.allclose((row - quantised).abs(), (row - nearest).abs(), atol=1e-7)


def test_quantised_codes_mean_the_same_in_torch_and_in_integers():
    weight = torch.randn(6, 40, generator=torch.Generator().manual_seed(0))
    top = choose_top_exponent(weight)
    codes = quantise(weight, top)
    as_integers = code_values(codes.numpy()) * 2.0 ** (top.numpy()[:, None] - 3)
    assert np.array_equal(as_integers, dequantise(codes, top).numpy())


def test_the_quantised_network_equals_the_integers_bit_for_bit(net, model):
    window, context, features = _inputs(np.random.default_rng(1), 300)
    quant = QuantNet(net).eval()
    with torch.no_grad():
        screen, classes = quant(to_unit(window).flatten(1), to_unit(context))
        gate = quant.judge(to_unit(features))
    logits = model.run(features, window, context)
    for name, value in (("gate", gate), ("screen", screen), ("specialist", classes)):
        assert np.array_equal((value.numpy() * 8).astype(np.int8), logits[name]), name
        assert len(np.unique(logits[name])) > 10


def test_a_bias_that_int8_cannot_hold_saturates_in_both():
    net = seeded_net(N_GATE_FEATURES, 0).eval()
    norm = next(iter(net.screen)).norm
    assert norm is not None
    torch.nn.init.constant_(norm.bias, 6.0)
    quant = QuantNet(net).eval()
    window, context, features = _inputs(np.random.default_rng(3), 100)
    with torch.no_grad():
        screen, _ = quant(to_unit(window).flatten(1), to_unit(context))
    logits = quant.to_compact("beat", {}).run(features, window, context)
    assert np.array_equal((screen.numpy() * 8).astype(np.int8), logits["screen"])


def test_no_units_give_no_logits(model):
    nothing = _inputs(np.random.default_rng(0), 0)
    assert {name: x.shape for name, x in model.run(nothing[2], nothing[0], nothing[1]).items()} == {
        "gate": (0, 1),
        "screen": (0, 1),
        "specialist": (0, 5),
    }


def test_a_layer_rounds_halves_up_and_saturates():
    layer = CompactLayer(np.array([[1]], np.uint8), np.zeros(1, np.int8), np.array([1], np.uint8), 1, 1, False)
    x = np.array([[-3], [-2], [-1], [1], [3]], np.int8)
    assert layer.run(x)[:, 0].tolist() == [-1, -1, 0, 1, 2]
    large = CompactLayer(np.array([[4]], np.uint8), np.zeros(1, np.int8), np.zeros(1, np.uint8), 1, 1, False)
    assert large.run(np.array([[127], [-128]], np.int8))[:, 0].tolist() == [127, -128]


def test_removing_dead_channels_changes_no_output(model):
    smaller = remove_dead_channels(_with_dead_channels(model))
    window, context, features = _inputs(np.random.default_rng(2), 200)
    before = _with_dead_channels(model).run(features, window, context)
    after = smaller.run(features, window, context)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert len(to_bytes(smaller)) < len(to_bytes(_with_dead_channels(model)))


def _with_dead_channels(model: CompactModel) -> CompactModel:
    """Silence a kept channel, and stop reading one of the specialist's."""
    gate, screen, specialist = model.stages
    first = screen.layers[0]
    codes, bias = first.codes.copy(), first.bias.copy()
    codes[3], bias[3] = 0, -5
    unread = specialist.layers[1].codes.copy()
    unread.reshape(len(unread), -1, specialist.layers[0].out_channels)[:, :, 2] = 0
    screen = replace(screen, layers=(replace(first, codes=codes, bias=bias), *screen.layers[1:]))
    layers = (specialist.layers[0], replace(specialist.layers[1], codes=unread), *specialist.layers[2:])
    return replace(model, stages=(gate, screen, replace(specialist, layers=layers)))


def test_every_byte_of_the_file_is_accounted_for(model):
    count = byte_count(model)
    assert count.total == len(to_bytes(model)) == count.codes + count.index + count.scales + count.headers


def test_the_file_gives_the_same_model_back(model, tmp_path):
    path = tmp_path / "beat.ictus"
    path.write_bytes(to_bytes(model))
    loaded = load_compact(path)
    assert to_bytes(loaded) == to_bytes(model)
    assert loaded.thresholds == {"gate": -3, "screen": 5}


def test_every_flipped_byte_is_noticed(model):
    data = to_bytes(model)
    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= 0x10
        with pytest.raises(CorruptModelError):
            from_bytes(bytes(broken))


@settings(max_examples=200)
@given(st.integers(20, 10**6), st.integers(1, 255))
def test_a_damaged_body_with_a_right_checksum_is_refused_or_runs_within_bounds(position, flip):
    data = bytearray(to_bytes(_small_model()))
    data[20 + position % (len(data) - 20)] ^= flip
    crc = zlib.crc32(bytes(data[20:]), zlib.crc32(bytes(data[:16])))
    data[16:20] = struct.pack("<I", crc)
    try:
        model = from_bytes(bytes(data))
    except CorruptModelError:
        return
    features, window, context = (np.zeros(s, np.int8) for s in ((2, 6), (2, 8, 2), (2, 3)))
    model.run(features, window, context)


def _small_model() -> CompactModel:
    rng = np.random.default_rng(0)

    def layer(channels: int, taps: int, **flags: object) -> CompactLayer:
        codes = (rng.integers(1, 9, (channels, taps)) * (rng.random((channels, taps)) < 0.4)).astype(np.uint8)
        shape = {"step": 4, "out_length": 1, "relu": True} | flags
        return CompactLayer(codes, np.zeros(channels, np.int8), np.full(channels, 3, np.uint8), **shape)

    gate = CompactStage("gate", "features", (layer(1, 6, relu=False),))
    screen_layers = (layer(3, 6, step=2, out_length=5), layer(1, 18, takes_context=True, relu=False))
    screen = CompactStage("screen", "window", screen_layers, n_kept=1)
    specialist = CompactStage("specialist", "kept", (layer(5, 15, relu=False),))
    return CompactModel("beat", 6, (8, 2), 3, (gate, screen, specialist))


def test_lamp_scores_order_weights_of_a_layer_by_magnitude_and_end_at_one():
    weight = torch.tensor([[3.0, -1.0], [0.5, 2.0]])
    scores = lamp_scores(weight)
    assert torch.equal(scores.flatten().argsort(), weight.abs().flatten().argsort())
    assert scores.max() == pytest.approx(1.0)
    assert scores[0, 1] == pytest.approx(1 / (9 + 4 + 1))


def test_pruning_reaches_the_target_and_never_revives_a_weight():
    net = seeded_net(N_GATE_FEATURES, 1)
    pruner = Pruner([*net.screen, *net.specialist])
    pruner.prune_to(0.5)
    gone = [layer.weight == 0 for layer in pruner.layers]
    with torch.no_grad():
        for layer in pruner.layers:
            layer.weight.add_(1.0)
    pruner.prune_to(0.9)
    assert pruner.sparsity == pytest.approx(0.9, abs=1e-3)
    for layer, was_gone in zip(pruner.layers, gone, strict=True):
        assert (layer.weight[was_gone] == 0).all()


def test_channels_that_are_kept_lose_no_weight_however_much_is_pruned():
    net = seeded_net(N_GATE_FEATURES, 0)
    pruner = Pruner([*net.screen, *net.specialist], RHYTHM_CHANNELS)
    before = [layer.weight.detach().clone() for layer in pruner.layers[-3:]]
    for sparsity in (0.8, 1.0):
        pruner.prune_to(sparsity)
        for layer, weight, n in zip(pruner.layers[-3:], before, RHYTHM_CHANNELS, strict=True):
            assert torch.equal(layer.weight[:n], weight[:n])
    assert not pruner.layers[0].weight.any()


def test_a_class_offset_moves_the_logits_by_its_steps_and_nothing_else(model):
    window, context, features = _inputs(np.random.default_rng(4), 100)
    before = model.run(features, window, context)
    moved = with_class_offset(model, (0.0, 0.75, -0.5, 0.0, 0.0))
    after = moved.run(features, window, context)
    steps = np.array([0, 6, -4, 0, 0])
    expected = np.clip(before["specialist"].astype(int) + steps, -128, 127)
    inside = np.abs(before["specialist"].astype(int)) < 120
    assert np.array_equal(after["specialist"][inside], expected[inside])
    assert all(np.array_equal(before[name], after[name]) for name in ("gate", "screen"))
    assert len(to_bytes(moved)) == len(to_bytes(model))
    assert with_class_offset(model, ()) is model
    with pytest.raises(InputError, match="3 class offsets for 5 classes"):
        with_class_offset(model, (0.0, 0.5, 0.0))


def test_the_sparsity_schedule_rises_from_nothing_to_its_target():
    cubic_sparsity = schedule_named("cubic").sparsity
    steps = [cubic_sparsity(f, 0.9) for f in np.linspace(-0.1, 1.2, 30)]
    assert steps[0] == 0.0
    assert steps[-1] == 0.9
    assert (np.diff(steps) >= 0).all()
