"""Weights of -1, 0 and 1 times a scale per channel: ternary weight networks (Li & Liu 2016, arXiv 1605.04711)."""

import torch
from torch import Tensor

from . import QuantiserMethod
from .uniform import UniformQuantiser

__all__ = ["TERNARY", "TernaryQuantiser"]

_THRESHOLD = 0.7
"""Weights below this share of the mean magnitude become 0 (Li & Liu, eq. 6)."""


class TernaryQuantiser(UniformQuantiser):
    """The threshold is a share of the channel's mean magnitude, the scale the mean of what lies above it.

    Pruned weights count in neither.
    """

    def __init__(self) -> None:
        super().__init__(bits=2)

    def _is_large(self, weight: Tensor) -> Tensor:
        magnitude = weight.detach().abs()
        mean = magnitude.sum(dim=1, keepdim=True) / (magnitude > 0).sum(dim=1, keepdim=True).clamp(min=1)
        return (magnitude > _THRESHOLD * mean) & (magnitude > 0)

    def scale(self, weight: Tensor) -> Tensor:
        """See `UniformQuantiser`."""
        is_large = self._is_large(weight)
        total = (weight.detach().abs() * is_large).sum(dim=1, keepdim=True)
        return (total / is_large.sum(dim=1, keepdim=True).clamp(min=1)).clamp(min=2.0**-24)

    def steps(self, weight: Tensor, scale: Tensor) -> Tensor:
        """See `UniformQuantiser`."""
        return torch.sign(weight.detach() / scale) * self._is_large(weight)


TERNARY = QuantiserMethod("ternary", lambda *_: TernaryQuantiser())
