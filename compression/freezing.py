"""Quantisation in steps: weights that are fixed at their powers of two, and others that still make up for them.

After incremental network quantisation (Zhou et al., ICLR 2017): a share of the weights is quantised and fixed, the
largest first, the others train on as they are, and the next share follows. Weights that are all rounded while they
train jump between neighbouring powers of two until the end.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from .quant_net import QuantLayer

__all__ = ["Freezing"]


class Freezing:
    """Called after every step; the first share is fixed at once.

    Parameters
    ----------
    layers : what trains
    shares : of each channel's weights that are left, rising to 1: one for each of equally long parts of the phase;
        empty to fix nothing, so that all weights are rounded as they train
    """

    def __init__(self, layers: Iterable[QuantLayer], shares: Sequence[float]) -> None:
        self.layers = list(layers) if shares else []
        self.shares, self.share = tuple(shares), 0.0
        self(0.0)

    def __call__(self, fraction: float) -> None:
        if not self.layers:
            return
        wanted = self.shares[min(int(fraction * len(self.shares)), len(self.shares) - 1)]
        for layer in self.layers:
            if wanted > self.share:
                layer.freeze(_largest(layer, wanted))
            layer.hold()
        self.share = max(self.share, wanted)


def _largest(layer: QuantLayer, share: float) -> Tensor:
    """`share` of each channel's weights, the frozen ones first, then the largest: bool (channels, taps)."""
    size = torch.where(layer.mask, layer.weight.detach().abs(), -torch.ones_like(layer.weight))
    if layer.frozen is not None:
        size[layer.frozen] = torch.inf
    rank = size.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return layer.mask & (rank < (share * layer.mask.sum(dim=1, keepdim=True)).ceil())
