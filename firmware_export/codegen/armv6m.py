"""A layer in the instructions of Cortex-M0 and M0+: a shift is one of its own, most reach eight registers only.

Registers: r0 is the input, r1 a word of it, r2 that word shifted, r3 to r7 are accumulators. r8 is the output (r12
that of the second position), r9 the next constants, r10 all constants, r11 2^31. On the stack lie a counter, the
input, the context and the scratch memory. Layers that need more are left to C (`fits`).
"""

from itertools import groupby
from math import gcd

from .assembly import Assembly
from .formats import Bytes, Operand, Pairs
from .program import Add, Program, Tile, Use, tiles

__all__ = ["emit", "fits"]

_SIZE = 5
_ACCUMULATORS = [f"r{number}" for number in range(3, 8)]
_COUNTER, _INPUT, _CONTEXT, _SCRATCH = 0, 4, 8, 12
_LOW_REACH, _MOST_BYTES, _UNROLLED = 124, 255, 4


def fits(program: Program) -> bool:
    """Whether every channel is summed in one accumulator, and the offsets reach all inputs."""
    site = program.site
    if site.is_dense:
        is_whole = not isinstance(program.reads, Pairs) or all(site.fits_halves)
        return is_whole and not (isinstance(program.reads, Bytes) and site.n_inputs > _MOST_BYTES)
    return all(site.shares(channel) for channel in range(site.layer.out_channels))


def emit(program: Program) -> Assembly:
    """The function's instructions."""
    code = Assembly()
    _op(code, "push {r4-r7, lr}")
    for high, low in (("r8", "r4"), ("r9", "r5"), ("r10", "r6"), ("r11", "r7")):
        _op(code, f"mov {low}, {high}")
    _op(code, "push {r4-r7}")
    _op(code, "sub sp, #20")
    _begin(code, program)
    constants = f".L{program.name}_starts"
    _op(code, f"ldr r2, {constants}_at")
    _op(code, "mov r10, r2")
    _op(code, f"b {constants}_behind")
    code.words(f"{constants}_at", [])
    code.lines.append(f".word {constants}")
    code.n_bytes += 4
    code.label(f"{constants}_behind")
    all_tiles = list(tiles(program, _SIZE, _SIZE))
    _pairs(code, program, all_tiles)
    _op(code, "add sp, #20")
    _op(code, "pop {r4-r7}")
    for high, low in (("r8", "r4"), ("r9", "r5"), ("r10", "r6"), ("r11", "r7")):
        _op(code, f"mov {high}, {low}")
    _op(code, "pop {r4-r7, pc}")
    code.words(constants, [start for tile in all_tiles for start in tile.starts])
    return code


def _op(code: Assembly, text: str) -> None:
    code.op(text, 2)


def _begin(code: Assembly, program: Program) -> None:
    """Everything that stays the same for all pairs; r0 is the call's description, then the input."""
    _op(code, "movs r2, #1")
    _op(code, "lsls r2, r2, #31")
    _op(code, "mov r11, r2")
    _op(code, "ldr r2, [r0, #8]")
    _op(code, "mov r8, r2")
    if program.site.is_streamed:
        _op(code, "ldr r2, [r0, #12]")
        _op(code, "mov r12, r2")
    elif program.n_pairs and isinstance(program.writes, Bytes):
        _add_to(code, "r2", program.distance * program.site.layer.out_channels, spare="r3")
        _op(code, "mov r12, r2")
    if program.site.n_context:
        _op(code, "ldr r2, [r0, #16]")
        _op(code, f"str r2, [sp, #{_CONTEXT}]")
    if program.packs:
        _pack(code, program)
    else:
        _op(code, "ldr r0, [r0]")
    _op(code, f"str r0, [sp, #{_INPUT}]")
    if program.loops and not program.site.is_streamed:
        _op(code, f"movs r2, #{program.n_pairs}")
        _op(code, f"str r2, [sp, #{_COUNTER}]")


def _add_to(code: Assembly, register: str, amount: int, spare: str) -> None:
    """``register += amount``; `spare` is lost if the amount is large."""
    if amount > 2 * 255:
        _op(code, f"movs {spare}, #{amount >> 8}")
        _op(code, f"lsls {spare}, {spare}, #8")
        _op(code, f"adds {register}, {register}, {spare}")
        amount &= 255
    while amount:
        _op(code, f"adds {register}, #{min(amount, 255)}")
        amount -= min(amount, 255)


