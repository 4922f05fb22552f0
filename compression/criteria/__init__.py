"""Which weights, and which channels, may go first: one criterion a module.

Magnitudes are taken after folding batch norm, since that is what reaches the device.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...models import NetLayer
from ..registry import named

__all__ = ["ChannelCriterion", "WeightCriterion", "channel_criterion", "channel_groups", "weight_criterion"]


@dataclass(frozen=True)
class WeightCriterion:
    """A criterion for single weights.

    Attributes
    ----------
    name : as recipes call it
    scores : folded weights (channels, taps) of a layer, and how many of them may differ from 0 -> score of each,
        same shape, comparable between layers; the smallest go first
    per_product : scores are divided by how often the layer uses a weight in a decision, so that more is kept where
        it costs few instructions
    """

    name: str
    scores: Callable[[Tensor, int], Tensor]
    per_product: bool = False


@dataclass(frozen=True)
class ChannelCriterion:
    """A criterion for whole channels.

    Attributes
    ----------
    name : as recipes call it
    scores : a layer with batch norm -> score (channels,), comparable between layers; the smallest go first
    shrinks : what an L1 penalty pulls to zero while the network trains, so that channels part; () for nothing
    """

    name: str
    scores: Callable[[NetLayer], Tensor]
    shrinks: Callable[[NetLayer], Sequence[Tensor]] = lambda _: ()


def channel_groups(layer: NetLayer) -> Tensor:
    """Number of each channel's group, int64 (channels,): those of a group see the same inputs.

    A layer whose spec bars some inputs to some channels tells different things by different groups, so that none
    of them may be left without channels.
    """
    if layer.allowed is None:
        return torch.zeros(layer.spec.channels, dtype=torch.int64)
    return torch.unique(layer.allowed, dim=0, return_inverse=True)[1]


def weight_criterion(name: str) -> WeightCriterion:
    """The criterion of that name, `InputError` if there is none."""
    return named(__name__, WeightCriterion, name)


def channel_criterion(name: str) -> ChannelCriterion:
    """The criterion of that name, `InputError` if there is none."""
    return named(__name__, ChannelCriterion, name)
