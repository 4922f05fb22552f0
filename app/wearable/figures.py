"""Figures of the wearable's page: power over the whole recording, battery life, a day without a battery."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from ..report import svg

__all__ = ["day_figure", "days_figure", "timeline_figure"]

_WIDE = 780.0
_PX_PER_LETTER = 7.4
_ROW, _BAR = 30.0, 14.0


def days_figure(rows: Sequence[Mapping[str, Any]], label: str) -> Markup:
    """A bar and its whisker for each row with a ``name`` and ``battery_days``."""
    left = max(len(row["name"]) for row in rows) * _PX_PER_LETTER + 16
    room = _WIDE - left - 190
    limit = max(row["battery_days"]["high"] for row in rows) or 1.0
    parts = []
    for i, row in enumerate(rows):
        parts += _days_row(row, left, i * _ROW + 6, room / limit)
    return svg.picture(_WIDE, len(rows) * _ROW + 8, label, *parts)


def _days_row(row: Mapping[str, Any], left: float, y: float, px: float) -> Iterator[str]:
    days = row["battery_days"]
    low, typical, high = (left + days[bound] * px for bound in ("low", "typical", "high"))
    middle = y + _BAR / 2
    yield svg.text(left - 10, y + 12, row["name"], "", "end")
    yield svg.rect(left, y, typical - left, _BAR, "bar-after")
    yield svg.line(low, middle, high, middle, "whisker")
    for x in (low, high):
        yield svg.line(x, middle - 4, x, middle + 4, "whisker")
    text = f"{days['typical']:,.0f} ({days['low']:,.0f} to {days['high']:,.0f}) days"
    yield svg.text(high + 10, y + 12, text, "figure")


def timeline_figure(groups: Mapping[str, np.ndarray], rejected: np.ndarray, seconds_per_step: int) -> Markup:
    """Mean power over the whole recording, stacked by group, with what the gate rejected under it.

    Parameters
    ----------
    groups : uJ of every second, float64 (n_seconds,) each, from the bottom up
    rejected : bool (n_seconds,)
    seconds_per_step : that are averaged
    """
    stacked = np.cumsum([_steps(values, seconds_per_step) for values in groups.values()], axis=0)
    limit = float(stacked[-1].max()) * 1.05 or 1.0
    left, room, height = 62.0, _WIDE - 78.0, 190.0
    x = left + np.arange(stacked.shape[1] + 1) / stacked.shape[1] * room
    parts = []
    for i in reversed(range(len(stacked))):
        y = height - np.repeat(stacked[i], 2) / limit * (height - 12)
        outline = [(left, height), *zip(np.repeat(x, 2)[1:-1].tolist(), y.tolist(), strict=True), (x[-1], height)]
        parts.append(svg.path(outline, f"part-{i} area"))
    parts += _power_axis(limit, left, room, height)
    parts += _rejected(rejected, left, room, height + 8)
    n_seconds = len(rejected)
    return svg.picture(
        _WIDE, height + 46, "Power over the recording", *parts, *_minutes(n_seconds, left, room, height)
    )


def _steps(values: np.ndarray, n: int) -> np.ndarray:
    """Means of n values each; the last one of those that are left."""
    starts = np.arange(0, len(values), n)
    return np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))


def _power_axis(limit: float, left: float, room: float, height: float) -> Iterator[str]:
    for share in (0.0, 0.5, 1.0):
        y = height - share * (height - 12)
        yield svg.line(left, y, left + room, y, "lane-line")
        yield svg.text(left - 8, y + 4, f"{limit * share:,.0f}", "muted", "end")
    yield svg.text(left - 8, height - 0.75 * (height - 12) + 4, "\u00b5W", "muted", "end")


def _rejected(rejected: np.ndarray, left: float, room: float, y: float) -> Iterator[str]:
    yield svg.text(left - 8, y + 10, "rejected", "muted", "end")
    yield svg.line(left, y + 6, left + room, y + 6, "lane-line")
    edges = np.flatnonzero(np.diff(rejected.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    for start, stop in edges.tolist():
        x, width = left + start / len(rejected) * room, (stop - start) / len(rejected) * room
        yield svg.rect(x, y, max(width, 1.0), 12, "fill-V", f"rejected: {start} to {stop} s")


def _minutes(n_seconds: int, left: float, room: float, height: float) -> Iterator[str]:
    every = next((m for m in (1, 2, 5, 10, 30, 60, 120, 360) if n_seconds / 60 / m <= 12), 1440)
    for minute in range(0, n_seconds // 60 + 1, every):
        yield svg.text(left + minute * 60 / n_seconds * room, height + 38, f"{minute} min", "muted", "middle")


def day_figure(curve: Mapping[str, Any], label: str) -> Markup:
    """A day: power harvested, energy stored, and when the device is on."""
    income, stored = np.array(curve["harvested_uw"]), np.array(curve["stored_j"])
    left, room, height = 62.0, _WIDE - 130.0, 130.0
    x = (left + np.arange(len(income)) / len(income) * room).tolist()
    parts = []
    limits = (float(income.max()) or 1.0, float(stored.max()) or 1.0)
    for values, limit, css in ((income, limits[0], "curve harvest"), (stored, limits[1], "curve")):
        y = height - values / limit * (height - 14)
        parts.append(svg.path(list(zip(x, y.tolist(), strict=True)), css))
    for share in (0.0, 1.0):
        y = height - share * (height - 14)
        parts.append(svg.line(left, y, left + room, y, "lane-line"))
        parts.append(svg.text(left - 8, y + 4, f"{limits[0] * share:,.0f} \u00b5W", "ink-S muted", "end"))
        parts.append(svg.text(left + room + 8, y + 4, f"{limits[1] * share:.2g} J", "ink-N muted"))
    parts += _on_row(np.array(curve["on_share"]), left, room, height + 8)
    parts += [svg.text(left + h / 24 * room, height + 38, f"{h} h", "muted", "middle") for h in range(0, 25, 4)]
    return svg.picture(_WIDE, height + 46, label, *parts)


def _on_row(share: np.ndarray, left: float, room: float, y: float) -> Iterator[str]:
    yield svg.text(left - 8, y + 10, "on", "muted", "end")
    edges = np.flatnonzero(np.diff((share > 0.5).astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    yield svg.line(left, y + 6, left + room, y + 6, "lane-line")
    for start, stop in edges.tolist():
        yield svg.rect(left + start / len(share) * room, y, (stop - start) / len(share) * room, 12, "part-4", "on")
