"""A stretch of EEG: one row a channel, seconds ruled, a scale in microvolt, the scores of both stages below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from ...report import svg
from .clock import clock

__all__ = ["EegStretch", "montage_view"]

_ROW_PX, _LANE_PX = 25, 26
_COLUMNS = 800
_TENTHS = 10
"""Vertical units of the picture to a pixel."""
_SCORE_SPAN = 2.5
_HATCH = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
    f'patternTransform="scale(1.75 {_TENTHS}) rotate(45)">{svg.line(0, 0, 0, 7, "hatch-line")}</pattern></defs>'
)
"""Diagonals that look so although the picture is stretched."""
_MOST_LABELS = 10


@dataclass(frozen=True)
class EegStretch:
    """What is shown.

    Attributes
    ----------
    start_s, stop_s : which part
    names : of the channels
    recorded : bool (n_channels,), False for channels that the recording does not hold
    uv : float (n, n_channels), evenly spaced over the part
    uv_per_row : how many microvolt the distance between two rows is
    rejected : bool (n_seconds, n_channels) from second ``int(start_s)`` on, or None
    lanes : name, score of every second from ``int(start_s)`` on (float, nan for none), threshold
    events : onset, end, key and whether it is the one in review
    """

    start_s: float
    stop_s: float
    names: Sequence[str]
    recorded: np.ndarray
    uv: np.ndarray
    uv_per_row: float
    rejected: np.ndarray | None = None
    lanes: Sequence[tuple[str, np.ndarray, float]] = ()
    events: Sequence[tuple[float, float, str, bool]] = ()

    @property
    def span_s(self) -> float:
        return self.stop_s - self.start_s


def montage_view(shown: EegStretch) -> Markup:
    """Draw it; a drag moves it, a click on an event takes that into review."""
    n = len(shown.names)
    height = (n + 1) * _ROW_PX
    waves = "".join(f'<path class="wave" data-moves="" d="{d}"/>' for d in _waves(shown))
    inside = "".join([_HATCH, *_seconds(shown, height), *_gated(shown), *_events(shown, height), waves])
    view = f'viewBox="0 0 {2 * _COLUMNS} {height * _TENTHS}" preserveAspectRatio="none"'
    label = f"EEG, {n} channels, from {clock(shown.start_s)} to {clock(shown.stop_s)}"
    axis = f'data-axis="{shown.start_s:.4f},{shown.stop_s:.4f}" data-drag=""'
    picture = f'<svg {view} role="img" aria-label="{label}">{inside}</svg>'
    names = "".join(
        f'<span class="{"" if is_there else "muted"}" style="top:{(i + 1) * _ROW_PX}px">{escape(name)}</span>'
        for i, (name, is_there) in enumerate(zip(shown.names, shown.recorded, strict=True))
    )
    plot = f'<div class="plot" {axis} style="height:{height}px">{picture}{_scale(shown)}</div>'
    lanes = "".join(_lane(shown, *lane) for lane in shown.lanes)
    ticks = f'<div></div><div class="ticks">{"".join(_ticks(shown))}</div>'
    column = f'<div class="names" style="height:{height}px">{names}</div>'
    return Markup(f'<div class="montage">{column}{plot}{lanes}{ticks}</div>')


def _waves(shown: EegStretch) -> Iterator[str]:
    """Per channel the lowest and highest value of every column, from left to right."""
    middle = shown.uv - np.nanmedian(shown.uv, axis=0, keepdims=True) if len(shown.uv) else shown.uv
    scale = _ROW_PX * _TENTHS / shown.uv_per_row
    for i, is_there in enumerate(shown.recorded):
        if is_there and len(middle):
            base = (i + 1) * _ROW_PX * _TENTHS
            yield _path(np.rint(base - _low_high(middle[:, i]) * scale).astype(np.int64))


def _low_high(values: np.ndarray) -> np.ndarray:
    """Float (n,) as at most two values for each of the columns, in an order that keeps the line's way."""
    values = np.nan_to_num(values)
    if len(values) <= 2 * _COLUMNS:
        at = np.linspace(0, len(values) - 1, 2 * _COLUMNS)
        return np.interp(at, np.arange(len(values)), values)
    edges = np.arange(_COLUMNS) * len(values) // _COLUMNS
    low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
    rises = values[edges] <= values[np.append(edges[1:], len(values)) - 1]
    return np.stack([np.where(rises, low, high), np.where(rises, high, low)], axis=1).ravel()


