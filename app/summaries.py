"""Results as short tables for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .analyze.analysis import NOTICE, Summary
from .analyze.files import FIRST_EVENTS, AnalysisFiles
from .analyze.rhythm_events import RhythmSummary
from .analyze.strips import RhythmAnalysis
from .console import table_text
from .wearable.scenarios import scenario_table

__all__ = [
    "analysis_text",
    "compression_text",
    "evaluation_text",
    "export_text",
    "rhythm_analysis_text",
    "rhythm_text",
    "run_text",
    "simulation_text",
    "spread_text",
]

_UNKNOWN = "-"
_RHYTHM_NAMES = ("normal", "atrial fibrillation", "other")


def percent(share: float | None, digits: int = 2) -> str:
    """A share as per cent; a dash where it is unknown."""
    return _UNKNOWN if share is None or share != share else f"{100 * share:.{digits}f} %"


def _bpm(rate: float) -> str:
    """A heart rate; a dash where it is unknown."""
    return _UNKNOWN if rate != rate else f"{rate:.0f}"


def evaluation_text(result: Mapping[str, Any]) -> str:
    """Accuracy and the scores of every class that occurs; of seizures the scores of events."""
    if result["task"] == "seizure":
        from .evaluate.seizure_report import seizure_evaluation_text

        return seizure_evaluation_text(result)
    unit = "beats" if result["task"] == "beat" else "strips"
    head = (
        f"{result['task']}, {result['dataset']}, split {result['split_name']}, {result['peaks']} peaks: "
        f"accuracy {percent(result['accuracy'])} of {result['units']:,} {unit}, "
        f"macro F1 {percent(result['macro_f1'])}, {percent(result['rejected_fraction'])} of time rejected"
    )
    rows = [
        (label, f"{c['n']:,}", percent(c["se"]), percent(c["ppv"]), percent(c["f1"]))
        for label, c in result["classes"].items()
        if c["n"]
    ]
    lines = [head, table_text(("class", "n", "Se", "+P", "F1"), rows)]
    if "ectopic" in result:
        lines += _ectopic_lines(result)
    lines += list(_reading_lines(result))
    lines += [f"{name}: {_subset_text(part)}" for name, part in (result.get("subsets") or {}).items()]
    lines += [f"note: {warning}" for warning in result.get("warnings") or ()]
    if result.get("not_scored"):
        lines.append(f"not scored: {', '.join(f'{name} ({why})' for name, why in result['not_scored'].items())}")
    if result.get("spread"):
        lines.append(spread_text(result))
    if result.get("split_sha256"):
        lines.append(f"split SHA-256 {result['split_sha256']}")
    return "\n".join(lines)


def _ectopic_lines(result: Mapping[str, Any]) -> list[str]:
    """EC57's figures, gross and average, and the majority baseline."""
    average, majority = result["average"], result["majority_baseline"]
    rows = [
        (
            name,
            f"{s['n']:,}",
            *(percent(s[key]) for key in ("se", "ppv", "fpr")),
            *(percent(average[f"{name.lower()}_{key}"]) for key in ("se", "ppv")),
        )
        for name, s in result["ectopic"].items()
    ]
    runs = [
        f"{kind} runs Se {percent(s['se'])} of {s['n']}, +P {percent(s['ppv'])} of {s['said']}"
        for kind, s in (result.get("runs") or {}).items()
    ]
    return [
        table_text(("EC57", "n", "Se gross", "+P gross", "FPR gross", "Se average", "+P average"), rows),
        *([f"ventricular: {'; '.join(runs)}"] if runs else []),
        f"always {majority['label']}: accuracy {percent(majority['accuracy'])}; mean of the one-against-rest "
        f"accuracies {percent(result['one_against_rest']['mean']['accuracy'])}; expected calibration error "
        f"{percent(result['calibration']['ece'])}",
    ]


def _reading_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """The two-class readings of a rhythm evaluation, each beside its majority baseline."""
    names = {
        "af_or_normal": "AF against normal",
        "af_or_rest": "AF against the rest",
        "af_or_rest_noisy": "AF against the rest and noisy strips",
    }
    for key, name in names.items():
        if result.get(key):
            r = result[key]
            yield (
                f"{name}: accuracy {percent(r['accuracy'])} (majority {percent(r['majority'])}), "
                f"F1 {percent(r['f1'])}, Se {percent(r['se'])}, +P {percent(r['ppv'])}"
            )


def _subset_text(part: Mapping[str, Any]) -> str:
    ectopic = ", ".join(
        f"{name} Se {percent(s['se'], 1)} +P {percent(s['ppv'], 1)}" for name, s in part["ectopic"].items()
    )
    return f"{len(part['records'])} recordings, accuracy {percent(part['accuracy'])}, {ectopic}"


def spread_text(result: Mapping[str, Any]) -> str:
    """Mean, standard deviation and range over seeds, one line per figure."""
    rows = [
        (name.replace("_", " "), *(percent(s[key]) for key in ("mean", "sd", "min", "max")))
        for name, s in result["spread"].items()
    ]
    return table_text((f"over {len(result['seeds'])} models", "mean", "sd", "lowest", "highest"), rows)


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
    line = f"{result['ratio']:.1f}x smaller, {percent(result['sparsity'], 1)} of the weights pruned"
    if "stored" in result:
        line += f"; stored in {result['stored']['bytes']:,} bytes, {result['stored']['ratio']:.1f}x smaller"
    return f"{table}\n{line}"


