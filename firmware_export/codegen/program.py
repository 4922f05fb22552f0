"""A layer as straight lines: tiles of channels, and what each input adds to which of their accumulators."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .formats import Bytes, Format, Operand, Pairs
from .sites import Site, pair_span

__all__ = ["Add", "Program", "Tile", "Use", "tiles"]


@dataclass(frozen=True)
class Add:
    """One weight: ``accumulator += activation << exponent``, or ``-=``."""

    accumulator: int
    exponent: int
    is_negative: bool


@dataclass(frozen=True)
class Use:
    """An input value and all weights of a tile that take it."""

    operand: Operand
    adds: tuple[Add, ...]


@dataclass(frozen=True)
class Tile:
    """Channels whose accumulators are in registers at the same time.

    Attributes
    ----------
    channels : of the layer
    is_apart : the halves of a word have accumulators of their own, or are taken apart before they are added
    starts : what the accumulators begin at, as the kind of program needs it, uint32
    uses : inputs in ascending order of their addresses
    """

    channels: tuple[int, ...]
    is_apart: bool
    starts: tuple[int, ...]
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Program:
    """A layer that becomes code.

    Attributes
    ----------
    site : the layer
    reads : format of its input
    writes : format of its map
    stream_pairs : pairs of positions that a call of a stream's layer computes, 1 or 2; its text is the same
    """

    site: Site
    reads: Format
    writes: Format
    stream_pairs: int = 2

    @property
    def name(self) -> str:
        """Of the C function."""
        stage, number = self.site.key
        return f"ictus_code_{stage}_{number}"

    @property
    def n_pairs(self) -> int:
        """Words of outputs that a channel has; 0 for a dense layer."""
        if self.site.is_dense:
            return 0
        return self.stream_pairs if self.site.is_streamed else pair_span(self.site, self.writes)[1]

    @property
    def loops(self) -> bool:
        """Whether a loop goes over pairs."""
        return self.n_pairs > 1 or self.site.is_streamed

    @property
    def distance(self) -> int:
        """Output positions between the halves of a word."""
        return pair_span(self.site, self.writes)[0]

    @property
    def n_words(self) -> int:
        """Words of inputs that all pairs read."""
        return (self.n_pairs - 1) * self.site.layer.step + self.site.layer.taps

    @property
    def packs(self) -> bool:
        """Whether a convolution first puts bytes together to pairs."""
        return not self.site.is_dense and isinstance(self.reads, Bytes)

    @property
    def scratch_bytes(self) -> int:
        return 4 * self.n_words if self.packs else 0

    @property
    def map_bytes(self) -> int:
        """Of the map, 0 for int8 ``[T][C]``."""
        return self.writes.map_bytes

    def input(self, index: int) -> Operand:
        """Where the tap of that index is found; for a convolution the pair at its first position."""
        n_inputs = self.site.layer.taps - self.site.n_context
        if index >= n_inputs:
            return Operand(index - n_inputs, is_word=False, of_context=True)
        if self.packs:
            return Operand(index, is_word=True)
        return (
            self.reads.pair(index) if isinstance(self.reads, Pairs) and self.n_pairs else self.reads.value(index)
        )

    def start(self, channel: int) -> int:
        """What an accumulator begins at.

        Halves that share a word both begin at the start; the 2^15 on top of the lower one keeps its sign from the
        upper one, and whoever ends the sum takes it away again.
        """
        start = int(self.site.starts[channel])
        if self.n_pairs and self.site.shares(channel):
            start += (start << 16) + 0x8000
        return start & 0xFFFFFFFF


def split(channels: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    """Cut channels into tiles of nearly the same size, at most `size` each."""
    n_tiles = -(-len(channels) // size)
    for tile in range(n_tiles):
        yield tuple(channels[tile * len(channels) // n_tiles : (tile + 1) * len(channels) // n_tiles])


def tile_of(program: Program, channels: tuple[int, ...], is_apart: bool) -> Tile:
    """What a tile of channels computes."""
    weights = program.site.layer.weights
    adds: dict[Operand, list[Add]] = {}
    for accumulator, channel in enumerate(channels):
        for index in map(int, weights[channel].nonzero()[0]):
            weight, operand = int(weights[channel, index]), program.input(index)
            exponent = abs(weight).bit_length() - 1
            adds.setdefault(operand, []).append(Add(accumulator, exponent, weight < 0))
    uses = (Use(operand, tuple(adds[operand])) for operand in sorted(adds, key=_address))
    return Tile(channels, is_apart, tuple(program.start(channel) for channel in channels), tuple(uses))


def _address(operand: Operand) -> tuple[bool, int, int]:
    return operand.of_context, operand.index, operand.half


def tiles(program: Program, size: int, size_apart: int) -> Iterable[Tile]:
    """All tiles in the order of their channels' slots, of at most `size` channels, `size_apart` if taken apart."""
    site = program.site
    order = range(site.layer.out_channels) if site.is_dense else site.order
    if site.is_dense:
        is_apart = isinstance(program.reads, Pairs) and not all(site.fits_halves)
        together, apart = ([], list(order)) if is_apart else (list(order), [])
    else:
        together = [channel for channel in order if site.shares(channel)]
        apart = [channel for channel in order if not site.shares(channel)]
    for channels in split(together, size):
        yield tile_of(program, channels, False)
    for channels in split(apart, size_apart):
        yield tile_of(program, channels, True)
