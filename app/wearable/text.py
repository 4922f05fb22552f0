"""Faults of a simulated wearable as text for a terminal."""

from collections.abc import Mapping
from typing import Any

from ..console import table_text

__all__ = ["fault_text"]


def fault_text(result: Mapping[str, Any]) -> list[str]:
    """A table of the runs with faults and a line for each that lost something; nothing if there were none."""
    rows = result.get("faults")
    if not rows:
        return []
    header = ("fault", "QRS Se %", "V Se %", "V +P %", "rejected s", "sent", "latest s", "system uW")
    return ["", table_text(header, [_cells(row) for row in rows]), *_said(rows)]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    quality = row["quality"]
    return (
        _name(row),
        *(_percent(quality[name]) for name in ("qrs_se", "v_se", "v_ppv")),
        f"{row['rejected_s']:,}",
        f"{row['sent']:,}",
        f"{row['longest_delay_s']:.1f}",
        f"{row['average_uw']['typical']:.1f}",
    )


def _said(rows: list[Mapping[str, Any]]) -> list[str]:
    return [f"{_name(row)}: {'; '.join(row['losses'])}" for row in rows if row["losses"]]


def _name(row: Mapping[str, Any]) -> str:
    return " ".join(row["faults"]) or "none"


def _percent(share: float | None) -> str:
    return "-" if share is None or share != share else f"{100 * share:.1f}"
