"""Leave-subjects-out cross-validation: every recording is decided by a model that never saw its subject."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from ..signals import InputError, Split
from .beat_data import BeatRecord
from .beat_train import INTER_CONFIG, TrainConfig
from .protocol import Protocol

__all__ = ["cv_protocols", "recording_id", "recording_ids", "subject_folds"]


def subject_folds(subject_of: Mapping[str, str], n_folds: int, seed: int) -> list[tuple[str, ...]]:
    """Recordings that test in each fold; all recordings of a subject lie in one fold.

    Subjects are drawn in random order and dealt out in equal shares; classes are not looked at.

    Parameters
    ----------
    subject_of : recording -> subject
    n_folds : 2 or more, at most the number of subjects
    seed : of the order

    Raises
    ------
    InputError
        fewer subjects than folds, or fewer than 2 folds.
    """
    subjects = sorted(set(subject_of.values()))
    if not 2 <= n_folds <= len(subjects):
        raise InputError(f"{n_folds} folds; {len(subjects)} subjects allow 2 to {len(subjects)}")
    order = np.random.default_rng(seed).permutation(len(subjects))
    fold_of = {subjects[s]: fold for fold, part in enumerate(np.array_split(order, n_folds)) for s in part}
    return [tuple(r for r in sorted(subject_of) if fold_of[subject_of[r]] == fold) for fold in range(n_folds)]


def cv_protocols(
    records: Sequence[BeatRecord], n_folds: int, seed: int = 0, config: TrainConfig = INTER_CONFIG
) -> list[Protocol]:
    """One protocol per fold; every recording tests in exactly one of them.

    Parameters
    ----------
    records : prepared recordings with reference beats
    seed : of the draw of the folds and of the training

    Raises
    ------
    InputError
        see `subject_folds`
    """
    by_name = {r.name: r for r in records}
    folds = subject_folds({r.name: r.subject for r in records}, n_folds, seed)
    protocols = []
    for number, test in enumerate(folds):
        train = tuple(name for name in sorted(by_name) if name not in test)
        split = Split(f"fold {number + 1} of {n_folds}, by subject, seed {seed}", train, test)
        protocols.append(
            Protocol(
                key="cv",
                name=split.name,
                sha256=split.sha256,
                train=tuple(by_name[name] for name in train),
                test=tuple(by_name[name] for name in test),
                train_wanted=None,
                test_wanted=None,
                shared_subjects=(),
                config=config.seeded(seed),
            )
        )
    return protocols


def recording_id(record: BeatRecord) -> str:
    """What a recording is recognised by, whatever its name: hash of its reference beats, 16 hexadecimal digits."""
    content = record.reference_peak.astype("<i8").tobytes() + record.reference_label.astype("i1").tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def recording_ids(records: Sequence[BeatRecord]) -> dict[str, str]:
    """Recording -> `recording_id`, for a model's provenance."""
    return {r.name: recording_id(r) for r in records}
