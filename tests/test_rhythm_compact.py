"""Compression of a network for strips: quantised twin, recipe, and the integers that equal both."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ictus.compression import CompactModel, Recipe, compress_rhythm, from_bytes, to_bytes
from ictus.compression.prune import Pruner
from ictus.compression.quant_net import QuantNet
from ictus.compression.rhythm_material import RhythmMaterial
from ictus.compression.shrink import remove_dead_channels
from ictus.models.float_model import FloatModel
from ictus.models.net_spec import LayerSpec
from ictus.models.network import StagedNet
from ictus.models.rhythm_cascade import decide_strips
from ictus.models.rhythm_data import RhythmStrip
from ictus.models.rhythm_task import rhythm_net_spec
from ictus.models.rhythm_train import RhythmConfig
from ictus.models.train import FitConfig, to_unit
from ictus.signals.rhythm_features import N_RHYTHM_FEATURES

N_GATE = 6


def small_net(seed: int = 0) -> StagedNet:
    """The rhythm task's kind of network with few channels; its batch norms have seen data."""
    specialist = (
        LayerSpec(6, kernel=7, stride=2),
        LayerSpec(8, kernel=5, stride=2),
        LayerSpec(10, kernel=3, pools=True),
        LayerSpec(8, takes_context=True),
        LayerSpec(3, is_logit=True),
    )
    torch.manual_seed(seed)
    net = StagedNet(replace(rhythm_net_spec(N_GATE), specialist=specialist))
    wave, context = inputs(64, 320, seed)
    net.train()
    net(to_unit(wave), to_unit(context))
    net.judge(to_unit(context[:, :N_GATE]))
    return net.eval()


def inputs(n: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    wave = np.clip(rng.standard_t(3, (n, length)) * 25, -128, 127).astype(np.int8)
    return wave, rng.integers(-128, 128, (n, N_RHYTHM_FEATURES), dtype=np.int8)


@pytest.fixture(scope="module")
def strips() -> list[RhythmStrip]:
    """Strips of three lengths whose class is in their amplitude and in one feature."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(96):
        label, seconds = number % 3, (9, 12, 30)[number // 3 % 3]
        wave, context = inputs(1, seconds * 64, number)
        wave = (wave[0].astype(int) * (label + 1) // 3).astype(np.int8)
        context[0, 0] = 40 * label + rng.integers(-20, 20)
        features = rng.integers(-128, 128, (seconds, N_GATE), dtype=np.int8)
        found.append(RhythmStrip(f"s{number}", label, wave, context[0], np.empty(0, np.int64), features))
    return found


@pytest.mark.parametrize("length", [64, 579, 2048])
def test_the_quantised_network_equals_the_integers_bit_for_bit_at_any_length(length: int) -> None:
    net = small_net()
    Pruner([*net.screen, *net.specialist]).prune_to(0.5)
    quant = QuantNet(net).eval()
    compact = remove_dead_channels(quant.to_compact("rhythm", {"screen": 3}))
    wave, context = inputs(40, length, 1)
    with torch.no_grad():
        screen, classes = quant(to_unit(wave), to_unit(context))
    found = compact.classify(wave[:, :, None], context)
    assert np.array_equal((screen[:, 0].numpy() * 8).astype(np.int8), found[0])
    assert np.array_equal((classes.numpy() * 8).astype(np.int8), found[1])
    assert all(len(np.unique(logits)) > 10 for logits in found)


def test_a_mean_half_way_is_rounded_up_in_both() -> None:
    from ictus.compression.compact import pool_positions
    from ictus.compression.quant_net import _pool

    maps = np.random.default_rng(0).integers(0, 128, (2000, 6, 4), dtype=np.int8)
    assert ((maps.sum(axis=1) % 6) == 3).any()
    found = _pool(to_unit(maps).reshape(2000, -1), 4).numpy() * 32
    assert np.array_equal(found.astype(np.int8), pool_positions(maps))


def test_the_stages_read_what_the_task_says() -> None:
    compact = QuantNet(small_net()).to_compact("rhythm", {})
    assert [stage.source for stage in compact.stages] == ["features", "context", "stream"]
    assert compact.window_shape == (0, 1)
    assert to_bytes(from_bytes(to_bytes(compact))) == to_bytes(compact)


@pytest.fixture(scope="module")
def compressed(strips: list[RhythmStrip]) -> tuple[FloatModel, CompactModel]:
    model = FloatModel(small_net(), {"gate": -float("inf"), "screen": 0.0})
    config = RhythmConfig(FitConfig(epochs=1, min_steps=0, batch_size=16), crop_s=8.0, short_s=5.0, bf16=False)
    recipe = Recipe().pruned_to(0.8).shortened(3, 2)
    gate = QuantNet(small_net(1)).to_compact("rhythm", {"gate": 7}).stage("gate")
    return model, compress_rhythm(model, strips, recipe, config, gate)


def test_the_recipe_prunes_as_far_as_it_says(compressed: tuple[FloatModel, CompactModel]) -> None:
    model, compact = compressed
    chains = [layer for name in ("screen", "specialist") for layer in model.net.chains()[name]]
    n_left = sum(layer.n_weights for name in ("screen", "specialist") for layer in compact.stage(name).layers)
    assert n_left <= 0.21 * sum(layer.n_weights for layer in chains)
    assert compact.stage("gate").threshold == 7


def test_peers_that_are_known_are_not_trained_again(strips: list[RhythmStrip]) -> None:
    known = [FloatModel(small_net(seed), {}) for seed in (1, 2)]
    config = RhythmConfig(FitConfig(epochs=1, min_steps=0, batch_size=16), crop_s=8.0, short_s=5.0, bf16=False)
    material = RhythmMaterial(strips, config, known_peers=known)
    assert [a is b.net for a, b in zip(material.peers(2), known, strict=True)] == [True, True]
    first, second = replace(material, known_peers=known[:1]).peers(2)
    assert first is known[0].net
    assert second.spec == rhythm_net_spec(N_GATE)


def test_the_compact_model_decides_strips_of_any_length(
    compressed: tuple[FloatModel, CompactModel], strips: list[RhythmStrip]
) -> None:
    _, compact = compressed
    decisions = decide_strips(compact, strips)
    for number, strip in enumerate(strips[:12]):
        assert np.array_equal(compact.run_strip(strip.wave, strip.context), decisions.classes[number])
    assert decisions.reached[np.array([s.label for s in strips]) > 0].any()