def export_text(result: Mapping[str, Any], out: Path) -> str:
    """The files that were written."""
    files: Sequence[str] = result.get("files", ())
    return "\n".join([*(str(f) for f in files), f"folder: {out}"])


def simulation_text(result: Mapping[str, Any]) -> str:
    """Cost and life of the wearable."""
    instructions, energy = result["instructions"], result["energy_uj"]
    rows = [
        (f"instructions per {result['unit']}", f"{instructions['per_unit']:,.0f}"),
        *_worst_second(result),
        ("flash", f"{result['flash_bytes']:,} B"),
        ("static RAM", f"{result['ram_bytes']:,} B"),
        ("deepest stack", f"{result['stack_bytes']:,} B"),
        (f"energy per {result['unit']}", f"{energy['total']:,.1f} uJ"),
        ("average power", f"{result['average_uw']:,.1f} uW"),
        ("battery life", f"{result['battery_days']:,.0f} days"),
        ("agrees with the reference", "yes" if result["agrees_with_reference"] else "NO"),
    ]
    used: Mapping[str, str] = result["scenario"]
    text = [f"scenario {used['name']}: {used['title']}. {used['sent']} The answer is there {used['latency']}."]
    if not result["is_executed"]:
        text.append("The beginning was executed; the rest is counted runs times what a run took there.")
    if "scenarios" in result:
        text += ["", table_text(*scenario_table(result["scenarios"]))]
    return "\n".join([table_text((str(result["device"]), "typical"), rows), *text])


def _worst_second(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What only a wearable that decides every second has."""
    if "worst_second" not in result:
        return []
    worst = result["worst_second"]
    return [
        ("channels", f"{result['channels']}"),
        ("instructions, worst second", f"{worst['instructions']:,}"),
        ("core awake, worst second", f"{worst['active_ms']['typical']:.1f} ms"),
        ("average power of the core", f"{result['mcu_uw']:,.1f} uW"),
    ]


def analysis_text(summary: Summary, files: AnalysisFiles) -> str:
    """What was analysable and what was found."""
    counts = ", ".join(f"{letter} {n}" for letter, n in summary.n_by_class.items() if n)
    mean, low, high = (_bpm(r) for r in (summary.rate.mean_bpm, summary.rate.min_bpm, summary.rate.max_bpm))
    analysable_s = summary.duration_s - summary.rejected_s
    lines = [
        f"{summary.record}, lead {summary.lead}: {analysable_s:.0f} of {summary.duration_s:.0f} s analysable",
        f"beats: {counts or 'none in analysable time'}",
        f"heart rate: mean {mean}, lowest {low}, highest {high} per minute",
        rhythm_text(summary.rhythm),
        *(f"  {e.onset_s:9.2f} s  {e.kind}: {e.note}" for e in files.first_events),
    ]
    if files.n_events > len(files.first_events):
        lines.append(f"  ... {files.n_events - len(files.first_events)} more events")
    lines += [summary.note] if summary.note else []
    return "\n".join([*lines, *(f"written: {f}" for f in files.paths), NOTICE])


def rhythm_analysis_text(analysis: RhythmAnalysis, paths: Sequence[Path]) -> str:
    """What was analysable, and the rhythm."""
    mean, low, high = (_bpm(r) for r in (analysis.rate.mean_bpm, analysis.rate.min_bpm, analysis.rate.max_bpm))
    analysable_s = analysis.duration_s - analysis.rejected_s
    lines = [
        f"{analysis.record}, lead {analysis.lead}: {analysable_s:.0f} of {analysis.duration_s:.0f} s analysable",
        f"heart rate: mean {mean}, lowest {low}, highest {high} per minute",
        rhythm_text(analysis.rhythm),
        *(f"  {e.onset_s:9.2f} s  {e.kind}: {e.note}" for e in analysis.episodes[:FIRST_EVENTS]),
    ]
    if len(analysis.episodes) > FIRST_EVENTS:
        lines.append(f"  ... {len(analysis.episodes) - FIRST_EVENTS} more episodes")
    lines += [analysis.note] if analysis.note else []
    return "\n".join([*lines, *(f"written: {path}" for path in paths), NOTICE])


def rhythm_text(rhythm: RhythmSummary) -> str:
    """AF burden and what it is a share of."""
    if not rhythm.decided_s:
        what = "too little of any is analysable" if rhythm.n_strips else "the recording is shorter (--task rhythm)"
        return f"rhythm: not decided in strips of {rhythm.strip_s:g} s, {what}"
    shares_by_name = dict(zip(_RHYTHM_NAMES, rhythm.share_by_rhythm.values(), strict=True))
    if rhythm.n_strips == 1:
        return f"rhythm: {max(_RHYTHM_NAMES, key=shares_by_name.__getitem__)}, one strip of {rhythm.strip_s:g} s"
    shares = ", ".join(f"{name} {percent(share, 1)}" for name, share in shares_by_name.items())
    n = f"{rhythm.n_episodes} episode{'s' if rhythm.n_episodes != 1 else ''}"
    longest = f", {n}, the longest {rhythm.longest_s:.0f} s" if rhythm.n_episodes else ""
    return (
        f"AF burden: {percent(rhythm.af_burden, 1)} of {rhythm.decided_s:.0f} s decided in strips of "
        f"{rhythm.strip_s:g} s{longest} (rhythm: {shares})"
    )


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
