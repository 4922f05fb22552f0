"""Remove what pruning has left without effect; the outputs stay the same bit for bit."""

from dataclasses import replace

import numpy as np

from .compact import CompactLayer, CompactModel

__all__ = ["remove_dead_channels"]


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
    for stage in model.stages:
        for number in range(1, len(stage.layers)):
            readers = [(stage.name, number)]
            if number == stage.n_kept:
                readers += [(other.name, 0) for other in model.stages if other.source == "kept"]
            _drop(stages, (stage.name, number - 1), readers)
    return replace(model, stages=tuple(replace(stage, layers=tuple(stages[stage.name])) for stage in model.stages))


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
    stages[writer[0]][writer[1]] = replace(
        layer, codes=layer.codes[alive], bias=layer.bias[alive], shift=layer.shift[alive]
    )
    for name, number in readers:
        stages[name][number] = _narrowed(stages[name][number], alive, _length(layer))


def _length(layer: CompactLayer) -> int:
    """Positions of the map that the layer hands on: pooling leaves two, the mean and the maximum."""
    return 2 if layer.pools else layer.out_length


def _map_taps(layer: CompactLayer, n_channels: int, in_length: int) -> int:
    """Taps that read the map; those of the context follow them."""
    return n_channels * in_length if layer.takes_context else layer.taps


def _reads(layer: CompactLayer, n_channels: int, in_length: int) -> np.ndarray:
    codes = layer.codes[:, : _map_taps(layer, n_channels, in_length)]
    return np.asarray(codes.reshape(layer.out_channels, -1, n_channels).any(axis=(0, 1)))


def _narrowed(layer: CompactLayer, alive: np.ndarray, in_length: int) -> CompactLayer:
    n_taps = _map_taps(layer, len(alive), in_length)
    by_channel = layer.codes[:, :n_taps].reshape(layer.out_channels, -1, len(alive))
    kept = by_channel[:, :, alive].reshape(layer.out_channels, -1)
    step = layer.step // len(alive) * int(alive.sum())
    return replace(layer, codes=np.concatenate([kept, layer.codes[:, n_taps:]], axis=1), step=step)
