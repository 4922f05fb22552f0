"""What the recipes of all tasks share: how much to prune, and how sparsity rises while the network trains."""

from dataclasses import dataclass, replace

from ..models.train import FitConfig
from .prune import Pruner, cubic_sparsity

__all__ = ["Recipe", "SparsitySchedule", "phase_of"]


@dataclass(frozen=True)
class Recipe:
    """How to compress.

    Attributes
    ----------
    sparsity : share of the weights of screen and specialist that is pruned, both together
    gate_sparsity : the same for the gate
    prune_epochs : epochs over which sparsity rises; batch norm is still there
    tune_epochs : epochs of quantisation-aware training at the final sparsity, batch norm folded
    learning_rate : peak learning rate of both phases
    distillation : weight of the float network's soft labels in the class loss
    prune_until : share of the pruning phase after which sparsity no longer rises
    kept_channels : of the last layers of the specialist, one number each: so many of its first channels are not
        pruned, because what they decide is lost first
    class_offset : added to the class logits of the finished model, one value a class or none at all: moves its
        operating point from one class to another; chosen on patients that did not train
    """

    sparsity: float = 0.935
    gate_sparsity: float = 0.0
    prune_epochs: int = 24
    tune_epochs: int = 24
    learning_rate: float = 3e-3
    distillation: float = 0.5
    prune_until: float = 0.75
    kept_channels: tuple[int, ...] = ()
    class_offset: tuple[float, ...] = ()


def phase_of(config: FitConfig, recipe: Recipe, epochs: int) -> FitConfig:
    """The recipe's duration, rate and share of the teacher in place of the float training's."""
    return replace(config, epochs=epochs, learning_rate=recipe.learning_rate, distillation=recipe.distillation)


class SparsitySchedule:
    """Called after every step: raises sparsity on the cubic schedule, and keeps pruned weights at zero."""

    def __init__(self, pruner: Pruner, target: float, until: float, every: int = 16) -> None:
        self.pruner, self.target, self.until, self.every = pruner, target, until, every
        self.n_steps = 0

    def __call__(self, fraction: float) -> None:
        self.n_steps += 1
        wanted = cubic_sparsity(fraction / self.until, self.target)
        if (self.n_steps % self.every == 0 or fraction >= self.until) and wanted > self.pruner.sparsity:
            self.pruner.prune_to(wanted)
        else:
            self.pruner.apply()
