"""What analyses of every task write alike: events as table rows, WFDB marks, lines of JSON."""

import json
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Any, NamedTuple

from ...signals.wfdb_annotations import Mark, encode_annotations
from .beat_events import Event
from .heart_rate import RR_LIMITS_S, HeartRate

__all__ = [
    "TimedMark",
    "annotation_bytes",
    "heart_rate_json",
    "in_time",
    "json_array",
    "json_line",
    "quality_marks",
    "table_lines",
]

_UNREADABLE, _CLEAN = -1, 0
"""Subtypes of the signal quality annotation ``~`` (WFDB Applications Guide, annotation codes)."""
_COLUMNS = ("onset", "duration", "trial_type", "n_beats", "rate_bpm", "confidence", "note")


class TimedMark(NamedTuple):
    """A WFDB annotation at a time from the start; see `Mark`."""

    time_s: float
    symbol: str
    subtype: int = 0
    text: str = ""


def annotation_bytes(*streams: Iterable[TimedMark], fs_hz: float, n_samples: int) -> Iterator[bytes]:
    """A WFDB annotation file of several streams of marks, each in time order; samples count at `fs_hz`."""
    marks = merge(*streams, key=lambda mark: mark.time_s)
    at = (Mark(min(round(m.time_s * fs_hz), n_samples - 1), m.symbol, m.subtype, m.text) for m in marks)
    yield from encode_annotations(at, fs_hz)


def quality_marks(rejected: Iterable[Event], duration_s: float) -> Iterator[TimedMark]:
    """``~`` where a rejected stretch begins and ends."""
    for e in rejected:
        yield TimedMark(e.onset_s, "~", _UNREADABLE)
        if e.onset_s + e.duration_s < duration_s:
            yield TimedMark(e.onset_s + e.duration_s, "~", _CLEAN)


def table_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """Events, in time order, as the lines of a BIDS table."""
    yield "\t".join(_COLUMNS).encode() + b"\n"
    for e in events:
        yield "\t".join(_row(e)).encode() + b"\n"


def _row(e: Event) -> tuple[str, ...]:
    rate = "n/a" if e.rate_bpm is None else f"{e.rate_bpm:.1f}"
    confidence = "n/a" if e.confidence is None else f"{e.confidence:.4f}"
    times = f"{e.onset_s:.3f}", f"{e.duration_s:.3f}"
    return *times, e.kind, str(e.n_beats or "n/a"), rate, confidence, e.note or "n/a"


def in_time(e: Event) -> tuple[float, str]:
    """Sorts events."""
    return e.onset_s, e.kind


def json_line(value: Any) -> bytes:
    """A value on one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def json_array(name: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """A further member of a JSON object: an array with one element on each line."""
    yield f',\n  "{name}": ['.encode()
    between = b"\n    "
    for line in lines:
        yield between + line.rstrip(b"\n")
        between = b",\n    "
    yield b"]" if between.startswith(b"\n") else b"\n  ]"


def heart_rate_json(rate: HeartRate) -> dict[str, Any]:
    """With the definition of its figures."""
    return {
        "mean": rate.mean_bpm,
        "min": rate.min_bpm,
        "max": rate.max_bpm,
        "definition": "mean over all RR intervals between analysable beats; lowest and highest mean over 8 "
        f"RR intervals in a row; RR intervals outside {RR_LIMITS_S[0]:g} to {RR_LIMITS_S[1]:g} s left out",
    }
