"""What a task must offer so that any recipe can be applied to its models."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.train import FitConfig, Progress
from .compact import CompactModel
from .recipe import ScreenRecipe

__all__ = ["Effort", "NormalMaterial", "OnStep", "ScreenMaterial", "TrainingMaterial"]

OnStep = Callable[[float], None]
"""Called after every optimiser step with the share of the phase that is done."""


@dataclass(frozen=True)
class Effort:
    """How long and how hard a phase of a recipe trains.

    Attributes
    ----------
    epochs : passes over the training material, as the task counts them
    learning_rate : peak
    distillation : share of the teacher's soft labels in the targets
    exact : the network computes in integers, which bfloat16 would round
    """

    epochs: int
    learning_rate: float
    distillation: float
    exact: bool = False

    def of(self, config: FitConfig) -> FitConfig:
        """The phase's duration, rate and share of the teacher in place of the float training's, and no dropout."""
        return replace(
            config,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            distillation=self.distillation,
            dropout=0.0,
        )


class TrainingMaterial(Protocol):
    """The material that trained a float model, and how its task trains, calibrates and judges with it."""

    @property
    def task(self) -> str:
        """Name of the task."""
        ...

    def teacher(self, model: FloatModel) -> StagedNet:
        """The network that is compressed and that teaches; it is not changed."""
        ...

    def peers(self, n: int, progress: Progress | None = None) -> list[StagedNet]:
        """`n` more float networks, trained as the model was, from the seeds after its own: they teach, too."""
        ...

    def fit(
        self,
        net: nn.Module,
        effort: Effort,
        phase: str,
        teacher: nn.Module | None = None,
        on_step: OnStep | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Train screen and specialist in place, float or quantised."""
        ...

    def fit_gate(
        self, gate: nn.Module, judge: Callable[[Tensor], Tensor], on_step: OnStep | None = None, epochs: int = 0
    ) -> None:
        """Train the gate in place, float or quantised; nothing where the task does not train it.

        `epochs` of 0 are those of the float training.
        """
        ...

    def loss(self, net: nn.Module, teacher: nn.Module | None = None) -> float:
        """Loss on a fixed draw of the training material; trains nothing."""
        ...

    def calibrate(self, compact: CompactModel, model: FloatModel) -> CompactModel:
        """Thresholds that let as many of the training units pass as the float model's do."""
        ...


@runtime_checkable
class ScreenMaterial(Protocol):
    """Material of a task that can do with another screen than the trained network's."""

    def with_screen(
        self, compact: CompactModel, how: ScreenRecipe, progress: Progress | None = None
    ) -> CompactModel:
        """The model with a screen of its own, threshold included; gate and classes stay as they are."""
        ...


@runtime_checkable
class NormalMaterial(Protocol):
    """Material of a task whose classes can be set to take given shares of what is normal."""

    def normal_logits(self, compact: CompactModel) -> np.ndarray:
        """Class logits int8 (n, n_classes) of the training units of the first class."""
        ...
