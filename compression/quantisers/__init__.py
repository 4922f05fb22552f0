"""How the weights of a layer become integers: one family of quantisers a module."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from ..compact import CompactLayer
from ..recipe import Quantiser
from ..registry import named

__all__ = ["LayerFrame", "QuantiserMethod", "WeightQuantiser", "quantiser_named"]


@dataclass(frozen=True)
class LayerFrame:
    """What a layer is besides its weights.

    Attributes
    ----------
    bias : float (channels,), in units of 1.0
    fraction_bits : of inputs and of outputs: 1.0 is stored as ``2^bits``
    activation_bits : of the outputs
    step, out_length, relu, takes_context, pools : see `CompactLayer`
    """

    bias: Tensor
    fraction_bits: tuple[int, int]
    activation_bits: int
    step: int
    out_length: int
    relu: bool
    takes_context: bool
    pools: bool

    def rounded_bias(self) -> np.ndarray:
        """Bias int8 (channels,) in units of the output."""
        scaled = self.bias * 2.0 ** self.fraction_bits[1]
        return (scaled + 0.5).floor().clamp(-128, 127).numpy().astype(np.int8)


class WeightQuantiser(nn.Module, ABC):
    """Quantises the weights of one layer, in training and for good.

    Attributes
    ----------
    rounds_bias : whether the bias is rounded to units of the output, or is precise
    """

    rounds_bias = True

    @abstractmethod
    def forward(self, weight: Tensor) -> Tensor:
        """What the integers stand for, (channels, taps), the gradient passing through the rounding."""

    @abstractmethod
    def to_layer(self, weight: Tensor, frame: LayerFrame) -> CompactLayer:
        """The integers of (channels, taps)."""


@dataclass(frozen=True)
class QuantiserMethod:
    """A quantiser as recipes call it.

    Attributes
    ----------
    name : as recipes call it
    make : settings and folded weights (channels, taps) -> quantiser of that layer
    """

    name: str
    make: Callable[[Quantiser, Tensor], WeightQuantiser]


def quantiser_named(name: str) -> QuantiserMethod:
    """The method of that name, `InputError` if there is none."""
    return named(__name__, QuantiserMethod, name)
