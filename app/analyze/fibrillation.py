"""Ventricular fibrillation by the alarm, in seconds that come in batches."""

import numpy as np

from ...models.alarm_model import WINDOW, alarm_spans, standing
from .beat_events import Event

__all__ = ["FibrillationFinder"]

_KIND = "ventricular_fibrillation"
_NOTE = "fibrillation or flutter by the alarm, {:.0f} s; research use only"


class FibrillationFinder:
    """`fibrillation_events` of seconds that come in batches; keeps only those since the last quiet window."""

    def __init__(self) -> None:
        self._first, self._is_positive = 0, np.empty(0, np.bool_)

    def add(self, is_positive: np.ndarray) -> list[Event]:
        """Events that are over, of these seconds, bool (n,), and of those before them."""
        self._is_positive = np.concatenate((self._is_positive, is_positive))
        quiet = np.flatnonzero(~standing(self._is_positive, WINDOW, 1))
        return self._judge(int(quiet[-1]) + 1) if len(quiet) else []

    def close(self) -> list[Event]:
        """The event that goes on to the end of the recording."""
        return self._judge(len(self._is_positive))

    def _judge(self, n: int) -> list[Event]:
        part, first = self._is_positive[:n], self._first
        self._first, self._is_positive = first + n, self._is_positive[n:]
        spans = alarm_spans(standing(part), part)
        return [Event(float(first + a), float(b - a), _KIND, note=_NOTE.format(b - a)) for a, b in spans]
