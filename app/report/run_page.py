"""The report of a run: one self-contained HTML file made from the dictionary that is also ``report.json``."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader, Undefined

from ..analyze.ecg import NOTICE
from .figures import bars_figure, energy_figure, stacked_figure, waterfall_figure
from .strip_figure import strip_figure

__all__ = ["render_report"]

_UNKNOWN = "\u2013"
_CLASS_NAMES = {"N": "normal", "S": "supraventricular", "V": "ventricular", "F": "fusion", "Q": "paced or unknown"}
_SPLITS = {
    "inter": "Inter-patient: the tested patients are new",
    "intra": "Intra-patient: leaks patients; only to compare with publications",
}


def render_report(report: Mapping[str, Any]) -> str:
    """Render the page.

    Parameters
    ----------
    report : the content of ``report.json``; sections whose part is missing are left out

    Returns
    -------
    HTML that loads nothing from anywhere: styles and figures are inside.
    """
    environment = Environment(
        loader=PackageLoader("ictus.app", "templates"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"pct": pct, "pc": pc, "num": num, "si_bytes": si_bytes, "ci": interval, "span": span}
    evaluations = [_evaluation(e) for e in report.get("evaluations") or ()]
    return environment.get_template("report.html.j2").render(
        report=report,
        notice=NOTICE,
        class_names=_CLASS_NAMES,
        cards=list(_cards(report)),
        groups=_groups(evaluations),
        main=_main(report),
        figures=_figures(report),
        assumptions=list(_assumptions(report.get("simulation") or {})),
    )


def _missing(value: object) -> bool:
    return value is None or isinstance(value, Undefined) or (isinstance(value, float) and not math.isfinite(value))


def pct(value: Any, digits: int = 2) -> str:
    """A share as per cent."""
    return _UNKNOWN if _missing(value) else f"{100 * value:.{digits}f}\u202f%"


def pc(value: Any, digits: int = 2) -> str:
    """A share in per cent, without the sign."""
    return _UNKNOWN if _missing(value) else f"{100 * value:.{digits}f}"


def num(value: Any, digits: int = 0) -> str:
    """A number with thousands separated."""
    return _UNKNOWN if _missing(value) else f"{value:,.{digits}f}"


def si_bytes(value: Any) -> str:
    """Bytes, in kB from 10,000 on."""
    if _missing(value):
        return _UNKNOWN
    return f"{num(value)}\u202fB" if value < 10_000 else f"{value / 1000:.1f}\u202fkB"


def interval(bounds: Any, digits: int = 1) -> str:
    """A 95 % interval of shares, in per cent."""
    if _missing(bounds) or not bounds or any(_missing(b) for b in bounds):
        return ""
    return f"{100 * bounds[0]:.{digits}f}\u2013{100 * bounds[1]:.{digits}f}"


def span(bounds: Any, digits: int = 0) -> str:
    """Two bounds of anything."""
    if _missing(bounds) or not bounds or any(_missing(b) for b in bounds):
        return _UNKNOWN
    return f"{num(bounds[0], digits)}\u2013{num(bounds[1], digits)}"


def _key(evaluation: Mapping[str, Any]) -> str:
    return "intra" if str(evaluation.get("split", "")).startswith("intra") else "inter"


def _evaluation(e: Mapping[str, Any]) -> dict[str, Any]:
    """An evaluation with what its tables show, row by row."""
    key, model, peaks = _key(e), e.get("model", "model"), e.get("peaks", "detected")
    return {
        "id": f"{key}-{model}-{peaks}",
        "key": key,
        "title": f"{model}, {peaks} peaks",
        "data": e,
        "is_main": (model, peaks) == ("compact", "detected"),
        "confusion": list(_confusion_rows(e.get("confusion"))),
        "classes": [
            {"label": label, "ci": {m: (e.get("ci95") or {}).get(f"{m}_{label}") for m in ("se", "ppv")}, **scores}
            for label, scores in (e.get("classes") or {}).items()
        ],
    }


def _confusion_rows(confusion: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    if not confusion:
        return
    for label, counts in zip(confusion["rows"], confusion["counts"], strict=True):
        n = sum(counts)
        cells = [
            {"count": count, "share": count / n if n else 0.0, "is_hit": label == column}
            for column, count in zip(confusion["columns"], counts, strict=True)
        ]
        yield {"label": label, "n": n, "cells": cells}


def _groups(evaluations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Evaluations by split, the honest one first; in each group one is shown open."""
    groups = []
    for key, title in _SPLITS.items():
        members = [e for e in evaluations if e["key"] == key]
        if members:
            opened = next((e["id"] for e in members if e["is_main"]), members[0]["id"])
            groups.append({"key": key, "title": title, "evaluations": members, "opened": opened})
    return groups


