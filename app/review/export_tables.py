"""Reviewed events as tables: CSV with everything, and BIDS events."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from ..output import json_text
from .export import NO_DEVICE, ReviewDocument, ReviewedEvent, in_time, operating_text
from .log import UNREVIEWED

__all__ = ["bids_events", "events_csv"]

_BIDS_COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "onset": {"Description": "Onset of the event from the start of the recording", "Units": "s"},
    "duration": {"Description": "Duration of the event, 0 for a single beat", "Units": "s"},
    "trial_type": {"LongName": "Present label", "Description": "The reviewer's label, else the model's"},
    "review": {
        "LongName": "State of the review",
        "Description": "What the last decision on the event was; rejected events are left out",
        "Levels": {
            "confirmed": "a reviewer confirmed it",
            "relabelled": "a reviewer gave it another label",
            "unreviewed": "nobody decided on it; it is the model's alone",
        },
    },
    "kind": {"LongName": "Kind of event", "Description": "What the model was looking for; beat for a single beat"},
    "model_label": {"LongName": "Model's label", "Description": "The label before the review"},
    "confidence": {"LongName": "Model's confidence", "Description": "0 to 1, not calibrated"},
    "reviewer": {"LongName": "Reviewer", "Description": "Who made the last decision"},
    "reviewed_at": {"LongName": "Time of the decision", "Description": "ISO 8601, UTC"},
}


def events_csv(document: ReviewDocument) -> bytes:
    """Every event with its decision, rejected and unreviewed ones included: UTF-8, one row each, in time order."""
    common = {
        "recording": document.recording.name,
        "recording_sha256": document.recording.sha256,
        "model_version": document.model.version,
        "model_sha256": document.model.sha256,
        "operating_point": operating_text(document.operating_point),
        "exported_by": document.reviewer,
        "exported_at": document.created_at,
        "notice": NO_DEVICE,
        **({"patient": "; ".join(document.identity)} if document.identity else {}),
    }
    rows = [_csv_row(event) | common for event in sorted(document.events, key=in_time)]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_CSV_COLUMNS, *common], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _inert(cell) for name, cell in row.items()} for row in rows)
    return text.getvalue().encode("utf-8")


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_CSV_COLUMNS = (
    "onset_s", "duration_s", "kind", "model_label", "confidence", "verdict", "label", "reviewer", "decided_at",
    "comments", "note",
)  # fmt: skip


def _csv_row(event: ReviewedEvent) -> dict[str, str]:
    key, state = event.key, event.state
    return {
        "onset_s": f"{key.onset_s:.3f}",
        "duration_s": f"{key.duration_s:.3f}",
        "kind": key.kind,
        "model_label": key.label,
        "confidence": _share(event.confidence),
        "verdict": state.verdict,
        "label": state.label,
        "reviewer": state.reviewer,
        "decided_at": state.decided_at,
        "comments": "\n".join(f"{c.reviewer}, {c.at}: {c.text}" for c in state.comments),
        "note": event.note,
    }


def bids_events(document: ReviewDocument) -> tuple[bytes, bytes]:
    """``_events.tsv`` and ``_events.json`` after BIDS; events without the rejected ones.

    Source: Brain Imaging Data Structure, "Events", https://bids-specification.readthedocs.io.
    """
    rows = ["\t".join(_BIDS_COLUMNS), *("\t".join(_bids_row(event)) for event in document.standing)]
    sidecar = {
        **_BIDS_COLUMNS,
        "GeneratedBy": [{"Name": "ictus", "Version": document.model.version, "Description": NO_DEVICE}],
        "SourceRecordingSHA256": document.recording.sha256,
        "ModelSHA256": document.model.sha256,
        "OperatingPoint": dict(sorted(document.operating_point.items())),
        "ExportedBy": document.reviewer,
        "ExportedAt": document.created_at,
        **({"Patient": list(document.identity)} if document.identity else {}),
    }
    return ("\n".join(rows) + "\n").encode(), json_text(sidecar).encode()


def _bids_row(event: ReviewedEvent) -> list[str]:
    key, state = event.key, event.state
    is_reviewed = state.verdict != UNREVIEWED
    cells = [
        f"{key.onset_s:.3f}",
        f"{key.duration_s:.3f}",
        state.label,
        state.verdict,
        key.kind,
        key.label,
        _share(event.confidence),
        state.reviewer if is_reviewed else "",
        state.decided_at if is_reviewed else "",
    ]
    return [" ".join(cell.split()) or "n/a" for cell in cells]


def _inert(cell: str) -> str:
    """What somebody typed must not run as a formula where the table is opened: such a cell begins with ``'``."""
    return f"'{cell}" if cell[:1] in _FORMULA_STARTS and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _share(confidence: float | None) -> str:
    return "" if confidence is None or confidence != confidence else f"{confidence:.4f}"
