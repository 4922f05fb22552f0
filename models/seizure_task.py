"""The `seizure` task: what its network looks like. One set of weights serves every channel."""

from ..signals.eeg_features import N_EEG_FEATURES, N_SEIZURE_FEATURES
from .net_spec import LayerSpec, NetSpec

__all__ = ["SEIZURE_LABELS", "seizure_net_spec"]

SEIZURE_LABELS = ("seizure",)
"""What the specialist's only logit speaks for."""


def seizure_net_spec() -> NetSpec:
    """Gate of a second, screen on the context features, and a CNN over 4 s of one channel's wave at 64 Hz.

    Long strides first, so that the maps are short; then mean and maximum over positions of 1.4 s, 0.125 s apart.
    """
    return NetSpec(
        n_features=N_EEG_FEATURES,
        window_shape=(0, 1),
        n_context=N_SEIZURE_FEATURES,
        gate=(LayerSpec(8), LayerSpec(1, is_logit=True)),
        screen=(LayerSpec(8), LayerSpec(1, is_logit=True)),
        specialist=(
            LayerSpec(16, kernel=8, stride=4),
            LayerSpec(24, kernel=5, stride=2),
            LayerSpec(24, kernel=3),
            LayerSpec(32, kernel=3, pools=True),
            LayerSpec(24, takes_context=True, n_context_only=8),
            LayerSpec(len(SEIZURE_LABELS), is_logit=True),
        ),
        n_kept=0,
        labels=SEIZURE_LABELS,
        screens_context=True,
    )
