"""Rice code over the gaps: the quotient of ``gap / 2^k`` as as many 1s and a 0, the rest in k bits; plain codes.

R. F. Rice, "Some practical universal noiseless coding techniques", JPL 79-22 (1979). Each layer has its ``k``.
"""

import numpy as np

from ...signals import CorruptModelError
from ..coding.decisions import CODES, EVEN, INDEX, TABLES, Decisions, join, plain_fields
from ..coding.gaps import gaps_and_codes, interleave, plain_count, read_weights
from ..coding.packer import MAX_WEIGHTS, LayerGrid, Packer, read_code
from ..coding.range_coder import RangeDecoder

__all__ = ["RICE"]

_K_BITS = 5
_MAX_QUOTIENT = 31


def _pack(codes: np.ndarray, grid: LayerGrid) -> Decisions:
    gaps, values = gaps_and_codes(codes)
    k = _best_k(gaps)
    quotients = gaps >> k
    fields = interleave((2 << quotients) - 2, gaps & (1 << k) - 1, values)
    widths = interleave(quotients + 1, np.full_like(gaps, k), np.full_like(gaps, grid.code_bits))
    weights = plain_fields(fields, widths, np.tile([INDEX, INDEX, CODES], len(gaps)))
    return join([plain_fields([k], [_K_BITS], [TABLES]), plain_count(len(gaps)), weights])


def _best_k(gaps: np.ndarray) -> int:
    """Cheapest parameter of those that keep every quotient small."""
    smallest = max(int(gaps.max(initial=0) // (_MAX_QUOTIENT + 1)).bit_length(), 0)
    return min(range(smallest, smallest + 12), key=lambda k: int(((gaps >> k) + 1 + k).sum()))


def _unpack(source: RangeDecoder, grid: LayerGrid) -> np.ndarray:
    k = source.field(_K_BITS)
    if k > MAX_WEIGHTS.bit_length():
        raise CorruptModelError(f"packed stream: Rice code of {k} plain bits")

    def read_gap() -> int:
        quotient = 0
        while quotient <= _MAX_QUOTIENT and source.bit(EVEN):
            quotient += 1
        return quotient << k | source.field(k)

    return read_weights(source, grid, read_gap, lambda: read_code(source, grid))


RICE = Packer(3, "Rice", _pack, _unpack)
