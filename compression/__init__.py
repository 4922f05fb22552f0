"""Prune, log-quantise and pack; the integer reference that everything else must equal bit for bit."""

from typing import TYPE_CHECKING

from ..signals.lazy import imported_when_asked
from .compact import CompactLayer, CompactModel, CompactStage, code_values
from .model_file import ByteCount, byte_count, from_bytes, load_compact, to_bytes
from .packing import pack_codes, unpack_codes
from .storage import StoredByteCount, from_stored, stored_byte_count, to_stored

if TYPE_CHECKING:
    from .beat_material import BeatMaterial, compress_beat
    from .material import Effort, TrainingMaterial
    from .operating_point import with_class_offset
    from .pipeline import compress
    from .presets import (
        BASELINES,
        BEAT_RECIPES,
        FASTEST_RHYTHM_RECIPE,
        RHYTHM_RECIPE,
        SEGMENT_RECIPE,
        SEIZURE_RECIPE,
        SMALLEST_BEAT_RECIPES,
        SMALLEST_RHYTHM_RECIPE,
        baselines_of,
    )
    from .recipe import (
        ChannelPruning,
        MixedPrecision,
        Pruning,
        Quantiser,
        Recipe,
        ScreenRecipe,
        Tuning,
        load_recipe,
        recipe_from,
    )
    from .rhythm_material import RhythmMaterial, compress_rhythm
    from .segment_material import SegmentMaterial, compress_segments
    from .seizure_material import SeizureMaterial, compress_seizure

__getattr__ = imported_when_asked(
    __name__,
    "recipe",
    "presets",
    "material",
    "operating_point",
    "pipeline",
    "beat_material",
    "rhythm_material",
    "seizure_material",
    "segment_material",
)

__all__ = [
    "BASELINES",
    "BEAT_RECIPES",
    "FASTEST_RHYTHM_RECIPE",
    "RHYTHM_RECIPE",
    "SEGMENT_RECIPE",
    "SEIZURE_RECIPE",
    "SMALLEST_BEAT_RECIPES",
    "SMALLEST_RHYTHM_RECIPE",
    "BeatMaterial",
    "ByteCount",
    "ChannelPruning",
    "CompactLayer",
    "CompactModel",
    "CompactStage",
    "Effort",
    "MixedPrecision",
    "Pruning",
    "Quantiser",
    "Recipe",
    "RhythmMaterial",
    "ScreenRecipe",
    "SegmentMaterial",
    "SeizureMaterial",
    "StoredByteCount",
    "TrainingMaterial",
    "Tuning",
    "baselines_of",
    "byte_count",
    "code_values",
    "compress",
    "compress_beat",
    "compress_rhythm",
    "compress_segments",
    "compress_seizure",
    "from_bytes",
    "from_stored",
    "load_compact",
    "load_recipe",
    "pack_codes",
    "recipe_from",
    "stored_byte_count",
    "to_bytes",
    "to_stored",
    "unpack_codes",
    "with_class_offset",
]
