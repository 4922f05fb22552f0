"""An analysis as files, written as it goes on: JSON, WFDB annotations and BIDS events.

What is found is kept in a file for each kind, in time order, and merged when the recording is over, so that memory
does not grow with its length.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from heapq import merge
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...signals import CLASSES, DEVICE_FS_HZ
from ..output import atomic_folder, json_text
from .analysis import NOTICE, STAGES, Analysis, BeatTable, Found, Summary
from .beat_events import Event
from .event_files import (
    TimedMark,
    annotation_bytes,
    heart_rate_json,
    in_time,
    json_array,
    json_line,
    quality_marks,
    table_lines,
)
from .heart_rate import Trend
from .strip_files import burden_json, rhythm_marks, strip_lines

__all__ = ["FIRST_EVENTS", "AnalysisFiles", "analysis_files", "save_analysis", "summary_json"]

_TASK = "beat"
"""Also the annotator's name, which is the suffix of a WFDB annotation file."""

_CLASS_NAMES = {
    "S": "supraventricular_beat",
    "V": "ventricular_beat",
    "F": "fusion_beat",
    "Q": "unclassified_beat",
}
_MARK = np.dtype([("peak", "i8"), ("label", "i1")])
_MARKS_AT_ONCE = 1 << 16
FIRST_EVENTS = 12
"""Events that a terminal shows."""
_BEATS, _MARKS, _STRIPS, _REJECTED = "beats", "marks", "strips", "rejected"
_KINDS = ("events", "alarms", "episodes")
"""Events of beats, of the alarm and of the rhythm, each in time order."""


def save_analysis(analysis: Analysis, out_dir: str | Path) -> list[Path]:
    """Write an analysis that is in memory; see `analysis_files`."""
    with analysis_files(out_dir) as files:
        files.add(Found(analysis.table, analysis.events, (), analysis.not_analysable, analysis.strips, ()))
        files.finish(analysis.summary)
    return files.paths


