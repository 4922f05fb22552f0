"""A recipe turns a trained float network into a `CompactModel`."""

import copy
from dataclasses import dataclass, replace

from ..models.beat_data import LabelledBeats
from ..models.beat_train import BeatTrainingSet, GateData, TrainConfig, passing_shares, thresholds_for
from ..models.network import StagedNet
from ..models.staged import FloatModel
from ..models.train import FitConfig, Progress, fit_beats, fit_gate
from .compact import CompactModel
from .prune import Pruner, cubic_sparsity
from .quant_net import QuantNet
from .shrink import remove_dead_channels

__all__ = ["Recipe", "compress_beat"]


@dataclass(frozen=True)
class Recipe:
    """How to compress.

    Attributes
    ----------
    sparsity : share of the beat CNN's weights that is pruned, both exits together
    gate_sparsity : the same for the gate
    prune_epochs : epochs over which sparsity rises; batch norm is still there
    tune_epochs : epochs of quantisation-aware training at the final sparsity, batch norm folded
    learning_rate : peak learning rate of both phases
    distillation : weight of the float network's soft labels in the class loss
    prune_until : share of the pruning phase after which sparsity no longer rises
    """

    sparsity: float = 0.935
    gate_sparsity: float = 0.3
    prune_epochs: int = 24
    tune_epochs: int = 24
    learning_rate: float = 3e-3
    distillation: float = 0.5
    prune_until: float = 0.75


def compress_beat(
    model: FloatModel, data: BeatTrainingSet, recipe: Recipe, config: TrainConfig, progress: Progress | None = None
) -> CompactModel:
    """Prune, quantise and fine-tune on the data that trained `model`.

    Parameters
    ----------
    model : trained float model; it is not changed
    data : the training material
    config : how the float networks were trained; the recipe overrides the beat CNN's duration and rate

    Returns
    -------
    CompactModel
        Its thresholds let through the same share of the training units as those of `model` do.
    """
    net = copy.deepcopy(model.net)
    _prune_beat_chains(net, model.net, data.beats, recipe, config.beats, progress)
    _prune_gate(net, data.gate, recipe, config.gate)
    quant = QuantNet(net)
    tuning = _phase(config.beats, recipe, recipe.tune_epochs)
    fit_beats(quant, data.beats, tuning, phase="quantise", teacher=model.net, progress=progress)
    fit_gate(quant.stages["gate"], quant.judge, data.gate.features, data.gate.is_analysable, config.gate)
    compact = remove_dead_channels(quant.to_compact("beat", {}))
    return _calibrated(compact, model, data)


def _phase(config: FitConfig, recipe: Recipe, epochs: int) -> FitConfig:
    return replace(config, epochs=epochs, learning_rate=recipe.learning_rate, distillation=recipe.distillation)


def _prune_beat_chains(
    net: StagedNet,
    teacher: StagedNet,
    beats: LabelledBeats,
    recipe: Recipe,
    config: FitConfig,
    progress: Progress | None,
) -> None:
    pruner = Pruner([*net.screen, *net.specialist])
    on_step = _SparsitySchedule(pruner, recipe.sparsity, recipe.prune_until)
    phase = _phase(config, recipe, recipe.prune_epochs)
    fit_beats(net, beats, phase, phase="prune", teacher=teacher, on_step=on_step, progress=progress)


def _prune_gate(net: StagedNet, gate_data: GateData, recipe: Recipe, config: FitConfig) -> None:
    pruner = Pruner(net.gate)
    on_step = _SparsitySchedule(pruner, recipe.gate_sparsity, recipe.prune_until)
    fit_gate(net.gate, net.judge, gate_data.features, gate_data.is_analysable, config, on_step)


class _SparsitySchedule:
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


def _calibrated(compact: CompactModel, model: FloatModel, data: BeatTrainingSet) -> CompactModel:
    """Set the thresholds so that as many training units pass as with the float model."""
    thresholds = thresholds_for(compact, data, passing_shares(model, data))
    stages = tuple(replace(s, threshold=int(thresholds.get(s.name, -128))) for s in compact.stages)
    return replace(compact, stages=stages)
