"""A layer as C99 that every target compiles: one addition or subtraction for a weight, no loop over weights."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from .formats import Bytes, Pairs, Words
from .program import Add, Program, Tile, Use, tiles

__all__ = ["function_text"]

_APART = 2


def function_text(program: Program, size: int) -> Iterator[str]:
    """C text of a layer's function, with tiles of at most `size` channels."""
    yield f"void {program.name}(const ictus_code_call *call)"
    yield "{"
    yield from (f"    {line}" for line in _inputs(program))
    yield from (f"    {line}" for line in _outputs(program))
    yield from (f"    {line}" for line in _unused(program))
    if program.loops:
        n_pairs = "call->n_pairs" if program.site.is_streamed else f"{program.n_pairs}u"
        yield f"    for (uint32_t t = 0; t < {n_pairs}; ++t) {{"
    for tile in tiles(program, size, _APART):
        yield from (f"        {line}" for line in _tile(program, tile))
    if program.loops:
        yield f"        x += {program.site.layer.step};"
        yield from (f"        {line}" for line in _advance(program))
        yield "    }"
    yield "}"


def _inputs(program: Program) -> Iterator[str]:
    if program.packs:
        second = "call->in[1]" if program.site.is_streamed else f"call->in[0] + {_ahead(program)}"
        yield f"ictus_pack_pairs(call->in[0], {second}, call->scratch, {_n_words(program)});"
        yield "const uint32_t *x = call->scratch;"
    elif isinstance(program.reads, Bytes):
        yield "const int8_t *x = call->in[0];"
    else:
        yield "const uint32_t *x = ictus_const_words(call->in[0]);"
    if program.site.n_context:
        yield "const int8_t *context = call->context;"


def _unused(program: Program) -> Iterator[str]:
    """Tells compilers which inputs no surviving weight takes."""
    is_taken = np.count_nonzero(program.site.layer.codes, axis=0)
    n_inputs = program.site.layer.taps - program.site.n_context
    if not is_taken[:n_inputs].any():
        yield "(void)x;"
    if program.site.n_context and not is_taken[n_inputs:].any():
        yield "(void)context;"


def _n_words(program: Program) -> str:
    layer = program.site.layer
    return (
        f"{layer.taps}u + (call->n_pairs - 1u) * {layer.step}u"
        if program.site.is_streamed
        else str(program.n_words)
    )


def _ahead(program: Program) -> int:
    return program.distance * program.site.layer.step


def _outputs(program: Program) -> Iterator[str]:
    if not isinstance(program.writes, Bytes):
        yield "uint32_t *out = ictus_words(call->out[0]);"
        return
    yield "int8_t *out = call->out[0];"
    if program.n_pairs:
        ahead = program.distance * program.site.layer.out_channels
        yield f"int8_t *second = {'call->out[1]' if program.site.is_streamed else f'out + {ahead}'};"


def _advance(program: Program) -> Iterator[str]:
    yield f"out += {program.site.layer.out_channels};"
    if isinstance(program.writes, Bytes):
        yield f"second += {program.site.layer.out_channels};"


def _tile(program: Program, tile: Tile) -> Iterator[str]:
    has_two = tile.is_apart and not program.site.is_dense
    names = [name for i in range(len(tile.channels)) for name in ((f"a{i}", f"b{i}") if has_two else (f"a{i}",))]
    starts = [start for start in tile.starts for _ in range(1 + has_two)]
    yield "{"
    values = (f"{name} = 0x{start:x}u" for name, start in zip(names, starts, strict=True))
    yield f"    uint32_t {', '.join(values)};"
    for operand, uses in groupby(tile.uses, lambda use: (use.operand.of_context, use.operand.index)):
        yield from (f"    {line}" for line in _use(tile, operand, list(uses), has_two))
    for number, channel in enumerate(tile.channels):
        yield from (f"    {line}" for line in _finish(program, tile, number, channel))
    yield "}"
    yield "ICTUS_END_TILE();"


def _use(tile: Tile, address: tuple[bool, int], uses: list[Use], has_two: bool) -> Iterator[str]:
    of_context, index = address
    source = f"{'context' if of_context else 'x'}[{index}]"
    yield f"{{ const uint32_t v = {source if uses[0].operand.is_word else f'(uint32_t){source}'};"
    for use in uses:
        half = use.operand.half
        if tile.is_apart and use.operand.is_word and (half >= 0 or has_two):
            yield from _use_apart(use, has_two)
            continue
        shift = use.operand.shift + 16 * (half == 1)
        yield " ".join(_add(f"a{add.accumulator}", "v", add, add.exponent - shift) for add in use.adds)
    yield "}"


def _use_apart(use: Use, has_two: bool) -> Iterator[str]:
    shift, half = use.operand.shift, use.operand.half
    if half != 1:
        yield "const uint32_t low = (uint32_t)ictus_low(v);"
        yield " ".join(_add(f"a{add.accumulator}", "low", add, add.exponent - shift) for add in use.adds)
    if half != 0:
        to = "b" if has_two else "a"
        yield "const uint32_t high = (uint32_t)ictus_high(v);"
        yield " ".join(_add(f"{to}{add.accumulator}", "high", add, add.exponent - shift) for add in use.adds)


def _add(to: str, value: str, add: Add, exponent: int) -> str:
    shift = "" if exponent == 0 else f" << {exponent}" if exponent > 0 else f" >> {-exponent}"
    return f"{to} {'-' if add.is_negative else '+'}= {value}{shift};"


def _finish(program: Program, tile: Tile, number: int, channel: int) -> Iterator[str]:
    shift = int(program.site.layer.shift[channel])
    limit = "ictus_relu8" if program.site.layer.relu else "ictus_limit8"
    slot = program.site.order.index(channel)
    if program.site.is_dense:
        is_mixed = isinstance(program.reads, Pairs) and not tile.is_apart
        value = f"{limit}({'ictus_low' if is_mixed else 'ictus_signed'}(a{number}), {shift}u)"
        yield f"out[{channel}] = {f'(uint32_t){value}' if isinstance(program.writes, Words) else value};"
    elif tile.is_apart:
        low, high = (f"{limit}(ictus_signed({name}{number}), {shift}u)" for name in "ab")
        if isinstance(program.writes, Pairs):
            yield f"out[{slot}] = (uint32_t){low} + ((uint32_t){high} << 16);"
        else:
            yield f"out[{channel}] = {low}; second[{channel}] = {high};"
    elif isinstance(program.writes, Pairs):
        yield f"out[{slot}] = ictus_pair_relu(a{number}, {shift}u, {program.site.stored_shift(channel)}u);"
    else:
        yield f"out[{channel}] = ictus_low_relu8(a{number}, {shift}u);"
        yield f"second[{channel}] = ictus_high_relu8(a{number}, {shift}u);"
