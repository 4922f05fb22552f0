"""The numbers and split hashes in what a command hands over as JSON."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["figures_in", "splits_in"]

MOST_FIGURES = 500
_MOST_ROWS = 12
"""A longer list is a table of recordings or trials, not a figure of the run."""
_TABLES = ("per_record", "per_subject")
_NAMES = ("name", "split", "model", "peaks", "device")


def figures_in(result: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by their path, such as ``classes.V.se``; a row of a short table by what names it."""
    found = dict(_numbers(result, ""))
    return dict(list(found.items())[:MOST_FIGURES])


def _numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    match value:
        case bool() | None:
            return
        case int() | float():
            if math.isfinite(value):
                yield path, value
        case Mapping():
            for name, item in () if _is_table(value) else value.items():
                if name in _TABLES:
                    continue
                yield from _numbers(item, f"{path}.{name}" if path else str(name))
        case list() | tuple() if len(value) <= _MOST_ROWS:
            for row in value:
                if named := _name_of(row):
                    yield from _numbers(row, f"{path}.{named}")
        case _ if hasattr(value, "item") and not getattr(value, "shape", ()):  # a number of numpy's
            yield from _numbers(value.item(), path)


def _is_table(value: Mapping[Any, Any]) -> bool:
    return len(value) > _MOST_ROWS and all(isinstance(item, Mapping) for item in value.values())


def _name_of(row: Any) -> str:
    if not isinstance(row, Mapping):
        return ""
    return "/".join(str(row[name]) for name in _NAMES if isinstance(row.get(name), str))


def splits_in(result: Mapping[str, Any]) -> dict[str, str]:
    """Name of every split -> its hash."""
    found: dict[str, str] = {}
    for part in (result.get("provenance"), result):
        if isinstance(part, Mapping) and isinstance(part.get("split_sha256"), str):
            found[str(part.get("split", "split"))] = part["split_sha256"]
    splits = result.get("splits")
    if isinstance(splits, Mapping):
        found |= {str(k): v["sha256"] for k, v in splits.items() if isinstance(v, Mapping) and "sha256" in v}
    return found
