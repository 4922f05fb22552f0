"""The order and coding of everything in a stored model, one walk for writing and for reading.

Shapes are written as what differs from the usual: a dense layer reads all it is given, a convolution takes whole
positions and as many of them as fit. Biases are written as steps where they ascend (see `channel_order`).

The walk carries a model's parts through; while reading, the parts given to it are blank and what counts is what it
returns.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from ..signals import CorruptModelError, InputError
from .coding.decisions import KINDS
from .coding.fields import Fields
from .coding.packer import MAX_WEIGHTS, LayerGrid
from .compact import EXPONENT_COUNTS, MAX_SHIFT, CompactLayer, CompactModel, CompactStage
from .layout import SOURCES, STAGE_NAMES, TASKS, check_size, check_stage

__all__ = ["BLANK_MODEL", "PACKER_BITS", "StoredWalk", "check_storable", "grids_of"]

PACKER_BITS = 3
_LAST_NODE = 7
_CODES, _INDEX, _TABLES, _SCALES, _SHAPES, _HEADERS = range(len(KINDS))
_MAX_TAPS, _MAX_BYTE = 65535, 255
_MAX_SIZES = _MAX_BYTE, _MAX_TAPS, _MAX_BYTE, _MAX_BYTE
F = TypeVar("F", bound=Fields)

BLANK_LAYER = CompactLayer(np.zeros((1, 1), np.uint8), np.zeros(1, np.int8), np.zeros(1, np.uint8), 1, 1, False)
BLANK_STAGE = CompactStage(STAGE_NAMES[0], SOURCES[0], ())
BLANK_MODEL = CompactModel(TASKS[1], 0, (0, 0), 0, (BLANK_STAGE,) * len(STAGE_NAMES))


@dataclass(frozen=True)
class _Flow:
    """What the next layer is given: `size` values, 0 for a stream, in positions of `channels` values."""

    size: int
    channels: int
    context: int

    def after(self, layer: CompactLayer) -> "_Flow":
        return _Flow(layer.out_size, layer.out_channels, self.context)


class StoredWalk(ABC, Generic[F]):
    """Carries a model through `fields`."""

    def __init__(self, fields: F) -> None:
        self.fields = fields
        self._shift = self._n_weights = 0

    @abstractmethod
    def _weights(self, grid: LayerGrid, codes: np.ndarray) -> np.ndarray: ...

    def model(self, given: CompactModel) -> CompactModel:
        """Everything behind the header of the file."""
        fields = self.fields
        fields.kind = _HEADERS
        task = fields.number("task", {name: number for number, name in TASKS.items()}[given.task])
        if task not in TASKS:
            raise CorruptModelError(f"task {task} is not known")
        fields.kind = _SHAPES
        sizes = given.n_features, *given.window_shape, given.n_context
        n_features, length, channels, n_context = sizes = tuple(fields.number("size", size) for size in sizes)
        _check_sizes(sizes, CorruptModelError)
        flows = {
            "features": _Flow(n_features, n_features, n_context),
            "window": _Flow(length * channels, channels, n_context),
            "kept": _Flow(0, 0, n_context),
            "context": _Flow(n_context, n_context, n_context),
            "stream": _Flow(0, channels, n_context),
        }
        stages = tuple(self._stage(number, stage, flows) for number, stage in enumerate(given.stages))
        return CompactModel(TASKS[task], n_features, (length, channels), n_context, stages)

    def _stage(self, number: int, given: CompactStage, flows: dict[str, _Flow]) -> CompactStage:
        fields = self.fields
        fields.kind = _SHAPES
        source = fields.symbol("source", 3, SOURCES.index(given.source))
        n_layers, n_kept = fields.number("layers", len(given.layers)), fields.number("kept", given.n_kept)
        check_stage(number, source, n_layers, n_kept)
        fields.kind = _SCALES
        threshold = fields.plain(8, given.threshold & _MAX_BYTE)
        flow, layers = flows[SOURCES[source]], []
        for place in range(n_layers):
            layers.append(self._layer(given.layers[place] if given.layers else BLANK_LAYER, flow))
            flow = flow.after(layers[-1])
            if place + 1 == n_kept:
                flows["kept"] = flow
        signed = threshold - (threshold >> 7 << 8)
        return CompactStage(STAGE_NAMES[number], SOURCES[source], tuple(layers), n_kept, signed)

    def _layer(self, given: CompactLayer, flow: _Flow) -> CompactLayer:
        fields = self.fields
        fields.kind = _SHAPES
        flags = given.relu, given.takes_context, given.pools
        relu, context, pools = (fields.bit("flags", int(flag), node) for node, flag in enumerate(flags))
        chosen = fields.symbol("exponents", 3, EXPONENT_COUNTS.index(given.n_exponents))
        if chosen >= len(EXPONENT_COUNTS):
            raise CorruptModelError(f"packed stream: choice {chosen} of exponents")
        out_channels = fields.number("channels", given.out_channels - 1) + 1
        taps, step, length = self._geometry(given, flow, flow.size + flow.context * context)
        grid = LayerGrid(out_channels, taps, max(flow.channels, 1), EXPONENT_COUNTS[chosen])
        _check_limits(grid, step, length, CorruptModelError)
        self._n_weights += grid.size
        check_size(self._n_weights)
        fields.kind = _SCALES
        shift, bias = self._shifts(given.shift, out_channels), self._biases(given.bias, out_channels)
        fields.kind = _TABLES
        codes = self._weights(grid, given.codes)
        flags = bool(relu), bool(context), bool(pools)
        return CompactLayer(codes, bias, shift, step, length, *flags, grid.n_exponents)

    def _geometry(self, given: CompactLayer, flow: _Flow, size: int) -> tuple[int, int, int]:
        """Taps, step and output positions of a layer that is given `size` values, its context included."""
        fields = self.fields
        if fields.bit("reads all", int(given.taps == size and size > 0)):
            taps = size
        else:
            taps = self._in_positions("taps", given.taps, flow.channels)
        if fields.bit("steps over all", int(given.step == flow.size and flow.size > 0)):
            step = flow.size
        else:
            step = self._in_positions("step", given.step, flow.channels)
        usual = 0 if size < taps or not step else (size - taps) // step + 1
        usual = usual if flow.size else 0
        if fields.bit("as many as fit", int(given.out_length == usual)):
            return taps, step, usual
        return taps, step, fields.number("length", given.out_length)

    def _in_positions(self, name: str, value: int, channels: int) -> int:
        """A distance in values as whole positions and the rest."""
        channels = max(channels, 1)
        whole, rest = divmod(value, channels)
        return self.fields.number(name, whole) * channels + self.fields.number("rest", rest)

    def _shifts(self, given: np.ndarray, n: int) -> np.ndarray:
        values = given.tolist() if len(given) == n else [0] * n
        return np.array([self._next_shift(value) for value in values], np.uint8)

    def _next_shift(self, value: int) -> int:
        """A shift as its distance from the channel before, the other layers' channels included."""
        before = self._shift
        number = self.fields.unary("shift", 2 * MAX_SHIFT, _zigzag(value - before), min(before, _LAST_NODE))
        self._shift = before + _unzigzag(number)
        if not 0 <= self._shift <= MAX_SHIFT:
            raise CorruptModelError(f"packed stream: shift {self._shift}, {MAX_SHIFT} is the largest")
        return self._shift

    def _biases(self, given: np.ndarray, n: int) -> np.ndarray:
        fields = self.fields
        values = given.astype(np.int64) if len(given) == n else np.zeros(n, np.int64)
        ascend = fields.bit("ascend", int((np.diff(values) >= 0).all()))
        steps = np.diff(values, prepend=0) if ascend else values
        numbers = np.array([_zigzag(step) for step in steps.tolist()])
        if ascend:
            numbers[1:] >>= 1
        fine = fields.symbol("fine", 3, _finest(numbers))
        read = [
            fields.number("bias", int(v) >> fine) << fine | fields.plain(fine, int(v) & (1 << fine) - 1)
            for v in numbers
        ]
        return _bias_values(np.array(read, np.int64), bool(ascend))


