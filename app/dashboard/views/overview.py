"""A whole recording at a glance: trend, analysable time, raster of events, and where the reader is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from markupsafe import Markup, escape

from ...report import svg
from .clock import clock
from .trend import N_COLUMNS, Curve, Lane

__all__ = ["Overview", "overview", "stage_rows", "with_place"]

_TREND_PX, _LANE_PX = 62, 12
_ROUND_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_MOST_TICKS, _ALL = 8, 99.0


@dataclass(frozen=True)
class Overview:
    """What the overview shows.

    Attributes
    ----------
    duration_s : of the recording
    trend_name, trend, trend_unit : the curve at the top
    gated : share of every column that was not analysable, float (n_columns,)
    gated_value : what stands at the end of that lane
    lanes : the raster
    """

    duration_s: float
    trend_name: str
    trend_unit: str
    trend: Curve
    gated: np.ndarray
    gated_value: str
    lanes: Sequence[Lane]


def overview(shown: Overview) -> Markup:
    """Draw it; a click jumps."""
    rows = [_trend_row(shown), _gate_row(shown), *(_lane_row(lane, shown.duration_s) for lane in shown.lanes)]
    ticks = "".join(_ticks(shown.duration_s))
    below = f'<div></div><div class="ticks">{ticks}</div><div></div>'
    return Markup(f'<div class="overview">{"".join(rows)}{below}</div>')


def with_place(drawn: Markup, start_s: float, stop_s: float, duration_s: float) -> Markup:
    """An overview with the part set off that the paper shows."""
    left, width = 100 * start_s / duration_s, 100 * (stop_s - start_s) / duration_s
    if width > _ALL:
        return drawn
    return Markup('<div style="--left:{:.3f}%;--width:{:.3f}%">{}</div>').format(left, width, drawn)


def _row(name: str, value: str, height_px: int, duration_s: float, content: str) -> str:
    style = f'class="plot" style="height:{height_px}px" data-axis="0,{duration_s:.3f}"'
    plot = f'<div {style}>{content}<div class="here"></div></div>'
    return f'<div class="name">{escape(name)}</div>{plot}<div class="value">{escape(value)}</div>'


def _plot(*parts: str) -> str:
    return (
        f'<svg viewBox="0 0 {N_COLUMNS} 100" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
    )


def _trend_row(shown: Overview) -> str:
    low, high = _range(shown.trend)

    def y(values: np.ndarray) -> np.ndarray:
        return 96 - 92 * (values - low) / (high - low)

    band = "".join(_band(y(shown.trend.low), y(shown.trend.high)))
    mean = "".join(_line(y(shown.trend.mean)))
    scale = (
        f'<span class="scale" style="top:3px">{high:g}</span><span class="scale" style="bottom:3px">{low:g}</span>'
    )
    known = shown.trend.mean[np.isfinite(shown.trend.mean)]
    value = f"{known.mean():.0f} {shown.trend_unit}" if len(known) else "\u2013"
    return _row(shown.trend_name, value, _TREND_PX, shown.duration_s, _plot(band, mean) + scale)


def _range(trend: Curve) -> tuple[float, float]:
    """Lower and upper edge, on round numbers."""
    known = np.isfinite(trend.mean)
    if not known.any():
        return 0.0, 1.0
    low, high = float(trend.low[known].min()), float(np.percentile(trend.high[known], 99.5))
    step = max(10.0 ** np.floor(np.log10(max(high - low, 1.0))) / 2, 1.0)
    return float(np.floor(low / step) * step), float(np.ceil(max(high, low + 1) / step) * step)


def _band(top: np.ndarray, bottom: np.ndarray) -> Iterator[str]:
    for first, last in _runs(np.isfinite(top)):
        x = np.arange(first, last + 1) + 0.5
        there = [f"{a:.1f} {b:.1f}" for a, b in zip(x, bottom[first : last + 1], strict=True)]
        back = [f"{a:.1f} {b:.1f}" for a, b in zip(x[::-1], top[first : last + 1][::-1], strict=True)]
        yield f'<path class="band" d="M{"L".join([*there, *back])}Z"/>'


def _line(y: np.ndarray) -> Iterator[str]:
    for first, last in _runs(np.isfinite(y)):
        points = [(float(i) + 0.5, float(y[i])) for i in range(first, last + 1)]
        yield svg.path(points if len(points) > 1 else [points[0], (points[0][0] + 1, points[0][1])], "mean")


def _runs(known: np.ndarray) -> list[tuple[int, int]]:
    """First and last column of every stretch of known ones."""
    at = np.flatnonzero(known)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > 1)
    return [(int(part[0]), int(part[-1])) for part in np.split(at, breaks + 1)]


def _gate_row(shown: Overview) -> str:
    hatch = (
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="scale(0.75 8) rotate(45)">{svg.line(0, 0, 0, 6, "hatch-line")}</pattern></defs>'
    )
    bars = "".join(_bars(shown.gated, "gated"))
    return _row("Not analysable", shown.gated_value, _LANE_PX, shown.duration_s, _plot(hatch, bars))


def _lane_row(lane: Lane, duration_s: float) -> str:
    bars = "".join(_bars(lane.height, f"fill {lane.css}"))
    return _row(lane.name, lane.value, _LANE_PX, duration_s, _plot(bars))


def _bars(height: np.ndarray, css: str) -> Iterator[str]:
    """One bar for neighbouring columns of the same height."""
    edges = np.flatnonzero(np.diff(height, prepend=-1.0, append=-1.0))
    for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if height[first] > 0:
            full = 100 * max(float(height[first]), 0.25)
            yield svg.rect(first, 100 - full, max(stop - first, 1.6), full, css)


def _ticks(duration_s: float, start_s: float = 0.0) -> Iterator[str]:
    step = next((s for s in _ROUND_S if duration_s / s <= _MOST_TICKS), ceil(duration_s / _MOST_TICKS))
    n = int(duration_s / step)
    for i in range(n + 1):
        share = 100 * i * step / duration_s
        if (share > 95 and i < n) or share > 100:
            continue
        css = ' class="last"' if share > 95 else ""
        yield f'<span{css} style="left:{share:.3f}%">{clock(start_s + i * step)}</span>'


def stage_rows(
    rows: Sequence[tuple[str, str, np.ndarray, str]], start_s: float, duration_s: float, each_s: float = 0.0
) -> Markup:
    """Moments, or stretches of `each_s`, by row: name, colour, times in s from `start_s` (float (n,)), value."""
    drawn, width = [], max(each_s / duration_s * N_COLUMNS, 1.4)
    for name, css, time_s, value in rows:
        marks = "".join(svg.rect(float(t) / duration_s * N_COLUMNS, 8, width, 84, f"fill {css}") for t in time_s)
        plot = f'<div class="plot" style="height:26px;cursor:default">{_plot(marks)}</div>'
        drawn.append(f'<div class="name">{escape(name)}</div>{plot}<div class="value">{escape(value)}</div>')
    ticks = "".join(_ticks(duration_s, start_s))
    return Markup(
        f'<div class="overview wide">{"".join(drawn)}<div></div><div class="ticks">{ticks}</div><div></div></div>'
    )
