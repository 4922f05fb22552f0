"""An analysis of EEG as files: JSON, a BIDS events table in SzCORE's form, a table with a row for every second."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..output import atomic_folder, json_text
from .analysis import STAGES
from .eeg import SeizureAnalysis, SeizureEvent

__all__ = ["save_seizures", "seizure_analysis_text", "seizure_json"]

_TASK = "seizure"
_COLUMNS = ("onset", "duration", "eventType", "confidence", "channels", "dateTime", "recordingDuration")
"""Of SzCORE's events tables (Dan et al., Epilepsia 66(S3):14-24, 2025). Date and time identify, and stay n/a."""

_MOST_SHOWN = 12


def save_seizures(analysis: SeizureAnalysis, out_dir: str | Path) -> list[Path]:
    """Three files: ``NAME.seizure.json``, ``NAME_seizure_events.tsv`` (BIDS), ``NAME.seizure.csv`` (every second).

    The table of events is not named as BIDS names it, so that nobody takes what was found for what is known.

    Raises
    ------
    InputError
        The folder cannot be written. Then no file appears.
    """
    name = analysis.record
    contents = {
        f"{name}.{_TASK}.json": json_text(seizure_json(analysis)),
        f"{name}_{_TASK}_events.tsv": "".join("\t".join(row) + "\n" for row in _events_rows(analysis)),
        f"{name}.{_TASK}.csv": _table(analysis),
    }
    with atomic_folder(out_dir) as part:
        for file, text in contents.items():
            (part / file).write_text(text, encoding="utf-8")
    return [Path(out_dir) / file for file in contents]


def seizure_json(analysis: SeizureAnalysis) -> dict[str, Any]:
    """The whole analysis as plain values but for the table of the seconds."""
    return {
        "task": _TASK,
        "notice": analysis.notice,
        "record": analysis.record,
        "montage": analysis.montage.name,
        "channels": [_channel(analysis, i) for i in range(len(analysis.channels))],
        "summary": {
            "duration_s": analysis.duration_s,
            "analysable_s": analysis.duration_s - analysis.rejected_s,
            "rejected_s": analysis.rejected_s,
            "seizures": len(analysis.events),
            "seizure_s": sum(e.duration_s for e in analysis.events),
            "stage_share": {stage: float((analysis.reached >= i).mean()) for i, stage in enumerate(STAGES)},
            "latency": asdict(analysis.latency),
        },
        "events": [asdict(e) for e in analysis.events],
        "not_analysable": [
            {"onset_s": e.onset_s, "duration_s": e.duration_s, "note": e.note} for e in analysis.not_analysable
        ],
    }


def seizure_analysis_text(analysis: SeizureAnalysis, paths: Sequence[Path]) -> str:
    """What was analysable, and the seizures."""
    n_held = int(analysis.mask.sum())
    missing = [name for name, held in zip(analysis.channels, analysis.mask, strict=True) if not held]
    analysable_s = analysis.duration_s - analysis.rejected_s
    lines = [
        f"{analysis.record}, montage {analysis.montage.name}: {n_held} of {len(analysis.channels)} channels"
        + (f" (not in the recording: {', '.join(missing)})" if missing else ""),
        f"{analysable_s:.0f} of {analysis.duration_s:.0f} s analysable",
        f"seizures: {len(analysis.events) or 'none in analysable time'}",
        *(_event_line(e) for e in analysis.events[:_MOST_SHOWN]),
    ]
    if len(analysis.events) > _MOST_SHOWN:
        lines.append(f"  ... {len(analysis.events) - _MOST_SHOWN} more seizures")
    lines.append(analysis.latency.statement)
    return "\n".join([*lines, *(f"written: {path}" for path in paths), analysis.notice])


def _event_line(e: SeizureEvent) -> str:
    return f"  {e.onset_s:9.0f} s  for {e.duration_s:.0f} s, confidence {e.confidence:.2f}: {e.note}"


def _channel(analysis: SeizureAnalysis, column: int) -> dict[str, Any]:
    held = bool(analysis.mask[column])
    share = float(analysis.rejected[:, column].mean()) if held else None
    return {"name": analysis.channels[column], "in_recording": held, "rejected_share": share}


def _events_rows(analysis: SeizureAnalysis) -> Iterator[tuple[str, ...]]:
    """Seizures, or one row of background if there is none."""
    yield _COLUMNS
    end = "n/a", "n/a", f"{analysis.duration_s:.3f}"
    for e in analysis.events:
        yield f"{e.onset_s:.3f}", f"{e.duration_s:.3f}", "sz", f"{e.confidence:.4f}", *end
    if not analysis.events:
        yield "0.000", f"{analysis.duration_s:.3f}", "bckg", "n/a", *end


def _table(analysis: SeizureAnalysis) -> str:
    """A row for every second: scores, what the gate rejected (1), line length of each channel."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = analysis.channels
    table.writerow(
        ["second_s", "stage", "screen", "score", "is_alarm"]
        + [f"rejected {name}" for name in names]
        + [f"line_length_uv {name}" for name in names]
    )
    lengths = np.round(analysis.line_length_uv.astype(np.float64), 3).tolist()
    columns = (analysis.second_s.tolist(), analysis.reached.tolist(), analysis.screen.tolist())
    more = (analysis.score.tolist(), analysis.is_on.tolist(), analysis.rejected.tolist(), lengths)
    for second, stage, screen, score, is_on, rejected, length in zip(*columns, *more, strict=True):
        row = [f"{second:g}", STAGES[stage], _number(screen), _number(score), int(is_on)]
        table.writerow([*row, *map(int, rejected), *length])
    return text.getvalue()


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"
