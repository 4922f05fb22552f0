"""What there is to review in a recording, in the order of how much it matters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....signals import CLASSES, DEVICE_FS_HZ
from ...analyze.analysis import STAGES, Analysis
from ...analyze.beat_events import Event
from ...review.log import EventKey, EventState
from .shapes import CLASS_NAMES

__all__ = [
    "SEVERITY",
    "Choice",
    "Finding",
    "chosen",
    "counts_by_kind",
    "ecg_findings",
    "event_name",
    "kind_of",
    "present",
    "with_added",
]

SEVERITY = (
    "ventricular_fibrillation",
    "seizure",
    "ventricular_run",
    "pause",
    "atrial_fibrillation",
    "ventricular_couplet",
    "supraventricular_run",
    "ventricular_bigeminy",
    "V",
    "F",
    "supraventricular_couplet",
    "S",
    "Q",
    "N",
)
"""Kinds from the gravest on; a kind that is not named comes after all of them."""

_MADE_OF = {
    "ventricular_run": "V",
    "ventricular_couplet": "V",
    "ventricular_bigeminy": "V",
    "supraventricular_run": "S",
    "supraventricular_couplet": "S",
}


@dataclass(frozen=True)
class Finding:
    """An event or a single beat that a reviewer may decide on.

    Attributes
    ----------
    key : its name in the review database
    kind : as in `SEVERITY`
    confidence : 0 to 1, not calibrated: of a beat, or the mean over the beats of an event; None if there is none
    stage : that decided; empty for an event of several beats
    note : a sentence for the reader
    row : of the beat in the table; -1 for an event
    """

    key: EventKey
    kind: str
    confidence: float | None = None
    stage: str = ""
    note: str = ""
    row: int = -1

    @property
    def onset_s(self) -> float:
        return self.key.onset_s

    @property
    def stop_s(self) -> float:
        return self.key.onset_s + self.key.duration_s

    @property
    def name(self) -> str:
        return event_name(self.kind)


@dataclass(frozen=True)
class Choice:
    """Which findings are listed, and how.

    Attributes
    ----------
    kinds : empty means all
    status : ``all``, ``open`` or ``decided``
    order : ``severity`` or ``time``
    least : lowest confidence; what has none is always listed
    thresholds : the operating point, by kind; an event made of beats answers to that of its beats
    """

    kinds: tuple[str, ...] = ()
    status: str = "all"
    order: str = "severity"
    least: float = 0.0
    thresholds: Mapping[str, float] | None = None


def event_name(kind: str) -> str:
    """A kind in words."""
    if kind in CLASS_NAMES:
        return f"{CLASS_NAMES[kind]} beat".capitalize()
    return kind.replace("_", " ").capitalize()


def kind_of(key: EventKey) -> str:
    """The kind under which an event of the database is listed."""
    return key.label if key.kind == "beat" else key.kind


def ecg_findings(analysis: Analysis) -> tuple[Finding, ...]:
    """Events and beats that are not normal, the gravest first."""
    table = analysis.table
    time_s = table.peak / DEVICE_FS_HZ
    events = [_of_event(event, time_s, table.confidence) for event in analysis.events]
    rows = np.flatnonzero(table.label > 0)
    columns = (c[rows].tolist() for c in (time_s, table.label, table.stage, table.confidence))
    beats = [
        Finding(EventKey("beat", at, 0.0, CLASSES[label]), CLASSES[label], share, STAGES[stage], row=row)
        for row, at, label, stage, share in zip(rows.tolist(), *columns, strict=True)
    ]
    return tuple(sorted([*events, *beats], key=_gravity))


def chosen(
    findings: Iterable[Finding], choice: Choice, states: Mapping[EventKey, EventState]
) -> tuple[Finding, ...]:
    """Those that a choice lists; what a reviewer decided is withheld by no operating point."""
    listed = [f for f in findings if _is_chosen(f, choice, states.get(f.key))]
    return tuple(sorted(listed, key=lambda f: f.onset_s) if choice.order == "time" else listed)


def with_added(findings: Sequence[Finding], states: Mapping[EventKey, EventState]) -> tuple[Finding, ...]:
    """Findings together with those that only the database knows: what a reviewer marked by hand, until undone."""
    known = {f.key for f in findings}
    kept = (key for key, s in states.items() if s.verdict != "unreviewed" or s.comments)
    added = [Finding(key, kind_of(key), note="marked by the reviewer") for key in kept if key not in known]
    return tuple(sorted([*findings, *added], key=_gravity)) if added else tuple(findings)


def _of_event(event: Event, time_s: np.ndarray, confidence: np.ndarray) -> Finding:
    key = EventKey(event.kind, event.onset_s, event.duration_s, event.kind)
    share = None
    if event.n_beats and event.kind != "pause":
        first, last = np.searchsorted(time_s, (event.onset_s - 1e-6, event.onset_s + event.duration_s + 1e-6))
        known = confidence[first:last]
        known = known[np.isfinite(known)]
        share = float(known.mean()) if len(known) else None
    return Finding(key, event.kind, getattr(event, "confidence", None) or share, note=event.note)


def _gravity(finding: Finding) -> tuple[int, float, float, float]:
    rank = SEVERITY.index(finding.kind) if finding.kind in SEVERITY else len(SEVERITY)
    return rank, -finding.key.duration_s, -(finding.confidence or 0.0), finding.onset_s


def _is_chosen(finding: Finding, choice: Choice, state: EventState | None) -> bool:
    decided = state is not None and state.verdict != "unreviewed"
    if choice.kinds and finding.kind not in choice.kinds:
        return False
    if choice.status != "all" and decided != (choice.status == "decided"):
        return False
    if finding.confidence is None or decided:
        return True
    kind = _MADE_OF.get(finding.kind, finding.kind)
    least = max(choice.least, (choice.thresholds or {}).get(kind, 0.0))
    return finding.confidence >= least


def present(findings: Iterable[Finding], states: Mapping[EventKey, EventState]) -> tuple[Finding, ...]:
    """Findings as they stand after the review: rejected ones are gone, relabelled ones have their new kind."""
    stand = []
    for finding in findings:
        state = states.get(finding.key)
        if state is None or state.verdict in ("unreviewed", "confirmed"):
            stand.append(finding)
        elif state.verdict == "relabelled":
            stand.append(replace(finding, kind=state.label))
    return tuple(stand)


def counts_by_kind(findings: Iterable[Finding]) -> Iterator[tuple[str, int]]:
    """How many there are of every kind, the gravest first."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    yield from counts.items()
