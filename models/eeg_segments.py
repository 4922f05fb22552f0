"""Labelled EEG segments of one channel, as the Bonn and Delhi sets hold them: waves, tasks, folds and network.

A segment is all that is known of a recording, and nobody knows which segments come from one patient. So a fold is
made of whole segments, and no figure from these sets says how a network does on a new patient.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..signals import InputError, Recording
from ..signals.eeg_lead import load_device_eeg
from ..signals.eeg_wave import WEARABLE_BAND, EegBand, EegFilter, fixed_factor, scale_eeg
from ..signals.gate_features import ilog2_q4
from .network import LayerSpec, NetSpec

__all__ = [
    "BONN_TASKS",
    "DELHI_TASKS",
    "N_SEGMENT_FEATURES",
    "SEGMENT_UV_PER_UNIT",
    "EegSegments",
    "SegmentFeature",
    "SegmentTask",
    "prepare_segments",
    "segment_features",
    "segment_folds",
    "segment_net_spec",
    "segment_wave",
    "segment_windows",
]

SEGMENT_UV_PER_UNIT = 128.0
"""1.0 of the wave, so that int8 holds +-512 uV in steps of 4 uV; louder seizures saturate."""


class SegmentFeature(IntEnum):
    """Columns of `segment_features`: levels, 16 log2, of numbers in counts of 0.25 uV, less 128."""

    AMPLITUDE = 0
    """Mean of |x|."""
    LINE_LENGTH = 1
    """Mean of |x[i] - x[i-1]|."""
    PEAK = 2
    """Largest |x|."""
    STEP = 3
    """Largest |x[i] - x[i-1]|."""


N_SEGMENT_FEATURES = len(SegmentFeature)


@dataclass(frozen=True)
class SegmentTask:
    """Which groups of segments are to be told apart.

    Attributes
    ----------
    name : for tables
    classes : class -> its groups; the last one is the ictal class
    """

    name: str
    classes: Mapping[str, tuple[str, ...]]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.classes)

    def label_of(self, group: np.ndarray) -> np.ndarray:
        """Class number of each segment, int64 (n,); -1 for groups that the task leaves out."""
        number = {g: i for i, groups in enumerate(self.classes.values()) for g in groups}
        return np.array([number.get(g, -1) for g in group.tolist()], np.int64)


BONN_TASKS = {
    "ABCD-E": SegmentTask("A-D against E", {"A-D": ("A", "B", "C", "D"), "E": ("E",)}),
    "A-E": SegmentTask("A against E", {"A": ("A",), "E": ("E",)}),
    "AB-CD-E": SegmentTask("A+B, C+D, E", {"A+B": ("A", "B"), "C+D": ("C", "D"), "E": ("E",)}),
    "A-B-C-D-E": SegmentTask("A, B, C, D, E", {name: (name,) for name in "ABCDE"}),
}

DELHI_TASKS = {
    "ictal": SegmentTask("ictal against the rest", {"rest": ("preictal", "interictal"), "ictal": ("ictal",)}),
    "states": SegmentTask("all three", {name: (name,) for name in ("preictal", "interictal", "ictal")}),
}


@dataclass(frozen=True)
class EegSegments:
    """Segments of equal length.

    Attributes
    ----------
    name : str (n,), of the recordings
    group : str (n,), set or state that the data set puts each into
    filtered : int16 (n, T), see `EegFilter`, 0.25 uV per count
    fs_hz : rate of `filtered`
    """

    name: np.ndarray
    group: np.ndarray
    filtered: np.ndarray
    fs_hz: int = WEARABLE_BAND.fs_hz

    def __len__(self) -> int:
        return len(self.name)

    @property
    def duration_s(self) -> float:
        return self.filtered.shape[1] / self.fs_hz

    def take(self, index: np.ndarray) -> "EegSegments":
        """Select segments by a boolean mask or by positions."""
        return EegSegments(self.name[index], self.group[index], self.filtered[index], self.fs_hz)

    def of(self, task: SegmentTask) -> "EegSegments":
        """The segments that belong to a task."""
        return self.take(task.label_of(self.group) >= 0)


def prepare_segments(groups: Mapping[str, Sequence[Recording]], band: EegBand = WEARABLE_BAND) -> EegSegments:
    """Run a front end over the recordings of `bonn_recordings` or `delhi_recordings`.

    Parameters
    ----------
    band : what it leaves; the default is the wearable's own

    Raises
    ------
    InputError
        segments of different length.
    """
    found = [(r.name, group, _filtered(r, band)) for group, recordings in groups.items() for r in recordings]
    lengths = sorted({len(wave) for _, _, wave in found})
    if len(lengths) != 1:
        raise InputError(f"segments of {', '.join(map(str, lengths)) or 'no'} samples; one length is needed")
    name, group, filtered = zip(*found, strict=True)
    return EegSegments(np.array(name), np.array(group), np.stack(filtered), band.fs_hz)


def _filtered(recording: Recording, band: EegBand) -> np.ndarray:
    counts, _ = load_device_eeg(recording)
    return EegFilter(band).push(counts)[:, 0]


def segment_wave(filtered: np.ndarray) -> np.ndarray:
    """What the network sees: int8 Q2.5 of int16, any shape."""
    return scale_eeg(filtered, fixed_factor(SEGMENT_UV_PER_UNIT))


def segment_features(filtered: np.ndarray) -> np.ndarray:
    """What the screen looks at: int8 (n, N_SEGMENT_FEATURES) of int16 windows (n, T), T at least 2."""
    size = np.abs(filtered.astype(np.int32))
    step = np.abs(np.diff(filtered.astype(np.int32), axis=1))
    columns = (
        size.sum(axis=1) // size.shape[1],
        step.sum(axis=1) // step.shape[1],
        size.max(axis=1),
        step.max(axis=1),
    )
    return np.clip(ilog2_q4(np.stack(columns, axis=1)) - 128, -128, 127).astype(np.int8)


def segment_windows(filtered: np.ndarray, n: int) -> np.ndarray:
    """Windows of n samples that cover a segment evenly: (n_segments, T) -> (n_segments, n_windows, n).

    Raises
    ------
    InputError
        a segment is shorter than a window.
    """
    length = filtered.shape[1]
    if length < n:
        raise InputError(f"segments of {length} samples, a window has {n}")
    starts = np.linspace(0, length - n, max(round(length / n), 1)).astype(int)
    return np.stack([filtered[:, start : start + n] for start in starts], axis=1)


def segment_folds(group: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Fold in which each segment tests, int64 (n,): every group is dealt out in equal shares, in random order.

    Raises
    ------
    InputError
        fewer than 2 folds, or a group with fewer segments than folds.
    """
    names, n_in = np.unique(group, return_counts=True)
    if not 2 <= n_folds <= n_in.min():
        raise InputError(f"{n_folds} folds; groups of {n_in.min()} segments allow 2 to {n_in.min()}")
    rng = np.random.default_rng(seed)
    fold = np.empty(len(group), np.int64)
    for name in names:
        members = rng.permutation(np.flatnonzero(group == name))
        fold[members] = np.arange(len(members)) % n_folds
    return fold


def segment_net_spec(labels: tuple[str, ...], fs_hz: int = WEARABLE_BAND.fs_hz) -> NetSpec:
    """The seizure specialist at a fixed scale: a chain of valid convolutions over one channel's wave.

    The first one goes on in steps of 1/32 s, whatever the rate.

    The screen sees four levels of the window. The gate is not trained and lets everything through: these segments
    were chosen by eye to be free of artefacts.
    """
    step = fs_hz // 32
    return NetSpec(
        n_features=N_SEGMENT_FEATURES,
        window_shape=(0, 1),
        n_context=N_SEGMENT_FEATURES,
        gate=(LayerSpec(1, is_logit=True),),
        screen=(LayerSpec(1, is_logit=True),),
        specialist=(
            LayerSpec(8, kernel=3 + 2 * step, stride=step),
            LayerSpec(16, kernel=5, stride=2),
            LayerSpec(16, kernel=5, stride=2),
            LayerSpec(24, kernel=5, pools=True),
            LayerSpec(16),
            LayerSpec(len(labels), is_logit=True),
        ),
        n_kept=0,
        labels=labels,
        screens_context=True,
    )
