"""A compact model as C for those who keep every weight: arrays of int8 and one call per layer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ictus.compression import CompactLayer, CompactModel, code_values

__all__ = ["WAYS", "Step", "n_macs", "network_source", "steps_of"]

WAYS = ("dense_convolve", "dense_multiply", "dense_connect")
"""The ways of `peers/dense.h` to run a layer."""

_STAGES = ("screen", "specialist")


@dataclass(frozen=True)
class Step:
    """One layer at work.

    Attributes
    ----------
    layer : of the compact model
    channels : of a row of its input
    out_length : positions, known as the window's length is
    source, target : C expressions of the maps that it reads and writes
    n_before : values in `source` behind which the context is copied first, 0 if it takes none
    """

    layer: CompactLayer
    channels: int
    out_length: int
    source: str
    target: str
    n_before: int

    @property
    def weights(self) -> np.ndarray:
        """int8 (out_channels, taps)."""
        return code_values(self.layer.codes, self.layer.n_exponents).astype(np.int8)

    @property
    def n_inputs(self) -> int:
        return (self.out_length - 1) * self.layer.step + self.layer.taps

    @property
    def n_outputs(self) -> int:
        """Before pooling."""
        return self.out_length * self.layer.out_channels


def n_macs(steps: Sequence[Step]) -> tuple[int, int]:
    """Products of an inference: all, and those whose weight was not pruned."""
    dense = sum(step.out_length * step.layer.codes.size for step in steps)
    return dense, sum(step.out_length * step.layer.n_weights for step in steps)


def steps_of(model: CompactModel, n_rows: int) -> list[Step]:
    """Layers of screen and specialist in the order in which they run, on a window of `n_rows`."""
    steps: list[Step] = []
    kept = ("window", n_rows, model.window_shape[1])
    logits = "logits"
    for name in _STAGES:
        stage = model.stage(name)
        at = {"context": ("context", 1, model.n_context), "kept": kept}
        at |= dict.fromkeys(("window", "stream"), ("window", n_rows, model.window_shape[1]))
        source, length, channels = at[stage.source]
        for number, layer in enumerate(stage.layers, start=1):
            whole = layer.taps == length * channels + model.n_context * layer.takes_context
            out_length = layer.out_length or (length * channels - layer.taps) // layer.step + 1
            target = "kept" if number == stage.n_kept else ("even", "odd")[number % 2]
            target = logits if number == len(stage.layers) else target
            width = layer.taps if whole or out_length == 1 else channels
            steps.append(Step(layer, width, out_length, source, target, layer.takes_context * length * channels))
            length, channels = (1, 2 * layer.out_channels) if layer.pools else (out_length, layer.out_channels)
            source = "pooled" if layer.pools else target
            kept = (target, length, channels) if number == stage.n_kept else kept
        logits += f" + {stage.layers[-1].out_channels}"
    return steps


def network_source(model: CompactModel, n_rows: int, ways: Sequence[str], is_cmsis: bool) -> str:
    """`network.c`: constants, maps, and `peers_infer`, which runs layer i by ``ways[i]``."""
    steps = steps_of(model, n_rows)
    tables = "\n".join(_constants(i, step, is_cmsis) for i, step in enumerate(steps))
    layers = "\n".join(_layer(i, step) for i, step in enumerate(steps))
    maps = "\n".join(
        f"static int8_t {name}[{size}] __attribute__((aligned(4)));"
        for name, size in _map_sizes(steps, model.n_context)
    )
    calls = "\n".join(line for i, step in enumerate(steps) for line in _calls(i, step, ways[i], model.n_context))
    return f"""\
#include "dense.h"

{tables}
const dense_layer peers_layers[] = {{
{layers}
}};

{maps}

static void append(int8_t *map, const int8_t *context)
{{
    for (int32_t i = 0; i < {model.n_context}; ++i)
        map[i] = context[i];
}}

uint32_t peers_init(uint8_t *arena, uint32_t n_bytes)
{{
    (void)arena;
    (void)n_bytes;
    return 0;
}}

void peers_infer(const int8_t *window, const int8_t *context, int8_t *logits)
{{
    (void)append;
{calls}
}}
"""


def _constants(number: int, step: Step, is_cmsis: bool) -> str:
    layer = step.layer
    shift = layer.shift.astype(np.int64)
    bias = layer.bias.astype(np.int64) << shift
    arrays = (
        ("int8_t", "weights", step.weights.ravel()),
        ("int32_t", "biases", bias),
        ("dense_shift", "shifts", 1 - shift if is_cmsis else shift),
    )
    return "\n".join(
        f"static const {kind} {name}_{number}[] = {{{', '.join(map(str, values))}}};"
        for kind, name, values in arrays
    )


def _layer(number: int, step: Step) -> str:
    layer = step.layer
    arrays = ", ".join(f"{name}_{number}" for name in ("weights", "biases", "shifts"))
    numbers = step.channels, layer.taps, layer.step, step.out_length, layer.out_channels, 0 if layer.relu else -128
    return f"    {{{arrays}, {', '.join(map(str, numbers))}}},"


def _map_sizes(steps: Sequence[Step], n_context: int) -> Iterable[tuple[str, int]]:
    """Names of the maps between layers and the bytes of each."""
    sizes: dict[str, int] = {}
    for step in steps:
        if step.target.isidentifier() and step.target != "logits":
            sizes[step.target] = max(sizes.get(step.target, 0), step.n_outputs)
        if step.layer.pools:
            sizes["pooled"] = 2 * step.layer.out_channels
    for step in steps:
        if step.n_before:
            sizes[step.source] = max(sizes[step.source], step.n_before + n_context)
    return sizes.items()


def _calls(number: int, step: Step, way: str, n_context: int) -> Iterable[str]:
    if step.n_before and n_context:
        yield f"    append({step.source} + {step.n_before}, context);"
    yield f"    {way}(&peers_layers[{number}], {step.source}, {step.target});"
    if step.layer.pools:
        yield f"    dense_pool({step.target}, {step.out_length}, {step.layer.out_channels}, pooled);"
