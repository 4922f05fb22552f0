"""The RAM that a model's stages work in, laid out as the C runtime does."""

from collections.abc import Iterable

import numpy as np

from ..compression.compact import CompactModel, CompactStage

__all__ = ["arena_bytes", "lent_bytes"]

_STREAM_ARENA = 2048
"""Together with the wave of a strip of 32 seconds 4 KB."""


def arena_bytes(model: CompactModel) -> int:
    """RAM that the stages of a model work in: what `ictus_model_open` finds as well."""
    maps = {"even": 0, "odd": 0, "kept": 0}
    weights = 0
    for stage in model.stages:
        for name, size in _map_sizes(model, stage):
            maps[name] = max(maps[name], size)
        convolutions = [layer.codes for layer in stage.layers if layer.out_length > 1]
        weights = max([weights, *(4 * int(np.count_nonzero(codes, axis=1).max()) for codes in convolutions)])
    streams = [_stream_bytes(stage) for stage in model.stages if stage.source == "stream"]
    rows, pool = (max(sizes) for sizes in zip((0, 0), *streams, strict=True))
    return max(weights + sum(map(_whole_words, maps.values())), _whole_words(rows)) + _whole_words(pool)


def _stream_bytes(stage: CompactStage) -> tuple[int, int]:
    """What the convolutions of a streamed stage need at least, for rows yet to be read and for what is pooled.

    The rows lie where the maps come later.
    """
    streamed = [layer for layer in stage.layers if layer.out_length == 0]
    return sum(layer.taps for layer in streamed), 7 * streamed[-1].out_channels


def lent_bytes(model: CompactModel) -> int:
    """The arena that the exporter lends.

    With a stream it is at least 2 KB, so that the first convolutions can compute several positions together.
    """
    has_stream = any(stage.source == "stream" for stage in model.stages)
    return max(arena_bytes(model), _STREAM_ARENA if has_stream else 0)


def _whole_words(n_bytes: int) -> int:
    return -(-n_bytes // 4) * 4


def _map_sizes(model: CompactModel, stage: CompactStage) -> Iterable[tuple[str, int]]:
    """Where each layer of a stage writes, and the bytes it needs there, the context behind it included."""
    behind = [layer for layer in stage.layers if layer.out_length]
    pooled = sum(layer.out_size for layer in stage.layers if layer.pools)
    window = model.window_shape[0] * model.window_shape[1]
    inputs = {"features": model.n_features, "window": window, "context": model.n_context, "stream": pooled}
    if behind and behind[0].takes_context and stage.source in inputs and model.n_context:
        yield "even", inputs[stage.source] + model.n_context
    for number, layer in enumerate(behind, start=1):
        name = "kept" if number == stage.n_kept else ("even", "odd")[number % 2]
        yield name, layer.out_size + model.n_context
