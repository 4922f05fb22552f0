"""The list of findings: filters, and one page of rows."""

from collections.abc import Sequence
from typing import Any

import streamlit as st
from markupsafe import Markup

from ...review.log import EventState
from .case import Case, States
from .clock import clock, span
from .findings import SEVERITY, Finding, event_name
from .keys import key_text, text_key
from .memo import counts_of
from .picture import picture
from .session import pick
from .shapes import CLASS_NAMES, badge

__all__ = ["ROWS", "filters", "rows", "show_page_of"]

ROWS = 8
"""Findings on a page of the list."""

_SEVERITY = (
    f"Severity: {', '.join(map(event_name, SEVERITY))}. Within a kind: the longer, then the surer one first."
)
_VERDICTS = {"unreviewed": "", "confirmed": "confirmed", "rejected": "rejected", "relabelled": "now"}


def filters(case: Case, states: States) -> None:
    """Kind, review state, order, confidence."""
    counts = counts_of(case, states)

    def named(kind: str) -> str:
        return f"{event_name(kind)} ({counts.get(kind, 0):,})"

    kinds = [*counts, *(k for k in st.session_state.get("kinds") or () if k not in counts)]
    st.multiselect(
        "Kinds",
        kinds,
        key="kinds",
        format_func=named,
        placeholder="All kinds of finding",
        label_visibility="collapsed",
        on_change=_first_page,
    )
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        st.segmented_control(
            "Show",
            ("All", "Open", "Decided"),
            key="status",
            label_visibility="collapsed",
            on_change=_first_page,
            required=True,
        )
        with st.popover("Sort, confidence"):
            st.radio(
                "Order", ("Severity", "Time"), key="order", horizontal=True, on_change=_first_page, help=_SEVERITY
            )
            st.slider("Lowest confidence", 0.0, 1.0, step=0.05, key="least", on_change=_first_page)


def rows(case: Case, listed: Sequence[Finding], picked: Finding | None, states: States) -> None:
    """One page of the list; a click takes a finding into review."""
    n_pages = max(-(-len(listed) // ROWS), 1)
    page = min(st.session_state.page, n_pages - 1)
    shown = listed[page * ROWS : (page + 1) * ROWS]

    def sent(kind: str, value: Any) -> None:
        if kind == "pick":
            key = text_key(str(value))
            pick(case, next((f for f in listed if f.key == key), None))

    picture("list", _html(shown, picked, states), sent)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="pages"
    ):
        st.button(
            "Earlier page",
            icon=":material/chevron_left:",
            key="page back",
            disabled=page == 0,
            on_click=_turn,
            args=(page - 1,),
        )
        st.caption(f"{page + 1} / {n_pages}, {len(listed):,} listed")
        st.button(
            "Later page",
            icon=":material/chevron_right:",
            key="page on",
            disabled=page >= n_pages - 1,
            on_click=_turn,
            args=(page + 1,),
        )


def show_page_of(index: int) -> None:
    """Turn to the page that holds a finding."""
    st.session_state.page = max(index, 0) // ROWS


def _first_page() -> None:
    st.session_state.page = 0


def _turn(page: int) -> None:
    st.session_state.page = page


def _html(shown: Sequence[Finding], picked: Finding | None, states: States) -> Markup:
    if not shown:
        return Markup('<div class="rows"><div class="empty">Nothing is listed with these filters.</div></div>')
    lines = (_row(f, picked is not None and f.key == picked.key, states.get(f.key)) for f in shown)
    return Markup('<div class="rows" role="listbox" aria-label="Findings">{}</div>').format(Markup("").join(lines))


def _row(finding: Finding, is_on: bool, state: EventState | None) -> Markup:
    sure = "" if finding.confidence is None else f" \u00b7 {finding.confidence:.2f}"
    long = f" \u00b7 {span(finding.key.duration_s)}" if finding.key.duration_s else ""
    return Markup(
        '<div class="row{}" role="option" tabindex="0" aria-selected="{}" data-pick="{}">{}'
        '<div style="min-width:0"><div class="title">{}</div><div class="sub">{}{}{}</div></div>'
        '<div class="state">{}</div></div>'
    ).format(
        " on" if is_on else "",
        str(is_on).lower(),
        key_text(finding.key),
        Markup(badge(finding.kind)),
        finding.name,
        clock(finding.onset_s),
        long,
        sure,
        _state(state),
    )


def _state(state: EventState | None) -> Markup:
    if state is None:
        return Markup("")
    said = _VERDICTS[state.verdict]
    if state.verdict == "relabelled":
        name = state.label if state.label in CLASS_NAMES else event_name(state.label)
        said = f"{said} {name}"
    comment = " \u00b7 note" if state.comments else ""
    return Markup('<span class="verdict {}">{}</span>{}').format(state.verdict, said, comment)
