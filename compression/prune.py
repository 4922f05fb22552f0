"""Which weights may go: layer-adaptive magnitude, on a schedule that leaves time to recover.

The score is LAMP (Lee et al., ICLR 2021): a squared weight over the sum of all squared weights of its layer that
are not smaller. One global threshold on it gives every layer its own sparsity. Magnitudes are taken after
folding batch norm, since that is what reaches the device.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ..models import NetLayer

__all__ = ["Pruner", "cubic_sparsity", "lamp_scores"]

_NEVER = 2.0  # above every LAMP score, which is 1 at most


def lamp_scores(weight: Tensor) -> Tensor:
    """LAMP score of every weight of one layer, same shape; larger is more important."""
    squared = weight.detach().square().flatten()
    order = torch.argsort(squared)
    tail = squared[order].double().flip(0).cumsum(0).flip(0).clamp(min=1e-30)
    scores = torch.empty_like(squared)
    scores[order] = (squared[order] / tail).float()
    return scores.view_as(weight)


def cubic_sparsity(fraction: float, target: float) -> float:
    """Sparsity after `fraction` of the schedule (Zhu & Gupta 2017): fast first, slow near the target."""
    return target * (1.0 - (1.0 - min(max(fraction, 0.0), 1.0)) ** 3)


class Pruner:
    """Keeps pruned weights of `layers` at zero while they train; those that a spec bars do not count.

    Parameters
    ----------
    layers : pruned together
    kept : of the last layers, one number each: so many of its first channels keep all their weights
    """

    def __init__(self, layers: Iterable[NetLayer], kept: Sequence[int] = ()) -> None:
        self.layers = list(layers)
        self.kept = [0] * (len(self.layers) - len(kept)) + list(kept)
        self.masks = [
            torch.ones_like(layer.weight) if layer.allowed is None else layer.allowed.clone()
            for layer in self.layers
        ]
        self.n_weights = sum(layer.n_weights for layer in self.layers)

    def prune_to(self, sparsity: float) -> None:
        """Prune the least important weights of all layers together until `sparsity` of them is gone."""
        scores = [self._scores(*each) for each in zip(self.layers, self.masks, self.kept, strict=True)]
        everything = torch.cat([score.flatten() for score in scores])
        n_pruned = int(sparsity * self.n_weights) + everything.numel() - self.n_weights
        n_pruned = min(n_pruned, int((everything < _NEVER).sum()))
        if n_pruned > 0:
            threshold = torch.kthvalue(everything, n_pruned).values
            self.masks = [(score > threshold).float() for score in scores]
        self.apply()

    @staticmethod
    def _scores(layer: NetLayer, mask: Tensor, n_kept: int) -> Tensor:
        scores = lamp_scores(layer.folded()[0])
        scores[:n_kept] = _NEVER
        return scores * mask

    def apply(self) -> None:
        """Set pruned weights to zero."""
        with torch.no_grad():
            for layer, mask in zip(self.layers, self.masks, strict=True):
                layer.weight.mul_(mask)

    @property
    def sparsity(self) -> float:
        """Share of weights that are pruned."""
        return 1.0 - sum(float(mask.sum()) for mask in self.masks) / self.n_weights
