"""Energy by part of the system, with its range."""

from collections.abc import Mapping

from markupsafe import Markup

from ....firmware_export.energy.ranges import Range
from ...report import svg

__all__ = ["energy_bars"]

_WIDTH, _ROW, _LEFT, _RIGHT = 460.0, 30.0, 92.0, 66.0
_NAMES = {"mcu": "computing", "sleep": "sleep", "afe": "front end", "radio": "radio", "total": "all"}


def energy_bars(parts: Mapping[str, Range]) -> Markup:
    """One bar a part, all on one scale."""
    most = max(part.high for part in parts.values()) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    rows = [svg.group(0, i * _ROW, *_bar(name, part, scale, i)) for i, (name, part) in enumerate(parts.items())]
    label = ", ".join(
        f"{_NAMES.get(name, name)} {_digits(part.typical)} microjoule" for name, part in parts.items()
    )
    return svg.picture(_WIDTH, _ROW * len(parts), label, *rows)


def _bar(name: str, part: Range, scale: float, row: int) -> list[str]:
    middle = _ROW / 2
    low, high = _LEFT + part.low * scale, _LEFT + part.high * scale
    return [
        svg.text(_LEFT - 8, middle + 4, _NAMES.get(name, name), "", "end"),
        svg.rect(
            _LEFT, 6, part.typical * scale, _ROW - 12, f"part-{min(row, 3)}" if name != "total" else "part-1"
        ),
        svg.line(low, middle, high, middle, "whisker"),
        svg.text(max(high, _LEFT + part.typical * scale) + 7, middle + 4, _digits(part.typical), "tabular"),
    ]


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
