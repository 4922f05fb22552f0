"""Runs side by side: what was different, and what came out differently."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .record import RunRecord

__all__ = ["compare_runs"]

_OUTPUTS = ("out", "json")


def compare_runs(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Compare runs with the first of them.

    Returns
    -------
    ``runs``: number, command, state, time and length of each; ``differs``: part (``arguments``, ``data``,
    ``code``, ...) -> name -> value of every run, only where not all are equal, and not where outputs went;
    ``figures``: name -> ``values`` of every run and ``differences`` from the first, None where a run has no such
    figure; ``files``: name -> whether every run that has it has the same bytes
    """
    return {
        "runs": [_head(run) for run in runs],
        "differs": {part: rows for part, rows in _differs(runs).items() if rows},
        "figures": _figures(runs),
        "files": _files(runs),
    }


def _head(run: RunRecord) -> dict[str, Any]:
    start, result = run.start, run.result
    head = {"id": run.id, "kind": start.kind, "task": start.task, "command": start.command, "state": run.state}
    return head | {"started_at": start.started_at, "duration_s": result.duration_s, "status": result.status}


def _differs(runs: Sequence[RunRecord]) -> dict[str, dict[str, list[Any]]]:
    arguments = [{k: v for k, v in run.start.arguments.items() if k not in _OUTPUTS} for run in runs]
    code = [{"version": run.start.version, "files": run.start.code} for run in runs]
    seeds = [{"seeds": list(run.result.seeds)} for run in runs]
    return {
        "command": _unequal([{"kind": run.start.kind, "task": run.start.task} for run in runs]),
        "arguments": _unequal(arguments),
        "data": _unequal([run.result.data for run in runs]),
        "splits": _unequal([run.result.splits for run in runs]),
        "seeds": _unequal(seeds),
        "code": _unequal(code),
        "environment": _unequal([run.start.environment for run in runs]),
    }


def _unequal(columns: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows of those names whose values are not all the same; None where there is none."""
    rows = {name: [column.get(name) for column in columns] for name in _names(columns)}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def _figures(runs: Sequence[RunRecord]) -> dict[str, dict[str, list[float | None]]]:
    columns = [run.result.figures for run in runs]
    rows = {name: [column.get(name) for column in columns] for name in _names(columns)}
    return {name: {"values": row, "differences": [_minus(v, row[0]) for v in row]} for name, row in rows.items()}


def _minus(value: float | None, first: float | None) -> float | None:
    return None if value is None or first is None else value - first


def _files(runs: Sequence[RunRecord]) -> dict[str, bool]:
    columns = [_by_name(run.result.files) for run in runs]
    rows = {name: {column[name] for column in columns if name in column} for name in _names(columns)}
    shared = {name for name in rows if sum(name in column for column in columns) > 1}
    return {name: len(digests) == 1 for name, digests in rows.items() if name in shared}


def _by_name(files: Mapping[str, str]) -> dict[str, str]:
    """Files by their path within the folder that holds them all."""
    folder = os.path.commonpath([Path(path).parent for path in files]) if files else ""
    return {Path(path).relative_to(folder).as_posix(): digest for path, digest in files.items()}


def _names(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of all columns, in the order in which they first stand there."""
    return list(dict.fromkeys(name for column in columns for name in column))
