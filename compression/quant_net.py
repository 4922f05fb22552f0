"""The network as the device will run it, in float and trainable.

Weights are what a quantiser makes of them, signed powers of two on the device; biases are multiples of the
output's step, activations are rounded and clipped to int8; the gradient passes straight through the rounding
(Bengio et al. 2013). The forward pass equals `CompactModel.run` bit for bit as long as float32 represents the
accumulators exactly.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..models import Chain, NetLayer, StagedNet
from .compact import ACTIVATION_FRACTION_BITS, LOGIT_FRACTION_BITS, CompactLayer, CompactModel, CompactStage
from .quantisers import LayerFrame, quantiser_named
from .recipe import Quantiser
from .reference_layer import COARSE_BITS

__all__ = ["QuantLayer", "QuantNet"]


class _Rounding(torch.autograd.Function):
    """Round half up to a multiple of ``1 / scale``; identity for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:  # noqa: ARG004 - nothing is kept for the gradient
        return x.mul(scale).add_(0.5).floor_().mul_(1.0 / scale)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, None]:  # noqa: ARG004
        return grads[0], None


class _Finish(torch.autograd.Function):
    """Products to activations: rounded half up to multiples of ``1 / scale``, plus the bias, clipped.

    The gradient is identity where nothing is clipped. One function, because its parts would each keep a map.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, scale: float, low: float, high: float) -> Tensor:
        out = x.mul(scale).add_(0.5).floor_().mul_(1.0 / scale).add_(bias)
        ctx.save_for_backward((out >= low) & (out <= high))
        return out.clamp_(low, high)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        (is_inside,) = ctx.saved_tensors
        grad = grads[0] * is_inside
        return grad, grad.sum(dim=0), None, None, None


def _round_through(x: Tensor, fraction_bits: int) -> Tensor:
    """Round half up to a multiple of ``2^-fraction_bits``; identity for the gradient."""
    return cast(Tensor, _Rounding.apply(x, 2.0**fraction_bits))


def _pool(x: Tensor, channels: int) -> Tensor:
    """`models.network.pool` as `compact.pool_positions` has it: (B, T * C) -> (B, 2 C)."""
    maps = x.reshape(len(x), -1, channels)
    n, scale = maps.shape[1], 2.0**ACTIVATION_FRACTION_BITS
    mean = maps.mean(dim=1)
    doubled = (2 * scale) * maps.detach().sum(dim=1)  # an integer, so that the division below rounds no half down
    rounded = torch.floor((doubled + n) / (2 * n)) / scale
    return torch.cat([mean + (rounded - mean).detach(), maps.amax(dim=1)], dim=1)


class QuantLayer(nn.Module):
    """A folded `NetLayer` with quantised weights, bias and output."""

    def __init__(self, layer: NetLayer, settings: Quantiser) -> None:
        super().__init__()
        weight, bias = layer.folded()
        self.source = [layer]  # in a list: its parameters are not ours to train
        self.weight = nn.Parameter(weight.detach().clone())
        self.bias = nn.Parameter(bias.detach().clone())
        self.mask = (weight != 0).detach()
        self.frozen: Tensor | None = None
        self.held = torch.zeros_like(weight)
        self.is_logit = layer.spec.is_logit
        self.fraction_bits = LOGIT_FRACTION_BITS if self.is_logit else ACTIVATION_FRACTION_BITS
        self.limits = (-128.0 if self.is_logit else 0.0, 127.0)
        self.activation_bits = 8 if self.is_logit else settings.activation_bits
        self.quantiser = quantiser_named(settings.method).make(settings, self.masked_weight.detach())

    @property
    def masked_weight(self) -> Tensor:
        """Float weights, 0 where pruned: (channels, taps)."""
        return self.weight * self.mask

    @property
    def seen_weight(self) -> Tensor:
        """What the layer computes with: quantised weights; as long as only some are frozen, only those."""
        quantised = self.quantiser(self.masked_weight)
        return quantised if self.frozen is None else torch.where(self.frozen, quantised, self.masked_weight)

    def freeze(self, chosen: Tensor) -> None:
        """Fix more weights at what the quantiser makes of them.

        Parameters
        ----------
        chosen : bool (channels, taps)
        """
        before = torch.zeros_like(self.mask) if self.frozen is None else self.frozen
        quantised = self.quantiser(self.masked_weight).detach()
        self.held = torch.where(chosen & ~before, quantised, self.held)
        self.frozen = before | chosen

    def hold(self) -> None:
        """Put the frozen weights back to where they are fixed."""
        if self.frozen is not None:
            with torch.no_grad():
                self.weight.copy_(torch.where(self.frozen, self.held, self.weight))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        out = self.source[0].products(x, context, self.seen_weight)
        step = 2.0**-self.fraction_bits
        low, high = (limit * step for limit in self.limits)
        if self.quantiser.rounds_bias:
            bias = _round_through(self.bias, self.fraction_bits).clamp(-128 * step, 127 * step)
            out = cast(Tensor, _Finish.apply(out, bias, 1.0 / step, low, high))
        else:
            out = _round_through(out + self.bias, self.fraction_bits).clamp(low, high)
        out = out.reshape(len(x), -1)
        if self.activation_bits == 4:
            unit = 2.0 ** (COARSE_BITS - self.fraction_bits)
            out = _round_through(out, self.fraction_bits - COARSE_BITS).clamp(0.0, 15 * unit)
        return _pool(out, self.source[0].spec.channels) if self.source[0].spec.pools else out

    def to_compact(self) -> CompactLayer:
        """The integers that the device gets."""
        layer = self.source[0]
        frame = LayerFrame(
            bias=self.bias.detach(),
            fraction_bits=(ACTIVATION_FRACTION_BITS, self.fraction_bits),
            activation_bits=self.activation_bits,
            step=layer.step,
            out_length=layer.out_length,
            relu=not self.is_logit,
            takes_context=layer.spec.takes_context,
            pools=layer.spec.pools,
        )
        return self.quantiser.to_layer(self.masked_weight.detach(), frame)


class QuantNet(nn.Module):
    """Quantised twin of a trained `StagedNet`; same inputs and outputs, inputs being multiples of 1/32.

    Parameters
    ----------
    settings : how weights and activations become integers; the gate is quantised like the others
    """

    def __init__(self, net: StagedNet, settings: Quantiser | None = None) -> None:
        super().__init__()
        self.spec = net.spec
        how = settings or Quantiser()
        self.stages = nn.ModuleDict({name: self._quantised(chain, how) for name, chain in net.chains().items()})

    @staticmethod
    def _quantised(chain: Chain, settings: Quantiser) -> nn.ModuleList:
        return nn.ModuleList(QuantLayer(layer, settings) for layer in chain)

    def layers(self, stage: str) -> Iterator[QuantLayer]:
        """The layers of a stage in the order in which they run."""
        return (layer for layer in self.stages[stage] if isinstance(layer, QuantLayer))  # pyright: ignore

    def _run(self, name: str, x: Tensor, context: Tensor, n_kept: int = 0) -> tuple[Tensor, Tensor]:
        kept = x
        for number, layer in enumerate(self.layers(name), start=1):
            x = layer(x, context)
            kept = x if number == n_kept else kept
        return x, kept

    def forward(self, window: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Screen logit (B, 1) and class logits (B, n_labels), see `StagedNet.forward`."""
        if self.spec.screens_context:
            return self._run("screen", context, context)[0], self._run("specialist", window, context)[0]
        screen, kept = self._run("screen", window, context, self.spec.n_kept)
        return screen, self._run("specialist", kept, context)[0]

    def judge(self, features: Tensor) -> Tensor:
        """Gate logit (B, 1), see `StagedNet.judge`."""
        return self._run("gate", features, features[:, :0])[0]

    def to_compact(self, task: str, thresholds: dict[str, int]) -> CompactModel:
        """The integers that the device gets; `thresholds` are int8 logits by stage name."""
        sources = {"gate": "features", "screen": "window", "specialist": "kept"}
        if self.spec.screens_context:
            sources |= {
                "screen": "context",
                "specialist": "stream" if self.spec.window_shape[0] == 0 else "window",
            }
        stages = tuple(
            CompactStage(
                name,
                sources[name],
                tuple(layer.to_compact() for layer in self.layers(name)),
                self.spec.n_kept if name == "screen" else 0,
                thresholds.get(name, -128),
            )
            for name in self.stages
        )
        return CompactModel(task, self.spec.n_features, self.spec.window_shape, self.spec.n_context, stages)
