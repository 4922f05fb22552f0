"""A PDF page in millimetres from its upper left corner, and strips of ECG and EEG drawn on it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, floor

import numpy as np
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from .export import Strip

__all__ = [
    "PAGE_MM",
    "PAGE_POINTS",
    "Paper",
    "clock",
    "draw_ecg",
    "draw_eeg",
    "ecg_height_mm",
    "fitted",
    "printable",
]

PAGE_MM = (297.0, 210.0)
"""A4 across: 10 s at 25 mm/s fit."""

_POINTS = 72 / 25.4
PAGE_POINTS = PAGE_MM[0] * _POINTS, PAGE_MM[1] * _POINTS
_MM_PER_S, _MM_PER_MV = 25.0, 10.0
_MV_LIMITS = (-2.5, 3.5)
_FINE, _COARSE, _INK = HexColor("#f6d5cf"), HexColor("#e7a99c"), HexColor("#111111")
_MUTED, _SHADE = HexColor("#555555"), HexColor("#d9d9d9")
_UV_PER_MM = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000, 2000, 5000)
_EEG_HEIGHT_MM, _EEG_ROW_MM = 126.0, 12.0

Points = Iterable[tuple[float, float]]


class Paper:
    """A canvas with lengths in mm; `y` counts downwards."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def text(
        self, x: float, y: float, text: str, size: float = 8, bold: bool = False, anchor: str = "start"
    ) -> None:
        """One line; letters outside of Western European ones become ``?``."""
        text = printable(text)
        self.canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
        place = x * _POINTS, (PAGE_MM[1] - y) * _POINTS, text
        {
            "start": self.canvas.drawString,
            "middle": self.canvas.drawCentredString,
            "end": self.canvas.drawRightString,
        }[anchor](*place)

    def lines(self, segments: Iterable[Sequence[float]], colour: Color, width_mm: float) -> None:
        """Straight lines, each x, y, x, y."""
        self._pen(colour, width_mm)
        height = PAGE_MM[1]
        self.canvas.lines(
            [(a * _POINTS, (height - b) * _POINTS, c * _POINTS, (height - d) * _POINTS) for a, b, c, d in segments]
        )

    def curve(self, points: Points, colour: Color, width_mm: float) -> None:
        """One line through points; it breaks where a coordinate is nan."""
        self._pen(colour, width_mm)
        path, is_on = self.canvas.beginPath(), False
        for x, y in points:
            if x != x or y != y:
                is_on = False
                continue
            place = round(x * _POINTS, 2), round((PAGE_MM[1] - y) * _POINTS, 2)
            (path.lineTo if is_on else path.moveTo)(*place)
            is_on = True
        self.canvas.drawPath(path)

    def box(self, x: float, y: float, width: float, height: float, colour: Color) -> None:
        """A filled rectangle."""
        self.canvas.setFillColor(colour)
        self.canvas.rect(
            x * _POINTS, (PAGE_MM[1] - y - height) * _POINTS, width * _POINTS, height * _POINTS, stroke=0, fill=1
        )
        self.canvas.setFillColor(_INK)

    def stamp(self, name: str, x: float, y: float, draw: Callable[[], None]) -> None:
        """What `draw` draws from the page's corner, moved to a place; drawn once for all places."""
        if not self.canvas.hasForm(name):
            self.canvas.beginForm(name)
            draw()
            self.canvas.endForm()
        self.canvas.saveState()
        self.canvas.translate(x * _POINTS, -y * _POINTS)
        self.canvas.doForm(name)
        self.canvas.restoreState()

    def _pen(self, colour: Color, width_mm: float) -> None:
        self.canvas.setStrokeColor(colour)
        self.canvas.setLineWidth(width_mm * _POINTS)
        self.canvas.setLineJoin(1)


def printable(text: str) -> str:
    """What the built-in fonts can show, in one line."""
    return " ".join(text.split()).encode("cp1252", "replace").decode("cp1252")


