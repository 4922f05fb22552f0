"""The Markdown tables of docs/ecg.md, from what `ictus evaluate beat --out DIR` wrote.

ictus evaluate beat --data mitdb --out OUT/inter
ictus evaluate beat --data svdb --split external --out OUT/svdb
python benchmarks/ecg_tables.py OUT/inter OUT/svdb
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LIMITS = ("kept", "coverage", "risk", "withheld_N", "withheld_S", "withheld_V")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="+", help="folder with an evaluation.json")
    for folder in parser.parse_args().folder:
        result = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        print(f"\n## {result['dataset']}, {result['split_name']}, {result['model']}\n")
        print(f"Split SHA-256 `{result['split_sha256']}`.")
        for table in (_overview, _classes, _ectopic, _runs, _lost, _confidence, _seeds):
            rows = list(table(result))
            if len(rows) > 1:
                print("\n" + "\n".join(_markdown(rows)))


def _markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for i, row in enumerate(rows):
        yield f"| {' | '.join(row)} |"
        if i == 0:
            yield "|" + "---|" * len(row)


def _pct(share: float | None, digits: int = 2) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f}"


def _span(bounds: Sequence[float | None] | None) -> str:
    if not bounds or None in bounds:
        return ""
    return f" ({_pct(bounds[0], 1)} to {_pct(bounds[1], 1)})"


def _pair(scores: Mapping[str, Any]) -> str:
    return f"{_pct(scores['se'], 1)}/{_pct(scores['ppv'], 1)}"


def _overview(result: Mapping[str, Any]) -> Iterator[list[str]]:
    majority = result["majority_baseline"]
    heads = ["VEB Se/+P", "SVEB Se/+P", "QRS Se/+P", "time rejected"]
    yield ["R peaks", "beats", "accuracy", f"always {majority['label']}", *heads]
    for peaks, e in (result.get("by_peaks") or {result["peaks"]: result}).items():
        accuracy = _pct(e["accuracy"]) + (_span(result["ci95"]["accuracy"]) if peaks == result["peaks"] else "")
        ectopic = [_pair(e["ectopic"][name]) for name in ("VEB", "SVEB")]
        qrs = f"{_pct(e['qrs']['se'])}/{_pct(e['qrs']['ppv'])}"
        yield [
            peaks,
            f"{e['units']:,}",
            accuracy,
            _pct(majority["accuracy"]),
            *ectopic,
            qrs,
            _pct(e["rejected_fraction"]),
        ]


def _classes(result: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["class", "beats", "Se", "+P", "F1", "one against rest", "its majority baseline"]
    rest = result["one_against_rest"]
    for label, s in result["classes"].items():
        if s["n"]:
            one = rest[label]
            yield [
                label,
                f"{s['n']:,}",
                *map(_pct, (s["se"], s["ppv"], s["f1"], one["accuracy"], one["baseline"])),
            ]
    mean = rest["mean"]
    yield ["mean", "", "", "", _pct(result["macro_f1"]), _pct(mean["accuracy"]), _pct(mean["baseline"])]


def _ectopic(result: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["EC57", "beats", "Se", "+P", "FPR", "Se average", "+P average", "FPR average"]
    for name, s in result["ectopic"].items():
        gross = [_pct(s[key]) + _span(result["ci95"].get(f"{key}_{name}")) for key in ("se", "ppv", "fpr")]
        average = [_pct(result["average"][f"{name.lower()}_{key}"]) for key in ("se", "ppv", "fpr")]
        yield [name, f"{s['n']:,}", *gross, *average]


def _runs(result: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["ventricular runs", "reference", "found", "Se", "decided", "right", "+P"]
    names = {"couplet": "couplets", "short": "3 to 5 beats", "long": "above 5 beats"}
    for kind, s in (result["runs"] or {}).items():
        yield [
            names[kind],
            str(s["n"]),
            str(s["found"]),
            _pct(s["se"], 1),
            str(s["said"]),
            str(s["right"]),
            _pct(s["ppv"], 1),
        ]


def _lost(result: Mapping[str, Any]) -> Iterator[list[str]]:
    lost = result["rejected"]["lost"]
    yield ["lost in rejected time", *lost]
    yield ["beats", *(str(s["n"]) for s in lost.values())]
    yield ["share of the class", *(_pct(s["share"]) for s in lost.values())]


def _confidence(result: Mapping[str, Any]) -> Iterator[list[str]]:
    calibration, curve = result["calibration"], result["risk_coverage"]
    yield [
        f"ECE {_pct(calibration['ece'])}, area {_pct(curve['area'])}",
        "coverage",
        "risk",
        "withheld N",
        "S",
        "V",
    ]
    for point in curve["points"]:
        kept, *others = (point[key] for key in LIMITS)
        yield [f"{_pct(kept, 0)} % kept", *(_pct(value) for value in others)]


def _seeds(result: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["over seeds", "mean", "sd", "lowest", "highest"]
    for name, s in (result.get("spread") or {}).items():
        yield [name.replace("_", " "), *(_pct(s[key]) for key in ("mean", "sd", "min", "max"))]


if __name__ == "__main__":
    main()
