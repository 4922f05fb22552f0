"""Rhythm of short segments from the rhythm marks of MIT-BIH, read in two ways.

Publications cut the recordings into segments of 500 samples and draw test segments at random, so that a segment's
neighbours from the same patient train. `random_split` repeats that, to compare; `subject_folds` is what a new
patient would get. Five of the nine rhythms come from one to four patients each, so that the second reading has
little to learn them from: that is what the data allow, and the reason to report both.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..signals import DEVICE_FS_HZ, InputError, Recording, remove_baseline, to_device
from ..signals.rhythm_marks import rhythm_changes
from .net_spec import LayerSpec
from .network import Chain
from .train import FitConfig, Progress, fit, to_unit

__all__ = [
    "N_RHYTHMS",
    "SEGMENT_SAMPLES",
    "SegmentScores",
    "SegmentSplit",
    "Segments",
    "random_split",
    "score_segments",
    "segments_of",
    "subject_folds",
    "train_segments",
]

SEGMENT_SAMPLES = 500  # 3.9 s at 128 Hz
N_RHYTHMS = 9
_R_HEIGHT = 64  # the largest deflection of a segment, int8 Q2.5

_CHAIN = (
    LayerSpec(16, kernel=7, stride=2),
    LayerSpec(24, kernel=5, stride=2),
    LayerSpec(32, kernel=5, stride=2),
    LayerSpec(48, kernel=5, stride=2),
    LayerSpec(64, kernel=3),
    LayerSpec(64, kernel=3),
    LayerSpec(64, kernel=3, pools=True),
    LayerSpec(32),
)


@dataclass(frozen=True)
class Segments:
    """Segments with one rhythm each.

    Attributes
    ----------
    wave : int8 (n, 500), Q2.5, at 128 Hz, baseline removed, the largest deflection at 2.0
    label : int64 (n,), position in `rhythms`
    subject : str (n,)
    rhythms : rhythm marks as the database writes them, the commonest first
    left_out : segments of rarer rhythms, by mark
    """

    wave: np.ndarray
    label: np.ndarray
    subject: np.ndarray
    rhythms: tuple[str, ...]
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def n_subjects(self) -> tuple[int, ...]:
        """Of each rhythm."""
        return tuple(len(set(self.subject[self.label == i].tolist())) for i in range(len(self.rhythms)))


@dataclass(frozen=True)
class SegmentSplit:
    """Which fold tests each segment: int64 (n,); only the folds in `tested` are scored."""

    name: str
    fold: np.ndarray
    tested: tuple[int, ...]

    @property
    def sha256(self) -> str:
        """Hash of the split."""
        said = json.dumps({"name": self.name, "fold": self.fold.tolist()})
        return hashlib.sha256(said.encode()).hexdigest()


def segments_of(recordings: Sequence[Recording], n_rhythms: int = N_RHYTHMS) -> Segments:
    """Cut every stretch of one rhythm into segments that do not overlap.

    Raises
    ------
    InputError
        the recordings hold fewer than two rhythms.
    """
    found = [(r.subject, mark, piece) for r in recordings for mark, piece in _pieces(r)]
    n = Counter(mark for _, mark, _ in found)
    rhythms = tuple(mark for mark, _ in n.most_common(n_rhythms))
    if len(rhythms) < 2:
        raise InputError(f"{len(recordings)} recordings hold {len(rhythms)} marked rhythms; at least 2 are needed")
    kept = [(subject, rhythms.index(mark), piece) for subject, mark, piece in found if mark in rhythms]
    subject, label, wave = zip(*kept, strict=True)
    rarer = {mark: count for mark, count in n.items() if mark not in rhythms}
    return Segments(np.stack(wave), np.array(label), np.array(subject), rhythms, rarer)


def _pieces(recording: Recording) -> list[tuple[str, np.ndarray]]:
    """Mark and int8 wave of every segment of a recording."""
    sample, marks = rhythm_changes(recording)
    filtered = remove_baseline(to_device(recording).counts).astype(np.int32)
    at = np.rint(sample * (DEVICE_FS_HZ / recording.fs_hz)).astype(int).tolist()
    return [
        (mark, _scaled(filtered[first : first + SEGMENT_SAMPLES]))
        for mark, start, stop in zip(marks, at, [*at, len(filtered)][1:], strict=True)
        for first in range(start, stop - SEGMENT_SAMPLES + 1, SEGMENT_SAMPLES)
    ]


def _scaled(piece: np.ndarray) -> np.ndarray:
    return (piece * _R_HEIGHT // max(int(np.abs(piece).max()), 1)).astype(np.int8)


def random_split(segments: Segments, n_folds: int = 5, seed: int = 0) -> SegmentSplit:
    """Segments dealt out at random, of which the first fold tests; **patients are on both sides**."""
    fold = np.random.default_rng(seed).permutation(len(segments)) % n_folds
    return SegmentSplit(f"random segments, 1 of {n_folds} tests (leaks patients), seed {seed}", fold, (0,))


def subject_folds(segments: Segments, n_folds: int = 5, seed: int = 0) -> SegmentSplit:
    """Subjects dealt out so that those who share a rare rhythm lie in different folds; every fold tests."""
    rng = np.random.default_rng(seed)
    n_patients = np.array(segments.n_subjects)
    fold_of: dict[str, int] = {}
    size = np.zeros((n_folds, len(segments.rhythms)))
    for rhythm in np.argsort(n_patients, kind="stable"):
        subjects = np.unique(segments.subject[segments.label == rhythm])
        for subject in rng.permutation([s for s in subjects if s not in fold_of]).tolist():
            share = np.bincount(segments.label[segments.subject == subject], minlength=size.shape[1])
            fold_of[subject] = int(np.argmin(size[:, rhythm] + 1e-6 * size.sum(axis=1)))
            size[fold_of[subject]] += share
    fold = np.array([fold_of[s] for s in segments.subject.tolist()])
    return SegmentSplit(f"{n_folds}-fold by patient, seed {seed}", fold, tuple(range(n_folds)))


def train_segments(
    segments: Segments, train: np.ndarray, config: FitConfig, progress: Progress | None = None
) -> Chain:
    """Train a small CNN on the segments in bool (n,) `train`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        net = Chain((*_CHAIN, LayerSpec(len(segments.rhythms), is_logit=True)), 0, 1, 0)
    wave, label = to_unit(segments.wave[train]), torch.from_numpy(segments.label[train])
    n = torch.bincount(label, minlength=len(segments.rhythms)).float()
    weight = torch.where(n > 0, n.clamp(min=1) ** -0.5, 0.0)
    generator = torch.Generator().manual_seed(config.seed)

    def loss_of(index: Tensor) -> Tensor:
        gain = (0.15 * torch.randn(len(index), 1, generator=generator)).exp()
        noise = 0.05 * torch.randn(wave[index].shape, generator=generator)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(wave[index] * gain + noise, wave[:, :0])[0]
        return F.cross_entropy(logits.float(), label[index], weight=weight)

    fit(net, len(label), loss_of, replace(config, min_steps=0), phase="train segments", progress=progress)
    return net.eval()


