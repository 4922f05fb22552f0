"""Why a beat was called what it was called: intervals, scores, and how it differs from its normal neighbours."""

from collections.abc import Iterator

import numpy as np
from markupsafe import Markup

from ....signals import CLASSES
from ...analyze.analysis import Analysis
from ...report import svg
from ..pyramid import Pyramid
from .case import Reason
from .clock import clock, span
from .findings import Finding

__all__ = ["shape_difference", "why_beat"]

_BEFORE_S, _AFTER_S = 0.30, 0.45
_NEIGHBOURS = 24
_FEWEST = 3


def why_beat(analysis: Analysis, peak_s: np.ndarray, pyramid: Pyramid, finding: Finding) -> Reason:
    """The reason of a beat or of an event of beats."""
    if finding.row < 0:
        return Reason(tuple(_event_facts(finding)))
    facts = [*_beat_facts(analysis, peak_s, finding)]
    own, typical = _shapes(analysis, peak_s, pyramid, finding.row)
    if typical is None:
        return Reason((*facts, ("Shape", "no normal beats nearby to compare with")))
    likeness, rms = shape_difference(own, typical)
    text = f"correlation {likeness:.2f}, difference {1000 * rms:.0f} \u00b5V rms"
    caption = (
        f"This beat (solid) and the median of its nearest normal beats (dashed), {span(_BEFORE_S + _AFTER_S)}"
    )
    return Reason((*facts, ("Shape against normal", text)), _overlay(own, typical, finding.kind), caption)


def shape_difference(own: np.ndarray, typical: np.ndarray) -> tuple[float, float]:
    """Correlation and root mean square difference of two shapes, float (n,) each, without their means."""
    own, typical = own - own.mean(), typical - typical.mean()
    power = float(np.sqrt((own**2).sum() * (typical**2).sum()))
    return (float((own * typical).sum()) / power if power else 0.0), float(np.sqrt(((own - typical) ** 2).mean()))


def _event_facts(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "Found", finding.note or finding.name
    yield "When", f"{clock(finding.onset_s)}, {span(finding.key.duration_s)}"
    if finding.confidence is not None:
        yield "Confidence", f"{finding.confidence:.2f} (mean of its beats)"


def _beat_facts(analysis: Analysis, peak_s: np.ndarray, finding: Finding) -> Iterator[tuple[str, str]]:
    table, row = analysis.table, finding.row
    if finding.confidence is None:
        yield "Stage", "gate: the second around this beat is not analysable"
    else:
        side = "looks abnormal" if table.screen[row] > 0 else "looks normal"
        yield "Stage", f"{finding.stage}; screen {table.screen[row]:+.1f} ({side})"
        yield "Confidence", f"{finding.confidence:.2f} for {finding.kind} (network's share, not calibrated)"
    before, usual = _interval(peak_s, row), _usual(analysis, peak_s, row)
    if before is not None:
        change = (
            f", {100 * (before / usual - 1):+.0f} % of the local median {1000 * usual:.0f} ms" if usual else ""
        )
        yield "RR before", f"{1000 * before:.0f} ms{change}"
    after = _interval(peak_s, row + 1)
    if after is not None:
        yield "RR after", f"{1000 * after:.0f} ms"


def _interval(peak_s: np.ndarray, row: int) -> float | None:
    return float(peak_s[row] - peak_s[row - 1]) if 0 < row < len(peak_s) else None


def _usual(analysis: Analysis, peak_s: np.ndarray, row: int) -> float | None:
    """Median RR interval between normal beats nearby."""
    first, last = max(row - _NEIGHBOURS, 1), min(row + _NEIGHBOURS, len(peak_s))
    label = analysis.table.label
    both = (label[first:last] == 0) & (label[first - 1 : last - 1] == 0)
    intervals = np.diff(peak_s[first - 1 : last])[both]
    return float(np.median(intervals)) if len(intervals) >= _FEWEST else None


def _shapes(
    analysis: Analysis, peak_s: np.ndarray, pyramid: Pyramid, row: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """The beat, and the median of the nearest normal ones: float (n,) in the unit of the channel."""
    first, last = max(row - _NEIGHBOURS, 0), min(row + _NEIGHBOURS, len(peak_s))
    rows = np.arange(first, last)
    normal = rows[(analysis.table.label[first:last] == 0) & (rows != row)]
    own = _cut(pyramid, float(peak_s[row]))
    others = [_cut(pyramid, float(t)) for t in peak_s[normal]]
    same = [shape for shape in others if len(shape) == len(own) and np.isfinite(shape).all()]
    if len(same) < _FEWEST or not np.isfinite(own).all():
        return own, None
    return own, np.median(same, axis=0)


def _cut(pyramid: Pyramid, at_s: float) -> np.ndarray:
    n = round((_BEFORE_S + _AFTER_S) * pyramid.fs_hz)
    start_s = round((at_s - _BEFORE_S) * pyramid.fs_hz) / pyramid.fs_hz
    return pyramid.samples(start_s, start_s + (n - 0.5) / pyramid.fs_hz)[1]


def _overlay(own: np.ndarray, typical: np.ndarray, kind: str) -> Markup:
    width, height = 220.0, 110.0
    own, typical = own - np.median(own), typical - np.median(typical)
    low, high = min(own.min(), typical.min()), max(own.max(), typical.max())
    scale = (height - 10) / max(high - low, 1e-6)

    def points(shape: np.ndarray) -> list[tuple[float, float]]:
        x = np.linspace(4, width - 4, len(shape))
        return list(zip(x.tolist(), (5 + (high - shape) * scale).tolist(), strict=True))

    kind = kind if kind in CLASSES else "gated"
    parts = svg.path(points(typical), "typical"), svg.path(points(own), f"own line c-{kind}")
    return svg.picture(width, height, "This beat over the normal beats nearby", *parts)
