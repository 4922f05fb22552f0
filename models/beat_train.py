"""From prepared recordings to a trained float model of the beat task."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .beat_data import LabelledBeats
from .beat_task import BeatDesign
from .float_model import FloatModel
from .staged import StagedModel, calibrate_threshold
from .train import FitConfig, Progress, fit_beats, fit_gate
from .weights import seeded_net

__all__ = [
    "INTER_CONFIG",
    "INTRA_CONFIG",
    "BeatTrainingSet",
    "GateData",
    "TrainConfig",
    "passing_shares",
    "thresholds_for",
    "train_beats",
]


@dataclass(frozen=True)
class GateData:
    """Training material of the gate.

    Attributes
    ----------
    features : int8 (n, n_features), Q2.5
    is_analysable : bool (n,)
    is_unmodified : bool (n,), seconds of the recordings as they are; they set the gate's threshold
    sources : names of the data sets that noise and fibrillation came from
    """

    features: np.ndarray
    is_analysable: np.ndarray
    is_unmodified: np.ndarray
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainConfig:
    """How to train the three stages.

    Attributes
    ----------
    beats, gate : duration and rate of the two fits
    design : whom the beat network is for
    gate_care : weight of analysable seconds against the others, see `fit_gate`
    screen_pass : share of abnormal training beats that the screen must pass on
    gate_pass : share of unmodified training seconds that the gate must let through
    """

    beats: FitConfig
    gate: FitConfig = field(default_factory=lambda: FitConfig(epochs=12, learning_rate=1e-2))
    design: BeatDesign = "new patients"
    gate_care: float = 4.0
    screen_pass: float = 0.998
    gate_pass: float = 0.998

    def seeded(self, seed: int) -> "TrainConfig":
        """The same, from another seed."""
        return replace(self, beats=replace(self.beats, seed=seed), gate=replace(self.gate, seed=seed))


INTRA_CONFIG = TrainConfig(
    FitConfig(epochs=40, weight_decay=1e-2, max_shift=1, dropout=0.3),
    design="known patients",
    screen_pass=0.999,
    gate_pass=0.9995,
)
"""Beats of the tested patients are among the training beats: fit what is there, and reject next to nothing."""

INTER_CONFIG = TrainConfig(
    FitConfig(epochs=24, weight_decay=1e-2, balance=0.5, epoch_units=25_000, max_shift=2, gain_sigma=0.15)
)
"""Patients are new: balance records and classes, and vary alignment and gain."""


@dataclass(frozen=True)
class BeatTrainingSet:
    """Everything the three stages are fitted on."""

    beats: LabelledBeats
    gate: GateData


def train_beats(data: BeatTrainingSet, config: TrainConfig, progress: Progress | None = None) -> FloatModel:
    """Train gate, screen and specialist, and set both thresholds, on `data` alone."""
    net = seeded_net(data.gate.features.shape[1], config.beats.seed, config.design)
    gate = data.gate
    fit_gate(net.gate, net.judge, gate.features, gate.is_analysable, config.gate, care=config.gate_care)
    fit_beats(net, data.beats, config.beats, progress=progress)
    model = FloatModel(net.eval(), {"gate": 0.0, "screen": 0.0})
    shares = {"gate": config.gate_pass, "screen": config.screen_pass}
    return replace(model, thresholds=thresholds_for(model, data, shares))


def thresholds_for(model: StagedModel, data: BeatTrainingSet, shares: Mapping[str, float]) -> dict[str, float]:
    """Thresholds with which gate and screen let at least `shares` of what they must pass through.

    The gate must pass the unmodified seconds of `data`, the screen its abnormal beats.
    """
    return {
        name: calibrate_threshold(logits, must_pass, shares[name])
        for name, (logits, must_pass) in _to_calibrate(model, data).items()
    }


def passing_shares(model: StagedModel, data: BeatTrainingSet) -> dict[str, float]:
    """Shares that the model's own thresholds let through; see `thresholds_for`."""
    return {
        name: float((logits[must_pass] >= model.thresholds[name]).mean())
        for name, (logits, must_pass) in _to_calibrate(model, data).items()
    }


def _to_calibrate(model: StagedModel, data: BeatTrainingSet) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Logits (n,) and bool (n,) what must pass, by stage."""
    screen = model.classify(data.beats.window, data.beats.context)[0]
    return {
        "gate": (model.judge(data.gate.features), data.gate.is_unmodified),
        "screen": (screen, data.beats.label > 0),
    }
