"""Weights that are fixed step by step: which ones, that they stay, and that integers come of it."""

import numpy as np
import pytest
import torch
from ictus.compression import Quantiser, Tuning, recipe_from
from ictus.compression.freezing import Freezing
from ictus.compression.prune import Pruner, prunable_layers
from ictus.compression.quant_net import QuantLayer, QuantNet
from ictus.models.network import StagedNet
from ictus.models.train import to_unit
from ictus.models.weights import seeded_net
from ictus.signals import N_CONTEXT, N_GATE_FEATURES, WINDOW_SAMPLES, InputError

SHARES = 0.3, 0.8, 1.0


def inputs(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    window = rng.integers(-64, 64, (n, WINDOW_SAMPLES, 2), dtype=np.int8)
    return window, rng.integers(-64, 64, (n, N_CONTEXT), dtype=np.int8)


def pruned_net() -> StagedNet:
    net = seeded_net(N_GATE_FEATURES, 0, "known patients").train()
    window, context = inputs(64)
    net(to_unit(window.reshape(64, -1)), to_unit(context))
    Pruner(prunable_layers(net)).prune_to(0.9)
    return net.eval()


def trained_layers(net: QuantNet) -> list[QuantLayer]:
    return [*net.layers("screen"), *net.layers("specialist")]


def step(net: QuantNet) -> None:
    """One step that moves every weight that may move, a long way."""
    with torch.no_grad():
        for layer in trained_layers(net):
            layer.weight += 0.05 * torch.sign(layer.weight)


@pytest.fixture
def net() -> QuantNet:
    return QuantNet(pruned_net(), Quantiser())


def test_the_largest_weights_of_every_channel_are_fixed_first_and_stay(net: QuantNet) -> None:
    freezing = Freezing(trained_layers(net), SHARES)
    held = [torch.zeros_like(layer.mask) for layer in trained_layers(net)]
    for part, share in enumerate(SHARES):
        freezing(part / len(SHARES))
        before = [layer.weight.detach().clone() for layer in trained_layers(net)]
        step(net)
        freezing(part / len(SHARES))
        for layer, old, earlier in zip(trained_layers(net), before, held, strict=True):
            assert layer.frozen is not None
            assert torch.equal(layer.frozen.sum(dim=1), (share * layer.mask.sum(dim=1)).ceil().long())
            assert not (earlier & ~layer.frozen).any()
            assert torch.equal(layer.weight[layer.frozen], old[layer.frozen])
            assert (layer.weight != old)[layer.mask & ~layer.frozen].all()
        held = [layer.frozen.clone() for layer in trained_layers(net) if layer.frozen is not None]


def test_of_a_channel_none_is_left_that_is_larger_than_a_fixed_one(net: QuantNet) -> None:
    size = [layer.masked_weight.detach().abs() for layer in trained_layers(net)]
    Freezing(trained_layers(net), (0.5, 1.0))
    for layer, each in zip(trained_layers(net), size, strict=True):
        assert layer.frozen is not None
        for weights, frozen, mask in zip(each, layer.frozen, layer.mask, strict=True):
            if frozen.any() and (mask & ~frozen).any():
                assert weights[frozen].min() >= weights[mask & ~frozen].max()


def test_only_fixed_weights_are_seen_as_powers_of_two_until_all_are(net: QuantNet) -> None:
    freezing = Freezing(trained_layers(net), SHARES)
    for layer in trained_layers(net):
        assert layer.frozen is not None
        others = layer.mask & ~layer.frozen
        assert torch.equal(layer.seen_weight[others], layer.weight[others])
    step(net)
    freezing(0.99)
    for layer in trained_layers(net):
        powers = torch.log2(layer.seen_weight[layer.seen_weight != 0].abs())
        assert torch.equal(powers, powers.round())
        assert torch.equal(layer.seen_weight, layer.quantiser(layer.masked_weight))


def test_what_was_fixed_equals_the_integers_bit_for_bit(net: QuantNet) -> None:
    freezing = Freezing(trained_layers(net), SHARES)
    for fraction in (0.1, 0.5, 1.0):
        step(net)
        freezing(fraction)
    window, context = inputs(200)
    screen, classes = net.eval()(to_unit(window.reshape(200, -1)), to_unit(context))
    said = net.to_compact("beat", {}).classify(window, context)
    assert np.array_equal(8 * screen.detach().numpy()[:, 0], said[0])
    assert np.array_equal(8 * classes.detach().numpy(), said[1])


def test_without_shares_all_weights_are_rounded_as_they_train(net: QuantNet) -> None:
    freezing = Freezing(trained_layers(net), ())
    before = [layer.weight.detach().clone() for layer in trained_layers(net)]
    step(net)
    freezing(1.0)
    for layer, old in zip(trained_layers(net), before, strict=True):
        assert layer.frozen is None
        assert (layer.weight != old)[layer.mask].all()


@pytest.mark.parametrize("shares", [(0.5,), (0.5, 0.5, 1.0), (1.0, 0.5), (0.0, 1.0), (0.5, 1.5)])
def test_shares_that_do_not_rise_to_1_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match=r"tuning\.frozen"):
        Tuning(frozen=shares)
    with pytest.raises(InputError, match=r"tuning\.gate_frozen"):
        Tuning(gate_frozen=shares)


def test_a_recipe_file_names_the_shares() -> None:
    assert recipe_from({"tuning": {"frozen": [0.5, 1.0]}}).tuning.frozen == (0.5, 1.0)
    with pytest.raises(InputError, match="rise to 1"):
        recipe_from({"tuning": {"frozen": [0.5]}})
