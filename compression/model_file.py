"""The compact model as bytes: what lies in the file is what lies in the device's flash.

All integers are little-endian.

    header, 20 bytes    magic "ICTS", u8 version, u8 task, u8 n_stages, u8 n_context,
                        u16 window_length, u8 window_channels, u8 n_features,
                        u32 total_bytes, u32 CRC-32 of everything but itself
    per stage, 4 bytes  u8 source, u8 n_layers, u8 n_kept, i8 threshold
    per layer, 9 bytes  u16 taps, u16 step, u16 stream_bytes, u8 out_length, u8 out_channels, u8 flags
                        then the shifts (two to a byte, the even channel low), the biases (one byte each)
                        and the weight stream (see `packing`)

Source is 0 for the gate's features, 1 for the window, 2 for the map that the previous stage kept, 3 for the
context, 4 for a stream: rows of `window_channels` values, any number of them, for which `window_length` is 0.
Flags: bit 0 ReLU, bit 1 the context is appended to the input, bit 2 the map is pooled, bit 3 the weight stream is
wide; the others are 0.
`out_length` is 0 for the convolutions of a stream, whose last one pools, and at least 1 for every other layer.

Version 2 added streams and pooling, version 3 wide weight streams. A model without these is written as version 2;
files of all three versions read.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..signals import CorruptModelError, InputError
from ..signals.bounded_files import read_bounded
from .compact import N_EXPONENTS, CompactLayer, CompactModel, CompactStage
from .layout import SOURCES, STAGE_NAMES, TASKS, check_shapes, check_size, check_stage
from .packing import WIDE_EXPONENTS, device_exponents, pack_codes, unpack_codes
from .storage import STORED_MAGIC, from_stored

__all__ = ["FORMAT_VERSION", "MAGIC", "ByteCount", "byte_count", "from_bytes", "load_compact", "to_bytes"]

MAGIC = b"ICTS"
FORMAT_VERSION = 2
_WIDE_VERSION = 3
_READABLE_VERSIONS = (1, FORMAT_VERSION, _WIDE_VERSION)
_HEADER = struct.Struct("<4sBBBBHBBII")
_CRC_OFFSET = 16
_STAGE = struct.Struct("<BBBb")
_LAYER = struct.Struct("<HHHBBB")
_RELU, _CONTEXT, _POOLS, _WIDE = 1, 2, 4, 8


@dataclass(frozen=True)
class ByteCount:
    """Device bytes of a model by what they are for; `total` equals the file's size."""

    codes: int
    index: int
    scales: int
    headers: int

    @property
    def total(self) -> int:
        return self.codes + self.index + self.scales + self.headers


def to_bytes(model: CompactModel) -> bytes:
    """Serialise; the same model always gives the same bytes.

    Raises
    ------
    InputError
        a layer that no device runs, or more weights than a model file may hold.
    """
    model.require_device_layers()
    check_size(sum(layer.codes.size for stage in model.stages for layer in stage.layers), InputError)
    body = b"".join(_stage_bytes(stage) for stage in model.stages)
    task = {name: number for number, name in TASKS.items()}[model.task]
    total = _HEADER.size + len(body)
    wide = any(_is_wide(layer) for stage in model.stages for layer in stage.layers)
    fields = (
        MAGIC,
        _WIDE_VERSION if wide else FORMAT_VERSION,
        task,
        len(model.stages),
        model.n_context,
        *model.window_shape,
    )
    header = _HEADER.pack(*fields, model.n_features, total, 0)
    crc = zlib.crc32(body, zlib.crc32(header[:_CRC_OFFSET]))
    return header[:_CRC_OFFSET] + struct.pack("<I", crc) + body


def _stage_bytes(stage: CompactStage) -> bytes:
    head = _STAGE.pack(SOURCES.index(stage.source), len(stage.layers), stage.n_kept, stage.threshold)
    return head + b"".join(_layer_bytes(layer) for layer in stage.layers)


def _layer_bytes(layer: CompactLayer) -> bytes:
    stream = pack_codes(layer.codes, layer.n_exponents)
    flags = _RELU * layer.relu | _CONTEXT * layer.takes_context | _POOLS * layer.pools | _WIDE * _is_wide(layer)
    head = _LAYER.pack(layer.taps, layer.step, len(stream), layer.out_length, layer.out_channels, flags)
    return head + _pack_nibbles(layer.shift) + layer.bias.astype(np.int8).tobytes() + stream


def _is_wide(layer: CompactLayer) -> bool:
    return device_exponents(layer.n_exponents) == WIDE_EXPONENTS


def _pack_nibbles(values: np.ndarray) -> bytes:
    padded = np.append(values, np.zeros(len(values) % 2, np.uint8)).astype(np.uint8)
    return (padded[0::2] | padded[1::2] << 4).tobytes()


