"""Int8 `.tflite` files for a gateway (phone, hub) that decide exactly as the device does.

Two files, each one subgraph with one signature of its name:

    gate.tflite   features [1, n]                       -> gate [1, 1]
    beat.tflite   window [1, T, 1, C], context [1, n]   -> screen [1, 1], specialist [1, 5]

A model that takes a stream of any length is written for one length: that of the device's strips (32 s of rhythm)
or windows (4 s of one EEG channel), unless another is asked for.

All tensors are int8 with zero point 0; activations have the scale 1/32, logits 1/8.

How TensorFlow Lite's rounding is made to agree with ours. With ``a = acc + (bias << shift)`` a layer
wants ``floor(a / 2^shift + 1/2)``: halves go up. TensorFlow Lite rounds twice and sends halves away from
zero (XNNPACK: to even). So the weights are stored three times as large (at most 3 * 2^3 = 24, still
int8), the multiplier is ``2^-shift / 3`` and the bias becomes ``3 * (bias << shift) + 1``. The
interpreter then rounds ``(a + 1/3) / 2^shift``, which never is a half when ``shift > 0`` and lies on that
side of every half on which rounding halves up would put ``a / 2^shift``. The first of the two roundings
yields ``2 a + 1`` exactly. With ``shift = 0`` nothing is rounded and the ``+ 1`` is left out.

The mean over n positions of a stream's map is a depthwise convolution with weights 3 and the multiplier
``1 / 3n``. Of an even number of positions halves occur, and a bias of 1 makes them round up, as above; of an odd
number none does, and without a bias a mean is nearest to a half by ``1 / 2n``, which both roundings respect.

The multiplier is a float32, so ``a + 1/3`` is known to ``|a| 2^-24``; that is enough up to
``|a| = 2^21``, and larger ones saturate for every shift but 15.

The arithmetic of TensorFlow Lite: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, CVPR 2018, and ``fixedpoint.h`` of gemmlowp.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...compression.compact import (
    ACTIVATION_FRACTION_BITS,
    LOGIT_FRACTION_BITS,
    MAX_SHIFT,
    CompactLayer,
    CompactModel,
    CompactStage,
)
from ...signals.errors import InputError
from ...signals.whole_files import atomic_folder
from ..library.c_text import c_rows
from .graph import TfliteGraph

__all__ = ["tflite_files", "write_tflite"]

_STREAM_ROWS = {"rhythm": 2048, "seizure": 256}
"""Rows of the stream that the device gives a task's specialist."""

_WEIGHT_FACTOR = 3
_MAX_EXACT = 2**21
_MAX_INT8 = 127
_FULLY_CONNECTED_PER_CHANNEL = 12  # operator versions that brought int8, or int8 with a scale per channel
_CONV_2D_INT8 = 3
_CONCATENATION_INT8 = 2
_DEPTHWISE_CONV_2D_INT8 = 3
_MAX_POOL_2D_INT8 = 2
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


def write_tflite(model: CompactModel, folder: str | Path, *, with_arrays: bool = False) -> tuple[Path, ...]:
    """Write `tflite_files` into a folder, which is made if need be.

    Parameters
    ----------
    with_arrays : write each as a C array too, for TensorFlow Lite for Microcontrollers

    Returns
    -------
    paths of the files, which appear only when whole

    Raises
    ------
    InputError
        the extra ``ictus[tflite]`` is missing, the folder cannot be written, or a layer has no equivalent.
    """
    files = tflite_files(model)
    if with_arrays:
        files |= {f"{Path(name).stem}_tflite.h": _as_header(Path(name).stem, data) for name, data in files.items()}
    try:
        with atomic_folder(folder) as part:
            for name, data in files.items():
                (part / name).write_bytes(data)
    except OSError as error:
        raise InputError(f"{folder}: cannot write ({error.strerror})") from error
    return tuple(Path(folder) / name for name in files)


def _as_header(name: str, data: bytes) -> bytes:
    """A file as TensorFlow Lite for Microcontrollers takes it: a constant array, aligned."""
    guard = f"ICTUS_{name.upper()}_TFLITE_H"
    return f"""\
/* {name}.tflite for TensorFlow Lite for Microcontrollers, SHA-256 {hashlib.sha256(data).hexdigest()} */
#ifndef {guard}
#define {guard}

#ifdef __cplusplus
alignas(16)
#else
_Alignas(16)
#endif
static const unsigned char ictus_{name}_tflite[{len(data)}] = {{
{c_rows(f"0x{byte:02x}" for byte in data)}
}};

#endif
""".encode()


def tflite_files(model: CompactModel, n_rows: int | None = None) -> dict[str, bytes]:
    """File name -> contents; the same model always gives the same bytes.

    Parameters
    ----------
    n_rows : length for a model that takes a stream of any; None takes that of the device

    Raises
    ------
    InputError
        the extra ``ictus[tflite]`` is missing, or a layer has no equivalent.
    """
    length = model.window_shape[0] or n_rows or _STREAM_ROWS[model.task]
    return {"gate.tflite": _gate(model), f"{model.task}.tflite": _cascade(model, length)}


