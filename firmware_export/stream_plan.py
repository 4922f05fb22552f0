"""When the convolutions of a stream run: the arithmetic of `ictus_stream.c`, without a value of the signal."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..compression.compact import CompactLayer

__all__ = ["TILE", "StreamedLayer", "patient_bytes", "plan_stream", "run_counts"]

TILE = 4
"""Positions that a convolution computes together."""


@dataclass
class StreamedLayer:
    """One convolution at work.

    Attributes
    ----------
    kernel, stride : in rows
    channels : of a row
    ready : rows that it waits for
    capacity : rows that it has room for
    at_once : positions that it hands on in one go, at most
    filled, skip : rows that are there, and coming ones that no position reads
    runs : how often it computed that many positions
    moved : rows that were moved to the beginning
    """

    kernel: int
    stride: int
    channels: int
    ready: int
    capacity: int
    at_once: int
    filled: int = 0
    skip: int = 0
    runs: Counter[int] = field(default_factory=Counter)
    moved: int = 0

    @property
    def row_bytes(self) -> int:
        return -(-self.capacity * self.channels // 4) * 4


def _lay_out(layers: Sequence[CompactLayer], channels: int, waits: int) -> list[StreamedLayer]:
    planned, at_once = [], 1
    for number, layer in enumerate(layers):
        kernel, stride = layer.taps // channels, layer.step // channels
        ready = kernel + (waits >> number & 1) * (TILE - 1) * stride
        capacity = ready - 1 + at_once
        at_once = min((capacity - kernel) // stride + 1, TILE)
        planned.append(StreamedLayer(kernel, stride, channels, ready, capacity, at_once))
        channels = layer.out_channels
    return planned


def _pool_bytes(layers: Sequence[CompactLayer], planned: list[StreamedLayer]) -> int:
    return -(-layers[-1].out_channels * (6 + planned[-1].at_once) // 4) * 4


def patient_bytes(layers: Sequence[CompactLayer], channels: int) -> int:
    """Rows and pool of a stream in which every convolution waits until it can compute `TILE` positions."""
    planned = _lay_out(layers, channels, (1 << len(layers)) - 1)
    return sum(layer.row_bytes for layer in planned) + _pool_bytes(layers, planned)


def plan_stream(layers: Sequence[CompactLayer], channels: int, room: int, map_bytes: int) -> list[StreamedLayer]:
    """Let as many convolutions wait, from the first one on, as there is room for.

    Parameters
    ----------
    layers : the streamed ones
    channels : of the stream's rows
    room : bytes lent without the scratch memory of generated layers
    map_bytes : that the rows and maps take at least
    """
    waits = 0
    for number in range(len(layers)):
        if _lay_out(layers, channels, waits)[number].at_once == TILE:
            continue  # it is given enough without waiting
        more = waits | 1 << number
        planned = _lay_out(layers, channels, more)
        if max(sum(layer.row_bytes for layer in planned), map_bytes) + _pool_bytes(layers, planned) <= room:
            waits = more
    return _lay_out(layers, channels, waits)


def run_counts(planned: list[StreamedLayer], n_rows: int, chunk: int) -> None:
    """Push `n_rows` in calls of `chunk` rows and finish; counts `runs` and `moved` of every layer."""
    first = planned[0]
    for start in range(0, n_rows, chunk):
        left = min(chunk, n_rows - start)
        while left:
            n = min(first.ready - first.filled, left)
            left -= n
            _accept(first, n)
            if first.filled >= first.ready:
                _settle(planned, 0)
    for number, layer in enumerate(planned):
        while n := _waiting(layer):
            _run(planned, number, n)
            _settle(planned, number + 1)


def _waiting(layer: StreamedLayer) -> int:
    return min((layer.filled - layer.kernel) // layer.stride + 1, TILE) if layer.filled >= layer.kernel else 0


def _settle(planned: list[StreamedLayer], first: int) -> None:
    number = first
    while True:
        if number < len(planned) and planned[number].filled >= planned[number].ready:
            _run(planned, number, _waiting(planned[number]))
            number += 1
        elif number > first:
            number -= 1
        else:
            return


def _run(planned: list[StreamedLayer], number: int, n: int) -> None:
    layer = planned[number]
    layer.runs[n] += 1
    _drop(layer, n * layer.stride)
    if number + 1 < len(planned):
        _accept(planned[number + 1], n)


def _drop(layer: StreamedLayer, n: int) -> None:
    gone = min(n, layer.filled)
    layer.filled -= gone
    layer.moved += layer.filled
    layer.skip = n - gone


def _accept(layer: StreamedLayer, n: int) -> None:
    layer.filled += n
    if layer.skip:
        _drop(layer, layer.skip)
