"""Several networks as one: what they say together."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """The mean opinion of networks of one task, each of them as sure as it is; a teacher, not to be trained.

    Parameters
    ----------
    nets : (window, context) -> screen logit (B, 1), class logits (B, n_labels)
    """

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, window: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 (B, 1) and (B, n_labels) of the mean probabilities."""
        said = [net(window, context) for net in self.nets]
        screen = torch.stack([screen.float().sigmoid() for screen, _ in said]).mean(dim=0)
        classes = torch.stack([classes.float().softmax(dim=1) for _, classes in said]).mean(dim=0)
        return screen.logit(eps=1e-6), classes.clamp(min=1e-9).log()
