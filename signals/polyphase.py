"""The polyphase filter, imported when it is first needed: `scipy.signal` takes longer than most recordings do."""

import numpy as np

__all__ = ["upfirdn"]


def upfirdn(taps: np.ndarray, x: np.ndarray, up: int = 1, down: int = 1, axis: int = -1) -> np.ndarray:
    """`scipy.signal.upfirdn`: insert zeros, filter along an axis, keep every `down`-th value."""
    from scipy import signal

    return signal.upfirdn(taps, x, up, down, axis=axis)
