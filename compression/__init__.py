"""Prune, log-quantise and pack; the integer reference that everything else must equal bit for bit."""

from typing import TYPE_CHECKING

from ..signals.lazy import imported_when_asked
from .compact import CompactLayer, CompactModel, CompactStage, code_values
from .model_file import ByteCount, byte_count, from_bytes, load_compact, to_bytes
from .packing import pack_codes, unpack_codes

if TYPE_CHECKING:
    from .phases import Recipe
    from .recipe import BEAT_RECIPES, compress_beat
    from .rhythm_recipe import RHYTHM_RECIPE, compress_rhythm

__getattr__ = imported_when_asked(__name__, "phases", "recipe", "rhythm_recipe")

__all__ = [
    "BEAT_RECIPES",
    "RHYTHM_RECIPE",
    "ByteCount",
    "CompactLayer",
    "CompactModel",
    "CompactStage",
    "Recipe",
    "byte_count",
    "code_values",
    "compress_beat",
    "compress_rhythm",
    "from_bytes",
    "load_compact",
    "pack_codes",
    "to_bytes",
    "unpack_codes",
]
