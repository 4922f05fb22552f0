"""Where a cascade lets units pass: thresholds are a few bytes of the model, and may be set when it is exported."""

from dataclasses import replace

import numpy as np

from ...compression.compact import CompactLayer, CompactModel, CompactStage
from ...signals.errors import InputError

__all__ = ["PASS_ALL", "with_threshold", "without_cascade"]

PASS_ALL = -128
"""A threshold that every logit reaches."""


def with_threshold(model: CompactModel, stage: str, threshold: int) -> CompactModel:
    """The same model with another threshold of a stage.

    Parameters
    ----------
    stage : ``gate`` or ``screen``
    threshold : a logit in Q4.3, -128 to 127; a unit whose logit reaches it goes on to the next stage

    Raises
    ------
    InputError
        the model has no such stage, or the threshold is not an int8
    """
    if not PASS_ALL <= threshold <= 127:
        raise InputError(f"threshold {threshold} of the {stage} is not within -128 to 127")
    names = [found.name for found in model.stages]
    if stage not in names:
        raise InputError(f"stage {stage!r} is not known; the model has {', '.join(names)}")
    changed = (replace(found, threshold=threshold) if found.name == stage else found for found in model.stages)
    return replace(model, stages=tuple(changed))


def without_cascade(model: CompactModel) -> CompactModel:
    """The model of firmware that gives every unit to its specialist.

    Gate and screen let everything pass, and their layers hold no weight; only those layers of the screen stay that
    the specialist goes on from. What the device runs is then as good as the specialist alone.
    """
    return replace(model, stages=(*(_emptied(stage) for stage in model.stages[:-1]), model.stages[-1]))


def _emptied(stage: CompactStage) -> CompactStage:
    kept, own = stage.layers[: stage.n_kept], stage.layers[stage.n_kept :]
    return replace(stage, layers=(*kept, *(_without_weights(layer) for layer in own)), threshold=PASS_ALL)


def _without_weights(layer: CompactLayer) -> CompactLayer:
    return replace(layer, codes=np.zeros_like(layer.codes), bias=np.zeros_like(layer.bias))
