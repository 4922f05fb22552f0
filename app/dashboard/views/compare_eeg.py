"""The float model, the compact model and the device on the same seconds of EEG.

Their scores are in different units, so that decisions are compared: how far a second came, and whether an
alarm stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st
from markupsafe import Markup

from ....firmware_export.native.seizure import open_seizure
from ....models.seizure_cascade import SeizureDecisions, run_cascade
from ...analyze.beat_events import stretches
from ...analyze.eeg import open_eeg_lead
from ...model_files import ZOO, load_model
from ..library import LibraryEntry
from .case import Case
from .clock import clock
from .deciders import DECIDERS, MOST_ROWS, agreement, confusion, counts
from .html import figure_cards, grid, titled
from .overview import stage_rows
from .picture import picture
from .session import jump_to

__all__ = ["OUTCOMES", "SecondComparison", "compared_seconds", "show_seconds"]

OUTCOMES = ("gated", "screen", "specialist", "seizure")
"""How far a second came: no channel analysable, screened out, not a seizure to the specialist, looks like one."""

_COLOURS = ("c-gated", "c-N", "c-F", "c-seizure")


@dataclass(frozen=True)
class SecondComparison:
    """The same stretch of an EEG under three deciders.

    Attributes
    ----------
    start_s : of the first second
    outcome : int8 (n, 3), position in `OUTCOMES` by second and decider
    is_on : bool (n, 3), whether an alarm stands at the second's end
    """

    start_s: float
    outcome: np.ndarray
    is_on: np.ndarray

    @property
    def code(self) -> np.ndarray:
        """Outcome and alarm in one number, int8 (n, 3)."""
        return self.outcome + len(OUTCOMES) * self.is_on.astype(np.int8)

    @property
    def differing(self) -> list[tuple[int, int]]:
        """Runs of seconds, first and past the last, on which the three do not agree, each in its own way."""
        code = self.code
        is_member = (code != code[:, :1]).any(axis=1)
        changes = 1 + np.flatnonzero((code[1:] != code[:-1]).any(axis=1))
        return [part for run in stretches(is_member) for part in _cut(*run, changes.tolist())]


def _cut(first: int, stop: int, changes: Iterable[int]) -> list[tuple[int, int]]:
    edges = [first, *(at for at in changes if first < at < stop), stop]
    return list(pairwise(edges))


def compared_seconds(entry: LibraryEntry, start_s: float, stop_s: float) -> SecondComparison:
    """Decide a stretch of the montage three times, each from the reset."""
    lead = open_eeg_lead(entry.path, fs_hz=entry.fs_hz)
    signal = lead.between(start_s, stop_s)
    compact = load_model(None, "seizure").model
    decided = (
        run_cascade(load_model(ZOO / "seizure.safetensors", "seizure").model, signal, lead.mask),
        run_cascade(compact, signal, lead.mask),
        open_seizure(compact, lead.mask).push(signal).decisions,
    )
    outcome, is_on = (np.stack([f(d) for d in decided], axis=1) for f in (_outcome, _is_on))
    return SecondComparison(start_s, outcome, is_on)


def _outcome(decisions: SeizureDecisions) -> np.ndarray:
    return decisions.reached.astype(np.int8) + decisions.is_above.astype(np.int8)


def _is_on(decisions: SeizureDecisions) -> np.ndarray:
    return decisions.events()[1]


def show_seconds(case: Case, found: SecondComparison) -> None:
    """Figures, the three over time, and where they differ."""

    def sent(kind: str, value: Any) -> None:
        if kind == "pick":
            jump_to(case, float(value))
            st.session_state.view = "Review"

    differing = found.differing
    picture("compare figures", figure_cards(agreement("seconds", found.code)))
    with st.container(key="compared"):
        left, right = st.columns([1.5, 1], gap="medium")
    with left:
        picture("lanes", titled("Over time: seconds that look like a seizure, and alarms", _lanes(found)))
        title = "Where they differ (a click opens the second in the review)"
        picture("differences", titled(title, _rows(found, differing)), sent)
        if len(differing) > MOST_ROWS:
            st.caption(f"The first {MOST_ROWS} of {len(differing):,}.")
    with right:
        picture("confusion", titled("Float (rows) against device (columns)", confusion(OUTCOMES, found.outcome)))
        alarms = ("alarm stands", *(f"{n:,}" for n in found.is_on.sum(axis=0).tolist()))
        picture("counts", titled("Seconds", grid(("", *DECIDERS), [*counts(OUTCOMES, found.outcome), alarms])))
        st.caption(
            "gated: no channel is analysable, or it is before the first whole window. screen: screened out. "
            "specialist: not a seizure to the specialist. seizure: its score is above the threshold."
        )


def _lanes(found: SecondComparison) -> Markup:
    lanes = []
    for i, name in enumerate(DECIDERS):
        for what, css, is_so in (
            ("seizure", "c-seizure", found.outcome[:, i] == 3),
            ("alarm", "c-event", found.is_on[:, i]),
        ):
            lanes.append((f"{name}: {what}", css, np.flatnonzero(is_so), f"{int(is_so.sum()):,} s"))
    return stage_rows(lanes, found.start_s, float(len(found.outcome)), 1.0)


def _rows(found: SecondComparison, differing: list[tuple[int, int]]) -> Markup:
    if not differing:
        return Markup('<div class="empty">The three decide alike on every second of this stretch.</div>')
    rows = (_row(found, first, stop) for first, stop in differing[:MOST_ROWS])
    return Markup('<div class="rows">{}</div>').format(Markup("").join(rows))


def _row(found: SecondComparison, first: int, stop: int) -> Markup:
    cell = (
        '<span class="decider"><span class="muted">{}</span> <span class="outcome {}">{}</span> <b>{}</b></span>'
    )
    cells = Markup("").join(
        Markup(cell).format(name, _COLOURS[outcome], OUTCOMES[outcome], "alarm" if is_on else "")
        for name, outcome, is_on in zip(
            DECIDERS, found.outcome[first].tolist(), found.is_on[first].tolist(), strict=True
        )
    )
    line = '<div class="row compared" tabindex="0" data-pick="{}"><span class="tabular">{}{}</span>{}</div>'
    at_s, lasts = found.start_s + first, f", {stop - first} s" if stop - first > 1 else ""
    return Markup(line).format(f"{at_s:g}", clock(at_s), lasts, cells)
