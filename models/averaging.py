"""The mean of the weights over the end of a training phase (Izmailov et al., UAI 2018)."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage", "settle_norms"]


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


def settle_norms(modules: Iterable[nn.Module], run: Callable[[], object], n: int) -> None:
    """Batch norms take the mean and variance that averaged weights give.

    Parameters
    ----------
    modules : whose batch norms `run` passes through; they are left in evaluation mode
    run : passes a batch through them
    n : batches
    """
    modules = list(modules)
    norms = [norm for module in modules for norm in module.modules() if isinstance(norm, nn.BatchNorm1d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    for module in modules:
        module.train()
    with torch.no_grad():
        for _ in range(n):
            run()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for module in modules:
        module.eval()
