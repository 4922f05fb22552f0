"""Bar charts of the report: compression, bytes, instructions, energy."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from . import svg

__all__ = ["PARTS", "bars_figure", "energy_figure", "stacked_figure", "waterfall_figure"]

PARTS = ("mcu", "sleep", "afe", "radio")
"""What a wearable spends energy on."""

_PART_NAMES = ("MCU awake", "MCU asleep", "front end", "radio")

_WIDE, _NARROW = 780.0, 540.0
_ROW = 34.0
_BAR = 18.0
_PX_PER_LETTER = 7.4
_N_COLOURS = 8


def waterfall_figure(steps: Sequence[Mapping[str, Any]]) -> Markup:
    """Bytes after each step of the compression, on a linear scale, with the factor gained so far."""
    largest = max(step["bytes"] for step in steps)
    rows = [
        (s["step"], s["bytes"], f"{s['bytes']:,} B" + (f" \u00b7 {largest / s['bytes']:.1f}x" if i else ""))
        for i, s in enumerate(steps)
    ]
    css = ["bar-before", *["bar-between"] * (len(rows) - 2), "bar-after"]
    return _bars(rows, css, "Bytes after each step of the compression", _WIDE)


def bars_figure(values: Mapping[str, float], label: str) -> Markup:
    """One bar per entry, in the given order, with its share of the sum."""
    total = sum(values.values()) or 1.0
    rows = [(name, value, f"{value:,.0f} \u00b7 {100 * value / total:.1f} %") for name, value in values.items()]
    return _bars(rows, ["bar-after"] * len(rows), label, _NARROW)


def _bars(rows: Sequence[tuple[str, float, str]], css: Sequence[str], label: str, width: float) -> Markup:
    left = _left_of([name for name, _, _ in rows])
    room = width - left - max(len(note) for _, _, note in rows) * _PX_PER_LETTER - 12
    largest = max((value for _, value, _ in rows), default=1.0) or 1.0
    parts = []
    for i, (name, value, note) in enumerate(rows):
        y, length = i * _ROW + 8, max(1.5, value / largest * room)
        parts.append(svg.text(left - 10, y + 13, name, "", "end"))
        parts.append(svg.rect(left, y, length, _BAR, css[i]))
        parts.append(svg.text(left + length + 8, y + 13, note, "figure"))
    return svg.picture(width, len(rows) * _ROW + 4, label, *parts)


def _left_of(names: Sequence[str]) -> float:
    return min(max((len(name) for name in names), default=0) * _PX_PER_LETTER + 14, _WIDE / 2)


def stacked_figure(values: Mapping[str, float], label: str) -> Markup:
    """One bar of several parts in bytes, with a legend below it."""
    total = sum(values.values()) or 1.0
    parts, x = [], 0.0
    for i, (name, value) in enumerate(values.items()):
        width = value / total * _NARROW
        parts.append(svg.rect(x, 4, width, 26, f"part-{i % _N_COLOURS}", f"{name}: {value:,.0f} B"))
        x += width
    entries = [f"{name} {value:,.0f} B \u00b7 {100 * value / total:.0f} %" for name, value in values.items()]
    legend, height = _legend(entries, 52.0, _NARROW)
    return svg.picture(_NARROW, height, label, *parts, *legend)


def _legend(entries: Sequence[str], y: float, limit: float) -> tuple[list[str], float]:
    """Coloured squares with text, wrapped; and where the next thing may begin."""
    parts, x = [], 0.0
    for i, entry in enumerate(entries):
        width = 20 + len(entry) * _PX_PER_LETTER + 18
        if x and x + width > limit:
            x, y = 0.0, y + 22
        parts.append(svg.rect(x, y - 10, 12, 12, f"part-{i % _N_COLOURS}"))
        parts.append(svg.text(x + 18, y, entry))
        x += width
    return parts, y + 10


def energy_figure(devices: Sequence[Mapping[str, Any]]) -> Markup:
    """Average power of each device, stacked by part, with the low-high range as a whisker."""
    rows = [_power(device) for device in devices]
    left = _left_of([row["days"] for row in rows])
    room = _WIDE - left - 16
    limit = _round_up(max(row["high"] for row in rows))
    legend, top = _legend(_PART_NAMES, 12.0, _WIDE)
    parts = [*legend]
    for i, row in enumerate(rows):
        parts += _energy_row(row, left, top + 8 + i * 46, room / limit)
    bottom = top + 8 + len(rows) * 46
    parts += _axis(left, bottom, room, limit, "\u00b5W, average")
    return svg.picture(_WIDE, bottom + 36, "Average power of each device by part", *parts)


def _power(device: Mapping[str, Any]) -> dict[str, Any]:
    """Parts, total and range in uW; energy per decision only gives the shares."""
    energy, average = device["energy_uj"], device["average_uw"]
    total = energy.get("total") or sum(energy[part] for part in PARTS) or 1.0
    low, high = device.get("average_uw_range") or (average, average)
    days_low, days_high = device.get("battery_days_range") or (device["battery_days"],) * 2
    return {
        "name": str(device["device"]),
        "parts": [energy[part] / total * average for part in PARTS],
        "low": low,
        "high": high,
        "days": f"{device['battery_days']:,.0f} days ({days_low:,.0f} to {days_high:,.0f})",
    }


def _energy_row(row: Mapping[str, Any], left: float, y: float, px_per_uw: float) -> Iterator[str]:
    yield svg.text(left - 10, y + 10, row["name"], "strong", "end")
    yield svg.text(left - 10, y + 26, row["days"], "muted", "end")
    x = left
    for i, value in enumerate(row["parts"]):
        yield svg.rect(x, y, value * px_per_uw, _BAR, f"part-{i}", f"{_PART_NAMES[i]}: {value:,.1f} \u00b5W")
        x += value * px_per_uw
    low, high, middle = left + row["low"] * px_per_uw, left + row["high"] * px_per_uw, y + _BAR + 5
    yield svg.line(low, middle, high, middle, "whisker")
    yield svg.line(low, middle - 3, low, middle + 3, "whisker")
    yield svg.line(high, middle - 3, high, middle + 3, "whisker")


def _axis(left: float, y: float, room: float, limit: float, unit: str) -> Iterator[str]:
    yield svg.line(left, y, left + room, y, "axis")
    for i in range(5):
        x = left + room * i / 4
        yield svg.line(x, y, x, y + 4, "axis")
        label = f"{limit * i / 4:,.3g}" + (f" {unit}" if i == 4 else "")
        yield svg.text(x, y + 18, label, "muted", "end" if i == 4 else "middle")


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8, 10 times a power of ten."""
    scale = 10.0 ** (len(f"{max(value, 1):.0f}") - 1)
    return next(scale * step for step in (1, 2, 4, 6, 8, 10) if scale * step >= value)
