"""Where the layers of a model stand: who reads whose map, and which of them can become code."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...compression.compact import CompactLayer, CompactModel, CompactStage
from .formats import Bytes, Format, Pairs, Words

__all__ = ["MAX_STORED_SHIFT", "Key", "Site", "agree_on_formats", "pair_span", "sites_of"]

Key = tuple[str, int]
"""Name of the stage, and number of the layer from 1."""

MAX_STORED_SHIFT = 8
"""`usat16` and the constants of `bic` reach so far."""

_MOST_STEP = 255
_MAX_OFFSET = 4095
"""Bytes that a load or store reaches from its base register."""


@dataclass(frozen=True)
class Site:
    """A layer and what surrounds it.

    Attributes
    ----------
    key, layer : which
    producer : the layer whose map it reads; None if it reads an input of the stage
    channels : of a row of what it reads
    n_inputs : values that it reads, the context not counted
    is_signed : whether they may be negative
    is_last : whether its map is the stage's logits
    n_context : values behind its inputs, 0 if it does not take the context
    """

    key: Key
    layer: CompactLayer
    producer: Key | None
    channels: int
    n_inputs: int
    is_signed: bool
    is_last: bool
    n_context: int

    @property
    def is_streamed(self) -> bool:
        return self.layer.out_length == 0

    @property
    def is_dense(self) -> bool:
        return self.layer.out_length == 1

    @property
    def distance(self) -> int:
        """Output positions between the two that a convolution computes at once: 1 in a stream."""
        return 1 if self.is_streamed else self.layer.out_length // 2

    @property
    def fits_code(self) -> bool:
        """Whether it can be code: not a convolution that takes the context, or whose offsets are too long."""
        if self.is_dense:
            return self.n_inputs * 4 <= _MAX_OFFSET
        if self.is_streamed and self.layer.step > _MOST_STEP:
            return False
        width = self.layer.out_channels
        reach = max(4 * self.layer.taps, (self.distance + 1) * width)
        return not self.layer.takes_context and reach <= _MAX_OFFSET and 4 * self._n_words <= 0xFFFF

    @cached_property
    def starts(self) -> np.ndarray:
        """What the accumulators begin at, int64 (out_channels,): bias and half a unit of the output."""
        shift = self.layer.shift.astype(np.int64)
        return (self.layer.bias.astype(np.int64) << shift) + (np.int64(1) << shift >> 1)

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and largest value that each accumulator can end with, int64 (out_channels,) each."""
        weights = self.layer.weights.astype(np.int64)
        up, down, high = np.maximum(weights, 0), np.maximum(-weights, 0), np.int64(127)
        low = np.full(self.layer.taps, -128 if self.is_signed else 0, np.int64)
        low[self.layer.taps - self.n_context :] = -128
        least = up @ low - high * down.sum(axis=1)
        return self.starts + least, self.starts + high * up.sum(axis=1) - down @ low

    @cached_property
    def fits_halves(self) -> tuple[bool, ...]:
        """Whether each channel's accumulator ends within 16 bits."""
        low, high = self.bounds
        return tuple((np.minimum(low, -1 - high) >= -(2**15)).tolist())

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Channels of a convolution in the order of their slots: first those whose halves share an accumulator."""
        return tuple(sorted(range(self.layer.out_channels), key=lambda c: not self.shares(c)))

    def shares(self, channel: int) -> bool:
        """Whether both positions of a convolution's channel are summed in one word."""
        return self.layer.relu and self.fits_halves[channel]

    def stored_shift(self, channel: int) -> int:
        """Scale at which a channel of `Pairs` is left: what a single instruction can clear the bits below of."""
        shift = int(self.layer.shift[channel])
        return shift if self.shares(channel) and shift <= MAX_STORED_SHIFT else 0

    @property
    def _n_words(self) -> int:
        n_pairs = max(self.layer.out_length - self.distance, 1)
        return (n_pairs - 1 + self.is_streamed) * self.layer.step + self.layer.taps


