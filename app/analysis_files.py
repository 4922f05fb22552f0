"""An analysis as files: JSON, WFDB annotations and BIDS events."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import wfdb

from ..signals import Recording
from .analyze import NOTICE, Analysis
from .beat_events import RR_LIMITS_S, Event
from .output import atomic_folder, json_text

__all__ = ["analysis_json", "bids_events", "save_analysis", "wfdb_annotations"]

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


def save_analysis(analysis: Analysis, recording: Recording, out_dir: str | Path) -> list[Path]:
    """Write ``NAME.beat.json``, ``NAME.beat`` (WFDB annotations) and ``NAME_events.tsv`` (BIDS).

    Returns
    -------
    The three files.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    name, out_dir = recording.name, Path(out_dir)
    contents = {
        f"{name}.{_TASK}.json": json_text(analysis_json(analysis)).encode(),
        f"{name}.{_TASK}": wfdb_annotations(analysis, recording),
        f"{name}_events.tsv": bids_events(analysis).encode(),
    }
    with atomic_folder(out_dir) as part:
        for file_name, data in contents.items():
            (part / file_name).write_bytes(data)
    return [out_dir / file_name for file_name in contents]


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """Everything found, as plain values."""
    return {
        "task": _TASK,
        "notice": NOTICE,
        "record": analysis.record,
        "lead": analysis.lead,
        "summary": _summary(analysis),
        "events": [asdict(e) for e in analysis.events],
        "not_analysable": [{"onset_s": e.onset_s, "duration_s": e.duration_s} for e in analysis.not_analysable],
        "beats": [
            {
                "time_s": b.time_s,
                "class": b.label,
                "stage": b.stage,
                "screen": b.screen,
                "confidence": None if b.confidence is None else round(b.confidence, 4),
            }
            for b in analysis.beats
        ],
    }


def _summary(analysis: Analysis) -> dict[str, Any]:
    latency, rate = analysis.latency, analysis.rate
    return {
        "duration_s": analysis.duration_s,
        "analysable_s": analysis.duration_s - analysis.rejected_s,
        "rejected_s": analysis.rejected_s,
        "beats": {
            "detected": len(analysis.beats),
            "rejected": sum(b.label is None for b in analysis.beats),
            **analysis.n_by_class,
        },
        "heart_rate_bpm": {
            "mean": rate.mean_bpm,
            "min": rate.min_bpm,
            "max": rate.max_bpm,
            "definition": "mean over all RR intervals between analysable beats; lowest and highest mean over 8 "
            f"RR intervals in a row; RR intervals outside {RR_LIMITS_S[0]:g} to {RR_LIMITS_S[1]:g} s left out",
        },
        "latency": {
            **asdict(latency),
            "statement": f"On the device a beat is decided {latency.median_s:.1f} s after its R peak "
            f"(median; never later than {latency.bound_s:.1f} s); the first decision falls "
            f"{latency.first_decision_s:.0f} s after the start.",
        },
    }


def wfdb_annotations(analysis: Analysis, recording: Recording) -> bytes:
    """WFDB annotation file: class letters at the R peaks, ``~`` where a rejected stretch begins and ends.

    Samples count at the rate of the recording. Beats in rejected stretches are left out.
    """
    marks = [(b.time_s, b.label, 0) for b in analysis.beats if b.label is not None]
    for e in analysis.not_analysable:
        marks.append((e.onset_s, "~", _UNREADABLE))
        if e.onset_s + e.duration_s < analysis.duration_s:
            marks.append((e.onset_s + e.duration_s, "~", _CLEAN))
    marks.sort(key=lambda mark: mark[0])
    sample = np.rint(np.array([time_s for time_s, _, _ in marks]) * recording.fs_hz).astype(np.int64)
    with TemporaryDirectory() as folder:
        wfdb.wrann(
            "record",
            _TASK,
            sample=np.minimum(sample, recording.n_samples - 1),
            symbol=[symbol for _, symbol, _ in marks],
            subtype=np.array([subtype for _, _, subtype in marks]),
            fs=recording.fs_hz,
            write_dir=folder,
        )
        return (Path(folder) / f"record.{_TASK}").read_bytes()


def bids_events(analysis: Analysis) -> str:
    """BIDS ``events.tsv``: events, rejected stretches and every beat that is not normal, in time order."""
    beats = [Event(b.time_s, 0.0, _CLASS_NAMES[b.label]) for b in analysis.beats if b.label in _CLASS_NAMES]
    rows = sorted([*beats, *analysis.events, *analysis.not_analysable], key=lambda e: (e.onset_s, e.kind))
    return "\n".join("\t".join(row) for row in [_COLUMNS, *map(_row, rows)]) + "\n"


def _row(e: Event) -> tuple[str, ...]:
    rate = "n/a" if e.rate_bpm is None else f"{e.rate_bpm:.1f}"
    return f"{e.onset_s:.3f}", f"{e.duration_s:.3f}", e.kind, str(e.n_beats or "n/a"), rate, e.note or "n/a"
