"""The report of an evaluation of the beat task."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..report.curves import calibration_figure, records_figure, risk_coverage_figure
from ..report.page import Card, Page, Section, Table, render_page
from ..report.run_page import interval, num, pc, pct

__all__ = ["render_evaluation", "seeds_section"]

_SHOWN = {
    "accuracy": "accuracy",
    "qrs_se": "QRS Se",
    "qrs_ppv": "QRS +P",
    "veb_se": "VEB Se",
    "veb_ppv": "VEB +P",
    "sveb_se": "SVEB Se",
    "sveb_ppv": "SVEB +P",
}
_ECTOPIC_NOTE = (
    "EC57's counts: a fusion or unclassifiable beat called V, and an unclassifiable beat called S, count nowhere; "
    "rejected and missed beats are misses. Gross: all beats together. Average: every recording that has such "
    "beats has the same weight. In brackets the 95 % interval, by bootstrap over patients."
)


def render_evaluation(result: Mapping[str, Any], curve: Sequence[Mapping[str, float]]) -> str:
    """Render the page.

    Parameters
    ----------
    result : an evaluation in the shape of the command line's JSON contract
    curve : points of the risk-coverage curve, see `models.confidence_scores.RiskCoverage.row`
    """
    sections = [
        _scores(result),
        *_comparison(result, "by_peaks", "peaks", "Detected and reference peaks", _PEAKS_NOTE),
        *_comparison(result, "subsets", "subsets", "Recordings of the training and others", _SUBSETS_NOTE),
        *seeds_section(result),
        *_runs(result),
        _gate(result),
        _confidence(result, curve),
        _records(result),
        _method(result),
    ]
    return render_page(
        Page(
            title=f"{result['task']} evaluation",
            subtitle=f"{result['dataset']}, {result['split_name']}, {result['peaks']} peaks, {result['model']}",
            sections=sections,
            cards=list(_cards(result)),
            warnings=result.get("warnings") or (),
            beside="evaluation.json and the .csv files beside this page",
        )
    )


_PEAKS_NOTE = (
    "Detected peaks are what a device has; reference peaks are the annotated ones, as many publications use them."
)
_SUBSETS_NOTE = "What was trained on is no measure of anything but memory; the headline is what was not."


def _cards(result: Mapping[str, Any]) -> Iterator[Card]:
    majority, ci95 = result["majority_baseline"], result["ci95"]
    note = f"95 % CI {interval(ci95['accuracy'])} · always {majority['label']}: {pct(majority['accuracy'])}"
    yield Card("Accuracy, five classes", pct(result["accuracy"]), note)
    for name, scores in result["ectopic"].items():
        if scores["n"]:
            note = f"+P {pct(scores['ppv'], 1)} · FPR {pct(scores['fpr'])} · {num(scores['n'])} beats"
            yield Card(f"{name} sensitivity", pct(scores["se"], 1), note)
    yield Card("QRS sensitivity", pct(result["qrs"]["se"]), f"+P {pct(result['qrs']['ppv'])} · 150 ms")
    yield Card("Time rejected", pct(result["rejected_fraction"]), f"{num(result['rejected']['seconds'])} s")


def _scores(result: Mapping[str, Any]) -> Section:
    ci95, average = result["ci95"], result["average"]
    ectopic = [
        [name, num(s["n"]), num(s["tp"]), num(s["fn"]), num(s["fp"])]
        + [f"{pc(s[key])} ({interval(ci95.get(f'{key}_{name}'))})" for key in ("se", "ppv", "fpr")]
        + [pc(average[f"{name.lower()}_{key}"]) for key in ("se", "ppv", "fpr")]
        for name, s in result["ectopic"].items()
    ]
    heads = ("kind", "beats", "TP", "FN", "FP", "Se gross", "+P gross", "FPR gross", "Se average", "+P average")
    rest = result["one_against_rest"]
    classes = [
        [c, num(s["n"]), pc(s["se"]), pc(s["ppv"]), pc(s["f1"]), pc(rest[c]["accuracy"]), pc(rest[c]["baseline"])]
        for c, s in result["classes"].items()
        if s["n"]
    ]
    mean = ["mean", "", "", "", pc(result["macro_f1"]), pc(rest["mean"]["accuracy"]), pc(rest["mean"]["baseline"])]
    confusion = result["confusion"]
    rows = [
        [label, *map(num, counts)] for label, counts in zip(confusion["rows"], confusion["counts"], strict=True)
    ]
    per_class = ("class", "beats", "Se", "+P", "F1", "one against rest", "its majority baseline")
    caption = (
        "All five classes, in per cent. Accuracy of one class against the rest is not the five-class accuracy: "
        "its mean over the classes is what some papers print."
    )
    return Section(
        "scores",
        "Scores",
        [_ECTOPIC_NOTE],
        [
            Table("In per cent.", (*heads, "FPR average"), ectopic),
            Table(caption, per_class, [*classes, mean]),
            Table("Rows: reference; columns: decision.", ("", *confusion["columns"]), rows),
        ],
    )


def _comparison(result: Mapping[str, Any], key: str, anchor: str, title: str, note: str) -> Iterator[Section]:
    if result.get(key):
        heads = ("", "recordings", "beats", "accuracy", "majority", "VEB Se", "VEB +P", "SVEB Se", "SVEB +P")
        rows = [
            [
                name,
                num(len(e["records"])),
                num(e["units"]),
                pc(e["accuracy"]),
                pc(e["majority_baseline"]["accuracy"]),
            ]
            + [pc(e["ectopic"][kind][k]) for kind in ("VEB", "SVEB") for k in ("se", "ppv")]
            + [pc(e["qrs"]["se"]), pc(e["qrs"]["ppv"]), pc(e["rejected_fraction"])]
            for name, e in result[key].items()
        ]
        table = Table("In per cent.", (*heads, "QRS Se", "QRS +P", "time rejected"), rows)
        yield Section(anchor, title, [note], [table])


def seeds_section(result: Mapping[str, Any]) -> Iterator[Section]:
    """The rows of several seeds and their spread, if there are any."""
    if result.get("spread"):
        names = [key for key in result["seeds"][0] if key != "name"]
        rows = [[row["name"], *(pc(row[name]) for name in names)] for row in result["seeds"]]
        spread = result["spread"]
        rows += [[key, *(pc(spread[name][key]) for name in names)] for key in ("mean", "sd", "min", "max")]
        note = "The other sections show the first row. sd: standard deviation over the rows (n - 1)."
        yield Section("seeds", "Spread over seeds", [note], [Table("In per cent.", ("", *names), rows)])


def _runs(result: Mapping[str, Any]) -> Iterator[Section]:
    if result.get("runs"):
        names = {"couplet": "couplets", "short": "short runs, 3 to 5 beats", "long": "long runs, above 5 beats"}
        rows = [
            [names[kind], num(s["n"]), num(s["found"]), pc(s["se"]), num(s["said"]), num(s["right"]), pc(s["ppv"])]
            for kind, s in result["runs"].items()
        ]
        note = (
            "Rows of ventricular beats (V or F) without another beat between them, as EC57 and rxr count them: a "
            "run is found when the decisions hold a run of at least its kind within 150 ms of it."
        )
        heads = ("runs", "reference", "found", "Se", "decided", "right", "+P")
        yield Section("runs", "Ventricular runs", [note], [Table("Ratios in per cent.", heads, rows)])


def _gate(result: Mapping[str, Any]) -> Section:
    classes, rejected = result["classes"], result["rejected"]
    lost = [[c, num(classes[c]["n"]), num(s["n"]), pc(s["share"])] for c, s in rejected["lost"].items()]
    shares = result["stage_share"]
    text = (
        f"The gate rejected {num(rejected['seconds'])} s, {pct(result['rejected_fraction'])} of the time. "
        "Beats in it count as misses everywhere. "
        f"{pct(shares['screen'], 1)} of the beats reached the screen, "
        f"{pct(shares['specialist'], 1)} the specialist."
    )
    table = Table(
        "Reference beats in rejected time; shares in per cent.", ("class", "beats", "lost", "share"), lost
    )
    return Section("gate", "Rejected time, and what was lost in it", [text], [table])


def _confidence(result: Mapping[str, Any], curve: Sequence[Mapping[str, float]]) -> Section:
    calibration, risk = result["calibration"], result["risk_coverage"]
    text = (
        "Confidence is the cascade's own for the class that it decided, from the stage that decided. Expected "
        f"calibration error {pct(calibration['ece'])} over {num(calibration['n'])} decisions in 15 bins. Area "
        f"under risk and coverage {pct(risk['area'])}; {pct(risk['ideal_area'])} had every wrong decision been "
        "less certain than the right ones. Below: what would be withheld, and what would be left, if the least "
        "certain decisions were not made; shares of all scored beats of a class."
    )
    withheld = [key for key in (risk["points"] or [{}])[0] if key.startswith("withheld_")]
    rows = [
        [pc(p["kept"], 0), f"{p['threshold']:.3f}", pc(p["coverage"]), pc(p["risk"])]
        + [pc(p[key], 1) for key in withheld]
        for p in risk["points"]
    ]
    names = [key.replace("_", " ") for key in withheld]
    heads = ("decisions kept", "least confidence", "coverage", "risk", *names)
    figures = [calibration_figure(calibration["bins"]), risk_coverage_figure(curve)]
    return Section("confidence", "Confidence", [text], [Table("In per cent.", heads, rows)], figures)


def _records(result: Mapping[str, Any]) -> Section:
    figures = {name: row["figures"] for name, row in result["per_record"].items()}
    seen = set(result.get("trained_on") or ())
    rows = [
        [
            f"{name} *" if name in seen else name,
            num(row["units"]),
            *(pc(figures[name][key]) for key in (*_SHOWN, "rejected_fraction")),
        ]
        for name, row in result["per_record"].items()
    ]
    gross = [result["accuracy"], result["qrs"]["se"], result["qrs"]["ppv"]]
    gross += [result["ectopic"][kind][key] for kind in ("VEB", "SVEB") for key in ("se", "ppv")]
    rows.append(["gross", num(result["units"]), *map(pc, gross), pc(result["rejected_fraction"])])
    average = result["average"]
    rows.append(["average", "", *(pc(average[key]) for key in (*_SHOWN, "rejected_fraction"))])
    note = "* The model was trained on this recording." if seen else ""
    table = Table(f"In per cent. {note}".strip(), ("recording", "beats", *_SHOWN.values(), "time rejected"), rows)
    return Section("records", "Every recording", (), [table], [records_figure(figures, _SHOWN)])


def _method(result: Mapping[str, Any]) -> Section:
    left_out = [[name, why] for name, why in (result.get("not_scored") or {}).items()]
    facts = [
        ["data set", f"{result['dataset']}{', built-in excerpts' if result['is_sample'] else ''}"],
        ["split", result["split_name"]],
        ["SHA-256 of the split", result["split_sha256"] or ""],
        ["patients, recordings", f"{result['n_subjects']}, {len(result['records'])}"],
        ["model", f"{result['model']}, {num(result['model_bytes'])} B"],
        ["patients on both sides", ", ".join(result.get("shared_subjects") or ()) or "none known"],
        ["matching", "one to one within 150 ms; the whole recording, without a learning period"],
        ["classes", "AAMI as de Chazal et al. 2004: escape beats (e, j, n) are N; EC57's bxb counts them as S"],
        ["left out", "ventricular flutter and fibrillation between [ and ], on both sides"],
    ]
    tables = [Table("", ("", ""), facts)]
    if left_out:
        tables.append(Table("Recordings that are not scored.", ("recording", "why"), left_out))
    return Section("method", "Data and method", (), tables)
