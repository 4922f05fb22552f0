"""Who trains and who tests: a split applied to prepared recordings, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..signals import PACED, Split, inter_patient_split, intra_patient_split, load, shared_subjects
from ..signals.datasets import SAMPLE_FOLDER, find_dataset
from ..signals.errors import InputError
from .beat_data import BeatRecord
from .beat_train import INTER_CONFIG, INTRA_CONFIG, BeatTrainingSet, GateData, TrainConfig
from .evaluate import BeatEvaluation, evaluate_beats
from .gate_data import GateExamples, gate_examples, noise_halves
from .staged import StagedModel

__all__ = ["GATE_DEFINITION", "Protocol", "gate_figures", "make_protocol", "noise_sources"]

GATE_DEFINITION = (
    "One second is analysable when the noise in it leaves at least 6 dB (nst definition, behind the device's "
    "filter); a held line and a saturated converter never are."
)

NoiseSources = Sequence[tuple[str, np.ndarray]]


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

    def training_set(self, noise: NoiseSources) -> BeatTrainingSet:
        """Everything the stages are fitted on; `noise` is the first half of the noise recordings."""
        examples = gate_examples(self.train, noise)
        use = examples.label >= 0
        gate = GateData(examples.features[use], examples.label[use] == 1)
        wanted = None if self.train_wanted is None else [self.train_wanted[r.name] for r in self.train]
        return BeatTrainingSet.of(self.train, gate, wanted)

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
            "test": [r.name for r in self.test],
            "shared_subjects": list(self.shared_subjects),
        }


def make_protocol(key: str, records: Sequence[BeatRecord], seed: int = 0) -> Protocol:
    """Split recordings ``inter`` (de Chazal) or ``intra`` (random beats, leaks patients).

    Raises
    ------
    InputError
        an unknown key, or one side of the split would be empty.
    """
    by_name = {r.name: r for r in records}
    if key == "inter":
        split = inter_patient_split(by_name)
        train, test = ([by_name[name] for name in side] for side in (split.train, split.test))
        return _inter(split, train, test)
    if key == "intra":
        return _intra([r for r in records if r.name not in PACED], seed)
    raise InputError(f"split {key!r} is not known; known: inter, intra")


def _inter(split: Split, train: Sequence[BeatRecord], test: Sequence[BeatRecord]) -> Protocol:
    shared = tuple(sorted(shared_subjects(split)))
    return Protocol("inter", split.name, split.sha256, tuple(train), tuple(test), None, None, shared, INTER_CONFIG)


def _intra(records: Sequence[BeatRecord], seed: int) -> Protocol:
    split = intra_patient_split({r.name: len(r.reference_label) for r in records}, seed)
    test = dict(split.is_test)
    train = {name: ~mask for name, mask in test.items()}
    shared = tuple(sorted({r.subject for r in records}))
    return Protocol(
        "intra", split.name, split.sha256, tuple(records), tuple(records), train, test, shared, INTRA_CONFIG
    )


def noise_sources(second_half: bool = False) -> NoiseSources:
    """Wander, electrode motion and muscle noise; from the full data set if it is there, else the sample's."""
    try:
        found = find_dataset("nstdb")
    except InputError:
        found = find_dataset(SAMPLE_FOLDER, "nstdb")
    return noise_halves({name: load(found.path(name)) for name in ("bw", "em", "ma")}, second_half)


def gate_figures(model: StagedModel, examples: GateExamples) -> dict[str, object]:
    """How the gate does on blocks it was not trained on."""
    passed = model.judge(examples.features) >= model.thresholds["gate"]
    em_ma = np.isin(examples.kind, ("em", "ma"))
    loud = em_ma & (examples.snr_db <= 0)
    quiet = (examples.snr_db >= 12) & np.isfinite(examples.snr_db)
    fault = np.isin(examples.kind, ("held", "rail")) & (examples.label == 0)
    return {
        "definition": GATE_DEFINITION,
        "accept_at_12db": _share(passed[quiet]),
        "accept_unmodified": _share(passed[examples.kind == "clean"]),
        "reject_at_0db": _share(~passed[loud]),
        "reject_faults": _share(~passed[fault]),
    }


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
