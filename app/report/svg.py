"""A few SVG elements as text; colours come from the classes of the page's style sheet."""

from markupsafe import Markup, escape

__all__ = ["dot", "group", "hatch", "line", "path", "picture", "rect", "text"]


def picture(width: float, height: float, label: str, *parts: str) -> Markup:
    """An ``<svg>`` that scales with its column; `label` is read out by screen readers."""
    view = f'viewBox="0 0 {_n(width)} {_n(height)}"'
    return Markup(
        f'<svg {view} role="img" aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def group(dx: float, dy: float, *parts: str) -> str:
    """Parts moved by (dx, dy)."""
    return f'<g transform="translate({_n(dx)} {_n(dy)})">{"".join(parts)}</g>'


def rect(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    """A rectangle; `title` shows on hovering."""
    shape = f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(height)}" class="{css}"'
    return f"{shape}><title>{escape(title)}</title></rect>" if title else f"{shape}/>"


def dot(x: float, y: float, radius: float, css: str, title: str = "") -> str:
    """A circle; `title` shows on hovering."""
    shape = f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" class="{css}"'
    return f"{shape}><title>{escape(title)}</title></circle>" if title else f"{shape}/>"


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """A straight line."""
    return f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" class="{css}"/>'


def path(points: list[tuple[float, float]], css: str) -> str:
    """A polyline."""
    return f'<path d="M{"L".join(f"{_n(x)} {_n(y)}" for x, y in points)}" class="{css}"/>' if points else ""


def text(x: float, y: float, content: object, css: str = "", anchor: str = "start") -> str:
    """A line of text."""
    return f'<text x="{_n(x)}" y="{_n(y)}" class="{css}" text-anchor="{anchor}">{escape(content)}</text>'


def hatch(name: str, step: float, css: str) -> str:
    """A pattern of diagonal lines, to be used as ``fill:url(#name)``."""
    return (
        f'<defs><pattern id="{name}" width="{_n(step)}" height="{_n(step)}" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)">{line(0, 0, 0, step, css)}</pattern></defs>'
    )


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
