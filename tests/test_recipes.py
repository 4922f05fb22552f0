"""Recipes as data, criteria, schedules, channels that go, and what a recipe does to a small network."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.compression import (
    BASELINES,
    BeatMaterial,
    ChannelPruning,
    MixedPrecision,
    Pruning,
    Quantiser,
    Recipe,
    ScreenRecipe,
    Tuning,
    baselines_of,
    compress,
    load_recipe,
    recipe_from,
    to_bytes,
)
from ictus.compression.criteria import ChannelCriterion, WeightCriterion, weight_criterion
from ictus.compression.narrow import all_channels, narrowed
from ictus.compression.prune import Pruner, channels_to_keep, prunable_layers
from ictus.compression.reference_layer import ReferenceLayer
from ictus.compression.registry import offered
from ictus.compression.schedules import Schedule
from ictus.models.averaging import WeightAverage
from ictus.models.beat_data import LabelledBeats
from ictus.models.beat_train import BeatTrainingSet, GateData, TrainConfig, train_beats
from ictus.models.ensemble import Ensemble
from ictus.models.float_model import FloatModel
from ictus.models.network import StagedNet
from ictus.models.rhythm_task import rhythm_net_spec
from ictus.models.train import FitConfig
from ictus.models.weights import seeded_net
from ictus.signals import N_CONTEXT, N_GATE_FEATURES, WINDOW_SAMPLES, InputError

CRITERIA = sorted(offered("ictus.compression.criteria", WeightCriterion))
CHANNEL_CRITERIA = sorted(offered("ictus.compression.criteria", ChannelCriterion))
SCHEDULES = offered("ictus.compression.schedules", Schedule)
CONFIG = TrainConfig(
    FitConfig(epochs=6, min_steps=0, batch_size=32), FitConfig(epochs=1, min_steps=0), design="known patients"
)


def trained_like(seed: int = 0, design: str = "new patients") -> StagedNet:
    """A network whose batch norms have statistics and scales of their own."""
    net = seeded_net(N_GATE_FEATURES, seed, design)  # pyright: ignore[reportArgumentType]
    generator = torch.Generator().manual_seed(seed)
    for layer in (layer for chain in net.chains().values() for layer in chain):
        if layer.norm is not None:
            layer.norm.weight.data.uniform_(0.3, 2.0, generator=generator)
            layer.norm.bias.data.uniform_(-0.3, 0.3, generator=generator)
    return net.eval()


@pytest.fixture(scope="module")
def material() -> BeatMaterial:
    """Beats of three classes that their height and one value of the context tell."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 360).astype(np.int8)
    shape = np.sin(np.linspace(0, 6, WINDOW_SAMPLES))[None, :, None] * (20 + 25 * label[:, None, None])
    window = np.clip(shape + rng.normal(0, 6, (360, WINDOW_SAMPLES, 2)), -128, 127).astype(np.int8)
    context = rng.integers(-20, 20, (360, N_CONTEXT)).astype(np.int8)
    context[:, 0] += (30 * label).astype(np.int8)
    beats = LabelledBeats(window, context, label, np.zeros(360, np.int32))
    good = rng.random(400) < 0.5
    features = (rng.normal(0, 20, (400, N_GATE_FEATURES)) + 40 * good[:, None]).clip(-128, 127).astype(np.int8)
    return BeatMaterial(BeatTrainingSet(beats, GateData(features, good, good)), CONFIG)


@pytest.fixture(scope="module")
def model(material: BeatMaterial) -> FloatModel:
    return train_beats(material.data, CONFIG)


def accuracy(model: object, material: BeatMaterial) -> float:
    beats = material.data.beats
    return float((model.classify(beats.window, beats.context)[1].argmax(axis=1) == beats.label).mean())  # pyright: ignore


