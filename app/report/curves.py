"""Curves and dots of an evaluation report: calibration, risk against coverage, and the spread over recordings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from . import svg

__all__ = ["calibration_figure", "records_figure", "risk_coverage_figure"]

_LEFT, _TOP, _RIGHT, _BOTTOM = 58.0, 12.0, 16.0, 44.0
_TICK = 5.0
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)


@dataclass(frozen=True)
class _Axes:
    """A plotting area and the shares that it shows."""

    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, share: float) -> float:
        low, high = self.x_range
        return _LEFT + (share - low) / (high - low) * (self.width - _LEFT - _RIGHT)

    def y(self, share: float) -> float:
        low, high = self.y_range
        return self.height - _BOTTOM - (share - low) / (high - low) * (self.height - _TOP - _BOTTOM)

    def frame(self, x_label: str, y_label: str) -> Iterator[str]:
        """Axes with ticks in per cent, and their labels."""
        left, right, bottom = self.x(self.x_range[0]), self.x(self.x_range[1]), self.y(self.y_range[0])
        yield svg.line(left, bottom, right, bottom, "axis")
        yield svg.line(left, self.y(self.y_range[1]), left, bottom, "axis")
        for share in _ticks(*self.x_range):
            yield svg.line(self.x(share), bottom, self.x(share), bottom + _TICK, "axis")
            yield svg.text(self.x(share), bottom + 18, _percent(share), "muted", "middle")
        for share in _ticks(*self.y_range):
            yield svg.line(left - _TICK, self.y(share), left, self.y(share), "axis")
            yield svg.text(left - 8, self.y(share) + 4, _percent(share), "muted", "end")
        yield svg.text((left + right) / 2, self.height - 6, x_label, "muted", "middle")
        yield svg.text(left + 8, _TOP + 4, y_label, "muted")


def _percent(share: float) -> str:
    return f"{100 * share:.3g}\u202f%"


def _ticks(low: float, high: float) -> list[float]:
    step = next((s for s in _STEPS if (high - low) / s <= 6), _STEPS[-1])
    first = int(low / step - 1e-9) + (low > 0)
    return [i * step for i in range(first, int(high / step + 1e-9) + 1) if i * step >= low - 1e-9]


def _up(value: float) -> float:
    """The next rounder share, 1 at most."""
    return next((s for s in (*_STEPS, 0.75, 1.0) if s >= value), 1.0)


def calibration_figure(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Accuracy over confidence, a dot per bin with an area by its number of decisions; the diagonal is ideal."""
    low = min([0.1 * int(10 * min(b["confidence"], b["accuracy"])) for b in bins], default=0.0)
    axes = _Axes(430.0, 340.0, (low, 1.0), (low, 1.0))
    largest = max((b["n"] for b in bins), default=1)
    points = [(axes.x(b["confidence"]), axes.y(b["accuracy"])) for b in bins]
    dots = [
        svg.dot(x, y, 2.5 + 9 * (b["n"] / largest) ** 0.5, "mark-dot", f"{b['n']:,} decisions")
        for (x, y), b in zip(points, bins, strict=True)
    ]
    ideal = svg.line(axes.x(low), axes.y(low), axes.x(1.0), axes.y(1.0), "lane-line")
    frame = axes.frame("confidence", "accuracy")
    return svg.picture(430.0, 340.0, "Accuracy over confidence", *frame, ideal, svg.path(points, "curve"), *dots)


def risk_coverage_figure(curve: Sequence[Mapping[str, float]]) -> Markup:
    """Share of wrong decisions over the share of beats that are decided."""
    highest = _up(max((point["risk"] for point in curve), default=0.01))
    axes = _Axes(430.0, 340.0, (0.0, 1.0), (0.0, highest))
    points = [(axes.x(point["coverage"]), axes.y(point["risk"])) for point in curve]
    frame = axes.frame("coverage: beats decided", "risk: wrong decisions")
    return svg.picture(430.0, 340.0, "Risk over coverage", *frame, svg.path(points, "curve"))


def records_figure(per_record: Mapping[str, Mapping[str, float]], figures: Mapping[str, str]) -> Markup:
    """One row of dots per figure, a dot per recording that defines it.

    Parameters
    ----------
    per_record : recording -> figure -> share
    figures : figure -> its name in the picture
    """
    width, row = 780.0, 34.0
    axes = _Axes(width, len(figures) * row + _TOP + _BOTTOM, (0.0, 1.0), (0.0, 1.0))
    left = 150.0
    parts = []
    for i, (key, label) in enumerate(figures.items()):
        y = _TOP + (i + 0.5) * row
        parts.append(svg.text(left - 12, y + 4, label, "", "end"))
        parts.append(svg.line(left, y, width - _RIGHT, y, "lane-line"))
        for name, values in per_record.items():
            value = values.get(key)
            if value is not None and value == value:
                x = left + value * (width - _RIGHT - left)
                parts.append(svg.dot(x, y, 4.0, "mark-dot faint", f"{name}: {100 * value:.1f} %"))
    bottom = _TOP + len(figures) * row + 4
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(
            svg.text(left + share * (width - _RIGHT - left), bottom + 14, _percent(share), "muted", "middle")
        )
    return svg.picture(width, axes.height - 14, "Figures of every recording", *parts)
