"""What follows from a recording and its review, made once for each state of the review and shared by all tabs."""

from collections.abc import Hashable, Sequence

import streamlit as st
from markupsafe import Markup

from .case import Case, States
from .findings import Choice, Finding, chosen, counts_by_kind, with_added
from .html import figure_cards
from .overview import overview

__all__ = ["cards_and_overview", "counts_of", "listed_of"]


def cards_and_overview(case: Case, states: States) -> tuple[Markup, Markup]:
    """Figures and overview as HTML; the reader's place is not in it."""
    return _whole(_name(case, states), _case=case, _states=states)


def counts_of(case: Case, states: States) -> dict[str, int]:
    """Findings by kind."""
    return _counts(_name(case, states), _case=case, _states=states)


def listed_of(case: Case, choice: Choice, states: States) -> Sequence[Finding]:
    """Findings of a choice, in its order."""
    wanted = (
        choice.kinds,
        choice.status,
        choice.order,
        choice.least,
        tuple(sorted((choice.thresholds or {}).items())),
    )
    return _listed((_name(case, states), wanted), _case=case, _choice=choice, _states=states)


def _name(case: Case, states: States) -> Hashable:
    decided = tuple(
        sorted((k.kind, k.onset_s, k.duration_s, k.label, s.verdict, s.label) for k, s in states.items())
    )
    return case.facts.sha256, case.facts.name, case.model.sha256, decided


@st.cache_resource(show_spinner=False, max_entries=32)
def _whole(name: Hashable, _case: Case, _states: States) -> tuple[Markup, Markup]:  # noqa: ARG001
    return figure_cards(_case.figures(_states)), overview(_case.overview(_states))


@st.cache_resource(show_spinner=False, max_entries=32)
def _counts(name: Hashable, _case: Case, _states: States) -> dict[str, int]:  # noqa: ARG001
    return dict(counts_by_kind(with_added(_case.findings, _states)))


@st.cache_resource(show_spinner=False, max_entries=32)
def _listed(name: Hashable, _case: Case, _choice: Choice, _states: States) -> Sequence[Finding]:  # noqa: ARG001
    return chosen(with_added(_case.findings, _states), _choice, _states)
