"""A stretch of one lead on ECG paper: 25 mm/s and 10 mm/mV, with beats, gate and the scores of both stages.

Lengths are millimetres of paper: the picture scales with the page, its proportions stay true, and it prints in
true size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from markupsafe import Markup, escape

from ...report import svg
from .clock import clock
from .shapes import CLASS_NAMES, css_class, mark

__all__ = ["ROW_S", "Paper", "PaperBeat", "Stretch", "paper_strip"]

ROW_S = 10.0
_LEFT, _RIGHT, _TOP, _LANE, _GAP, _TIME = 20.0, 3.0, 9.5, 7.5, 1.2, 5.5
_LANES = ("screen", "specialist")
_SCREEN_SPAN = 6.0
_LIMITS_MV = (-3.0, 4.0)


@dataclass(frozen=True)
class Paper:
    """How the paper runs: mm a second, mm a millivolt."""

    mm_per_s: float = 25.0
    mm_per_mv: float = 10.0


@dataclass(frozen=True)
class PaperBeat:
    """A beat on the paper.

    Attributes
    ----------
    time_s : R peak
    letter : class, or ``gated``
    was : the cascade's class where a reviewer changed it
    screen, share : scores of the stages; None where a stage did not run
    key : sent back when it is picked
    is_picked : it is what is being reviewed
    """

    time_s: float
    letter: str
    was: str | None
    screen: float | None
    share: float | None
    key: str
    is_picked: bool = False


@dataclass(frozen=True)
class Stretch:
    """What the paper shows: `mv` is float (n,), nan where there is no sample; spans are onset and end in s."""

    start_s: float
    stop_s: float
    lead: str
    time_s: np.ndarray
    mv: np.ndarray
    beats: Sequence[PaperBeat]
    rejected: Sequence[tuple[float, float]]
    events: Sequence[tuple[float, float]] = ()


def paper_strip(stretch: Stretch, paper: Paper = Paper()) -> Markup:
    """Draw it in rows of 10 s (at 25 mm/s)."""
    row_s = min(ROW_S * 25.0 / paper.mm_per_s, stretch.stop_s - stretch.start_s)
    n_rows = max(ceil((stretch.stop_s - stretch.start_s) / row_s - 0.01), 1)
    sheet = _Sheet(paper, row_s, *_range_mv(stretch.mv))
    rows = [
        svg.group(0, i * sheet.height, *sheet.row(stretch, stretch.start_s + i * row_s)) for i in range(n_rows)
    ]
    label = f"ECG, lead {stretch.lead}, from {clock(stretch.start_s)} to {clock(stretch.stop_s)}"
    drawn = svg.picture(sheet.width, n_rows * sheet.height, label, _patterns(), *rows)
    return Markup('<div class="strip" style="--mm:{:g}mm">{}</div>').format(sheet.width, drawn)


def _range_mv(mv: np.ndarray) -> tuple[float, float]:
    """Lower and upper edge on the coarse grid, around the median."""
    known = mv[np.isfinite(mv)]
    if not len(known):
        return -1.0, 1.5
    low, high = (max(min(float(v), _LIMITS_MV[1]), _LIMITS_MV[0]) for v in (known.min(), known.max()))
    return min(floor(low * 2 - 0.2) / 2, -0.5), max(ceil(high * 2 + 0.2) / 2, 1.5)


def _patterns() -> str:
    grids = "".join(
        f'<defs><pattern id="{name}" width="{mm}" height="{mm}" patternUnits="userSpaceOnUse">'
        f'<path d="M{mm} 0H0V{mm}" class="{name}-line"/></pattern></defs>'
        for name, mm in (("fine", 1), ("coarse", 5))
    )
    return grids + svg.hatch("hatch", 2.0, "hatch-line")


@dataclass(frozen=True)
class _Sheet:
    """Where things lie in a row."""

    paper: Paper
    row_s: float
    low_mv: float
    high_mv: float

    @property
    def ecg(self) -> float:
        return (self.high_mv - self.low_mv) * self.paper.mm_per_mv

    @property
    def long(self) -> float:
        return self.row_s * self.paper.mm_per_s

    @property
    def width(self) -> float:
        return _LEFT + self.long + _RIGHT

    @property
    def lanes(self) -> float:
        return _TOP + self.ecg + _GAP

    @property
    def height(self) -> float:
        return self.lanes + len(_LANES) * (_LANE + _GAP) + _TIME

    def row(self, stretch: Stretch, start_s: float) -> Iterator[str]:
        """Everything of the row that begins at `start_s`."""
        stop_s = start_s + self.row_s
        yield svg.group(_LEFT, _TOP, *self._grid(), *self._spans(stretch, start_s))
        yield svg.group(_LEFT, _TOP, self._trace(stretch, start_s))
        yield svg.group(_LEFT, _TOP, *self._calibration(stretch.lead))
        yield from self._lanes()
        axis = f'data-axis="{start_s:.4f},{stop_s:.4f}" data-drag=""'
        yield f'<rect x="{_LEFT}" y="0" width="{self.long:g}" height="{self.height:g}" class="axis" {axis}/>'
        for beat in stretch.beats:
            if start_s <= beat.time_s < stop_s:
                yield self._beat(beat, _LEFT + (beat.time_s - start_s) * self.paper.mm_per_s)
        yield from self._clock(start_s)

    def _grid(self) -> Iterator[str]:
        for css in ("paper", "fine", "coarse"):
            yield svg.rect(0, 0, self.long, self.ecg, css)

    def _spans(self, stretch: Stretch, start_s: float) -> Iterator[str]:
        for css, spans in (("event", stretch.events), ("gated", stretch.rejected)):
            for begin, end in spans:
                left, right = max(begin - start_s, 0.0), min(end - start_s, self.row_s)
                if right > left:
                    title = f"not analysable: {clock(begin)} to {clock(end)}" if css == "gated" else ""
                    x, width = left * self.paper.mm_per_s, (right - left) * self.paper.mm_per_s
                    yield svg.rect(x, 0, width, self.ecg, css, title)

    def _trace(self, stretch: Stretch, start_s: float) -> str:
        first, last = np.searchsorted(stretch.time_s, (start_s, start_s + self.row_s))
        time_s, mv = stretch.time_s[first : last + 1], stretch.mv[first : last + 1]
        x = (time_s - start_s) * self.paper.mm_per_s
        y = (self.high_mv - np.clip(mv, self.low_mv, self.high_mv)) * self.paper.mm_per_mv
        if not np.isfinite(y).any():
            return ""
        points = "".join(
            map(_stroke, np.split(np.stack([x, y], axis=1), np.flatnonzero(np.diff(np.isfinite(y))) + 1))
        )
        return f'<path d="{points}" class="trace" data-moves=""/>'

    def _calibration(self, lead: str) -> Iterator[str]:
        zero, high = self.high_mv * self.paper.mm_per_mv, self.paper.mm_per_mv
        pulse = [(-9, zero), (-8, zero), (-8, zero - high), (-3, zero - high), (-3, zero), (-2, zero)]
        yield svg.path([(float(x), y) for x, y in pulse], "trace")
        yield svg.text(-5.5, zero + 4.2, "1 mV", "small muted", "middle")
        yield svg.text(-10.5, zero + 0.8, lead, "", "end")

    def _lanes(self) -> Iterator[str]:
        for i, name in enumerate(_LANES):
            y = self.lanes + i * (_LANE + _GAP)
            yield svg.rect(_LEFT, y, self.long, _LANE, "lane")
            base = y + (_LANE / 2 if name == "screen" else _LANE)
            yield svg.line(_LEFT, base, _LEFT + self.long, base, "threshold" if name == "screen" else "base")
            yield svg.text(_LEFT - 1.5, y + _LANE / 2 + 1.1, name, "small muted", "end")

    def _beat(self, beat: PaperBeat, x: float) -> str:
        css = css_class(beat.letter)
        parts = [svg.rect(-3.2, 0, 6.4, self.lanes + 2 * (_LANE + _GAP), "picked")] if beat.is_picked else []
        quiet = "quiet" if beat.letter in ("N", "gated") else "letter ink"
        parts.append(
            svg.text(0, 4.2, "\u2013" if beat.letter == "gated" else beat.letter, f"{quiet} {css}", "middle")
        )
        parts.append(svg.group(0, 7.0, mark(beat.letter, 1.25)))
        if beat.was is not None:
            parts.append(svg.text(2.6, 3.0, beat.was, "small muted was", "start"))
        parts += self._scores(beat, css)
        title = f"{clock(beat.time_s)} {CLASS_NAMES.get(beat.letter, beat.letter)}"
        target = svg.rect(-2.6, 0, 5.2, self.height - _TIME, "axis", title)
        key = f'data-pick="{escape(beat.key)}" transform="translate({x:.2f} 0)"'
        return f'<g class="{css}" {key} aria-label="{title}">{"".join(parts)}{target}</g>'

    def _scores(self, beat: PaperBeat, css: str) -> Iterator[str]:
        """Screen: up looks abnormal, down normal. Specialist: share of the decided class."""
        if beat.screen is not None:
            middle = self.lanes + _LANE / 2
            length = max(min(beat.screen / _SCREEN_SPAN, 1.0), -1.0) * _LANE / 2
            yield svg.rect(-0.9, middle - max(length, 0.0), 1.8, abs(length), f"fill {css}")
        if beat.share is not None:
            bottom = self.lanes + 2 * _LANE + _GAP
            yield svg.rect(-0.9, bottom - beat.share * _LANE, 1.8, beat.share * _LANE, f"fill {css}")

    def _clock(self, start_s: float) -> Iterator[str]:
        y, n = self.height - 1.2, int(self.row_s)
        for i in range(0, n + 1, 2 if n > 5 else 1):
            anchor = "start" if i == 0 else "end" if i == self.row_s else "middle"
            yield svg.text(_LEFT + i * self.paper.mm_per_s, y, clock(start_s + i), "small muted tabular", anchor)


def _stroke(points: np.ndarray) -> str:
    """A line through points, float (n, 2); none through missing ones."""
    if not len(points) or not np.isfinite(points[0, 1]):
        return ""
    return "M" + "L".join(["%.2f %.2f"] * len(points)) % tuple(points.ravel().tolist())
