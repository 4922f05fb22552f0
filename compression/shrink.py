"""Remove what pruning has left without effect; the outputs stay the same bit for bit."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .compact import CompactLayer, CompactModel

__all__ = ["readers_of", "remove_dead_channels", "with_channels"]


def remove_dead_channels(model: CompactModel) -> CompactModel:
    """Drop channels that nothing reads, and channels that always give 0, until none is left.

    A channel always gives 0 if it has no weight, ReLU, and a bias that is not positive. Logits stay. A layer
    keeps at least one channel.
    """
    while True:
        smaller = _pass(model)
        if _n_channels(smaller) == _n_channels(model):
            return smaller
        model = smaller


def _n_channels(model: CompactModel) -> int:
    return sum(layer.out_channels for stage in model.stages for layer in stage.layers)


def _pass(model: CompactModel) -> CompactModel:
    stages = {stage.name: list(stage.layers) for stage in model.stages}
    for writer, readers in readers_of(model):
        _drop(stages, writer, readers)
    return replace(model, stages=tuple(replace(stage, layers=tuple(stages[stage.name])) for stage in model.stages))


def readers_of(model: CompactModel) -> Iterator[tuple[tuple[str, int], list[tuple[str, int]]]]:
    """Each layer whose map only layers see, and these layers; as stage names and places in the chain."""
    for stage in model.stages:
        for number in range(1, len(stage.layers)):
            readers = [(stage.name, number)]
            if number == stage.n_kept:
                readers += [(other.name, 0) for other in model.stages if other.source == "kept"]
            yield (stage.name, number - 1), readers


def _drop(stages: dict[str, list[CompactLayer]], writer: tuple[str, int], readers: list[tuple[str, int]]) -> None:
    """Drop the dead channels of one layer and the inputs of the layers that read them."""
    layer = stages[writer[0]][writer[1]]
    is_read = np.zeros(layer.out_channels, bool)
    for name, number in readers:
        is_read |= _reads(stages[name][number], layer.out_channels, _length(layer))
    is_silent = (~layer.codes.any(axis=1)) & (layer.bias <= 0) & layer.relu
    alive = is_read & ~is_silent
    if not alive.any():
        alive[0] = True
    if alive.all():
        return
    rows = {name: value[alive] for name, value in vars(layer).items() if isinstance(value, np.ndarray)}
    stages[writer[0]][writer[1]] = replace(layer, **rows)  # whatever a kind of layer holds, it is by channel
    for name, number in readers:
        stages[name][number] = with_channels(stages[name][number], np.flatnonzero(alive), layer)


def _length(layer: CompactLayer) -> int:
    """Positions of the map that the layer hands on: pooling leaves two, the mean and the maximum."""
    return 2 if layer.pools else layer.out_length


def _map_taps(layer: CompactLayer, n_channels: int, in_length: int) -> int:
    """Taps that read the map; those of the context follow them."""
    return n_channels * in_length if layer.takes_context else layer.taps


def _reads(layer: CompactLayer, n_channels: int, in_length: int) -> np.ndarray:
    codes = layer.codes[:, : _map_taps(layer, n_channels, in_length)]
    return np.asarray(codes.reshape(layer.out_channels, -1, n_channels).any(axis=(0, 1)))


def with_channels(reader: CompactLayer, channels: np.ndarray, writer: CompactLayer) -> CompactLayer:
    """A layer that reads only these channels of what `writer` gives, in this order."""
    n_taps = _map_taps(reader, writer.out_channels, _length(writer))
    by_channel = reader.codes[:, :n_taps].reshape(reader.out_channels, -1, writer.out_channels)
    kept = by_channel[:, :, channels].reshape(reader.out_channels, -1)
    step = max(reader.step * len(channels) // writer.out_channels, 1)
    return replace(reader, codes=np.concatenate([kept, reader.codes[:, n_taps:]], axis=1), step=step)
