"""Int8 `.tflite` files for a gateway (phone, hub) that decide exactly as the device does.

Two files, each one subgraph with one signature of its name:

    gate.tflite   features [1, n]                       -> gate [1, 1]
    beat.tflite   window [1, T, 1, C], context [1, n]   -> screen [1, 1], specialist [1, 5]

All tensors are int8 with zero point 0; activations have the scale 1/32, logits 1/8.

How TensorFlow Lite's rounding is made to agree with ours. With ``a = acc + (bias << shift)`` a layer
wants ``floor(a / 2^shift + 1/2)``: halves go up. TensorFlow Lite rounds twice and sends halves away from
zero (XNNPACK: to even). So the weights are stored three times as large (at most 3 * 2^3 = 24, still
int8), the multiplier is ``2^-shift / 3`` and the bias becomes ``3 * (bias << shift) + 1``. The
interpreter then rounds ``(a + 1/3) / 2^shift``, which never is a half when ``shift > 0`` and lies on that
side of every half on which rounding halves up would put ``a / 2^shift``. The first of the two roundings
yields ``2 a + 1`` exactly. With ``shift = 0`` nothing is rounded and the ``+ 1`` is left out.

The multiplier is a float32, so ``a + 1/3`` is known to ``|a| 2^-24``; that is enough up to
``|a| = 2^21``, and larger ones saturate for every shift but 15.

The arithmetic of TensorFlow Lite: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, CVPR 2018, and ``fixedpoint.h`` of gemmlowp.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..compression.compact import (
    ACTIVATION_FRACTION_BITS,
    LOGIT_FRACTION_BITS,
    MAX_SHIFT,
    CompactLayer,
    CompactModel,
    CompactStage,
    code_values,
)
from ..signals.errors import InputError
from .tflite_graph import TfliteGraph

__all__ = ["tflite_files", "write_tflite"]

_WEIGHT_FACTOR = 3
_MAX_EXACT = 2**21
_FULLY_CONNECTED_PER_CHANNEL = 12  # operator versions that brought int8, or int8 with a scale per channel
_CONV_2D_INT8 = 3
_CONCATENATION_INT8 = 2
_ACTIVATION_SCALE = 2.0**-ACTIVATION_FRACTION_BITS
_LOGIT_SCALE = 2.0**-LOGIT_FRACTION_BITS


@dataclass(frozen=True)
class _Map:
    """A tensor of the graph: ``[1, length, 1, channels]``, or ``[1, channels]`` if `length` is 0.

    A convolution here covers its whole input; `used` is how many of its values the compact layer gives.
    """

    index: int
    length: int
    channels: int
    used: int

    @property
    def size(self) -> int:
        return max(self.length, 1) * self.channels


def write_tflite(model: CompactModel, folder: str | Path) -> tuple[Path, ...]:
    """Write `tflite_files` into a folder, which is made if need be.

    Returns
    -------
    paths of the files, which appear only when whole

    Raises
    ------
    InputError
        the extra ``ictus[tflite]`` is missing, the folder cannot be written, or a layer has no equivalent.
    """
    files = tflite_files(model)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(_write_whole(folder / name, data) for name, data in files.items())
    except OSError as error:
        raise InputError(f"{folder}: cannot write ({error.strerror})") from error


def _write_whole(path: Path, data: bytes) -> Path:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def tflite_files(model: CompactModel) -> dict[str, bytes]:
    """File name -> contents; the same model always gives the same bytes.

    Raises
    ------
    InputError
        the extra ``ictus[tflite]`` is missing, or a layer has no equivalent.
    """
    if model.window_shape[0] == 0:
        raise InputError(
            f"task {model.task!r} takes strips of any length, .tflite needs a fixed one: use --format c"
        )
    return {"gate.tflite": _gate(model), f"{model.task}.tflite": _cascade(model)}


def _gate(model: CompactModel) -> bytes:
    graph = TfliteGraph("gate")
    features = _input(graph, "features", 0, model.n_features)
    stage = model.stage("gate")
    logit, _ = _add_stage(graph, stage, features, None)
    threshold = stage.threshold * _LOGIT_SCALE
    note = f"ictus {model.task} gate: analysable when gate >= {threshold:g} (int8 {stage.threshold})"
    return graph.to_bytes({"features": features.index}, {"gate": logit.index}, note)


def _cascade(model: CompactModel) -> bytes:
    graph = TfliteGraph(model.task)
    window = _input(graph, "window", *model.window_shape)
    context = _input(graph, "context", 0, model.n_context)
    screen, specialist = model.stage("screen"), model.stage("specialist")
    screen_logit, kept = _add_stage(graph, screen, window, context)
    class_logits, _ = _add_stage(graph, specialist, kept if specialist.source == "kept" else window, context)
    threshold = screen.threshold * _LOGIT_SCALE
    note = (
        f"ictus {model.task}: abnormal when screen >= {threshold:g} (int8 {screen.threshold}), "
        "then the largest of specialist names the class; else the first class"
    )
    inputs = {"window": window.index, "context": context.index}
    return graph.to_bytes(inputs, {"screen": screen_logit.index, "specialist": class_logits.index}, note)


def _input(graph: TfliteGraph, name: str, length: int, channels: int) -> _Map:
    shape = (1, length, 1, channels) if length else (1, channels)
    index = graph.activation(name, shape, _ACTIVATION_SCALE)
    return _Map(index, length, channels, max(length, 1) * channels)


def _add_stage(graph: TfliteGraph, stage: CompactStage, x: _Map, context: _Map | None) -> tuple[_Map, _Map]:
    """Append a stage; returns its logits and the map it keeps (its input if it keeps none)."""
    kept = x
    for number, layer in enumerate(stage.layers, start=1):
        name = f"{stage.name}/{number}"
        scale = _LOGIT_SCALE if number == len(stage.layers) else _ACTIVATION_SCALE
        _check_exact(name, layer)
        if layer.out_length == 1:
            x = _add_dense(graph, name, layer, x, context, scale)
        else:
            x = _add_convolution(graph, name, layer, x, scale)
        kept = x if number == stage.n_kept else kept
    return x, kept


def _check_exact(name: str, layer: CompactLayer) -> None:
    bound = layer.accumulator_bound()
    if bound > _MAX_EXACT and layer.shift.max() == MAX_SHIFT:
        limit = f".tflite is exact up to {_MAX_EXACT}"
        raise InputError(f"{name}: sums up to {bound} with shift {MAX_SHIFT}, {limit}")


def _add_convolution(graph: TfliteGraph, name: str, layer: CompactLayer, x: _Map, scale: float) -> _Map:
    kernel, stride = layer.taps // x.channels, layer.step // x.channels
    whole = kernel * x.channels == layer.taps and stride * x.channels == layer.step and stride > 0
    length = (x.length - kernel) // stride + 1 if whole else 0
    if length < layer.out_length:
        taps = f"{layer.taps} taps, step {layer.step}, {layer.out_length} outputs"
        raise InputError(f"{name}: {taps} on {x.length} x {x.channels} is no convolution")
    weights = code_values(layer.codes).reshape(layer.out_channels, kernel, 1, x.channels)
    constants = _add_constants(graph, name, layer, weights, scale)
    output = graph.activation(name, (1, length, 1, layer.out_channels), scale)
    graph.operator(
        "CONV_2D",
        _CONV_2D_INT8,
        (x.index, *constants),
        output,
        padding=graph.schema.Padding.VALID,
        strideH=stride,
        strideW=1,
        fusedActivationFunction=_activation(graph, layer),
    )
    return _Map(output, length, layer.out_channels, layer.out_size)


def _add_dense(
    graph: TfliteGraph, name: str, layer: CompactLayer, x: _Map, context: _Map | None, scale: float
) -> _Map:
    weights = code_values(layer.codes)
    weights = np.concatenate([_padded(weights[:, : x.used], x.size), weights[:, x.used :]], axis=1)
    x = _flattened(graph, name, x)
    if layer.takes_context and context is not None:
        x = _concatenated(graph, name, x, context)
    if weights.shape[1] > x.size:
        raise InputError(f"{name}: {layer.taps} taps are more than it is given")
    weights = _padded(weights, x.size)
    constants = _add_constants(graph, name, layer, weights, scale)
    output = graph.activation(name, (1, layer.out_channels), scale)
    activation = _activation(graph, layer)
    inputs = (x.index, *constants)
    graph.operator(
        "FULLY_CONNECTED", _FULLY_CONNECTED_PER_CHANNEL, inputs, output, fusedActivationFunction=activation
    )
    return _Map(output, 0, layer.out_channels, layer.out_channels)


def _padded(weights: np.ndarray, n: int) -> np.ndarray:
    """Zero weights behind the last one, so that there are `n` a channel."""
    return np.pad(weights, ((0, 0), (0, max(n - weights.shape[1], 0))))


def _flattened(graph: TfliteGraph, name: str, x: _Map) -> _Map:
    if x.length == 0:
        return x
    output = graph.activation(f"{name}/flat", (1, x.size), _ACTIVATION_SCALE)
    shape = graph.shape_constant(f"{name}/flat/shape", (1, x.size))
    graph.operator("RESHAPE", 1, (x.index, shape), output, newShape=[1, x.size])
    return _Map(output, 0, x.size, x.size)


def _concatenated(graph: TfliteGraph, name: str, x: _Map, context: _Map) -> _Map:
    size = x.size + context.size
    output = graph.activation(f"{name}/with_context", (1, size), _ACTIVATION_SCALE)
    graph.operator("CONCATENATION", _CONCATENATION_INT8, (x.index, context.index), output, axis=1)
    return _Map(output, 0, size, size)


def _add_constants(
    graph: TfliteGraph, name: str, layer: CompactLayer, weights: np.ndarray, scale: float
) -> tuple[int, int]:
    """Weights and biases, three times as large, see the module's text."""
    shift = layer.shift.astype(np.int64)
    bias = _WEIGHT_FACTOR * (layer.bias.astype(np.int64) << shift) + (shift > 0)
    weight_scale = scale / _ACTIVATION_SCALE / _WEIGHT_FACTOR * 0.5**shift
    stored = (_WEIGHT_FACTOR * weights).astype(np.int8)
    weight_index = graph.constant(f"{name}/weight", stored, weight_scale)
    return weight_index, graph.constant(f"{name}/bias", bias.astype(np.int32), weight_scale * _ACTIVATION_SCALE)


def _activation(graph: TfliteGraph, layer: CompactLayer) -> int:
    kinds = graph.schema.ActivationFunctionType
    return kinds.RELU if layer.relu else kinds.NONE
