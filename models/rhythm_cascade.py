"""The cascade over strips: which are analysable, which stop at the screen, which rhythm the others have."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from .rhythm_data import RhythmStrip, StripGroups
from .rhythm_task import NORMAL
from .staged import StagedModel, calibrate_threshold

__all__ = [
    "MIN_ANALYSABLE",
    "StripDecisions",
    "analysable_share",
    "classify_strips",
    "decide_strips",
    "screen_threshold",
]

MIN_ANALYSABLE = 0.5
"""A strip of which the gate accepts a smaller share of the seconds gets no class."""


@dataclass(frozen=True)
class StripDecisions:
    """What the cascade decided on a number of strips.

    Attributes
    ----------
    label : int8 (n,), reference, position in `STRIP_LABELS`
    analysable : float (n,), share of the seconds that the gate accepts; nan where no gate was asked
    screen : (n,), screen logit
    reached : bool (n,), strips that the screen passed on to the CNN, gated or not
    classes : (n, 3), class logits, whether or not they were needed
    """

    label: np.ndarray
    analysable: np.ndarray
    screen: np.ndarray
    reached: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    @property
    def gated(self) -> np.ndarray:
        """Strips without a class: bool (n,)."""
        return self.analysable < MIN_ANALYSABLE  # nan, where no gate was asked, is not below

    @property
    def said(self) -> np.ndarray:
        """Class of each strip, int8 (n,): position in `RHYTHMS`, -1 for gated strips."""
        said = np.where(self.reached, self.classes.argmax(axis=1), NORMAL)
        return np.where(self.gated, -1, said).astype(np.int8)

    def take(self, index: np.ndarray) -> "StripDecisions":
        """Select strips by a boolean mask or by positions."""
        return StripDecisions(*(getattr(self, f.name)[index] for f in fields(self)))

    @classmethod
    def concatenate(cls, parts: Sequence["StripDecisions"]) -> "StripDecisions":
        """Join in the given order."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def classify_strips(model: StagedModel, strips: Sequence[RhythmStrip]) -> tuple[np.ndarray, np.ndarray]:
    """Screen logits float64 (n,) and class logits float64 (n, n_classes), whole strips of any length."""
    screen, rows = np.empty(len(strips)), [np.empty(0)] * len(strips)
    for index in StripGroups.of(strips).index:
        window = np.stack([strips[i].wave for i in index])[:, :, None]
        screen[index], classes = model.classify(window, np.stack([strips[i].context for i in index]))
        for i, row in zip(index, classes, strict=True):
            rows[i] = row
    return screen, np.array(rows, np.float64)


def analysable_share(model: StagedModel, strips: Sequence[RhythmStrip]) -> np.ndarray:
    """Share of each strip's seconds that the gate accepts, float64 (n,)."""
    accepted = model.judge(np.concatenate([s.features for s in strips])) >= model.thresholds["gate"]
    ends = np.cumsum([len(s.features) for s in strips])[:-1]
    return np.array([part.mean() for part in np.split(accepted, ends)])


def decide_strips(
    model: StagedModel, strips: Sequence[RhythmStrip], gate: StagedModel | None = None
) -> StripDecisions:
    """Run the cascade.

    Parameters
    ----------
    gate : the model whose gate judges the strips; None lets every strip through
    """
    screen, classes = classify_strips(model, strips)
    share = analysable_share(gate, strips) if gate else np.full(len(strips), np.nan)
    label = np.array([s.label for s in strips], np.int8)
    return StripDecisions(label, share, screen, screen >= model.thresholds["screen"], classes)


def screen_threshold(model: StagedModel, strips: Sequence[RhythmStrip], share: float) -> float:
    """Threshold with which the screen passes at least `share` of the abnormal strips (A and O) on.

    Raises
    ------
    UnanalysableError
        there is no abnormal strip.
    """
    screen, _ = classify_strips(model, strips)
    return calibrate_threshold(screen, np.array([s.label for s in strips]) > NORMAL, share)