def fitted(text: str, width_mm: float, size: float = 8) -> str:
    """The text, cut off with an ellipsis where it is wider than the width."""
    text = printable(text)
    if stringWidth(text, "Helvetica", size) <= width_mm * _POINTS:
        return text
    while text and stringWidth(text + "\u2026", "Helvetica", size) > width_mm * _POINTS:
        text = text[:-1]
    return text.rstrip() + "\u2026"


def clock(time_s: float, decimals: int = 3) -> str:
    """Hours, minutes and seconds from the start of the recording, ``1:02:03.456``."""
    whole = round(time_s * 10**decimals)
    seconds, part = divmod(whole, 10**decimals)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{part:0{decimals}d}" if decimals else text


def ecg_height_mm(strip: Strip) -> float:
    """Height of a strip's paper."""
    low, high = _range_mv(_levelled(strip))
    return (high - low) * _MM_PER_MV


def draw_ecg(paper: Paper, strip: Strip, x: float, y: float, event: tuple[float, float]) -> float:
    """Draw the first channel on ECG paper: 25 mm/s, 10 mm/mV, grid of 1 and 5 mm, calibration pulse, letters.

    Parameters
    ----------
    x, y : upper left corner of the paper; letters stand above it, the time below
    event : onset and end in s, marked by a bar below the paper

    Returns
    -------
    y of the lower end of everything
    """
    mv = _levelled(strip)
    low, high = _range_mv(mv)
    width, height = strip.duration_s * _MM_PER_S, (high - low) * _MM_PER_MV
    _shade(paper, strip, x, y, height)
    paper.stamp(f"ecg-{width:.1f}-{height:.0f}", x, y, lambda: _grid(paper, width, height))
    zero = y + high * _MM_PER_MV
    heights = y + (high - np.clip(mv, low, high)) * _MM_PER_MV
    paper.curve(_curve(x, strip, heights, _MM_PER_S), _INK, 0.2)
    pulse = [(-9, 0), (-7.5, 0), (-7.5, -_MM_PER_MV), (-2.5, -_MM_PER_MV), (-2.5, 0), (-1, 0)]
    paper.curve([(x + dx, zero + dy) for dx, dy in pulse], _INK, 0.25)
    paper.text(x - 5, zero + 3.5, "1 mV", 6, anchor="middle")
    for time_s, letter in strip.marks:
        if 0 <= time_s - strip.start_s <= strip.duration_s:
            paper.text(x + (time_s - strip.start_s) * _MM_PER_S, y - 1.2, letter, 8, bold=True, anchor="middle")
    return _time_axis(paper, strip, x, y + height, event, _MM_PER_S)


def draw_eeg(paper: Paper, strip: Strip, x: float, y: float, event: tuple[float, float]) -> float:
    """Draw the channels of a montage one below the other, negative up, with a scale in uV; else as `draw_ecg`."""
    n = len(strip.channels)
    row = min(_EEG_HEIGHT_MM / n, _EEG_ROW_MM)
    y += row / 2
    height, width = n * row, strip.duration_s * _MM_PER_S
    values = strip.values - np.nan_to_num(_median(strip.values))[:, None]
    uv_per_mm = _sensitivity(values, row)
    _shade(paper, strip, x, y, height)
    seconds = ((x + i * _MM_PER_S, y, x + i * _MM_PER_S, y + height) for i in range(floor(strip.duration_s) + 1))
    paper.lines(seconds, _SHADE, 0.15)
    for i, name in enumerate(strip.channels):
        middle = y + (i + 0.5) * row
        heights = np.clip(middle + values[i] / uv_per_mm, y - row / 2, y + height + row / 2)
        paper.curve(_curve(x, strip, heights, _MM_PER_S), _INK, 0.13)
        paper.text(x - 1.5, middle + 1, name, 6.5, anchor="end")
    bar = max(ceil(row / 2), 5)
    right = x + width + 3
    paper.curve([(right - 1, y), (right + 1, y)], _INK, 0.25)
    paper.curve([(right, y), (right, y + bar), (right - 1, y + bar), (right + 1, y + bar)], _INK, 0.25)
    paper.text(right + 1.8, y + bar / 2 + 1, f"{bar * uv_per_mm} uV", 6.5)
    paper.text(right + 1.8, y + bar / 2 + 4, f"{uv_per_mm} uV/mm", 5.5)
    return _time_axis(paper, strip, x, y + height + row / 2, event, _MM_PER_S)


