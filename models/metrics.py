"""Scores of the beat task, after ANSI/AAMI EC57.

A confusion table has a row per reference class and one for detections where there is no beat, and a column per
decision, one for beats that the gate rejected and one for beats that the detector missed. Rejected and missed
beats are errors: they count against sensitivity and accuracy. Ventricular flutter and fibrillation are left out on
both sides, reference beats and decisions alike (EC57 section 4.2 by way of bxb, WFDB Applications Guide).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..signals import CLASSES, DEVICE_FS_HZ
from .beat_data import BeatRecord
from .beat_scores import ECTOPIC, ectopic_score
from .staged import Decisions

__all__ = [
    "COLUMNS",
    "ROWS",
    "ClassScore",
    "Scores",
    "bootstrap_ci95",
    "confusion",
    "in_fibrillation",
    "score",
    "scored_beats",
    "scored_rows",
]

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


def in_fibrillation(record: BeatRecord, sample: np.ndarray) -> np.ndarray:
    """Which device samples, int64 (n,), lie in annotated ventricular flutter or fibrillation: bool (n,)."""
    inside = np.zeros(len(sample), np.bool_)
    for onset, end in record.fibrillation_s * DEVICE_FS_HZ:
        inside |= (sample >= onset) & (sample <= end)
    return inside


def scored_beats(record: BeatRecord, is_wanted: np.ndarray | None = None) -> np.ndarray:
    """Reference beats that count: bool (m,), those wanted and outside ventricular fibrillation."""
    outside = ~in_fibrillation(record, record.reference_peak)
    return outside if is_wanted is None else outside & is_wanted


def scored_rows(record: BeatRecord, is_wanted: np.ndarray | None = None) -> np.ndarray:
    """Rows of `record.beats` that count: bool (n,), of `scored_beats` and the false detections that go with them.

    Parameters
    ----------
    is_wanted : bool (m,), reference beats to score; None scores all
    """
    is_true = record.matched >= 0
    is_out = np.where(
        is_true,
        ~np.append(scored_beats(record), False)[record.matched],
        in_fibrillation(record, record.beats.peak),
    )
    return record.rows_of(is_wanted) & ~is_out


def confusion(record: BeatRecord, decisions: Decisions, is_wanted: np.ndarray | None = None) -> np.ndarray:
    """Confusion table int64 (6, 7) of one recording.

    Parameters
    ----------
    is_wanted : bool (m,), reference beats to score; None scores all
    """
    rows = scored_rows(record, is_wanted)
    truth = np.where(record.label < 0, len(CLASSES), record.label)[rows]
    decision = np.where(decisions.gated, _GATED, decisions.label)[rows]
    table = np.zeros((len(ROWS), len(COLUMNS)), np.int64)
    np.add.at(table, (truth, decision), 1)
    missed = record.missed[scored_beats(record, is_wanted)[record.missed]]
    table[: len(CLASSES), _MISSED] += np.bincount(record.reference_label[missed], minlength=len(CLASSES))
    return table


def score(table: np.ndarray) -> Scores:
    """Scores of a confusion table (6, 7)."""
    n = table[: len(CLASSES)].sum(axis=1)
    ratios = _ratios(table)
    classes = {
        label: ClassScore(int(n[i]), *(float(ratios[key][i]) for key in ("se", "ppv", "f1")))
        for i, label in enumerate(CLASSES)
    }
    return Scores(float(ratios["accuracy"]), float(ratios["macro_f1"]), classes)


def _ratios(tables: np.ndarray) -> dict[str, np.ndarray]:
    """Of tables (..., 6, 7): ``se ppv f1`` (..., 5) and ``accuracy macro_f1`` (...), nan where undefined."""
    n_classes = len(CLASSES)
    hits = np.diagonal(tables, axis1=-2, axis2=-1)[..., :n_classes].astype(np.float64)
    n = tables[..., :n_classes, :].sum(axis=-1)
    said = tables[..., :n_classes].sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        se, ppv, f1 = hits / n, hits / said, 2 * hits / (n + said)
        accuracy = hits.sum(axis=-1) / n.sum(axis=-1)
        macro_f1 = np.where(n > 0, f1, 0.0).sum(axis=-1) / (n > 0).sum(axis=-1)
    return {"se": se, "ppv": ppv, "f1": f1, "accuracy": accuracy, "macro_f1": macro_f1}


def bootstrap_ci95(tables: Mapping[str, np.ndarray], n_draws: int = 2000, seed: int = 0) -> dict[str, list[float]]:
    """95 % percentile intervals by drawing subjects with replacement.

    Parameters
    ----------
    tables : subject -> confusion table (6, 7)

    Returns
    -------
    dict
        ``accuracy``, ``macro_f1``, ``se_X`` and ``ppv_X`` per class X that occurs, and ``se_``, ``ppv_`` and
        ``fpr_`` of ``VEB`` and ``SVEB`` in EC57's sense, each [low, high].
    """
    stacked = np.stack(list(tables.values()))
    rng = np.random.default_rng(seed)
    drawn = np.stack([stacked[rng.integers(len(stacked), size=len(stacked))].sum(axis=0) for _ in range(n_draws)])
    ratios = _ratios(drawn)
    values = {name: ratios[name] for name in ("accuracy", "macro_f1")}
    for i, label in enumerate(CLASSES):
        if stacked[:, i].any():
            values |= {f"{key}_{label}": ratios[key][:, i] for key in ("se", "ppv")}
    for name in ECTOPIC:
        ectopic = [ectopic_score(table, name) for table in drawn]
        if any(e.n for e in ectopic):
            values |= {
                f"{key}_{name}": np.array([getattr(e, key) for e in ectopic]) for key in ("se", "ppv", "fpr")
            }
    return {name: _interval(v) for name, v in values.items()}


def _interval(values: np.ndarray) -> list[float]:
    """2.5th and 97.5th percentile of the defined values; nan where none is (a class that is never said)."""
    defined = values[np.isfinite(values)]
    return [float(x) for x in np.percentile(defined, [2.5, 97.5])] if len(defined) else [float("nan")] * 2
