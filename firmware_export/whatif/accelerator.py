"""What the same operations would cost in hardware of their own: a log-domain accelerator beside a dense int8 one.

This is no energy of a microcontroller. Operations are counted from the model and real inputs, and priced with the
arithmetic and SRAM energies at 45 nm that Horowitz (2014) gives, the way EIE (Han et al. 2016) and SmartDeal (Li
et al. 2020) count: arithmetic, index handling, and every access to a memory by its size. Control, clock tree,
leakage and the way to the outside are left out of both; everything lies on the chip.

Both machines compute `PARALLEL` output positions at a time from one fetch of a weight, keep the sums in registers,
read an activation for every operation and write an output once. The dense machine reads eight neighbouring
activations in one word of 64 bits. For the sparse one a word holds those of the positions that it computes
together (typical, memory ordered by channels), eight that are used (low), or one (high, as in the firmware).
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...compression.compact import CompactLayer, CompactModel
from ..energy.devices import Figure, read_rows
from ..energy.ranges import Range

__all__ = [
    "MACHINES",
    "PARALLEL",
    "LayerTrace",
    "Machine45nm",
    "Operation",
    "Sram",
    "energy_tables",
    "layer_traces",
    "machine_energy",
    "total_energy",
]

PARALLEL = 4
"""Output positions that share a fetch of a weight, as in the C kernel."""

_TABLE = Path(__file__).with_name("accelerator.toml")
_WORD_BYTES = 8
_PJ_PER_NJ = 1e3


@dataclass(frozen=True)
class Operation:
    """An arithmetic operation and its energy."""

    key: str
    name: str
    source: str
    pj: Figure


@dataclass(frozen=True)
class Sram:
    """A read of 64 bits from a memory of `kb`; a write is priced alike."""

    key: str
    name: str
    source: str
    kb: float
    pj: Figure


@dataclass(frozen=True)
class Machine45nm:
    """How an accelerator computes.

    Attributes
    ----------
    key, title : its name
    is_sparse : whether it stores and visits only the weights that survived, with an index of 5 bits each
    is_log : whether it shifts instead of multiplying; weights then take 3 bits, else 8
    skips_zeros : whether an activation of 0 costs only its reading
    """

    key: str
    title: str
    is_sparse: bool
    is_log: bool
    skips_zeros: bool


MACHINES = (
    Machine45nm("dense-int8", "dense, int8 multiply-accumulate", is_sparse=False, is_log=False, skips_zeros=False),
    Machine45nm("dense-log", "dense, shift-add", is_sparse=False, is_log=True, skips_zeros=False),
    Machine45nm(
        "sparse-int8", "sparse, int8 multiply-accumulate", is_sparse=True, is_log=False, skips_zeros=False
    ),
    Machine45nm("sparse-log", "sparse, shift-add", is_sparse=True, is_log=True, skips_zeros=False),
    Machine45nm("sparse-log-skip", "sparse, shift-add, zero activations skipped", True, True, True),
)
"""From the usual one to the one that this model is made for; each step is one idea."""


@dataclass(frozen=True)
class LayerTrace:
    """Operations of one run of a layer.

    Attributes
    ----------
    stage, number : where it is
    positions : output positions
    channels, taps : shape of its weights
    n_weights : weights that survived
    nonzero_share : share of their operations that meet an activation other than 0, mean over real units
    """

    stage: str
    number: int
    positions: int
    channels: int
    taps: int
    n_weights: int
    nonzero_share: float

    @property
    def dense(self) -> int:
        """Multiply-accumulates without pruning."""
        return self.positions * self.channels * self.taps

    @property
    def surviving(self) -> int:
        """Operations of the weights that survived."""
        return self.positions * self.n_weights

    @property
    def passes(self) -> int:
        """Times that its weights are fetched."""
        return -(-self.positions // PARALLEL)

    @property
    def outputs(self) -> int:
        return self.positions * self.channels


@cache
def energy_tables() -> tuple[dict[str, Operation], tuple[Sram, ...]]:
    """Operations by key, and memories by rising size."""
    data = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    memories = read_rows(Sram, data, "sram").values()
    return read_rows(Operation, data, "operation"), tuple(sorted(memories, key=lambda row: row.kb))


def layer_traces(
    model: CompactModel, features: np.ndarray, window: np.ndarray, context: np.ndarray
) -> list[LayerTrace]:
    """Operations of every layer of every stage, for units that reach it.

    Parameters
    ----------
    model : not one with a stream, whose number of positions is that of its strip
    features, window, context : int8, as `CompactModel.run`; all units go through all stages

    Raises
    ------
    ValueError
        the model has a stream.
    """
    flat = window.reshape(len(window), -1)
    sources = {"features": features, "window": flat, "context": context}
    traces = []
    for stage in model.stages:
        if stage.source == "stream":
            raise ValueError("a stream has no fixed number of positions")
        x = sources[stage.source]
        for number, layer in enumerate(stage.layers, start=1):
            x = np.concatenate([x, context[: len(x)]], axis=1) if layer.takes_context else x
            traces.append(_trace(stage.name, number, layer, x))
            x = layer.run(x)
            if number == stage.n_kept:
                sources["kept"] = x
    return traces


def _trace(stage: str, number: int, layer: CompactLayer, x: np.ndarray) -> LayerTrace:
    patches = np.lib.stride_tricks.sliding_window_view(x, layer.taps, axis=1)[:, :: layer.step]
    used = (patches[:, : layer.out_length] != 0).mean(axis=(0, 1))
    n_per_tap = np.count_nonzero(layer.codes, axis=0)
    share = float(used @ n_per_tap / max(n_per_tap.sum(), 1))
    return LayerTrace(stage, number, layer.out_length, layer.out_channels, layer.taps, layer.n_weights, share)


def machine_energy(machine: Machine45nm, traces: list[LayerTrace], stage: str) -> dict[str, Range]:
    """Energy of one run of a stage in nJ, by component: arithmetic, index, weights, activations, outputs.

    Parameters
    ----------
    traces : of all stages, as the weights of all share a memory
    stage : which one runs
    """
    weights, activations = _weight_kb(machine, traces), max(t.outputs + t.taps for t in traces) / 1024
    parts = {name: Range.exact(0) for name in ("arithmetic", "index", "weights", "activations", "outputs")}
    for trace in traces:
        if trace.stage == stage:
            for name, value in _layer(machine, trace, _read_pj(weights), _read_pj(activations)):
                parts[name] += value * (1 / _PJ_PER_NJ)
    return parts


def total_energy(parts: dict[str, Range]) -> Range:
    """All components together."""
    return sum(parts.values(), Range.exact(0))


def _layer(
    machine: Machine45nm, trace: LayerTrace, weight: Range, activation: Range
) -> Iterator[tuple[str, Range]]:
    operations, _ = energy_tables()
    energy = {name: row.pj.value for name, row in operations.items()}
    n = trace.surviving if machine.is_sparse else trace.dense
    n_done = n * (trace.nonzero_share if machine.skips_zeros else 1.0)
    n_fetched = (trace.n_weights if machine.is_sparse else trace.channels * trace.taps) * trace.passes
    yield "arithmetic", (energy["shift" if machine.is_log else "multiply_int8"] + energy["add_int32"]) * n_done
    yield "arithmetic", (energy["shift"] + energy["add_int32"]) * trace.outputs
    if machine.is_sparse:
        yield "index", energy["add_int8"] * n_fetched
    yield "weights", weight * (n_fetched * _bits(machine) / 8 / _WORD_BYTES)
    scattered = Range(1 / _WORD_BYTES, 1 / min(PARALLEL, trace.positions), 1)
    yield "activations", activation * (scattered if machine.is_sparse else Range.exact(1 / _WORD_BYTES)) * n
    yield "outputs", activation * (trace.outputs / _WORD_BYTES)


def _bits(machine: Machine45nm) -> int:
    """Of a stored weight, its index included."""
    return (3 if machine.is_log else 8) + (5 if machine.is_sparse else 0)


def _weight_kb(machine: Machine45nm, traces: list[LayerTrace]) -> float:
    n = sum(t.n_weights if machine.is_sparse else t.channels * t.taps for t in traces)
    return n * _bits(machine) / 8 / 1024


def _read_pj(kb: float) -> Range:
    """A word of 64 bits from a memory of this size, between two of the table by the logarithms."""
    _, memories = energy_tables()
    sizes = [row.kb for row in memories]
    bounds = [[getattr(row.pj.value, name) for row in memories] for name in ("low", "typical", "high")]
    low, typical, high = (float(np.exp(np.interp(np.log(kb), np.log(sizes), np.log(row)))) for row in bounds)
    return Range(low, typical, high)
