"""Adaptive binary decisions with contexts: no table, each probability follows from what was decoded before.

Whether a weight survived is predicted from its layer, its row (output channel), its input channel and its place in
the kernel; the bits of its exponent from the layer and the row; its sign from the layer, the row and the input
channel. Pruning leaves little structure besides these densities.

Adding up contexts as log-odds goes back to Mahoney's PAQ. Here their weights are fixed, which costs half a per
cent against learnt ones and lets numpy predict all decisions of a layer at once when packing.
"""

from collections import defaultdict

import numpy as np

from ..coding.chance import combined, combined_of
from ..coding.decisions import CODES, INDEX, TABLES, Decisions, join, plain_fields
from ..coding.packer import LayerGrid, Packer
from ..coding.range_coder import RangeDecoder

__all__ = ["CONTEXTS"]

_STRENGTH_BITS = 2
_SURVIVAL_WEIGHTS = 3, 4, 5
"""Of row, input channel and place, in eighths."""
_EXPONENT_WEIGHTS = (8,)
"""Of the row."""
_SIGN_WEIGHTS = 3, 3
"""Of row and input channel."""
_NOMINAL = 2
"""Contexts count as much as their weights say."""


def _pack(codes: np.ndarray, grid: LayerGrid) -> Decisions:
    strength, survival = _survival(codes, grid)
    places = np.flatnonzero(codes)
    exponents, signs = _weights(codes.ravel()[places].astype(np.int64) - 1, places, grid)
    levels = grid.code_bits - 1
    order = [np.arange(grid.size) * 8]
    order += [places * 8 + 1 + level for level in range(levels)] + [places * 8 + 1 + levels]
    joined = join([survival, *exponents, signs])
    turn = np.argsort(np.concatenate(order), kind="stable")
    table = plain_fields([strength], [_STRENGTH_BITS], [TABLES])
    return join([table, Decisions(joined.bits[turn], joined.ones[turn], joined.kinds[turn])])


def _survival(codes: np.ndarray, grid: LayerGrid) -> tuple[int, Decisions]:
    """Strength of the contexts that suits the layer best, and the decisions whether each weight survived."""
    bits = (codes > 0).ravel().astype(np.int64)
    row, tap = np.divmod(np.arange(grid.size), grid.taps)
    place, channel = np.divmod(tap, grid.in_channels)
    layer = _seen(np.zeros_like(bits), bits)
    contexts = [_seen(key, bits) for key in (row, channel, place)]
    chance = combined_of(layer, contexts, _SURVIVAL_WEIGHTS)
    strengths = range(1 << _STRENGTH_BITS)
    tried = {strength: _decisions(bits, chance(strength), INDEX) for strength in strengths}
    return min(tried.items(), key=lambda item: item[1].n_bits)


def _weights(values: np.ndarray, places: np.ndarray, grid: LayerGrid) -> tuple[list[Decisions], Decisions]:
    """Decisions of the surviving weights, level by level of the exponent's tree, and of their signs."""
    row, tap = np.divmod(places, grid.taps)
    levels = grid.code_bits - 1
    exponent, sign = values & grid.n_exponents - 1, values >> levels
    steps = np.arange(levels)[:, None]
    nodes = (1 << steps) | exponent >> (levels - steps)
    bits = exponent >> (levels - 1 - steps) & 1
    in_turn = np.argsort(np.tile(np.arange(len(values)), levels), kind="stable")
    ones = np.empty(nodes.size, np.int64)
    flat_nodes, flat_bits = nodes.ravel()[in_turn], bits.ravel()[in_turn]
    flat_row = np.tile(row, levels)[in_turn]
    layer, own = _seen(flat_nodes, flat_bits), _seen(flat_row * grid.n_exponents + flat_nodes, flat_bits)
    ones[in_turn] = combined_of(layer, [own], _EXPONENT_WEIGHTS)(_NOMINAL)
    by_level = [_decisions(bits[level], ones.reshape(levels, -1)[level], CODES) for level in range(levels)]
    contexts = [_seen(row, sign), _seen(tap % grid.in_channels, sign)]
    chance = combined_of(_seen(np.zeros_like(sign), sign), contexts, _SIGN_WEIGHTS)(_NOMINAL)
    return by_level, _decisions(sign, chance, CODES)


def _decisions(bits: np.ndarray, ones: np.ndarray, kind: int) -> Decisions:
    return Decisions(bits.astype(np.uint8), ones.astype(np.uint16), np.full(len(bits), kind, np.uint8))


def _seen(keys: np.ndarray, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many earlier decisions with the same key were 0, and how many 1: int64 (n,) each."""
    order = np.argsort(keys, kind="stable")
    key, bit = keys[order], bits[order]
    starts = np.flatnonzero(np.diff(key, prepend=key[:1] - 1))
    lengths = np.diff(np.append(starts, len(key)))
    before = np.cumsum(bit) - bit
    ones = np.empty_like(bits)
    ones[order] = before - np.repeat(before[starts], lengths)
    rank = np.empty_like(bits)
    rank[order] = np.arange(len(key)) - np.repeat(starts, lengths)
    return rank - ones, ones


class _Counted:
    """Decisions that count themselves in their contexts."""

    def __init__(self, source: RangeDecoder, weights: tuple[int, ...], strength: int) -> None:
        self._source, self._weights, self._strength = source, weights, strength
        self._layers: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self._contexts: list[defaultdict[int, list[int]]] = [defaultdict(lambda: [0, 0]) for _ in weights]

    def bit(self, node: int, *keys: int) -> int:
        """The next decision, at a node of the layer's and with a key for each context."""
        layer = self._layers[node]
        contexts = [counts[key] for counts, key in zip(self._contexts, keys, strict=True)]
        bit = self._source.bit(combined(layer, contexts, self._weights, self._strength))
        for counts in (layer, *contexts):
            counts[bit] += 1
        return bit


def _unpack(source: RangeDecoder, grid: LayerGrid) -> np.ndarray:
    survival = _Counted(source, _SURVIVAL_WEIGHTS, source.field(_STRENGTH_BITS))
    exponents, signs = _Counted(source, _EXPONENT_WEIGHTS, _NOMINAL), _Counted(source, _SIGN_WEIGHTS, _NOMINAL)
    codes = np.zeros((grid.out_channels, grid.taps), np.uint8)
    for row, tap in np.ndindex(codes.shape):
        place, channel = divmod(tap, grid.in_channels)
        if survival.bit(0, row, channel, place):
            codes[row, tap] = 1 + _read_value(exponents, signs, row, channel, grid)
    return codes


def _read_value(exponents: _Counted, signs: _Counted, row: int, channel: int, grid: LayerGrid) -> int:
    node = 1
    while node < grid.n_exponents:
        node = node << 1 | exponents.bit(node, row * grid.n_exponents + node)
    return signs.bit(0, row, channel) * grid.n_exponents + node - grid.n_exponents


CONTEXTS = Packer(5, "contexts", _pack, _unpack)
