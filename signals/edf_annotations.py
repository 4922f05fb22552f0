"""EDF+ annotations: notes with a time, and the start of every data record of a file with gaps.

Source: Kemp & Olivan 2003, section 2.2 (time-stamped annotations lists, TALs), https://www.edfplus.info/specs/.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .edf_header import EdfHeader
from .errors import CorruptRecordError

__all__ = ["Note", "record_onsets_s", "stored_notes"]

_ONSET_END, _DURATION_MARK, _LIST_END = b"\x14", b"\x15", b"\0"


class Note(NamedTuple):
    """One annotation, in seconds from the file's start time; `duration_s` is 0 for a point in time."""

    onset_s: float
    duration_s: float
    text: str


def stored_notes(header: EdfHeader) -> list[Note]:
    """Notes of all data records, sorted by onset; the time-keeping ones, which have no text, are left out.

    Raises
    ------
    CorruptRecordError
        A note has no onset that can be read.
    """
    found = (note for i, data in _stored(header) for note in _notes(header, i, data))
    return sorted(note for note in found if note.text)


def record_onsets_s(header: EdfHeader) -> np.ndarray:
    """Start of every data record in seconds from the file's start time: float64 (n_records,), ascending.

    Raises
    ------
    CorruptRecordError
        A data record does not say when it starts, or starts before the one before it ends.
    """
    if not header.is_discontinuous:
        return np.arange(header.n_records) * header.record_s
    onsets = np.full(header.n_records, np.nan)
    for i, data in _stored(header):
        if np.isnan(onsets[i]):
            onsets[i] = next((note.onset_s for note in _notes(header, i, data)), np.nan)
    _check_onsets(header, onsets)
    return onsets


def _check_onsets(header: EdfHeader, onsets: np.ndarray) -> None:
    untold = np.flatnonzero(np.isnan(onsets))
    if len(untold):
        raise CorruptRecordError(
            f"{header.path}: data record {untold[0] + 1} of an EDF+D file tells no start time"
        )
    early = np.flatnonzero(np.diff(onsets) < header.record_s - 1 / header.fastest_hz)
    if len(early):
        i = int(early[0]) + 1
        raise CorruptRecordError(
            f"{header.path}: data record {i + 1} starts at {onsets[i]:g} s, before the one before it ends "
            f"({onsets[i - 1] + header.record_s:g} s)"
        )


def _stored(header: EdfHeader) -> Iterator[tuple[int, bytes]]:
    """Number of the data record and bytes of each of its annotation signals."""
    places = [(2 * s.first, 2 * s.n_in_record) for s in header.signals if s.is_annotation]
    if not places:
        return
    with header.path.open("rb") as file:
        for i in range(header.n_records):
            for first, n_bytes in places:
                file.seek(header.n_bytes + 2 * header.width * i + first)
                yield i, file.read(n_bytes)


def _notes(header: EdfHeader, record: int, data: bytes) -> Iterator[Note]:
    """Notes of one annotation signal in one data record; one without text for an empty list."""
    for one in data.split(_ONSET_END + _LIST_END):
        if not (stripped := one.strip(_LIST_END)):
            continue
        time, *texts = stripped.split(_ONSET_END)
        onset, _, duration = time.partition(_DURATION_MARK)
        onset_s, duration_s = _seconds(onset), _seconds(duration or b"0")
        if not (math.isfinite(onset_s) and 0 <= duration_s < math.inf):
            raise CorruptRecordError(
                f"{header.path}: data record {record + 1} holds a note whose time is {time[:24]!r}"
            )
        for text in texts or [b""]:
            yield Note(onset_s, duration_s, text.decode("utf-8", errors="replace").strip())


def _seconds(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
