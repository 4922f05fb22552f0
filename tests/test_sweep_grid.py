"""A sweep's grid: what a file combines, what it may not say, and that a trial never runs longer than its plan."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.compression import BEAT_RECIPES, Recipe
from ictus.compression.sweep_grid import TrialPlan, baseline_recipes, built_in_grid, grid_from, load_grid
from ictus.signals import InputError

RECIPES = {"default": BEAT_RECIPES["new patients"], "other": Recipe()}


def test_a_grid_is_every_combination_and_the_baselines() -> None:
    vary = {"pruning": {"sparsity": [0.5, 0.9]}, "quantiser": {"n_exponents": [1, 2, 4]}}
    grid = grid_from({"baselines": ["float32", "ternary"], "grid": [{"vary": vary}]}, RECIPES)
    assert [s.name for s in grid.settings[:3]] == ["float32", "ternary", "50 % pruned, 1 bit"]
    recipes = [s.recipe for s in grid.settings if s.method == "recipe"]
    assert {(r.pruning.sparsity, r.quantiser.n_exponents) for r in recipes if r} == {
        (s, n) for s in (0.5, 0.9) for n in (1, 2, 4)
    }
    assert all(r.pruning.kept_channels == RECIPES["default"].pruning.kept_channels for r in recipes if r)


def test_class_offsets_take_no_part() -> None:
    assert RECIPES["default"].class_offset
    recipes = [s.recipe for s in built_in_grid(RECIPES).settings]
    assert not any(r.class_offset for r in recipes if r)


def test_baselines_show_pruning_and_powers_of_two_apart() -> None:
    found = baseline_recipes(RECIPES["default"])
    dense, pruned = found["powers of two"], found["pruned, int8"]
    assert found["float32"] is None and dense and pruned
    assert dense.pruning.sparsity == 0 and dense.quantiser.method == "log2"
    assert pruned.pruning == RECIPES["default"].pruning and pruned.quantiser.method == "uniform8"


def test_the_same_setting_twice_is_one() -> None:
    grid = {"grid": [{"vary": {"pruning": {"sparsity": [0.5, 0.5]}}}], "baselines": []}
    assert len(grid_from(grid, RECIPES).settings) == 1


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 60), st.integers(0, 60))
def test_a_trial_is_no_longer_than_its_plan(prune: int, tune: int, own_prune: int, own_tune: int) -> None:
    recipe = RECIPES["default"].shortened(own_prune, own_tune)
    short = TrialPlan(prune_epochs=prune, tune_epochs=tune).shortened(recipe)
    assert short.pruning.epochs == min(prune, own_prune) and short.tuning.epochs == min(tune, own_tune)
    assert short.pruned_to(0.1) == recipe.pruned_to(0.1).shortened(short.pruning.epochs, short.tuning.epochs)


BAD = {
    "nonsense = 1": "'nonsense' is not known",
    'baselines = ["int3"]': "int3",
    "[trials]\nfolds = 9": "9 folds of 4",
    "[trials]\nfolds = 1.5": "folds = 1.5 is no whole number",
    "[trials]\nprune_epochs = 0": "epochs are 1 or more",
    '[[grid]]\nrecipe = "huge"': "recipe 'huge' is not known",
    "[[grid]]\nrecipe.y = []": "recipe {'y': []} is not known",
    "[[grid]]\nvary.pruning.sparsity = 0.5": "vary.pruning.sparsity = 0.5 is no list",
    "[[grid]]\nvary.pruning.depth = [1]": "'depth' is not a setting",
    '[[grid]]\nvary.quantiser.window = ["row"]': "'row' is not one of",
    "grid = 3": "wanted [[grid]] tables",
    "baselines = []": "nothing that runs on a device",
    "[[grid]\n": "line 1",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_grid_is_refused_with_the_file_and_the_value(text: str, tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_grid(path, RECIPES)
    assert str(path) in str(error.value) and BAD[text] in str(error.value)


def test_a_missing_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_grid(tmp_path / "none.toml", RECIPES)
