"""The `rhythm` task as material for recipes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.rhythm_cascade import classify_strips, screen_threshold
from ..models.rhythm_data import RhythmStrip
from ..models.rhythm_protocol import train_rhythm
from ..models.rhythm_task import NOISY, NORMAL, RHYTHMS
from ..models.rhythm_train import CropSampler, RhythmConfig, class_weight, fit_rhythm, rhythm_loss
from ..models.train import Progress
from .compact import CompactModel, CompactStage
from .material import Effort, OnStep
from .pipeline import compress
from .recipe import Recipe

__all__ = ["RhythmMaterial", "compress_rhythm"]

_LOSS_BATCHES = 12


@dataclass(frozen=True)
class RhythmMaterial:
    """See `TrainingMaterial`.

    Attributes
    ----------
    strips : the training material; strips that are not labelled N, A or O are left out
    config : how the float network was trained; a recipe overrides duration, rate and share of the teacher
    gate : gate of the beat task, so that a device with both runs one; None keeps the one of the model, which is
        not trained, and lets every second through
    known_peers : float models of the following seeds, as far as they have been trained before
    """

    strips: Sequence[RhythmStrip]
    config: RhythmConfig
    gate: CompactStage | None = None
    known_peers: Sequence[FloatModel] = ()
    task: str = "rhythm"

    def teacher(self, model: FloatModel) -> StagedNet:
        """See `TrainingMaterial.teacher`."""
        return model.net

    def peers(self, n: int, progress: Progress | None = None) -> list[StagedNet]:
        """See `TrainingMaterial.peers`."""
        trained = list(self.known_peers[:n])
        for seed in range(self.config.fit.seed + len(trained) + 1, self.config.fit.seed + n + 1):
            trained.append(train_rhythm(self.strips, self.config.seeded(seed), progress))
        return [model.net for model in trained]

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
        bf16 = self.config.bf16 and not effort.exact
        config = replace(self.config, fit=effort.of(self.config.fit), bf16=bf16)
        fit_rhythm(net, self.strips, config, phase, teacher, on_step, progress)

    def fit_gate(
        self, gate: nn.Module, judge: Callable[[Tensor], Tensor], on_step: OnStep | None = None, epochs: int = 0
    ) -> None:
        """Nothing: the task does not train its gate."""

    def loss(self, net: nn.Module, teacher: nn.Module | None = None) -> float:
        """See `TrainingMaterial.loss`."""
        known = [s for s in self.strips if 0 <= s.label < len(RHYTHMS)]
        config = replace(self.config, bf16=False)
        sampler, weight = CropSampler(known, config), class_weight(known, config.class_power)
        with torch.no_grad():
            n_batches = min(_LOSS_BATCHES, sampler.n_batches)
            losses = [float(rhythm_loss(net, sampler.next(), weight, config, teacher)) for _ in range(n_batches)]
        return float(np.mean(losses))

    def calibrate(self, compact: CompactModel, model: FloatModel) -> CompactModel:
        """Put in the gate; let as many of the abnormal training strips pass the screen as the float model does."""
        readable = [s for s in self.strips if 0 <= s.label < NOISY]
        is_abnormal = np.array([s.label for s in readable]) > NORMAL
        passed = classify_strips(model, readable)[0][is_abnormal] >= model.thresholds["screen"]
        threshold = int(screen_threshold(compact, readable, float(passed.mean())))
        own_gate, screen, specialist = compact.stages
        stages = (self.gate or own_gate, replace(screen, threshold=threshold), specialist)
        return replace(compact, stages=stages)


def compress_rhythm(
    model: FloatModel,
    strips: Sequence[RhythmStrip],
    recipe: Recipe,
    config: RhythmConfig,
    gate: CompactStage | None = None,
    progress: Progress | None = None,
    known_peers: Sequence[FloatModel] = (),
) -> CompactModel:
    """`compress` on the strips that trained `model`, see `RhythmMaterial`."""
    return compress(model, RhythmMaterial(strips, config, gate, known_peers), recipe, progress)
