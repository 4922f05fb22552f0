"""Canonical Huffman codes, one for the codes and one for the length of the gaps.

A gap is the number of bits of ``gap + 1`` less one as a symbol, then these bits without the highest. A table is
the number of its symbols in 6 bits and the length of each symbol's code in 4, 0 for a symbol that does not occur.
Codes of one length follow one another in the order of their symbols, shorter ones first (RFC 1951, 3.2.2).
"""

import heapq
from collections.abc import Callable
from itertools import accumulate

import numpy as np

from ...signals import CorruptModelError
from ..coding.decisions import CODES, EVEN, INDEX, TABLES, Decisions, join, plain_fields
from ..coding.gaps import gaps_and_codes, interleave, plain_count, read_weights
from ..coding.packer import MAX_WEIGHTS, LayerGrid, Packer
from ..coding.range_coder import RangeDecoder

__all__ = ["HUFFMAN"]

_COUNT_BITS, _LENGTH_BITS = 6, 4
_MAX_LENGTH = 15
_MAX_SYMBOLS = MAX_WEIGHTS.bit_length() + 1


def _code_lengths(counts: np.ndarray) -> np.ndarray:
    """Lengths of an optimal prefix code, at most 15 bits; 0 where the count is 0, 1 for the only symbol."""
    counts = counts.astype(np.int64)
    while True:
        lengths = _huffman_lengths(counts)
        if lengths.max(initial=0) <= _MAX_LENGTH:
            return lengths
        counts = (counts + 1) // 2  # flatter counts give shorter codes; the ones that occur stay above 0


def _huffman_lengths(counts: np.ndarray) -> np.ndarray:
    lengths = np.zeros(len(counts), np.int64)
    heap: list[tuple[int, int, tuple[int, ...]]]
    heap = [(int(count), symbol, (symbol,)) for symbol, count in enumerate(counts) if count]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        (n_left, tie, left), (n_right, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        lengths[[*left, *right]] += 1
        heapq.heappush(heap, (n_left + n_right, tie, left + right))
    return lengths


def _canonical(lengths: np.ndarray) -> np.ndarray:
    """The code of each symbol as a number of as many bits as its length."""
    n_of_length = np.bincount(lengths, minlength=_MAX_LENGTH + 1)
    n_of_length[0] = 0
    first = list(accumulate(n_of_length, lambda code, n: (code + int(n)) << 1, initial=0))
    codes = np.zeros(len(lengths), np.int64)
    for length in range(1, _MAX_LENGTH + 1):
        members = np.flatnonzero(lengths == length)
        codes[members] = first[length] + np.arange(len(members))
    return codes


def _table(lengths: np.ndarray) -> Decisions:
    fields = [len(lengths), *lengths.tolist()]
    return plain_fields(fields, [_COUNT_BITS, *[_LENGTH_BITS] * len(lengths)], [TABLES] * len(fields))


def _pack(codes: np.ndarray, grid: LayerGrid) -> Decisions:
    del grid  # all that it says is in the tables
    gaps, values = gaps_and_codes(codes)
    classes = np.frexp(gaps + 1)[1].astype(np.int64) - 1
    gap_lengths, code_lengths = (_code_lengths(np.bincount(symbols)) for symbols in (classes, values))
    fields = _canonical(gap_lengths)[classes], (gaps + 1) - (1 << classes), _canonical(code_lengths)[values]
    widths = gap_lengths[classes], classes, code_lengths[values]
    weights = plain_fields(interleave(*fields), interleave(*widths), np.tile([INDEX, INDEX, CODES], len(gaps)))
    return join([_table(gap_lengths), _table(code_lengths), plain_count(len(gaps)), weights])


def _read_table(source: RangeDecoder, most: int) -> Callable[[], int]:
    """A function that reads one symbol; `most` symbols are allowed."""
    n_symbols = source.field(_COUNT_BITS)
    if n_symbols > most:
        raise CorruptModelError(f"packed stream: {n_symbols} symbols, {most} are the most")
    lengths = np.array([source.field(_LENGTH_BITS) for _ in range(n_symbols)], np.int64)
    if (1 << _MAX_LENGTH >> lengths[lengths > 0]).sum() > 1 << _MAX_LENGTH:
        raise CorruptModelError("packed stream: a table with more codes than fit")
    codes = _canonical(lengths)
    symbol_of = {
        (int(n), int(code)): symbol for symbol, (n, code) in enumerate(zip(lengths, codes, strict=True)) if n
    }

    def read() -> int:
        code = 0
        for length in range(1, _MAX_LENGTH + 1):
            code = code << 1 | source.bit(EVEN)
            if (length, code) in symbol_of:
                return symbol_of[length, code]
        raise CorruptModelError("packed stream: a code that its table does not have")

    return read


def _unpack(source: RangeDecoder, grid: LayerGrid) -> np.ndarray:
    read_class = _read_table(source, _MAX_SYMBOLS)
    read_value = _read_table(source, 2 * grid.n_exponents)

    def read_gap() -> int:
        bits = read_class()
        return (1 << bits | source.field(bits)) - 1

    return read_weights(source, grid, read_gap, lambda: read_value() + 1)


HUFFMAN = Packer(4, "canonical Huffman", _pack, _unpack)
