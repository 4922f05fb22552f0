"""Recipes on trial for the `rhythm` task: strips of the training side are held out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...compression import (
    FASTEST_RHYTHM_RECIPE,
    RHYTHM_RECIPE,
    SMALLEST_RHYTHM_RECIPE,
    CompactModel,
    CompactStage,
    Recipe,
    compress_rhythm,
)
from ...compression.sweep_grid import TrialPlan
from ...firmware_export import GoldenVectors
from ...models import FloatModel
from ...models.rhythm_cascade import decide_strips
from ...models.rhythm_data import RhythmStrip, prepare_strips
from ...models.rhythm_protocol import CvJob, CvPlan, rhythm_folds, train_rhythm
from ...models.rhythm_scores import score_strips
from ...models.rhythm_task import NOISY
from ...models.rhythm_train import RhythmConfig
from ...models.staged import StagedModel
from ...models.train import Progress
from ...signals import InputError, LocalDataset, find_dataset
from ..model_files import load_float_model, load_model
from ..run_notes import note_data
from ..wearable.firmware import N_GOLDEN_STRIPS, golden_strips
from .bench import SplitBench, Verdict

__all__ = ["RHYTHM_RECIPES", "RhythmBench", "RhythmPart", "prepared_strips", "rhythm_bench", "rhythm_sides"]

RHYTHM_RECIPES = {
    "default": RHYTHM_RECIPE,
    "smallest": SMALLEST_RHYTHM_RECIPE,
    "fastest": FASTEST_RHYTHM_RECIPE,
    "quick": RHYTHM_RECIPE.pruned_to(0.9).shortened(2, 2),
}
_DEFAULT_DATA = "cinc2017"
_FITTED = "scored on the strips that trained it; `ictus evaluate rhythm --split cv` scores strips that did not"


@dataclass(frozen=True)
class RhythmPart:
    """Strips that train and strips that judge; see `bench.Part`.

    Attributes
    ----------
    gate : of the beat task's compact model, which the device shares
    """

    trained_on: list[RhythmStrip]
    tested: list[RhythmStrip]
    config: RhythmConfig
    gate: CompactStage | None

    def train(self, progress: Progress | None = None) -> FloatModel:
        """See `Part.train`."""
        return train_rhythm(self.trained_on, self.config, progress)

    def compress(self, model: FloatModel, recipe: Recipe, progress: Progress | None = None) -> CompactModel:
        """See `Part.compress`."""
        return compress_rhythm(model, self.trained_on, recipe, self.config, self.gate, progress)

    def judge(self, model: StagedModel) -> Verdict:
        """See `Part.judge`; every strip passes the gate, as in the challenge."""
        decisions = decide_strips(model, self.tested)
        scores = score_strips(decisions)
        reached = float(decisions.reached[decisions.label < NOISY].mean())
        return Verdict(scores.accuracy, scores.macro_f1, {"gate": 1.0, "screen": 1.0, "specialist": reached})


@dataclass(frozen=True)
class RhythmBench(SplitBench):
    """See `bench.Bench`."""

    found: LocalDataset
    strips: list[RhythmStrip]
    gate: CompactStage | None

    @property
    def head(self) -> dict[str, Any]:
        """See `Bench.head`."""
        return self.head_of(self.found.name, _FITTED)

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """See `Bench.recipes`."""
        return RHYTHM_RECIPES

    @property
    def config(self) -> RhythmConfig:
        """How the model was trained."""
        return RhythmConfig().seeded(int(self.loaded.provenance.get("seed", 0)))

    @property
    def whole(self) -> RhythmPart:
        """See `Bench.whole`."""
        return RhythmPart(*rhythm_sides(self.strips, self.split), self.config, self.gate)

    def held_out(self, fold: int, plan: TrialPlan) -> RhythmPart:
        """See `Bench.held_out`."""
        trained_on, _ = rhythm_sides(self.strips, self.split)
        held = rhythm_folds(trained_on, plan.of, seed=1).fold
        train, test = ([s for s in trained_on if (held[s.name] == fold) == is_held] for is_held in (False, True))
        fit = replace(self.config.fit, min_steps=plan.min_steps)
        return RhythmPart(train, test, replace(self.config, fit=fit), self.gate)

    def digest(self) -> str:
        """See `Bench.digest`."""
        digest = hashlib.sha256(f"{self.split} {self.config!r}".encode())
        for strip in self.whole.trained_on:
            digest.update(strip.wave.tobytes() + strip.context.tobytes() + bytes([strip.label % 256]))
        return digest.hexdigest()

    def golden(self) -> GoldenVectors:
        """See `Bench.golden`."""
        return golden_strips(N_GOLDEN_STRIPS)


def rhythm_bench(
    model: str | Path, data: str | Path | None = None, progress: Progress | None = None
) -> RhythmBench:
    """A trained float model with its strips.

    Raises
    ------
    InputError
        no float model, or an unknown split
    """
    loaded = load_float_model(model, "rhythm")
    beat = load_model(None, "beat").model
    gate = beat.stage("gate") if isinstance(beat, CompactModel) else None
    return RhythmBench(loaded, *prepared_strips(data, progress), gate)


def prepared_strips(
    data: str | Path | None, progress: Progress | None = None
) -> tuple[LocalDataset, list[RhythmStrip]]:
    """A data set and all its labelled strips."""
    found = find_dataset(data, _DEFAULT_DATA)
    note_data(found.name, [*map(found.path, found.records), *found.folder.glob("REFERENCE*.csv")])
    done = 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        if progress and (done % 50 == 0 or done == len(found.records)):
            progress("prepare", done, len(found.records), name)

    return found, prepare_strips(found, on_done=count)


def rhythm_sides(strips: list[RhythmStrip], split: str) -> tuple[list[RhythmStrip], list[RhythmStrip]]:
    """Strips that train and strips that test.

    Raises
    ------
    InputError
        an unknown split
    """
    if split == "all":
        return strips, strips
    if split not in (known := [f"fold{i}" for i in range(5)]):
        raise InputError(f"split {split!r} is not known; known: all, {', '.join(known)}")
    job = CvJob(CvPlan(strips, rhythm_folds(strips), RhythmConfig()), int(split.removeprefix("fold")), 0)
    return job.train, job.test