def _gate(model: CompactModel) -> bytes:
    graph = TfliteGraph("gate")
    features = _input(graph, "features", 0, model.n_features)
    stage = model.stage("gate")
    logit, _ = _add_stage(graph, stage, features, None)
    threshold = stage.threshold * _LOGIT_SCALE
    note = f"ictus {model.task} gate: analysable when gate >= {threshold:g} (int8 {stage.threshold})"
    return graph.to_bytes({"features": features.index}, {"gate": logit.index}, note)


def _cascade(model: CompactModel, length: int) -> bytes:
    graph = TfliteGraph(model.task)
    window = _input(graph, "window", length, model.window_shape[1])
    context = _input(graph, "context", 0, model.n_context)
    screen, specialist = model.stage("screen"), model.stage("specialist")
    screened = context if screen.source == "context" else window
    screen_logit, kept = _add_stage(graph, screen, screened, context)
    class_logits, _ = _add_stage(graph, specialist, kept if specialist.source == "kept" else window, context)
    threshold = screen.threshold * _LOGIT_SCALE
    note = f"ictus {model.task}: abnormal when screen >= {threshold:g} (int8 {screen.threshold}), {_then(model)}"
    inputs = {"window": window.index, "context": context.index}
    return graph.to_bytes(inputs, {"screen": screen_logit.index, "specialist": class_logits.index}, note)


def _then(model: CompactModel) -> str:
    """What the specialist's outputs mean, in words."""
    if model.task == "seizure":
        return "then specialist >= 0 speaks for a seizure; both logits are of one channel, pooling is the caller's"
    return "then the largest of specialist names the class; else the first class"


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
        x = _add_pooling(graph, name, x) if layer.pools else x
        kept = x if number == stage.n_kept else kept
    return x, kept


def _check_exact(name: str, layer: CompactLayer) -> None:
    bound = layer.accumulator_bound()
    if bound > _MAX_EXACT and layer.shift.max() == MAX_SHIFT:
        limit = f".tflite is exact up to {_MAX_EXACT}"
        raise InputError(f"{name}: sums up to {bound} with shift {MAX_SHIFT}, {limit}")
    largest = int(np.abs(layer.weights).max())
    if _WEIGHT_FACTOR * largest > _MAX_INT8:
        limit = f"three times as large ones must be int8: at most {_MAX_INT8 // _WEIGHT_FACTOR}"
        raise InputError(f"{name}: weights of up to {largest}, in .tflite {limit}")


def _add_convolution(graph: TfliteGraph, name: str, layer: CompactLayer, x: _Map, scale: float) -> _Map:
    kernel, stride = layer.taps // x.channels, layer.step // x.channels
    whole = kernel * x.channels == layer.taps and stride * x.channels == layer.step and stride > 0
    length = (x.length - kernel) // stride + 1 if whole else 0
    if length < max(layer.out_length, 1):
        taps = f"{layer.taps} taps, step {layer.step}, {layer.out_length} outputs"
        raise InputError(f"{name}: {taps} on {x.length} x {x.channels} is no convolution")
    weights = layer.weights.reshape(layer.out_channels, kernel, 1, x.channels)
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
    return _Map(output, length, layer.out_channels, (layer.out_length or length) * layer.out_channels)


def _add_pooling(graph: TfliteGraph, name: str, x: _Map) -> _Map:
    """Mean, then maximum, over all positions of each channel."""
    parts = _add_mean(graph, f"{name}/mean", x), _add_maximum(graph, f"{name}/max", x)
    mean, largest = (_flattened(graph, f"{name}/{i}", part) for i, part in enumerate(parts))
    return _concatenated(graph, f"{name}/pooled", mean, largest)


def _add_mean(graph: TfliteGraph, name: str, x: _Map) -> _Map:
    """See the module's text."""
    scale = np.array([1 / (_WEIGHT_FACTOR * x.length)], np.float32)
    weights = np.full((1, x.length, 1, x.channels), _WEIGHT_FACTOR, np.int8)
    bias = np.full(x.channels, int(x.length % 2 == 0), np.int32)
    constants = (
        graph.constant(f"{name}/weight", weights, scale),
        graph.constant(f"{name}/bias", bias, scale * np.float32(_ACTIVATION_SCALE)),
    )
    output = graph.activation(name, (1, 1, 1, x.channels), _ACTIVATION_SCALE)
    graph.operator(
        "DEPTHWISE_CONV_2D",
        _DEPTHWISE_CONV_2D_INT8,
        (x.index, *constants),
        output,
        padding=graph.schema.Padding.VALID,
        strideH=1,
        strideW=1,
        depthMultiplier=1,
    )
    return _Map(output, 1, x.channels, x.channels)


def _add_maximum(graph: TfliteGraph, name: str, x: _Map) -> _Map:
    output = graph.activation(name, (1, 1, 1, x.channels), _ACTIVATION_SCALE)
    graph.operator(
        "MAX_POOL_2D",
        _MAX_POOL_2D_INT8,
        (x.index,),
        output,
        padding=graph.schema.Padding.VALID,
        strideH=1,
        strideW=1,
        filterHeight=x.length,
        filterWidth=1,
    )
    return _Map(output, 1, x.channels, x.channels)


def _add_dense(
    graph: TfliteGraph, name: str, layer: CompactLayer, x: _Map, context: _Map | None, scale: float
) -> _Map:
    weights = layer.weights
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
    output = graph.activation(f"{name}/concatenated", (1, size), _ACTIVATION_SCALE)
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
