"""Export: the review as PDF, table, WFDB annotations and BIDS events."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st
from markupsafe import Markup

from ...recording_facts import BEAT, patient_identity
from ...review.export import ReviewDocument, ReviewedEvent
from ...review.export_pdf import MOST_STRIPS, pdf_report
from ...review.export_tables import bids_events, events_csv
from ...review.export_wfdb import wfdb_annotations
from ...review.log import EventState
from ...review.store import ReviewStore
from .case import Case, Figure, States
from .clock import clock
from .findings import event_name, kind_of, with_added
from .html import figure_cards, grid, titled
from .picture import picture
from .sensitivity import thresholds_of
from .services import services
from .session import reviewer

__all__ = ["Signature", "document_of", "export"]

_MOST_ROWS = 100

_CONTENTS = (
    f"The report shows strips of confirmed and relabelled events (the first {MOST_STRIPS}); "
    "the table holds every finding; annotations and BIDS events hold what stands after the review: rejected "
    "findings are left out. Times are seconds from the start of the recording; dates are ISO 8601 in UTC."
)


def export(case: Case) -> None:
    """The page; files are made when they are asked for, from what the database holds then."""
    store = services().store
    picture("export figures", figure_cards(_figures(store.states(case.facts.sha256))))
    with_identity = st.checkbox(
        "Include the patient and recording fields of the file",
        key="identity",
        help="Off: no export names the patient, and nothing of these fields is read.",
    )
    signed = Signature(reviewer(), thresholds_of(case), with_identity)

    def document() -> ReviewDocument:
        return document_of(case, store, signed)

    with st.container(horizontal=True, key="exports"):
        _button(case, "PDF report", "-review.pdf", lambda: pdf_report(document(), case.printed))
        _button(case, "CSV table", "-review.csv", lambda: events_csv(document()))
        if case.facts.task == BEAT:
            _button(case, "WFDB annotations", ".rev", lambda: wfdb_annotations(document(), case.beats))
        _button(case, "BIDS events", "-bids.zip", lambda: _bids(document()))
    st.caption(_CONTENTS)
    picture("export rows", titled("Decided so far", _decided(document())))


@dataclass(frozen=True)
class Signature:
    """Who exports, with which operating point, and whether the patient is named."""

    reviewer: str
    operating_point: Mapping[str, float]
    with_identity: bool


def document_of(case: Case, store: ReviewStore, signed: Signature) -> ReviewDocument:
    """The review as the database holds it now; called outside of the page's thread."""
    states = store.states(case.facts.sha256)
    events = tuple(
        ReviewedEvent(f.key, states.get(f.key) or EventState.unreviewed(f.key), f.confidence, f.note)
        for f in with_added(case.findings, states)
    )
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    identity = patient_identity(case.entry.path) if signed.with_identity else ()
    return ReviewDocument(case.facts, case.model, signed.operating_point, signed.reviewer, now, events, identity)


def _decided(document: ReviewDocument) -> Markup:
    """What a reviewer decided or wrote, in time order."""
    decided = [e for e in document.events if e.state.verdict != "unreviewed" or e.state.comments]
    if not decided:
        return Markup('<div class="empty">No decision yet.</div>')
    rows = [_line(e) for e in sorted(decided, key=lambda e: e.key.onset_s)[:_MOST_ROWS]]
    return grid(
        ("Onset", "Model", "Review", "Label", "Reviewer", "Decided (UTC)", "Comments"), rows, holds="texts"
    )


def _line(event: ReviewedEvent) -> tuple[str, ...]:
    key, state = event.key, event.state
    said = "; ".join(c.text for c in state.comments)
    who_when = state.reviewer, state.decided_at[:16].replace("T", " ")
    return clock(key.onset_s), event_name(kind_of(key)), state.verdict, event_name(state.label), *who_when, said


def _figures(states: States) -> list[Figure]:
    verdicts = [state.verdict for state in states.values()]
    n_comments = sum(len(state.comments) for state in states.values())
    names = (("Confirmed", "confirmed"), ("Relabelled", "relabelled"), ("Rejected", "rejected"))
    counts = [Figure(name, f"{verdicts.count(verdict):,}") for name, verdict in names]
    return [*counts, Figure("Comments", f"{n_comments:,}")]


def _button(case: Case, name: str, suffix: str, make: Callable[[], bytes]) -> None:
    st.download_button(
        name,
        make,
        f"{case.facts.name}{suffix}",
        "application/octet-stream",
        key=f"export {suffix}",
        on_click="ignore",
        icon=":material/download:",
        type="primary" if suffix.endswith("pdf") else "secondary",
    )


def _bids(document: ReviewDocument) -> bytes:
    """Table and its description, as BIDS wants them beside the recording."""
    table, description = bids_events(document)
    name, packed = document.recording.name, io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}_events.tsv", table)
        archive.writestr(f"{name}_events.json", description)
    return packed.getvalue()
