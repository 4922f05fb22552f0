"""A recipe turns a trained float network for the seizure cascade into a `CompactModel`."""

import copy
from dataclasses import replace

import numpy as np

from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.seizure_data import ICTAL
from ..models.seizure_fit import SeizureConfig, fit_seizure
from ..models.seizure_train import SeizureTrainingSet, decision_logits, gate_threshold, screen_logits
from ..models.staged import calibrate_threshold
from ..models.train import Progress, fit_gate
from .compact import CompactModel
from .phases import Recipe, SparsitySchedule, phase_of
from .prune import Pruner
from .quant_net import QuantNet
from .shrink import remove_dead_channels

__all__ = ["SEIZURE_RECIPE", "compress_seizure"]

SEIZURE_RECIPE = Recipe(sparsity=0.7, gate_sparsity=0.2, prune_epochs=8, tune_epochs=6, learning_rate=5e-3)
"""About 2.5 KB of a network of 9,000 weights."""


def compress_seizure(
    model: FloatModel,
    data: SeizureTrainingSet,
    recipe: Recipe,
    config: SeizureConfig,
    progress: Progress | None = None,
) -> CompactModel:
    """Prune, quantise and fine-tune on what trained `model`.

    Parameters
    ----------
    model : trained float model; it is not changed
    data : as `train_seizure` gave it
    recipe : what replaces duration, rate and share of the teacher of `config`
    config : how the float network was trained

    Returns
    -------
    CompactModel
        Its thresholds let as many of the training units pass as those of `model`; a seizure has a score of 0 or
        more.
    """
    teacher = _undecided(model)
    net = copy.deepcopy(teacher)
    _prune(net, teacher, data, recipe, config, progress)
    quant = QuantNet(net)
    tuning = replace(config, fit=phase_of(config.fit, recipe, recipe.tune_epochs))
    fit_seizure(quant, data.units, tuning, phase="quantise", teacher=teacher, progress=progress)
    fit_gate(quant.stages["gate"], quant.judge, data.gate.features, data.gate.is_analysable, config.gate_fit)
    return _with_thresholds(remove_dead_channels(quant.to_compact("seizure", {})), model, data, config)


def _undecided(model: FloatModel) -> StagedNet:
    """The network without the decision threshold in its last bias."""
    net = copy.deepcopy(model.net)
    bias = list(net.specialist)[-1].bias
    assert bias is not None
    bias.data += model.thresholds["decision"]
    return net


def _prune(
    net: StagedNet,
    teacher: StagedNet,
    data: SeizureTrainingSet,
    recipe: Recipe,
    config: SeizureConfig,
    progress: Progress | None,
) -> None:
    pruner = Pruner([*net.screen, *net.specialist])
    on_step = SparsitySchedule(pruner, recipe.sparsity, recipe.prune_until)
    phase = replace(config, fit=phase_of(config.fit, recipe, recipe.prune_epochs))
    fit_seizure(net, data.units, phase, phase="prune", teacher=teacher, on_step=on_step, progress=progress)
    gate_pruner = Pruner(net.gate)
    on_step = SparsitySchedule(gate_pruner, recipe.gate_sparsity, recipe.prune_until)
    fit_gate(net.gate, net.judge, data.gate.features, data.gate.is_analysable, config.gate_fit, on_step)


def _with_thresholds(
    compact: CompactModel, model: FloatModel, data: SeizureTrainingSet, config: SeizureConfig
) -> CompactModel:
    """Let as many of the ictal training units pass as the float model does."""
    is_ictal = data.units.label == ICTAL
    gate, screen, specialist = compact.stages
    passed = float((screen_logits(model, data.units)[is_ictal] >= model.thresholds["screen"]).mean())
    screened = int(calibrate_threshold(screen_logits(compact, data.units), is_ictal, passed))
    found = float((decision_logits(model, data.units)[is_ictal] >= 0).mean())
    decided = int(calibrate_threshold(decision_logits(compact, data.units), is_ictal, found))
    *body, exit_layer = specialist.layers
    bias = np.clip(exit_layer.bias.astype(np.int64) - decided, -128, 127).astype(np.int8)
    return replace(
        compact,
        stages=(
            replace(gate, threshold=int(gate_threshold(compact, data.gate, config.gate_pass))),
            replace(screen, threshold=screened),
            replace(specialist, layers=(*body, replace(exit_layer, bias=bias))),
        ),
    )
