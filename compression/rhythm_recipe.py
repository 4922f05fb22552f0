"""A recipe turns a trained float network for strips of rhythm into a `CompactModel`."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.rhythm_cascade import classify_strips, screen_threshold
from ..models.rhythm_data import RhythmStrip
from ..models.rhythm_task import NOISY, NORMAL
from ..models.rhythm_train import RhythmConfig, fit_rhythm
from ..models.train import Progress
from .compact import CompactModel, CompactStage
from .phases import Recipe, SparsitySchedule, phase_of
from .prune import Pruner
from .quant_net import QuantNet
from .shrink import remove_dead_channels

__all__ = ["RHYTHM_RECIPE", "compress_rhythm"]

RHYTHM_RECIPE = Recipe(sparsity=0.93, prune_epochs=20, tune_epochs=16, learning_rate=6e-3)
"""About 7 KB of a network of 80,000 weights."""


def compress_rhythm(
    model: FloatModel,
    strips: Sequence[RhythmStrip],
    recipe: Recipe,
    config: RhythmConfig,
    gate: CompactStage | None = None,
    progress: Progress | None = None,
) -> CompactModel:
    """Prune, quantise and fine-tune on the strips that trained `model`.

    Parameters
    ----------
    model : trained float model; it is not changed
    strips : the training material; strips that are not labelled N, A or O are left out
    recipe : what replaces duration, rate and share of the teacher of `config`
    config : how the float network was trained
    gate : gate of the beat task, so that a device with both runs one; None keeps the one of `model`, which
        `train_rhythm` does not train, and lets every second through

    Returns
    -------
    CompactModel
        Its screen lets through the same share of the abnormal strips as that of `model` does.
    """
    net = copy.deepcopy(model.net)
    _prune(net, model.net, strips, recipe, config, progress)
    quant = QuantNet(net)
    tuning = replace(config, fit=phase_of(config.fit, recipe, recipe.tune_epochs), bf16=False)
    fit_rhythm(quant, strips, tuning, phase="quantise", teacher=model.net, progress=progress)
    compact = remove_dead_channels(quant.to_compact("rhythm", {}))
    return _with_thresholds(compact, model, strips, gate)


def _prune(
    net: StagedNet,
    teacher: StagedNet,
    strips: Sequence[RhythmStrip],
    recipe: Recipe,
    config: RhythmConfig,
    progress: Progress | None,
) -> None:
    pruner = Pruner([*net.screen, *net.specialist])
    on_step = SparsitySchedule(pruner, recipe.sparsity, recipe.prune_until)
    phase = replace(config, fit=phase_of(config.fit, recipe, recipe.prune_epochs))
    fit_rhythm(net, strips, phase, phase="prune", teacher=teacher, on_step=on_step, progress=progress)


def _with_thresholds(
    compact: CompactModel, model: FloatModel, strips: Sequence[RhythmStrip], gate: CompactStage | None
) -> CompactModel:
    """Put in the gate, and let as many of the abnormal training strips pass the screen as the float model does."""
    readable = [s for s in strips if 0 <= s.label < NOISY]
    is_abnormal = np.array([s.label for s in readable]) > NORMAL
    passed = classify_strips(model, readable)[0][is_abnormal] >= model.thresholds["screen"]
    threshold = int(screen_threshold(compact, readable, float(passed.mean())))
    own_gate, screen, specialist = compact.stages
    return replace(compact, stages=(gate or own_gate, replace(screen, threshold=threshold), specialist))
