"""The float network with its thresholds, as a staged model."""

from dataclasses import dataclass

import numpy as np
import torch

from .network import StagedNet
from .train import to_unit

__all__ = ["FloatModel"]

_BATCH = 8192


@dataclass(frozen=True)
class FloatModel:
    """A trained `StagedNet` with its thresholds."""

    net: StagedNet
    thresholds: dict[str, float]

    def judge(self, features: np.ndarray) -> np.ndarray:
        """See `StagedModel.judge`."""
        if not len(features):
            return np.empty(0, np.float32)
        with torch.no_grad():
            return self.net.judge(to_unit(features))[:, 0].numpy()

    def screen_strips(self, context: np.ndarray) -> np.ndarray:
        """See `StagedModel.screen_strips`."""
        if not len(context):
            return np.empty(0, np.float32)
        with torch.no_grad():
            return self.net.screen(to_unit(context), to_unit(context))[0][:, 0].numpy()

    def classify(self, window: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `StagedModel.classify`."""
        screens, classes = [np.empty(0, np.float32)], [np.empty((0, len(self.net.spec.labels)), np.float32)]
        with torch.no_grad():
            for start in range(0, len(window), _BATCH):
                rows = slice(start, start + _BATCH)
                screen, logits = self.net(to_unit(window[rows]).flatten(1), to_unit(context[rows]))
                screens.append(screen[:, 0].numpy())
                classes.append(logits.numpy())
        return np.concatenate(screens), np.concatenate(classes)
