"""Evaluate a staged model on prepared recordings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..signals import BLOCK_SAMPLES, CLASSES, DEVICE_FS_HZ
from .beat_data import BeatRecord
from .beat_scores import (
    ECTOPIC,
    average_over_records,
    ectopic_score,
    lost_in_gate,
    majority_baseline,
    one_against_rest,
)
from .confidence_scores import Calibration, RiskCoverage, ScoredDecisions, calibration, risk_coverage
from .metrics import COLUMNS, ROWS, Scores, bootstrap_ci95, confusion, score, scored_rows
from .run_scores import RunTables, compare_runs
from .staged import Decisions, StagedModel, decide

__all__ = ["BeatEvaluation", "evaluate_beats", "evaluate_decisions", "record_figures"]


@dataclass(frozen=True)
class BeatEvaluation:
    """Decisions beside their reference; each score is computed when it is asked for first.

    Attributes
    ----------
    records : at least one, with reference beats
    decisions : by recording
    wanted : recording -> bool (m,), the reference beats to score; None scores all
    """

    records: tuple[BeatRecord, ...]
    decisions: dict[str, Decisions]
    wanted: Mapping[str, np.ndarray] | None = None

    @property
    def peaks(self) -> str:
        """``detected`` or ``reference``."""
        return self.records[0].peaks

    @property
    def subjects(self) -> dict[str, str]:
        """Subject of each recording."""
        return {r.name: r.subject for r in self.records}

    @cached_property
    def tables(self) -> dict[str, np.ndarray]:
        """Confusion table int64 (6, 7) of each recording, see `metrics`."""
        return {r.name: confusion(r, made, mask) for r, made, mask in self._parts()}

    @cached_property
    def table(self) -> np.ndarray:
        """The gross confusion table."""
        return np.sum(list(self.tables.values()), axis=0)

    @cached_property
    def scores(self) -> Scores:
        """Of the gross table."""
        return score(self.table)

    @cached_property
    def ci95(self) -> dict[str, list[float]]:
        """Intervals by bootstrap over subjects, see `bootstrap_ci95`."""
        merged: dict[str, np.ndarray] = {}
        for r in self.records:
            merged[r.subject] = merged.get(r.subject, 0) + self.tables[r.name]
        return bootstrap_ci95(merged)

    @cached_property
    def stage_share(self) -> dict[str, float]:
        """Share of the scored beats that reached gate, screen and specialist."""
        scored = [(made, scored_rows(r, mask)) for r, made, mask in self._parts()]
        n = max(1, sum(int(rows.sum()) for _, rows in scored))
        screened = sum(int((~made.gated & rows).sum()) for made, rows in scored)
        reached = sum(int((made.reached & rows).sum()) for made, rows in scored)
        return {"gate": 1.0, "screen": screened / n, "specialist": reached / n}

    @cached_property
    def rejected_fraction(self) -> float:
        """Share of the recordings' time that the gate rejected."""
        n_blocks = sum(len(d.accepted) for d in self.decisions.values())
        return 1.0 - sum(int(d.accepted.sum()) for d in self.decisions.values()) / n_blocks if n_blocks else 0.0

    @cached_property
    def screen_table(self) -> np.ndarray:
        """Beats that reached the screen, int64 (2, 2): rows normal and abnormal by the reference, columns stopped
        there as normal and passed on.
        """
        return np.sum([_screen_table(*part) for part in self._parts()], axis=0)

    @cached_property
    def runs(self) -> dict[str, RunTables] | None:
        """Ventricular runs per recording; None where only some beats of a recording are scored."""
        return {r.name: compare_runs(r, made) for r, made, _ in self._parts()} if self.wanted is None else None

    @cached_property
    def calibration(self) -> Calibration:
        """Of all decisions, false detections included."""
        return calibration(self._scored)

    @cached_property
    def risk_coverage(self) -> RiskCoverage:
        """Of all decisions, false detections included."""
        return risk_coverage(self._scored)

    @cached_property
    def _scored(self) -> ScoredDecisions:
        return ScoredDecisions.of(*zip(*self._parts(), strict=True))

    def _parts(self) -> list[tuple[BeatRecord, Decisions, np.ndarray | None]]:
        """Every recording with what was decided and which of its reference beats count."""
        wanted = self.wanted or {}
        return [(r, self.decisions[r.name], wanted.get(r.name)) for r in self.records]

    @property
    def qrs(self) -> dict[str, float]:
        """Sensitivity and positive predictive value of the QRS detector over the scored beats."""
        return _qrs(self.table)

    @cached_property
    def per_record(self) -> dict[str, dict[str, float]]:
        """`record_figures` of every recording."""
        return {
            name: record_figures(table, self.decisions[name], self.runs[name] if self.runs else None)
            for name, table in sorted(self.tables.items())
        }

    @property
    def gross_runs(self) -> RunTables | None:
        """Runs of all recordings together."""
        return sum(self.runs.values(), RunTables.empty()) if self.runs else None

    @property
    def rejected_s(self) -> float:
        """Time that the gate rejected."""
        return sum(float((~d.accepted).sum()) for d in self.decisions.values()) * BLOCK_SAMPLES / DEVICE_FS_HZ

    def brief_json(self) -> dict[str, Any]:
        """The figures by which parts of a data set and kinds of peaks are compared."""
        return {
            "units": int(self.table[:-1].sum()),
            "accuracy": self.scores.accuracy,
            "majority_baseline": asdict(majority_baseline(self.table)),
            "classes": {label: asdict(c) for label, c in self.scores.classes.items()},
            "macro_f1": self.scores.macro_f1,
            "ectopic": {name: ectopic_score(self.table, name).to_json() for name in ECTOPIC},
            "qrs": self.qrs,
            "rejected_fraction": self.rejected_fraction,
            "records": sorted(self.tables),
        }

    def to_json(self) -> dict[str, Any]:
        """The part of the command line's JSON contract that the scores fill."""
        runs = self.gross_runs
        return {
            "peaks": self.peaks,
            "n_subjects": len(set(self.subjects.values())),
            **self.brief_json(),
            "one_against_rest": one_against_rest(self.table),
            "ci95": self.ci95,
            "average": average_over_records(self.per_record),
            "runs": None if runs is None else runs.to_json(),
            "rejected": {"seconds": self.rejected_s, "lost": lost_in_gate(self.table)},
            "stage_share": self.stage_share,
            "screen_table": self.screen_table.tolist(),
            "calibration": self.calibration.to_json(),
            "risk_coverage": self.risk_coverage.to_json(),
            "confusion": {"rows": list(ROWS), "columns": list(COLUMNS), "counts": self.table.tolist()},
            "per_record": {name: self._record_row(name) for name in sorted(self.tables)},
        }

    def _record_row(self, name: str) -> dict[str, Any]:
        table = self.tables[name]
        scores = score(table)
        return {
            "units": int(table[:-1].sum()),
            "accuracy": scores.accuracy,
            "classes": {label: asdict(c) for label, c in scores.classes.items() if c.n},
            "figures": self.per_record[name],
        }


