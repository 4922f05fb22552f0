"""What every packer of `packers` is: two pure functions under a name."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...signals import CorruptModelError
from .decisions import Decisions
from .range_coder import RangeDecoder

__all__ = ["MAX_WEIGHTS", "LayerGrid", "Packer", "read_code", "write_position"]

MAX_WEIGHTS = (1 << 22) - 1
"""Weights that a layer may have, pruned ones included: what the counts of the decoder can hold."""


@dataclass(frozen=True)
class LayerGrid:
    """What a decoder knows of a layer before it reads the weights.

    Attributes
    ----------
    out_channels : rows of the codes
    taps : columns of the codes
    in_channels : tap ``i`` reads channel ``i % in_channels`` at the place ``i // in_channels`` of the kernel
    n_exponents : powers of two that a weight may be; codes are 0 to ``2 * n_exponents``
    """

    out_channels: int
    taps: int
    in_channels: int
    n_exponents: int

    @property
    def size(self) -> int:
        """Number of weights, pruned ones included."""
        return self.out_channels * self.taps

    @property
    def code_bits(self) -> int:
        """Bits of a weight that is not pruned: its sign, then its exponent."""
        return self.n_exponents.bit_length()


@dataclass(frozen=True)
class Packer:
    """A way to write the codes of a layer as binary decisions.

    Attributes
    ----------
    number : what stands for it in a stored model, 0..7
    name : what tables call it
    pack : codes uint8 (out_channels, taps) and their grid -> decisions
    unpack : decoder and grid -> the same codes; raises `CorruptModelError`, and reads no more than a decision for
        every bit of what `pack` could have written for the grid
    """

    number: int
    name: str
    pack: Callable[[np.ndarray, LayerGrid], Decisions]
    unpack: Callable[[RangeDecoder, LayerGrid], np.ndarray]


def read_code(source: RangeDecoder, grid: LayerGrid) -> int:
    """A code 1..2n from its plain bits."""
    return source.field(grid.code_bits) + 1


def write_position(flat: np.ndarray, position: int, code: int) -> int:
    """Put a code at a position of the flat layer; the position behind it.

    Raises
    ------
    CorruptModelError
        the position is outside the layer.
    """
    if position >= len(flat):
        raise CorruptModelError(f"packed stream: index {position} in a layer of {len(flat)} weights")
    flat[position] = code
    return position + 1
