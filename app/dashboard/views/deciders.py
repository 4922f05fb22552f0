"""What three deciders are and how far they agree, whatever they decide on."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from .case import Figure
from .html import grid

__all__ = ["DECIDERS", "MOST_ROWS", "agreement", "confusion", "counts"]

DECIDERS = ("Float", "Compact", "Device")
MOST_ROWS = 60
"""Differences that a page lists."""

_PAIRS = (("Float and compact", 0, 1), ("Compact and device", 1, 2), ("Float and device", 0, 2))


def agreement(what: str, code: np.ndarray) -> list[Figure]:
    """Figures of how many of `what` are agreed on; `code` is what was decided, integer (n, 3)."""
    n, n_differ = len(code), int((code != code[:, :1]).any(axis=1).sum())
    whole = Figure(
        what.capitalize(), f"{n:,}", f"{n_differ:,} ({100 * n_differ / max(n, 1):.1f} %) are not agreed on"
    )
    return [whole, *(_pair(name, what, code[:, a] != code[:, b]) for name, a, b in _PAIRS)]


def _pair(name: str, what: str, is_unlike: np.ndarray) -> Figure:
    n = int(is_unlike.sum())
    share = 1 - n / max(len(is_unlike), 1)
    return Figure(name, f"{100 * share:.2f} %", f"{n:,} {what} differ" if n else f"no {what[:-1]} differs")


def confusion(names: Sequence[str], code: np.ndarray) -> Markup:
    """How often the float network (rows) decides what where the device (columns) decides what."""
    n = len(names)
    cells = np.zeros((n, n), int)
    np.add.at(cells, (code[:, 0], code[:, 2]), 1)
    rows = [(names[i], *(f"{v:,}" if v else "\u00b7" for v in cells[i].tolist())) for i in range(n)]
    marked = [(i, j + 1) for i in range(n) for j in range(n) if i != j and cells[i, j]]
    return grid(("", *names), rows, marked)


def counts(names: Sequence[str], code: np.ndarray) -> list[tuple[str, ...]]:
    """How often each decides what: rows for `grid` under `DECIDERS`."""
    by_decider = [np.bincount(code[:, i], minlength=len(names)).tolist() for i in range(len(DECIDERS))]
    return [(name, *(f"{by[k]:,}" for by in by_decider)) for k, name in enumerate(names)]
