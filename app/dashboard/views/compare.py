"""Compare: the float model, the compact model and the device on the same stretch, and where they differ."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from markupsafe import Markup

from ....models import BeatRecord, prepare_record
from ....models.staged import StagedModel, decide
from ....signals import CLASSES, DEVICE_FS_HZ, IctusError
from ...analyze.decision_scores import decision_scores
from ...analyze.ecg import analyze
from ...model_files import ZOO, load_model
from ...review.log import EventKey
from .case import Case
from .clock import clock
from .compare_eeg import SecondComparison, compared_seconds, show_seconds
from .deciders import DECIDERS, MOST_ROWS, agreement, confusion, counts
from .ecg_case import EcgCase
from .html import as_text, figure_cards, grid, titled
from .keys import key_text, text_key
from .picture import picture
from .session import jump_to, look_of, pick
from .shapes import badge
from .stretch import stretch_of

__all__ = ["Comparison", "compare", "compared"]

_LONGEST_S = 300.0
_DECIDERS_ARE = (
    "Float: the network in float32. Compact: the integer reference in Python. "
    "Device: the firmware's C, compiled for this computer. "
    "Each begins with the reset."
)
_LETTERS = (*CLASSES, "\u2013")
"""By label; the last one stands for a gated beat."""


@dataclass(frozen=True)
class Comparison:
    """The same stretch of an ECG under three deciders.

    Attributes
    ----------
    peak_s : float64 (n,), R peaks from the start of the recording; the detector is the same in all three
    label : int8 (n, 3), class by decider, -1 where the gate rejected the beat
    confidence : float64 (n, 3)
    """

    peak_s: np.ndarray
    label: np.ndarray
    confidence: np.ndarray

    @property
    def code(self) -> np.ndarray:
        """Position in `_LETTERS`, int8 (n, 3)."""
        return self.label % len(_LETTERS)

    @property
    def differs(self) -> np.ndarray:
        """Beats on which not all agree, int64 (k,)."""
        return np.flatnonzero((self.label != self.label[:, :1]).any(axis=1))


def compare(case: Case) -> None:
    """The page."""
    duration_s, length_s = case.facts.duration_s, min(_LONGEST_S, case.facts.duration_s)
    start_s = min(max(look_of(case).start_s - length_s / 2, 0.0), duration_s - length_s) // 1
    shown = (
        f"{clock(start_s)} to {clock(start_s + length_s)} of {clock(duration_s)}, around the place in the review"
    )
    st.caption(f"{shown}. {_DECIDERS_ARE}")
    try:
        with st.spinner("Deciding three times", show_time=True):
            found = _compared(case.facts.sha256, case.model.sha256, start_s, start_s + length_s, _case=case)
        if isinstance(found, SecondComparison):
            show_seconds(case, found)
        else:
            _show(case, found)
    except IctusError as error:
        st.error(as_text(str(error)))


@st.cache_resource(show_spinner=False, max_entries=16)
def _compared(
    recording: str,  # noqa: ARG001
    model: str,  # noqa: ARG001
    start_s: float,
    stop_s: float,
    _case: Case,
) -> Comparison | SecondComparison:
    if isinstance(_case, EcgCase):
        return compared(_case, start_s, stop_s)
    return compared_seconds(_case.entry, start_s, stop_s)


def compared(case: EcgCase, start_s: float, stop_s: float) -> Comparison:
    """Decide a stretch three times, each from the reset, on the same detected beats."""
    recording = stretch_of(case.pyramid, case.facts.name, start_s, stop_s)
    record, compact = prepare_record(recording), load_model(None, "beat").model
    float_model = load_model(ZOO / "beat.safetensors", "beat").model
    device = analyze(recording, compact).table
    n = min(len(device), len(record.beats))
    tables = [_decided(float_model, record), _decided(compact, record), (device.label, device.confidence)]
    label, confidence = (np.stack([t[i][:n] for t in tables], axis=1) for i in (0, 1))
    return Comparison(start_s + device.peak[:n] / DEVICE_FS_HZ, label, confidence)


def _decided(model: StagedModel, record: BeatRecord) -> tuple[np.ndarray, np.ndarray]:
    """Label and confidence of every beat by a Python reference."""
    found = decide(model, record)
    label = np.where(found.gated, -1, found.label).astype(np.int8)
    reached = np.where(found.gated, 0, np.where(found.reached, 2, 1))
    return label, decision_scores(label, reached, found.screen, found.classes)[1]


def _show(case: Case, found: Comparison) -> None:
    differs = found.differs
    picture("compare figures", figure_cards(agreement("beats", found.code)))
    with st.container(key="compared"):
        left, right = st.columns([1.5, 1], gap="medium")
    with left:
        title = "Where they differ (a click opens the beat in the review)"
        picture("differences", titled(title, _rows(found, differs)), lambda kind, value: _sent(case, kind, value))
        if len(differs) > MOST_ROWS:
            st.caption(f"The first {MOST_ROWS} of {len(differs):,}.")
    with right:
        picture("confusion", titled("Float (rows) against device (columns)", confusion(_LETTERS, found.code)))
        picture("counts", titled("Beats by class", grid(("", *DECIDERS), counts(_LETTERS, found.code))))


def _sent(case: Case, kind: str, value: Any) -> None:
    if kind == "pick":
        key = text_key(str(value))
        jump_to(case, key.onset_s)
        pick(case, case.finding_at(key))
        st.session_state.view = "Review"


def _rows(found: Comparison, differs: np.ndarray) -> Markup:
    if not len(differs):
        return Markup('<div class="empty">The three decide alike on every beat of this stretch.</div>')
    return Markup('<div class="rows">{}</div>').format(
        Markup("").join(_row(found, i) for i in differs[:MOST_ROWS])
    )


def _row(found: Comparison, i: int) -> Markup:
    at_s = float(found.peak_s[i])
    cells = Markup("").join(
        Markup('<span class="decider"><span class="muted">{}</span> {} {}</span>').format(
            name, Markup(badge(letter)), "" if np.isnan(share) else f"{share:.2f}"
        )
        for name, letter, share in zip(DECIDERS, _letters(found, i), found.confidence[i], strict=True)
    )
    key = key_text(EventKey("beat", at_s, 0.0, "V"))
    line = '<div class="row compared" tabindex="0" data-pick="{}"><span class="tabular">{}</span>{}</div>'
    return Markup(line).format(key, clock(at_s), cells)


def _letters(found: Comparison, i: int) -> list[str]:
    return [CLASSES[label] if label >= 0 else "gated" for label in found.label[i].tolist()]
