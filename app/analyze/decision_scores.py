"""Scores of decisions in natural units: the same for beats and for strips."""

import numpy as np

from ...compression.compact import LOGIT_FRACTION_BITS

__all__ = ["decision_scores"]

_SPECIALIST = 2


def decision_scores(
    label: np.ndarray, reached: np.ndarray, screen: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The screen's logit, and the network's own share for what was decided.

    Parameters
    ----------
    label : int8 (n,), class; -1 without one
    reached : int8 (n,), 2 where the specialist decided, less where it did not run
    screen, classes : (n,) and (n, n_classes), logits; Q4.3 if they are integers

    Returns
    -------
    float64 (n,) each; nan where there is no class
    """
    screen, classes = _natural(screen), _natural(classes)
    share = np.exp(classes - classes.max(axis=1, keepdims=True, initial=-np.inf))
    of_label = share[np.arange(len(share)), np.maximum(label, 0)] / share.sum(axis=1)
    confidence = np.where(reached == _SPECIALIST, of_label, 1 / (1 + np.exp(screen)))
    return np.where(label < 0, np.nan, screen), np.where(label < 0, np.nan, confidence)


def _natural(logits: np.ndarray) -> np.ndarray:
    """Logits in natural units: those of the compact model are Q4.3 integers."""
    is_fixed_point = np.issubdtype(logits.dtype, np.integer)
    return logits.astype(np.float64) / (1 << LOGIT_FRACTION_BITS if is_fixed_point else 1)