def byte_count(model: CompactModel) -> ByteCount:
    """Account for every byte of `to_bytes`.

    Three bits (four in a wide stream) of each byte that holds a weight are its code, the others its index; skips
    and channel ends are index.
    """
    model.require_device_layers()
    layers = [layer for stage in model.stages for layer in stage.layers]
    stream = sum(len(pack_codes(layer.codes, layer.n_exponents)) for layer in layers)
    codes = sum(layer.n_weights * (4 if _is_wide(layer) else 3) for layer in layers) // 8
    scales = sum((layer.out_channels + 1) // 2 + layer.out_channels for layer in layers)
    headers = _HEADER.size + _STAGE.size * len(model.stages) + _LAYER.size * len(layers)
    return ByteCount(codes, stream - codes, scales, headers)


def load_compact(path: str | Path) -> CompactModel:
    """Read a compact model file, in the device's form or in the stored one.

    Raises
    ------
    CorruptModelError
        one line that names the file, what is wrong and what was expected.
    """
    data = read_bounded(Path(path), error=CorruptModelError)
    try:
        return from_stored(data) if data.startswith(STORED_MAGIC) else from_bytes(data)
    except CorruptModelError as error:
        raise CorruptModelError(f"{path}: {error}") from error


def from_bytes(data: bytes) -> CompactModel:
    """Inverse of `to_bytes`, with every field checked; raises `CorruptModelError`."""
    task, n_context, window_shape, n_features = _checked_header(data)
    reader = _Reader(data, _HEADER.size)
    stages = tuple(_read_stage(reader, number) for number in range(len(STAGE_NAMES)))
    if reader.cursor != len(data):
        raise CorruptModelError(f"{len(data)} bytes, its stages end at {reader.cursor}")
    model = CompactModel(task, n_features, window_shape, n_context, stages)
    check_shapes(model)
    return model


def _checked_header(data: bytes) -> tuple[str, int, tuple[int, int], int]:
    if len(data) < _HEADER.size or data[:4] != MAGIC:
        raise CorruptModelError(
            f"not a compact model: {len(data)} bytes that begin with {data[:4]!r}, expected {MAGIC!r}"
        )
    _, version, task, n_stages, n_context, length, channels, n_features, total, crc = _HEADER.unpack_from(data)
    if version not in _READABLE_VERSIONS:
        raise CorruptModelError(f"format version {version}, this release reads {_READABLE_VERSIONS}")
    if total != len(data):
        raise CorruptModelError(f"{len(data)} bytes, its header says {total}")
    found = zlib.crc32(data[_HEADER.size :], zlib.crc32(data[:_CRC_OFFSET]))
    if crc != found:
        raise CorruptModelError(f"checksum {found:08x}, its header says {crc:08x}")
    if task not in TASKS or n_stages != len(STAGE_NAMES):
        raise CorruptModelError(f"task {task} with {n_stages} stages is not known")
    return TASKS[task], n_context, (length, channels), n_features


class _Reader:
    """A cursor over the bytes of a file that refuses to run past their end."""

    def __init__(self, data: bytes, cursor: int) -> None:
        self.data, self.cursor, self.n_weights = data, cursor, 0
        self.flags = _RELU | _CONTEXT | _POOLS | (_WIDE if data[4] >= _WIDE_VERSION else 0)

    def take(self, n_bytes: int) -> bytes:
        end = self.cursor + n_bytes
        if end > len(self.data):
            raise CorruptModelError(f"{len(self.data)} bytes, a field ends at {end}")
        piece, self.cursor = self.data[self.cursor : end], end
        return piece


def _read_stage(reader: _Reader, number: int) -> CompactStage:
    source, n_layers, n_kept, threshold = _STAGE.unpack(reader.take(_STAGE.size))
    check_stage(number, source, n_layers, n_kept)
    layers = tuple(_read_layer(reader) for _ in range(n_layers))
    return CompactStage(STAGE_NAMES[number], SOURCES[source], layers, n_kept, threshold)


def _read_layer(reader: _Reader) -> CompactLayer:
    taps, step, n_stream, out_length, out_channels, flags = _LAYER.unpack(reader.take(_LAYER.size))
    if not (taps and step and out_channels) or flags & ~reader.flags:
        raise CorruptModelError(
            f"layer with {taps} taps, step {step}, {out_length}x{out_channels} outputs, flags {flags}"
        )
    reader.n_weights += out_channels * taps
    check_size(reader.n_weights)
    nibbles = np.frombuffer(reader.take((out_channels + 1) // 2), np.uint8)
    shift = np.stack([nibbles & 15, nibbles >> 4], axis=1).reshape(-1)[:out_channels]
    bias = np.frombuffer(reader.take(out_channels), np.int8)
    n_exponents = WIDE_EXPONENTS if flags & _WIDE else N_EXPONENTS
    codes = unpack_codes(reader.take(n_stream), out_channels, taps, n_exponents)
    relu, context, pools = (bool(flags & bit) for bit in (_RELU, _CONTEXT, _POOLS))
    return CompactLayer(codes, bias, shift, step, out_length, relu, context, pools, n_exponents)
