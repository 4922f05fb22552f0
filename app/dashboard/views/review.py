"""Review: the recording at a glance, a stretch of it on paper, and the list of what was found."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st
from markupsafe import Markup

from . import decide, listing
from .case import Case, Reason, States
from .clock import clock
from .findings import Finding, with_added
from .html import facts_table
from .keys import text_key
from .memo import cards_and_overview, listed_of
from .overview import with_place
from .picture import picture
from .sensitivity import sensitivity, thresholds_of
from .services import services
from .session import choice_of, jump_to, look_of, move_by, pick, picked_of

__all__ = ["review"]

T = TypeVar("T", float, str)


@st.fragment
def review(case: Case) -> None:
    """The page; what is clicked runs only this, and a move along the recording only `_place`."""
    states = services().store.states(case.facts.sha256)
    picked = _in_review(case, states)
    cards, _ = cards_and_overview(case, states)
    listed = listed_of(case, choice_of(thresholds_of(case)), states)
    picture("figures", cards)
    with st.container(key="review"):
        left, right = st.columns([2.75, 1], gap="medium")
    with left:
        _place(case)
        _reason(case, picked)
    with right:
        sensitivity(case)
        listing.filters(case, states)
        listing.rows(case, listed, picked, states)
        decide.buttons(case, listed, picked, states)


@st.fragment
def _place(case: Case) -> None:
    """Where the reader is: the whole, the ways to move, the stretch on paper."""
    if st.session_state.pop("picked_on_paper", False):
        st.rerun()  # the list and the reason stand outside
    states = services().store.states(case.facts.sha256)
    _whole(case, cards_and_overview(case, states)[1])
    _controls(case)
    _stretch(case, _in_review(case, states), states)


def _in_review(case: Case, states: States) -> Finding | None:
    """The finding in review: one of the analysis, or one that a reviewer marked by hand."""
    key = st.session_state.picked
    added = (f for f in with_added((), states) if f.key == key) if key in states else iter(())
    return picked_of(case) or next(added, None)


def _whole(case: Case, whole: Markup) -> None:
    look = look_of(case)

    def sent(kind: str, value: Any) -> None:
        if kind == "time":
            jump_to(case, float(value))

    picture("overview", with_place(whole, look.start_s, look.stop_s, case.facts.duration_s), sent)


def _controls(case: Case) -> None:
    look = look_of(case)
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        step, page = look.span_s / 5, 0.9 * look.span_s
        _mover(case, "Back a page", "keyboard_double_arrow_left", -page, "Shift+Left")
        _mover(case, "Back", "chevron_left", -step, "Left")
        _mover(case, "On", "chevron_right", step, "Right")
        _mover(case, "On a page", "keyboard_double_arrow_right", page, "Shift+Right")
        st.text_input(
            "Time",
            key="goto",
            placeholder=clock(look.start_s),
            label_visibility="collapsed",
            width=112,
            on_change=_go,
            args=(case,),
            help="hh:mm:ss or seconds from the start",
        )
        spans = [s for s in case.spans_s if s <= case.facts.duration_s] or [case.facts.duration_s]
        _choice("span", spans, spans[0], _seconds)
        _choice("gain", sorted(case.gains), case.gains[0], lambda gain: f"{gain:g} {case.gain_unit}")
        if case.bands:
            _choice("band", case.bands, case.bands[0], str)


def _choice(key: str, options: Sequence[T], first: T, named: Callable[[T], str]) -> None:
    """The choice lies in the session from the beginning, since it outlives the page."""
    if st.session_state.get(key) not in options:
        st.session_state[key] = first
    st.segmented_control(key, options, key=key, format_func=named, label_visibility="collapsed", required=True)


def _seconds(value: float) -> str:
    return f"{value:g} s"


def _mover(case: Case, name: str, icon: str, seconds: float, shortcut: str) -> None:
    st.button(
        name,
        icon=f":material/{icon}:",
        key=f"move {name}",
        shortcut=shortcut,
        on_click=move_by,
        args=(case, seconds),
    )


def _go(case: Case) -> None:
    parts = str(st.session_state.goto).strip().replace(",", ".").split(":")
    st.session_state.goto = ""
    try:
        numbers = [float(part) for part in parts if part]
    except ValueError:
        return
    if numbers:
        jump_to(case, sum(value * 60**i for i, value in enumerate(reversed(numbers))))


def _stretch(case: Case, picked: Finding | None, states: States) -> None:
    def sent(kind: str, value: Any) -> None:
        if kind == "pick":
            pick(case, case.finding_at(text_key(str(value))), moves=False)
            st.session_state.picked_on_paper = True
        elif kind == "pan":
            move_by(case, float(value))

    picture("strip", case.strip(look_of(case), picked, states), sent)


def _reason(case: Case, picked: Finding | None) -> None:
    if picked is None:
        return
    reason: Reason = case.reason(picked)
    picture("why", facts_table(f"Why: {picked.name}, {clock(picked.onset_s)}", reason))
