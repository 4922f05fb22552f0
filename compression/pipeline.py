"""`compress`: a recipe applied to a trained float model with the material that trained it."""

import copy
from dataclasses import replace

import torch
from torch import nn

from ..models.averaging import WeightAverage
from ..models.ensemble import Ensemble
from ..models.float_model import FloatModel
from ..models.network import NetLayer, StagedNet
from ..models.train import Progress
from ..signals import InputError
from .channel_order import order_channels
from .compact import CompactModel
from .criteria import channel_criterion
from .freezing import Freezing
from .material import Effort, NormalMaterial, OnStep, ScreenMaterial, TrainingMaterial
from .narrow import narrowed
from .operating_point import offset_for_shares, with_class_offset
from .precision import set_precision
from .prune import ChannelPenalty, SparsitySchedule, channels_to_keep, prunable_layers
from .quant_net import QuantNet
from .recipe import Recipe
from .shrink import remove_dead_channels

__all__ = ["compress"]


def compress(
    model: FloatModel, material: TrainingMaterial, recipe: Recipe, progress: Progress | None = None
) -> CompactModel:
    """Prune, quantise and fine-tune.

    Parameters
    ----------
    model : trained float model; it is not changed
    material : what trained it
    recipe : what replaces duration, rate and share of the teacher of the float training

    Returns
    -------
    CompactModel
        Its thresholds let through the same share of the training units as those of `model` do; that of a screen
        of the recipe's own follows the recipe.

    Raises
    ------
    InputError
        the recipe wants a screen of its own, class offsets or shares of normal units that the task does not have
    """
    if recipe.screen is not None and not isinstance(material, ScreenMaterial):
        raise InputError(f"recipe.screen: the task {material.task} keeps the screen that it was trained with")
    if recipe.normal_share and not isinstance(material, NormalMaterial):
        raise InputError(f"recipe.normal_share: the task {material.task} has fixed class offsets only")
    trained = material.teacher(model)
    net = copy.deepcopy(trained)
    if recipe.start == "scratch":
        _start_anew(net)
    run = _Run(material, recipe, trained, progress)
    net = run.pruned(run.without_channels(net))
    quant = run.tuned(QuantNet(net, recipe.quantiser))
    compact = remove_dead_channels(quant.eval().to_compact(material.task, {}))
    finished = material.calibrate(_at_operating_point(compact, material, recipe), model)
    if recipe.screen is not None and isinstance(material, ScreenMaterial):
        finished = material.with_screen(finished, recipe.screen, progress)
    return order_channels(finished) if recipe.ordered else finished


def _at_operating_point(compact: CompactModel, material: TrainingMaterial, recipe: Recipe) -> CompactModel:
    moved = with_class_offset(compact, recipe.class_offset)
    if not recipe.normal_share or not isinstance(material, NormalMaterial):
        return moved
    return with_class_offset(moved, offset_for_shares(material.normal_logits(moved), recipe.normal_share))


class _Run:
    """The phases of one compression."""

    def __init__(
        self, material: TrainingMaterial, recipe: Recipe, trained: StagedNet, progress: Progress | None
    ) -> None:
        self.material, self.recipe, self.trained, self.progress = material, recipe, trained, progress
        peers = material.peers(recipe.n_teachers - 1, progress) if recipe.n_teachers > 1 else []
        self.teacher = Ensemble([trained, *peers]).eval() if peers else trained
        self._own_screen = recipe.screen is None

    def _fit(self, net: nn.Module, epochs: int, phase: str, on_step: OnStep | None) -> None:
        if epochs:
            exact = isinstance(net, QuantNet)
            effort = Effort(epochs, self.recipe.learning_rate, self.recipe.distillation, exact)
            self.material.fit(net, effort, phase, self.teacher, on_step, self.progress)

    def without_channels(self, net: StagedNet) -> StagedNet:
        """The network less its least important channels, if the recipe wants that."""
        how = self.recipe.channels
        if how is None:
            return net
        penalty = ChannelPenalty(net, channel_criterion(how.criterion), how.penalty * self.recipe.learning_rate)
        self._fit(net, how.epochs, "channels", penalty)
        return narrowed(net, channels_to_keep(net, how, self.recipe.pruning.kept_channels, self._own_screen))

    def pruned(self, net: StagedNet) -> StagedNet:
        """The network with its least important weights at zero."""
        how, before = self.recipe.pruning, copy.deepcopy(net)
        schedule = SparsitySchedule(prunable_layers(net, self._own_screen), how, self._sparsity_of(net))
        gate_schedule = SparsitySchedule(net.gate, replace(how, kept_channels=()), how.gate_sparsity)
        self._fit(net, how.epochs, "prune", schedule)
        self.material.fit_gate(net.gate, net.judge, gate_schedule)
        schedule(1.0)
        if how.rewind:
            _rewind(net, before)
        return net.eval()

    def _sparsity_of(self, net: StagedNet) -> float:
        """The recipe's sparsity for a network that may have lost channels, whose weights count as pruned."""
        target = self.recipe.pruning.sparsity
        if self.recipe.channels is None:
            return target
        layers = (prunable_layers(n, self._own_screen) for n in (self.trained, net))
        n_before, n_left = (sum(layer.n_weights for layer in some) for some in layers)
        return max(0.0, 1.0 - (1.0 - target) * n_before / n_left)

    def tuned(self, quant: QuantNet) -> QuantNet:
        """The quantised network after training."""
        if self.recipe.precision is not None:
            set_precision(quant, self.recipe.precision, lambda net: self.material.loss(net, self.teacher))
        tuning = self.recipe.tuning
        average = WeightAverage(quant, tuning.averaging)
        freezing = Freezing((*quant.layers("screen"), *quant.layers("specialist")), tuning.frozen)

        def on_step(fraction: float) -> None:
            freezing(fraction)
            average(fraction)

        self._fit(quant, tuning.epochs, "quantise", on_step)
        average.put()
        gate_freezing = Freezing(quant.layers("gate"), tuning.gate_frozen)
        self.material.fit_gate(quant.stages["gate"], quant.judge, gate_freezing, tuning.gate_epochs)
        return quant


def _start_anew(net: StagedNet) -> None:
    """Draw the weights of screen and specialist anew, always the same ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = StagedNet(net.spec)
    for name in ("screen", "specialist"):
        net.chains()[name].load_state_dict(fresh.chains()[name].state_dict())


def _rewind(net: StagedNet, before: StagedNet) -> None:
    """Put what is left of the weights, and all batch norms, back to what they were."""
    masks = [layer.weight.detach() != 0 for layer in prunable_layers(net)]
    for layer, old, mask in zip(prunable_layers(net), prunable_layers(before), masks, strict=True):
        assert isinstance(layer, NetLayer)
        layer.load_state_dict(old.state_dict())
        layer.weight.data.mul_(mask)
