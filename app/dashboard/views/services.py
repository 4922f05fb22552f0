"""What all tabs of one server share: database, library, caches, and the recordings that are open."""

import gc
import os
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ....signals import load
from ...analyze.analysis import Analysis
from ...analyze.ecg import analyze
from ...analyze.eeg import SeizureAnalysis, analyze_eeg, eeg_display, open_eeg_lead
from ...model_files import model_path
from ...recording_facts import SEIZURE, RecordingFacts, model_facts, recording_facts
from ...review.store import ReviewStore, open_store
from ..analysis_cache import cached_analysis
from ..display_cache import DisplayCache
from ..library import Library, LibraryEntry
from ..pyramid import cached_pyramid
from .case import Case
from .ecg_case import EcgCase
from .eeg_case import EegCase

__all__ = [
    "DATABASE_VARIABLE",
    "FOLDER_VARIABLE",
    "UPLOAD_SUFFIXES",
    "UPLOAD_VARIABLE",
    "Services",
    "open_case",
    "services",
]

DATABASE_VARIABLE, FOLDER_VARIABLE, UPLOAD_VARIABLE = "ICTUS_REVIEWS", "ICTUS_FOLDER", "ICTUS_UPLOAD_MB"
"""Where `ictus app` leaves its options for the pages: the database's URL may hold a password."""

UPLOAD_SUFFIXES = ["hea", "dat", "mat", "atr", "edf", "csv"]


@dataclass(frozen=True)
class Services:
    """Of one server process."""

    store: ReviewStore
    library: Library
    cache: DisplayCache


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """Open database, library and cache once."""
    folder, upload_mb = os.environ.get(FOLDER_VARIABLE), float(os.environ.get(UPLOAD_VARIABLE) or 200)
    library = Library(Path(folder) if folder else None, int(upload_mb * 1_000_000))
    return Services(open_store(), library, DisplayCache())


def open_case(entry: LibraryEntry) -> Case:
    """Read and analyse a recording, or take it from a cache.

    Raises
    ------
    InputError
        What is wrong with it, in one line.
    """
    return _open_case(entry.id, _stamp(entry.path))


@st.cache_resource(show_spinner=False, max_entries=8)
def _open_case(entry_id: str, stamp: tuple[int, int]) -> Case:  # noqa: ARG001
    entry = services().library.find(entry_id)
    facts = recording_facts(entry.path, fs_hz=entry.fs_hz, task=entry.task or None)
    case = _eeg(entry, facts) if facts.task == SEIZURE else _ecg(entry, facts)
    _settle()
    return case


def _settle() -> None:
    """Keep what is open for long from the garbage collection that Streamlit does after every run of a page.

    It looks at every object in memory, which takes a quarter of a second and holds up the next answer.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _ecg(entry: LibraryEntry, facts: RecordingFacts) -> EcgCase:
    cache, model = services().cache, model_facts(model_path(None, facts.task))

    def compute() -> Analysis:
        fs_hz = entry.fs_hz
        return analyze(entry.path if fs_hz is None else load(entry.path, fs_hz=fs_hz))

    analysis = cached_analysis(cache, facts, model, Analysis, compute)
    return EcgCase(entry, facts, model, analysis, cached_pyramid(cache, facts, entry.path, fs_hz=entry.fs_hz))


def _eeg(entry: LibraryEntry, facts: RecordingFacts) -> EegCase:
    model = model_facts(model_path(None, facts.task))
    lead = open_eeg_lead(entry.path, fs_hz=entry.fs_hz)
    analysis = cached_analysis(services().cache, facts, model, SeizureAnalysis, lambda: analyze_eeg(lead))
    return EegCase(entry, facts, model, analysis, eeg_display(entry.path, fs_hz=entry.fs_hz))


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when the file does."""
    for candidate in (path, path.with_name(path.name + ".dat"), path.with_name(path.name + ".hea")):
        if candidate.is_file():
            stat = candidate.stat()
            return stat.st_mtime_ns, stat.st_size
    return 0, 0