def _main(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """The evaluation that the headline quotes: inter-patient, compact, detected peaks, or the nearest to it."""

    def distance(e: Mapping[str, Any]) -> tuple[bool, bool, bool]:
        return _key(e) != "inter", e.get("model") != "compact", e.get("peaks") != "detected"

    return min(report.get("evaluations") or (), key=distance, default={})


def _cards(report: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The figures that come first."""
    yield from _score_cards(_main(report))
    yield from _size_cards(report)
    yield from _cost_cards(report.get("simulation") or {})


def _score_cards(main: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    if not main:
        return
    ci95 = main.get("ci95") or {}
    how = (
        f"{'inter' if _key(main) == 'inter' else 'INTRA'}-patient, {main.get('model')}, {main.get('peaks')} peaks"
    )
    yield _card(
        "Accuracy, five classes", pct(main.get("accuracy")), f"95 % CI {interval(ci95.get('accuracy'))} · {how}"
    )
    v = (main.get("classes") or {}).get("V") or {}
    if v.get("n"):
        note = f"+P {pct(v['ppv'], 1)} · {num(v['n'])} ventricular beats"
        yield _card("Ventricular sensitivity", pct(v["se"], 1), note)
    if main.get("qrs"):
        note = f"+P {pct(main['qrs']['ppv'])} · causal, tolerance 150 ms"
        yield _card("QRS sensitivity", pct(main["qrs"]["se"]), note)


def _size_cards(report: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    compression = _first(report.get("compression") or {}, "inter")
    if compression:
        before, after = compression["baseline"], compression["compressed"]
        note = f"{si_bytes(before['bytes'])} to {si_bytes(after['bytes'])}, every byte counted"
        yield _card("Compression", f"{compression['ratio']:.1f}\u202f\u00d7", note)
    firmware = report.get("firmware")
    if firmware:
        note = f"static and stack · flash {si_bytes(firmware.get('flash_bytes'))}"
        yield _card("Device memory", si_bytes(firmware.get("ram_bytes", 0) + firmware.get("stack_bytes", 0)), note)


def _cost_cards(simulation: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    devices = simulation.get("devices")
    if devices:
        first = devices[0]
        days = span(first.get("battery_days_range"))
        yield _card(
            "Battery life", f"{num(first['battery_days'])}\u202fdays", f"{days} · {first['device']}, whole system"
        )


def _card(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}


def _first(by_split: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    return by_split.get(key) or next((c for c in by_split.values() if c), None)


def _assumptions(simulation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What holds for every device, then what holds for one."""
    by_device = {str(d["device"]): d.get("assumptions") or [] for d in simulation.get("devices") or ()}
    shared = [line for line in next(iter(by_device.values()), []) if all(line in ls for ls in by_device.values())]
    if shared:
        yield {"title": "All devices", "lines": shared}
    for device, lines in by_device.items():
        own = [line for line in lines if line not in shared]
        if own:
            yield {"title": device, "lines": own}


def _falling(values: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(values.items(), key=lambda item: -item[1]))


def _figures(report: Mapping[str, Any]) -> dict[str, Any]:
    """SVG by name; a figure whose data are missing is None."""
    compression = {key: c for key, c in (report.get("compression") or {}).items() if c}
    simulation, firmware = report.get("simulation") or {}, report.get("firmware") or {}
    by_class, stages = simulation.get("instructions_by_class"), simulation.get("stages")
    return {
        "strip": strip_figure(report["strip"]) if report.get("strip") else None,
        "waterfall": {
            key: waterfall_figure(c["waterfall"]) for key, c in compression.items() if c.get("waterfall")
        },
        "bytes": {
            key: stacked_figure(c["compressed"]["bytes_by"], "Device bytes by use")
            for key, c in compression.items()
            if c["compressed"].get("bytes_by")
        },
        "flash": firmware.get("flash_by") and stacked_figure(firmware["flash_by"], "Flash by use"),
        "classes": by_class and bars_figure(_falling(by_class), "Instructions by class"),
        "stages": stages
        and bars_figure({s["name"].replace("_", " "): s["instructions"] for s in stages}, "Instructions by stage"),
        "energy": energy_figure(simulation["devices"]) if simulation.get("devices") else None,
    }
