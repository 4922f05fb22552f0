"""Scores of the beat task, after ANSI/AAMI EC57.

A confusion table has a row per reference class and one for detections where there is no beat, and a column per
decision, one for beats that the gate rejected and one for beats that the detector missed. Rejected and missed
beats are errors: they count against sensitivity and accuracy.
"""

from dataclasses import dataclass

import numpy as np

from ..signals import CLASSES
from .beat_data import BeatRecord
from .staged import Decisions

__all__ = ["COLUMNS", "ROWS", "ClassScore", "Scores", "bootstrap_ci95", "confusion", "score"]

ROWS = (*CLASSES, "no beat")
COLUMNS = (*CLASSES, "gated", "missed")
_GATED, _MISSED = len(CLASSES), len(CLASSES) + 1


@dataclass(frozen=True)
class ClassScore:
    """Sensitivity, positive predictive value and F1 of one class, 0 to 1; nan where undefined."""

    n: int
    se: float
    ppv: float
    f1: float


@dataclass(frozen=True)
class Scores:
    """What a confusion table says.

    `macro_f1` is the mean F1 over the classes that occur in the reference.
    """

    accuracy: float
    macro_f1: float
    classes: dict[str, ClassScore]


def confusion(record: BeatRecord, decisions: Decisions, is_wanted: np.ndarray | None = None) -> np.ndarray:
    """Confusion table int64 (6, 7) of one recording.

    Parameters
    ----------
    is_wanted : bool (m,), reference beats to score; None scores all
    """
    rows = record.rows_of(is_wanted)
    truth = np.where(record.label < 0, len(CLASSES), record.label)[rows]
    decision = np.where(decisions.gated, _GATED, decisions.label)[rows]
    table = np.zeros((len(ROWS), len(COLUMNS)), np.int64)
    np.add.at(table, (truth, decision), 1)
    missed = record.missed if is_wanted is None else record.missed[is_wanted[record.missed]]
    table[: len(CLASSES), _MISSED] += np.bincount(record.reference_label[missed], minlength=len(CLASSES))
    return table


def score(table: np.ndarray) -> Scores:
    """Scores of a confusion table (6, 7)."""
    n_classes = len(CLASSES)
    hits = np.diag(table)[:n_classes].astype(np.float64)
    n = table[:n_classes].sum(axis=1)
    said = table[:, :n_classes].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        se, ppv, f1 = hits / n, hits / said, 2 * hits / (n + said)
        accuracy = float(hits.sum() / n.sum())
    classes = {
        label: ClassScore(int(n[i]), float(se[i]), float(ppv[i]), float(f1[i])) for i, label in enumerate(CLASSES)
    }
    present = n > 0
    return Scores(accuracy, float(f1[present].mean()) if present.any() else float("nan"), classes)


def bootstrap_ci95(tables: dict[str, np.ndarray], n_draws: int = 2000, seed: int = 0) -> dict[str, list[float]]:
    """95 % percentile intervals by drawing subjects with replacement.

    Parameters
    ----------
    tables : subject -> confusion table (6, 7)

    Returns
    -------
    dict
        ``accuracy``, ``macro_f1`` and ``se_X``, ``ppv_X`` per class X that occurs, each [low, high].
    """
    stacked = np.stack(list(tables.values()))
    rng = np.random.default_rng(seed)
    draws = [score(stacked[rng.integers(len(stacked), size=len(stacked))].sum(axis=0)) for _ in range(n_draws)]
    values = {"accuracy": [d.accuracy for d in draws], "macro_f1": [d.macro_f1 for d in draws]}
    for label, total in zip(CLASSES, stacked.sum(axis=(0, 2)), strict=False):
        if total:
            values[f"se_{label}"] = [d.classes[label].se for d in draws]
            values[f"ppv_{label}"] = [d.classes[label].ppv for d in draws]
    return {name: _interval(np.array(v)) for name, v in values.items()}


def _interval(values: np.ndarray) -> list[float]:
    """2.5th and 97.5th percentile of the defined values; nan where none is (a class that is never said)."""
    defined = values[np.isfinite(values)]
    return [float(x) for x in np.percentile(defined, [2.5, 97.5])] if len(defined) else [float("nan")] * 2
