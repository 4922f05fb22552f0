"""Energy under an ECG strip: one bar a second on the strip's own time axis, stacked by what it was spent on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...firmware_export.wearable.energy_timeline import EnergyTimeline
from . import svg

__all__ = ["GROUPS", "PANEL_MM", "energy_groups", "energy_json", "energy_panel"]

PANEL_MM = 24.0
"""Height of the panel."""

GROUPS = {
    "asleep, waking, fetching samples": ("sleep", "wake", "fetch", "other"),
    "filter, detector, gate's features": ("filter", "qrs", "gate_features"),
    "gate": ("gate",),
    "beat window": ("beat_window",),
    "screen": ("screen",),
    "specialist": ("specialist",),
    "radio": ("radio",),
}
"""What is drawn together, from the bottom up; the front end takes the same every second and is left out."""

_GAP_MM, _TOP_MM = 3.0, 1.5


def energy_groups(energy: EnergyTimeline) -> dict[str, np.ndarray]:
    """Typical uJ of every second by group, float64 (n_seconds,) each; what is in no group goes to the first."""
    known = {name for names in GROUPS.values() for name in names}
    first = next(iter(GROUPS))
    groups = {name: np.zeros(len(energy)) for name in GROUPS}
    for name, rows in energy.rows.items():
        group = next((g for g, names in GROUPS.items() if name in names), None)
        if name != "afe":
            groups[group if name in known and group else first] += rows[1]
    return groups


def energy_json(energy: EnergyTimeline, start_s: int, seconds: int) -> dict[str, Any]:
    """The ``energy`` of a strip: uJ by group for each of its seconds, and the front end's power."""
    place = slice(start_s, start_s + seconds)
    groups = {name: np.round(values[place], 3).tolist() for name, values in energy_groups(energy).items()}
    return {"uj": groups, "afe_uw": float(energy.rows["afe"][1].mean())}


def energy_panel(energy: Mapping[str, Any], start_s: float, row_s: float, mm_per_s: float) -> Iterator[str]:
    """Bars of a row of the strip; coordinates in mm from the row's left edge and the panel's upper one.

    Parameters
    ----------
    energy : of `energy_json`
    start_s, row_s : of the row within the strip
    """
    uj = np.array(list(energy["uj"].values()))
    limit = _limit(uj.sum(axis=0))
    height = PANEL_MM - _GAP_MM - _TOP_MM
    base = _TOP_MM + _GAP_MM + height - 1.0
    yield from _axis(limit, base, height, row_s * mm_per_s)
    for second in range(int(start_s), min(int(np.ceil(start_s + row_s)), uj.shape[1])):
        x = (second - start_s) * mm_per_s
        yield from _bar(list(energy["uj"]), uj[:, second], (x + 0.6, base, mm_per_s - 1.2), height / limit)


def _bar(
    names: Sequence[str], uj: np.ndarray, place: tuple[float, float, float], mm_per_uj: float
) -> Iterator[str]:
    x, y, width = place
    for i, (name, value) in enumerate(zip(names, uj.tolist(), strict=True)):
        y -= value * mm_per_uj
        yield svg.rect(x, y, width, value * mm_per_uj, f"part-{i}", f"{name}: {value:.1f} \u00b5J")


def _axis(limit: float, base: float, height: float, width: float) -> Iterator[str]:
    for share in (0.0, 0.5, 1.0):
        y = base - share * height
        yield svg.line(0, y, width, y, "lane")
        yield svg.text(-1.5, y + 1.0, f"{limit * share:g}", "tiny muted", "end")
    yield svg.text(-1.5, base - height * 0.75 + 1.0, "\u00b5J a second", "tiny muted", "end")


def _limit(totals: np.ndarray) -> float:
    """An even number above everything, with two digits."""
    largest = max(float(totals.max(initial=0.0)), 1.0)
    step = 10 ** np.floor(np.log10(largest)) / 5
    return float(np.ceil(largest / step) * step)
