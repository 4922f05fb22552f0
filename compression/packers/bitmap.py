"""One bit for every weight says whether it survived; a code follows where it did."""

import numpy as np

from ..coding.decisions import CODES, EVEN, INDEX, Decisions, plain_fields
from ..coding.gaps import interleave
from ..coding.packer import LayerGrid, Packer, read_code
from ..coding.range_coder import RangeDecoder

__all__ = ["BITMAP"]


def _pack(codes: np.ndarray, grid: LayerGrid) -> Decisions:
    flat = codes.ravel().astype(np.int64)
    survives = flat > 0
    fields = interleave(survives, np.maximum(flat - 1, 0))
    widths = interleave(np.ones_like(flat), survives * grid.code_bits)
    return plain_fields(fields, widths, np.tile([INDEX, CODES], len(flat)))


def _unpack(source: RangeDecoder, grid: LayerGrid) -> np.ndarray:
    found = (read_code(source, grid) if source.bit(EVEN) else 0 for _ in range(grid.size))
    return np.fromiter(found, np.uint8, grid.size).reshape(grid.out_channels, grid.taps)


BITMAP = Packer(1, "bitmap + codes", _pack, _unpack)
