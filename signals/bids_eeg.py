"""EEG in BIDS: which events table belongs to a recording, and what it says.

Source: Brain Imaging Data Structure 1.9, EEG and task events; HED-SCORE and SzCORE's seizure names (Dan et al.
2024), in which background is ``bckg`` and every seizure's name begins with ``sz``.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .bounded_files import table_rows
from .errors import CorruptRecordError, quoted

__all__ = ["BidsEvent", "bids_subject", "events_path", "read_bids_events"]

_SUBJECT = re.compile(r"sub-([0-9A-Za-z]+)(?:_|$)")
_KIND_COLUMNS = ("eventType", "trial_type", "value")
_NOTHING = ("", "n/a")


class BidsEvent(NamedTuple):
    """One row: seconds from the start of the recording, and what it is."""

    onset_s: float
    duration_s: float
    kind: str


def bids_subject(path: Path) -> str | None:
    """Label of the subject in a BIDS file name, ``sub-01`` -> ``"01"``; None for other names."""
    match = _SUBJECT.match(path.stem)
    return match[1] if match else None


def events_path(path: Path) -> Path | None:
    """The ``_events.tsv`` that lies beside a recording ``..._eeg.edf``; None if there is none."""
    stem = path.stem.removesuffix("_eeg")
    found = path.with_name(f"{stem}_events.tsv")
    return found if found.is_file() else None


def read_bids_events(path: Path) -> tuple[BidsEvent, ...]:
    """Rows of an events table in time order; a duration of ``n/a`` is 0.

    Raises
    ------
    CorruptRecordError
        There is no column for onset and duration, or a time is no number.
    """
    rows = table_rows(path, ("onset", "duration"), "\t")
    kind = next((c for c in _KIND_COLUMNS if rows and c in rows[0]), "")
    return tuple(sorted(_event(path, row, kind) for row in rows))


def _event(path: Path, row: Mapping[str, str | None], kind: str) -> BidsEvent:
    onset_s = _seconds(path, "onset", row["onset"])
    duration_s = 0.0 if row["duration"] in _NOTHING else _seconds(path, "duration", row["duration"])
    return BidsEvent(onset_s, duration_s, (row.get(kind) or "").strip())


def _seconds(path: Path, column: str, cell: str | None) -> float:
    try:
        value = float(cell or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CorruptRecordError(f"{path}: {column} {quoted(cell)} is not a number of seconds")
    return value
