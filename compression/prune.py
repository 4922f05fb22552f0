"""Pruning while the network trains: single weights on a schedule, and whole channels before them."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ..models import NetLayer, StagedNet
from .criteria import ChannelCriterion, WeightCriterion, channel_criterion, channel_groups, weight_criterion
from .narrow import KeptChannels, all_channels
from .recipe import ChannelPruning, Pruning
from .schedules import schedule_named

__all__ = ["ChannelPenalty", "Pruner", "SparsitySchedule", "channels_to_keep", "prunable_layers"]

_NEVER = float("inf")
_LEAST_SHARE = 0.25  # of a layer's channels


def prunable_layers(net: StagedNet, own_screen: bool = True) -> list[NetLayer]:
    """Layers that share one sparsity: those of the screen and the specialist.

    Parameters
    ----------
    own_screen : the screen stays; otherwise only those of its layers count that the specialist starts from
    """
    screen = list(net.screen)
    return [*(screen if own_screen else screen[: net.spec.n_kept]), *net.specialist]


class Pruner:
    """Keeps pruned weights of `layers` at zero while they train; those that a spec bars do not count.

    Parameters
    ----------
    layers : pruned together
    kept : of the last layers, one number each: so many of its first channels keep all their weights
    criterion : which weights go first
    """

    def __init__(
        self, layers: Iterable[NetLayer], kept: Sequence[int] = (), criterion: WeightCriterion | None = None
    ) -> None:
        self.layers = list(layers)
        self.kept = [0] * (len(self.layers) - len(kept)) + list(kept)
        self.criterion = criterion or weight_criterion("lamp")
        self.uses = _uses(self.layers) if self.criterion.per_product else [1.0] * len(self.layers)
        self.masks = [
            torch.ones_like(layer.weight) if layer.allowed is None else layer.allowed.clone()
            for layer in self.layers
        ]
        self.n_weights = sum(layer.n_weights for layer in self.layers)

    def prune_to(self, sparsity: float) -> None:
        """Prune the least important weights of all layers together until `sparsity` of them is gone."""
        each_layer = zip(self.layers, self.masks, self.kept, self.uses, strict=True)
        scores = [self._scores(*each) for each in each_layer]
        everything = torch.cat([score.flatten() for score in scores])
        n_pruned = int(sparsity * self.n_weights) + everything.numel() - self.n_weights
        n_pruned = min(n_pruned, int((everything < _NEVER).sum()))
        if n_pruned > 0:
            threshold = torch.kthvalue(everything, n_pruned).values
            self.masks = [(score > threshold).float() for score in scores]
        self.apply()

    def _scores(self, layer: NetLayer, mask: Tensor, n_kept: int, uses: float) -> Tensor:
        scores = self.criterion.scores(layer.folded()[0].detach(), layer.n_weights) / uses
        scores[:n_kept] = _NEVER
        return torch.where(mask > 0, scores, torch.zeros_like(scores))

    def apply(self) -> None:
        """Set pruned weights to zero."""
        with torch.no_grad():
            for layer, mask in zip(self.layers, self.masks, strict=True):
                layer.weight.mul_(mask)

    @property
    def sparsity(self) -> float:
        """Share of weights that are pruned."""
        return 1.0 - sum(float(mask.sum()) for mask in self.masks) / self.n_weights


def _uses(layers: Sequence[NetLayer]) -> list[float]:
    """How often each layer uses a weight, for one use in the slowest convolution.

    Weights of dense layers count like those of that convolution: they cost next to no instructions, but bytes.
    """
    slowest = min((layer.rate for layer in layers if layer.rate), default=1.0)
    return [max(layer.rate, slowest) / slowest for layer in layers]


class SparsitySchedule:
    """Called after every step: raises sparsity on the recipe's schedule, and keeps pruned weights at zero.

    Parameters
    ----------
    layers : pruned together
    pruning : criterion, schedule and kept channels
    target : sparsity in the end
    """

    def __init__(self, layers: Iterable[NetLayer], pruning: Pruning, target: float, every: int = 16) -> None:
        self.pruner = Pruner(layers, pruning.kept_channels, weight_criterion(pruning.criterion))
        self.sparsity = schedule_named(pruning.schedule).sparsity
        self.target, self.until, self.every = target, pruning.until, every
        self.n_steps = 0

    def __call__(self, fraction: float) -> None:
        self.n_steps += 1
        wanted = self.sparsity(fraction / self.until, self.target)
        if (self.n_steps % self.every == 0 or fraction >= self.until) and wanted > self.pruner.sparsity:
            self.pruner.prune_to(wanted)
        else:
            self.pruner.apply()


def _removable(net: StagedNet, kept: Sequence[int], own_screen: bool) -> dict[str, list[int]]:
    """Of every layer of screen and specialist, from which channel on they may go; the exits keep all."""
    prunable = prunable_layers(net, own_screen)
    first: dict[str, list[int]] = {}
    for name in ("screen", "specialist"):
        layers = list(net.chains()[name])
        guarded = [0] * (len(layers) - len(kept)) + list(kept) if name == "specialist" else [0] * len(layers)
        first[name] = [
            n if layer in prunable and not layer.spec.is_logit else layer.spec.channels
            for layer, n in zip(layers, guarded, strict=True)
        ]
    return first


def channels_to_keep(
    net: StagedNet, pruning: ChannelPruning, kept: Sequence[int] = (), own_screen: bool = True
) -> KeptChannels:
    """Which channels stay when the least important ones go; the gate keeps all, every layer and every
    group of channels that see the same inputs a quarter.

    Parameters
    ----------
    kept : of the last layers of the specialist: so many of its first channels stay
    own_screen : see `prunable_layers`; the layers that do not count keep all their channels
    """
    scores = channel_criterion(pruning.criterion).scores
    found, ranked = all_channels(net), list[tuple[float, str, int, int]]()
    groups = dict[tuple[str, int], Tensor]()
    for name, firsts in _removable(net, kept, own_screen).items():
        for number, (layer, first) in enumerate(zip(net.chains()[name], firsts, strict=True)):
            groups[name, number] = channel_groups(layer)
            if first < layer.spec.channels:
                ranked += [(s, name, number, c) for c, s in enumerate(scores(layer).tolist()) if c >= first]
    to_go = int(pruning.share * len(ranked))
    for _, name, number, channel in sorted(ranked):
        mask, group = found[name][number], groups[name, number]
        alike = group == group[channel]
        if to_go and int(mask[alike].sum()) > max(1, _LEAST_SHARE * int(alike.sum())):
            mask[channel] = False
            to_go -= 1
    return found


class ChannelPenalty:
    """Called after every step: pulls what a channel criterion shrinks towards zero, and never past it (L1)."""

    def __init__(self, net: StagedNet, criterion: ChannelCriterion, strength: float) -> None:
        hidden = [layer for layer in prunable_layers(net) if not layer.spec.is_logit]
        self.shrunk = [values for layer in hidden for values in criterion.shrinks(layer)]
        self.strength = strength

    def __call__(self, _: float) -> None:
        with torch.no_grad():
            for values in self.shrunk:
                values.copy_(values.sign() * (values.abs() - self.strength).clamp(min=0.0))
