"""The RAM that a model's stages work in, laid out as the C runtime does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..compression.compact import CompactModel, CompactStage
from .stream_plan import patient_bytes

__all__ = ["CodeNeed", "arena_bytes", "lent_bytes", "map_offsets"]

_MOST_FOR_STREAMS = 4096
"""Rows beyond are not worth their RAM: a convolution that cannot wait takes about twice the instructions."""


@dataclass(frozen=True)
class CodeNeed:
    """RAM of a layer whose weights became instructions.

    Attributes
    ----------
    scratch_bytes : that it needs while it runs
    map_bytes : of its map, 0 for int8 ``[T][C]``
    """

    scratch_bytes: int
    map_bytes: int


def arena_bytes(model: CompactModel, code: Mapping[tuple[str, int], CodeNeed] | None = None) -> int:
    """RAM that the stages of a model work in: what `ictus_model_open` finds as well.

    Parameters
    ----------
    code : name of the stage and number of the layer from 1 -> need of a layer that is code
    """
    maps, weights, scratch = _needs(model, code or {})
    streams = [_stream_bytes(stage) for stage in model.stages if stage.source == "stream"]
    rows, pool = (max(sizes) for sizes in zip((0, 0), *streams, strict=True))
    bottom = max(weights + sum(map(_whole_words, maps.values())), _whole_words(rows))
    return bottom + scratch + _whole_words(pool)


def map_offsets(model: CompactModel, code: Mapping[tuple[str, int], CodeNeed]) -> dict[str, int]:
    """Bytes into the arena where the maps of ``even`` and ``odd`` layers and the ``kept`` one lie."""
    maps, weights, _ = _needs(model, code)
    ends = np.cumsum([weights, *map(_whole_words, maps.values())]).tolist()
    return dict(zip(maps, ends, strict=False))


def _needs(model: CompactModel, code: Mapping[tuple[str, int], CodeNeed]) -> tuple[dict[str, int], int, int]:
    """Largest map of each kind, decoded weights or scratch of generated layers, and scratch of a stream's."""
    maps = {"even": 0, "odd": 0, "kept": 0}
    weights = scratch = 0
    for stage in model.stages:
        for name, size in _map_sizes(model, stage, code):
            maps[name] = max(maps[name], size)
        for number, layer in enumerate(stage.layers, start=1):
            need = code.get((stage.name, number))
            if need is None and layer.out_length > 1:
                weights = max(weights, 4 * int(np.count_nonzero(layer.codes, axis=1).max()))
            elif need is not None and layer.out_length == 0:
                scratch = max(scratch, need.scratch_bytes)
            elif need is not None:
                weights = max(weights, need.scratch_bytes)
    return maps, weights, scratch


def _stream_bytes(stage: CompactStage) -> tuple[int, int]:
    """What the convolutions of a streamed stage need at least, for rows yet to be read and for what is pooled.

    The rows lie where the maps come later.
    """
    streamed = [layer for layer in stage.layers if layer.out_length == 0]
    return sum(_whole_words(layer.taps) for layer in streamed), 7 * streamed[-1].out_channels


def lent_bytes(model: CompactModel, code: Mapping[tuple[str, int], CodeNeed] | None = None) -> int:
    """The arena that the exporter lends; arguments as for `arena_bytes`.

    With a stream it lets all convolutions wait until they can compute several positions together, if 4 KB and what
    generated layers work in are enough for that.
    """
    code = code or {}
    least = arena_bytes(model, code)
    streamed = [stage for stage in model.stages if stage.source == "stream"]
    return max([least, *(_patient_arena(model, stage, code) for stage in streamed)])


def _patient_arena(model: CompactModel, stage: CompactStage, code: Mapping[tuple[str, int], CodeNeed]) -> int:
    layers = [layer for layer in stage.layers if layer.out_length == 0]
    needs = [code.get((stage.name, number)) for number in range(1, len(layers) + 1)]
    scratch = max((need.scratch_bytes for need in needs if need), default=0)
    return min(patient_bytes(layers, model.window_shape[1]), _MOST_FOR_STREAMS) + scratch


def _whole_words(n_bytes: int) -> int:
    return -(-n_bytes // 4) * 4


def _map_sizes(
    model: CompactModel, stage: CompactStage, code: Mapping[tuple[str, int], CodeNeed]
) -> Iterable[tuple[str, int]]:
    """Where each layer of a stage writes, and the bytes it needs there, the context behind it included."""
    n_streamed = sum(layer.out_length == 0 for layer in stage.layers)
    behind = stage.layers[n_streamed:]
    needs = [code.get((stage.name, number)) for number in range(n_streamed + 1, len(stage.layers) + 1)]
    pooled = sum(layer.out_size for layer in stage.layers if layer.pools)
    window = model.window_shape[0] * model.window_shape[1]
    inputs = {"features": model.n_features, "window": window, "context": model.n_context, "stream": pooled}
    if behind and behind[0].takes_context and needs[0] is None and stage.source in inputs and model.n_context:
        yield "even", inputs[stage.source] + model.n_context
    for number, (layer, need) in enumerate(zip(behind, needs, strict=True), start=1):
        name = "kept" if number == stage.n_kept else ("even", "odd")[number % 2]
        yield name, (need.map_bytes if need else 0) or layer.out_size + model.n_context
