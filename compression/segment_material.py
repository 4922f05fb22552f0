"""EEG segments as material for recipes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from ..models.eeg_segment_train import SegmentConfig, fit_segments, sampled_loss, train_eeg_segments
from ..models.eeg_segments import EegSegments, SegmentTask
from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.train import Progress
from .compact import CompactModel
from .material import Effort, OnStep
from .pipeline import compress
from .presets import SEGMENT_RECIPE
from .recipe import Recipe

__all__ = ["SegmentMaterial", "compress_segments"]


@dataclass(frozen=True)
class SegmentMaterial:
    """See `TrainingMaterial`.

    Attributes
    ----------
    segments : the training material; those of other groups than the task's are left out
    reading : which groups take part, and what their classes are
    config : how the float network was trained; a recipe overrides duration, rate and share of the teacher
    """

    segments: EegSegments
    reading: SegmentTask
    config: SegmentConfig
    task: str = "seizure"

    def teacher(self, model: FloatModel) -> StagedNet:
        """See `TrainingMaterial.teacher`."""
        return model.net

    def peers(self, n: int, progress: Progress | None = None) -> list[StagedNet]:
        """See `TrainingMaterial.peers`."""
        seeds = range(self.config.fit.seed + 1, self.config.fit.seed + n + 1)
        configs = [self.config.seeded(seed) for seed in seeds]
        return [train_eeg_segments(self.segments, self.reading, each, progress).net for each in configs]

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
        taking_part = self.segments.of(self.reading)
        label = self.reading.label_of(taking_part.group)
        config = replace(self.config, fit=effort.of(self.config.fit))
        fit_segments(net, taking_part, label, config, phase, teacher, on_step, progress)

    def fit_gate(
        self, gate: nn.Module, judge: Callable[[Tensor], Tensor], on_step: OnStep | None = None, epochs: int = 0
    ) -> None:
        """Nothing: the gate is quantised as it is."""

    def loss(self, net: nn.Module, teacher: nn.Module | None = None) -> float:
        """See `TrainingMaterial.loss`."""
        taking_part = self.segments.of(self.reading)
        return sampled_loss(net, taking_part, self.reading.label_of(taking_part.group), self.config, teacher)

    def calibrate(self, compact: CompactModel, model: FloatModel) -> CompactModel:  # noqa: ARG002 - protocol
        """As it is: every window goes through to the specialist."""
        return compact


def compress_segments(
    model: FloatModel,
    segments: EegSegments,
    task: SegmentTask,
    config: SegmentConfig,
    recipe: Recipe = SEGMENT_RECIPE,
    progress: Progress | None = None,
) -> CompactModel:
    """`compress` on the segments that trained `model`; it lets every window through to the specialist."""
    return compress(model, SegmentMaterial(segments, task, config), recipe, progress)
