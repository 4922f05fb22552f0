"""What a browser tab remembers: its recording, its place in it, who reviews; the address bar keeps two of them."""

import getpass
import uuid

import streamlit as st

from ...review.log import Click, EventKey
from .case import Case, Look
from .findings import Choice, Finding

__all__ = [
    "VIEWS",
    "choice_of",
    "go_to",
    "jump_to",
    "look_of",
    "move_by",
    "next_click",
    "pick",
    "picked_of",
    "record_id",
    "reviewer",
    "start_session",
    "view",
]

_KEPT = ("kinds", "status", "order", "least", "span", "gain", "band", "reviewer", "device")
VIEWS = ("Open", "Review", "Device", "Compare", "Export")


_FIRST = {"status": "All", "order": "Severity", "least": 0.0}
"""What filters begin with."""


def start_session() -> None:
    """Fill in what a new tab lacks, from the address bar where it can: a reload comes back to its place."""
    state, address = st.session_state, st.query_params
    if "client" in state:
        _keep()
        return
    state.client, state.sequence = uuid.uuid4().hex, 0
    wanted = address.get("view", "").capitalize()
    state.view = wanted if wanted in VIEWS and "record" in address else "Open"
    state.start_s, state.picked, state.page = _number(address.get("t", "")), None, 0
    state.reviewer = _user_name()
    state.update(_FIRST)


def _keep() -> None:
    """Filters and names outlive the pages on which their widgets stand."""
    for name in _KEPT:
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]


def record_id() -> str | None:
    """Id of the recording in the address bar."""
    return st.query_params.get("record")


def view() -> str:
    """The page that is shown; without a recording only one makes sense."""
    return st.session_state.view if record_id() else "Open"


def reviewer() -> str:
    """Name under which decisions are saved."""
    return str(st.session_state.reviewer).strip() or _user_name()


def go_to(entry_id: str) -> None:
    """Open a recording from its beginning."""
    state = st.session_state
    st.query_params.from_dict({"record": entry_id, "view": "review", "t": "0"})
    state.view, state.start_s, state.picked, state.page = "Review", 0.0, None, 0
    for name in ("kinds", "span", "gain", "band"):
        state.pop(name, None)
    state.update(_FIRST)


def look_of(case: Case) -> Look:
    """The part of a recording that is shown."""
    state = st.session_state
    span_s = min(float(state.get("span") or case.spans_s[0]), case.facts.duration_s)
    start_s = min(max(state.start_s, 0.0), case.facts.duration_s - span_s)
    band = str(state.get("band") or (case.bands[0] if case.bands else ""))
    return Look(start_s, span_s, float(state.get("gain") or case.gains[0]), band)


def jump_to(case: Case, middle_s: float) -> None:
    """Show what lies around a moment."""
    span_s = look_of(case).span_s
    _start_at(case, middle_s - span_s / 2)


def move_by(case: Case, seconds: float) -> None:
    """Show what lies before or behind."""
    _start_at(case, look_of(case).start_s + seconds)


def pick(case: Case, finding: Finding | None, moves: bool = True) -> None:
    """Take a finding into review; its middle is shown, or its beginning where it is longer than the view."""
    st.session_state.picked = finding.key if finding else None
    if finding and moves:
        look = look_of(case)
        middle_s = finding.onset_s + min(finding.key.duration_s, 0.7 * look.span_s) / 2
        _start_at(case, middle_s - look.span_s / 2)


def picked_of(case: Case) -> Finding | None:
    """The finding in review."""
    key: EventKey | None = st.session_state.picked
    return case.finding_at(key) if key else None


def choice_of(thresholds: dict[str, float]) -> Choice:
    """What the reader filters by."""
    state = st.session_state
    return Choice(
        tuple(state.get("kinds") or ()),
        (state.get("status") or "All").lower(),
        (state.get("order") or "Severity").lower(),
        float(state.get("least") or 0.0),
        thresholds,
    )


def next_click() -> Click:
    """The number of the next press of a button in this tab."""
    st.session_state.sequence += 1
    return Click(st.session_state.client, st.session_state.sequence)


def _start_at(case: Case, start_s: float) -> None:
    span_s = look_of(case).span_s
    st.session_state.start_s = round(min(max(start_s, 0.0), case.facts.duration_s - span_s), 3)
    st.query_params["t"] = f"{st.session_state.start_s:g}"


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e9 else 0.0


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "reviewer"
