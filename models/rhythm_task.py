"""The `rhythm` task: what its classes are and what its network looks like."""

from ..signals.rhythm_features import N_RHYTHM_FEATURES
from .net_spec import LayerSpec, NetSpec

__all__ = ["FIBRILLATION", "NOISY", "NORMAL", "OTHER", "RHYTHMS", "STRIP_LABELS", "rhythm_net_spec"]

RHYTHMS = ("N", "A", "O")
"""What the specialist's logits mean: normal rhythm, atrial fibrillation, any other rhythm."""

NORMAL, FIBRILLATION, OTHER, NOISY = range(4)
STRIP_LABELS = (*RHYTHMS, "~")
"""Labels of strips by number; ``~`` is a strip that people found too noisy, which is the gate's business."""


def rhythm_net_spec(n_features: int) -> NetSpec:
    """The network of the rhythm task: the gate, a screen on the strip's features, a CNN that takes any length.

    Early strides make the long maps narrow, so that the streamed form needs little memory and time.

    Parameters
    ----------
    n_features : inputs of the gate
    """
    return NetSpec(
        n_features=n_features,
        window_shape=(0, 1),
        n_context=N_RHYTHM_FEATURES,
        gate=(LayerSpec(8), LayerSpec(1, is_logit=True)),
        screen=(LayerSpec(8), LayerSpec(1, is_logit=True)),
        specialist=(
            LayerSpec(16, kernel=7, stride=2),
            LayerSpec(24, kernel=5, stride=2),
            LayerSpec(32, kernel=5, stride=2),
            LayerSpec(48, kernel=5, stride=2),
            LayerSpec(64, kernel=5, stride=2),
            LayerSpec(64, kernel=3),
            LayerSpec(64, kernel=3),
            LayerSpec(64, kernel=3, pools=True),
            LayerSpec(64, takes_context=True, n_context_only=32),
            LayerSpec(len(RHYTHMS), is_logit=True),
        ),
        n_kept=0,
        labels=RHYTHMS,
        screens_context=True,
    )
