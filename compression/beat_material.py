"""The `beat` task as material for recipes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ..models.beat_train import BeatTrainingSet, TrainConfig, passing_shares, thresholds_for, train_beats
from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.train import BeatTensors, Progress, beat_loss, fit_beats, fit_gate
from .compact import CompactModel
from .context_screen import with_context_screen
from .material import Effort, OnStep
from .pipeline import compress
from .recipe import Recipe, ScreenRecipe

__all__ = ["BeatMaterial", "compress_beat"]

_LOSS_UNITS = 4096


@dataclass(frozen=True)
class BeatMaterial:
    """See `TrainingMaterial`.

    Attributes
    ----------
    data : the training material
    config : how the float networks were trained; a recipe overrides the beat CNN's duration and rate
    """

    data: BeatTrainingSet
    config: TrainConfig
    task: str = "beat"

    def teacher(self, model: FloatModel) -> StagedNet:
        """See `TrainingMaterial.teacher`."""
        return model.net

    def peers(self, n: int, progress: Progress | None = None) -> list[StagedNet]:
        """See `TrainingMaterial.peers`."""
        seeds = range(self.config.beats.seed + 1, self.config.beats.seed + n + 1)
        return [train_beats(self.data, self.config.seeded(seed), progress).net for seed in seeds]

    def fit(
        self,
        net: nn.Module,
        effort: Effort,
        phase: str,
        teacher: nn.Module | None = None,
        on_step: OnStep | None = None,
        progress: Progress | None = None,
    ) -> None:
        """See `TrainingMaterial.fit`."""
        config = effort.of(self.config.beats)
        fit_beats(net, self.data.beats, config, phase, teacher, on_step, progress)

    def fit_gate(
        self, gate: nn.Module, judge: Callable[[Tensor], Tensor], on_step: OnStep | None = None, epochs: int = 0
    ) -> None:
        """See `TrainingMaterial.fit_gate`."""
        seconds, config = self.data.gate, self.config
        fit = replace(config.gate, epochs=epochs or config.gate.epochs)
        fit_gate(gate, judge, seconds.features, seconds.is_analysable, fit, on_step, config.gate_care)

    def loss(self, net: nn.Module, teacher: nn.Module | None = None) -> float:
        """See `TrainingMaterial.loss`."""
        beats = BeatTensors.of(self.data.beats)
        order = torch.randperm(len(self.data.beats), generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            return float(beat_loss(net, beats.batch(order[:_LOSS_UNITS]), self.config.beats, teacher))

    def normal_logits(self, compact: CompactModel) -> np.ndarray:
        """See `NormalMaterial.normal_logits`."""
        is_normal = self.data.beats.label == 0
        return compact.classify(self.data.beats.window[is_normal], self.data.beats.context[is_normal])[1]

    def calibrate(self, compact: CompactModel, model: FloatModel) -> CompactModel:
        """Set the thresholds so that as many training units pass as with the float model."""
        thresholds = thresholds_for(compact, self.data, passing_shares(model, self.data))
        stages = tuple(replace(s, threshold=int(thresholds.get(s.name, -128))) for s in compact.stages)
        return replace(compact, stages=stages)

    def with_screen(
        self, compact: CompactModel, how: ScreenRecipe, progress: Progress | None = None
    ) -> CompactModel:
        """See `ScreenMaterial.with_screen`."""
        return with_context_screen(compact, self.data.beats, how, progress)


def compress_beat(
    model: FloatModel, data: BeatTrainingSet, recipe: Recipe, config: TrainConfig, progress: Progress | None = None
) -> CompactModel:
    """`compress` on the data that trained `model`."""
    return compress(model, BeatMaterial(data, config), recipe, progress)
