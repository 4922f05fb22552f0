"""Recordings turned into what the beat task decides on, with the reference beside it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..signals import (
    DEVICE_FS_HZ,
    BeatWindows,
    DeviceSignal,
    Recording,
    beat_windows,
    beats_of,
    detect_qrs,
    fibrillation_of,
    gate_features,
    load,
    match_peaks,
    to_device,
)
from .parallel import prepare_all

__all__ = ["BeatRecord", "LabelledBeats", "PeakSource", "prepare_record", "prepare_records"]

PeakSource = str
"""``detected`` (what a device has) or ``reference`` (the database's own peaks)."""


@dataclass(frozen=True)
class BeatRecord:
    """One lead of one recording, ready for the cascade.

    Attributes
    ----------
    name, subject : of the recording
    peaks : where the R peaks come from, ``detected`` or ``reference``
    signal : the device signal
    beats : network inputs, one row per peak
    features : int8 (n_blocks, n_features), the gate's inputs, one row per second
    matched : int64 (n,), reference beat of each row, -1 where there is none (a false detection)
    reference_peak : int64 (m,), reference beats in samples of the device signal
    reference_label : int8 (m,), their classes as positions in `CLASSES`
    fibrillation_s : float64 (k, 2), onset and end of each annotated episode of ventricular flutter or fibrillation
    """

    name: str
    subject: str
    peaks: PeakSource
    signal: DeviceSignal
    beats: BeatWindows
    features: np.ndarray
    matched: np.ndarray
    reference_peak: np.ndarray
    reference_label: np.ndarray
    fibrillation_s: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))

    @property
    def label(self) -> np.ndarray:
        """Reference class of each row: int8 (n,), -1 for false detections."""
        return np.append(self.reference_label, np.int8(-1))[self.matched]

    @property
    def missed(self) -> np.ndarray:
        """Reference beats that no row stands for: int64 (n_missed,)."""
        is_missed = np.ones(len(self.reference_label) + 1, np.bool_)
        is_missed[self.matched] = False  # the last place stands for false detections
        return np.flatnonzero(is_missed[:-1])

    def rows_of(self, is_wanted: np.ndarray | None) -> np.ndarray:
        """Rows that stand for wanted reference beats: bool (n,) of bool (m,); None wants all rows.

        A false detection goes with the reference beat before it (with the first one at the beginning).
        """
        if is_wanted is None or len(is_wanted) == 0:
            return np.full(len(self.beats), is_wanted is None)
        before = np.searchsorted(self.reference_peak, self.beats.peak, side="right") - 1
        return is_wanted[np.where(self.matched >= 0, self.matched, np.maximum(before, 0))]


@dataclass(frozen=True)
class LabelledBeats:
    """Training material: rows of several recordings one after the other.

    Attributes
    ----------
    window : int8 (n, T, C), Q2.5
    context : int8 (n, n_context), Q2.5
    label : int8 (n,), position in `CLASSES`
    record : int32 (n,), number of the recording
    """

    window: np.ndarray
    context: np.ndarray
    label: np.ndarray
    record: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def of(cls, records: Sequence[BeatRecord], wanted: Mapping[str, np.ndarray] | None = None) -> "LabelledBeats":
        """All rows with a reference class.

        Parameters
        ----------
        wanted : recording -> bool (m,), the reference beats to use; None uses all
        """
        masks = [(r.label >= 0) & r.rows_of(None if wanted is None else wanted[r.name]) for r in records]
        return cls(
            np.concatenate([r.beats.window[m] for r, m in zip(records, masks, strict=True)]),
            np.concatenate([r.beats.context[m] for r, m in zip(records, masks, strict=True)]),
            np.concatenate([r.label[m] for r, m in zip(records, masks, strict=True)]),
            np.concatenate([np.full(int(m.sum()), i, np.int32) for i, m in enumerate(masks)]),
        )


def prepare_record(recording: Recording, peaks: PeakSource = "detected") -> BeatRecord:
    """Run the front end over one recording and pair its beats with the reference.

    Parameters
    ----------
    recording : any rate from 60 Hz; its reference annotations may be missing (then every label is -1)
    peaks : ``detected`` or ``reference``

    Raises
    ------
    ValueError
        `peaks` is neither of the two
    InputError
        a sampling rate or a unit that the front end cannot take, or a lead without a valid sample
    """
    if peaks not in ("detected", "reference"):
        raise ValueError(f"peaks {peaks!r} are not known; known: detected, reference")
    signal = to_device(recording)
    reference, reference_label = _reference_beats(recording, len(signal.counts))
    peak = detect_qrs(signal.counts).peak if peaks == "detected" else reference
    matched = np.full(len(peak), -1, np.int64)
    of_reference, of_peak = match_peaks(reference, peak)
    matched[of_peak] = of_reference
    return BeatRecord(
        name=recording.name,
        subject=recording.subject,
        peaks=peaks,
        signal=signal,
        beats=beat_windows(signal.counts, peak),
        features=gate_features(signal.counts),
        matched=matched,
        reference_peak=reference,
        reference_label=reference_label,
        fibrillation_s=fibrillation_of(recording),
    )


def _reference_beats(recording: Recording, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Device samples and classes of the reference beats; those past the end of the signal lie at its end."""
    sample, label = beats_of(recording.events)
    device = np.round(sample * (DEVICE_FS_HZ / recording.fs_hz)).astype(np.int64)
    device, first = np.unique(np.clip(device, 0, n - 1), return_index=True)
    return device, label[first]


def prepare_records(
    paths: Iterable[Path],
    peaks: PeakSource = "detected",
    n_processes: int = 2,
    on_done: Callable[[str], None] | None = None,
) -> list[BeatRecord]:
    """`prepare_record` of many files, in their order, in parallel; `on_done` gets each record's name."""
    return prepare_all(_load_and_prepare, [(path, peaks) for path in paths], n_processes, on_done)


def _load_and_prepare(job: tuple[Path, PeakSource]) -> BeatRecord:
    path, peaks = job
    return prepare_record(load(path), peaks)