def test_every_method_has_a_file_and_a_name() -> None:
    assert {"lamp", "global-magnitude", "layer-magnitude"} <= set(CRITERIA)
    assert {"channel-magnitude", "batch-norm-scale"} <= set(CHANNEL_CRITERIA)
    assert {"cubic", "one-shot"} <= set(SCHEDULES)
    with pytest.raises(InputError, match="'random' is not known; known: global-magnitude, lamp"):
        weight_criterion("random")


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.9, 1.0])
def test_a_criterion_prunes_the_share_that_is_asked_for(criterion: str, sparsity: float) -> None:
    net = trained_like()
    pruner = Pruner(prunable_layers(net), criterion=weight_criterion(criterion))
    pruner.prune_to(sparsity)
    assert pruner.sparsity == pytest.approx(sparsity, abs=1e-3)
    for layer in pruner.layers:
        assert layer.allowed is None or not (layer.weight * (1 - layer.allowed)).any()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_within_a_layer_smaller_weights_go_first(criterion: str) -> None:
    net = trained_like()
    folded = [layer.folded()[0].detach().abs() for layer in prunable_layers(net)]
    pruner = Pruner(prunable_layers(net), criterion=weight_criterion(criterion))
    pruner.prune_to(0.6)
    for magnitude, mask in zip(folded, pruner.masks, strict=True):
        if 0 < mask.sum() < mask.numel():
            assert magnitude[mask > 0].min() >= magnitude[mask == 0].max()


def test_layer_magnitude_takes_the_same_share_of_every_layer() -> None:
    pruner = Pruner(prunable_layers(trained_like()), criterion=weight_criterion("layer-magnitude"))
    pruner.prune_to(0.75)
    left = [float(mask.sum()) / layer.n_weights for layer, mask in zip(pruner.layers, pruner.masks, strict=True)]
    assert left == pytest.approx(
        [0.25] * len(left), abs=0.02 + 1 / min(layer.n_weights for layer in pruner.layers)
    )


def test_a_weight_is_used_as_often_as_its_layer_has_positions() -> None:
    rhythm = [layer.rate for layer in StagedNet(rhythm_net_spec(N_GATE_FEATURES)).specialist]
    assert rhythm == [1 / 2, 1 / 4, 1 / 8, 1 / 16, *[1 / 32] * 4, 0, 0]
    net = seeded_net(N_GATE_FEATURES, 0)
    (first, *dense), (second, third, *_) = net.screen, net.specialist
    assert [first.rate, second.rate, third.rate] == [1 / 3, 1 / 6, 1 / 12]
    assert not any(layer.rate for layer in [*dense, *net.gate])


@pytest.mark.parametrize(("sparsity", "most"), [(0.5, 0.9), (0.9, 0.8)])
def test_fewer_products_are_left_of_as_many_weights(sparsity: float, most: float) -> None:
    products = list[float]()
    for name in ("lamp", "lamp-per-product"):
        torch.manual_seed(0)
        net = StagedNet(rhythm_net_spec(N_GATE_FEATURES)).eval()
        pruner = Pruner(prunable_layers(net), criterion=weight_criterion(name))
        pruner.prune_to(sparsity)
        assert pruner.sparsity == pytest.approx(sparsity, abs=1e-3)
        products.append(sum(float(m.sum()) * n.rate for n, m in zip(pruner.layers, pruner.masks, strict=True)))
    assert products[1] < most * products[0]


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0, 1), st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_sparsity_never_falls_and_ends_at_the_target(name: str, target: float, at: list[float]) -> None:
    values = [SCHEDULES[name].sparsity(fraction, target) for fraction in [*sorted(at), 1.0]]
    assert all(a <= b for a, b in pairwise(values))
    assert values[-1] == target


