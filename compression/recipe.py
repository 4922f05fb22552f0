"""A recipe turns a trained float network for beats into a `CompactModel`."""

import copy
from dataclasses import replace

from ..models.beat_data import LabelledBeats
from ..models.beat_task import BeatDesign
from ..models.beat_train import BeatTrainingSet, GateData, TrainConfig, passing_shares, thresholds_for
from ..models.network import StagedNet
from ..models.staged import FloatModel
from ..models.train import FitConfig, Progress, fit_beats, fit_gate
from .compact import CompactModel
from .phases import Recipe, SparsitySchedule, phase_of
from .prune import Pruner
from .quant_net import QuantNet
from .shrink import remove_dead_channels

__all__ = ["BEAT_RECIPES", "Recipe", "compress_beat"]

BEAT_RECIPES: dict[BeatDesign, Recipe] = {
    "new patients": Recipe(sparsity=0.82, prune_epochs=20, tune_epochs=20),
    "known patients": Recipe(sparsity=0.967, prune_epochs=20, tune_epochs=20),
}
"""About 3 kB for new patients, who lose first when much is pruned, and 2 kB for known ones."""


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
    tuning = phase_of(config.beats, recipe, recipe.tune_epochs)
    fit_beats(quant, data.beats, tuning, phase="quantise", teacher=model.net, progress=progress)
    fit_gate(quant.stages["gate"], quant.judge, data.gate.features, data.gate.is_analysable, config.gate)
    compact = remove_dead_channels(quant.to_compact("beat", {}))
    return _calibrated(compact, model, data)


def _prune_beat_chains(
    net: StagedNet,
    teacher: StagedNet,
    beats: LabelledBeats,
    recipe: Recipe,
    config: FitConfig,
    progress: Progress | None,
) -> None:
    pruner = Pruner([*net.screen, *net.specialist])
    on_step = SparsitySchedule(pruner, recipe.sparsity, recipe.prune_until)
    phase = phase_of(config, recipe, recipe.prune_epochs)
    fit_beats(net, beats, phase, phase="prune", teacher=teacher, on_step=on_step, progress=progress)


def _prune_gate(net: StagedNet, gate_data: GateData, recipe: Recipe, config: FitConfig) -> None:
    pruner = Pruner(net.gate)
    on_step = SparsitySchedule(pruner, recipe.gate_sparsity, recipe.prune_until)
    fit_gate(net.gate, net.judge, gate_data.features, gate_data.is_analysable, config, on_step)


def _calibrated(compact: CompactModel, model: FloatModel, data: BeatTrainingSet) -> CompactModel:
    """Set the thresholds so that as many training units pass as with the float model."""
    thresholds = thresholds_for(compact, data, passing_shares(model, data))
    stages = tuple(replace(s, threshold=int(thresholds.get(s.name, -128))) for s in compact.stages)
    return replace(compact, stages=stages)
