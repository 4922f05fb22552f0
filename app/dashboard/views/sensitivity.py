"""The sensitivity slider: from which confidence on a finding is listed, and what that costs on validation data."""

import numpy as np
import streamlit as st

from ...evaluate.operating_point import Curve, Curves, load_curves
from ...recording_facts import ModelFacts
from .case import Case
from .findings import event_name
from .services import services
from .session import reviewer

__all__ = ["estimate", "sensitivity", "thresholds_of"]


def thresholds_of(case: Case) -> dict[str, float]:
    """The operating point, by kind; that of this reviewer's last review of the recording to begin with."""
    curves = _curves(case.facts.task, case.model)
    if curves is None:
        return {}
    return {kind: float(st.session_state.get(_name(case, kind), 0.0)) for kind in curves.by_kind}


def sensitivity(case: Case) -> None:
    """Sliders, and in a line what they mean."""
    curves = _curves(case.facts.task, case.model)
    if curves is None:
        st.caption("No validation curves for this model: every finding is listed.")
        return
    _restore(case, curves)
    thresholds = thresholds_of(case)
    with st.popover("Sensitivity", width="stretch", icon=":material/tune:"):
        for kind, curve in curves.by_kind.items():
            _slider(case, kind, curve)
        st.caption(_source(curves))
    lines = (
        f"{kind if len(kind) == 1 else event_name(kind)}: {estimate(curves.by_kind[kind], t)}"
        for kind, t in thresholds.items()
    )
    st.caption("  \n".join(lines))


def estimate(curve: Curve, threshold: float) -> str:
    """What a threshold means on validation data, in words."""
    at = curve.at(threshold)
    return f"{100 * at.missed:.0f} % missed, {at.false_alarms_per_hour:.1f} false an hour"


def _slider(case: Case, kind: str, curve: Curve) -> None:
    shares = dict(zip(curve.threshold.tolist(), curve.sensitivity.tolist(), strict=True))
    st.select_slider(
        f"{event_name(kind)}: share that is found",
        _stops(curve)[::-1],
        key=_name(case, kind),
        format_func=lambda threshold: f"{100 * shares[threshold]:.0f} %",
        on_change=_save,
        args=(case,),
        help="To the right more is found and more of it is false. It cannot find more than the model does.",
    )
    at = curve.at(thresholds_of(case)[kind])
    share = (
        f"found {100 * at.sensitivity:.1f} % ({100 * at.sensitivity_low:.0f} to {100 * at.sensitivity_high:.0f})"
    )
    rate = f"{at.false_alarms_per_hour_low:.1f} to {at.false_alarms_per_hour_high:.1f}"
    false = f"{at.false_alarms_per_hour:.1f} false an hour ({rate})"
    st.caption(f"Confidence from {at.threshold:.3g}: {share}, missed {100 * at.missed:.1f} %, {false}")


def _stops(curve: Curve) -> list[float]:
    """Thresholds at which anything changes."""
    seen = np.stack([curve.sensitivity, curve.false_alarms_per_hour])
    changes = np.append(True, (np.diff(seen) != 0).any(axis=0))
    return [float(t) for t in curve.threshold[changes]]


def _source(curves: Curves) -> str:
    fits = "" if curves.matches_model else " Made with another version of the model."
    much = f"{curves.n_records} recordings, {curves.n_subjects} subjects, {curves.hours:.3g} h"
    return f"Estimated on {curves.source}: {much}; 95 % intervals.{fits}"


def _restore(case: Case, curves: Curves) -> None:
    names = [_name(case, kind) for kind in curves.by_kind]
    if all(name in st.session_state for name in names):
        return
    latest = services().store.latest_review(case.facts.sha256, reviewer())
    for kind, name in zip(curves.by_kind, names, strict=True):
        saved = latest.operating_point.get(kind, 0.0) if latest else 0.0
        nearest = min(_stops(curves.by_kind[kind]), key=lambda stop: abs(stop - saved))
        st.session_state.setdefault(name, nearest)


def _save(case: Case) -> None:
    """The operating point is saved when the slider is let go."""
    services().store.begin_review(case.facts, reviewer(), case.model, thresholds_of(case))


def _name(case: Case, kind: str) -> str:
    return f"threshold {case.facts.sha256[:12]} {kind}"


@st.cache_resource(show_spinner=False)
def _curves(task: str, model: ModelFacts) -> Curves | None:
    return load_curves(task, model)
