"""Recipes on trial for the `beat` task: patients are held out, or beats where the split leaks patients anyway."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...compression import BEAT_RECIPES, SMALLEST_BEAT_RECIPES, CompactModel, Recipe, compress_beat
from ...compression.sweep_grid import TrialPlan
from ...firmware_export import GoldenVectors
from ...models import BeatRecord, BeatTrainingSet, FloatModel, GateSources, Protocol, make_protocol, train_beats
from ...models.beat_task import BeatDesign
from ...models.beat_train import TrainConfig
from ...models.cross_validation import recording_ids, subject_folds
from ...models.staged import StagedModel
from ...models.train import Progress
from ...signals import InputError, LocalDataset
from ..evaluate.experiment import gate_sources, prepare_dataset, prepare_extra
from ..model_files import load_float_model
from ..wearable.firmware import N_GOLDEN, golden_vectors
from .bench import LoadedBench, Verdict

__all__ = ["BeatBench", "BeatPart", "beat_bench", "held_out_protocol"]


@dataclass(frozen=True)
class BeatPart:
    """A protocol with the noise and fibrillation that its gate learns from; see `bench.Part`."""

    protocol: Protocol
    sources: GateSources

    @cached_property
    def data(self) -> BeatTrainingSet:
        """What trains; the gate sees no second with a beat that does not."""
        wanted = self.protocol.train_wanted
        others = None if wanted is None else {name: ~mask for name, mask in wanted.items()}
        return replace(self.protocol, test_wanted=others).training_set(self.sources)

    def train(self, progress: Progress | None = None) -> FloatModel:
        """See `Part.train`."""
        return train_beats(self.data, self.protocol.config, progress)

    def compress(self, model: FloatModel, recipe: Recipe, progress: Progress | None = None) -> CompactModel:
        """See `Part.compress`."""
        return compress_beat(model, self.data, recipe, self.protocol.config, progress)

    def judge(self, model: StagedModel) -> Verdict:
        """See `Part.judge`."""
        found = self.protocol.evaluate(model)
        return Verdict(found.scores.accuracy, found.scores.macro_f1, found.stage_share)


@dataclass(frozen=True)
class BeatBench(LoadedBench):
    """See `bench.Bench`."""

    found: LocalDataset
    protocol: Protocol
    sources: GateSources

    @property
    def head(self) -> dict[str, Any]:
        """See `Bench.head`."""
        return {"split": self.protocol.name, "dataset": self.found.name}

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """See `beat_recipes`."""
        return beat_recipes(self.protocol.config.design)

    @property
    def whole(self) -> BeatPart:
        """See `Bench.whole`."""
        return BeatPart(self.protocol, self.sources)

    def held_out(self, fold: int, plan: TrialPlan) -> BeatPart:
        """See `Bench.held_out`."""
        protocol = held_out_protocol(self.protocol, fold, plan.of)
        return BeatPart(replace(protocol, config=_shortened(protocol.config, plan)), self.sources)

    def digest(self) -> str:
        """See `Bench.digest`."""
        recordings = recording_ids((*self.protocol.train, *self.protocol.extra))
        said = f"{self.protocol.sha256} {self.protocol.config!r} {self.sources.names} {recordings}"
        return hashlib.sha256(said.encode()).hexdigest()

    def golden(self) -> GoldenVectors:
        """See `Bench.golden`."""
        record = max(self.protocol.train, key=lambda r: int((r.reference_label > 0).sum()))
        return golden_vectors(record, N_GOLDEN)


def beat_recipes(design: BeatDesign) -> dict[str, Recipe]:
    """What the model is for; with two thirds of the weights; below 2,048 bytes; with shorter phases."""
    default, smallest = BEAT_RECIPES[design], SMALLEST_BEAT_RECIPES[design]
    small = default.pruned_to(1 - (1 - default.pruning.sparsity) * 2 / 3)
    return {"default": default, "small": small, "smallest": smallest, "quick": default.shortened(6, 6)}


def beat_bench(
    model: str | Path,
    data: str | Path | None = None,
    extra: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> BeatBench:
    """A trained float model with its data.

    Parameters
    ----------
    model : file, or the task's name for the zoo's
    extra : where the extra data sets of the training lie, if not under their names

    Raises
    ------
    InputError
        no float model, or other data than it was trained on.
    """
    loaded = load_float_model(model, "beat")
    told = loaded.provenance
    peaks = str(told.get("peaks", "detected"))
    found, records = prepare_dataset(data, peaks, progress)
    _, added = prepare_extra(list(extra) or told.get("extra") or [], peaks, progress)
    protocol = make_protocol(str(told.get("split", "inter")), records, int(told.get("seed", 0)), added)
    if told.get("split_sha256") not in (None, protocol.sha256):
        raise InputError(f"{loaded.path}: was trained on another split of {told.get('dataset')}")
    return BeatBench(loaded, found, protocol, gate_sources(found))


def held_out_protocol(protocol: Protocol, fold: int, n_folds: int) -> Protocol:
    """The same training side, less a fold that takes the place of the test side.

    Subjects are dealt out where the split keeps patients apart; where it leaks them, the training beats of every
    recording are, since the loss to be measured is the one that the test side will show.

    Raises
    ------
    InputError
        fewer subjects than folds.
    """
    name = f"fold {fold + 1} of {n_folds} of the training side of {protocol.name}"
    if protocol.train_wanted is not None:
        return _without_beats(replace(protocol, name=name), fold, n_folds)
    subject_of = {f"{i}": r.subject for i, r in enumerate((*protocol.train, *protocol.extra))}
    folds = subject_folds(subject_of, n_folds, seed=0)
    held = {int(number) for number in folds[fold]}
    own = len(protocol.train)

    def of(is_held: bool, first: int, records: tuple[BeatRecord, ...]) -> tuple[BeatRecord, ...]:
        return tuple(r for i, r in enumerate(records, first) if (i in held) == is_held)

    test = of(True, 0, protocol.train) + of(True, own, protocol.extra)
    train, extra = of(False, 0, protocol.train), of(False, own, protocol.extra)
    return replace(protocol, name=name, train=train, extra=extra, test=test, shared_subjects=())


def _without_beats(protocol: Protocol, fold: int, n_folds: int) -> Protocol:
    assert protocol.train_wanted is not None
    rng = np.random.default_rng(0)
    number = {name: rng.integers(n_folds, size=len(wanted)) for name, wanted in protocol.train_wanted.items()}
    train = {name: wanted & (number[name] != fold) for name, wanted in protocol.train_wanted.items()}
    test = {name: wanted & (number[name] == fold) for name, wanted in protocol.train_wanted.items()}
    return replace(protocol, train_wanted=train, test_wanted=test)


def _shortened(config: TrainConfig, plan: TrialPlan) -> TrainConfig:
    """Fewer steps at least, and a short training of the gate."""
    beats = replace(config.beats, min_steps=plan.min_steps)
    gate = replace(config.gate, epochs=plan.gate_epochs, min_steps=plan.min_steps)
    return replace(config, beats=beats, gate=gate)
