"""Surviving weights as gaps, and numbers of any size as plain bits: what the packers with an index share."""

from collections.abc import Callable

import numpy as np

from ...signals import CorruptModelError
from .decisions import TABLES, Decisions, plain_fields
from .packer import LayerGrid, write_position
from .range_coder import RangeDecoder

__all__ = ["COUNT_BITS", "gaps_and_codes", "interleave", "plain_count", "read_weights"]

COUNT_BITS = 5
"""A number is preceded by how many bits it has, in this many bits; see `plain_count`."""


def gaps_and_codes(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pruned weights before each surviving one, and its code less one; rows follow one another.

    Returns
    -------
    int64 (n,), int64 (n,)
    """
    flat = codes.ravel()
    places = np.flatnonzero(flat)
    return np.diff(places, prepend=-1) - 1, flat[places].astype(np.int64) - 1


def interleave(*columns: np.ndarray) -> np.ndarray:
    """The first of each, the second of each.."""
    return np.stack(columns, axis=1).ravel()


def plain_count(value: int, kind: int = TABLES) -> Decisions:
    """A number in a 5-bit length and its bits."""
    width = int(value).bit_length()
    return plain_fields([width, value], [COUNT_BITS, width], [kind, kind])


def _read_count(source: RangeDecoder, limit: int) -> int:
    count = source.field(source.field(COUNT_BITS))
    if count > limit:
        raise CorruptModelError(f"packed stream: {count} weights in a layer of {limit}")
    return count


def read_weights(
    source: RangeDecoder, grid: LayerGrid, read_gap: Callable[[], int], read_code: Callable[[], int]
) -> np.ndarray:
    """Codes of a layer from a count, then a gap and a code for each surviving weight."""
    flat = np.zeros(grid.size, np.uint8)
    position = 0
    for _ in range(_read_count(source, grid.size)):
        position = write_position(flat, position + read_gap(), 1)
        flat[position - 1] = read_code()
    return flat.reshape(grid.out_channels, grid.taps)
