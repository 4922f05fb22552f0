"""Signed powers of two: what the device runs without a multiplication."""

import numpy as np
import torch
from torch import Tensor, nn

from ...signals import InputError
from ..compact import EXPONENT_COUNTS, CompactLayer
from ..log2 import choose_top_exponent, dequantise, least_squares_top, quantise, top_limits
from ..recipe import Quantiser
from ..reference_layer import ReferenceLayer
from . import LayerFrame, QuantiserMethod, WeightQuantiser

__all__ = ["LOG2", "Log2Quantiser"]


class Log2Quantiser(WeightQuantiser):
    """See `recipe.Quantiser` for the settings and `log2` for the arithmetic.

    A learnt window is trained like TQT's threshold (Jain et al., MLSys 2020): weights beyond it pull it up, and
    the straight-through estimator rounds it to a power of two.
    """

    def __init__(self, settings: Quantiser, weight: Tensor) -> None:
        super().__init__()
        if settings.n_exponents not in EXPONENT_COUNTS:
            known = ", ".join(map(str, EXPONENT_COUNTS))
            raise InputError(f"quantiser: {settings.n_exponents} exponents; a layer takes {known}")
        self.settings, self.n_exponents = settings, settings.n_exponents
        self.log_top: nn.Parameter | None = None
        if settings.clipping == "learnt":
            self.log_top = nn.Parameter(self._best_top(weight).float())

    def forward(self, weight: Tensor) -> Tensor:
        """See `WeightQuantiser`."""
        top = self.top(weight)
        dithers = self.training and self.settings.rounding == "stochastic"
        dither = torch.rand_like(weight) if dithers else None
        codes = quantise(weight, top, self.n_exponents, self.settings.near_zero, dither)
        if self.log_top is not None:
            limit = torch.exp2(self.log_top + (top - self.log_top).detach())[:, None]
            weight = torch.minimum(torch.maximum(weight, -limit), limit)
        return weight + (dequantise(codes, top, self.n_exponents) - weight).detach()

    def top(self, weight: Tensor) -> Tensor:
        """Largest exponent of each channel's window: int32 (channels,)."""
        if self.log_top is None:
            return self._best_top(weight)
        low, high = top_limits(self.n_exponents)
        return torch.floor(self.log_top.detach() + 0.5).clamp(low, high).to(torch.int32)

    def _best_top(self, weight: Tensor) -> Tensor:
        rows = weight if self.settings.window == "channel" else weight.reshape(1, -1)
        if self.settings.clipping == "largest":
            top = choose_top_exponent(rows, self.n_exponents)
        else:
            top = least_squares_top(rows, self.n_exponents, self.settings.near_zero)
        return top.expand(len(weight))

    def to_layer(self, weight: Tensor, frame: LayerFrame) -> CompactLayer:
        """See `WeightQuantiser`."""
        top = self.top(weight)
        shift = self.n_exponents - 1 - top + frame.fraction_bits[0] - frame.fraction_bits[1]
        codes = quantise(weight, top, self.n_exponents, self.settings.near_zero)
        layer = CompactLayer(
            codes=codes.numpy(),
            bias=frame.rounded_bias(),
            shift=shift.numpy().astype(np.uint8),
            step=frame.step,
            out_length=frame.out_length,
            relu=frame.relu,
            takes_context=frame.takes_context,
            pools=frame.pools,
            n_exponents=self.n_exponents,
        )
        return layer if frame.activation_bits == 8 else ReferenceLayer(**vars(layer), activation_bits=4)


LOG2 = QuantiserMethod("log2", Log2Quantiser)
