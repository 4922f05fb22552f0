"""What a task must offer so that recipes can be tried on it: a model, what trained it, and what judges it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...compression import CompactModel, Recipe
from ...compression.recipe import load_recipe
from ...compression.sweep_grid import TrialPlan
from ...firmware_export import GoldenVectors
from ...models import FloatModel
from ...models.staged import StagedModel
from ...models.train import Progress
from ...signals import InputError
from ..model_files import LoadedModel, float_model_of

__all__ = ["Bench", "LoadedBench", "Part", "SplitBench", "Verdict", "recipe_among"]


@dataclass(frozen=True)
class Verdict:
    """How a model did on the side that judges.

    Attributes
    ----------
    accuracy, macro_f1 : 0 to 1
    stage_share : stage -> share of the decisions that ran it
    more : further figures for the model's card
    """

    accuracy: float
    macro_f1: float
    stage_share: Mapping[str, float]
    more: Mapping[str, Any] = field(default_factory=dict)


class Part(Protocol):
    """Material that trains, and other material that judges. Can be pickled."""

    def train(self, progress: Progress | None = None) -> FloatModel:
        """A float network from the material that trains."""
        ...

    def compress(self, model: FloatModel, recipe: Recipe, progress: Progress | None = None) -> CompactModel:
        """A recipe applied to a float network with the material that trains."""
        ...

    def judge(self, model: StagedModel) -> Verdict:
        """How a model does on the material that judges."""
        ...


class Bench(Protocol):
    """A trained float model, what trained it, and what tests it. Can be pickled."""

    @property
    def loaded(self) -> LoadedModel:
        """The model's file."""
        ...

    @property
    def model(self) -> FloatModel:
        """The model."""
        ...

    @property
    def head(self) -> dict[str, Any]:
        """Split and data, for the card."""
        ...

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """The task's recipes by name; ``default`` is one of them."""
        ...

    @property
    def whole(self) -> Part:
        """The whole training side, judged by the test side."""
        ...

    def held_out(self, fold: int, plan: TrialPlan) -> Part:
        """The training side without a fold, judged by that fold: the test side has no part in it."""
        ...

    def digest(self) -> str:
        """Hash of the data, the split and the training that trials follow from."""
        ...

    def golden(self) -> GoldenVectors:
        """Real inputs of the networks, to count instructions on."""
        ...


@dataclass(frozen=True)
class LoadedBench:
    """What every bench has from its model's file."""

    loaded: LoadedModel

    @property
    def model(self) -> FloatModel:
        """See `Bench.model`."""
        return float_model_of(self.loaded)


@dataclass(frozen=True)
class SplitBench(LoadedBench):
    """A bench whose model may have been trained on all that it is judged by."""

    @property
    def split(self) -> str:
        """Split that the model was trained on."""
        return str(self.loaded.provenance.get("split", "all"))

    def head_of(self, dataset: str, fitted: str) -> dict[str, Any]:
        """See `Bench.head`; `fitted` is the note where what trained also judges."""
        return {"split": self.split, "dataset": dataset} | ({"note": fitted} if self.split == "all" else {})


def recipe_among(recipes: Mapping[str, Recipe], name: str) -> Recipe:
    """The recipe of that name, or the one in a ``.toml`` file, which starts from the default one.

    Raises
    ------
    InputError
        there is no recipe of that name, or the file holds none.
    """
    if name.endswith(".toml"):
        return load_recipe(name, recipes["default"])
    if name not in recipes:
        raise InputError(f"recipe {name!r} is not known; known: {', '.join(recipes)}, or a .toml file")
    return recipes[name]