def record_figures(table: np.ndarray, decisions: Decisions, runs: RunTables | None = None) -> dict[str, float]:
    """One line of EC57's record-by-record report, as shares; nan where undefined in this recording."""
    qrs = _qrs(table)
    figures = {"accuracy": score(table).accuracy, "qrs_se": qrs["se"], "qrs_ppv": qrs["ppv"]}
    for name in ECTOPIC:
        ectopic = ectopic_score(table, name)
        figures |= {f"{name.lower()}_{key}": getattr(ectopic, key) for key in ("se", "ppv", "fpr")}
    for kind, scores in (runs.to_json() if runs else {}).items():
        figures |= {f"{kind}_{key}": scores[key] for key in ("se", "ppv")}
    return figures | {"rejected_fraction": decisions.rejected_fraction}


def evaluate_beats(
    model: StagedModel, records: Sequence[BeatRecord], wanted: Mapping[str, np.ndarray] | None = None
) -> BeatEvaluation:
    """Decide every beat and score it.

    Parameters
    ----------
    records : prepared recordings, at least one with reference beats
    wanted : recording -> bool (m,), the reference beats to score; None scores all
    """
    return evaluate_decisions(records, {r.name: decide(model, r) for r in records}, wanted)


def evaluate_decisions(
    records: Sequence[BeatRecord],
    decisions: Mapping[str, Decisions],
    wanted: Mapping[str, np.ndarray] | None = None,
) -> BeatEvaluation:
    """Score decisions that were made before, by one model or by several (the folds of a cross-validation)."""
    return BeatEvaluation(tuple(records), {r.name: decisions[r.name] for r in records}, wanted)


def _screen_table(record: BeatRecord, decisions: Decisions, is_wanted: np.ndarray | None) -> np.ndarray:
    rows = ~decisions.gated & (record.label >= 0) & scored_rows(record, is_wanted)
    table = np.zeros((2, 2), np.int64)
    np.add.at(table, ((record.label[rows] > 0).astype(int), decisions.reached[rows].astype(int)), 1)
    return table


def _qrs(table: np.ndarray) -> dict[str, float]:
    n_classes = len(CLASSES)
    n_true = int(table[:n_classes, :-1].sum())
    n_reference, n_said = int(table[:n_classes].sum()), int(table[:, :-1].sum())
    nan = float("nan")
    return {"se": n_true / n_reference if n_reference else nan, "ppv": n_true / n_said if n_said else nan}
