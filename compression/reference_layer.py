"""Layers that the integer reference runs and no device: what the baselines and 4-bit activations need.

They stand in a `CompactModel` like any other layer; its device form and its stored form refuse them. What they
would take is counted by `reference_byte_count`.
"""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from .compact import CompactLayer, CompactModel

__all__ = ["COARSE_BITS", "ReferenceLayer", "UniformLayer", "coarse", "reference_byte_count"]

COARSE_BITS = 3
"""A 4-bit activation is a multiple of 2^3 in int8 units, 0 to 15 of them."""

_HEADER, _STAGE, _LAYER = 20, 4, 9  # bytes as in the device form


def coarse(maps: np.ndarray) -> np.ndarray:
    """Int8 activations of at least 0 rounded half up to what 4 bits can say, int8 again."""
    steps = (maps.astype(np.int16) + (1 << COARSE_BITS >> 1)) >> COARSE_BITS
    return (np.minimum(steps, 15) << COARSE_BITS).astype(np.int8)


@dataclass(frozen=True)
class ReferenceLayer(CompactLayer):
    """A layer of powers of two whose outputs may be 4 bits wide.

    Attributes
    ----------
    activation_bits : of the outputs, 8 or 4
    """

    activation_bits: int = 8

    def requantised(self, acc: np.ndarray) -> np.ndarray:
        """See `CompactLayer.requantised`."""
        maps = super().requantised(acc)
        return coarse(maps) if self.activation_bits == 4 else maps

    def weight_bits(self) -> int:
        """Bits of all codes, dense: enough to tell every code from every other."""
        return self.codes.size * (2 * self.n_exponents).bit_length()

    def scale_bytes(self) -> int:
        """Bytes of shifts and biases."""
        return (self.out_channels + 1) // 2 + self.out_channels


def _empty() -> np.ndarray:
    return np.empty(0, np.int32)


@dataclass(frozen=True)
class UniformLayer(ReferenceLayer):
    """Weights in equal steps, with a scale per channel as a fixed-point factor (Jacob et al., CVPR 2018).

    ``out = sat8(((acc + wide_bias[c]) * multiplier[c] + 2^(right[c]-1)) >> right[c])``, the single rounding that
    LiteRT offers; `codes` hold the weights as unsigned bytes, `bias` and `shift` are not used.

    Attributes
    ----------
    bits : of a weight
    wide_bias : int32 (out_channels,), in units of the accumulator
    multiplier : int32 (out_channels,), 2^30 to 2^31 - 1
    right : int32 (out_channels,), at least 1
    """

    bits: int = 8
    wide_bias: np.ndarray = field(default_factory=_empty)
    multiplier: np.ndarray = field(default_factory=_empty)
    right: np.ndarray = field(default_factory=_empty)

    @property
    def weights(self) -> np.ndarray:
        """Integer weights int32 (out_channels, taps)."""
        return self.codes.view(np.int8).astype(np.int32)

    def raised(self, by: np.ndarray) -> Self:
        """See `CompactLayer.raised`."""
        in_accumulator = np.rint(by) * np.exp2(self.right) / self.multiplier
        return replace(self, wide_bias=(self.wide_bias + np.rint(in_accumulator)).astype(np.int32))

    def requantised(self, acc: np.ndarray) -> np.ndarray:
        """See `CompactLayer.requantised`."""
        scaled = (acc.astype(np.int64) + self.wide_bias) * self.multiplier
        out = (scaled + (np.int64(1) << self.right >> 1)) >> self.right
        maps = np.clip(out, 0 if self.relu else -128, 127).astype(np.int8)
        return coarse(maps) if self.activation_bits == 4 else maps

    def weight_bits(self) -> int:
        """Bits of all weights, dense."""
        return self.codes.size * self.bits

    def scale_bytes(self) -> int:
        """Bytes of factors (four and one for the shift) and of biases (four)."""
        return 9 * self.out_channels


def reference_byte_count(model: CompactModel) -> int:
    """Bytes that a model of such layers would take: dense codes, scales, and headers as in the device form."""
    layers = [layer for stage in model.stages for layer in stage.layers]
    total = _HEADER + _STAGE * len(model.stages) + _LAYER * len(layers)
    for layer in layers:
        as_reference = layer if isinstance(layer, ReferenceLayer) else ReferenceLayer(**vars(layer))
        total += (as_reference.weight_bits() + 7) // 8 + as_reference.scale_bytes()
    return total
