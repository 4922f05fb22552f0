"""A screen of beats that looks at the context alone: intervals, amplitude, width, how unlike the template.

The usual screen shares its first convolution with the specialist, which is most of what a normal beat costs. This
one is a dense layer and an exit on the 20 numbers that the device has made for the specialist anyway; the
specialist does its own first convolution when it runs. Classes stay what they were: only which beats the
specialist sees changes.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models import Chain
from ..models.beat_data import LabelledBeats
from ..models.net_spec import LayerSpec
from ..models.staged import calibrate_threshold
from ..models.train import FitConfig, Progress, balance_weight, fit, to_unit
from ..signals import CLASSES
from .compact import CompactModel, CompactStage
from .quant_net import QuantLayer
from .recipe import Quantiser

__all__ = ["ScreenRecipe", "with_context_screen"]

_VENTRICULAR = CLASSES.index("V")


@dataclass(frozen=True)
class ScreenRecipe:
    """How the screen is fitted.

    Attributes
    ----------
    n_hidden : outputs of its dense layer
    trained, tuned : duration and rate of the float network's fit, and of that with weights that are powers of two
    ventricular_weight : weight of a ventricular beat in the loss
    withheld : share of the ventricular training beats which the specialist finds that the threshold may withhold
    n_fits : fits from different seeds, of which the one is kept that then lets the fewest training beats pass
    """

    n_hidden: int = 16
    trained: FitConfig = field(
        default_factory=lambda: FitConfig(10, 0, batch_size=1024, learning_rate=6e-3, balance=0.5)
    )
    tuned: FitConfig = field(
        default_factory=lambda: FitConfig(5, 0, batch_size=1024, learning_rate=3e-3, balance=0.5)
    )
    ventricular_weight: float = 2.0
    withheld: float = 0.002
    n_fits: int = 3


class _Screen(nn.Module):
    """Layers in a row, float or quantised."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, context: Tensor) -> Tensor:
        """(B, n_context) -> (B,)"""
        x = context
        for layer in self.layers:
            x = layer(x, context[:, :0])
        return x[:, 0]


def with_context_screen(
    model: CompactModel, beats: LabelledBeats, recipe: ScreenRecipe | None = None, progress: Progress | None = None
) -> CompactModel:
    """The model with a new screen, fitted on training beats.

    Parameters
    ----------
    model : of the beat task; gate and specialist stay as they are
    beats : training material, best that of the model itself

    Raises
    ------
    UnanalysableError
        the specialist finds no ventricular beat among `beats`: there is nothing to set the threshold by
    """
    how = recipe or ScreenRecipe()
    classes = model.classify(beats.window, beats.context)[1].argmax(axis=1)
    must_pass = (classes == _VENTRICULAR) & (beats.label == _VENTRICULAR)
    fits = [_fitted(beats, must_pass, how, seed, progress) for seed in range(how.n_fits)]
    screen, _ = min(fits, key=lambda fit: fit[1])
    return replace(model, stages=(model.stage("gate"), screen, _from_window(model)))


def _from_window(model: CompactModel) -> CompactStage:
    """The specialist with the layers before it that the former screen ran."""
    screen, specialist = model.stage("screen"), model.stage("specialist")
    if specialist.source == "window":
        return specialist
    return replace(specialist, source="window", layers=(*screen.layers[: screen.n_kept], *specialist.layers))


def _fitted(
    beats: LabelledBeats, must_pass: np.ndarray, how: ScreenRecipe, seed: int, progress: Progress | None
) -> tuple[CompactStage, float]:
    """A screen with its threshold, and the share of the beats that it lets pass."""
    net = _trained(beats, how, seed, progress)
    layers = tuple(layer.to_compact() for layer in net.layers if isinstance(layer, QuantLayer))
    screen = CompactStage("screen", "context", layers)
    logits = screen.run(beats.context, beats.context).logits[:, 0]
    threshold = int(calibrate_threshold(logits, must_pass, 1 - how.withheld))
    return replace(screen, threshold=threshold), float((logits >= threshold).mean())


def _trained(beats: LabelledBeats, how: ScreenRecipe, seed: int, progress: Progress | None) -> _Screen:
    torch.manual_seed(seed)
    specs = LayerSpec(how.n_hidden), LayerSpec(1, is_logit=True)
    chain = Chain(specs, in_length=1, in_channels=beats.context.shape[1], n_context=0)
    trained = _Screen(list(chain))
    context, label = to_unit(beats.context), torch.from_numpy(beats.label.astype(np.int64))
    weight = 1.0 + (how.ventricular_weight - 1.0) * (label == _VENTRICULAR).float()

    def train(screen: _Screen, config: FitConfig, phase: str) -> None:
        def loss_of(index: Tensor) -> Tensor:
            is_abnormal = (label[index] > 0).float()
            return F.binary_cross_entropy_with_logits(screen(context[index]), is_abnormal, weight[index])

        drawn = balance_weight(beats, config.balance)
        fit(screen, len(beats), loss_of, replace(config, seed=seed), drawn, phase=phase, progress=progress)

    train(trained, how.trained, "screen")
    quantised = _Screen([QuantLayer(layer, Quantiser()) for layer in chain])
    train(quantised, how.tuned, "screen as integers")
    return quantised
