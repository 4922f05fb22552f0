"""From prepared strips to a trained float model of the rhythm task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..signals import UnanalysableError
from ..signals.rhythm_wave import RHYTHM_FS_HZ
from .ensemble import Ensemble
from .network import StagedNet
from .rhythm_data import RhythmStrip
from .rhythm_task import NORMAL, RHYTHMS
from .train import FitConfig, Progress, fit, to_unit

__all__ = ["RhythmConfig", "class_weight", "fit_rhythm", "rhythm_loss"]

_STEP = 1 / 32


@dataclass(frozen=True)
class RhythmConfig:
    """How to train the screen and the CNN.

    Attributes
    ----------
    fit : duration, rate, weight of the screen's loss, share of the teacher, seed
    crop_s : length of the crops of most batches, seconds
    short_s : length of the crops of the other batches, which also hold the strips shorter than `crop_s`
    short_share : share of the long strips that go into short batches
    class_power : classes weigh (their frequency) to the power of minus this
    flip : share of crops whose polarity is turned
    stretch : largest change of the time scale, as a ratio's logarithm
    gain_sigma : standard deviation of the logarithm of a random gain
    noise, wander : largest standard deviation of white noise and largest amplitude of a sine below 0.7 Hz, in
        int8 steps
    context_sigma : standard deviation of the noise on the features, where 1 is 32 steps
    screen_pass : share of the abnormal training strips that the screen must pass on to the CNN
    bf16 : convolutions in bfloat16, which is fast on processors that have it; off for exact integers
    """

    fit: FitConfig = field(
        default_factory=lambda: FitConfig(
            epochs=40, min_steps=0, batch_size=64, learning_rate=1.2e-2, weight_decay=1e-2
        )
    )
    crop_s: float = 24.0
    short_s: float = 9.0
    short_share: float = 0.02
    class_power: float = 0.5
    flip: float = 0.3
    stretch: float = 0.12
    gain_sigma: float = 0.15
    noise: float = 2.5
    wander: float = 5.0
    context_sigma: float = 0.05
    screen_pass: float = 0.97
    bf16: bool = True

    def seeded(self, seed: int) -> "RhythmConfig":
        """The same, from another seed."""
        return replace(self, fit=replace(self.fit, seed=seed))


@dataclass(frozen=True)
class StripTensors:
    """A batch: wave float (B, T), context float (B, n_context), label int64 (B,)."""

    wave: Tensor
    context: Tensor
    label: Tensor


class CropSampler:
    """Endless batches of random, changed crops; every strip comes once an epoch, less what fills no batch."""

    def __init__(self, strips: Sequence[RhythmStrip], config: RhythmConfig) -> None:
        self.config = config
        self._waves = [s.wave for s in strips]
        self._context = to_unit(np.stack([s.context for s in strips]))
        self._label = torch.tensor([s.label for s in strips])
        self._rng = np.random.default_rng(config.fit.seed)
        longest = config.crop_s * np.exp(config.stretch)
        self._is_long = np.array([s.n_seconds > longest for s in strips])
        self.n_batches = len(self._epoch())
        self._waiting: list[tuple[np.ndarray, int]] = []

    def next(self) -> StripTensors:
        """The next batch."""
        if not self._waiting:
            self._waiting = self._epoch()
        index, n = self._waiting.pop()
        context = self._context[index]
        if self.config.context_sigma:
            noise = self._rng.standard_normal(context.shape, np.float32)
            context = context + self.config.context_sigma * torch.from_numpy(noise)
        return StripTensors(self._changed(self._crops(index, n)), context, self._label[index])

    def _epoch(self) -> list[tuple[np.ndarray, int]]:
        """Strips and crop length of every batch, in random order."""
        long = self._rng.permutation(np.flatnonzero(self._is_long))
        n_short = int(self.config.short_share * len(long))
        short = self._rng.permutation(np.concatenate([np.flatnonzero(~self._is_long), long[:n_short]]))
        batches = [
            (group, round(seconds * RHYTHM_FS_HZ))
            for index, seconds in ((short, self.config.short_s), (long[n_short:], self.config.crop_s))
            for group in self._groups(index)
        ]
        return [batches[i] for i in self._rng.permutation(len(batches))]

    def _groups(self, index: np.ndarray) -> list[np.ndarray]:
        size = min(self.config.fit.batch_size, max(len(index), 1))
        return list(index[: len(index) // size * size].reshape(-1, size))

    def _crops(self, index: np.ndarray, n: int) -> np.ndarray:
        """Crops at a random place and time scale: float64 (B, n) in int8 steps."""
        crops = np.empty((len(index), n))
        scale = np.exp(self._rng.uniform(-self.config.stretch, self.config.stretch, len(index)))
        for row, i in enumerate(index):
            wave = self._waves[i]
            n_needed = min(int(np.ceil(n * scale[row])) + 2, len(wave))
            start = self._rng.integers(len(wave) - n_needed + 1)
            at = np.minimum(np.arange(n) * scale[row], n_needed - 1)
            crops[row] = np.interp(at, np.arange(n_needed), wave[start : start + n_needed])
        return crops

    def _changed(self, crops: np.ndarray) -> Tensor:
        """Polarity, gain, noise and wander, rounded to what int8 Q2.5 can hold: float (B, T)."""
        rng, config = self._rng, self.config
        column = (len(crops), 1)
        crops *= np.where(rng.random(column) < config.flip, -1, 1)
        crops *= np.exp(config.gain_sigma * rng.standard_normal(column))
        crops += config.noise * rng.random(column) * rng.standard_normal(crops.shape)
        time_s = np.arange(crops.shape[1]) / RHYTHM_FS_HZ
        phase = rng.uniform(0.1, 0.7, column) * time_s + rng.random(column)
        crops += config.wander * rng.random(column) * np.sin(2 * np.pi * phase)
        return torch.from_numpy(np.clip(np.rint(crops), -128, 127).astype(np.float32) * np.float32(_STEP))


def class_weight(strips: Sequence[RhythmStrip], power: float) -> Tensor:
    """Weight of each class in the loss, float (n_classes,), mean 1 over the classes."""
    n = np.bincount([s.label for s in strips], minlength=len(RHYTHMS)).astype(np.float64)
    weight = n**-power
    return torch.from_numpy(weight / weight.mean()).float()


def rhythm_loss(
    net: nn.Module, batch: StripTensors, weight: Tensor, config: RhythmConfig, teacher: nn.Module | None = None
) -> Tensor:
    """Weighted class loss of the CNN plus the normal/abnormal loss of the screen.

    With a teacher, `config.fit.distillation` of both targets is what the teacher says. The parts of a float
    network's head must tell the classes by themselves, too, unless several teachers say what both make of a strip.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        says = net.opinions if isinstance(net, StagedNet) and not isinstance(teacher, Ensemble) else net
        screen, *opinions = says(batch.wave, batch.context)
    n_classes = opinions[0].shape[1]
    target = F.one_hot(batch.label, n_classes).float()
    is_abnormal = (batch.label != NORMAL).float()
    share = config.fit.distillation if teacher is not None else 0.0
    if teacher is not None and share:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            soft_screen, soft_classes = teacher(batch.wave, batch.context)
        target = (1 - share) * target + share * soft_classes.float().softmax(dim=1)
        is_abnormal = (1 - share) * is_abnormal + share * soft_screen.float()[:, 0].sigmoid()
    unit_weight = weight[batch.label]
    class_loss = torch.stack([-(target * o.float().log_softmax(dim=1)).sum(dim=1) for o in opinions]).mean(dim=0)
    screen_loss = F.binary_cross_entropy_with_logits(screen.float()[:, 0], is_abnormal, reduction="none")
    loss = class_loss + config.fit.screen_weight * screen_loss
    return (unit_weight * loss).sum() / unit_weight.sum()


def fit_rhythm(
    net: nn.Module,
    strips: Sequence[RhythmStrip],
    config: RhythmConfig,
    phase: str = "train",
    teacher: nn.Module | None = None,
    on_step: Callable[[float], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Train screen and specialist of a rhythm network in place, float or quantised.

    Parameters
    ----------
    net : (wave (B, T), context (B, n)) -> screen (B, 1), classes (B, n_classes)
    strips : labelled N, A or O; others are left out

    Raises
    ------
    UnanalysableError
        one of the classes does not occur.
    """
    known = [s for s in strips if 0 <= s.label < len(RHYTHMS)]
    missing = [name for i, name in enumerate(RHYTHMS) if not any(s.label == i for s in known)]
    if missing:
        raise UnanalysableError(f"{len(known)} training strips hold none of class {', '.join(missing)}")
    sampler = CropSampler(known, config)
    weight = class_weight(known, config.class_power)
    by_batch = replace(config.fit, batch_size=1)

    def loss_of(_: Tensor) -> Tensor:
        return rhythm_loss(net, sampler.next(), weight, config, teacher)

    fit(net, sampler.n_batches, loss_of, by_batch, on_step=on_step, phase=phase, progress=progress)
