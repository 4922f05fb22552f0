"""The operating point of a finished model: what moves its class logits, by the biases of the last layer.

It costs the device nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..signals import InputError
from .compact import LOGIT_FRACTION_BITS, CompactModel

__all__ = ["offset_for_shares", "with_class_offset"]

_NEVER = -256  # what a logit cannot make up for


def with_class_offset(compact: CompactModel, offset: Sequence[float]) -> CompactModel:
    """Add to the class logits.

    Parameters
    ----------
    offset : one value a class, rounded to the logits' step of 1/8; empty for none

    Raises
    ------
    InputError
        another number of values than classes.
    """
    if not offset:
        return compact
    *stages, specialist = compact.stages
    *layers, exit_layer = specialist.layers
    if len(offset) != len(exit_layer.bias):
        raise InputError(f"{len(offset)} class offsets for {len(exit_layer.bias)} classes")
    raised = exit_layer.raised(np.asarray(offset) * (1 << LOGIT_FRACTION_BITS))
    moved = replace(specialist, layers=(*layers, raised))
    return replace(compact, stages=(*stages, moved))


def offset_for_shares(logits: np.ndarray, shares: Sequence[float]) -> tuple[float, ...]:
    """Class offsets with which no class takes more than its share of normal units, and nearly as much.

    Networks that differ by their seed alone call the same class at different rates. Setting the rate on the units
    that trained them takes that part of the spread away.

    Parameters
    ----------
    logits : int8 (n, n_classes), of the compact model, of units of the first class
    shares : one a class, together below 1; 0 leaves the class where it is

    Raises
    ------
    InputError
        another number of shares than classes, or shares that are none.
    """
    n_classes = logits.shape[1]
    if len(shares) != n_classes:
        raise InputError(f"{len(shares)} shares of normal units for {n_classes} classes")
    if min(shares) < 0 or not sum(shares) < 1:
        raise InputError(f"shares of normal units are 0 or more and together below 1, not {list(shares)}")
    offset = np.where(np.asarray(shares) > 0, _NEVER, 0)
    before = None
    while before is None or (offset != before).any():  # what one class takes gives another room to rise
        before = offset.copy()
        for label, share in enumerate(shares):
            if share:
                offset[label] += _largest_step(logits + offset, label, share)
    return tuple(float(step) / (1 << LOGIT_FRACTION_BITS) for step in offset)


def _largest_step(logits: np.ndarray, label: int, share: float) -> int:
    """The largest step that may be added to a class which is to take at most `share` of the units."""
    others = np.delete(logits, label, axis=1)
    wins_ties = np.arange(others.shape[1]) >= label
    needed = (others - logits[:, [label]] + ~wins_ties).max(axis=1)  # the class is called from this step on
    n_called = int(share * len(needed) + 1e-6)  # a share may be meant as a whole number of units
    return int(np.sort(needed)[n_called]) - 1
