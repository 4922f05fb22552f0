"""Every code in as many bits as the largest one needs, the pruned ones too."""

import numpy as np

from ...signals import CorruptModelError
from ..coding.decisions import CODES, Decisions, plain_fields
from ..coding.packer import LayerGrid, Packer
from ..coding.range_coder import RangeDecoder

__all__ = ["DENSE"]


def _width(grid: LayerGrid) -> int:
    return (2 * grid.n_exponents).bit_length()


def _pack(codes: np.ndarray, grid: LayerGrid) -> Decisions:
    return plain_fields(codes.ravel(), np.full(grid.size, _width(grid)), np.full(grid.size, CODES))


def _unpack(source: RangeDecoder, grid: LayerGrid) -> np.ndarray:
    codes = np.fromiter((source.field(_width(grid)) for _ in range(grid.size)), np.uint8, grid.size)
    if codes.max(initial=0) > 2 * grid.n_exponents:
        raise CorruptModelError(f"packed stream: code {codes.max()}, {2 * grid.n_exponents} is the largest")
    return codes.reshape(grid.out_channels, grid.taps)


DENSE = Packer(0, "dense codes", _pack, _unpack)
