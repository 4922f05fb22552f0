"""Training of the seizure network's screen and specialist on units, float or quantised."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import StagedNet
from .seizure_data import ICTAL, SeizureUnits
from .train import FitConfig, Progress, fit, to_unit

__all__ = ["SeizureConfig", "UnitSampler", "UnitTensors", "fit_seizure", "seizure_loss"]

_SUBSETS = (1, 2, 4)
_STEP = 1 / 32


@dataclass(frozen=True)
class SeizureConfig:
    """How to train.

    Attributes
    ----------
    fit : duration, rate, weight of the screen's loss, share of the teacher, seed
    gate_fit : the same of the gate
    averaging : last share of the float training over which the weights are averaged; 0 takes the last step's
    copies : changed copies with a seizure, and as many without, of each subject's recordings; fewer if many
    gate_copies : the same for the gate
    gate_pass : share of the analysable seconds that the gate must accept
    screen_pass : share of the ictal windows that the screen must pass on
    decision : logit from which a window looks like a seizure
    channel_weight : weight of the loss of the single channels beside that of the pooled logit
    context_sigma, wave_sigma : standard deviation of the noise on features and wave, where 1 is 32 steps
    ictal_share : share of the drawn units that are ictal
    segment_weight : weight of a source of single segments (one channel) beside a patient with a montage
    """

    fit: FitConfig = field(
        default_factory=lambda: FitConfig(
            epochs=24, min_steps=0, batch_size=32, learning_rate=8e-3, weight_decay=1e-2, epoch_units=32 * 120
        )
    )
    gate_fit: FitConfig = field(
        default_factory=lambda: FitConfig(epochs=1, min_steps=600, batch_size=256, learning_rate=1e-2)
    )
    averaging: float = 0.5
    copies: int = 192
    gate_copies: int = 24
    gate_pass: float = 0.99
    screen_pass: float = 0.99
    decision: float = 0.0
    channel_weight: float = 0.3
    context_sigma: float = 0.15
    wave_sigma: float = 0.06
    ictal_share: float = 0.45
    segment_weight: float = 0.3

    def seeded(self, seed: int) -> "SeizureConfig":
        """The same, from another seed."""
        return replace(self, fit=replace(self.fit, seed=seed), gate_fit=replace(self.gate_fit, seed=seed))


@dataclass(frozen=True)
class UnitTensors:
    """A batch: wave float (rows, 256), context float (rows, n), place int64 (units, most), label float (units,).

    `place` is the row of each unit's channels, -1 beyond its last.
    """

    wave: Tensor
    context: Tensor
    place: Tensor
    label: Tensor

    def pooled(self, logit: Tensor) -> Tensor:
        """Mean of the upper half of each unit's logits (rows,), see `seizure_cascade.pool_channels`: (units,)."""
        exists = self.place >= 0
        values = torch.where(exists, logit[self.place.clamp(min=0)], torch.tensor(-1e9))
        ordered = values.sort(dim=1, descending=True).values
        n = (exists.sum(dim=1) + 1) // 2
        is_upper = torch.arange(ordered.shape[1]) < n[:, None]
        return torch.where(is_upper, ordered, torch.tensor(0.0)).sum(dim=1) / n

    @property
    def row_label(self) -> Tensor:
        """Label of each row, that of its unit: float (rows,)."""
        rows = torch.empty(len(self.wave))
        exists = self.place >= 0
        rows[self.place[exists]] = self.label[:, None].expand(self.place.shape)[exists]
        return rows


class UnitSampler:
    """Batches of units by number: a random subset of the channels of each, a little noise on all."""

    def __init__(self, units: SeizureUnits, config: SeizureConfig) -> None:
        self.units, self.config = units, config
        self._first = units.first_row
        self._rng = np.random.default_rng(config.fit.seed)

    def draw_weight(self) -> np.ndarray:
        """Drawing weight of each unit: all subjects alike, ictal ones `ictal_share` together; float64 (n,)."""
        label, source = self.units.label == ICTAL, self.units.source
        _, group, size = np.unique(source * 2 + label, return_inverse=True, return_counts=True)
        weight = np.where(self.units.n_channels > 1, 1.0, self.config.segment_weight) / size[group]
        share = np.where(label, self.config.ictal_share, 1 - self.config.ictal_share)
        return share * weight / np.where(label, weight[label].sum(), weight[~label].sum())

    def batch(self, index: Tensor) -> UnitTensors:
        """The units of these numbers."""
        place, rows = np.full((len(index), max(_SUBSETS)), -1), list[np.ndarray]()
        n_rows = 0
        for i, unit in enumerate(index.tolist()):
            n = min(int(self.units.n_channels[unit]), int(self._rng.choice(_SUBSETS)))
            chosen = self._rng.choice(self.units.n_channels[unit], n, replace=False)
            rows.append(self._first[unit] + chosen)
            place[i, :n] = np.arange(n_rows, n_rows + n)
            n_rows += n
        row = np.concatenate(rows)
        wave = self._noisy(self.units.wave[row], self.config.wave_sigma)
        context = self._noisy(self.units.context[row], self.config.context_sigma)
        label = torch.from_numpy((self.units.label[index.numpy()] == ICTAL).astype(np.float32))
        return UnitTensors(wave, context, torch.from_numpy(place), label)

    def _noisy(self, values: np.ndarray, sigma: float) -> Tensor:
        noise = sigma / _STEP * self._rng.standard_normal(values.shape, np.float32)
        return to_unit(np.clip(np.rint(values + noise), -128, 127).astype(np.int8))


def seizure_loss(
    net: nn.Module, batch: UnitTensors, config: SeizureConfig, teacher: nn.Module | None = None
) -> Tensor:
    """Loss of the pooled logits of screen and specialist, and a little of each channel's own.

    With a teacher, `config.fit.distillation` of the targets is what it says.
    """
    says = net.opinions if isinstance(net, StagedNet) else net
    screen, *opinions = says(batch.wave, batch.context)
    share = config.fit.distillation if teacher is not None else 0.0
    soft = [batch.row_label] * 2
    if teacher is not None and share:
        with torch.no_grad():
            soft = [out[:, 0].sigmoid() for out in teacher(batch.wave, batch.context)]

    def loss(logit: Tensor, soft_rows: Tensor) -> Tensor:
        pooled = F.binary_cross_entropy_with_logits(batch.pooled(logit), batch.label)
        rows = F.binary_cross_entropy_with_logits(logit, (1 - share) * batch.row_label + share * soft_rows)
        return pooled + (config.channel_weight + share) * rows

    deep = torch.stack([loss(opinion[:, 0], soft[1]) for opinion in opinions]).mean()
    return deep + config.fit.screen_weight * loss(screen[:, 0], soft[0])


def fit_seizure(
    net: nn.Module,
    units: SeizureUnits,
    config: SeizureConfig,
    phase: str = "train",
    teacher: nn.Module | None = None,
    on_step: Callable[[float], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Train screen and specialist in place, float or quantised.

    Parameters
    ----------
    net : (wave (B, 256), context (B, n)) -> screen (B, 1), seizure (B, 1)
    """
    sampler = UnitSampler(units, config)

    def loss_of(index: Tensor) -> Tensor:
        return seizure_loss(net, sampler.batch(index), config, teacher)

    fit(net, len(units), loss_of, config.fit, sampler.draw_weight(), on_step, phase, progress)
