"""The cascade as a decision: who is gated, who stops at the screen, who gets a class."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..signals import UnanalysableError
from .beat_data import BeatRecord

__all__ = ["Decisions", "StagedModel", "calibrate_threshold", "decide"]


class StagedModel(Protocol):
    """Anything that can judge blocks and classify beats: the float network or its compact form."""

    @property
    def thresholds(self) -> dict[str, float]:
        """Logit from which a unit passes the gate, and from which it passes on to the specialist."""
        ...

    def judge(self, features: np.ndarray) -> np.ndarray:
        """Gate logits (n,) of int8 (n, n_features)."""
        ...

    def classify(self, window: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Screen logits (n,) and class logits (n, n_labels) of int8 windows and contexts."""
        ...

    def screen_strips(self, context: np.ndarray) -> np.ndarray:
        """Screen logits (n,) of int8 contexts alone, where the screen looks at nothing else."""
        ...


@dataclass(frozen=True)
class Decisions:
    """What the cascade decided on the beats of one recording.

    Attributes
    ----------
    accepted : bool (n_blocks,), which seconds the gate let through
    gated : bool (n,), beats in a rejected second
    reached : bool (n,), beats that the screen passed on to the specialist
    label : int8 (n,), class; -1 for gated beats
    screen : (n,), screen logit, whether or not it was needed
    classes : (n, n_labels), class logits, whether or not they were needed
    """

    accepted: np.ndarray
    gated: np.ndarray
    reached: np.ndarray
    label: np.ndarray
    screen: np.ndarray
    classes: np.ndarray

    @property
    def rejected_fraction(self) -> float:
        """Share of time that the gate rejected."""
        return float(1 - self.accepted.mean()) if len(self.accepted) else 0.0


def decide(model: StagedModel, record: BeatRecord) -> Decisions:
    """Run the cascade over one prepared recording."""
    accepted = model.judge(record.features) >= model.thresholds["gate"]
    gated = ~accepted[record.beats.block]
    screen, classes = model.classify(record.beats.window, record.beats.context)
    reached = ~gated & (screen >= model.thresholds["screen"])
    label = np.where(reached, classes.argmax(axis=1), 0).astype(np.int8)
    label[gated] = -1
    return Decisions(accepted, gated, reached, label, screen, classes)


def calibrate_threshold(logits: np.ndarray, must_pass: np.ndarray, share: float) -> float:
    """Largest threshold that lets at least `share` of the units in `must_pass` through.

    Parameters
    ----------
    logits : (n,)
    must_pass : bool (n,)
    share : 0 to 1

    Raises
    ------
    UnanalysableError
        No unit must pass: there is nothing to set the threshold by.
    """
    ordered = np.sort(logits[must_pass])
    if len(ordered) == 0:
        raise UnanalysableError(f"none of {len(logits)} training units must pass; a threshold needs at least 1")
    return float(ordered[min(int((1 - share) * len(ordered)), len(ordered) - 1)])
