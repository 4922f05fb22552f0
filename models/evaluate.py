"""Evaluate a staged model on prepared recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .beat_data import BeatRecord
from .metrics import COLUMNS, ROWS, Scores, bootstrap_ci95, confusion, score
from .staged import Decisions, StagedModel, decide

__all__ = ["BeatEvaluation", "evaluate_beats"]


@dataclass(frozen=True)
class BeatEvaluation:
    """What came out, with everything needed to look closer.

    Attributes
    ----------
    peaks : ``detected`` or ``reference``
    table : int64 (6, 7), gross confusion table, see `metrics`
    tables : the same per recording
    scores, ci95 : of the gross table; intervals by bootstrap over subjects
    decisions : per recording
    stage_share : share of the scored beats that reached gate, screen and specialist
    rejected_fraction : share of the recordings' time that the gate rejected
    screen_table : int64 (2, 2), beats that reached the screen: rows normal and abnormal by the reference, columns
        stopped there as normal and passed on
    qrs : sensitivity and positive predictive value of the QRS detector over the same beats
    """

    peaks: str
    table: np.ndarray
    tables: dict[str, np.ndarray]
    scores: Scores
    ci95: dict[str, list[float]]
    decisions: dict[str, Decisions]
    stage_share: dict[str, float]
    rejected_fraction: float
    screen_table: np.ndarray
    qrs: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The part of the command line's JSON contract that the scores fill."""
        return {
            "peaks": self.peaks,
            "records": sorted(self.tables),
            "units": int(self.table[:-1].sum()),
            "accuracy": self.scores.accuracy,
            "classes": {label: asdict(c) for label, c in self.scores.classes.items()},
            "macro_f1": self.scores.macro_f1,
            "ci95": self.ci95,
            "rejected_fraction": self.rejected_fraction,
            "qrs": self.qrs,
            "stage_share": self.stage_share,
            "screen_table": self.screen_table.tolist(),
            "confusion": {"rows": list(ROWS), "columns": list(COLUMNS), "counts": self.table.tolist()},
            "per_record": {name: _record_row(table) for name, table in sorted(self.tables.items())},
        }


def _record_row(table: np.ndarray) -> dict[str, Any]:
    scores = score(table)
    return {
        "units": int(table[:-1].sum()),
        "accuracy": scores.accuracy,
        "classes": {label: asdict(c) for label, c in scores.classes.items() if c.n},
    }


def evaluate_beats(
    model: StagedModel, records: Sequence[BeatRecord], wanted: Mapping[str, np.ndarray] | None = None
) -> BeatEvaluation:
    """Decide every beat and score it.

    Parameters
    ----------
    records : prepared recordings, at least one with reference beats
    wanted : recording -> bool (m,), the reference beats to score; None scores all
    """
    decisions = {r.name: decide(model, r) for r in records}
    masks = {r.name: None if wanted is None else wanted[r.name] for r in records}
    tables = {r.name: confusion(r, decisions[r.name], masks[r.name]) for r in records}
    table = np.sum(list(tables.values()), axis=0)
    return BeatEvaluation(
        peaks=records[0].peaks,
        table=table,
        tables=tables,
        scores=score(table),
        ci95=bootstrap_ci95(_by_subject(records, tables)),
        decisions=decisions,
        stage_share=_stage_share([(decisions[r.name], r.rows_of(masks[r.name])) for r in records]),
        rejected_fraction=_rejected_fraction(list(decisions.values())),
        screen_table=np.sum([_screen_table(r, decisions[r.name], masks[r.name]) for r in records], axis=0),
        qrs=_qrs(table),
    )


def _screen_table(record: BeatRecord, decisions: Decisions, is_wanted: np.ndarray | None) -> np.ndarray:
    rows = ~decisions.gated & (record.label >= 0) & record.rows_of(is_wanted)
    table = np.zeros((2, 2), np.int64)
    np.add.at(table, ((record.label[rows] > 0).astype(int), decisions.reached[rows].astype(int)), 1)
    return table


def _by_subject(records: Sequence[BeatRecord], tables: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    merged: dict[str, np.ndarray] = {}
    for r in records:
        merged[r.subject] = merged.get(r.subject, 0) + tables[r.name]
    return merged


def _stage_share(scored: Sequence[tuple[Decisions, np.ndarray]]) -> dict[str, float]:
    n = max(1, sum(int(rows.sum()) for _, rows in scored))
    screened = sum(int((~d.gated & rows).sum()) for d, rows in scored)
    reached = sum(int((d.reached & rows).sum()) for d, rows in scored)
    return {"gate": 1.0, "screen": screened / n, "specialist": reached / n}


def _rejected_fraction(decisions: Sequence[Decisions]) -> float:
    n_blocks = sum(len(d.accepted) for d in decisions)
    return 1.0 - sum(int(d.accepted.sum()) for d in decisions) / n_blocks if n_blocks else 0.0


def _qrs(table: np.ndarray) -> dict[str, float]:
    n_true = int(table[:-1, :-1].sum())
    n_reference, n_said = int(table[:-1].sum()), int(table[:, :-1].sum())
    nan = float("nan")
    return {"se": n_true / n_reference if n_reference else nan, "ppv": n_true / n_said if n_said else nan}
