"""What a layer takes on a Cortex-M4 in either form: instructions of one run, and bytes of flash.

Generated layers are counted while they are written (`armv7em`). A packed layer takes what the loops of
`ictus_layer.c` take: so many instructions for each of their passes, as zig compiles them with
`toolchain.DEVICE_FLAGS`. The numbers here were found by running layers of many shapes on the emulated core;
tests/test_codegen.py holds predictions against counts.
"""

from dataclasses import dataclass

import numpy as np

from ...compression.compact import CompactLayer
from ...compression.packing import device_exponents, pack_codes
from ..stream_plan import StreamedLayer

__all__ = [
    "CODE_BYTES",
    "PER_CODE_CALL",
    "PER_PACKED_CALL",
    "PER_STAGE",
    "PER_STAGE_CALL",
    "PER_WHOLE_STAGE",
    "STAGE_BYTES",
    "STAGE_CALL_BYTES",
    "Passes",
    "context_copy",
    "packed_bytes",
    "pool_passes",
    "stream_glue",
    "stream_start",
]

PER_STAGE = 60
"""Instructions of `ictus_model_run_stage` besides its layers."""

CODE_BYTES = 9 + 12
"""Flash of a generated layer besides its code: the header, and its row in the table."""

PER_CODE_CALL = 36
"""Instructions that call a generated layer in the loop over all layers."""

PER_WHOLE_STAGE, PER_STAGE_CALL = 47, 4.5
"""The same two of a stage whose layers are all code, which has a function of its own."""

STAGE_BYTES, STAGE_CALL_BYTES = 34, 8
"""Flash of such a function, and of each layer in it."""

PER_PACKED_CALL = 59
_TILE = 4


@dataclass(frozen=True)
class Passes:
    """What a packed layer's loops go through: output channels, surviving weights, and bytes that only skip."""

    channels: int
    weights: int
    skips: int

    @classmethod
    def of(cls, layer: CompactLayer) -> "Passes":
        """Count a layer's stream."""
        stream = np.frombuffer(pack_codes(layer.codes, layer.n_exponents), np.uint8)
        end = 0xF0 if device_exponents(layer.n_exponents) > 4 else 0xF8
        return cls(layer.out_channels, layer.n_weights, int((stream > end).sum()))

    def few(self, n: int) -> float:
        """Instructions of `run_few` for `n` positions."""
        return 36 + 29 * self.channels + n * (37 * self.channels + 9 * self.weights + 10 * self.skips)

    def map(self, length: int) -> float:
        """Instructions of `ictus_layer_run` for a whole map."""
        if length < _TILE:
            return self.few(length)
        n_tiles = -(-length // _TILE)
        decoded = 57 + 54.3 * self.channels + 10.95 * self.weights + 16.2 * self.skips
        return decoded + n_tiles * (48 * self.channels + 14 * self.weights)

    def tile(self, n: int) -> float:
        """Instructions of `ictus_layer_run_tile` for `n` positions."""
        if n < _TILE:
            return 34 + self.few(n)
        return 40 + 70.4 * self.channels + 19.7 * self.weights + 10 * self.skips


def packed_bytes(layer: CompactLayer) -> int:
    """Flash of a packed layer: header, shifts, biases and weights."""
    width = layer.out_channels
    return 9 + (width + 1) // 2 + width + len(pack_codes(layer.codes, layer.n_exponents))


def context_copy(n_context: int, n_copied: int) -> int:
    """Instructions that append the context to a packed layer's input, which is copied if it is the stage's."""
    return 8 + 4 * (n_context + n_copied)


def stream_glue(layer: StreamedLayer, n_rows: int, is_code: bool) -> float:
    """Instructions of a stream around one of its convolutions, into which `n_rows` came from outside."""
    runs = sum(layer.runs.values())
    return (80 if is_code else 140) * runs + 2.2 * layer.moved * layer.channels + 6 * n_rows * layer.channels


def pool_passes(positions: int, channels: int) -> float:
    """Instructions of what pools."""
    return 20 * positions + 6.7 * positions * channels


def stream_start(channels: int) -> float:
    """Instructions that begin and end a stream."""
    return 1500 + 20 * channels