def _path(y: np.ndarray) -> str:
    steps = "".join(f"1 {d} " for d in np.diff(y).tolist())
    return f"M0 {y[0]}l{steps}"


def _x(shown: EegStretch, at_s: float) -> float:
    return min(max((at_s - shown.start_s) / shown.span_s, 0.0), 1.0) * 2 * _COLUMNS


def _seconds(shown: EegStretch, height: int) -> Iterator[str]:
    step = max(1, round(shown.span_s / 30))
    for second in range(int(np.ceil(shown.start_s)), int(shown.stop_s) + 1, step):
        x = _x(shown, second)
        yield svg.line(x, 0, x, height * _TENTHS, "second")


def _gated(shown: EegStretch) -> Iterator[str]:
    if shown.rejected is None:
        return
    first = int(shown.start_s)
    for second, channel in np.argwhere(shown.rejected & shown.recorded):
        left, right = _x(shown, first + second), _x(shown, first + second + 1)
        if right > left:
            yield svg.rect(left, (channel + 0.5) * _ROW_PX * _TENTHS, right - left, _ROW_PX * _TENTHS, "gated")


def _events(shown: EegStretch, height: int) -> Iterator[str]:
    for onset_s, end_s, key, is_picked in shown.events:
        left, right = _x(shown, onset_s), _x(shown, end_s)
        if right > left:
            box = svg.rect(left, 0, right - left, height * _TENTHS, "seizure-picked" if is_picked else "seizure")
            yield f'<g data-pick="{escape(key)}">{box}</g>'


def _scale(shown: EegStretch) -> str:
    """A bar of a round number of microvolt."""
    uv = shown.uv_per_row * 2
    return f'<div class="uv" style="height:{2 * _ROW_PX}px;bottom:6px">{uv:g} \u00b5V</div>'


def _lane(shown: EegStretch, name: str, score: np.ndarray, threshold: float) -> str:
    """A bar a second: up is above the threshold."""
    first, bars = int(shown.start_s), []
    for i, value in enumerate(score):
        left, right = _x(shown, first + i), _x(shown, first + i + 1)
        if np.isfinite(value) and right > left:
            length = 50 * max(min((value - threshold) / _SCORE_SPAN, 1.0), -1.0)
            css = "fill c-V" if length > 0 else "fill c-N"
            bars.append(svg.rect(left + 2, 50 - max(length, 0.0), right - left - 4, max(abs(length), 1.5), css))
    line = svg.line(0, 50, 2 * _COLUMNS, 50, "second")
    view = f'viewBox="0 0 {2 * _COLUMNS} 100" preserveAspectRatio="none"'
    drawn = f'<svg {view} aria-hidden="true">{line}{"".join(bars)}</svg>'
    plot = f'<div class="plot" style="height:{_LANE_PX}px">{drawn}</div>'
    return f'<div class="lane-name muted">{escape(name)}</div>{plot}'


def _ticks(shown: EegStretch) -> Iterator[str]:
    step = max(1, round(shown.span_s / _MOST_LABELS))
    for second in range(int(np.ceil(shown.start_s)), int(shown.stop_s) + 1, step):
        share = 100 * (second - shown.start_s) / shown.span_s
        css = ' class="last"' if share > 96 else ""
        yield f'<span{css} style="left:{share:.2f}%">{clock(second)}</span>'
