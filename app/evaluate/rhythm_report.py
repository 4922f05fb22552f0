"""An evaluation of the rhythm task as files: a report, and every strip's decision for other scorers."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...models.rhythm_cascade import StripDecisions
from ...models.rhythm_task import RHYTHMS, STRIP_LABELS
from ..output import atomic_folder, json_text
from ..report.page import Card, Page, Section, Table, render_page
from ..report.run_page import interval, num, pc, pct
from .beat_report import seeds_section

__all__ = ["render_rhythm", "write_rhythm_evaluation"]

_READINGS = {
    "af_or_normal": "AF against normal",
    "af_or_rest": "AF against normal and other",
    "af_or_rest_noisy": "AF against normal, other and noisy",
}
_PASSED = {"N": "normal", "A": "atrial fibrillation", "O": "other"}


def write_rhythm_evaluation(
    out: Path, result: Mapping[str, Any], names: Sequence[str], decisions: Sequence[StripDecisions]
) -> None:
    """Write ``report.html``, ``evaluation.json``, ``confusion.csv`` and ``strips.csv``, all of them or none.

    Parameters
    ----------
    result : in the shape of the command line's JSON contract
    names : of the strips
    decisions : on these strips, one set per seed

    Raises
    ------
    InputError
        the folder cannot be written
    """
    confusion = result["confusion"]
    counts = zip(confusion["rows"], confusion["counts"], strict=True)
    with atomic_folder(out) as folder:
        texts = {
            "evaluation.json": json_text(result),
            "confusion.csv": _csv([["reference", *confusion["columns"]], *([row, *n] for row, n in counts)]),
            "strips.csv": _csv(_strip_rows(names, decisions)),
            "report.html": render_rhythm(result),
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")


def _csv(rows: Iterator[Sequence[Any]] | Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _strip_rows(names: Sequence[str], decisions: Sequence[StripDecisions]) -> Iterator[Sequence[Any]]:
    """Every strip: the decision behind an open gate as the headline has it, and what the gate would say."""
    yield ["seed", "strip", "reference", "decision", "reached", "screen", *RHYTHMS, "analysable", "gated"]
    for seed, d in enumerate(decisions):
        said = np.where(d.reached, d.classes.argmax(axis=1), 0)
        for i, name in enumerate(names):
            stage = "specialist" if d.reached[i] else "screen"
            scores = [round(float(value), 4) for value in (d.screen[i], *d.classes[i])]
            analysable = round(float(d.analysable[i]), 3)
            label = STRIP_LABELS[d.label[i]]
            yield [seed, name, label, RHYTHMS[said[i]], stage, *scores, analysable, int(d.gated[i])]


def render_rhythm(result: Mapping[str, Any]) -> str:
    """The page of an evaluation in the shape of the command line's JSON contract."""
    model = result.get("model") or "one float model per fold"
    return render_page(
        Page(
            title="rhythm evaluation",
            subtitle=f"{result['dataset']}, {result['split_name']}, detected peaks, {model}",
            sections=[_scores(result), *_compact(result), *seeds_section(result), _gate(result), _method(result)],
            cards=list(_cards(result)),
            warnings=result.get("warnings") or (),
            beside="evaluation.json and the .csv files beside this page",
        )
    )


def _cards(result: Mapping[str, Any]) -> Iterator[Card]:
    ci95, af = result["ci95"], result["af_or_normal"]
    yield Card("F1, mean of N, A, O", pct(result["macro_f1"]), f"95 % CI {interval(ci95['macro_f1'])} · CinC 2017")
    note = f"95 % CI {interval(ci95['accuracy'])} · always the commonest: {pct(result['majority'])}"
    yield Card("Accuracy, three classes", pct(result["accuracy"]), note)
    note = f"F1 {pct(af['f1'], 1)} · majority {pct(af['majority'], 1)}"
    yield Card("AF against normal", pct(af["accuracy"]), note)
    screen = result["screen"]
    note = f"keeps {pct(screen['passed_A'], 1)} of AF, {pct(screen['passed_O'], 1)} of other"
    yield Card("The screen spares", f"{pct(screen['spared_N'], 1)} of normal", note)


