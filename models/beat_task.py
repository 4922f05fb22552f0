"""The `beat` task: what its network looks like and how its stages decide."""

from ..signals import CLASSES, N_CONTEXT, WINDOW_SAMPLES
from .network import LayerSpec, NetSpec

__all__ = ["beat_net_spec"]


def beat_net_spec(n_features: int) -> NetSpec:
    """The network of the beat task: one CNN with two exits, and the gate before it.

    The screen's exit sits behind the first convolution, because every analysable beat pays for it. The
    specialist's logits are in the order of `CLASSES`, whose first is what the screen calls normal.
    """
    return NetSpec(
        n_features=n_features,
        window_shape=(WINDOW_SAMPLES, 2),
        n_context=N_CONTEXT,
        gate=(LayerSpec(8), LayerSpec(1, is_logit=True)),
        screen=(LayerSpec(12, kernel=7, stride=3), LayerSpec(8, takes_context=True), LayerSpec(1, is_logit=True)),
        specialist=(
            LayerSpec(32, kernel=5, stride=2),
            LayerSpec(48, kernel=3, stride=2),
            LayerSpec(48, takes_context=True),
            LayerSpec(len(CLASSES), is_logit=True),
        ),
        n_kept=1,
        labels=tuple(CLASSES),
    )
