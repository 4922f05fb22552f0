"""What a worker does with one recording of a batch of `ictus analyze`, task by task."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from ...models.staged import StagedModel
from ...signals import open_lead
from ...signals.wfdb_header import parse_header
from ..batch.partitions import PartitionWriter, Verdict
from ..batch.sources import Source
from ..model_files import load_model
from .analysis import STAGES
from .beat_events import Event
from .ecg import open_analysis
from .findings import FINDINGS, add_beats, add_events, add_strips, named, repeated
from .heart_rate import HeartRate
from .rhythm_events import RhythmSummary
from .strips import analyze_rhythm

__all__ = ["AnalyzeWork", "model_of", "recording_files"]

_SECOND_S = 1.0


@dataclass(frozen=True)
class AnalyzeWork:
    """`ictus analyze` of one recording into a partition.

    Attributes
    ----------
    task : beat, rhythm or seizure
    model : bytes of its file; None is the zoo's
    channel, fs_hz, montage : as in `AnalyzeArguments`
    """

    task: str
    model: bytes | None = None
    channel: str | None = None
    fs_hz: float | None = None
    montage: str | None = None

    @property
    def identity(self) -> str:
        """See `Work.identity`."""
        model = "zoo" if self.model is None else hashlib.sha256(self.model).hexdigest()
        return repr(("analyze", self.task, model, self.channel, self.fs_hz, self.montage))

    @property
    def schema(self) -> pa.Schema:
        """See `Work.schema`."""
        return FINDINGS

    def files(self, source: Source) -> tuple[Path, ...]:
        """See `Work.files`."""
        return recording_files(source.path)

    def __call__(self, source: Source) -> bytes:
        """See `Work.__call__`."""
        writer = PartitionWriter(FINDINGS)
        figures = _ANALYSES[self.task](self, source, writer)
        return writer.finish(Verdict(source.name, figures))


def recording_files(path: Path) -> tuple[Path, ...]:
    """The files that hold a recording's signal: a header comes with those that it names.

    Raises
    ------
    InputError
        The header breaks its format, or a file that it names is missing.
    """
    if path.suffix.lower() != ".hea":
        return (path,)
    signals = dict.fromkeys(spec.file_name for spec in parse_header(path).signals)
    return (path, *(path.with_name(name) for name in signals))


@lru_cache(maxsize=4)
def model_of(task: str, data: bytes | None) -> StagedModel:
    """A model that travelled as the bytes of its file; None is the zoo's.

    Raises
    ------
    InputError
        As `load_model`.
    """
    if data is None:
        return load_model(None, task).model
    with TemporaryDirectory(prefix="ictus-") as folder:
        path = Path(folder) / "model"
        path.write_bytes(data)
        return load_model(path, task).model


def _beat(work: AnalyzeWork, source: Source, writer: PartitionWriter) -> dict[str, Any]:
    lead = open_lead(source.path, work.channel, fs_hz=work.fs_hz)
    stream = open_analysis(lead, model_of("beat", work.model), model_of("rhythm", None))
    n_by_kind: Counter[str] = Counter()
    for found in stream:
        events = [*found.events, *found.alarms, *found.episodes]
        n_by_kind.update(e.kind for e in events)
        add_beats(writer, source.name, found.beats)
        add_strips(writer, source.name, found.strips)
        add_events(writer, source.name, [*events, *found.not_analysable])
    s = stream.summary()
    return {
        **_head(s.lead, s.fs_hz, s.duration_s, s.rejected_s),
        "beats": s.n_beats,
        "beats_rejected": s.n_rejected,
        **s.n_by_class,
        **_rate(s.rate),
        **_rhythm_figures(s.rhythm),
        "ventricular_fibrillation": n_by_kind["ventricular_fibrillation"],
        "events": n_by_kind.total(),
        "note": s.note,
    }


def _rhythm(work: AnalyzeWork, source: Source, writer: PartitionWriter) -> dict[str, Any]:
    lead = open_lead(source.path, work.channel, fs_hz=work.fs_hz)
    a = analyze_rhythm(lead, model_of("rhythm", work.model))
    add_strips(writer, source.name, a.strips)
    add_events(writer, source.name, [*a.episodes, *a.not_analysable])
    head = _head(a.lead, a.fs_hz, a.duration_s, a.rejected_s)
    return {**head, **_rate(a.rate), **_rhythm_figures(a.rhythm), "events": len(a.episodes), "note": a.note}


def _seizure(work: AnalyzeWork, source: Source, writer: PartitionWriter) -> dict[str, Any]:
    from .eeg import analyze_eeg

    a = analyze_eeg(source.path, model_of("seizure", work.model), work.montage, work.fs_hz)
    events = [Event(e.onset_s, e.duration_s, e.kind, note=e.note, confidence=e.confidence) for e in a.events]
    add_events(writer, source.name, [*events, *a.not_analysable])
    n = len(a.second_s)
    writer.add(
        {
            "record": repeated(source.name, n),
            "kind": repeated("second", n),
            "onset_s": a.second_s,
            "duration_s": np.full(n, _SECOND_S),
            "stage": named(a.reached, STAGES),
            "screen": a.screen,
            "confidence": 1 / (1 + np.exp(-a.score)),
        }
    )
    channels = [name for name, held in zip(a.channels, a.mask, strict=True) if held]
    head = _head(" ".join(channels), a.fs_hz, a.duration_s, a.rejected_s)
    seizure_s = sum(e.duration_s for e in a.events)
    return {**head, "montage": a.montage.name, "seizures": len(a.events), "seizure_s": seizure_s}


_ANALYSES: Mapping[str, Callable[[AnalyzeWork, Source, PartitionWriter], dict[str, Any]]] = {
    "beat": _beat,
    "rhythm": _rhythm,
    "seizure": _seizure,
}


def _head(lead: str, fs_hz: float, duration_s: float, rejected_s: float) -> dict[str, Any]:
    return {"lead": lead, "fs_hz": fs_hz, "duration_s": duration_s, "rejected_s": rejected_s}


def _rate(rate: HeartRate) -> dict[str, float]:
    return dict(vars(rate))


def _rhythm_figures(rhythm: RhythmSummary) -> dict[str, Any]:
    return {
        "strips": rhythm.n_strips,
        **{f"strips_{name}": n for name, n in rhythm.n_by_rhythm.items()},
        "rhythm_decided_s": rhythm.decided_s,
        "fibrillation_s": rhythm.s_by_rhythm["A"],
        "af_burden": rhythm.af_burden,
        "af_episodes": rhythm.n_episodes,
        "af_longest_s": rhythm.longest_s,
    }
