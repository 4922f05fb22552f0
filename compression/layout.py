"""What the device's form and the stored form of a compact model have in common: numbers of names, legal shapes."""

from ..signals import CorruptModelError
from .compact import CompactModel
from .stream import stream_fault

__all__ = ["SOURCES", "STAGE_NAMES", "TASKS", "check_shapes", "check_stage"]

TASKS = {1: "beat", 2: "rhythm", 3: "seizure"}
SOURCES = ("features", "window", "kept", "context", "stream")
STAGE_NAMES = ("gate", "screen", "specialist")
_MAX_LAYERS = 255


def check_stage(number: int, source: int, n_layers: int, n_kept: int) -> None:
    """Check the header of a stage; raises `CorruptModelError`."""
    reads_kept = source == SOURCES.index("kept")
    if source >= len(SOURCES) or not 1 <= n_layers <= _MAX_LAYERS or n_kept > n_layers or (n_kept and reads_kept):
        raise CorruptModelError(f"stage {number}: source {source}, {n_layers} layers, keeps {n_kept}")


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
