"""Sort hidden channels by bias: the outputs stay the same bit for bit, the stored form shrinks.

Which of a layer's channels comes first means nothing as long as the layers that read them agree, yet writing down
n biases in an order of their own takes ``log2(n!)`` bits more than sorted ones: 37 bytes for 64 channels.
"""

from dataclasses import replace

import numpy as np

from .compact import CompactLayer, CompactModel
from .shrink import readers_of, with_channels

__all__ = ["order_channels"]


def order_channels(model: CompactModel) -> CompactModel:
    """The same model with the channels of every hidden layer sorted by bias."""
    stages = {stage.name: list(stage.layers) for stage in model.stages}
    for (name, place), readers in readers_of(model):
        layer = stages[name][place]
        if all(_aligned(stages[stage][number], layer) for stage, number in readers):
            order = np.argsort(layer.bias, kind="stable")
            rows = {name: part[order] for name, part in vars(layer).items() if np.shape(part)[:1] == order.shape}
            for stage, number in readers:  # of the old layer's sizes, which stay
                stages[stage][number] = with_channels(stages[stage][number], order, layer)
            stages[name][place] = replace(stages[name][place], **rows)
    return replace(model, stages=tuple(replace(stage, layers=tuple(stages[stage.name])) for stage in model.stages))


def _aligned(reader: CompactLayer, writer: CompactLayer) -> bool:
    """Whether the layer reads whole positions of the writer's map, whatever it is given besides."""
    whole = reader.takes_context or reader.taps % writer.out_channels == 0
    return whole and (reader.out_length == 1 or reader.step % writer.out_channels == 0)
