"""Prune, log-quantise and pack; the integer reference that everything else must equal bit for bit."""

from .compact import CompactLayer, CompactModel, CompactStage, code_values
from .model_file import ByteCount, byte_count, from_bytes, load_compact, to_bytes
from .packing import pack_codes, unpack_codes
from .recipe import Recipe, compress_beat

__all__ = [
    "ByteCount",
    "CompactLayer",
    "CompactModel",
    "CompactStage",
    "Recipe",
    "byte_count",
    "code_values",
    "compress_beat",
    "from_bytes",
    "load_compact",
    "pack_codes",
    "to_bytes",
    "unpack_codes",
]
