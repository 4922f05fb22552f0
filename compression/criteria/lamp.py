"""Layer-adaptive magnitude (Lee et al., ICLR 2021): one global threshold gives every layer its own sparsity."""

import torch
from torch import Tensor

from . import WeightCriterion

__all__ = ["LAMP", "lamp_scores"]


def lamp_scores(weight: Tensor) -> Tensor:
    """A squared weight over the sum of all squared weights of its layer that are not smaller; at most 1."""
    squared = weight.detach().square().flatten()
    order = torch.argsort(squared)
    tail = squared[order].double().flip(0).cumsum(0).flip(0).clamp(min=1e-30)
    scores = torch.empty_like(squared)
    scores[order] = (squared[order] / tail).float()
    return scores.view_as(weight)


LAMP = WeightCriterion("lamp", lambda weight, _: lamp_scores(weight))
