"""Which settings a sweep tries: combinations of recipe settings, from a TOML file or built in, and the baselines.

A file names what all recipes of a grid share (``fixed``) and what they are combined of (``vary``)::

    baselines = ["float32", "ternary"]           # all of them if left out

    [trials]                                     # see TrialPlan
    prune_epochs = 6

    [[grid]]
    recipe = "default"                           # what they start from
    fixed.quantiser.window = "channel"
    vary.pruning.sparsity = [0.5, 0.8, 0.9]
    vary.quantiser.n_exponents = [1, 2, 4]

Recipes take part without their class offsets, which move the operating point: what is lost is lost to compression.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from ..signals import InputError
from ..signals.bounded_files import read_toml
from ..signals.errors import one_line, quoted
from .presets import baselines_of
from .recipe import Quantiser, Recipe, recipe_from

__all__ = [
    "Grid",
    "Setting",
    "TrialPlan",
    "baseline_recipes",
    "built_in_grid",
    "device_runs",
    "grid_from",
    "load_grid",
]

FLOAT = "float32"
_MOST_DEPTH = 4
PRUNED_INT8 = "pruned, int8"


def baseline_recipes(recipe: Recipe) -> dict[str, Recipe | None]:
    """What a recipe is measured against: baseline -> recipe, None for the float network as it is.

    Beside the presets' there is the recipe with 8-bit integers in place of powers of two, so that what pruning
    gains is seen apart from what powers of two gain. All train at the recipe's rate.
    """
    found = {
        name: replace(
            other,
            learning_rate=recipe.learning_rate,
            class_offset=recipe.class_offset,
            normal_share=recipe.normal_share,
        )
        for name, other in baselines_of(recipe).items()
    }
    return {FLOAT: None, **found, PRUNED_INT8: replace(recipe, quantiser=Quantiser("uniform8"))}


def device_runs(recipe: Recipe) -> bool:
    """Whether a recipe gives what firmware can hold; what it cannot is there to be compared."""
    quantiser = recipe.quantiser
    return quantiser.method == "log2" and quantiser.n_exponents <= 8 and quantiser.activation_bits == 8


@dataclass(frozen=True)
class TrialPlan:
    """What a trial may take. Trials only rank recipes; the chosen one trains at full length afterwards.

    Attributes
    ----------
    folds, of : so many folds of so many are held out, one after the other, by subject where there are subjects
    prune_epochs, tune_epochs : at most so many, whatever the recipe says
    min_steps : training steps that each phase makes at least, however few epochs that would be
    gate_epochs : of the gate, which most recipes leave alone
    """

    folds: int = 2
    of: int = 4
    prune_epochs: int = 6
    tune_epochs: int = 6
    min_steps: int = 300
    gate_epochs: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.folds <= self.of or self.of < 2:
            raise InputError(f"trials: {self.folds} folds of {self.of}; 1 to all of 2 or more can be held out")
        if min(self.prune_epochs, self.tune_epochs, self.gate_epochs) < 1 or self.min_steps < 0:
            raise InputError("trials: epochs are 1 or more, steps 0 or more")

    def shortened(self, recipe: Recipe) -> Recipe:
        """A recipe with phases that are no longer than a trial's."""
        prune, tune = recipe.pruning.epochs, recipe.tuning.epochs
        return recipe.shortened(min(prune, self.prune_epochs), min(tune, self.tune_epochs))


@dataclass(frozen=True)
class Setting:
    """A configuration on trial.

    Attributes
    ----------
    name : for people
    method : ``recipe``, or ``baseline``
    recipe : at full length; None for the float network as it is
    settings : what sets it apart from others, for tables
    """

    name: str
    method: str
    recipe: Recipe | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """Settings and how they are tried."""

    plan: TrialPlan
    settings: tuple[Setting, ...]


_DEFAULT = {
    "grid": [
        {"vary": {"pruning": {"sparsity": [0.0, 0.5, 0.7, 0.8, 0.9, 0.95]}, "quantiser": {"n_exponents": [2, 4]}}}
    ]
}
_QUICK = {
    "baselines": ["float32", "int8 post-training", "powers of two"],
    "trials": {"folds": 1, "prune_epochs": 1, "tune_epochs": 1, "min_steps": 150, "gate_epochs": 1},
    "grid": [{"vary": {"pruning": {"sparsity": [0.5, 0.8, 0.9]}, "quantiser": {"n_exponents": [2, 4]}}}],
}


