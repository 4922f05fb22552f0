"""A layer in the instructions of Cortex-M4, M7 and M33: one `add` or `sub` with a shifted operand for a weight.

Registers: r0 is the input, r1 the output; of the other twelve a tile takes as many accumulators as it has, and
the rest hold inputs. Time is the outer loop, tiles of channels the inner one, unrolled. On the stack lie a
counter, the output of a stream's second position, and the context.
"""

from collections.abc import Iterable

from .armv7em_inputs import Registers, add_inputs
from .armv7em_pack import CONTEXT, COUNTER, SECOND_OUT, names, pack, store_many
from .assembly import Assembly
from .formats import Bytes, Pairs
from .program import Program, Tile, tiles

__all__ = ["MOST_ACCUMULATORS", "emit"]

MOST_ACCUMULATORS = 10
_APART = 3
_REACH = 3600
"""Bytes of code after which constants must follow: `adr` reaches 4095."""


def emit(program: Program, size: int, shares: bool) -> Assembly:
    """The function's instructions, with tiles of at most `size` channels.

    Parameters
    ----------
    shares : a register is kept for sums of two inputs that several channels take
    """
    code = Assembly()
    code.op("push.w {r4-r11, lr}")
    if _has_frame(program):
        code.op("sub sp, #20", 2)
    (_begin_dense if program.site.is_dense else _begin_pairs)(code, program)
    _emit_tiles(code, program, size, shares)
    return code


def _has_frame(program: Program) -> bool:
    """Whether something lies on the stack."""
    return program.loops or program.packs or bool(program.site.n_context)


def _begin_dense(code: Assembly, program: Program) -> None:
    if program.site.n_context:
        code.op("ldr r2, [r0, #16]", 2)
        code.op(f"str r2, [sp, #{CONTEXT}]", 2)
    code.op("ldr r1, [r0, #8]", 2)
    code.op("ldr r0, [r0]", 2)


def _begin_pairs(code: Assembly, program: Program) -> None:
    if program.packs:
        pack(code, program)
    else:
        code.op("ldr r1, [r0, #8]", 2)
        code.op("ldr r0, [r0]", 2)
    if program.loops and not program.site.is_streamed:
        code.op(f"movs r2, #{program.n_pairs}", 2)
        code.op(f"str r2, [sp, #{COUNTER}]", 2)


def _emit_tiles(code: Assembly, program: Program, size: int, shares: bool) -> None:
    """All tiles, with their constants behind as many of them as `adr` reaches."""
    n_pairs = max(program.n_pairs, 1)
    loop = f".L{program.name}_pair"
    if program.loops:
        code.label(loop)
    pool: list[tuple[str, list[int]]] = []
    n_behind = 0
    base = 0
    for number, tile in enumerate(tiles(program, size, _APART)):
        label = f".L{program.name}_{number}"
        part = Assembly(n_pairs)
        base = _emit_tile(part, program, tile, label, base, shares)
        if pool and n_behind + part.n_bytes > _REACH:
            with code.repeated(n_pairs):
                code.op(f"b.w {label}_code")
            _flush(code, pool)
            code.label(f"{label}_code")
            pool, n_behind = [], 0
        code.append(part)
        n_behind += part.n_bytes + 4 * len(tile.starts)
        pool.append((label, _initial(tile, program)))
    with code.repeated(n_pairs):
        _end_pair(code, program, base, loop)
    if _has_frame(program):
        code.op("add sp, #20", 2)
    code.op("pop.w {r4-r11, pc}")
    _flush(code, pool)


def _flush(code: Assembly, pool: Iterable[tuple[str, list[int]]]) -> None:
    for label, values in pool:
        code.words(label, values)


def _initial(tile: Tile, program: Program) -> list[int]:
    """A value for each accumulator."""
    return [start for start in tile.starts for _ in range(1 + _has_two(tile, program))]


def _has_two(tile: Tile, program: Program) -> bool:
    """Whether a channel has an accumulator for each half."""
    return tile.is_apart and not program.site.is_dense


def _end_pair(code: Assembly, program: Program, base: int, loop: str) -> None:
    if not program.loops:
        return
    code.move_base("r0", 4 * (program.site.layer.step - base))
    if isinstance(program.writes, Bytes):
        code.move_base("r1", program.site.layer.out_channels)
    if program.site.is_streamed:
        code.op(f"ldr r2, [sp, #{SECOND_OUT}]", 2)
        code.op(f"adds r2, #{program.site.layer.out_channels}", 2)
        code.op(f"str r2, [sp, #{SECOND_OUT}]", 2)
    code.op(f"ldr r2, [sp, #{COUNTER}]", 2)
    code.op("subs r2, #1", 2)
    code.op(f"str r2, [sp, #{COUNTER}]", 2)
    code.op(f"bne.w {loop}")