@contextmanager
def analysis_files(out_dir: str | Path) -> Iterator["AnalysisFiles"]:
    """Files to add what is found to; they appear in `out_dir` when the block ends without an error.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    out_dir = Path(out_dir)
    with atomic_folder(out_dir) as part:
        files = AnalysisFiles(part)
        with files:
            yield files
        files.paths = [out_dir / path.name for path in files.paths]


class AnalysisFiles:
    """Three files: ``NAME.beat.json``, ``NAME.beat`` (WFDB annotations) and ``NAME_events.tsv`` (BIDS).

    Attributes
    ----------
    paths : the files, once `finish` was called
    n_events, first_events : how many were found, and the first 12 of them
    """

    def __init__(self, folder: Path) -> None:
        self.paths: list[Path] = []
        self.n_events = 0
        self.first_events: list[Event] = []
        self._folder = folder
        self._spools: dict[str, BinaryIO] = {}

    def __enter__(self) -> "AnalysisFiles":
        for kind in (_BEATS, _MARKS, _STRIPS, *_KINDS, _REJECTED):
            self._spools[kind] = self._spool(kind).open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        for kind, file in self._spools.items():
            file.close()
            self._spool(kind).unlink()

    def add(self, found: Found) -> None:
        """Take what is new."""
        marks = np.empty(len(found.beats), _MARK)
        marks["peak"], marks["label"] = found.beats.peak, found.beats.label
        self._spools[_MARKS].write(marks.tobytes())
        self._spools[_BEATS].writelines(_beat_lines(found.beats))
        self._spools[_STRIPS].writelines(strip_lines(found.strips))
        for kind in (*_KINDS, _REJECTED):
            events = found.not_analysable if kind == _REJECTED else getattr(found, kind)
            self._spools[kind].writelines(json_line(vars(e)) for e in events)
        new = sorted((*found.events, *found.alarms, *found.episodes), key=in_time)
        self.n_events += len(new)
        self.first_events += new[: FIRST_EVENTS - len(self.first_events)]

    def finish(self, summary: Summary) -> None:
        """Write the three files."""
        for file in self._spools.values():
            file.flush()
        name = summary.record
        self.paths = [self._folder / f for f in (f"{name}.{_TASK}.json", f"{name}.{_TASK}", f"{name}_events.tsv")]
        as_json, as_wfdb, as_tsv = self.paths
        with as_json.open("wb") as file:
            file.writelines(self._json(summary))
        with as_wfdb.open("wb") as file:
            file.writelines(self._annotations(summary))
        with as_tsv.open("wb") as file:
            file.writelines(table_lines(self._rows()))

    def _spool(self, kind: str) -> Path:
        return self._folder / f".{kind}"

    def _lines(self, kind: str) -> Iterator[bytes]:
        with self._spool(kind).open("rb") as file:
            yield from file

    def _stored(self, kind: str) -> Iterator[Event]:
        for line in self._lines(kind):
            yield Event(**json.loads(line))

    def _stored_marks(self) -> Iterator[tuple[int, int]]:
        """Device sample and label of each beat."""
        with self._spool(_MARKS).open("rb") as file:
            while len(marks := np.fromfile(file, _MARK, _MARKS_AT_ONCE)):
                yield from zip(marks["peak"].tolist(), marks["label"].tolist(), strict=True)

    def _json(self, summary: Summary) -> Iterator[bytes]:
        head = json_text(summary_json(summary)).rstrip()
        yield head.removesuffix("\n}").encode()
        yield b',\n  "trend": ' + json_line(_trend(summary.trend)).rstrip()
        yield from json_array("events", (json_line(vars(e)) for e in self._all_events()))
        rejected = ({"onset_s": e.onset_s, "duration_s": e.duration_s} for e in self._stored(_REJECTED))
        yield from json_array("not_analysable", map(json_line, rejected))
        yield from json_array("strips", self._lines(_STRIPS))
        yield from json_array("beats", self._lines(_BEATS))
        yield b"\n}\n"

    def _annotations(self, summary: Summary) -> Iterator[bytes]:
        """Class letters at R peaks, ``~`` where rejected stretches begin and end, ``+`` where the rhythm changes.

        Rejected beats are left out; samples count at the rate of the recording.
        """
        letters = (TimedMark(p / DEVICE_FS_HZ, CLASSES[label]) for p, label in self._stored_marks() if label >= 0)
        quality = quality_marks(self._stored(_REJECTED), summary.duration_s)
        rhythm = rhythm_marks(self._lines(_STRIPS), summary.duration_s)
        return annotation_bytes(rhythm, quality, letters, fs_hz=summary.fs_hz, n_samples=summary.n_samples)

    def _rows(self) -> Iterator[Event]:
        """Events, rejected stretches and every beat that is not normal, in time order."""
        marks = ((peak / DEVICE_FS_HZ, CLASSES[label]) for peak, label in self._stored_marks() if label >= 0)
        beats = (Event(time_s, 0.0, _CLASS_NAMES[letter]) for time_s, letter in marks if letter in _CLASS_NAMES)
        return merge(beats, self._all_events(), self._stored(_REJECTED), key=in_time)

    def _all_events(self) -> Iterator[Event]:
        return merge(*map(self._stored, _KINDS), key=in_time)


def summary_json(summary: Summary) -> dict[str, Any]:
    """The figures of a recording, as plain values."""
    return {
        "task": _TASK,
        "notice": NOTICE,
        "record": summary.record,
        "lead": summary.lead,
        "summary": {
            "duration_s": summary.duration_s,
            "analysable_s": summary.duration_s - summary.rejected_s,
            "rejected_s": summary.rejected_s,
            "beats": {"detected": summary.n_beats, "rejected": summary.n_rejected, **summary.n_by_class},
            "heart_rate_bpm": heart_rate_json(summary.rate),
            "rhythm": burden_json(summary.rhythm),
            "latency": _latency(summary),
        },
    }


def _latency(summary: Summary) -> dict[str, Any]:
    latency = summary.latency
    return {
        **asdict(latency),
        "statement": f"On the device a beat is decided {latency.median_s:.1f} s after its R peak "
        f"(median; never later than {latency.bound_s:.1f} s); the first decision falls "
        f"{latency.first_decision_s:.0f} s after the start.",
    }


def _trend(trend: Trend) -> dict[str, Any]:
    """Null where nothing is known."""
    mean = [None if value != value else round(value, 2) for value in trend.mean_bpm.tolist()]
    return {"point_s": trend.point_s, "mean_bpm": mean, "analysable": trend.analysable.round(3).tolist()}


def _beat_lines(beats: BeatTable) -> Iterator[bytes]:
    times_s, confidence = (beats.peak / DEVICE_FS_HZ).tolist(), beats.confidence.round(4).tolist()
    columns = beats.label.tolist(), beats.stage.tolist(), beats.screen.tolist(), confidence
    for time_s, label, stage, screen, share in zip(times_s, *columns, strict=True):
        decided = f'"{CLASSES[label]}"', screen, share
        letter, screen, share = decided if label >= 0 else ("null", "null", "null")
        yield (
            f'{{"time_s": {time_s}, "class": {letter}, "stage": "{STAGES[stage]}", "screen": {screen}, '
            f'"confidence": {share}}}\n'
        ).encode()
