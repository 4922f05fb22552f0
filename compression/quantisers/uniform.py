"""Weights in equal steps, a scale per channel: the baselines that most tools offer."""

import numpy as np
import torch
from torch import Tensor

from ..reference_layer import UniformLayer
from . import LayerFrame, QuantiserMethod, WeightQuantiser

__all__ = ["UNIFORM4", "UNIFORM8", "UniformQuantiser", "fixed_point"]


def fixed_point(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors below 2^30 as ``multiplier * 2^-right``: int32, 2^30 to 2^31 - 1, and int32, at least 1."""
    mantissa, exponent = np.frexp(factor)
    multiplier = np.minimum(np.rint(mantissa * (1 << 31)), (1 << 31) - 1)
    return multiplier.astype(np.int32), (31 - exponent).astype(np.int32)


class UniformQuantiser(WeightQuantiser):
    """Symmetric, round to nearest, no zero point; the largest weight of a channel sets its scale."""

    rounds_bias = False

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits, self.largest = bits, 2 ** (bits - 1) - 1

    def scale(self, weight: Tensor) -> Tensor:
        """Value of a step: (channels, 1)."""
        return (weight.detach().abs().amax(dim=1, keepdim=True) / self.largest).clamp(min=2.0**-24)

    def steps(self, weight: Tensor, scale: Tensor) -> Tensor:
        """Weights in steps, whole numbers: (channels, taps)."""
        return torch.floor(weight.detach() / scale + 0.5).clamp(-self.largest, self.largest)

    def forward(self, weight: Tensor) -> Tensor:
        """See `WeightQuantiser`."""
        scale = self.scale(weight)
        return weight + (self.steps(weight, scale) * scale - weight).detach()

    def to_layer(self, weight: Tensor, frame: LayerFrame) -> UniformLayer:
        """See `WeightQuantiser`."""
        scale = self.scale(weight)
        accumulator = scale[:, 0].double().numpy() * 2.0 ** -frame.fraction_bits[0]  # worth of a unit of it
        multiplier, right = fixed_point(accumulator * 2.0 ** frame.fraction_bits[1])
        return UniformLayer(
            codes=self.steps(weight, scale).numpy().astype(np.int8).view(np.uint8),
            bias=frame.rounded_bias(),
            shift=np.zeros(len(weight), np.uint8),
            step=frame.step,
            out_length=frame.out_length,
            relu=frame.relu,
            takes_context=frame.takes_context,
            pools=frame.pools,
            activation_bits=frame.activation_bits,
            bits=self.bits,
            wide_bias=np.rint(frame.bias.double().numpy() / accumulator).astype(np.int32),
            multiplier=multiplier,
            right=right,
        )


UNIFORM8 = QuantiserMethod("uniform8", lambda *_: UniformQuantiser(8))
UNIFORM4 = QuantiserMethod("uniform4", lambda *_: UniformQuantiser(4))