@settings(max_examples=6)
@given(st.integers(0, 2**31), st.sampled_from(["new patients", "known patients", "rhythm"]))
def test_taking_silent_channels_out_changes_no_output(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    net = StagedNet(rhythm_net_spec(N_GATE_FEATURES)).eval() if kind == "rhythm" else trained_like(0, kind)
    kept = all_channels(net)
    for name, chain in net.chains().items():
        for layer, mask in zip(chain, kept[name], strict=True):
            if layer.norm is not None:
                silent = torch.from_numpy(rng.random(len(mask)) < 0.4)
                silent[rng.integers(len(mask))] = False
                layer.norm.weight.data[silent] = 0
                layer.norm.bias.data[silent] = 0
                mask[silent] = False
    generator = torch.Generator().manual_seed(seed)
    length = 700 if kind == "rhythm" else WINDOW_SAMPLES * 2
    x, context = (
        torch.randn(3, length, generator=generator),
        torch.randn(3, net.spec.n_context, generator=generator),
    )
    smaller = narrowed(net, kept)
    with torch.no_grad():
        for before, after in zip(net(x, context), smaller(x, context), strict=True):
            assert torch.allclose(before, after, atol=1e-5)
    assert smaller.n_float_bytes() < net.n_float_bytes()


@pytest.mark.parametrize("criterion", CHANNEL_CRITERIA)
def test_channels_go_by_their_scores_and_the_guarded_ones_stay(criterion: str) -> None:
    net = trained_like()
    kept = channels_to_keep(net, ChannelPruning(0.4, criterion), (10, 6, 5))
    hidden = [*kept["screen"][:-1], *kept["specialist"][:-1]]
    n = sum(len(mask) for mask in hidden)
    assert sum(int(mask.sum()) for mask in hidden) == n - int(0.4 * (n - 16))
    assert all(mask.all() for mask in kept["gate"])
    assert kept["specialist"][-1].all()
    assert kept["specialist"][-2][:6].all()
    assert kept["specialist"][-3][:10].all()
    assert all(int(mask.sum()) >= max(1, 0.25 * len(mask)) for mask in hidden)


def test_the_mean_of_the_weights_counts_the_end_of_the_phase_alone() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(module, 0.5)
    for step in range(1, 9):
        module.weight.data.fill_(step)
        average(step / 8)
    average.put()
    assert module.weight.item() == pytest.approx(np.mean([5, 6, 7, 8]))
    WeightAverage(module, 0.0).put()
    assert module.weight.item() == pytest.approx(6.5)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(Pruning(0.8, epochs=4), tuning=Tuning(3, 0.3), channels=ChannelPruning(0.4), ordered=True),
        Recipe(Pruning(0.8, epochs=4, rewind=True), Quantiser(n_exponents=2), Tuning(4)),
        Recipe(Pruning(0.5, epochs=2, criterion="layer-magnitude", schedule="one-shot"), tuning=Tuning(2)),
        Recipe(
            Pruning(0.5, epochs=2),
            tuning=Tuning(3),
            channels=ChannelPruning(0.3, "batch-norm-scale", 0.1, 1),
            precision=MixedPrecision(tolerance=0.05),
        ),
        baselines_of(Recipe(Pruning(0.6, epochs=4), tuning=Tuning(3)))["sparse from scratch"],
        Recipe(Pruning(0.8, epochs=4), tuning=Tuning(3), distillation=1.0, n_teachers=2),
        Recipe(Pruning(0.8, epochs=4), tuning=Tuning(4, frozen=(0.5, 1.0)), channels=ChannelPruning(0.4)),
    ],
    ids=["channels", "rewound", "one shot", "mixed", "scratch", "two teachers", "frozen"],
)
def test_a_recipe_gives_a_smaller_model_that_still_tells_the_classes(
    recipe: Recipe, material: BeatMaterial, model: FloatModel
) -> None:
    before = [p.detach().clone() for p in model.net.parameters()]
    compact = compress(model, material, replace(recipe, learning_rate=6e-3))
    layers = [layer for stage in compact.stages[1:] for layer in stage.layers]
    n_dense = sum(layer.n_weights for layer in prunable_layers(model.net))
    assert sum(layer.n_weights for layer in layers) <= (1 - recipe.pruning.sparsity) * n_dense + len(layers)
    assert len(to_bytes(compact)) < model.net.n_float_bytes() / 5
    assert accuracy(compact, material) > 0.8
    assert all(torch.equal(a, b) for a, b in zip(before, model.net.parameters(), strict=True))


def test_an_ensemble_says_the_mean_of_the_probabilities() -> None:
    nets = [trained_like(seed) for seed in (0, 1)]
    rng = torch.Generator().manual_seed(2)
    window, context = (torch.randn(5, n, generator=rng) for n in (2 * WINDOW_SAMPLES, N_CONTEXT))
    with torch.no_grad():
        screen, classes = Ensemble(nets)(window, context)
        alone = [net(window, context) for net in nets]
    mean_screen = (alone[0][0].sigmoid() + alone[1][0].sigmoid()) / 2
    mean_classes = (alone[0][1].softmax(dim=1) + alone[1][1].softmax(dim=1)) / 2
    assert torch.allclose(screen.sigmoid(), mean_screen, atol=1e-5)
    assert torch.allclose(classes.softmax(dim=1), mean_classes, atol=1e-5)


def test_peers_are_trained_as_the_model_was_from_the_next_seeds(material: BeatMaterial, model: FloatModel) -> None:
    (peer,) = material.peers(1)
    again = train_beats(material.data, CONFIG.seeded(CONFIG.beats.seed + 1)).net
    weights = [torch.cat([p.flatten() for p in net.parameters()]) for net in (model.net, peer, again)]
    assert torch.equal(weights[1], weights[2])
    assert not torch.equal(weights[0], weights[1])