def sites_of(model: CompactModel) -> Iterator[Site]:
    """All layers in the order in which they lie in the file."""
    kept: tuple[Key, CompactLayer] | None = None
    for stage in model.stages:
        before = kept if stage.source == "kept" else None
        for number, layer in enumerate(stage.layers, start=1):
            yield _site(model, stage, number, layer, before)
            before = (stage.name, number), layer
            kept = before if number == stage.n_kept else kept


def _site(
    model: CompactModel,
    stage: CompactStage,
    number: int,
    layer: CompactLayer,
    before: tuple[Key, CompactLayer] | None,
) -> Site:
    n_context = model.n_context if layer.takes_context else 0
    n_inputs = layer.in_size - n_context
    key, is_last = (stage.name, number), number == len(stage.layers)
    if before is None:
        channels = model.window_shape[1] if stage.source in ("window", "stream") else 1
        return Site(key, layer, None, channels, n_inputs, True, is_last, n_context)
    producer, previous = before
    return Site(key, layer, producer, previous.out_channels, n_inputs, not previous.relu, is_last, n_context)


def agree_on_formats(sites: Iterable[Site], code: set[Key]) -> dict[Key, Format]:
    """The format of every generated layer's map, given which layers are generated."""
    sites = list(sites)
    readers: Mapping[Key, list[Site]] = {
        site.key: [other for other in sites if other.producer == site.key] for site in sites
    }
    formats: dict[Key, Format] = {}
    for site in reversed(sites):  # who reads a map comes behind it
        if site.key in code:
            formats[site.key] = _format(site, readers[site.key], code, formats)
    return formats


def _format(site: Site, readers: list[Site], code: set[Key], formats: Mapping[Key, Format]) -> Format:
    plain = Bytes(signed=not site.layer.relu)
    if site.is_last or site.is_streamed or site.layer.pools or any(r.key not in code for r in readers):
        return plain
    if site.is_dense:
        slots = tuple(range(site.layer.out_channels))
        return Words(slots, plain.signed) if all(reader.is_dense for reader in readers) else plain
    return (site.layer.relu and _pairs(site, readers, formats)) or plain


def _pairs(site: Site, readers: list[Site], formats: Mapping[Key, Format]) -> Pairs | None:
    """What all readers of a convolution can read as pairs, if there is such a thing."""
    length, width = site.layer.out_length, site.layer.out_channels
    convolutions = [reader for reader in readers if not reader.is_dense]
    has_dense = len(readers) > len(convolutions)
    if any(reader.layer.step % width or reader.layer.taps % width for reader in convolutions):
        return None
    needs = [_reads(reader, formats[reader.key], width) for reader in convolutions]
    distances = {distance for distance, _ in needs} or {site.distance}
    distance = min(distances)
    rows = max([rows for _, rows in needs] + ([length - distance] if has_dense else []), default=0)
    if len(distances) > 1 or distance == 0 or distance + rows > length or (has_dense and rows < distance):
        return None
    order = site.order
    slots = tuple(order.index(channel) for channel in range(width))
    return Pairs(rows, distance, slots, tuple(site.stored_shift(channel) for channel in range(width)))


def _reads(reader: Site, writes: Format, width: int) -> tuple[int, int]:
    """Positions between the halves that a convolution reads, and rows of pairs."""
    distance, n_pairs = pair_span(reader, writes)
    stride, kernel = reader.layer.step // width, reader.layer.taps // width
    return distance * stride, (n_pairs - 1) * stride + kernel


def pair_span(site: Site, writes: Format) -> tuple[int, int]:
    """Output positions between the halves that a convolution computes at once, and how many pairs there are."""
    if isinstance(writes, Pairs):
        return writes.distance, writes.rows
    return site.distance, max(site.layer.out_length - site.distance, 1)
