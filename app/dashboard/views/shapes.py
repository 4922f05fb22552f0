"""Classes as a letter, a shape and a colour each: none of the three has to be seen for the other two to tell."""

from math import cos, pi, sin

from ...report import svg

__all__ = ["CLASS_NAMES", "EVENT_CODES", "badge", "css_class", "mark"]

CLASS_NAMES = {
    "N": "normal",
    "S": "supraventricular",
    "V": "ventricular",
    "F": "fusion",
    "Q": "paced or unknown",
    "gated": "not analysable",
}
EVENT_CODES = {
    "ventricular_fibrillation": "VF",
    "seizure": "SZ",
    "ventricular_run": "VR",
    "pause": "P",
    "atrial_fibrillation": "AF",
    "ventricular_couplet": "VV",
    "supraventricular_run": "SR",
    "ventricular_bigeminy": "VB",
    "supraventricular_couplet": "SS",
}
_SIDES = {"S": (3, pi / 2), "V": (4, pi / 4), "F": (4, pi / 2), "Q": (6, 0.0)}
"""Corners, and the angle of the first one: triangle, square, diamond, hexagon."""


def css_class(name: str) -> str:
    """The style sheet's class that carries the colour of a beat class or of a kind of event."""
    if name in CLASS_NAMES:
        return f"c-{name}"
    if name.startswith("ventricular"):
        return "c-V"
    if name.startswith("supraventricular"):
        return "c-S"
    return {"atrial_fibrillation": "c-af", "seizure": "c-seizure", "pause": "c-pause"}.get(name, "c-event")


def mark(letter: str, size: float) -> str:
    """The shape of a class around the origin; a normal beat is an open circle, a gated one a dash."""
    css = css_class(letter)
    if letter in _SIDES:
        n, first = _SIDES[letter]
        angles = [first + 2 * pi * i / n for i in range(n)]
        points = " ".join(f"{size * cos(a):.2f},{-size * sin(a):.2f}" for a in angles)
        return f'<polygon points="{points}" class="fill {css}"/>'
    if letter == "N":
        return f'<circle r="{0.75 * size:.2f}" class="hollow {css}"/>'
    return svg.rect(-size, -size / 4, 2 * size, size / 2, f"fill {css}")


def badge(kind: str) -> str:
    """A class as letter and shape, an event as its two letters, for a list."""
    if kind in CLASS_NAMES:
        letter, shape = kind, svg.group(12, 18, mark(kind, 5.0))
        return (
            f'<svg class="badge" width="24" height="24" aria-hidden="true">{_text(10, letter, kind)}{shape}</svg>'
        )
    frame = f'<rect x="1" y="4" width="22" height="16" rx="3" class="fill {css_class(kind)}" fill-opacity="0.16"/>'
    code = EVENT_CODES.get(kind, kind[:2].upper())
    return f'<svg class="badge" width="24" height="24" aria-hidden="true">{frame}{_text(16, code, kind)}</svg>'


def _text(y: float, letters: str, kind: str) -> str:
    return svg.text(12, y, letters, f"ink {css_class(kind)}", "middle")