def _grid(paper: Paper, width: float, height: float) -> None:
    """Lines 1 and 5 mm apart, from the page's corner."""
    for step, colour, pen in ((1, _FINE, 0.08), (5, _COARSE, 0.16)):
        columns = ((i * step, 0, i * step, height) for i in range(floor(width / step) + 1))
        rows = ((0, i * step, width, i * step) for i in range(floor(height / step) + 1))
        paper.lines([*columns, *rows], colour, pen)


def _levelled(strip: Strip) -> np.ndarray:
    """First channel in mV around its median: float (n,)."""
    scale = 1e-3 if strip.unit.lower() == "uv" else 1.0
    values = strip.values[0] * scale
    return values - np.nan_to_num(_median(values[None])[0])


def _median(values: np.ndarray) -> np.ndarray:
    """Of each channel (n_channels, n), nan for one without a valid sample."""
    is_empty = np.isnan(values).all(axis=1)
    median = np.full(len(values), np.nan)
    median[~is_empty] = np.nanmedian(values[~is_empty], axis=1)
    return median


def _range_mv(mv: np.ndarray) -> tuple[float, float]:
    """Lower and upper edge on coarse lines of the paper; what goes beyond -2.5 and 3.5 mV is cut off."""
    valid = mv[~np.isnan(mv)]
    low = max(float(valid.min(initial=0.0)), _MV_LIMITS[0])
    high = min(float(valid.max(initial=0.0)), _MV_LIMITS[1])
    return min(floor(low * 2 - 0.2) / 2, -0.5), max(ceil(high * 2 + 0.2) / 2, 1.5)


def _sensitivity(values: np.ndarray, row_mm: float) -> int:
    """Sensitivity in uV/mm with which a channel as a rule stays within its row."""
    valid = np.abs(values[~np.isnan(values)])
    needed = float(np.percentile(valid, 98)) / (row_mm * 0.75) if len(valid) else 0.0
    return next((step for step in _UV_PER_MM if step >= needed), _UV_PER_MM[-1])


def _curve(x: float, strip: Strip, heights: np.ndarray, mm_per_s: float) -> Iterator[tuple[float, float]]:
    places = x + np.arange(len(heights)) / strip.fs_hz * mm_per_s
    return zip(places.tolist(), heights.tolist(), strict=True)


def _shade(paper: Paper, strip: Strip, x: float, y: float, height: float) -> None:
    for onset_s, end_s in strip.rejected:
        left = max(onset_s - strip.start_s, 0.0)
        right = min(end_s - strip.start_s, strip.duration_s)
        if right > left:
            paper.box(x + left * _MM_PER_S, y, (right - left) * _MM_PER_S, height, _SHADE)
            paper.text(x + left * _MM_PER_S + 1, y + height - 1.2, "not analysable", 6)


def _time_axis(
    paper: Paper, strip: Strip, x: float, y: float, event: tuple[float, float], mm_per_s: float
) -> float:
    """A bar under the event and the time of every other second; y of its lower end."""
    left = min(max(event[0] - strip.start_s, 0.0), strip.duration_s)
    right = min(max(event[1] - strip.start_s, left), strip.duration_s)
    bar = [(x + left * mm_per_s - 0.6, y + 1.2), (x + right * mm_per_s + 0.6, y + 1.2)]
    paper.curve(bar, _INK, 0.8)
    for i in range(0, floor(strip.duration_s) + 1, 2):
        at = x + i * mm_per_s
        paper.text(at, y + 4.6, clock(strip.start_s + i, 2), 6, anchor="start" if i == 0 else "middle")
    return y + 5.5
