"""The network as the device will run it, in float and trainable.

Weights are signed powers of two, biases are multiples of the output's step, activations are rounded and clipped
to int8; the gradient passes straight through the rounding (Bengio et al. 2013). The forward pass equals
`CompactModel.run` bit for bit as long as float32 represents the accumulators exactly.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ..models import Chain, NetLayer, StagedNet
from .compact import (
    ACTIVATION_FRACTION_BITS,
    LOGIT_FRACTION_BITS,
    N_EXPONENTS,
    CompactLayer,
    CompactModel,
    CompactStage,
)
from .log2 import choose_top_exponent, fake_quantise, quantise

__all__ = ["QuantNet"]


def _round_through(x: Tensor, fraction_bits: int) -> Tensor:
    """Round half up to a multiple of ``2^-fraction_bits``; identity for the gradient."""
    scale = 2.0**fraction_bits
    return x + (torch.floor(x * scale + 0.5) / scale - x).detach()


def _pool(x: Tensor, channels: int) -> Tensor:
    """`models.network.pool` as `compact.pool_positions` has it: (B, T * C) -> (B, 2 C)."""
    maps = x.reshape(len(x), -1, channels)
    n, scale = maps.shape[1], 2.0**ACTIVATION_FRACTION_BITS
    mean = maps.mean(dim=1)
    doubled = (2 * scale) * maps.detach().sum(dim=1)  # an integer, so that the division below rounds no half down
    rounded = torch.floor((doubled + n) / (2 * n)) / scale
    return torch.cat([mean + (rounded - mean).detach(), maps.amax(dim=1)], dim=1)


class _QuantLayer(nn.Module):
    """A folded `NetLayer` with quantised weights, bias and output."""

    def __init__(self, layer: NetLayer) -> None:
        super().__init__()
        weight, bias = layer.folded()
        self.source = [layer]  # in a list: its parameters are not ours to train
        self.weight = nn.Parameter(weight.detach().clone())
        self.bias = nn.Parameter(bias.detach().clone())
        self.mask = (weight != 0).detach()
        self.is_logit = layer.spec.is_logit
        self.fraction_bits = LOGIT_FRACTION_BITS if self.is_logit else ACTIVATION_FRACTION_BITS
        self.limits = (-128.0 if self.is_logit else 0.0, 127.0)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        weight = fake_quantise(self.weight * self.mask)
        out = _round_through(self.source[0].products(x, context, weight), self.fraction_bits)
        step = 2.0**-self.fraction_bits
        out = out + _round_through(self.bias, self.fraction_bits).clamp(-128 * step, 127 * step)
        low, high = (limit * step for limit in self.limits)
        out = out.clamp(low, high).reshape(len(x), -1)
        return _pool(out, self.source[0].spec.channels) if self.source[0].spec.pools else out

    def to_compact(self) -> CompactLayer:
        layer = self.source[0]
        weight = self.weight.detach() * self.mask
        top = choose_top_exponent(weight)
        shift = N_EXPONENTS - 1 - top + ACTIVATION_FRACTION_BITS - self.fraction_bits
        bias = torch.floor(self.bias.detach() * 2.0**self.fraction_bits + 0.5).clamp(-128, 127)
        return CompactLayer(
            codes=quantise(weight, top).numpy(),
            bias=bias.numpy().astype(np.int8),
            shift=shift.numpy().astype(np.uint8),
            step=layer.step,
            out_length=layer.out_length,
            relu=not self.is_logit,
            takes_context=layer.spec.takes_context,
            pools=layer.spec.pools,
        )


class QuantNet(nn.Module):
    """Quantised twin of a trained `StagedNet`; same inputs and outputs, inputs being multiples of 1/32."""

    def __init__(self, net: StagedNet) -> None:
        super().__init__()
        self.spec = net.spec
        self.stages = nn.ModuleDict({name: self._quantised(chain) for name, chain in net.chains().items()})

    @staticmethod
    def _quantised(chain: Chain) -> nn.ModuleList:
        return nn.ModuleList(_QuantLayer(layer) for layer in chain)

    def _run(self, name: str, x: Tensor, context: Tensor, n_kept: int = 0) -> tuple[Tensor, Tensor]:
        kept = x
        for number, layer in enumerate(self.stages[name], start=1):  # pyright: ignore[reportArgumentType]
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
                tuple(layer.to_compact() for layer in chain if isinstance(layer, _QuantLayer)),  # pyright: ignore
                self.spec.n_kept if name == "screen" else 0,
                thresholds.get(name, -128),
            )
            for name, chain in self.stages.items()
        )
        return CompactModel(task, self.spec.n_features, self.spec.window_shape, self.spec.n_context, stages)