def _scores(result: Mapping[str, Any]) -> Section:
    ci95, confusion = result["ci95"], result["confusion"]
    classes = [
        [name, num(s["n"]), pc(s["se"]), pc(s["ppv"]), f"{pc(s['f1'])} ({interval(ci95[f'f1_{name}'])})"]
        for name, s in result["classes"].items()
    ]
    counts = [[label, *map(num, row)] for label, row in zip(confusion["rows"], confusion["counts"], strict=True)]
    text = (
        "Every strip passes the gate here, as in the challenge; what the gate would change stands below. In "
        "brackets the 95 % interval, by bootstrap over strips: the database does not say who gave which."
    )
    return Section(
        "scores",
        "Scores",
        [text],
        [
            Table("In per cent.", ("class", "strips", "Se", "+P", "F1"), classes),
            Table("Rows: reference, ~ is noisy; columns: decision.", ("", *confusion["columns"]), counts),
            _readings(result),
        ],
    )


def _readings(result: Mapping[str, Any]) -> Table:
    rows = [
        [name, num(r["n"]), num(r["n_positive"]), *(pc(r[k]) for k in ("accuracy", "majority", "se", "ppv", "f1"))]
        for key, name in _READINGS.items()
        if (r := result.get(key))
    ]
    heads = ("two classes", "strips", "AF", "accuracy", "majority", "Se", "+P", "F1")
    return Table("The task as two classes, in per cent, beside always saying the commoner one.", heads, rows)


def _compact(result: Mapping[str, Any]) -> Iterator[Section]:
    if compact := result.get("compact"):
        rows = [
            (
                *(name, num(r["model_bytes"]), pc(r["macro_f1"])),
                *(pc(r["classes"][c]["f1"]) for c in RHYTHMS),
                *(pc(r["af_or_normal"]["accuracy"]), pc(r["af_or_rest"]["f1"])),
            )
            for name, r in (("float32", result), ("compact", compact))
        ]
        heads = ("model", "bytes", "F1", *(f"F1 of {c}" for c in RHYTHMS), "A against N", "F1, A against rest")
        yield Section("compact", "Before and after compression", (), [Table("In per cent.", heads, rows)])


def _gate(result: Mapping[str, Any]) -> Section:
    screen, gated = result["screen"], result["with_gate"]
    noisy = result["noisy_rejected"]
    also = "" if noisy is None else f" and {pct(noisy)} of the noisy ones"
    text = (
        f"The gate would reject {pct(result['rejected_fraction'])} of the strips that could be read{also}: less "
        f"than half of their seconds are analysable. With it, F1 is {pct(gated['macro_f1'])} and accuracy "
        f"{pct(gated['accuracy'])}; a strip without a class is an error."
    )
    rows = [[name, pc(screen[f"passed_{label}"])] for label, name in _PASSED.items()]
    table = Table("Strips that the screen passes on to the CNN, in per cent.", ("class", "passed"), rows)
    return Section("stages", "Gate and screen", [text], [table])


def _method(result: Mapping[str, Any]) -> Section:
    facts = [
        ["data set", f"{result['dataset']}{', built-in excerpts' if result['is_sample'] else ''}"],
        ["split", result["split_name"]],
        ["SHA-256 of the split", result["split_sha256"] or "none"],
        ["strips scored, with noisy ones", f"{num(result['units'])}, {num(len(result['records']))}"],
        ["model", f"{result.get('model') or 'one float model per fold'}, {num(result['model_bytes'])} B"],
        ["classes", "N normal, A atrial fibrillation, O other rhythm, ~ too noisy to read"],
        ["strips", "of any length from 5 s, without padding"],
    ]
    return Section("method", "Data and method", (), [Table("", ("", ""), facts)])
