"""Strips turned into what the rhythm task decides on, with the label beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..signals import InputError, LocalDataset, Recording, detect_qrs, gate_features, load, to_device
from ..signals.rhythm_features import rhythm_features
from ..signals.rhythm_wave import RHYTHM_FS_HZ, rhythm_wave
from ..signals.strips import strip_labels
from .parallel import prepare_all
from .rhythm_task import STRIP_LABELS

__all__ = ["MIN_STRIP_S", "RhythmStrip", "StripGroups", "prepare_strip", "prepare_strips", "strip_of"]

MIN_STRIP_S = 5
"""A shorter strip gets no class."""


@dataclass(frozen=True)
class RhythmStrip:
    """One strip of one lead, ready for the cascade.

    Attributes
    ----------
    name : of the recording
    label : position in `STRIP_LABELS`, -1 where nobody labelled it
    wave : int8 (t,), Q2.5, the strip at 64 Hz, see `rhythm_wave`
    context : int8 (N_RHYTHM_FEATURES,), Q2.5, see `rhythm_features`
    peaks : int64 (k,), R peaks in samples of 128 Hz from the strip's start
    features : int8 (n_seconds, n_gate_features), the gate's inputs
    """

    name: str
    label: int
    wave: np.ndarray
    context: np.ndarray
    peaks: np.ndarray
    features: np.ndarray

    @property
    def n_seconds(self) -> int:
        return len(self.wave) // RHYTHM_FS_HZ


@dataclass(frozen=True)
class StripGroups:
    """Positions of strips of equal length, so that they can be worked through together."""

    index: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, strips: Sequence[RhythmStrip], largest: int = 128) -> "StripGroups":
        """Groups of at most `largest` strips."""
        length = np.array([len(s.wave) for s in strips])
        found = (np.flatnonzero(length == n) for n in np.unique(length))
        return cls(tuple(g[i : i + largest] for g in found for i in range(0, len(g), largest)))


def strip_of(name: str, counts: np.ndarray, label: int = -1) -> RhythmStrip:
    """Run the front end over one strip.

    Parameters
    ----------
    counts : int16 (n,), device signal at 128 Hz

    Raises
    ------
    InputError
        the strip is shorter than `MIN_STRIP_S`.
    """
    wave = rhythm_wave(counts)
    if len(wave) < MIN_STRIP_S * RHYTHM_FS_HZ:
        raise InputError(f"{name}: {len(counts) / 128:.2f} s is shorter than {MIN_STRIP_S} s, the shortest strip")
    peaks = detect_qrs(counts).peak
    return RhythmStrip(name, label, wave, rhythm_features(wave, peaks), peaks, gate_features(counts))


def prepare_strip(recording: Recording, label: str = "") -> RhythmStrip:
    """`strip_of` a recording's lead.

    Parameters
    ----------
    label : one of `STRIP_LABELS`, or empty

    Raises
    ------
    InputError
        an unknown label, a recording that the front end cannot take, or one that is too short.
    """
    if label and label not in STRIP_LABELS:
        raise InputError(f"{recording.name}: label {label!r} is not known; known: {', '.join(STRIP_LABELS)}")
    number = STRIP_LABELS.index(label) if label else -1
    return strip_of(recording.name, to_device(recording).counts, number)


def prepare_strips(
    found: LocalDataset, n_processes: int = 2, on_done: Callable[[str], None] | None = None
) -> list[RhythmStrip]:
    """All labelled strips of a data set, in the order of its records; `on_done` gets each one's name."""
    jobs = [(found.path(record), label) for record, label in strip_labels(found).items()]
    return prepare_all(_load_and_prepare, jobs, n_processes, on_done, chunk=16)


def _load_and_prepare(job: tuple[Path, str]) -> RhythmStrip:
    path, label = job
    return prepare_strip(load(path), label)
