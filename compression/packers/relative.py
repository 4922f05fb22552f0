"""Gaps of a fixed width, the largest of which skips and is followed by another gap (EIE, Han et al., ISCA 2016).

EIE pads with zero weights where a gap is too long; here the largest gap is no weight but a skip of as many pruned
ones. The width is chosen for each layer.
"""

import numpy as np

from ..coding.decisions import CODES, INDEX, TABLES, Decisions, join, plain_fields
from ..coding.gaps import gaps_and_codes, plain_count, read_weights
from ..coding.packer import LayerGrid, Packer, read_code
from ..coding.range_coder import RangeDecoder

__all__ = ["RELATIVE_INDEX"]

_WIDTH_BITS = 3
_WIDTHS = range(1, 9)


def _skip(width: int) -> int:
    return (1 << width) - 1


def _pack(codes: np.ndarray, grid: LayerGrid) -> Decisions:
    gaps, values = gaps_and_codes(codes)
    width = min(_WIDTHS, key=lambda bits: bits * int((gaps // _skip(bits) + 1).sum()))
    fields = []
    for gap, value in zip(gaps.tolist(), values.tolist(), strict=True):
        n_skips, rest = divmod(gap, _skip(width))
        fields += [(_skip(width), width, INDEX)] * n_skips
        fields += [(rest, width, INDEX), (value, grid.code_bits, CODES)]
    table = plain_fields([width - 1], [_WIDTH_BITS], [TABLES])
    weights = [plain_fields(*zip(*fields, strict=True))] if fields else []
    return join([table, plain_count(len(gaps)), *weights])


def _unpack(source: RangeDecoder, grid: LayerGrid) -> np.ndarray:
    width = source.field(_WIDTH_BITS) + 1

    def read_gap() -> int:
        gap = 0
        while (field := source.field(width)) == _skip(width) and gap < grid.size:
            gap += field
        return gap + field

    return read_weights(source, grid, read_gap, lambda: read_code(source, grid))


RELATIVE_INDEX = Packer(2, "relative index", _pack, _unpack)
