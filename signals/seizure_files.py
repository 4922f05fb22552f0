"""Seizures that stand in a file beside a recording: CHB-MIT's two kinds, a table of clips, BIDS events."""

from functools import lru_cache
from pathlib import Path

from .bids_eeg import events_path, read_bids_events
from .chbmit import Clip, Summary, is_clip_table, read_clips, read_seizure_file, read_summary
from .seizures import is_seizure

__all__ = ["clip_of", "seizures_beside"]

Times = tuple[tuple[float, float], ...]
"""Onset and end of every seizure, in seconds from the start of a recording."""


def seizures_beside(path: str | Path) -> Times | None:
    """Seizures of a recording by the files around it; None where they say nothing of it, () where it has none.

    Looked for in this order: ``clips.csv`` in its folder or the one above, the BIDS ``_events.tsv`` that belongs
    to it, the ``chbNN-summary.txt`` of its folder, ``NAME.edf.seizures``. The summary comes before the latter
    because the published sum of CHB-MIT is that of the summaries; the two differ once, by 400 s, in chb24_21. A
    recording of a folder with a summary that neither of them names has no seizure: the database lists all that
    have one.

    Raises
    ------
    CorruptRecordError
        The file that was found is damaged.
    """
    path = Path(path)
    clip = clip_of(path)
    if clip is not None:
        return clip.seizures_s
    events = events_path(path)
    if events is not None:
        found = read_bids_events(events)
        return tuple((e.onset_s, e.onset_s + e.duration_s) for e in found if is_seizure(e.kind))
    return _of_chbmit(path)


def clip_of(path: Path) -> Clip | None:
    """What a ``clips.csv`` in a recording's folder, or the one above, says of it."""
    for folder in (path.parent, path.parent.parent):
        table = folder / "clips.csv"
        if table.is_file() and is_clip_table(table):
            for clip in _clips(table, _version(table)):
                if clip.path.name == path.name:
                    return clip
    return None


def _of_chbmit(path: Path) -> Times | None:
    summaries = sorted(p for p in path.parent.glob("chb[0-9]*-summary.txt") if p.is_file())
    told = next((t for t in (_told(summary, path) for summary in summaries) if t is not None), None)
    marks = path.with_name(path.name + ".seizures")
    if told is None and marks.is_file():
        return read_seizure_file(marks)
    return () if told is None and summaries else told


def _told(summary: Path, path: Path) -> Times | None:
    files = _summary(summary, _version(summary)).files
    return next((file.seizures_s for file in files if file.record == path.stem), None)


def _version(path: Path) -> int:
    """Changes with the file, so that it is read once while it stays as it is."""
    return path.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _clips(table: Path, _version: int) -> tuple[Clip, ...]:
    return read_clips(table)


@lru_cache(maxsize=4)
def _summary(path: Path, _version: int) -> Summary:
    return read_summary(path)
