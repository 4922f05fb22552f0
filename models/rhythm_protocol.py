"""Cross-validation of the rhythm task by record: resumable, nothing chosen on the fold that tests."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ..signals.strips import StripFolds, strip_folds
from .float_model import FloatModel
from .network import StagedNet
from .rhythm_cascade import StripDecisions, decide_strips, screen_threshold
from .rhythm_data import RhythmStrip
from .rhythm_task import NOISY, STRIP_LABELS, rhythm_net_spec
from .rhythm_train import RhythmConfig, fit_rhythm
from .staged import StagedModel
from .train import Progress

__all__ = ["CvJob", "CvPlan", "cross_validate", "rhythm_folds", "train_rhythm"]


def rhythm_folds(strips: Sequence[RhythmStrip], n_folds: int = 5, seed: int = 0) -> StripFolds:
    """The split of labelled strips into folds, noisy ones included."""
    return strip_folds({s.name: STRIP_LABELS[s.label] for s in strips if s.label >= 0}, n_folds, seed)


def train_rhythm(
    strips: Sequence[RhythmStrip], config: RhythmConfig, progress: Progress | None = None
) -> FloatModel:
    """Train screen and CNN on `strips` and set the screen's threshold on them.

    The gate is not trained here: its threshold lets everything through.
    """
    n_features = strips[0].features.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        net = StagedNet(rhythm_net_spec(n_features))
    fit_rhythm(net, strips, config, progress=progress)
    model = FloatModel(net.eval(), {"gate": -float("inf"), "screen": 0.0})
    readable = [s for s in strips if 0 <= s.label < NOISY]
    model.thresholds["screen"] = screen_threshold(model, readable, config.screen_pass)
    return model


@dataclass(frozen=True)
class CvPlan:
    """What to cross-validate.

    Attributes
    ----------
    strips : all labelled strips
    folds : the split
    config : of the training; the seed is replaced
    seeds : one whole cross-validation each
    """

    strips: Sequence[RhythmStrip]
    folds: StripFolds
    config: RhythmConfig
    seeds: tuple[int, ...] = (0, 1, 2)

    @cached_property
    def digest(self) -> str:
        """Hash of strips, split and network."""
        digest = hashlib.sha256(f"{self.folds.sha256} {rhythm_net_spec(0)}".encode())
        for strip in self.strips:
            digest.update(strip.wave.tobytes() + strip.context.tobytes() + bytes([strip.label]))
        return digest.hexdigest()

    def jobs(self) -> list["CvJob"]:
        """Every fold of every seed."""
        return [CvJob(self, fold, seed) for seed in self.seeds for fold in range(self.folds.n_folds)]


@dataclass(frozen=True)
class CvJob:
    """One fold of one seed."""

    plan: CvPlan
    fold: int
    seed: int

    @property
    def config(self) -> RhythmConfig:
        return self.plan.config.seeded(self.seed)

    @property
    def train(self) -> list[RhythmStrip]:
        """The strips of the other folds."""
        return [s for s in self.plan.strips if self.plan.folds.fold[s.name] != self.fold]

    @property
    def test(self) -> list[RhythmStrip]:
        """The strips of this fold."""
        return [s for s in self.plan.strips if self.plan.folds.fold[s.name] == self.fold]

    def key(self, recipe: str) -> str:
        """Names a stored model: another one if data, split, settings or recipe change."""
        said = f"{self.plan.digest} {self.config} {recipe}"
        return f"seed{self.seed}-fold{self.fold}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def cross_validate(
    plan: CvPlan, model_of: Callable[[CvJob], StagedModel], gate: StagedModel | None = None
) -> dict[int, StripDecisions]:
    """Decide every strip with a model that was not trained on it, once per seed.

    Parameters
    ----------
    model_of : trains on the job's training strips, or takes from a store what it trained on them before
    gate : the model whose gate judges the strips; None lets every strip through

    Returns
    -------
    dict
        seed -> decisions on all strips, in the order of ``plan.strips``
    """
    parts: dict[int, list[StripDecisions]] = {}
    for job in plan.jobs():
        parts.setdefault(job.seed, []).append(decide_strips(model_of(job), job.test, gate))
    fold = np.array([plan.folds.fold[s.name] for s in plan.strips])
    place = np.argsort(np.argsort(fold, kind="stable"), kind="stable")  # of each strip among all folds' strips
    return {seed: StripDecisions.concatenate(found).take(place) for seed, found in parts.items()}
