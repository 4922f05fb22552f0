"""A recipe turns a trained float network for EEG into a `CompactModel`."""

import copy
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from ..models.eeg_segment_train import SegmentConfig, fit_segments
from ..models.eeg_segments import EegSegments, SegmentTask
from ..models.float_model import FloatModel
from ..models.network import StagedNet
from ..models.train import FitConfig, Progress
from .compact import CompactModel
from .phases import Recipe, SparsitySchedule, phase_of
from .prune import Pruner
from .quant_net import QuantNet
from .shrink import remove_dead_channels

__all__ = ["SEGMENT_RECIPE", "FitPhase", "compress_segments", "compress_stream"]

FitPhase = Callable[[nn.Module, FitConfig, str, StagedNet, Callable[[float], None] | None], None]
"""Trains screen and specialist in place: network, float or quantised; how long and hard; the phase's name for
progress; the teacher; what to call after every step."""

SEGMENT_RECIPE = Recipe(sparsity=0.7, prune_epochs=16, tune_epochs=12, learning_rate=5e-3)
"""Below 2 KB of a network of 4,800 weights."""


def compress_stream(net: StagedNet, fit_phase: FitPhase, config: FitConfig, recipe: Recipe) -> CompactModel:
    """Prune, quantise and fine-tune the screen and the specialist; the gate is quantised as it is.

    Parameters
    ----------
    net : trained float network, the teacher of both phases; it is not changed
    config : how it was trained; the recipe overrides duration, rate and share of the teacher

    Returns
    -------
    CompactModel
        All its thresholds let everything through: the task has to set them.
    """
    pruned = copy.deepcopy(net)
    on_step = SparsitySchedule(Pruner([*pruned.screen, *pruned.specialist]), recipe.sparsity, recipe.prune_until)
    fit_phase(pruned, phase_of(config, recipe, recipe.prune_epochs), "prune", net, on_step)
    quant = QuantNet(pruned)
    fit_phase(quant, phase_of(config, recipe, recipe.tune_epochs), "quantise", net, None)
    return remove_dead_channels(quant.to_compact("seizure", {}))


def compress_segments(
    model: FloatModel,
    segments: EegSegments,
    task: SegmentTask,
    config: SegmentConfig,
    recipe: Recipe = SEGMENT_RECIPE,
    progress: Progress | None = None,
) -> CompactModel:
    """`compress_stream` on the segments that trained `model`; it lets every window through to the specialist."""
    taking_part = segments.of(task)
    label = task.label_of(taking_part.group)

    def fit_phase(
        net: nn.Module, fit: FitConfig, phase: str, teacher: StagedNet, on_step: Callable[[float], None] | None
    ) -> None:
        fit_segments(net, taking_part, label, replace(config, fit=fit), phase, teacher, on_step, progress)

    return compress_stream(model.net, fit_phase, config.fit, recipe)
