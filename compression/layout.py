"""What the device's form and the stored form of a compact model have in common: numbers of names, legal shapes."""

from ..signals import CorruptModelError, InputError
from .compact import CompactModel
from .stream import stream_fault

__all__ = ["MAX_MODEL_WEIGHTS", "SOURCES", "STAGE_NAMES", "TASKS", "check_shapes", "check_size", "check_stage"]

TASKS = {1: "beat", 2: "rhythm", 3: "seizure"}
SOURCES = ("features", "window", "kept", "context", "stream")
STAGE_NAMES = ("gate", "screen", "specialist")
MAX_MODEL_WEIGHTS = 1 << 18
"""Weights that a model file may hold, pruned ones included: three times the largest here. A few bytes can stand
for many pruned weights, so that without a limit a small file could take all memory."""
_MAX_LAYERS = 255


def check_stage(number: int, source: int, n_layers: int, n_kept: int) -> None:
    """Check the header of a stage; raises `CorruptModelError`."""
    reads_kept = source == SOURCES.index("kept")
    if source >= len(SOURCES) or not 1 <= n_layers <= _MAX_LAYERS or n_kept > n_layers or (n_kept and reads_kept):
        raise CorruptModelError(f"stage {number}: source {source}, {n_layers} layers, keeps {n_kept}")


def check_size(n_weights: int, error: type[InputError] = CorruptModelError) -> None:
    """Check the number of weights of a model, or of its layers so far; raises `error`."""
    if n_weights > MAX_MODEL_WEIGHTS:
        raise error(f"a model of {n_weights} weights or more, at most {MAX_MODEL_WEIGHTS}")


def check_shapes(model: CompactModel) -> None:
    """Check that no layer reads more than it is given.

    Raises
    ------
    CorruptModelError
        names the stage and the layer.
    """
    window = model.window_shape[0] * model.window_shape[1]
    sizes = {"features": model.n_features, "window": window, "context": model.n_context}
    for stage in model.stages:
        fault = stream_fault(stage, model.window_shape)
        if fault:
            raise CorruptModelError(f"{stage.name}: {fault}")
        size, kept = sizes.get(stage.source, 0), 0
        for number, layer in enumerate(stage.layers, start=1):
            size += model.n_context * layer.takes_context
            if layer.out_length and layer.in_size > size:
                raise CorruptModelError(f"{stage.name}, layer {number}: reads {layer.in_size} values of {size}")
            size = layer.out_size
            kept = size if number == stage.n_kept else kept
        sizes["kept"] = kept
