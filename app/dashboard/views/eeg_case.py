"""An opened EEG: a montage, the score of every second, and seizures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup
from scipy.signal import butter, sosfiltfilt

from ...analyze.eeg import EegDisplay, SeizureAnalysis
from ...recording_facts import ModelFacts, RecordingFacts
from ...review.export import Strip, strip_window
from ...review.log import EventKey
from ..library import LibraryEntry
from .case import Figure, Look, Reason, States
from .clock import clock, span
from .findings import Finding, present, with_added
from .keys import key_text
from .montage import EegStretch, montage_view
from .overview import Overview
from .trend import Curve, bridged, envelope, raster, share_of_columns

__all__ = ["EEG_LABELS", "EegCase"]

EEG_LABELS = ("seizure", "interictal_discharges", "rhythmic_activity", "artefact")
_MOST_CHANNELS = 4
_AROUND_S = 30
_BAND, _BAND_HZ, _MARGIN_S = "0.5 to 30 Hz", (0.5, 30.0), 3.0


@dataclass(frozen=True)
class EegCase:
    """See `Case`."""

    entry: LibraryEntry
    facts: RecordingFacts
    model: ModelFacts
    analysis: SeizureAnalysis
    display: EegDisplay
    spans_s: tuple[float, ...] = (10.0, 20.0, 30.0, 60.0)
    gains: tuple[float, ...] = (200.0, 50.0, 100.0, 400.0)
    gain_unit: str = "\u00b5V"
    bands: tuple[str, ...] = (_BAND, "as recorded")
    note: str = ""
    beats: Sequence[tuple[float, str]] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self._findings

    @cached_property
    def _findings(self) -> tuple[Finding, ...]:
        found = [
            Finding(EventKey(e.kind, e.onset_s, e.duration_s, e.kind), e.kind, e.confidence, note=e.note)
            for e in self.analysis.events
        ]
        return tuple(sorted(found, key=lambda f: (-f.key.duration_s, f.onset_s)))

    def figures(self, states: States) -> Sequence[Figure]:
        standing = present(with_added(self.findings, states), states)
        seizures = [f for f in standing if f.kind == "seizure"]
        duration_s, rejected_s = self.facts.duration_s, self.analysis.rejected_s
        n, n_decided = len(self.findings), sum(state.verdict != "unreviewed" for state in states.values())
        reached = float((self.analysis.reached == 2).mean()) if len(self.analysis.reached) else 0.0
        return (
            Figure("Length", span(duration_s), f"{self.display.montage}, {self.analysis.fs_hz:g} Hz"),
            Figure("Channels", f"{int(self.display.mask.sum())}", f"of {len(self.display.names)} of the montage"),
            Figure(
                "Analysable",
                f"{100 * (1 - rejected_s / duration_s):.1f} %",
                f"{span(rejected_s)} without a channel",
            ),
            Figure("Seizures", f"{len(seizures)}", f"{span(sum(f.key.duration_s for f in seizures))} in all"),
            Figure("Specialist", f"{100 * reached:.1f} %", "of the seconds reached it"),
            Figure("Alarm delay", f"{self.analysis.latency.alarm_s:g} s", "at least, after the first window"),
            Figure("Reviewed", f"{n_decided:,}", f"of {n:,} finding{'' if n == 1 else 's'}"),
        )

    def overview(self, states: States) -> Overview:
        duration_s = self.facts.duration_s
        standing = present(with_added(self.findings, states), states)
        gated = share_of_columns(
            ((e.onset_s, e.onset_s + e.duration_s) for e in self.analysis.not_analysable), duration_s
        )
        rejected = span(self.analysis.rejected_s)
        return Overview(
            duration_s, "Line length", "\u00b5V", self._curve, gated, rejected, raster(standing, duration_s)
        )

    def strip(self, look: Look, picked: Finding | None, states: States) -> Markup:
        first, last = int(look.start_s), int(np.ceil(look.stop_s))
        found = self.analysis
        standing = present(with_added(self.findings, states), states)
        events = [
            (f.onset_s, f.stop_s, key_text(f.key), picked is not None and f.key == picked.key) for f in standing
        ]
        near = [e for e in events if e[1] > look.start_s and e[0] < look.stop_s]
        lanes = (
            ("screen", found.screen[first:last], found.screen_threshold),
            ("specialist", found.score[first:last], found.threshold),
        )
        uv = self._shown(look)
        stretch = EegStretch(
            look.start_s, look.stop_s, self.display.names, self.display.mask, uv, look.gain,
            found.rejected[first:last], lanes, near,
        )  # fmt: skip
        return montage_view(stretch)

    def finding_at(self, key: EventKey) -> Finding | None:
        return next((f for f in self.findings if f.key == key), None)

    def labels(self, finding: Finding) -> Sequence[str]:  # noqa: ARG002
        return EEG_LABELS

    def reason(self, finding: Finding) -> Reason:
        facts = [
            ("Found", finding.note or finding.name),
            ("When", f"{clock(finding.onset_s)}, {span(finding.key.duration_s)}"),
        ]
        if finding.confidence is not None:
            facts.append(("Confidence", f"{finding.confidence:.2f} (mean over the event, not calibrated)"))
        facts += self._scores(finding)
        facts.append(("Decision after", self.analysis.latency.statement))
        return Reason(tuple(facts))

    def printed(self, key: EventKey) -> Strip | None:
        start_s, stop_s = strip_window(key, self.facts.duration_s)
        there = np.flatnonzero(self.display.mask)
        uv = self.display.uv(start_s, stop_s)[:, there].T
        names = tuple(self.display.names[i] for i in there)
        rejected = tuple((e.onset_s, e.onset_s + e.duration_s) for e in self.analysis.not_analysable)
        return Strip(start_s, self.display.fs_hz, names, "uV", uv.astype(np.float64), (), rejected)

    def _shown(self, look: Look) -> np.ndarray:
        """The part to look at, float (n, n_channels) in uV; the filter is of zero phase and for the eye only."""
        display = self.display
        if look.band != _BAND:
            return display.uv(look.start_s, look.stop_s)
        before_s = min(look.start_s, _MARGIN_S)
        uv = display.uv(look.start_s - before_s, min(look.stop_s + _MARGIN_S, display.duration_s))
        sections = butter(2, _BAND_HZ, "bandpass", fs=display.fs_hz, output="sos")
        first, n = round(before_s * display.fs_hz), round(look.span_s * display.fs_hz)
        return sosfiltfilt(sections, uv, axis=0)[first : first + n]

    @cached_property
    def _curve(self) -> Curve:
        """Line length over the analysable channels: mean, between the quietest and the busiest channel."""
        values = np.where(self.analysis.rejected, np.nan, self.analysis.line_length_uv)[:, self.analysis.mask]
        known = np.isfinite(values).any(axis=1)
        values, at_s = values[known], self.analysis.second_s[known] + 0.5
        duration_s = self.facts.duration_s
        parts = (envelope(at_s, f(values, axis=1), duration_s).mean for f in (np.nanmin, np.nanmean, np.nanmax))
        return bridged(Curve(*parts), duration_s, 1.5)

    def _scores(self, finding: Finding) -> list[tuple[str, str]]:
        first, last = int(finding.onset_s), max(int(np.ceil(finding.stop_s)), int(finding.onset_s) + 1)
        score = self.analysis.score[first:last]
        score = score[np.isfinite(score)]
        highest = (
            f"highest {score.max():+.1f}, threshold {self.analysis.threshold:+.1f}"
            if len(score)
            else "not reached"
        )
        return [("Specialist", highest), ("Busiest channels", self._busiest(first, last))]

    def _busiest(self, first: int, last: int) -> str:
        """Channels whose line length rose most against the half minute before."""
        length = np.where(self.analysis.rejected, np.nan, self.analysis.line_length_uv)
        before = length[max(first - _AROUND_S, 0) : first]
        there = np.flatnonzero(self.analysis.mask & np.isfinite(length[first:last]).any(axis=0))
        if not len(there):
            return "none analysable"
        during = np.nanmean(length[first:last][:, there], axis=0)
        quiet = np.isfinite(before[:, there]).any(axis=0) if len(before) else np.zeros(len(there), bool)
        rise = np.full(len(there), np.nan)
        rise[quiet] = during[quiet] / np.nanmean(before[:, there[quiet]], axis=0)
        order = np.argsort(-np.where(np.isfinite(rise), rise, during / 1e6))[:_MOST_CHANNELS]
        names = self.analysis.channels
        return ", ".join(f"{names[there[i]]} {_times(float(rise[i]))}{during[i]:.1f} \u00b5V" for i in order)


def _times(rise: float) -> str:
    return f"{rise:.1f} times, " if np.isfinite(rise) else ""
