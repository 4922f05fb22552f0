"""A whole recording in a few hundred columns: heart rate, gate and events, however long it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ....signals import DEVICE_FS_HZ
from ...analyze.analysis import Analysis
from ...analyze.heart_rate import RR_LIMITS_S
from .findings import Finding, event_name
from .shapes import css_class

__all__ = ["N_COLUMNS", "Curve", "Lane", "bridged", "envelope", "heart_rate_curve", "raster", "share_of_columns"]

N_COLUMNS = 600
"""Columns of the overview: about one for two pixels."""
_RATE_BEATS = 8
_GROUPS = {
    "ventricular_fibrillation": "VF, V runs",
    "ventricular_run": "VF, V runs",
    "seizure": "Seizures",
    "atrial_fibrillation": "Atrial fibrillation",
    "pause": "Pauses",
    "ventricular_couplet": "V couplets",
    "ventricular_bigeminy": "V bigeminy",
    "supraventricular_run": "S runs, couplets",
    "supraventricular_couplet": "S runs, couplets",
    "V": "V beats",
    "S": "S beats",
    "F": "F beats",
    "Q": "Q beats",
    "N": "N beats",
}
"""Kinds that share a lane of the raster, in the order of the lanes."""


@dataclass(frozen=True)
class Curve:
    """Lowest, mean and highest value in every column, float (n,); nan where there is none."""

    low: np.ndarray
    mean: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Lane:
    """A row of the raster.

    Attributes
    ----------
    name : of the row
    css : class of its colour
    height : float (n_columns,), 0 to 1: how full the column is
    value : what stands at its end
    """

    name: str
    css: str
    height: np.ndarray
    value: str


def envelope(time_s: np.ndarray, values: np.ndarray, duration_s: float) -> Curve:
    """Values of irregular times, each float (n,), by columns."""
    column = np.minimum((time_s / duration_s * N_COLUMNS).astype(np.int64), N_COLUMNS - 1)
    n = np.bincount(column, minlength=N_COLUMNS)
    low, high = np.full(N_COLUMNS, np.inf), np.full(N_COLUMNS, -np.inf)
    np.minimum.at(low, column, values)
    np.maximum.at(high, column, values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(column, values, N_COLUMNS) / n
    empty = n == 0
    low[empty] = high[empty] = np.nan
    return Curve(low, mean, high)


def bridged(curve: Curve, duration_s: float, longest_s: float) -> Curve:
    """A curve without its gaps of at most `longest_s`."""
    columns = np.arange(N_COLUMNS)
    known = np.flatnonzero(np.isfinite(curve.mean))
    if not len(known):
        return curve
    after = np.searchsorted(known, columns).clip(0, len(known) - 1)
    before = (np.searchsorted(known, columns, side="right") - 1).clip(0)
    is_short = (known[after] - known[before]) * duration_s / N_COLUMNS <= longest_s
    is_inside = is_short & (columns >= known[0]) & (columns <= known[-1])
    rows = (np.where(is_inside, np.interp(columns, known, row[known]), np.nan) for row in vars(curve).values())
    return Curve(*rows)


def heart_rate_curve(analysis: Analysis) -> Curve:
    """Beats a minute, each from the mean of eight RR intervals in a row, fewer in a very short recording."""
    table = analysis.table
    peak_s = table.peak[table.label >= 0] / DEVICE_FS_HZ
    rr_s, at_s = np.diff(peak_s), peak_s[1:]
    is_heart = (rr_s >= RR_LIMITS_S[0]) & (rr_s <= RR_LIMITS_S[1])
    rr_s, at_s = rr_s[is_heart], at_s[is_heart]
    if not len(rr_s):
        nothing = np.full(N_COLUMNS, np.nan)
        return Curve(nothing, nothing, nothing)
    width = min(_RATE_BEATS, len(rr_s))
    mean_s = np.convolve(rr_s, np.full(width, 1 / width), mode="valid")
    return bridged(
        envelope(at_s[width - 1 :], 60.0 / mean_s, analysis.duration_s), analysis.duration_s, RR_LIMITS_S[1]
    )


def share_of_columns(spans: Iterable[tuple[float, float]], duration_s: float) -> np.ndarray:
    """Share of every column's time that lies in spans of (start, stop) s, float (n_columns,)."""
    edges = np.zeros(N_COLUMNS + 1)
    for start_s, stop_s in spans:
        left, right = (min(max(t / duration_s * N_COLUMNS, 0.0), float(N_COLUMNS)) for t in (start_s, stop_s))
        edges += np.clip(
            np.minimum(np.arange(1, N_COLUMNS + 2), right) - np.maximum(np.arange(N_COLUMNS + 1), left), 0, 1
        )
    return np.minimum(edges[:N_COLUMNS], 1.0)


def raster(findings: Iterable[Finding], duration_s: float) -> list[Lane]:
    """A lane for every group of kinds that occurs: single beats by how many, events by where they are."""
    by_group: dict[str, list[Finding]] = {}
    for finding in findings:
        by_group.setdefault(_GROUPS.get(finding.kind, event_name(finding.kind)), []).append(finding)
    order = [*dict.fromkeys(_GROUPS.values())]
    known = sorted(by_group, key=lambda name: order.index(name) if name in order else -1)
    return [_lane(name, by_group[name], duration_s) for name in known]


def _lane(name: str, findings: Sequence[Finding], duration_s: float) -> Lane:
    spans = [(f.onset_s, f.stop_s) for f in findings]
    first, last = (np.array(spans) / duration_s * N_COLUMNS).astype(np.int64).clip(0, N_COLUMNS - 1).T
    edges = np.bincount(first, minlength=N_COLUMNS + 1) - np.bincount(last + 1, minlength=N_COLUMNS + 1)
    n = np.cumsum(edges)[:N_COLUMNS]
    height = np.sqrt(n / n.max()) if name.endswith("beats") else np.minimum(n, 1).astype(float)
    return Lane(name, css_class(findings[0].kind), height, f"{len(findings):,}")
