"""The rhythm of one recording alone: strips of the device's length, or one short recording as a single strip."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...models.rhythm_cascade import StripDecisions, decide_strips
from ...models.rhythm_data import RhythmStrip, strip_of
from ...models.staged import StagedModel
from ...signals import BLOCK_SAMPLES, Lead, UnanalysableError, device_pieces
from ..model_files import load_model
from ..output import atomic_folder, json_text
from .analysis import NOTICE
from .beat_events import Event, StretchFinder
from .decision_scores import decision_scores
from .ecg import open_analysis
from .event_files import (
    annotation_bytes,
    heart_rate_json,
    in_time,
    json_array,
    json_line,
    quality_marks,
    table_lines,
)
from .heart_rate import HeartRate, HeartRateMeter
from .rhythm_events import AfFinder, RhythmMeter, RhythmSummary, StripTable
from .stream import STRIP_S, JudgedSeconds
from .strip_files import burden_json, rhythm_marks, strip_lines

__all__ = ["LONGEST_STRIP_S", "RhythmAnalysis", "analyze_rhythm", "save_rhythm"]

LONGEST_STRIP_S = 2 * STRIP_S
"""A shorter recording is one strip; any other one is cut into strips as the device cuts it."""


@dataclass(frozen=True)
class RhythmAnalysis:
    """What the strips of one recording say.

    Attributes
    ----------
    record, lead : what was analysed
    fs_hz, n_samples : of the recording
    rejected_s : time that the gate rejected
    rate : heart rate over the analysable time
    rhythm : strips by class, episodes of atrial fibrillation and its burden
    strips : every strip in time order
    episodes : of atrial fibrillation
    not_analysable : stretches that the gate rejected
    note : what the reader should know of how it was done; empty as a rule
    """

    record: str
    lead: str
    fs_hz: float
    n_samples: int
    rejected_s: float
    rate: HeartRate
    rhythm: RhythmSummary
    strips: StripTable
    episodes: tuple[Event, ...]
    not_analysable: tuple[Event, ...]
    note: str = ""

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.fs_hz


def analyze_rhythm(lead: Lead, model: StagedModel | None = None) -> RhythmAnalysis:
    """Decide the rhythm of a lead; seconds are judged by the gate of the zoo's model of beats, as on the device.

    Parameters
    ----------
    lead : 60 to 5,000 Hz, at least 5 s; below `LONGEST_STRIP_S` it is one strip, as in CinC 2017
    model : of rhythm, float or compact; None takes the zoo's

    Raises
    ------
    UnanalysableError
        The gate rejected the whole recording, or no beat was found in one of more than a strip.
    InputError
        A recording that the front end cannot take, or a shorter one.
    """
    if lead.duration_s < LONGEST_STRIP_S:
        return _one_strip(lead, model or load_model(task="rhythm").model)
    stream = open_analysis(lead, rhythm=model)
    parts = [(f.strips, f.episodes, f.not_analysable) for f in stream]
    strips, episodes, rejected = zip(*parts, strict=True)
    summary = stream.summary()
    return RhythmAnalysis(
        *(summary.record, summary.lead, summary.fs_hz, summary.n_samples),
        *(summary.rejected_s, summary.rate, summary.rhythm),
        strips=StripTable.concatenate(strips),
        episodes=tuple(e for part in episodes for e in part),
        not_analysable=tuple(e for part in rejected for e in part),
        note=summary.note,
    )


def _one_strip(lead: Lead, model: StagedModel) -> RhythmAnalysis:
    strip = strip_of(lead.record, np.concatenate(list(device_pieces(lead))))
    gate = load_model().model
    rejected = gate.judge(strip.features) < gate.thresholds["gate"]
    if rejected.all():
        where = f"{lead.duration_s:.1f} s of lead {lead.channel.name}"
        raise UnanalysableError(f"{lead.record}: nothing analysable, the gate rejected all {where}")
    table = _table(strip, decide_strips(model, [strip], gate), int((~rejected).sum()))
    seconds, stretches, finder = JudgedSeconds(), StretchFinder("not_analysable"), AfFinder()
    seconds.add(rejected)
    not_analysable = (*stretches.add(rejected), *stretches.close(lead.duration_s))
    episodes = (*finder.add(table), *finder.close())
    meter = RhythmMeter(strip.n_seconds)
    meter.add(table, episodes)
    return RhythmAnalysis(
        *(lead.record, lead.channel.name, lead.fs_hz, lead.n_samples),
        *(seconds.rejected_s(lead.duration_s), _rate(strip, rejected, seconds), meter.summary(lead.duration_s)),
        strips=table,
        episodes=episodes,
        not_analysable=not_analysable,
    )


def _table(strip: RhythmStrip, decided: StripDecisions, analysable_s: int) -> StripTable:
    label, stage = decided.said, np.where(decided.gated, 0, 1 + decided.reached).astype(np.int8)
    classes = decided.classes * (stage == 2)[:, None]
    scores = decision_scores(label, stage, decided.screen, classes.astype(decided.classes.dtype))
    whole = np.array([[0], [strip.n_seconds], [min(analysable_s, strip.n_seconds)]])
    return StripTable(whole[0], whole[1], label, label, stage, whole[2], *scores)


def _rate(strip: RhythmStrip, rejected: np.ndarray, seconds: JudgedSeconds) -> HeartRate:
    meter = HeartRateMeter()
    peaks = strip.peaks[~rejected[strip.peaks // BLOCK_SAMPLES]]
    meter.add_beats(peaks, seconds.segment(peaks))
    return meter.rate()


def save_rhythm(analysis: RhythmAnalysis, out_dir: str | Path) -> list[Path]:
    """Three files: ``NAME.rhythm.json``, ``NAME.rhythm`` (WFDB annotations), ``NAME_rhythm_events.tsv`` (BIDS).

    Raises
    ------
    InputError
        The folder cannot be written. Then no file appears.
    """
    name, lines = analysis.record, list(strip_lines(analysis.strips))
    marks = rhythm_marks(lines, analysis.duration_s)
    quality = quality_marks(analysis.not_analysable, analysis.duration_s)
    annotations = annotation_bytes(marks, quality, fs_hz=analysis.fs_hz, n_samples=analysis.n_samples)
    rows = sorted((*analysis.episodes, *analysis.not_analysable), key=in_time)
    with atomic_folder(out_dir) as part:
        (part / f"{name}.rhythm.json").write_bytes(_json(analysis, lines))
        (part / f"{name}.rhythm").write_bytes(b"".join(annotations))
        (part / f"{name}_rhythm_events.tsv").write_bytes(b"".join(table_lines(rows)))
    return [Path(out_dir) / f"{name}{end}" for end in (".rhythm.json", ".rhythm", "_rhythm_events.tsv")]


def _json(analysis: RhythmAnalysis, strips: list[bytes]) -> bytes:
    head = {
        "task": "rhythm",
        "notice": NOTICE,
        "record": analysis.record,
        "lead": analysis.lead,
        "summary": {
            "duration_s": analysis.duration_s,
            "analysable_s": analysis.duration_s - analysis.rejected_s,
            "rejected_s": analysis.rejected_s,
            "heart_rate_bpm": heart_rate_json(analysis.rate),
            "rhythm": burden_json(analysis.rhythm),
        },
    }
    rejected = (json_line({"onset_s": e.onset_s, "duration_s": e.duration_s}) for e in analysis.not_analysable)
    parts = (
        *json_array("events", (json_line(vars(e)) for e in analysis.episodes)),
        *json_array("not_analysable", rejected),
        *json_array("strips", strips),
    )
    return json_text(head).rstrip().removesuffix("\n}").encode() + b"".join(parts) + b"\n}\n"
