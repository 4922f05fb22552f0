"""Analyse one recording: what was analysable, which beats, which events, and after how long."""

import os
from pathlib import Path

from ...compression import CompactModel
from ...firmware_export.native.device import NativeDevice, resample_native
from ...firmware_export.native.library import NoNativeLibraryError, native_library
from ...models.alarm_model import load_alarm
from ...models.staged import StagedModel
from ...signals import Lead, Recording, lead_of, open_lead
from ...signals.polyphase import upfirdn
from ..model_files import load_model
from .analysis import NOTICE, Analysis, Beat, BeatTable, Latency, Summary
from .files import AnalysisFiles, analysis_files
from .reference_cascade import ReferenceCascade
from .rhythm_events import StripTable
from .stream import AnalysisStream

__all__ = ["NOTICE", "Analysis", "Beat", "Latency", "analyze", "analyze_to_files", "open_analysis"]


def analyze(
    recording: Recording | str | os.PathLike[str],
    model: StagedModel | None = None,
    channel: int | str | None = None,
    rhythm: StagedModel | None = None,
) -> Analysis:
    """Run the cascade over one lead of a recording; reference annotations are not looked at.

    A compact model runs as the device's own C, compiled for this computer; the Python reference, which gives the
    same, takes its place where there is no compiler, and runs float models.

    Parameters
    ----------
    recording : any rate from 60 to 5,000 Hz; or the path of one, which is then read piece by piece
    model : of beats, float or compact; None takes the zoo's
    channel : column or name of the lead; None takes MLII, else II, else the first
    rhythm : of strips of rhythm, float or compact; None takes the zoo's

    Raises
    ------
    UnanalysableError
        No beat was found, or the gate rejected the whole recording.
    InputError
        A rate, unit or channel that the front end cannot take, or a file that cannot be read.
    """
    lead = lead_of(recording, channel) if isinstance(recording, Recording) else open_lead(recording, channel)
    stream = open_analysis(lead, model, rhythm)
    found = list(stream)
    return Analysis(
        stream.summary(),
        BeatTable.concatenate([f.beats for f in found]),
        tuple(
            sorted(
                (e for f in found for e in (*f.events, *f.alarms, *f.episodes)), key=lambda e: (e.onset_s, e.kind)
            )
        ),
        tuple(e for f in found for e in f.not_analysable),
        StripTable.concatenate([f.strips for f in found]),
    )


def analyze_to_files(
    lead: Lead, out_dir: str | Path, model: StagedModel | None = None
) -> tuple[Summary, AnalysisFiles]:
    """`analyze` a lead of any length in bounded memory; what is found goes straight to the files.

    Raises
    ------
    UnanalysableError, InputError
        As `analyze`; or the folder cannot be written. Then no file appears.
    """
    stream = open_analysis(lead, model)
    with analysis_files(out_dir) as files:
        for found in stream:
            files.add(found)
        summary = stream.summary()
        files.finish(summary)
    return summary, files


def open_analysis(
    lead: Lead, model: StagedModel | None = None, rhythm: StagedModel | None = None
) -> AnalysisStream:
    """The analysis of a lead, to be iterated over; arguments as `analyze`."""
    model = load_model().model if model is None else model
    rhythm = load_model(task="rhythm").model if rhythm is None else rhythm
    try:
        native_library()
    except NoNativeLibraryError as error:
        note = f"analysed by the Python reference, with the same result but slowly: {error}"
        return AnalysisStream(lead, ReferenceCascade(model, rhythm), upfirdn, note)
    if isinstance(model, CompactModel) and isinstance(rhythm, CompactModel):
        return AnalysisStream(lead, NativeDevice(model, rhythm, load_alarm()), resample_native)
    return AnalysisStream(lead, ReferenceCascade(model, rhythm), resample_native)
