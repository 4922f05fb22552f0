"""Seizures among a recording's events, whatever the source calls them."""

from collections.abc import Iterable

import numpy as np

from .recording import Recording

__all__ = ["SEIZURE", "is_seizure", "seizures_of"]

SEIZURE = "seizure"
"""Symbol of the seizures that our readers find."""

_PREFIXES = ("seiz", "sz", "ictal")
"""How others begin: EDF+ notes, and ``sz`` with its kinds in BIDS score (SzCORE, Dan et al. 2024)."""


def is_seizure(symbol: str) -> bool:
    """Whether an event's name says that it is a seizure."""
    return symbol.strip().lower().startswith(_PREFIXES)


def seizures_of(recording: Recording) -> np.ndarray:
    """Onset and end of every seizure in seconds: float64 (n, 2), in time order.

    Events of no duration are left out: a note that a seizure began says nothing of its end.
    """
    events = recording.events
    kept = np.asarray([is_seizure(s) for s in events.symbol.tolist()], dtype=np.bool_) & (events.duration_s > 0)
    onset_s = events.sample[kept] / recording.fs_hz
    return _pairs(zip(onset_s.tolist(), (onset_s + events.duration_s[kept]).tolist(), strict=True))


def _pairs(found: Iterable[tuple[float, float]]) -> np.ndarray:
    return np.asarray(sorted(found), dtype=np.float64).reshape(-1, 2)