@pytest.mark.parametrize("name", [name for name in BASELINES if "post" in name])
def test_post_training_quantisation_costs_eight_bits_nothing_and_two_bits_much(
    name: str, material: BeatMaterial, model: FloatModel
) -> None:
    found = accuracy(compress(model, material, BASELINES[name]), material)
    if "8" in name:
        assert found > accuracy(model, material) - 0.01
    assert found > 1 / 3


def test_settings_in_a_file_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "learning_rate = 1\n[pruning]\nsparsity = 0.5\nkept_channels = [2, 1]\n[channels]\nshare = 0.2\n"
    )
    recipe = load_recipe(path)
    assert recipe == Recipe(Pruning(0.5, kept_channels=(2, 1)), channels=ChannelPruning(0.2), learning_rate=1.0)
    assert recipe_from(recipe.to_json() | {"precision": {}}) == replace(recipe, precision=MixedPrecision())


def test_a_file_may_change_the_screen_or_take_it_away(tmp_path: Path) -> None:
    path, base = tmp_path / "mine.toml", Recipe(screen=ScreenRecipe())
    for text, screen in (
        ("[screen]\nwithheld = 0.01\nn_fits = 1\n", ScreenRecipe(withheld=0.01, n_fits=1)),
        ("screen = false\n", None),
        ("learning_rate = 0.01\n", ScreenRecipe()),
    ):
        path.write_text(text)
        assert load_recipe(path, base).screen == screen
        assert recipe_from(load_recipe(path, base).to_json(), base).screen == screen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sparsity = 0.5", "recipe: 'sparsity' is not a setting; known: pruning,"),
        ("[pruning]\nsparsity = 'much'", "recipe.pruning.sparsity: 'much' is no float"),
        ("[quantiser]\nwindow = 'row'", "recipe.quantiser.window: 'row' is not one of 'channel', 'layer'"),
        ("pruning = 3", "recipe.pruning: 3 is no table"),
        ("class_offset = 'S'", "recipe.class_offset: 'S' is no list of numbers"),
        ("[screen]\nwithheld = 2", "recipe.screen.withheld: 2 is not between 0 and 1"),
        ("[screen]\nn_fits = 0", "recipe.screen.n_fits: 0 is not between 1 and 100"),
        ("screen = true", "recipe.screen: True is no table; its settings are n_hidden, epochs"),
        ("pruning = [", "Invalid value|Unclosed"),
    ],
)
def test_a_wrong_recipe_file_is_told_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as error:
        load_recipe(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="No such file"):
        load_recipe(tmp_path / "none.toml")


def test_mixed_precision_gives_layers_what_they_bear(material: BeatMaterial, model: FloatModel) -> None:
    easy = MixedPrecision(choices=(1, 4), tolerance=100.0, activations=True)
    recipe = Recipe(Pruning(0.0, epochs=0), tuning=Tuning(0), precision=easy)
    layers = [layer for stage in compress(model, material, recipe).stages[1:] for layer in stage.layers]
    assert {layer.n_exponents for layer in layers} == {1}
    assert sum(isinstance(layer, ReferenceLayer) for layer in layers) == len(layers) - 2  # all but the exits
    strict = replace(recipe, precision=replace(easy, tolerance=-1.0, activations=False))
    layers = [layer for stage in compress(model, material, strict).stages[1:] for layer in stage.layers]
    assert {layer.n_exponents for layer in layers} == {4}
    with pytest.raises(InputError, match="method must be log2"):
        compress(model, material, replace(recipe, quantiser=Quantiser("uniform8")))


def test_the_gate_has_epochs_and_steps_of_its_own_and_changes_no_other_stage(
    model: FloatModel, material: BeatMaterial
) -> None:
    plain = Recipe(Pruning(sparsity=0.5, epochs=1), tuning=Tuning(1))
    in_steps = replace(plain, tuning=Tuning(1, gate_epochs=4, gate_frozen=(0.5, 1.0)))
    longer = replace(plain, tuning=Tuning(1, gate_epochs=4))
    made = [compress(model, material, recipe) for recipe in (plain, longer, in_steps)]
    assert len({*map(to_bytes, made)}) == 3
    first = made[0]
    for other in made[1:]:
        assert to_bytes(replace(other, stages=(first.stages[0], *other.stages[1:]))) == to_bytes(first)
