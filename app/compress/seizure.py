"""Recipes on trial for the `seizure` task: a subject of the training side is held out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...compression import SEIZURE_RECIPE, CompactModel, Recipe, compress_seizure
from ...compression.sweep_grid import TrialPlan
from ...firmware_export import GoldenVectors
from ...models import FloatModel
from ...models.seizure_data import EegRecord
from ...models.seizure_fit import SeizureConfig
from ...models.seizure_train import SeizureTrainingSet, prepare_training, train_seizure
from ...models.staged import StagedModel
from ...models.train import Progress
from ...signals import InputError
from ...signals.eeg_files import EegFile, eeg_files
from ..evaluate.seizure_folds import excerpts_of
from ..evaluate.seizure_protocols import decide_files, loso_folds
from ..evaluate.seizure_report import scores_json
from ..model_files import load_float_model
from ..run_notes import note_data
from ..wearable.firmware import N_GOLDEN
from ..wearable.seizure_firmware import golden_eeg
from .bench import SplitBench, Verdict

__all__ = [
    "FITTED",
    "MONTAGE",
    "SEIZURE_RECIPES",
    "SeizureBench",
    "SeizurePart",
    "labelled_eeg",
    "seizure_bench",
    "seizure_sides",
]

SEIZURE_RECIPES = {"default": SEIZURE_RECIPE, "quick": SEIZURE_RECIPE.shortened(2, 2)}
MONTAGE = "double-banana"
_DEFAULT_DATA = "chbmit"
_WITHOUT = "without-"
FITTED = "scored on the recordings that trained it; `ictus evaluate seizure` scores subjects that did not"


@dataclass(frozen=True)
class SeizurePart:
    """Recordings that train and recordings that judge; see `bench.Part`.

    Attributes
    ----------
    extra : further data sets that train
    """

    trained_on: tuple[EegFile, ...]
    tested: tuple[EegFile, ...]
    montage: str
    extra: tuple[str, ...]
    config: SeizureConfig

    @cached_property
    def excerpts(self) -> list[EegRecord]:
        """What is read of the recordings that train."""
        return excerpts_of(self.trained_on, self.montage, self.extra)

    @cached_property
    def data(self) -> SeizureTrainingSet:
        """What trains."""
        return prepare_training(self.excerpts, self.config)

    def train(self, progress: Progress | None = None) -> FloatModel:
        """See `Part.train`."""
        return train_seizure(self.excerpts, self.config, progress)[0]

    def compress(self, model: FloatModel, recipe: Recipe, progress: Progress | None = None) -> CompactModel:
        """See `Part.compress`."""
        return compress_seizure(model, self.data, recipe, self.config, progress)

    def judge(self, model: StagedModel) -> Verdict:
        """See `Part.judge`; seconds are what is counted."""
        scores = scores_json(decide_files(self.tested, model, self.montage))
        more = {"events": scores["events"]}
        return Verdict(scores["accuracy"], scores["macro_f1"], scores["stage_share"], more)


@dataclass(frozen=True)
class SeizureBench(SplitBench):
    """See `bench.Bench`."""

    name: str
    files: tuple[EegFile, ...]

    @property
    def head(self) -> dict[str, Any]:
        """See `Bench.head`."""
        return self.head_of(self.name, FITTED)

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """See `Bench.recipes`."""
        return SEIZURE_RECIPES

    @property
    def whole(self) -> SeizurePart:
        """See `Bench.whole`."""
        told = self.loaded.provenance
        extra = tuple(str(e) for e in told.get("extra", ()))
        config = SeizureConfig().seeded(int(told.get("seed", 0)))
        montage = str(told.get("montage", MONTAGE))
        return SeizurePart(*seizure_sides(self.files, self.split), montage, extra, config)

    def held_out(self, fold: int, plan: TrialPlan) -> SeizurePart:
        """See `Bench.held_out`; the folds are the subjects, whatever `plan.of` says."""
        whole = self.whole
        folds = loso_folds(whole.trained_on)
        chosen = folds[fold % len(folds)]
        fit = replace(whole.config.fit, min_steps=plan.min_steps)
        gate_fit = replace(whole.config.gate_fit, epochs=plan.gate_epochs, min_steps=plan.min_steps)
        config = replace(whole.config, fit=fit, gate_fit=gate_fit)
        return replace(whole, trained_on=chosen.train, tested=chosen.test, config=config)

    def digest(self) -> str:
        """See `Bench.digest`."""
        whole = self.whole
        files = [(f.name, f.subject, f.seizures_s) for f in whole.trained_on]
        said = f"{self.split} {whole.montage} {whole.extra} {whole.config!r} {files}"
        return hashlib.sha256(said.encode()).hexdigest()

    def golden(self) -> GoldenVectors:
        """See `Bench.golden`."""
        return golden_eeg(N_GOLDEN)


def seizure_bench(
    model: str | Path,
    data: str | Path | None = None,
    progress: Progress | None = None,  # noqa: ARG001 - every task's bench takes one; here nothing takes long
) -> SeizureBench:
    """A trained float model with its recordings.

    Raises
    ------
    InputError
        no float model, no labelled recording, or an unknown split
    """
    return SeizureBench(load_float_model(model, "seizure"), *labelled_eeg(data))


def labelled_eeg(data: str | Path | None) -> tuple[str, tuple[EegFile, ...]]:
    """Name of the data and its recordings; those of which nobody says whether they hold a seizure are left out."""
    files = tuple(f for f in eeg_files(data) if f.seizures_s is not None)
    if not files:
        raise InputError(f"{data}: no recording of which a file says whether it holds a seizure")
    name = _DEFAULT_DATA if data is None else Path(data).name
    note_data(name, (f.path for f in files))
    return name, files


def seizure_sides(files: tuple[EegFile, ...], split: str) -> tuple[tuple[EegFile, ...], tuple[EegFile, ...]]:
    """Recordings that train and recordings that test.

    Raises
    ------
    InputError
        an unknown split
    """
    if split == "all":
        return files, files
    folds = {f"{_WITHOUT}{fold.name}": fold for fold in loso_folds(files)}
    if split not in folds:
        raise InputError(f"split {split!r} is not known; known: all, {', '.join(folds)}")
    return folds[split].train, folds[split].test
