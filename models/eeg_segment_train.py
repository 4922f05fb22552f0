"""From labelled EEG segments to a trained float model."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..signals import UnanalysableError
from ..signals.eeg_wave import EEG_UV_PER_COUNT
from .averaging import WeightAverage, settle_norms
from .eeg_segments import EegSegments, SegmentTask, segment_features, segment_net_spec, segment_wave
from .float_model import FloatModel
from .network import StagedNet
from .train import FitConfig, Progress, fit, to_unit

__all__ = [
    "DELHI_CONFIG",
    "SegmentConfig",
    "SegmentTensors",
    "fit_segments",
    "sampled_loss",
    "segment_loss",
    "train_eeg_segments",
]


@dataclass(frozen=True)
class SegmentConfig:
    """How to train on segments.

    Attributes
    ----------
    fit : duration, rate, weight of the screen's loss, share of the teacher, seed
    window_s : length of the crops, and of the windows in evaluation, seconds
    class_power : classes weigh (their frequency) to the power of minus this
    flip : share of crops whose polarity is turned
    stretch : largest change of the time scale, as a ratio's logarithm
    gain_sigma : standard deviation of the logarithm of a random gain
    noise_uv : largest standard deviation of white noise
    averaging : last share of the float training over which the weights are averaged; 0 takes the last step's
    """

    fit: FitConfig = field(
        default_factory=lambda: FitConfig(
            epochs=96, min_steps=0, batch_size=64, learning_rate=8e-3, weight_decay=1e-2
        )
    )
    window_s: float = 4.0
    class_power: float = 0.5
    flip: float = 0.5
    stretch: float = 0.05
    gain_sigma: float = 0.1
    noise_uv: float = 2.0
    averaging: float = 0.5

    def n_window(self, fs_hz: int) -> int:
        """Samples of a window."""
        return round(self.window_s * fs_hz)

    def seeded(self, seed: int) -> "SegmentConfig":
        """The same, from another seed."""
        return replace(self, fit=replace(self.fit, seed=seed))


DELHI_CONFIG = SegmentConfig(
    fit=FitConfig(epochs=60, min_steps=0, batch_size=32, learning_rate=6e-3, weight_decay=3e-2),
    window_s=4.5,
    averaging=0.0,
)
"""For 150 segments of 5.12 s."""


_N_SETTLING = 20
"""Crops of every segment from which batch norms are measured."""


@dataclass(frozen=True)
class SegmentTensors:
    """A batch: wave float (B, T), context float (B, N_SEGMENT_FEATURES), label int64 (B,)."""

    wave: Tensor
    context: Tensor
    label: Tensor


class _CropSampler:
    """Crops of segments at random places, changed at random."""

    def __init__(self, segments: EegSegments, label: np.ndarray, config: SegmentConfig) -> None:
        self.filtered, self.label, self.config = segments.filtered, torch.from_numpy(label), config
        self._n = config.n_window(segments.fs_hz)
        self._rng = np.random.default_rng(config.fit.seed)

    def batch(self, index: np.ndarray) -> SegmentTensors:
        """One crop of each segment in int64 (B,)."""
        rng, config, column = self._rng, self.config, (len(index), 1)
        crops = self._stretched(index)
        crops *= np.where(rng.random(column) < config.flip, -1, 1).astype(np.float32)
        crops *= np.exp(config.gain_sigma * rng.standard_normal(column, np.float32))
        crops += (
            config.noise_uv
            / EEG_UV_PER_COUNT
            * rng.random(column, np.float32)
            * rng.standard_normal(crops.shape, np.float32)
        )
        changed = np.clip(np.rint(crops), -32768, 32767).astype(np.int16)
        wave = to_unit(segment_wave(changed))
        return SegmentTensors(wave, to_unit(segment_features(changed)), self.label[index])

    def _stretched(self, index: np.ndarray) -> np.ndarray:
        """Crops at a random place and time scale, linearly interpolated: float32 (B, n)."""
        n, last = self._n, self.filtered.shape[1] - 1
        scale = np.exp(self._rng.uniform(-self.config.stretch, self.config.stretch, len(index)))
        scale = np.minimum(scale, last / (n - 1))
        start = self._rng.random(len(index)) * (last - scale * (n - 1))
        at = start[:, None] + scale[:, None] * np.arange(n)
        left = np.minimum(at.astype(np.int64), last - 1)
        share = (at - left).astype(np.float32)
        rows = index[:, None]
        return (1 - share) * self.filtered[rows, left] + share * self.filtered[rows, left + 1]


def segment_loss(
    net: nn.Module, batch: SegmentTensors, weight: Tensor, config: FitConfig, teacher: nn.Module | None = None
) -> Tensor:
    """Weighted class loss of the specialist plus the ictal loss of the screen.

    With a teacher, `config.distillation` of the class target is what the teacher says.
    """
    screen, classes = net(batch.wave, batch.context)
    n_classes = classes.shape[1]
    target = F.one_hot(batch.label, n_classes).float()
    if teacher is not None and config.distillation:
        with torch.no_grad():
            soft = teacher(batch.wave, batch.context)[1].softmax(dim=1)
        target = (1 - config.distillation) * target + config.distillation * soft
    is_ictal = (batch.label == n_classes - 1).float()
    class_loss = -(target * classes.log_softmax(dim=1)).sum(dim=1)
    screen_loss = F.binary_cross_entropy_with_logits(screen[:, 0], is_ictal, reduction="none")
    unit_weight = weight[batch.label]
    return (unit_weight * (class_loss + config.screen_weight * screen_loss)).sum() / unit_weight.sum()


def fit_segments(
    net: nn.Module,
    segments: EegSegments,
    label: np.ndarray,
    config: SegmentConfig,
    phase: str = "train",
    teacher: nn.Module | None = None,
    on_step: Callable[[float], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Train screen and specialist in place, float or quantised.

    Parameters
    ----------
    net : (wave (B, T), context (B, N_SEGMENT_FEATURES)) -> screen (B, 1), classes (B, n_classes)
    label : int64 (n,), class of each segment

    Raises
    ------
    UnanalysableError
        one of the classes does not occur.
    """
    weight, sampler = _weight_of(label, config), _CropSampler(segments, label, config)
    n_crops = max(segments.filtered.shape[1] // config.n_window(segments.fs_hz), 1) * len(segments)

    def loss_of(index: Tensor) -> Tensor:
        return segment_loss(net, sampler.batch(index.numpy() % len(segments)), weight, config.fit, teacher)

    fit(net, n_crops, loss_of, config.fit, on_step=on_step, phase=phase, progress=progress)


def _weight_of(label: np.ndarray, config: SegmentConfig) -> Tensor:
    """Weight of each class in the loss."""
    n_in = np.bincount(label, minlength=int(label.max(initial=0)) + 1)
    if len(n_in) < 2 or not n_in.all():
        raise UnanalysableError(f"training segments of each class: {n_in.tolist()}; none may be 0")
    return torch.from_numpy(n_in**-config.class_power).float()


def sampled_loss(
    net: nn.Module,
    segments: EegSegments,
    label: np.ndarray,
    config: SegmentConfig,
    teacher: nn.Module | None = None,
) -> float:
    """Loss on one crop of each segment, always the same ones; arguments as of `fit_segments`."""
    batch = _CropSampler(segments, label, config).batch(np.arange(len(segments)))
    with torch.no_grad():
        return float(segment_loss(net, batch, _weight_of(label, config), config.fit, teacher))


def train_eeg_segments(
    segments: EegSegments, task: SegmentTask, config: SegmentConfig, progress: Progress | None = None
) -> FloatModel:
    """Train on the segments that belong to the task.

    Raises
    ------
    UnanalysableError
        see `fit_segments`
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        net = StagedNet(segment_net_spec(task.labels, segments.fs_hz))
    for parameter in net.gate.parameters():
        nn.init.zeros_(parameter)
    taking_part = segments.of(task)
    label = task.label_of(taking_part.group)
    average = WeightAverage(net, config.averaging)
    fit_segments(net, taking_part, label, config, on_step=average, progress=progress)
    if config.averaging:
        average.put()
        everything, sampler = np.arange(len(taking_part)), _CropSampler(taking_part, label, config)

        def run() -> None:
            batch = sampler.batch(everything)
            net(batch.wave, batch.context)

        settle_norms([net.screen, net.specialist], run, _N_SETTLING)
    return FloatModel(net.eval(), {"gate": -128.0, "screen": -128.0})