def _emit_tile(code: Assembly, program: Program, tile: Tile, label: str, base: int, shares: bool) -> int:
    """One tile; `base` is the word that r0 points to, before and after."""
    accumulators = _accumulators(tile, program)
    inputs = [*names(2, 10 - len(accumulators)), "r12", "lr"]
    if len(accumulators) == 1:
        code.op(f"ldr.w {accumulators[0]}, {label}")
    else:
        code.op(f"adr.w r12, {label}")
        code.op(f"ldm.w r12, {{{', '.join(accumulators)}}}")
    registers = Registers(accumulators, inputs, _has_two(tile, program), shares)
    base = add_inputs(code, program, tile, registers, base)
    if program.site.is_dense:
        _finish_dense(code, program, tile, accumulators)
    elif tile.is_apart:
        _finish_apart(code, program, tile, accumulators, inputs)
    else:
        _finish_pairs(code, program, tile, accumulators, inputs)
    return base


def _accumulators(tile: Tile, program: Program) -> list[str]:
    n = len(_initial(tile, program))
    return names(12 - n, n)


def _clamp(code: Assembly, program: Program, register: str, channel: int) -> None:
    """``sat8(register >> shift)``, from 0 with ReLU."""
    shift = int(program.site.layer.shift[channel])
    limit = "usat {0}, #7" if program.site.layer.relu else "ssat {0}, #8"
    code.op(limit.format(register) + f", {register}" + (f", asr #{shift}" if shift else ""))


def _finish_dense(code: Assembly, program: Program, tile: Tile, accumulators: list[str]) -> None:
    is_mixed = isinstance(program.reads, Pairs) and not tile.is_apart
    for register, channel in zip(accumulators, tile.channels, strict=True):
        if is_mixed:
            code.op(f"sxth.w {register}, {register}")
        _clamp(code, program, register, channel)
    if not isinstance(program.writes, Bytes):
        store_many(code, "r1", accumulators)
        return
    for register, channel in zip(accumulators, tile.channels, strict=True):
        code.op(f"strb.w {register}, [r1, #{channel}]")


def _finish_apart(
    code: Assembly, program: Program, tile: Tile, accumulators: list[str], inputs: list[str]
) -> None:
    halves = list(zip(accumulators[::2], accumulators[1::2], tile.channels, strict=True))
    for lower, upper, channel in halves:
        _clamp(code, program, lower, channel)
        _clamp(code, program, upper, channel)
    if isinstance(program.writes, Pairs):
        for lower, upper, _ in halves:
            code.op(f"add.w {lower}, {lower}, {upper}, lsl #16")
            code.op(f"str.w {lower}, [r1], #4")
        return
    second = _second_output(code, program, inputs)
    for lower, upper, channel in halves:
        code.op(f"strb.w {lower}, [r1, #{channel}]")
        code.op(f"strb.w {upper}, [{second(channel)}]")


def _second_output(code: Assembly, program: Program, inputs: list[str]):
    """Where the upper half's byte of a channel goes: a function of the channel."""
    if program.site.is_streamed:
        code.op(f"ldr.w {inputs[-1]}, [sp, #{SECOND_OUT}]")
        return lambda channel: f"{inputs[-1]}, #{channel}"
    ahead = program.distance * program.site.layer.out_channels
    return lambda channel: f"r1, #{ahead + channel}"


def _finish_pairs(
    code: Assembly, program: Program, tile: Tile, accumulators: list[str], inputs: list[str]
) -> None:
    """Both halves saturate in one instruction once the lower one's 2^15 is gone."""
    shifts = [int(program.site.layer.shift[channel]) for channel in tile.channels]
    for register, shift in zip(accumulators, shifts, strict=True):
        code.op(f"eor.w {register}, {register}, #0x8000")
        code.op(f"usat16 {register}, #{min(7 + shift, 15)}, {register}")
    if isinstance(program.writes, Pairs):
        for register, shift, channel in zip(accumulators, shifts, tile.channels, strict=True):
            _scale_pair(code, register, shift, program.site.stored_shift(channel))
        store_many(code, "r1", accumulators)
        return
    second = _second_output(code, program, inputs)
    for register, shift, channel in zip(accumulators, shifts, tile.channels, strict=True):
        lower = register
        if shift:
            code.shift_right(inputs[0], register, shift)
            lower = inputs[0]
        code.op(f"strb.w {lower}, [r1, #{channel}]")
        code.shift_right(inputs[0], register, 16 + shift)
        code.op(f"strb.w {inputs[0]}, [{second(channel)}]")


def _scale_pair(code: Assembly, register: str, shift: int, stored_shift: int) -> None:
    if shift != stored_shift:
        code.op(f"lsr.w {register}, {register}, #{shift}")
        code.op(f"and.w {register}, {register}, #0x007f007f")
    elif shift:
        below = (1 << shift) - 1
        code.op(f"bic.w {register}, {register}, #0x{below:04x}{below:04x}")
