"""A strip of ECG on paper, with what the gate rejected, what was decided, and where each decision fell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from markupsafe import Markup

from . import svg
from .energy_strip import PANEL_MM, energy_panel

__all__ = ["strip_figure"]

_MM_PER_S, _MM_PER_MV = 25.0, 10.0
_ROW_S = 10.0
_LEFT_MM, _RIGHT_MM, _LETTERS_MM, _LANE_MM, _TIME_MM = 19.0, 4.0, 9.0, 4.5, 7.0
_STAGES = ("gate", "screen", "specialist")
_MV_LIMITS = (-2.5, 3.5)
_MARK_MM = 2.6


@dataclass(frozen=True)
class _Paper:
    """What all rows share: the range in mV, and the length of a row in s."""

    low_mv: float
    high_mv: float
    row_s: float
    energy_mm: float = 0.0

    @property
    def ecg_mm(self) -> float:
        return (self.high_mv - self.low_mv) * _MM_PER_MV

    @property
    def width_mm(self) -> float:
        return _LEFT_MM + self.row_s * _MM_PER_S + _RIGHT_MM

    @property
    def row_mm(self) -> float:
        return _LETTERS_MM + self.ecg_mm + len(_STAGES) * _LANE_MM + self.energy_mm + _TIME_MM

    @property
    def lanes_mm(self) -> float:
        return _LETTERS_MM + self.ecg_mm + 1.0


def strip_figure(strip: Mapping[str, Any]) -> Markup:
    """Draw the ``strip`` of a report: 25 mm/s, 10 mm/mV, rows of 10 s; its ``energy`` under it, if any."""
    mv = np.array([np.nan if v is None else v for v in strip["mv"]], np.float64)
    mv = np.nan_to_num(mv - np.nanmedian(mv))
    seconds = len(mv) / strip["fs_hz"]
    paper = _Paper(*_range_mv(mv), min(_ROW_S, seconds), PANEL_MM if "energy" in strip else 0.0)
    n_rows = max(1, ceil(seconds / paper.row_s - 0.05))
    rows = [svg.group(0, i * paper.row_mm, *_row(strip, mv, paper, i * paper.row_s)) for i in range(n_rows)]
    label = f"ECG of record {strip['record']}, lead {strip['lead']}, {seconds:.0f} s, with decided classes"
    return svg.picture(paper.width_mm, n_rows * paper.row_mm, label, _patterns(), *rows)


def _range_mv(mv: np.ndarray) -> tuple[float, float]:
    """Lower and upper edge in mV on lines of the paper's coarse grid."""
    low, high = max(float(mv.min()), _MV_LIMITS[0]), min(float(mv.max()), _MV_LIMITS[1])
    return min(floor(low * 2 - 0.2) / 2, -0.5), max(ceil(high * 2 + 0.2) / 2, 1.0)


def _patterns() -> str:
    return svg.hatch("hatch", 2.0, "hatch-line") + "".join(
        f'<defs><pattern id="{name}" width="{mm}" height="{mm}" patternUnits="userSpaceOnUse">'
        f'<path d="M{mm} 0H0V{mm}" class="{name}-line"/></pattern></defs>'
        for name, mm in (("fine", 1), ("coarse", 5))
    )


def _row(strip: Mapping[str, Any], mv: np.ndarray, paper: _Paper, start_s: float) -> Iterator[str]:
    """Everything of one row; times in `strip` count from the start of the recording."""
    origin_s = strip["start_s"] + start_s
    yield svg.group(_LEFT_MM, _LETTERS_MM, *_paper_and_trace(strip, mv, paper, start_s))
    yield from _lanes(paper)
    yield svg.group(_LEFT_MM, 0, *_rejected(strip["rejected"], paper, origin_s))
    for beat in strip["beats"]:
        x = (beat["time_s"] - origin_s) * _MM_PER_S
        if 0 <= x < paper.row_s * _MM_PER_S:
            yield svg.group(_LEFT_MM + x, 0, *_beat(beat, paper))
    if "energy" in strip:
        y = paper.lanes_mm + len(_STAGES) * _LANE_MM
        yield svg.group(_LEFT_MM, y, *energy_panel(strip["energy"], start_s, paper.row_s, _MM_PER_S))
    yield svg.group(_LEFT_MM, 0, *_time_axis(paper, origin_s))


