"""Training, readable from top to bottom. `fit` serves the float networks and their quantised twins alike."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .beat_data import LabelledBeats
from .network import StagedNet

__all__ = [
    "BeatTensors",
    "FitConfig",
    "Progress",
    "balance_weight",
    "beat_loss",
    "fit",
    "fit_beats",
    "fit_gate",
    "to_unit",
]

Progress = Callable[[str, int, int, str], None]
"""Called after every epoch with the phase, epochs done, epochs in all, and a line about it."""

_INT8_STEP = 1 / 32


@dataclass(frozen=True)
class FitConfig:
    """How long and how hard to train.

    Attributes
    ----------
    epochs : passes over the data, or over `epoch_units` of it
    min_steps : a small data set is passed over more often, until this many steps are made
    batch_size : units per step
    learning_rate : peak of the one-cycle schedule (AdamW)
    weight_decay : of AdamW
    screen_weight : weight of the screen's loss beside the class loss
    balance : 0 draws units as they come, 1 draws every (record, class) equally often, between them a power law
    epoch_units : training units drawn per epoch, so that more data do not take longer; 0 stands for all
    max_shift : training windows are shifted at random by up to this many samples
    gain_sigma : standard deviation of the log of a random gain on the window
    dropout : share of the outputs of the specialist's hidden dense layers that are put to 0 in every step
    distillation : share of the teacher's soft labels in both targets, 0 to 1
    seed : of initialisation, drawing and augmentation
    """

    epochs: int = 16
    min_steps: int = 1000
    batch_size: int = 256
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    screen_weight: float = 0.5
    balance: float = 0.0
    epoch_units: int = 0
    max_shift: int = 0
    gain_sigma: float = 0.0
    dropout: float = 0.0
    distillation: float = 0.0
    seed: int = 0

    def steps(self, n_units: int) -> tuple[int, int, int]:
        """Epochs, steps per epoch and units per step for `n_units` training units."""
        batch_size = min(self.batch_size, n_units)
        per_epoch = max(1, min(n_units, self.epoch_units or n_units) // batch_size)
        return max(self.epochs, -(-self.min_steps // per_epoch)), per_epoch, batch_size


@dataclass(frozen=True)
class BeatTensors:
    """Training material as float tensors: window (n, T * C), context (n, n_context), label int64 (n,)."""

    window: Tensor
    context: Tensor
    label: Tensor

    @classmethod
    def of(cls, beats: LabelledBeats) -> "BeatTensors":
        """Convert int8 Q2.5 to float."""
        window = to_unit(beats.window.reshape(len(beats), -1))
        return cls(window, to_unit(beats.context), torch.from_numpy(beats.label.astype(np.int64)))

    def batch(self, index: Tensor) -> "BeatTensors":
        """Rows by index."""
        return BeatTensors(self.window[index], self.context[index], self.label[index])


def to_unit(values: np.ndarray) -> Tensor:
    """Int8 Q2.5 of any shape as float32, exactly."""
    return torch.from_numpy(values.astype(np.float32) * np.float32(_INT8_STEP))


def beat_loss(net: nn.Module, batch: BeatTensors, config: FitConfig, teacher: nn.Module | None = None) -> Tensor:
    """Class loss of the deep exit plus weighted normal/abnormal loss of the screen.

    With a teacher, `config.distillation` of both targets is what the teacher says.
    """
    screen, classes = net(batch.window, batch.context)
    is_abnormal = (batch.label > 0).float()
    share = config.distillation
    if teacher is None or share == 0:
        class_loss = F.cross_entropy(classes, batch.label)
    else:
        with torch.no_grad():
            soft_screen, soft_classes = teacher(batch.window, batch.context)
        is_abnormal = (1 - share) * is_abnormal + share * soft_screen[:, 0].sigmoid()
        hard = F.one_hot(batch.label, classes.shape[1])
        class_loss = F.cross_entropy(classes, (1 - share) * hard + share * soft_classes.softmax(dim=1))
    return class_loss + config.screen_weight * F.binary_cross_entropy_with_logits(screen[:, 0], is_abnormal)


def fit(
    module: nn.Module,
    n_units: int,
    loss_of: Callable[[Tensor], Tensor],
    config: FitConfig,
    draw_weight: np.ndarray | None = None,
    on_step: Callable[[float], None] | None = None,
    phase: str = "train",
    progress: Progress | None = None,
) -> None:
    """Minimise `loss_of(index)` over the trainable parameters of `module`.

    Parameters
    ----------
    n_units : number of training units; `loss_of` gets int64 positions among them
    draw_weight : float (n_units,), units are drawn with replacement by it; None visits them in random order
    on_step : called after every optimiser step with the share of the schedule that is done
    phase : what `progress` calls this

    Torch is set to one thread for the rest of the process.
    """
    torch.set_num_threads(1)  # layers this small lose time on more; and results do not depend on the cores
    generator = torch.Generator().manual_seed(config.seed)
    epochs, n_steps, batch_size = config.steps(n_units)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=config.learning_rate / 25, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=epochs * n_steps + 1
    )
    module.train()
    for epoch in range(epochs):
        order = _draw(n_units, n_steps * batch_size, draw_weight, generator)
        total = 0.0
        for step, index in enumerate(order.split(batch_size)):
            loss = loss_of(index)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
            if on_step:
                on_step((epoch * n_steps + step + 1) / (epochs * n_steps))
        if progress:
            progress(phase, epoch + 1, epochs, f"loss {total / n_steps:.4f}")
    module.eval()


def _draw(n_units: int, n: int, weight: np.ndarray | None, generator: torch.Generator) -> Tensor:
    if weight is None:
        return torch.randperm(n_units, generator=generator)[:n]
    return torch.multinomial(torch.from_numpy(weight), n, replacement=True, generator=generator)


def balance_weight(beats: LabelledBeats, balance: float) -> np.ndarray | None:
    """Drawing weight float64 (n,): (size of the beat's record and class) to the power of -balance."""
    if balance == 0.0:
        return None
    _, group, size = np.unique(
        beats.record.astype(np.int64) * 8 + beats.label, return_inverse=True, return_counts=True
    )
    weight = size[group].astype(np.float64) ** -balance
    return weight / weight.sum()


def fit_beats(
    net: nn.Module,
    beats: LabelledBeats,
    config: FitConfig,
    phase: str = "train",
    teacher: nn.Module | None = None,
    on_step: Callable[[float], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Train both exits of a beat network in place, float or quantised."""
    data = BeatTensors.of(beats)
    augment = _Augmenter(config, beats.window.shape[2])
    if isinstance(net, StagedNet):
        for layer in net.specialist.hidden_dense():
            layer.dropout = config.dropout

    def loss_of(index: Tensor) -> Tensor:
        return beat_loss(net, augment(data.batch(index)), config, teacher)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # what drops out
        fit(net, len(beats), loss_of, config, balance_weight(beats, config.balance), on_step, phase, progress)


class _Augmenter:
    """Random shift and gain of the window, rounded back to what int8 Q2.5 can hold."""

    def __init__(self, config: FitConfig, n_channels: int) -> None:
        self.n_channels = n_channels
        self.max_shift, self.gain_sigma = config.max_shift, config.gain_sigma
        self.generator = torch.Generator().manual_seed(config.seed + 1)

    def __call__(self, batch: BeatTensors) -> BeatTensors:
        window = batch.window
        if self.max_shift:
            reach = 2 * self.max_shift + 1
            shift = int(torch.randint(reach, (1,), generator=self.generator)) - self.max_shift
            window = torch.roll(window, shift * self.n_channels, dims=1)
        if self.gain_sigma:
            gain = torch.randn(len(window), 1, generator=self.generator).mul(self.gain_sigma).exp()
            window = (window * gain / _INT8_STEP).round().clamp(-128, 127) * _INT8_STEP
        return BeatTensors(window, batch.context, batch.label)


def fit_gate(
    judge: nn.Module,
    logit_of: Callable[[Tensor], Tensor],
    features: np.ndarray,
    is_analysable: np.ndarray,
    config: FitConfig,
    on_step: Callable[[float], None] | None = None,
    care: float = 1.0,
) -> None:
    """Train the gate in place.

    Parameters
    ----------
    judge : module whose parameters are trained
    logit_of : features (B, n_features) -> logit (B, 1)
    features : int8 (n, n_features), Q2.5
    is_analysable : bool (n,)
    care : weight of all analysable blocks against that of all others: a gate that may reject few good seconds
        learns best from the others among the hard ones
    """
    x, y = to_unit(features), torch.from_numpy(is_analysable.astype(np.float32))
    positive = float(y.mean())
    weight = torch.where(y > 0, care / max(positive, 1e-6), 1 / max(1 - positive, 1e-6)) / (1 + care)

    def loss_of(index: Tensor) -> Tensor:
        logit = logit_of(x[index])[:, 0]
        return F.binary_cross_entropy_with_logits(logit, y[index], weight=weight[index])

    fit(judge, len(features), loss_of, config, on_step=on_step)
