"""Magnitude within each layer: every layer loses the same share of its weights."""

import torch
from torch import Tensor

from . import WeightCriterion

__all__ = ["LAYER_MAGNITUDE", "rank_scores"]


def rank_scores(weight: Tensor, n_weights: int) -> Tensor:
    """Rank of each magnitude in its layer over the number of weights that may differ from 0; at most 1."""
    flat = weight.detach().abs().flatten()
    scores = torch.empty_like(flat)
    scores[torch.argsort(flat, stable=True)] = torch.arange(1.0, flat.numel() + 1)
    return ((scores - (flat.numel() - n_weights)) / n_weights).view_as(weight)


LAYER_MAGNITUDE = WeightCriterion("layer-magnitude", rank_scores)
