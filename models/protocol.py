"""Who trains and who tests: a split applied to prepared recordings, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..signals import (
    PACED,
    InputError,
    Split,
    UnanalysableError,
    inter_patient_split,
    intra_patient_split,
    shared_subjects,
)
from .beat_data import BeatRecord, LabelledBeats
from .beat_train import INTER_CONFIG, INTRA_CONFIG, BeatTrainingSet, GateData, TrainConfig
from .evaluate import BeatEvaluation, evaluate_beats
from .gate_sources import GateSources
from .staged import StagedModel

__all__ = ["Protocol", "make_protocol"]


@dataclass(frozen=True)
class Protocol:
    """A split of prepared recordings.

    Attributes
    ----------
    key : ``inter`` or ``intra``
    name : in full; names the leak of the intra-patient split
    sha256 : hash of the split
    train, test : recordings; the same ones for ``intra``
    train_wanted, test_wanted : recording -> bool (m,) reference beats, None for all
    shared_subjects : subjects on both sides
    config : how to train under this protocol
    extra : recordings of other data sets that train the beat networks, too
    """

    key: str
    name: str
    sha256: str
    train: tuple[BeatRecord, ...]
    test: tuple[BeatRecord, ...]
    train_wanted: dict[str, np.ndarray] | None
    test_wanted: dict[str, np.ndarray] | None
    shared_subjects: tuple[str, ...]
    config: TrainConfig
    extra: tuple[BeatRecord, ...] = ()

    def training_set(self, sources: GateSources) -> BeatTrainingSet:
        """Everything the stages are fitted on.

        Raises
        ------
        UnanalysableError
            there is no normal or no abnormal beat to train on.
        """
        beats = LabelledBeats.of((*self.train, *self.extra), self.train_wanted)
        n_abnormal = int((beats.label > 0).sum())
        if not 0 < n_abnormal < len(beats):
            n_normal = len(beats) - n_abnormal
            raise UnanalysableError(
                f"{len(self.train)} training recordings hold {n_normal} normal and {n_abnormal} abnormal beats; "
                "at least 1 of each is needed"
            )
        examples = sources.training_examples(self.train, self.test_wanted, self.config.gate.seed)
        is_unmodified = examples.kind == "clean"
        gate = GateData(examples.features, examples.label == 1, is_unmodified, sources.names)
        return BeatTrainingSet(beats, gate)

    def evaluate(self, model: StagedModel, records: Sequence[BeatRecord] | None = None) -> BeatEvaluation:
        """Score the test side; `records` may be the same recordings prepared from other peaks."""
        names = {r.name for r in self.test}
        chosen = self.test if records is None else [r for r in records if r.name in names]
        return evaluate_beats(model, chosen, self.test_wanted)

    def to_json(self) -> dict[str, object]:
        """For reports."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "train": [r.name for r in self.train],
            "extra": [r.name for r in self.extra],
            "test": [r.name for r in self.test],
            "shared_subjects": list(self.shared_subjects),
        }


def make_protocol(
    key: str, records: Sequence[BeatRecord], seed: int = 0, extra: Sequence[BeatRecord] = ()
) -> Protocol:
    """Split recordings ``inter`` (de Chazal) or ``intra`` (random beats, leaks patients).

    Parameters
    ----------
    seed : of the training, and of the draw of ``intra``
    extra : labelled recordings of other subjects for the training side of ``inter``

    Raises
    ------
    InputError
        an unknown key, one side of the split would be empty, or extra recordings for ``intra``.
    """
    if extra and key != "inter":
        raise InputError(f"split {key!r} takes no extra training data ({len(extra)} recordings given)")
    by_name = {r.name: r for r in records}
    if key == "inter":
        split = inter_patient_split(by_name)
        train, test = ([by_name[name] for name in side] for side in (split.train, split.test))
        return replace(_inter(split, train, test, seed), extra=tuple(extra))
    if key == "intra":
        return _intra([r for r in records if r.name not in PACED], seed)
    raise InputError(f"split {key!r} is not known; known: inter, intra")


def _inter(split: Split, train: Sequence[BeatRecord], test: Sequence[BeatRecord], seed: int) -> Protocol:
    shared = tuple(sorted(shared_subjects(split)))
    config = INTER_CONFIG.seeded(seed)
    return Protocol("inter", split.name, split.sha256, tuple(train), tuple(test), None, None, shared, config)


def _intra(records: Sequence[BeatRecord], seed: int) -> Protocol:
    split = intra_patient_split({r.name: len(r.reference_label) for r in records}, seed)
    test = dict(split.is_test)
    train = {name: ~mask for name, mask in test.items()}
    shared = tuple(sorted({r.subject for r in records}))
    config = INTRA_CONFIG.seeded(seed)
    return Protocol("intra", split.name, split.sha256, tuple(records), tuple(records), train, test, shared, config)
