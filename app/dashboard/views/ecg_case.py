"""An opened ECG: beats and events of one lead, drawn on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup

from ....signals import CLASSES, DEVICE_FS_HZ
from ...analyze.analysis import STAGES, Analysis
from ...recording_facts import ModelFacts, RecordingFacts
from ...review.export import Strip, strip_window
from ...review.log import EventKey
from ..library import LibraryEntry
from ..pyramid import Pyramid
from .case import Figure, Look, Reason, States
from .clock import span
from .findings import SEVERITY, Finding, ecg_findings, present, with_added
from .keys import key_text
from .overview import Overview
from .paper import Paper, PaperBeat, Stretch, paper_strip
from .template import why_beat
from .trend import Curve, heart_rate_curve, raster, share_of_columns

__all__ = ["EcgCase"]

_SLACK_S = 0.02
_EVENT_LABELS = tuple(kind for kind in SEVERITY if len(kind) > 1 and kind != "seizure")


@dataclass(frozen=True)
class EcgCase:
    """See `Case`."""

    entry: LibraryEntry
    facts: RecordingFacts
    model: ModelFacts
    analysis: Analysis
    pyramid: Pyramid
    spans_s: tuple[float, ...] = (10.0, 20.0, 30.0, 60.0)
    gains: tuple[float, ...] = (10.0, 5.0, 20.0)
    gain_unit: str = "mm/mV"
    bands: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        return self.analysis.summary.note

    @property
    def beats(self) -> Sequence[tuple[float, str]]:
        label = self.analysis.table.label
        is_decided = label >= 0
        letters = (CLASSES[i] for i in label[is_decided].tolist())
        return tuple(zip(self.peak_s[is_decided].tolist(), letters, strict=True))

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self._findings

    @cached_property
    def peak_s(self) -> np.ndarray:
        """R peaks, float64 (n_beats,)."""
        return self.analysis.table.peak / DEVICE_FS_HZ

    def figures(self, states: States) -> Sequence[Figure]:
        summary, standing = self.analysis.summary, present(with_added(self.findings, states), states)
        n_of = {letter: sum(f.kind == letter for f in standing) for letter in CLASSES[1:]}
        hours = max(summary.duration_s - summary.rejected_s, 1.0) / 3600
        fibrillation_s = sum(f.key.duration_s for f in standing if f.kind == "atrial_fibrillation")
        analysable = 1 - summary.rejected_s / summary.duration_s
        rate = summary.rate
        n_decided = sum(state.verdict != "unreviewed" for state in states.values())
        return (
            Figure("Length", span(summary.duration_s), f"lead {summary.lead}, {summary.fs_hz:g} Hz"),
            Figure("Analysable", f"{100 * analysable:.1f} %", f"{span(summary.rejected_s)} rejected by the gate"),
            Figure("Heart rate", _bpm(rate.mean_bpm), f"{_bpm(rate.min_bpm)} to {_bpm(rate.max_bpm)} (8 beats)"),
            Figure("Beats", f"{summary.n_beats:,}", f"{summary.n_rejected:,} not analysable"),
            Figure("Ventricular", f"{n_of['V']:,}", f"{n_of['V'] / hours:,.0f}/h; fusion {n_of['F']:,}"),
            Figure("Supraventricular", f"{n_of['S']:,}", f"{n_of['S'] / hours:,.0f} per hour"),
            Figure("AF burden", f"{100 * fibrillation_s / (3600 * hours):.1f} %", "of the analysable time"),
            Figure("Reviewed", f"{n_decided:,}", f"of {len(self.findings):,} findings"),
        )

    def overview(self, states: States) -> Overview:
        duration_s = self.facts.duration_s
        standing = present(with_added(self.findings, states), states)
        gated, share = self._gate_columns
        return Overview(duration_s, "Heart rate", "bpm", self._curve, gated, share, raster(standing, duration_s))

    def strip(self, look: Look, picked: Finding | None, states: States) -> Markup:
        view = self.pyramid.view(look.start_s, look.stop_s, max(int(200 * look.span_s), 4000))
        time_s, values = view.line()
        rejected = [(e.onset_s, e.onset_s + e.duration_s) for e in self.analysis.not_analysable]
        near = [s for s in rejected if s[1] > look.start_s and s[0] < look.stop_s]
        events = [(picked.onset_s, picked.stop_s)] if picked and picked.key.duration_s else []
        beats = self._beats(look.start_s, look.stop_s, picked, states)
        mv = self._millivolts(values)
        shown = Stretch(look.start_s, look.stop_s, self.analysis.lead, time_s, mv, beats, near, events)
        return paper_strip(shown, Paper(mm_per_mv=look.gain))

    def finding_at(self, key: EventKey) -> Finding | None:
        if key.kind != "beat":
            return next((f for f in self.findings if f.key == key), None)
        row = int(np.searchsorted(self.peak_s, key.onset_s - _SLACK_S))
        if row == len(self.peak_s) or abs(self.peak_s[row] - key.onset_s) > _SLACK_S:
            return None
        return self._beat_finding(row)

    def labels(self, finding: Finding) -> Sequence[str]:
        return tuple(CLASSES) if finding.key.kind == "beat" else (*_EVENT_LABELS, "artefact")

    def reason(self, finding: Finding) -> Reason:
        return why_beat(self.analysis, self.peak_s, self.pyramid, finding)

    def printed(self, key: EventKey) -> Strip | None:
        start_s, stop_s = strip_window(key, self.facts.duration_s)
        time_s, values = self.pyramid.samples(start_s, stop_s)
        marks = tuple(
            (b.time_s, b.letter if b.letter != "gated" else "\u2013")
            for b in self._beats(start_s, stop_s, None, {})
        )
        rejected = tuple((e.onset_s, e.onset_s + e.duration_s) for e in self.analysis.not_analysable)
        fs_hz, mv = self.pyramid.fs_hz, self._millivolts(values)[np.newaxis]
        return Strip(float(time_s[0]), fs_hz, (self.analysis.lead,), "mV", mv, marks, rejected)

    @cached_property
    def _findings(self) -> tuple[Finding, ...]:
        return ecg_findings(self.analysis)

    @cached_property
    def _curve(self) -> Curve:
        return heart_rate_curve(self.analysis)

    @cached_property
    def _gate_columns(self) -> tuple[np.ndarray, str]:
        spans = [(e.onset_s, e.onset_s + e.duration_s) for e in self.analysis.not_analysable]
        return share_of_columns(spans, self.facts.duration_s), span(self.analysis.rejected_s)

    def _millivolts(self, values: np.ndarray) -> np.ndarray:
        return values / {"uv": 1000.0, "\u00b5v": 1000.0, "v": 0.001}.get(self.pyramid.channel.unit.lower(), 1.0)

    def _beat_finding(self, row: int) -> Finding:
        table = self.analysis.table
        label = int(table.label[row])
        letter = CLASSES[label] if label >= 0 else "gated"
        confidence = float(table.confidence[row]) if label >= 0 else None
        key = EventKey("beat", float(self.peak_s[row]), 0.0, letter)
        return Finding(key, letter, confidence, STAGES[table.stage[row]], row=row)

    def _beats(self, start_s: float, stop_s: float, picked: Finding | None, states: States) -> list[PaperBeat]:
        first, last = np.searchsorted(self.peak_s, (start_s, stop_s))
        return [self._paper_beat(row, picked, states) for row in range(first, last)]

    def _paper_beat(self, row: int, picked: Finding | None, states: States) -> PaperBeat:
        table, finding = self.analysis.table, self._beat_finding(row)
        state = states.get(finding.key)
        letter, was = finding.kind, None
        if state is not None and state.verdict == "relabelled":
            letter, was = state.label, finding.kind
        elif state is not None and state.verdict == "rejected":
            letter, was = "rejected", finding.kind
        screen = float(table.screen[row]) if finding.confidence is not None else None
        share = finding.confidence if finding.stage == STAGES[2] else None
        is_picked = picked is not None and picked.key == finding.key
        return PaperBeat(float(self.peak_s[row]), letter, was, screen, share, key_text(finding.key), is_picked)


def _bpm(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "\u2013"
