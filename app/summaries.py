"""Results as short tables for a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .analyze import NOTICE, Analysis
from .console import table_text

__all__ = ["analysis_text", "compression_text", "evaluation_text", "export_text", "run_text", "simulation_text"]

_UNKNOWN = "-"
_MOST_EVENTS = 12


def percent(share: float | None, digits: int = 2) -> str:
    """A share as per cent; a dash where it is unknown."""
    return _UNKNOWN if share is None or share != share else f"{100 * share:.{digits}f} %"


def _bpm(rate: float) -> str:
    """A heart rate; a dash where it is unknown."""
    return _UNKNOWN if rate != rate else f"{rate:.0f}"


def evaluation_text(result: Mapping[str, Any]) -> str:
    """Accuracy and the scores of every class that occurs."""
    head = (
        f"{result['task']}, {result['dataset']}, split {result['split_name']}, {result['peaks']} peaks: "
        f"accuracy {percent(result['accuracy'])} of {result['units']:,} beats, "
        f"macro F1 {percent(result['macro_f1'])}, {percent(result['rejected_fraction'])} of time rejected"
    )
    rows = [
        (label, f"{c['n']:,}", percent(c["se"]), percent(c["ppv"]), percent(c["f1"]))
        for label, c in result["classes"].items()
        if c["n"]
    ]
    return f"{head}\n{table_text(('class', 'n', 'Se', '+P', 'F1'), rows)}"


def compression_text(result: Mapping[str, Any]) -> str:
    """Before and after."""
    sides = [("float32", result.get("baseline")), ("compact", result.get("compressed"))]
    rows = [
        (name, f"{side['bytes']:,}", percent(side.get("accuracy")), percent(side.get("macro_f1")))
        for name, side in sides
        if side
    ]
    table = table_text(("model", "bytes", "accuracy", "macro F1"), rows)
    if "ratio" not in result:
        return table
    return f"{table}\n{result['ratio']:.1f}x smaller, {percent(result['sparsity'], 1)} of the weights pruned"


def export_text(result: Mapping[str, Any], out: Path) -> str:
    """The files that were written."""
    files: Sequence[str] = result.get("files", ())
    return "\n".join([*(str(f) for f in files), f"folder: {out}"])


def simulation_text(result: Mapping[str, Any]) -> str:
    """Cost and life of the wearable."""
    instructions, energy = result["instructions"], result["energy_uj"]
    rows = [
        ("instructions per beat", f"{instructions['per_unit']:,.0f}"),
        ("flash", f"{result['flash_bytes']:,} B"),
        ("static RAM", f"{result['ram_bytes']:,} B"),
        ("deepest stack", f"{result['stack_bytes']:,} B"),
        ("energy per beat", f"{energy['total']:,.1f} uJ"),
        ("average power", f"{result['average_uw']:,.1f} uW"),
        ("battery life", f"{result['battery_days']:,.0f} days"),
        ("agrees with the reference", "yes" if result["agrees_with_reference"] else "NO"),
    ]
    return table_text((str(result["device"]), "typical"), rows)


def analysis_text(analysis: Analysis, files: Sequence[Path]) -> str:
    """What was analysable and what was found."""
    counts = ", ".join(f"{letter} {n}" for letter, n in analysis.n_by_class.items() if n)
    mean, low, high = (_bpm(r) for r in (analysis.rate.mean_bpm, analysis.rate.min_bpm, analysis.rate.max_bpm))
    analysable_s = analysis.duration_s - analysis.rejected_s
    lines = [
        f"{analysis.record}, lead {analysis.lead}: {analysable_s:.0f} of {analysis.duration_s:.0f} s analysable",
        f"beats: {counts or 'none in analysable time'}",
        f"heart rate: mean {mean}, lowest {low}, highest {high} per minute",
        *(f"  {e.onset_s:9.2f} s  {e.kind}: {e.note}" for e in analysis.events[:_MOST_EVENTS]),
    ]
    if len(analysis.events) > _MOST_EVENTS:
        lines.append(f"  ... {len(analysis.events) - _MOST_EVENTS} more events")
    return "\n".join([*lines, *(f"written: {f}" for f in files), NOTICE])


def run_text(report: Mapping[str, Any], page: Path) -> str:
    """One row per evaluation, and where the report is."""
    rows = [
        (
            f"{e['split']}, {e['model']}, {e['peaks']} peaks",
            f"{e['units']:,}",
            percent(e["accuracy"]),
            percent(e["macro_f1"]),
        )
        for e in report.get("evaluations", ())
    ]
    ratios = [f"{key}-patient {c['ratio']:.1f}x" for key, c in report.get("compression", {}).items() if c]
    lines = [table_text(("evaluation", "beats", "accuracy", "macro F1"), rows)]
    if ratios:
        lines.append(f"compression: {', '.join(ratios)}")
    return "\n".join([*lines, f"report: {page}"])
