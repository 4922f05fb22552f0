"""Decisions on windows and on whole segments, and what they score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .eeg_segments import EegSegments, SegmentTask, segment_features, segment_wave, segment_windows
from .staged import StagedModel

__all__ = ["SegmentDecisions", "SegmentScores", "decide_segments", "score_segments"]


@dataclass(frozen=True)
class SegmentDecisions:
    """What a model says of some segments.

    Attributes
    ----------
    name : str (n,), of the segments
    group : str (n,), set or state of each
    screen : float (n, n_windows), screen logits
    classes : float (n, n_windows, n_classes), specialist's logits
    """

    name: np.ndarray
    group: np.ndarray
    screen: np.ndarray
    classes: np.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence["SegmentDecisions"]) -> "SegmentDecisions":
        """Join in the given order."""
        fields = ("name", "group", "screen", "classes")
        return cls(*(np.concatenate([getattr(part, f) for part in parts]) for f in fields))


@dataclass(frozen=True)
class SegmentScores:
    """What decisions are worth.

    Attributes
    ----------
    accuracy, window_accuracy, screen_accuracy : share of right segments and of right windows, 0 to 1; and of
        segments that the screen alone puts right as ictal or not
    majority : accuracy of always saying the commonest class
    se, ppv : of each class, segments; nan where undefined
    table : int64 (n_classes, n_classes), segments, rows by the reference
    wrong : names of the segments that are put into the wrong class
    """

    accuracy: float
    window_accuracy: float
    screen_accuracy: float
    majority: float
    se: tuple[float, ...]
    ppv: tuple[float, ...]
    table: np.ndarray
    wrong: tuple[str, ...]


def decide_segments(model: StagedModel, segments: EegSegments, n_window: int) -> SegmentDecisions:
    """Both exits of every window of `n_window` samples; the windows cover each segment evenly."""
    windows = segment_windows(segments.filtered, n_window)
    flat = windows.reshape(-1, n_window)
    screen, classes = model.classify(segment_wave(flat)[:, :, None], segment_features(flat))
    shape = windows.shape[:2]
    return SegmentDecisions(
        segments.name,
        segments.group,
        screen.reshape(shape).astype(np.float64),
        classes.reshape(*shape, -1).astype(np.float64),
    )


def score_segments(decisions: SegmentDecisions, task: SegmentTask) -> SegmentScores:
    """Score segments that all belong to the task; one is decided by the mean of its windows' logits."""
    label = task.label_of(decisions.group)
    said = decisions.classes.mean(axis=1).argmax(axis=1)
    n = len(task.labels)
    table = np.zeros((n, n), np.int64)
    np.add.at(table, (label, said), 1)
    right = np.diag(table).astype(np.float64)
    n_in, n_said = table.sum(axis=1), table.sum(axis=0)
    screened = (decisions.screen.mean(axis=1) > 0) == (label == n - 1)
    return SegmentScores(
        accuracy=float(right.sum() / n_in.sum()),
        window_accuracy=float((decisions.classes.argmax(axis=2) == label[:, None]).mean()),
        screen_accuracy=float(screened.mean()),
        majority=float(n_in.max() / n_in.sum()),
        se=_shares(right, n_in),
        ppv=_shares(right, n_said),
        table=table,
        wrong=tuple(decisions.name[said != label].tolist()),
    )


def _shares(part: np.ndarray, whole: np.ndarray) -> tuple[float, ...]:
    return tuple(np.where(whole > 0, part / np.maximum(whole, 1), np.nan).tolist())
