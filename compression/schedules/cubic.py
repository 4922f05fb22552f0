"""Gradual pruning, fast first and slow near the target (Zhu & Gupta 2017, arXiv 1710.01878)."""

from . import Schedule

__all__ = ["CUBIC", "cubic_sparsity"]


def cubic_sparsity(fraction: float, target: float) -> float:
    """Sparsity after `fraction` of the schedule."""
    return target * (1.0 - (1.0 - min(max(fraction, 0.0), 1.0)) ** 3)


CUBIC = Schedule("cubic", cubic_sparsity)