def _pack(code: Assembly, program: Program) -> None:
    """Bytes at in[0] and in[1], or behind in[0], become words in the scratch memory; r0 points to them then."""
    _op(code, "ldr r5, [r0, #20]")
    _op(code, f"str r5, [sp, #{_SCRATCH}]")
    layer = program.site.layer
    if program.site.is_streamed:
        together = gcd(layer.taps, layer.step)
        unroll = max(n for n in range(1, _UNROLLED + 1) if together % n == 0)
        _large(code, "r7", layer.taps // unroll)
        _op(code, "ldr r6, [r0, #24]")
        _op(code, f"str r6, [sp, #{_COUNTER}]")
        _op(code, "cmp r6, #1")
        _op(code, f"beq .L{program.name}_one")
        _op(code, f"adds r7, #{layer.step // unroll}")
        code.label(f".L{program.name}_one")
        _op(code, "ldr r1, [r0, #4]")
        _op(code, "ldr r0, [r0]")
        n_loops, rest = program.n_words // unroll, 0
    else:
        _op(code, "ldr r0, [r0]")
        _op(code, "mov r1, r0")
        _add_to(code, "r1", program.distance * layer.step, spare="r2")
        unroll, (n_loops, rest) = _UNROLLED, divmod(program.n_words, _UNROLLED)
        _large(code, "r7", n_loops)
    _op(code, "movs r2, #0")
    if n_loops:
        label = f".L{program.name}_pack"
        code.label(label)
        with code.repeated(n_loops):
            _pack_words(code, unroll)
            _op(code, "subs r7, #1")
            _op(code, f"bne {label}")
    _pack_words(code, rest)
    _op(code, f"ldr r0, [sp, #{_SCRATCH}]")


def _large(code: Assembly, register: str, value: int) -> None:
    _op(code, f"movs {register}, #{value >> 8}")
    _op(code, f"lsls {register}, {register}, #8")
    _op(code, f"adds {register}, #{value & 255}")


def _pack_words(code: Assembly, n: int) -> None:
    for _ in range(n):
        _op(code, "ldrsb r3, [r0, r2]")
        _op(code, "ldrsb r4, [r1, r2]")
        _op(code, "lsls r4, r4, #16")
        _op(code, "adds r3, r3, r4")
        _op(code, "adds r2, #1")
        _op(code, "stm r5!, {r3}")


def _pairs(code: Assembly, program: Program, all_tiles: list[Tile]) -> None:
    loop = f".L{program.name}_pair"
    n_pairs = max(program.n_pairs, 1)
    if program.loops:
        code.label(loop)
    with code.repeated(n_pairs):
        _op(code, "mov r9, r10")
        for number, tile in enumerate(all_tiles):
            _tile(code, program, tile, number)
        if program.loops:
            _next_pair(code, program, loop)


def _next_pair(code: Assembly, program: Program, loop: str) -> None:
    """Move the input on and count; conditional branches reach 256 bytes, so one jumps over a longer one."""
    _op(code, f"ldr r0, [sp, #{_INPUT}]")
    _add_to(code, "r0", 4 * program.site.layer.step, spare="r1")
    _op(code, f"str r0, [sp, #{_INPUT}]")
    _op(code, f"ldr r2, [sp, #{_COUNTER}]")
    _op(code, "subs r2, #1")
    _op(code, f"str r2, [sp, #{_COUNTER}]")
    _op(code, f"beq {loop}_end")
    code.op(f"bl {loop}", 4)
    code.label(f"{loop}_end")


def _tile(code: Assembly, program: Program, tile: Tile, number: int) -> None:
    accumulators = _ACCUMULATORS[: len(tile.channels)]
    _op(code, "mov r1, r9")
    _op(code, f"ldm r1!, {{{', '.join(accumulators)}}}")
    _op(code, "mov r9, r1")
    if number:
        _op(code, f"ldr r0, [sp, #{_INPUT}]")
    base = 0
    for (of_context, index), uses in groupby(tile.uses, lambda use: (use.operand.of_context, use.operand.index)):
        if of_context:
            break
        base = _load(code, program, index, base)
        _adds(code, list(uses))
    in_context = [use for use in tile.uses if use.operand.of_context]
    if in_context:
        _op(code, f"ldr r0, [sp, #{_CONTEXT}]")
    for use in in_context:
        _load_byte(code, use.operand)
        _adds(code, [use])
    (_finish_dense if program.site.is_dense else _finish_pairs)(code, program, tile, accumulators, number)


def _load(code: Assembly, program: Program, index: int, base: int) -> int:
    """A value into r1; `base` is the word that r0 points to, before and after."""
    if isinstance(program.reads, Bytes) and not program.packs:
        _load_byte(code, Operand(index, is_word=False))
        return base
    if 4 * (index - base) > _LOW_REACH:
        _add_to(code, "r0", 4 * (index - base), spare="r1")
        base = index
    _op(code, f"ldr r1, [r0, #{4 * (index - base)}]")
    return base


def _load_byte(code: Assembly, operand: Operand) -> None:
    _op(code, f"movs r2, #{operand.index}")
    _op(code, "ldrsb r1, [r0, r2]")


def _adds(code: Assembly, uses: list[Use]) -> None:
    """All weights of a tile that take the value in r1, ordered by how far it is shifted."""
    shifted: dict[int, list[Add]] = {}
    for use in uses:
        for add in use.adds:
            exponent = add.exponent - use.operand.shift - 16 * (use.operand.half == 1)
            shifted.setdefault(exponent, []).append(add)
    for exponent in sorted(shifted):
        x = "r1"
        if exponent:
            x = "r2"
            _op(code, f"{'lsls' if exponent > 0 else 'lsrs'} r2, r1, #{abs(exponent)}")
        for add in shifted[exponent]:
            to = _ACCUMULATORS[add.accumulator]
            _op(code, f"{'subs' if add.is_negative else 'adds'} {to}, {to}, {x}")


def _clamp(code: Assembly, register: str, label: str, relu: bool) -> None:
    """Limit a value to 0..127, or to -128..127; r2 is lost."""
    if relu:
        _op(code, f"asrs r2, {register}, #31")
        _op(code, f"bics {register}, r2")
        _op(code, f"cmp {register}, #127")
        _op(code, f"ble {label}")
        _op(code, f"movs {register}, #127")
        code.label(label)
        return
    _op(code, "movs r2, #127")
    _op(code, f"cmp {register}, r2")
    _op(code, f"bgt {label}_set")
    _op(code, "mvns r2, r2")
    _op(code, f"cmp {register}, r2")
    _op(code, f"bge {label}")
    code.label(f"{label}_set")
    _op(code, f"mov {register}, r2")
    code.label(label)


def _finish_dense(code: Assembly, program: Program, tile: Tile, accumulators: list[str], number: int) -> None:
    for register, channel in zip(accumulators, tile.channels, strict=True):
        shift = int(program.site.layer.shift[channel])
        if isinstance(program.reads, Pairs):
            _op(code, f"lsls {register}, {register}, #16")
            shift += 16
        if shift:
            _op(code, f"asrs {register}, {register}, #{shift}")
        _clamp(code, register, f".L{program.name}_{number}_{register}", program.site.layer.relu)
    _op(code, "mov r2, r8")
    _store(code, program, accumulators)
    _op(code, "mov r8, r2")


def _store(code: Assembly, program: Program, registers: list[str]) -> None:
    """Words or bytes to r2, which moves behind them."""
    if not isinstance(program.writes, Bytes):
        _op(code, f"stm r2!, {{{', '.join(registers)}}}")
        return
    for offset, register in enumerate(registers):
        _op(code, f"strb {register}, [r2, #{offset}]")
    _op(code, f"adds r2, #{len(registers)}")


def _finish_pairs(code: Assembly, program: Program, tile: Tile, accumulators: list[str], number: int) -> None:
    """Halves one after the other: the lower one loses its 2^15 when it is at the top of the word."""
    is_bytes = isinstance(program.writes, Bytes)
    for offset, (register, channel) in enumerate(zip(accumulators, tile.channels, strict=True)):
        shift, label = int(program.site.layer.shift[channel]), f".L{program.name}_{number}_{register}"
        _op(code, f"lsls r1, {register}, #16")
        _op(code, "add r1, r11")
        _op(code, f"asrs r1, r1, #{16 + shift}")
        _clamp(code, "r1", f"{label}_low", True)
        _op(code, f"asrs {register}, {register}, #{16 + shift}")
        _clamp(code, register, f"{label}_high", True)
        if is_bytes:
            _op(code, "mov r2, r8")
            _op(code, f"strb r1, [r2, #{offset}]")
            continue
        _op(code, f"lsls {register}, {register}, #16")
        _op(code, f"orrs {register}, r1")
        if stored := program.site.stored_shift(channel):
            _op(code, f"lsls {register}, {register}, #{stored}")
    if not is_bytes:
        _op(code, "mov r2, r8")
        _store(code, program, accumulators)
        _op(code, "mov r8, r2")
        return
    _op(code, f"adds r2, #{len(accumulators)}")
    _op(code, "mov r8, r2")
    _op(code, "mov r2, r12")
    _store(code, program, accumulators)
    _op(code, "mov r12, r2")
