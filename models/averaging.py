"""The mean of the weights over the end of a training phase (Izmailov et al., UAI 2018)."""

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """Called after every step; `put` replaces the module's parameters by their mean.

    Parameters
    ----------
    module : what trains
    share : last share of the phase that counts, 0 for nothing
    """

    def __init__(self, module: nn.Module, share: float) -> None:
        self.parameters, self.first = list(module.parameters()), 1.0 - share
        self.mean: list[Tensor] = []
        self.n_steps = 0

    def __call__(self, fraction: float) -> None:
        if fraction <= self.first:
            return
        self.n_steps += 1
        with torch.no_grad():
            self.mean = self.mean or [p.detach().clone() for p in self.parameters]
            for mean, now in zip(self.mean, self.parameters, strict=True):
                mean.lerp_(now, 1.0 / self.n_steps)

    def put(self) -> None:
        """Set the parameters to their mean; nothing if no step counted."""
        with torch.no_grad():
            for mean, parameter in zip(self.mean, self.parameters, strict=bool(self.mean)):
                parameter.copy_(mean)
