"""What a reviewer says to a finding: confirm, reject, relabel, comment, undo; each is saved at once."""

from collections.abc import Sequence

import streamlit as st

from ....signals import InputError
from ...review.log import EventKey
from ...review.store import Review
from .case import Case, States
from .findings import Finding, event_name
from .html import as_text
from .listing import show_page_of
from .sensitivity import thresholds_of
from .services import services
from .session import look_of, next_click, pick, reviewer
from .shapes import CLASS_NAMES

__all__ = ["buttons"]

_MARKABLE_S = 5.0


def buttons(case: Case, listed: Sequence[Finding], picked: Finding | None, states: States) -> None:
    """Everything below the list."""
    _problem()
    _walk(case, listed, picked)
    if picked is None:
        st.caption("Choose a finding in the list, or a beat on the strip. J next, K previous.")
    else:
        _verdicts(case, listed, picked)
        _labels(case, listed, picked)
        _comment(case, picked, states)
    _mark(case)


def _problem() -> None:
    problem = st.session_state.pop("problem", None)
    if problem:
        st.error(as_text(problem))


def _walk(case: Case, listed: Sequence[Finding], picked: Finding | None) -> None:
    with st.container(horizontal=True, key="walk"):
        for name, icon, by, shortcut in (
            ("Previous", "arrow_upward", -1, "K"),
            ("Next", "arrow_downward", 1, "J"),
        ):
            st.button(
                name,
                icon=f":material/{icon}:",
                key=name,
                shortcut=shortcut,
                width="stretch",
                disabled=not listed,
                on_click=_step,
                args=(case, listed, picked, by),
            )


def _step(case: Case, listed: Sequence[Finding], picked: Finding | None, by: int) -> None:
    """To the neighbour in the list; from a finding that is not listed to the next one in time."""
    index = next((i for i, f in enumerate(listed) if picked is not None and f.key == picked.key), None)
    if index is None:
        index = -1 if by > 0 or picked is None else len(listed)
    index = min(max(index + by, 0), len(listed) - 1)
    pick(case, listed[index])
    show_page_of(index)


def _verdicts(case: Case, listed: Sequence[Finding], picked: Finding) -> None:
    with st.container(horizontal=True, key="verdicts"):
        _decider("Confirm", "check", "Y", case, listed, picked, "confirm")
        _decider("Reject", "close", "X", case, listed, picked, "reject")
        st.button(
            "Undo", icon=":material/undo:", key="Undo", shortcut="U", width="stretch", on_click=_undo, args=(case,)
        )


def _decider(
    name: str, icon: str, shortcut: str, case: Case, listed: Sequence[Finding], picked: Finding, action: str
) -> None:
    st.button(
        name,
        icon=f":material/{icon}:",
        key=name,
        shortcut=shortcut,
        width="stretch",
        on_click=_decide,
        args=(case, listed, picked, action),
    )


def _labels(case: Case, listed: Sequence[Finding], picked: Finding) -> None:
    labels = case.labels(picked)
    if picked.key.kind == "beat":
        with st.container(horizontal=True, key="labels"):
            for label in labels:
                st.button(
                    label,
                    key=f"label {label}",
                    shortcut=label,
                    width="stretch",
                    help=f"Relabel: {CLASS_NAMES[label]}",
                    on_click=_decide,
                    args=(case, listed, picked, "relabel", label),
                )
        return
    st.selectbox(
        "Relabel",
        [kind for kind in labels if kind != picked.kind],
        index=None,
        key=f"relabel {picked.key}",
        format_func=event_name,
        placeholder="Relabel as",
        label_visibility="collapsed",
        on_change=_relabel,
        args=(case, listed, picked),
    )


def _relabel(case: Case, listed: Sequence[Finding], picked: Finding) -> None:
    label = st.session_state.get(f"relabel {picked.key}")
    if label:
        _decide(case, listed, picked, "relabel", label)


def _comment(case: Case, picked: Finding, states: States) -> None:
    name = f"comment {picked.key}"
    st.text_input(
        "Comment",
        key=name,
        placeholder="Comment, Enter saves",
        label_visibility="collapsed",
        on_change=_say,
        args=(case, picked, name),
    )
    state = states.get(picked.key)
    for comment in state.comments if state else ():
        st.caption(
            f"{comment.text} ({comment.reviewer}, {comment.at[:16].replace('T', ' ')} UTC)".replace("$", "\\$")
        )


def _mark(case: Case) -> None:
    """An event that nobody found."""
    with st.popover("Mark an event by hand", width="stretch"):
        kinds = [k for k in case.labels(Finding(EventKey("marked", 0, 0, "marked"), "marked")) if k != "artefact"]
        kind = st.selectbox("Kind", kinds, format_func=event_name, key="mark kind")
        st.number_input(
            "Onset, s", 0.0, case.facts.duration_s, None, 0.1, key="mark onset", placeholder="start of the view"
        )
        length = min(_MARKABLE_S, case.facts.duration_s)
        duration_s = st.number_input("Duration, s", 0.0, case.facts.duration_s, length, 0.1, key="mark duration")
        st.button("Mark", key="mark", on_click=_add, args=(case, kind, duration_s))


def _add(case: Case, kind: str, duration_s: float) -> None:
    """Without an onset, the event begins where the paper does when the button is pressed."""
    typed: float | None = st.session_state["mark onset"]
    onset_s = look_of(case).start_s if typed is None else typed
    key = EventKey(kind, onset_s, min(duration_s, case.facts.duration_s - onset_s), kind)
    _decide(case, (), Finding(key, kind), "confirm")
    st.session_state["mark onset"] = None


def _say(case: Case, picked: Finding, name: str) -> None:
    text = str(st.session_state.get(name, "")).strip()
    if text and _saved(
        lambda: services().store.decide(_review(case), picked.key, "comment", next_click(), comment=text)
    ):
        st.session_state[name] = ""


def _decide(case: Case, listed: Sequence[Finding], picked: Finding, action: str, label: str = "") -> None:
    def save() -> object:
        return services().store.decide(_review(case), picked.key, action, next_click(), new_label=label)

    if _saved(save):
        _step(case, listed, picked, 1) if any(f.key == picked.key for f in listed) else pick(
            case, picked, moves=False
        )


def _undo(case: Case) -> None:
    def save() -> object:
        undone = services().store.undo(_review(case), next_click())
        if undone is None:
            st.session_state.problem = "Nothing to undo."
        else:
            pick(case, case.finding_at(undone.key))
        return undone

    _saved(save)


def _review(case: Case) -> Review:
    return services().store.begin_review(case.facts, reviewer(), case.model, thresholds_of(case))


def _saved(save) -> bool:
    """Whether it is in the database; if not, the page says so."""
    try:
        save()
    except InputError as error:
        st.session_state.problem = f"Not saved: {error}"
        return False
    return True
