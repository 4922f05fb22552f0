"""The `beat` task: what its network looks like and how its stages decide."""

from typing import Literal

from ..signals import CLASSES, N_CONTEXT, WINDOW_SAMPLES
from .net_spec import ChainSpec, LayerSpec, NetSpec

__all__ = ["RHYTHM_CHANNELS", "BeatDesign", "beat_net_spec"]

BeatDesign = Literal["new patients", "known patients"]
"""Whom the network is for: patients who were not in the training set, or those who were."""

_NECK = 12
_RHYTHM = 24, 12  # channels of the two hidden layers that read the context alone; as many read both
_N_BY_RHYTHM = 2  # N and S, the first two of CLASSES

RHYTHM_CHANNELS = *_RHYTHM, len(CLASSES)
"""For new patients: channels of the last three layers of the specialist that tell N from S, and all classes."""


def beat_net_spec(n_features: int, design: BeatDesign = "new patients") -> NetSpec:
    """The network of the beat task: one CNN with two exits, and the gate before it.

    The screen's exit sits behind the first convolution, because every analysable beat pays for it. The
    specialist's logits are in the order of `CLASSES`, whose first is what the screen calls normal.

    For new patients, half of the specialist's hidden channels read the context alone, and N and S are told apart
    by those only: a supraventricular beat looks normal but comes early, and what a network finds in the shapes of
    the training patients' S beats does not hold for others. Shapes reach the other classes through a neck of few
    channels.
    """
    first, *convolutions = _CONVOLUTIONS[design]
    return NetSpec(
        n_features=n_features,
        window_shape=(WINDOW_SAMPLES, 2),
        n_context=N_CONTEXT,
        gate=(LayerSpec(8), LayerSpec(1, is_logit=True)),
        screen=(first, LayerSpec(8, takes_context=True), LayerSpec(1, is_logit=True)),
        specialist=(*convolutions, *_HEADS[design]),
        n_kept=1,
        labels=tuple(CLASSES),
    )


_CONVOLUTIONS: dict[BeatDesign, ChainSpec] = {
    "new patients": (
        LayerSpec(12, kernel=7, stride=3),
        LayerSpec(32, kernel=5, stride=2),
        LayerSpec(48, kernel=3, stride=2),
    ),
    "known patients": (
        LayerSpec(32, kernel=7, stride=3),
        LayerSpec(96, kernel=5, stride=2),
        LayerSpec(128, kernel=3, stride=2),
    ),
}

_HEADS: dict[BeatDesign, ChainSpec] = {
    "new patients": (
        LayerSpec(_NECK),
        LayerSpec(2 * _RHYTHM[0], takes_context=True, barred=((0, _RHYTHM[0], 0, _NECK),)),
        LayerSpec(2 * _RHYTHM[1], barred=((0, _RHYTHM[1], _RHYTHM[0], 2 * _RHYTHM[0]),)),
        LayerSpec(len(CLASSES), is_logit=True, barred=((0, _N_BY_RHYTHM, _RHYTHM[1], 2 * _RHYTHM[1]),)),
    ),
    "known patients": (LayerSpec(128, takes_context=True), LayerSpec(64), LayerSpec(len(CLASSES), is_logit=True)),
}
