"""An evaluation of the beat task as files: tables, annotations for other scorers, and a report."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...models import BeatEvaluation
from ...models.beat_scores import ECTOPIC, ectopic_score
from ...models.metrics import COLUMNS, ROWS
from ...models.run_scores import RUN_KINDS
from ...signals import BLOCK_SAMPLES, CLASSES, DEVICE_FS_HZ
from ..output import atomic_folder, json_text
from .beat_report import render_evaluation
from .decision_files import ANNOTATOR

__all__ = ["ANNOTATIONS_FOLDER", "write_evaluation"]

ANNOTATIONS_FOLDER = "annotations"
_MOST_POINTS = 1000


def write_evaluation(
    out: Path, result: Mapping[str, Any], evaluation: BeatEvaluation, annotations: Iterable[tuple[str, bytes]] = ()
) -> None:
    """Write the files of one evaluation into the folder `out`; each appears when all are whole.

    ``report.html``, ``evaluation.json``, ``per_record.csv``, ``confusion.csv``, ``calibration.csv``,
    ``risk_coverage.csv``, and where whole recordings were scored ``runs.csv`` and ``annotations/NAME.ict``.

    Parameters
    ----------
    result : in the shape of the command line's JSON contract
    evaluation : scores and decisions
    annotations : recording and the WFDB file of its decisions; none where not every beat was scored

    Raises
    ------
    InputError
        the folder cannot be written
    """
    curve = _curve(evaluation)
    with atomic_folder(out) as folder:
        texts = {
            "evaluation.json": json_text(result),
            "per_record.csv": _csv(_record_rows(evaluation, result)),
            "confusion.csv": _csv(_confusion_rows(evaluation)),
            "calibration.csv": _csv([_CALIBRATION, *evaluation.calibration.rows()]),
            "risk_coverage.csv": _csv([list(row) for row in curve[:1]] + [list(row.values()) for row in curve]),
            "report.html": render_evaluation(result, curve),
        }
        if evaluation.runs is not None:
            texts["runs.csv"] = _csv(_run_rows(evaluation))
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name, data in annotations:
            path = folder / ANNOTATIONS_FOLDER / f"{name}.{ANNOTATOR}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


_CALIBRATION = ["low", "high", "n", "confidence", "accuracy"]


def _csv(rows: Sequence[Sequence[Any]] | Iterator[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Floats with six digits, nothing where undefined."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    return value


def _record_rows(evaluation: BeatEvaluation, result: Mapping[str, Any]) -> Iterator[list[Any]]:
    """A line per recording, then EC57's gross and average lines."""
    figures = evaluation.per_record
    names = list(next(iter(figures.values())))
    seen = set(result.get("trained_on") or ())
    counts = [f"{ectopic}_{key}" for ectopic in ECTOPIC for key in ("tp", "fn", "fp", "tn")]
    yield ["record", "subject", "trained_on", *(f"n_{c}" for c in CLASSES), "rejected_s", *counts, *names]
    for name, table in sorted(evaluation.tables.items()):
        rejected_s = float((~evaluation.decisions[name].accepted).sum()) * BLOCK_SAMPLES / DEVICE_FS_HZ
        head = [name, evaluation.subjects[name], "yes" if name in seen else "no"]
        yield [*head, *_counts(table, rejected_s), *figures[name].values()]
    gross = result["ectopic"], result["runs"] or {}, result["qrs"]
    values = [_gross(name, result, *gross) for name in names]
    yield ["gross", "", "", *_counts(evaluation.table, evaluation.rejected_s), *values]
    blanks = [""] * (len(CLASSES) + 1 + len(counts))
    yield ["average", "", "", *blanks, *(result["average"][name] for name in names)]


def _counts(table: np.ndarray, rejected_s: float) -> list[Any]:
    ectopic = [ectopic_score(table, name) for name in ECTOPIC]
    return [
        *table[: len(CLASSES)].sum(axis=1).tolist(),
        rejected_s,
        *(getattr(e, key) for e in ectopic for key in ("tp", "fn", "fp", "tn")),
    ]


def _gross(
    name: str,
    result: Mapping[str, Any],
    ectopic: Mapping[str, Any],
    runs: Mapping[str, Any],
    qrs: Mapping[str, float],
) -> float:
    """The gross value of one of `record_figures`."""
    if name in result:
        return result[name]
    group, key = name.rsplit("_", 1)
    return {"qrs": qrs, **{e.lower(): ectopic[e] for e in ectopic}, **runs}[group][key]


def _confusion_rows(evaluation: BeatEvaluation) -> Iterator[list[Any]]:
    yield ["record", "reference", *COLUMNS]
    for name, table in [*sorted(evaluation.tables.items()), ("gross", evaluation.table)]:
        for label, counts in zip(ROWS, table.tolist(), strict=True):
            yield [name, label, *counts]


def _run_rows(evaluation: BeatEvaluation) -> Iterator[list[Any]]:
    runs, gross = evaluation.runs or {}, evaluation.gross_runs
    keys = ("n", "found", "said", "right", "se", "ppv")
    yield ["record", *(f"{kind}_{key}" for kind in RUN_KINDS for key in keys)]
    for name, tables in [*sorted(runs.items()), ("gross", gross)]:
        if tables is not None:
            scores = tables.to_json()
            yield [name, *(scores[kind][key] for kind in RUN_KINDS for key in keys)]


def _curve(evaluation: BeatEvaluation) -> list[dict[str, float]]:
    """Points of the risk-coverage curve, at most `_MOST_POINTS` and evenly spread over the coverage."""
    curve = evaluation.risk_coverage
    if len(curve.risk) == 0:
        return []
    wanted = np.linspace(curve.coverage[0], curve.coverage[-1], _MOST_POINTS)
    points = np.unique(np.minimum(np.searchsorted(curve.coverage, wanted), len(curve.risk) - 1))
    return [curve.row(int(point)) for point in points]