@dataclass(frozen=True)
class SegmentScores:
    """What came out on the tested segments.

    Attributes
    ----------
    table : int64 (n_rhythms, n_rhythms), rows by the reference
    """

    table: np.ndarray

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.table) / self.table.sum())

    @property
    def majority(self) -> float:
        """Accuracy of always saying the commonest rhythm."""
        return float(self.table.sum(axis=1).max() / self.table.sum())

    @property
    def f1(self) -> np.ndarray:
        """Of each rhythm, nan where it is neither there nor said."""
        total = self.table.sum(axis=0) + self.table.sum(axis=1)
        return np.where(total > 0, 2 * np.diag(self.table) / np.maximum(total, 1), np.nan)

    @property
    def macro_f1(self) -> float:
        """Mean F1; a rhythm that is neither there nor said is left out."""
        return float(np.nanmean(self.f1))


def score_segments(
    segments: Segments, split: SegmentSplit, config: FitConfig, progress: Progress | None = None
) -> SegmentScores:
    """Train on the other folds of every tested fold, and score it."""
    n = len(segments.rhythms)
    table = np.zeros((n, n), np.int64)
    for fold in split.tested:
        tests = split.fold == fold
        net = train_segments(segments, ~tests, config, progress)
        wave = to_unit(segments.wave[tests])
        with torch.no_grad():
            said = torch.cat([net(part, part[:, :0])[0].argmax(dim=1) for part in wave.split(256)]).numpy()
        np.add.at(table, (segments.label[tests], said), 1)
    return SegmentScores(table)
