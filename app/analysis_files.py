"""An analysis as files, written as it goes on: JSON, WFDB annotations and BIDS events.

What is found is kept in a file for each kind, in time order, and merged when the recording is over, so that memory
does not grow with its length.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from heapq import merge
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..signals import CLASSES, DEVICE_FS_HZ
from ..signals.wfdb_annotations import Mark, encode_annotations
from .analysis import NOTICE, STAGES, Analysis, BeatTable, Found, Summary
from .beat_events import Event
from .heart_rate import RR_LIMITS_S, Trend
from .output import atomic_folder, json_text

__all__ = ["AnalysisFiles", "analysis_files", "save_analysis", "summary_json"]

_TASK = "beat"
"""Also the annotator's name, which is the suffix of a WFDB annotation file."""

_UNREADABLE, _CLEAN = -1, 0
"""Subtypes of the signal quality annotation ``~`` (WFDB Applications Guide, annotation codes)."""

_CLASS_NAMES = {
    "S": "supraventricular_beat",
    "V": "ventricular_beat",
    "F": "fusion_beat",
    "Q": "unclassified_beat",
}
_COLUMNS = ("onset", "duration", "trial_type", "n_beats", "rate_bpm", "note")
_MARK = np.dtype([("peak", "i8"), ("label", "i1")])
_MARKS_AT_ONCE = 1 << 16
_FIRST_EVENTS = 12
_BEATS, _MARKS, _EVENTS, _ALARMS, _REJECTED = "beats", "marks", "events", "alarms", "rejected"


def save_analysis(analysis: Analysis, out_dir: str | Path) -> list[Path]:
    """Write an analysis that is in memory; see `analysis_files`."""
    with analysis_files(out_dir) as files:
        files.add(Found(analysis.table, analysis.events, (), analysis.not_analysable))
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
        for kind in (_BEATS, _MARKS, _EVENTS, _ALARMS, _REJECTED):
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
        self._spools[_EVENTS].writelines(_json_line(asdict(e)) for e in found.events)
        self._spools[_ALARMS].writelines(_json_line(asdict(e)) for e in found.alarms)
        self._spools[_REJECTED].writelines(_json_line(asdict(e)) for e in found.not_analysable)
        both = sorted((*found.events, *found.alarms), key=_in_time)
        self.n_events += len(both)
        self.first_events += both[: _FIRST_EVENTS - len(self.first_events)]

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
            file.writelines(encode_annotations(self._annotations(summary), summary.fs_hz))
        with as_tsv.open("wb") as file:
            file.writelines(("\t".join(row) + "\n").encode() for row in self._rows())

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
        yield b',\n  "trend": ' + _json_line(_trend(summary.trend)).rstrip()
        yield from _array("events", (_json_line(asdict(e)) for e in self._all_events()))
        rejected = ({"onset_s": e.onset_s, "duration_s": e.duration_s} for e in self._stored(_REJECTED))
        yield from _array("not_analysable", map(_json_line, rejected))
        yield from _array("beats", self._lines(_BEATS))
        yield b"\n}\n"

    def _annotations(self, summary: Summary) -> Iterator[Mark]:
        """Class letters at the R peaks, ``~`` where a rejected stretch begins and ends; rejected beats left out.

        Samples count at the rate of the recording.
        """
        beats = ((peak / DEVICE_FS_HZ, CLASSES[label], 0) for peak, label in self._stored_marks() if label >= 0)
        for time_s, symbol, subtype in merge(beats, self._quality(summary), key=lambda mark: mark[0]):
            yield Mark(min(round(time_s * summary.fs_hz), summary.n_samples - 1), symbol, subtype)

    def _quality(self, summary: Summary) -> Iterator[tuple[float, str, int]]:
        for e in self._stored(_REJECTED):
            yield e.onset_s, "~", _UNREADABLE
            if e.onset_s + e.duration_s < summary.duration_s:
                yield e.onset_s + e.duration_s, "~", _CLEAN

    def _rows(self) -> Iterator[tuple[str, ...]]:
        """Events, rejected stretches and every beat that is not normal, in time order."""
        marks = ((peak / DEVICE_FS_HZ, CLASSES[label]) for peak, label in self._stored_marks() if label >= 0)
        beats = (Event(time_s, 0.0, _CLASS_NAMES[letter]) for time_s, letter in marks if letter in _CLASS_NAMES)
        yield _COLUMNS
        yield from map(_row, merge(beats, self._all_events(), self._stored(_REJECTED), key=_in_time))

    def _all_events(self) -> Iterator[Event]:
        return merge(self._stored(_EVENTS), self._stored(_ALARMS), key=_in_time)


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
            "heart_rate_bpm": _heart_rate(summary),
            "latency": _latency(summary),
        },
    }


def _heart_rate(summary: Summary) -> dict[str, Any]:
    return {
        "mean": summary.rate.mean_bpm,
        "min": summary.rate.min_bpm,
        "max": summary.rate.max_bpm,
        "definition": "mean over all RR intervals between analysable beats; lowest and highest mean over 8 "
        f"RR intervals in a row; RR intervals outside {RR_LIMITS_S[0]:g} to {RR_LIMITS_S[1]:g} s left out",
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


def _json_line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _array(name: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """A member of a JSON object: an array with one element on each line."""
    yield f',\n  "{name}": ['.encode()
    between = b"\n    "
    for line in lines:
        yield between + line.rstrip(b"\n")
        between = b",\n    "
    yield b"]" if between.startswith(b"\n") else b"\n  ]"


def _in_time(e: Event) -> tuple[float, str]:
    return e.onset_s, e.kind


def _row(e: Event) -> tuple[str, ...]:
    rate = "n/a" if e.rate_bpm is None else f"{e.rate_bpm:.1f}"
    return f"{e.onset_s:.3f}", f"{e.duration_s:.3f}", e.kind, str(e.n_beats or "n/a"), rate, e.note or "n/a"
