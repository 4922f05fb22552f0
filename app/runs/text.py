"""Runs as tables for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..console import table_text
from .record import RunRecord

__all__ = ["comparison_text", "list_text", "record_text"]

_HEADLINES = (
    "accuracy",
    "compressed.accuracy",
    "events.f1",
    "macro_f1",
    "evaluations.inter/compact/detected.accuracy",
)
_HASH_DIGITS = 12
_MOST_NAMES = 10


def list_text(runs: Sequence[RunRecord], where: str) -> str:
    """One line a run, the latest first."""
    if not runs:
        return f"no run in {where}"
    header = ("id", "began (UTC)", "took", "command", "task", "state", "headline")
    return table_text(header, [_row(run) for run in runs])


def _row(run: RunRecord) -> tuple[str, ...]:
    start, status = run.start, run.result.status
    state = run.state if run.state != "failed" else f"failed ({status})"
    began = start.started_at[:19].replace("T", " ")
    return str(run.id), began, _length(run.result.duration_s), start.kind, start.task, state, _headline(run)


def _headline(run: RunRecord) -> str:
    if run.result.error:
        return run.result.error[:60]
    found = next((name for name in _HEADLINES if name in run.result.figures), None)
    return "" if found is None else f"{found.rpartition('.')[2]} {_number(run.result.figures[found])}"


def _length(duration_s: float | None) -> str:
    if duration_s is None:
        return "-"
    return f"{duration_s:.1f} s" if duration_s < 120 else f"{duration_s / 60:.1f} min"


def record_text(run: RunRecord) -> str:
    """All that is known of a run."""
    start, result = run.start, run.result
    rows = [
        ("run", f"{run.id}, {run.state}" + ("" if result.status is None else f", exit status {result.status}")),
        ("command", start.command),
        ("began", f"{start.started_at} on {start.host}, process {start.process.get('pid', '?')}"),
        ("took", _length(result.duration_s)),
        *([("error", result.error)] if result.error else []),
        ("code", f"ictus {start.version}, files {start.code}"),
        ("ran on", ", ".join(f"{name} {value}" for name, value in start.environment.items())),
        *((f"data {name}", f"{d['files']} files, SHA-256 {d['sha256']}") for name, d in result.data.items()),
        *((f"split {name}", digest) for name, digest in result.splits.items()),
        *([("seeds", ", ".join(map(str, result.seeds)))] if result.seeds else []),
        *((f"--{name.replace('_', '-')}", str(value)) for name, value in start.arguments.items() if _given(value)),
        *((name, _number(value)) for name, value in result.figures.items()),
        *((path, digest) for path, digest in result.files.items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _given(value: Any) -> bool:
    return value is not None and value is not False and value != []


def comparison_text(found: Mapping[str, Any]) -> str:
    """What `compare_runs` gives: what was different, then every figure that is, then the files."""
    runs, parts = found["runs"], []
    names = [f"run {run['id']}" for run in runs]
    parts.append(table_text(("", *names), list(_head_rows(runs))))
    rows = [
        (f"{part}: {name}", *map(_short, row))
        for part, each in found["differs"].items()
        for name, row in each.items()
    ]
    parts.append(table_text(("asked or read differently", *names), rows) if rows else "asked and read the same")
    figures = [_figure_row(name, row) for name, row in found["figures"].items() if any(row["differences"][1:])]
    n_same = len(found["figures"]) - len(figures)
    if figures:
        changes = [f"{name} - {names[0]}" for name in names[1:]]
        parts.append(table_text(("figure", *names, *changes), figures))
    parts.append(f"{n_same} of {len(found['figures'])} figures are the same")
    if found["files"]:
        parts.append(_files_line(found["files"]))
    return "\n\n".join(parts)


def _head_rows(runs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    yield "command", *(f"{run['kind']} {run['task']}".strip() for run in runs)
    yield "began (UTC)", *(run["started_at"][:19].replace("T", " ") for run in runs)
    yield "took", *(_length(run["duration_s"]) for run in runs)
    yield "state", *(run["state"] for run in runs)


def _figure_row(name: str, row: Mapping[str, Sequence[float | None]]) -> tuple[str, ...]:
    changes = ("-" if value is None else f"{value:+.6g}" for value in row["differences"][1:])
    return name, *("-" if value is None else _number(value) for value in row["values"]), *changes


def _files_line(files: Mapping[str, bool]) -> str:
    differing = [name for name, is_same in files.items() if not is_same]
    line = f"{len(files) - len(differing)} of {len(files)} files have the same bytes"
    if not differing:
        return line
    return f"{line}; others: {', '.join(differing[:_MOST_NAMES])}{' ...' if differing[_MOST_NAMES:] else ''}"


def _number(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    """A value for a cell of a table; of a hash, its beginning."""
    if isinstance(value, Mapping):
        return f"{value.get('files', '')} files {str(value.get('sha256', ''))[:_HASH_DIGITS]}"
    text = "-" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:_HASH_DIGITS]}..."
