"""A recipe turns a trained float network for beats into a `CompactModel`."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..models.beat_data import LabelledBeats
from ..models.beat_task import RHYTHM_CHANNELS, BeatDesign
from ..models.beat_train import BeatTrainingSet, GateData, TrainConfig, passing_shares, thresholds_for
from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.train import FitConfig, Progress, fit_beats, fit_gate
from ..signals import InputError
from .compact import LOGIT_FRACTION_BITS, CompactModel
from .phases import Recipe, SparsitySchedule, phase_of
from .prune import Pruner
from .quant_net import QuantNet
from .shrink import remove_dead_channels

__all__ = ["BEAT_RECIPES", "Recipe", "compress_beat", "with_class_offset"]

_S_OFFSET = 0.0, 0.75, 0.0, 0.0, 0.0
"""More S at the cost of N: chosen by benchmarks/beat_offsets.py, which holds out patients of the training data."""

BEAT_RECIPES: dict[BeatDesign, Recipe] = {
    "new patients": Recipe(
        sparsity=0.79, prune_epochs=20, tune_epochs=20, kept_channels=RHYTHM_CHANNELS, class_offset=_S_OFFSET
    ),
    "known patients": Recipe(sparsity=0.967, prune_epochs=20, tune_epochs=20),
}
"""About 4 kB for new patients, who lose first when much is pruned, and 2 kB for known ones."""


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
    _prune_gate(net, data.gate, recipe, config)
    quant = QuantNet(net)
    tuning = phase_of(config.beats, recipe, recipe.tune_epochs)
    fit_beats(quant, data.beats, tuning, phase="quantise", teacher=model.net, progress=progress)
    gate, features, is_analysable = quant.stages["gate"], data.gate.features, data.gate.is_analysable
    fit_gate(gate, quant.judge, features, is_analysable, config.gate, care=config.gate_care)
    compact = remove_dead_channels(quant.to_compact("beat", {}))
    return _calibrated(with_class_offset(compact, recipe.class_offset), model, data)


def with_class_offset(compact: CompactModel, offset: Sequence[float]) -> CompactModel:
    """Add to the class logits, by the biases of the last layer: it costs the device nothing.

    Parameters
    ----------
    offset : one value a class, rounded to the logits' step of 1/8; empty for none

    Raises
    ------
    InputError
        another number of values than classes.
    """
    if not offset:
        return compact
    *stages, specialist = compact.stages
    *layers, exit_layer = specialist.layers
    if len(offset) != len(exit_layer.bias):
        raise InputError(f"{len(offset)} class offsets for {len(exit_layer.bias)} classes")
    step = np.rint(np.asarray(offset) * (1 << LOGIT_FRACTION_BITS))
    bias = np.clip(exit_layer.bias + step, -128, 127).astype(np.int8)
    moved = replace(specialist, layers=(*layers, replace(exit_layer, bias=bias)))
    return replace(compact, stages=(*stages, moved))


def _prune_beat_chains(
    net: StagedNet,
    teacher: StagedNet,
    beats: LabelledBeats,
    recipe: Recipe,
    config: FitConfig,
    progress: Progress | None,
) -> None:
    pruner = Pruner([*net.screen, *net.specialist], recipe.kept_channels)
    on_step = SparsitySchedule(pruner, recipe.sparsity, recipe.prune_until)
    phase = phase_of(config, recipe, recipe.prune_epochs)
    fit_beats(net, beats, phase, phase="prune", teacher=teacher, on_step=on_step, progress=progress)


def _prune_gate(net: StagedNet, gate_data: GateData, recipe: Recipe, config: TrainConfig) -> None:
    pruner = Pruner(net.gate)
    on_step = SparsitySchedule(pruner, recipe.gate_sparsity, recipe.prune_until)
    features, is_analysable = gate_data.features, gate_data.is_analysable
    fit_gate(net.gate, net.judge, features, is_analysable, config.gate, on_step, config.gate_care)


def _calibrated(compact: CompactModel, model: FloatModel, data: BeatTrainingSet) -> CompactModel:
    """Set the thresholds so that as many training units pass as with the float model."""
    thresholds = thresholds_for(compact, data, passing_shares(model, data))
    stages = tuple(replace(s, threshold=int(thresholds.get(s.name, -128))) for s in compact.stages)
    return replace(compact, stages=stages)
