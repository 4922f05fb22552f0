"""Rhythm annotations: where a recording's rhythm changes, and stretches of one rhythm."""

from collections.abc import Collection

import numpy as np

from .recording import Recording

__all__ = ["rhythm_changes", "rhythm_spans"]


def rhythm_changes(recording: Recording) -> tuple[np.ndarray, list[str]]:
    """Where a rhythm begins, int64 (n,) in samples, and its mark as the database writes it, such as ``(AFIB``."""
    events = recording.events
    is_mark = (events.symbol == "+") & np.char.startswith(events.text.astype(np.str_), "(")
    return events.sample[is_mark], [str(text).rstrip("\0") for text in events.text[is_mark]]


def rhythm_spans(recording: Recording, marks: Collection[str]) -> np.ndarray:
    """Stretches of the rhythms with these marks.

    Returns
    -------
    float64 (n, 2), onset and end in s; a rhythm lasts until the next mark or the end of the recording.
    """
    sample, found = rhythm_changes(recording)
    edges_s = np.append(sample, recording.n_samples) / recording.fs_hz
    spans = [(edges_s[i], edges_s[i + 1]) for i, mark in enumerate(found) if mark in marks]
    return np.array(spans, np.float64).reshape(-1, 2)