def _paper_and_trace(strip: Mapping[str, Any], mv: np.ndarray, paper: _Paper, start_s: float) -> Iterator[str]:
    width = paper.row_s * _MM_PER_S
    for css in ("paper", "fine", "coarse"):
        yield svg.rect(0, 0, width, paper.ecg_mm, css)
    fs_hz = strip["fs_hz"]
    first, last = round(start_s * fs_hz), min(round((start_s + paper.row_s) * fs_hz), len(mv))
    y = (paper.high_mv - np.clip(mv[first:last], paper.low_mv, paper.high_mv)) * _MM_PER_MV
    x = np.arange(last - first) / fs_hz * _MM_PER_S
    yield svg.path(list(zip(x.tolist(), y.tolist(), strict=True)), "trace")
    zero = paper.high_mv * _MM_PER_MV
    yield svg.path([(-9, zero), (-8, zero), (-8, zero - 10), (-3, zero - 10), (-3, zero), (-2, zero)], "trace")
    yield svg.text(-5.5, zero + 4, "1 mV", "tiny muted", "middle")


def _lanes(paper: _Paper) -> Iterator[str]:
    for i, stage in enumerate(_STAGES):
        y = paper.lanes_mm + (i + 0.5) * _LANE_MM
        yield svg.text(_LEFT_MM - 1.5, y + 1.1, stage, "small muted", "end")
        yield svg.line(_LEFT_MM, y, _LEFT_MM + paper.row_s * _MM_PER_S, y, "lane")


def _rejected(rejected: Sequence[Sequence[float]], paper: _Paper, origin_s: float) -> Iterator[str]:
    for start_s, end_s in _merged(rejected):
        left, right = max(start_s - origin_s, 0.0), min(end_s - origin_s, paper.row_s)
        if right > left:
            x, width = left * _MM_PER_S, (right - left) * _MM_PER_S
            title = f"rejected by the gate: {start_s:.0f} to {end_s:.0f} s"
            yield svg.rect(x, _LETTERS_MM, width, paper.ecg_mm, "rejected", title)
            yield svg.rect(x, paper.lanes_mm, width, _LANE_MM, "rejected", title)


def _merged(stretches: Sequence[Sequence[float]]) -> list[list[float]]:
    """Stretches that touch each other as one."""
    merged: list[list[float]] = []
    for start_s, end_s in sorted(map(list, stretches)):
        if merged and start_s <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end_s)
        else:
            merged.append([start_s, end_s])
    return merged


def _beat(beat: Mapping[str, Any], paper: _Paper) -> Iterator[str]:
    """Decided letter, the reference below it where it differs, and a mark in every lane that was reached."""
    decision, reference = beat["decision"], beat.get("reference")
    is_gated = decision == "gated"
    yield svg.text(0, 4, "\u2013" if is_gated else decision, f"letter ink-{decision}", "middle")
    if not is_gated and reference != decision:
        yield svg.text(0, 7.8, f"ref {reference or 'none'}", "tiny differs", "middle")
    elif is_gated and reference:
        yield svg.text(0, 7.8, f"ref {reference}", "tiny muted", "middle")
    reached = _STAGES.index(beat["stage"])
    for i in range(reached + 1):
        y = paper.lanes_mm + (i + 0.5) * _LANE_MM - _MARK_MM / 2
        css = f"mark fill-{decision}" if i == reached else "mark passed"
        yield svg.rect(-_MARK_MM / 2, y, _MARK_MM, _MARK_MM, css, f"{beat['time_s']:.2f} s: {decision}")


def _time_axis(paper: _Paper, origin_s: float) -> Iterator[str]:
    y = paper.row_mm - 2.0
    for i in range(int(paper.row_s) + 1):
        if i % 2 == 0:
            anchor = "end" if i >= paper.row_s else "middle"
            yield svg.text(i * _MM_PER_S, y, f"{origin_s + i:g} s", "small muted", anchor)
