"""The compact model: integers only, and the reference that everything else must equal bit for bit.

A layer computes, for output position ``t`` and channel ``c``::

    acc       = sum_i input[t * step + i] * weight[c, i]        int32, weight = 0 or +-2^0..2^(n_exponents-1)
    out[t, c] = sat8(bias[c] + ((acc + 2^(shift[c]-1)) >> shift[c]))

with an arithmetic shift, and 0 instead of -128 as the lower limit of a layer with ReLU. A dense layer is a
convolution over its whole input. Activations lie as ``[T][C]``, so the ``kernel * channels`` inputs of a
convolution are neighbours in memory and one index per weight is enough.

A stream has any number of positions. Its convolutions give as many as fit into it, and the last of them pools::

    pooled = [mean_0 .. mean_(C-1), max_0 .. max_(C-1)]      mean = floor((2 * sum + n) / (2 * n)) of n positions
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ..signals import InputError, UnanalysableError

__all__ = [
    "ACTIVATION_FRACTION_BITS",
    "EXPONENT_COUNTS",
    "LOGIT_FRACTION_BITS",
    "MAX_SHIFT",
    "N_EXPONENTS",
    "CompactLayer",
    "CompactModel",
    "CompactStage",
    "StageOutput",
    "code_values",
    "pool_positions",
]

ACTIVATION_FRACTION_BITS = 5
"""Activations are Q2.5: 1.0 is stored as 32."""

LOGIT_FRACTION_BITS = 3
"""Logits are Q4.3: 1.0 is stored as 8."""

N_EXPONENTS = 4
"""Weights are 2^0 to 2^3 on the scale of their channel: after pruning, smaller ones hardly occur."""

EXPONENT_COUNTS = 1, 2, 4, 8, 16
"""Powers of two that a layer may choose from. A code takes 2, 3, 4, 5 or 6 bits with the sign and the code for
"pruned"; where the index says what is pruned, a weight takes 1, 2, 3, 4 or 5. The device runs up to 8."""

MAX_SHIFT = 15
_BATCH = 4096


def code_values(codes: np.ndarray, n_exponents: int = N_EXPONENTS) -> np.ndarray:
    """Integer weights of codes.

    Code 0 is a pruned weight, ``1..n`` are ``+2^0..+2^(n-1)``, ``n+1..2n`` are ``-2^0..-2^(n-1)``.

    Parameters
    ----------
    codes : uint8, any shape, 0 to ``2 * n_exponents``
    n_exponents : one of `EXPONENT_COUNTS`

    Returns
    -------
    int32, same shape
    """
    positive = np.int32(1) << np.arange(n_exponents, dtype=np.int32)
    return np.concatenate([[0], positive, -positive]).astype(np.int32)[codes]


def pool_positions(maps: np.ndarray) -> np.ndarray:
    """Mean and maximum over the positions of int8 maps (n, T, C), T at least 1 and no value negative.

    Returns
    -------
    int8 (n, 2 * C): the means, rounded half up, then the maxima
    """
    n = maps.shape[1]
    mean = (2 * maps.sum(axis=1, dtype=np.int64) + n) // (2 * n)
    return np.concatenate([mean.astype(np.int8), maps.max(axis=1)], axis=1)


@dataclass(frozen=True)
class CompactLayer:
    """One layer, see the module's formulas.

    Attributes
    ----------
    codes : uint8 (out_channels, taps), taps counts the context if it is appended
    bias : int8 (out_channels,), in units of the output
    shift : uint8 (out_channels,), 0..15
    step : distance between the inputs of two output positions, ``stride * in_channels``
    out_length : number of output positions, 1 for a dense layer, 0 for as many as the input gives (streams only)
    relu : whether negative outputs become 0
    takes_context : whether the context vector is appended to the input (dense layers only)
    pools : whether mean and maximum over all positions take the map's place (the last convolution of a stream)
    n_exponents : powers of two that the codes choose from, one of `EXPONENT_COUNTS`
    """

    codes: np.ndarray
    bias: np.ndarray
    shift: np.ndarray
    step: int
    out_length: int
    relu: bool
    takes_context: bool = False
    pools: bool = False
    n_exponents: int = N_EXPONENTS

    @property
    def weights(self) -> np.ndarray:
        """Integer weights int32 (out_channels, taps)."""
        return code_values(self.codes, self.n_exponents)

    @property
    def out_channels(self) -> int:
        return self.codes.shape[0]

    @property
    def taps(self) -> int:
        return self.codes.shape[1]

    @property
    def out_size(self) -> int:
        """Number of output values, 0 if there may be any number of them."""
        return 2 * self.out_channels if self.pools else self.out_length * self.out_channels

    @property
    def in_size(self) -> int:
        """Number of input values the layer reads at least, the context included."""
        return (max(self.out_length, 1) - 1) * self.step + self.taps

    @property
    def n_weights(self) -> int:
        """Weights that survived pruning."""
        return int(np.count_nonzero(self.codes))

    def raised(self, by: np.ndarray) -> Self:
        """The layer with other biases.

        Parameters
        ----------
        by : added to the outputs of each channel before they saturate, in their own units, (out_channels,)
        """
        return replace(self, bias=np.clip(self.bias + np.rint(by), -128, 127).astype(np.int8))

    def accumulator_bound(self) -> int:
        """Largest magnitude an accumulator can reach, rounding term included."""
        weights = np.abs(self.weights).sum(axis=1, dtype=np.int64)
        return int((128 * weights + (1 << self.shift.astype(np.int64) >> 1)).max())

    def run(self, x: np.ndarray) -> np.ndarray:
        """Outputs int8 (n, out_size) of inputs int8 (n, in_size).

        The products are summed by a floating-point matrix product, which is exact because
        `accumulator_bound` stays below the mantissa of the type chosen here.
        """
        exact = np.float32 if self.accumulator_bound() < 2**24 else np.float64
        weights = self.weights.astype(exact).T
        patches = np.lib.stride_tricks.sliding_window_view(x, self.taps, axis=1)[:, :: self.step]
        acc = (patches[:, : self.out_length or None].astype(exact) @ weights).astype(np.int32)
        maps = self.requantised(acc)
        return pool_positions(maps) if self.pools else maps.reshape(len(x), math.prod(maps.shape[1:]))

    def requantised(self, acc: np.ndarray) -> np.ndarray:
        """Outputs int8 of accumulators int32, (n, T, C) both."""
        shift = self.shift.astype(np.int32)
        out = ((acc + (np.int32(1) << shift >> 1)) >> shift) + self.bias
        return np.clip(out, 0 if self.relu else -128, 127).astype(np.int8)


@dataclass(frozen=True)
class StageOutput:
    """What a stage gives.

    Attributes
    ----------
    logits : int8 (n, n_outputs), Q4.3
    kept : int8 (n, kept_size), the map handed to the next stage; (n, 0) if none is kept
    """

    logits: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class CompactStage:
    """A chain of layers with an exit.

    Attributes
    ----------
    name : gate, screen or specialist
    source : features, window, kept (the map that the previous stage kept), context or stream
    layers : run in order
    n_kept : the map after this many layers is kept for the next stage, 0 for none
    threshold : int8; a unit goes on to the next stage if the stage's first logit is >= threshold
    """

    name: str
    source: str
    layers: tuple[CompactLayer, ...]
    n_kept: int = 0
    threshold: int = -128

    def run(self, x: np.ndarray, context: np.ndarray) -> StageOutput:
        """Run the chain on int8 (n, in_size) with context int8 (n, n_context)."""
        kept = np.empty((len(x), 0), np.int8)
        for number, layer in enumerate(self.layers, start=1):
            x = layer.run(np.concatenate([x, context], axis=1) if layer.takes_context else x)
            kept = x if number == self.n_kept else kept
        return StageOutput(x, kept)

    def shortest(self) -> int:
        """Fewest input values of a stream from which every convolution gets at least one position."""
        values = 0
        for layer in reversed([layer for layer in self.layers if layer.out_length == 0]):
            positions = max(values // layer.out_channels, 1)
            values = (positions - 1) * layer.step + layer.taps
        return values

    def passes(self, logits: np.ndarray) -> np.ndarray:
        """Which units go on to the next stage: bool (n,)."""
        return logits[:, 0] >= self.threshold


@dataclass(frozen=True)
class CompactModel:
    """Gate, screen and specialist of one task.

    Attributes
    ----------
    task : task name, its number goes into the file
    n_features : inputs of the gate
    window_shape : (T, C) of the window; T is 0 for a stream of any length
    n_context : length of the context vector
    stages : gate, screen, specialist, in the order in which they run
    """

    task: str
    n_features: int
    window_shape: tuple[int, int]
    n_context: int
    stages: tuple[CompactStage, ...]

    @property
    def thresholds(self) -> dict[str, float]:
        """Logit, Q4.3, from which a unit passes a stage; see `models.staged.StagedModel`."""
        return {stage.name: stage.threshold for stage in self.stages[:-1]}

    @property
    def has_stream(self) -> bool:
        """Whether a stage reads a signal of any length."""
        return any(stage.source == "stream" for stage in self.stages)

    def judge(self, features: np.ndarray) -> np.ndarray:
        """Gate logits int8 (n,) of int8 (n, n_features)."""
        return self.stage("gate").run(features, features[:, :0]).logits[:, 0]

    def classify(self, window: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Screen logits int8 (n,) and class logits int8 (n, n_labels) of int8 windows and contexts.

        A model that takes any length takes strips of one length in place of the windows.
        """
        flat = window.reshape(len(window), math.prod(window.shape[1:]))
        rows = [slice(start, start + _BATCH) for start in range(0, max(len(flat), 1), _BATCH)]
        screens, classes = zip(*(self._classify(flat[r], context[r]) for r in rows), strict=True)
        return np.concatenate(screens), np.concatenate(classes)

    def _classify(self, flat: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        screen, specialist = self.stage("screen"), self.stage("specialist")
        screened = screen.run(context if screen.source == "context" else flat, context)
        classes = specialist.run(screened.kept if specialist.source == "kept" else flat, context)
        return screened.logits[:, 0], classes.logits

    def screen_strips(self, context: np.ndarray) -> np.ndarray:
        """Screen logits int8 (n,) of the features int8 (n, n_context) of strips."""
        return self.stage("screen").run(context, context).logits[:, 0]

    def run_strip(self, wave: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Class logits of one strip, whether or not its screen would let it pass.

        Parameters
        ----------
        wave : int8 (T,) or (T, C), any T that reaches every layer
        features : int8 (n_context,)

        Returns
        -------
        int8 (n_labels,), Q4.3

        Raises
        ------
        UnanalysableError
            the strip is too short for the network.
        """
        specialist = self.stage("specialist")
        if wave.size < specialist.shortest():
            raise UnanalysableError(f"wave of {wave.size} values, the network needs {specialist.shortest()}")
        return specialist.run(wave.reshape(1, -1), features[None]).logits[0]

    def require_device_layers(self) -> None:
        """Raise `InputError` if a layer is of a kind that only the integer reference runs."""
        kinds = {type(layer).__name__ for stage in self.stages for layer in stage.layers} - {CompactLayer.__name__}
        if kinds:
            raise InputError(f"{', '.join(sorted(kinds))}: only Python runs such a layer; it has no file")

    def stage(self, name: str) -> CompactStage:
        """The stage of that name; KeyError if there is none."""
        return {stage.name: stage for stage in self.stages}[name]

    def run(self, features: np.ndarray, window: np.ndarray, context: np.ndarray) -> dict[str, np.ndarray]:
        """Every exit for every unit, whether or not the cascade would reach it.

        Parameters
        ----------
        features : int8 (n, n_features)
        window : int8 (n, T, C); strips of one length for a stream
        context : int8 (n, n_context)

        Returns
        -------
        dict of stage name -> logits int8 (n, n_outputs), Q4.3
        """
        flat = window.reshape(len(window), math.prod(window.shape[1:]))
        sources = {"features": features, "window": flat, "context": context, "stream": flat}
        logits: dict[str, np.ndarray] = {}
        for stage in self.stages:
            output = stage.run(sources[stage.source], context)
            logits[stage.name] = output.logits
            sources["kept"] = output.kept
        return logits
