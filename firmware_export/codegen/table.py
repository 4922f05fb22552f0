"""The table of generated layers, and stages whose layers are all code as one function each."""

import struct
from collections.abc import Collection, Iterator, Mapping

from ...compression.compact import CompactModel, CompactStage
from ..arena import CodeNeed, map_offsets
from .program import Program
from .sites import Key

__all__ = ["CRC_OFFSET", "needs_of", "table_lines", "whole_stages"]

CRC_OFFSET = 16
"""In the header of a model."""


def needs_of(programs: Mapping[Key, Program]) -> dict[Key, CodeNeed]:
    """RAM of generated layers."""
    return {key: CodeNeed(program.scratch_bytes, program.map_bytes) for key, program in programs.items()}


def whole_stages(model: CompactModel, code: Collection[Key]) -> dict[str, list[Key]]:
    """Stages whose layers are all code, of a stream those behind its convolutions: name -> the layers."""
    layers = {
        stage.name: [(stage.name, n) for n, layer in enumerate(stage.layers, start=1) if layer.out_length]
        for stage in model.stages
    }
    return {name: keys for name, keys in layers.items() if keys and all(key in code for key in keys)}


def table_lines(model: CompactModel, data: bytes, programs: Mapping[Key, Program]) -> Iterator[str]:
    """C text for the model whose device form is `data`."""
    yield from ('#include "ictus_code_layers.h"', "", "#include <stddef.h>", "")
    yield "static const ictus_code_layer layers[] = {"
    for program in programs.values():
        yield f"    {{{program.name}, {program.scratch_bytes}u, {program.map_bytes}u}},"
    yield "};"
    whole, offsets = whole_stages(model, programs), map_offsets(model, needs_of(programs))
    for stage in model.stages:
        if stage.name in whole:
            yield ""
            yield from _stage(stage, [programs[key] for key in whole[stage.name]], offsets)
    names = (f"run_{stage.name}" if stage.name in whole else "NULL" for stage in model.stages)
    yield from ("", f"static const ictus_code_stage stages[] = {{{', '.join(names)}}};", "")
    (crc,) = struct.unpack_from("<I", data, CRC_OFFSET)
    yield f"static const ictus_code code = {{0x{crc:08x}u, {len(programs)}u, layers, stages}};"
    yield from ("", "const ictus_code *const ictus_codes[] = {&code, NULL};")


def _stage(stage: CompactStage, programs: list[Program], offsets: Mapping[str, int]) -> Iterator[str]:
    """One layer after the other, each with the map that `ictus_model_open` gives it."""
    is_kept = stage.source == "kept"
    yield f"static const int8_t *run_{stage.name}(const int8_t *input, const int8_t *context, uint32_t *arena)"
    yield "{"
    yield "    int8_t *const maps = (int8_t *)arena;"
    first = f"maps + {offsets['kept']}" if is_kept else "input"
    writes = [_map(stage, number, offsets) for number in range(1, len(programs) + 1)]
    yield f"    ictus_code_call call = {{{{{first}, NULL}}, {{{writes[0]}, NULL}}, context, arena, 1}};"
    if is_kept:
        yield "    (void)input;"
    for number, program in enumerate(programs):
        if number:
            yield "    call.in[0] = call.out[0];"
            yield f"    call.out[0] = {writes[number]};"
        yield f"    {program.name}(&call);"
    yield from ("    return call.out[0];", "}")


def _map(stage: CompactStage, number: int, offsets: Mapping[str, int]) -> str:
    """Where the layer of that number writes, see `run_layers` in ictus_model.c."""
    return f"maps + {offsets['kept' if number == stage.n_kept else ('even', 'odd')[number % 2]]}"