def _zigzag(value: int) -> int:
    """0, -1, 1, -2, 2.. as 0, 1, 2, 3, 4.."""
    return -2 * value - 1 if value < 0 else 2 * value


def _unzigzag(number: int) -> int:
    return -(number + 1) // 2 if number & 1 else number // 2


def _finest(numbers: np.ndarray) -> int:
    """How many low bits of the numbers are best written as they are."""

    def cost(fine: int) -> int:
        return int((2 * np.frexp((numbers >> fine) + 1)[1] - 1 + fine).sum())

    return min(range(8), key=cost)


def _bias_values(numbers: np.ndarray, ascend: bool) -> np.ndarray:
    signed = np.array([_unzigzag(number) for number in numbers.tolist()])
    values = np.cumsum(np.append(signed[:1], numbers[1:])) if ascend else signed
    if values.min() < -128 or values.max() > 127:
        raise CorruptModelError(f"packed stream: biases from {values.min()} to {values.max()}")
    return values.astype(np.int8)


def _check_sizes(sizes: tuple[int, ...], error: type[InputError]) -> None:
    """Check features, positions and channels of the window, and context."""
    if any(size > most for size, most in zip(sizes, _MAX_SIZES, strict=True)):
        raise error(f"features, window and context of {sizes} values, at most {_MAX_SIZES}")


def _check_limits(grid: LayerGrid, step: int, length: int, error: type[InputError]) -> None:
    fits = grid.out_channels <= _MAX_BYTE and 1 <= grid.taps <= _MAX_TAPS and 1 <= step <= _MAX_TAPS
    if not fits or length > _MAX_BYTE or grid.size > MAX_WEIGHTS:
        raise error(
            f"layer of {grid.out_channels} channels, {grid.taps} taps, step {step}, {length} positions: "
            f"at most {_MAX_BYTE}, {_MAX_TAPS}, {_MAX_TAPS}, {_MAX_BYTE}, and {MAX_WEIGHTS} weights"
        )


def grids_of(model: CompactModel) -> Iterator[tuple[LayerGrid, np.ndarray]]:
    """What packers are given of each layer: its grid and codes."""
    channels = {"features": model.n_features, "context": model.n_context, "kept": 0}
    for stage in model.stages:
        width = channels.get(stage.source, model.window_shape[1])
        for number, layer in enumerate(stage.layers, start=1):
            yield LayerGrid(layer.out_channels, layer.taps, max(width, 1), layer.n_exponents), layer.codes
            width = layer.out_channels
            if number == stage.n_kept:
                channels["kept"] = width


def check_storable(model: CompactModel) -> None:
    """Check that every number fits its field.

    Raises
    ------
    InputError
        names the layer's sizes and the limits.
    """
    _check_sizes((model.n_features, *model.window_shape, model.n_context), InputError)
    layers = [layer for stage in model.stages for layer in stage.layers]
    check_size(sum(layer.codes.size for layer in layers), InputError)
    for layer in layers:
        grid = LayerGrid(layer.out_channels, layer.taps, 1, layer.n_exponents)
        _check_limits(grid, layer.step, layer.out_length, InputError)
