"""A screen of beats that looks at the context alone: intervals, amplitude, width, how unlike the template.

The usual screen shares its first convolution with the specialist, which is most of what a normal beat costs. This
one is a dense layer and an exit on the 20 numbers that the device has made for the specialist anyway; the
specialist does its own first convolution when it runs. Classes stay what they were: only which beats the
specialist sees changes.
"""

from dataclasses import replace

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
from .recipe import Quantiser, ScreenRecipe
from .shrink import remove_dead_channels

__all__ = ["with_context_screen"]

_VENTRICULAR = CLASSES.index("V")
_BATCH = 1024
_BALANCE = 0.5  # of records and classes in what is drawn
_MIN_STEPS = 500, 250  # of the float network and of its integers, however few beats there are


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
    """The model with a new screen, fitted on training beats; the same beats give the same bytes.

    Parameters
    ----------
    model : of the beat task; gate and classes stay as they are, what only its former screen read goes
    beats : training material, best that of the model itself

    Raises
    ------
    UnanalysableError
        no beat among `beats` is abnormal: there is nothing to set the threshold by
    """
    how = recipe or ScreenRecipe()
    must_pass = _must_pass(model, beats)
    fits = [_fitted(beats, must_pass, how, seed, progress) for seed in range(how.n_fits)]
    screen, _ = min(fits, key=lambda fit: fit[1])
    return remove_dead_channels(replace(model, stages=(model.stage("gate"), screen, _from_window(model))))


def _must_pass(model: CompactModel, beats: LabelledBeats) -> np.ndarray:
    """Ventricular beats that the specialist finds; where it finds none, all abnormal ones: bool (n,)."""
    classes = model.classify(beats.window, beats.context)[1].argmax(axis=1)
    found = (classes == _VENTRICULAR) & (beats.label == _VENTRICULAR)
    return found if found.any() else beats.label > 0


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
    chain = _untrained(beats.context.shape[1], how.n_hidden, seed)
    context, label = to_unit(beats.context), torch.from_numpy(beats.label.astype(np.int64))
    weight = 1.0 + (how.ventricular_weight - 1.0) * (label == _VENTRICULAR).float()
    drawn = balance_weight(beats, _BALANCE)
    config = FitConfig(how.epochs, _MIN_STEPS[0], _BATCH, how.learning_rate, seed=seed)
    tuning = FitConfig(how.tune_epochs, _MIN_STEPS[1], _BATCH, how.learning_rate / 2, seed=seed)

    def train(screen: _Screen, config: FitConfig, phase: str) -> _Screen:
        def loss_of(index: Tensor) -> Tensor:
            is_abnormal = (label[index] > 0).float()
            return F.binary_cross_entropy_with_logits(screen(context[index]), is_abnormal, weight[index])

        fit(screen, len(beats), loss_of, config, drawn, phase=phase, progress=progress)
        return screen

    train(_Screen(list(chain)), config, "screen")
    return train(_Screen([QuantLayer(layer, Quantiser()) for layer in chain]), tuning, "screen as integers")


def _untrained(n_context: int, n_hidden: int, seed: int) -> Chain:
    """The layers, float; torch's own generator stays where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        specs = LayerSpec(n_hidden), LayerSpec(1, is_logit=True)
        return Chain(specs, in_length=1, in_channels=n_context, n_context=0)
