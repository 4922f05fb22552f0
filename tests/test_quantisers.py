"""Laws of the quantisers, and that what trains equals the integers that come of it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.compression import Quantiser, code_values, to_bytes
from ictus.compression.compact import EXPONENT_COUNTS, CompactLayer
from ictus.compression.log2 import choose_top_exponent, dequantise, least_squares_top, quantise, top_limits
from ictus.compression.prune import Pruner, prunable_layers
from ictus.compression.quant_net import QuantNet
from ictus.compression.quantisers import QuantiserMethod, quantiser_named
from ictus.compression.quantisers.uniform import fixed_point
from ictus.compression.reference_layer import coarse, reference_byte_count
from ictus.compression.registry import offered
from ictus.compression.shrink import remove_dead_channels
from ictus.models.network import StagedNet
from ictus.models.train import to_unit
from ictus.models.weights import seeded_net
from ictus.signals import N_CONTEXT, N_GATE_FEATURES, WINDOW_SAMPLES, InputError

SEEDS = st.integers(0, 2**32 - 1)
DEVICE_COUNTS = [n for n in EXPONENT_COUNTS if n <= 8]


def weights(seed: int, channels: int = 6, taps: int = 40) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(-2, 1.5, (channels, 1)))
    values = scale * rng.standard_t(3, (channels, taps)) * (rng.random((channels, taps)) < 0.6)
    return torch.from_numpy(values.astype(np.float32))


def inputs(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    window = np.clip(rng.standard_t(3, (n, WINDOW_SAMPLES, 2)) * 25, -128, 127).astype(np.int8)
    context = rng.integers(-128, 128, (n, N_CONTEXT), dtype=np.int8)
    return window, context, rng.integers(-128, 128, (n, N_GATE_FEATURES), dtype=np.int8)


def pruned_net(sparsity: float = 0.5) -> StagedNet:
    net = seeded_net(N_GATE_FEATURES, 0)
    window, context, features = inputs(64)
    net.train()
    net(to_unit(window.reshape(64, -1)), to_unit(context))
    net.judge(to_unit(features))
    Pruner(prunable_layers(net)).prune_to(sparsity)
    return net.eval()


@given(SEEDS, st.sampled_from(EXPONENT_COUNTS))
def test_a_code_is_the_nearest_power_of_its_window_or_nothing(seed: int, n: int) -> None:
    weight = weights(seed)
    top = choose_top_exponent(weight, n)
    values = dequantise(quantise(weight, top, n), top, n)
    window = 2.0 ** (top[:, None] - torch.arange(n))  # (channels, n)
    nearest = (weight.abs()[:, :, None] - window[:, None]).abs().min(dim=2).values
    there = values != 0
    assert torch.allclose((weight - values).abs()[there], nearest[there])
    assert (weight.abs()[~there] <= 0.5 * window[:, -1:].expand_as(weight)[~there]).all()
    assert (weight.sign()[there] == values.sign()[there]).all()


@given(SEEDS, st.sampled_from(EXPONENT_COUNTS))
def test_integers_shifted_by_the_window_are_the_float_weights(seed: int, n: int) -> None:
    weight = weights(seed)
    top = choose_top_exponent(weight, n)
    codes = quantise(weight, top, n)
    as_integers = code_values(codes.numpy(), n) * 2.0 ** (top.numpy()[:, None] - n + 1)
    assert np.array_equal(as_integers, dequantise(codes, top, n).numpy())


@given(SEEDS, st.sampled_from(DEVICE_COUNTS))
def test_quantising_twice_changes_nothing(seed: int, n: int) -> None:
    top = choose_top_exponent(weights(seed), n)
    codes = quantise(weights(seed), top, n)
    assert torch.equal(quantise(dequantise(codes, top, n), top, n), codes)


@given(SEEDS, st.sampled_from((1, 2, 4)))
def test_the_least_squares_window_is_never_worse(seed: int, n: int) -> None:
    weight = weights(seed)

    def error(top: torch.Tensor) -> torch.Tensor:
        return (dequantise(quantise(weight, top, n), top, n) - weight).square().sum(dim=1)

    assert (error(least_squares_top(weight, n)) <= error(choose_top_exponent(weight, n))).all()


@given(SEEDS, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_near_zero_pruning_keeps_a_subset(seed: int, one: float, other: float) -> None:
    weight, (less, more) = weights(seed), sorted((one, other))
    top = choose_top_exponent(weight)
    kept, wider = (quantise(weight, top, near_zero=share) != 0 for share in (more, less))
    assert not (kept & ~wider).any()


def test_stochastic_rounding_keeps_the_mean_exponent() -> None:
    weight = torch.full((1, 20_000), 2.0**-1.3)
    codes = quantise(weight, torch.tensor([0]), dither=torch.rand(weight.shape, generator=torch.manual_seed(0)))
    exponent = codes.double() - 4  # code 4 is 2^0
    assert sorted(exponent.unique().tolist()) == [-2.0, -1.0]
    assert exponent.mean() == pytest.approx(-1.3, abs=0.02)


@pytest.mark.parametrize("n", DEVICE_COUNTS)
def test_every_window_of_a_device_layer_has_a_shift_of_four_bits(n: int) -> None:
    for top in top_limits(n):
        for logit_bits in (0, 2):
            assert 0 <= n - 1 - top + logit_bits <= 15 or (logit_bits == 0 and top == top_limits(n)[0])


@pytest.mark.parametrize(
    "settings_",
    [
        *(Quantiser(n_exponents=n) for n in EXPONENT_COUNTS),
        Quantiser(n_exponents=2, clipping="least-squares", near_zero=0.8),
        Quantiser(window="layer"),
        Quantiser(clipping="learnt", rounding="stochastic"),
        Quantiser(activation_bits=4),
    ],
    ids=lambda q: f"{q.n_exponents} {q.window} {q.clipping} {q.rounding} {q.activation_bits} bits",
)
def test_the_network_that_trains_equals_the_integers_bit_for_bit(settings_: Quantiser) -> None:
    quant = QuantNet(pruned_net(), settings_).eval()
    window, context, features = inputs(60, 1)
    with torch.no_grad():
        screen, classes = quant(to_unit(window.reshape(60, -1)), to_unit(context))
        gate = quant.judge(to_unit(features))
    found = remove_dead_channels(quant.to_compact("beat", {})).run(features, window, context)
    for name, logits in (("gate", gate), ("screen", screen), ("specialist", classes)):
        assert np.array_equal((logits.numpy() * 8).astype(np.int8), found[name]), name
    assert len(np.unique(found["specialist"])) > 10


@pytest.mark.parametrize("method", ["uniform8", "uniform4", "ternary"])
def test_the_baselines_integers_are_what_trains_but_for_a_rounding(method: str) -> None:
    quant = QuantNet(pruned_net(0.0), Quantiser(method)).eval()
    window, context, features = inputs(200, 1)
    with torch.no_grad():
        screen, classes = quant(to_unit(window.reshape(200, -1)), to_unit(context))
    compact = quant.to_compact("beat", {})
    found = compact.run(features, window, context)
    for name, logits in (("screen", screen), ("specialist", classes)):
        off = np.abs((logits.numpy() * 8).astype(int) - found[name].astype(int))
        assert off.max() <= 2  # biases are rounded to units of the accumulator, which are coarse with few bits
        assert off.mean() < 0.2
    dense = reference_byte_count(compact)
    n_weights = sum(layer.codes.size for stage in compact.stages for layer in stage.layers)
    assert dense > n_weights * {"uniform8": 8, "uniform4": 4, "ternary": 2}[method] / 8
    with pytest.raises(InputError):
        to_bytes(compact)


@given(st.lists(st.floats(2.0**-20, 8.0), min_size=1, max_size=20))
def test_fixed_point_factors_are_right_to_nine_digits(factors: list[float]) -> None:
    multiplier, right = fixed_point(np.array(factors))
    assert multiplier * 2.0 ** -right.astype(float) == pytest.approx(factors, rel=1e-9)
    assert (multiplier >= 2**30).all()


def test_four_bit_activations_are_sixteen_multiples_of_eight() -> None:
    maps = coarse(np.arange(128, dtype=np.int8))
    assert sorted(set(maps.tolist())) == list(range(0, 128, 8))
    assert np.abs(maps[:124].astype(int) - np.arange(124)).max() <= 4


def test_a_learnt_window_moves_with_the_weights_beyond_it() -> None:
    quantiser = quantiser_named("log2").make(Quantiser(clipping="learnt"), torch.tensor([[1.0, 0.5]]))
    quantiser(torch.tensor([[8.0, 0.5]])).sum().backward()
    (log_top,) = quantiser.parameters()
    assert log_top.grad is not None
    assert log_top.grad.item() > 0


def test_every_quantiser_has_a_file_and_a_name() -> None:
    found = offered("ictus.compression.quantisers", QuantiserMethod)
    assert {"log2", "ternary", "uniform4", "uniform8"} <= set(found)
    with pytest.raises(InputError, match=r"'log3' is not known; known: .*ternary"):
        quantiser_named("log3")


@pytest.mark.parametrize("n", [0, 3, 32])
def test_other_numbers_of_exponents_are_refused(n: int) -> None:
    with pytest.raises(InputError, match=f"{n} exponents"):
        QuantNet(seeded_net(N_GATE_FEATURES, 0), Quantiser(n_exponents=n))


@settings(max_examples=20)
@given(SEEDS, st.sampled_from(DEVICE_COUNTS))
def test_accumulators_stay_inside_their_bound(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2 * n + 1, (4, 30)).astype(np.uint8)
    layer = CompactLayer(codes, np.zeros(4, np.int8), np.zeros(4, np.uint8), 30, 1, relu=False, n_exponents=n)
    x = np.where(layer.weights[rng.integers(4)] > 0, 127, -128)
    assert np.abs(layer.weights @ x).max() <= layer.accumulator_bound()
