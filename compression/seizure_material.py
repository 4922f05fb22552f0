"""The seizure cascade as material for recipes."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.seizure_data import ICTAL
from ..models.seizure_fit import SeizureConfig, UnitSampler, fit_seizure, seizure_loss
from ..models.seizure_train import SeizureTrainingSet, decision_logits, fit_stages, gate_threshold, screen_logits
from ..models.staged import calibrate_threshold
from ..models.train import Progress, fit_gate
from .compact import CompactModel
from .material import Effort, OnStep
from .pipeline import compress
from .recipe import Recipe

__all__ = ["SeizureMaterial", "compress_seizure"]

_LOSS_UNITS = 1024


@dataclass(frozen=True)
class SeizureMaterial:
    """See `TrainingMaterial`.

    Attributes
    ----------
    data : as `train_seizure` gave it
    config : how the float network was trained; a recipe overrides duration, rate and share of the teacher
    """

    data: SeizureTrainingSet
    config: SeizureConfig
    task: str = "seizure"

    def teacher(self, model: FloatModel) -> StagedNet:
        """The network without the decision threshold in its last bias."""
        net = copy.deepcopy(model.net)
        bias = list(net.specialist)[-1].bias
        assert bias is not None
        bias.data += model.thresholds["decision"]
        return net

    def peers(self, n: int, progress: Progress | None = None) -> list[StagedNet]:
        """See `TrainingMaterial.peers`."""
        seeds = range(self.config.fit.seed + 1, self.config.fit.seed + n + 1)
        return [self.teacher(fit_stages(self.data, self.config.seeded(seed), progress)) for seed in seeds]

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
        config = replace(self.config, fit=effort.of(self.config.fit))
        fit_seizure(net, self.data.units, config, phase, teacher, on_step, progress)

    def fit_gate(
        self, gate: nn.Module, judge: Callable[[Tensor], Tensor], on_step: OnStep | None = None, epochs: int = 0
    ) -> None:
        """See `TrainingMaterial.fit_gate`."""
        seconds = self.data.gate
        fit = replace(self.config.gate_fit, epochs=epochs or self.config.gate_fit.epochs)
        fit_gate(gate, judge, seconds.features, seconds.is_analysable, fit, on_step)

    def loss(self, net: nn.Module, teacher: nn.Module | None = None) -> float:
        """See `TrainingMaterial.loss`."""
        sampler = UnitSampler(self.data.units, self.config)
        weight = torch.from_numpy(sampler.draw_weight())
        n = min(_LOSS_UNITS, len(self.data.units))
        index = torch.multinomial(weight, n, replacement=True, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            return float(seizure_loss(net, sampler.batch(index), self.config, teacher))

    def calibrate(self, compact: CompactModel, model: FloatModel) -> CompactModel:
        """Let as many of the ictal training units pass as the float model; a seizure has a score of 0 or more."""
        units = self.data.units
        is_ictal = units.label == ICTAL
        gate, screen, specialist = compact.stages
        passed = float((screen_logits(model, units)[is_ictal] >= model.thresholds["screen"]).mean())
        screened = int(calibrate_threshold(screen_logits(compact, units), is_ictal, passed))
        found = float((decision_logits(model, units)[is_ictal] >= 0).mean())
        decided = int(calibrate_threshold(decision_logits(compact, units), is_ictal, found))
        *body, exit_layer = specialist.layers
        bias = np.clip(exit_layer.bias.astype(np.int64) - decided, -128, 127).astype(np.int8)
        gated = int(gate_threshold(compact, self.data.gate, self.config.gate_pass))
        stages = (
            replace(gate, threshold=gated),
            replace(screen, threshold=screened),
            replace(specialist, layers=(*body, replace(exit_layer, bias=bias))),
        )
        return replace(compact, stages=stages)


def compress_seizure(
    model: FloatModel,
    data: SeizureTrainingSet,
    recipe: Recipe,
    config: SeizureConfig,
    progress: Progress | None = None,
) -> CompactModel:
    """`compress` on what trained `model`."""
    return compress(model, SeizureMaterial(data, config), recipe, progress)