def built_in_grid(recipes: Mapping[str, Recipe], is_quick: bool = False) -> Grid:
    """Sparsity times bits, and all baselines; fewer points and short trials if it is to be quick."""
    return grid_from(_QUICK if is_quick else _DEFAULT, recipes)


def load_grid(path: str | Path, recipes: Mapping[str, Recipe]) -> Grid:
    """Read a grid from a TOML file.

    Parameters
    ----------
    recipes : that it may start from, by name; ``default`` is one of them

    Raises
    ------
    InputError
        the file cannot be read, is no TOML, or says what a grid or a recipe does not have.
    """
    said = read_toml(Path(path))
    try:
        return grid_from(said, recipes)
    except InputError as error:
        raise InputError(f"{path}: {one_line(error, 400)}") from error


def grid_from(said: Mapping[str, Any], recipes: Mapping[str, Recipe]) -> Grid:
    """A grid of what a file says; see the module.

    Raises
    ------
    InputError
        a name that is not known, a list that is none, or nothing to try.
    """
    _check_keys(said, ("baselines", "trials", "grid"), "grid file")
    trials = _table(said, "trials")
    _check_keys(trials, [f.name for f in fields(TrialPlan)], "trials")
    if wrong := [f"{key} = {quoted(value)}" for key, value in trials.items() if type(value) is not int]:
        raise InputError(f"trials: {wrong[0]} is no whole number")
    plain = {name: recipe.without_offsets() for name, recipe in recipes.items()}
    baselines = baseline_recipes(plain["default"])
    names = said.get("baselines", list(baselines))
    if not isinstance(names, list) or not set(map(str, names)) <= set(baselines):
        raise InputError(f"baselines: {quoted(names)}; known: {', '.join(baselines)}")
    tables = said.get("grid", [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise InputError("grid: wanted [[grid]] tables")
    settings = [Setting(name, "baseline", baselines[name]) for name in names]
    settings += [setting for table in tables for setting in _combined(table, plain)]
    if not any(setting.recipe and device_runs(setting.recipe) for setting in settings):
        raise InputError("the grid holds nothing that runs on a device")
    unique = {(setting.method, str(setting.recipe)): setting for setting in settings}
    return Grid(TrialPlan(**trials), tuple(unique.values()))


def _check_keys(table: Mapping[str, Any], known: Sequence[str], name: str) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise InputError(f"{name}: {quoted(unknown[0])} is not known; known: {', '.join(known)}")


def _table(said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = said.get(key, {})
    if not isinstance(found, Mapping):
        raise InputError(f"{key}: {quoted(found)} is no table")
    return found


def _combined(table: Mapping[str, Any], recipes: Mapping[str, Recipe]) -> Iterator[Setting]:
    """Every combination of what one ``[[grid]]`` varies."""
    _check_keys(table, ("recipe", "fixed", "vary"), "grid")
    start = table.get("recipe", "default")
    if not isinstance(start, str) or start not in recipes:
        raise InputError(f"grid: recipe {quoted(start)} is not known; known: {', '.join(recipes)}")
    base = recipe_from(_table(table, "fixed"), recipes[start])
    choices = dict(_leaves(_table(table, "vary")))
    prefix = "" if start == "default" else f"{start}, "
    for values in product(*choices.values()):
        varied = dict(zip(choices, values, strict=True))
        recipe = recipe_from(_nested(varied), base)
        yield Setting(
            prefix + _name(recipe, varied), "recipe", recipe, {".".join(k): v for k, v in varied.items()}
        )


def _leaves(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and len(path) < _MOST_DEPTH:
            yield from _leaves(value, (*path, key))
        elif isinstance(value, list) and value:
            yield (*path, key), value
        else:
            raise InputError(f"grid: vary.{'.'.join((*path, key))} = {quoted(value)} is no list of values")


def _nested(varied: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in varied.items():
        branch = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = value
    return tree


def _name(recipe: Recipe, varied: Mapping[tuple[str, ...], Any]) -> str:
    """Sparsity and bits in words, whatever else is varied by its name."""
    said = [f"{100 * recipe.pruning.sparsity:g} % pruned", f"{recipe.quantiser.bits} bit"]
    told = {("pruning", "sparsity"), ("quantiser", "n_exponents")}
    return ", ".join(
        said + [f"{path[-1].replace('_', ' ')} {value}" for path, value in varied.items() if path not in told]
    )
