"""What a tile adds up on a Cortex-M4: inputs into registers, and from there to the accumulators."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from .armv7em_pack import CONTEXT
from .assembly import Assembly, is_low
from .loads import plan_loads
from .program import Program, Tile, Use
from .sharing import gather, share

__all__ = ["Registers", "add_inputs"]


@dataclass(frozen=True)
class Registers:
    """Registers of a tile.

    Attributes
    ----------
    accumulators, inputs : their names
    has_two : a channel has an accumulator for each half
    shares : the last of `inputs` holds sums that several channels take
    """

    accumulators: list[str]
    inputs: list[str]
    has_two: bool
    shares: bool


def add_inputs(code: Assembly, program: Program, tile: Tile, registers: Registers, base: int) -> int:
    """All weights of a tile; `base` is the word that r0 points to, before and after."""
    words = {
        index: list(uses)
        for index, uses in groupby((u for u in tile.uses if u.operand.is_word), lambda use: use.operand.index)
    }
    n_words = program.n_words if program.n_pairs else program.reads.map_bytes // 4
    reach = n_words - (program.n_pairs - 1) * program.site.layer.step if program.n_pairs else n_words
    if words and base and min(words) < base:
        code.move_base("r0", -4 * base)
        base = 0
    for load in plan_loads(sorted(words), len(_holders(tile, registers)), reach):
        base = _emit_load(code, load.first, load.n, registers.inputs, base)
        loaded = zip(range(load.first, load.first + load.n), registers.inputs, strict=False)
        held = [(register, use) for index, register in loaded for use in words.get(index, [])]
        _add_words(code, tile, held, registers, program)
    plain = [use for use in tile.uses if not use.operand.is_word]
    _add_bytes(code, [use for use in plain if not use.operand.of_context], "r0", registers, base)
    in_context = [use for use in plain if use.operand.of_context]
    if in_context:
        code.op(f"ldr.w lr, [sp, #{CONTEXT}]")
        free = [register for register in registers.inputs if register != "lr"]
        _add_bytes(code, in_context, "lr", Registers(registers.accumulators, free, False, registers.shares), 0)
    return base


def _holders(tile: Tile, registers: Registers) -> list[str]:
    """Registers that inputs are loaded to."""
    n_others = 2 if tile.is_apart else int(registers.shares)
    return registers.inputs[: len(registers.inputs) - n_others]


def _emit_load(code: Assembly, first: int, n: int, inputs: list[str], base: int) -> int:
    """Words `first` to `first + n - 1` into the first registers of `inputs`; returns where r0 points then."""
    offset = 4 * (first - base)
    if n > 2:
        code.move_base("r0", offset)
        code.op(f"ldm.w r0!, {{{', '.join(inputs[:n])}}}")
        return first + n
    if n == 2 and offset > 1020:
        code.move_base("r0", offset)
        base, offset = first, 0
    if n == 2:
        code.op(f"ldrd {inputs[0]}, {inputs[1]}, [r0, #{offset}]")
    else:
        is_short = is_low(inputs[0]) and offset < 128
        code.op(f"{'ldr' if is_short else 'ldr.w'} {inputs[0]}, [r0, #{offset}]", 2 if is_short else 4)
    return base


def _add_words(
    code: Assembly, tile: Tile, held: list[tuple[str, Use]], registers: Registers, program: Program
) -> None:
    """All weights of a tile that take words which are loaded, or one half of them."""
    alone = held
    if registers.shares and not tile.is_apart:
        whole = [(register, use) for register, use in held if use.operand.half < 0]
        alone = [(register, use) for register, use in held if use.operand.half >= 0]
        alone += _add_shared(code, whole, registers)
    for register, use in alone:
        if tile.is_apart and (use.operand.half >= 0 or not program.site.is_dense):
            _add_apart(code, use, register, registers)
        else:
            _add_one(code, use, register, registers)


def _add_shared(code: Assembly, held: list[tuple[str, Use]], registers: Registers) -> Iterator[tuple[str, Use]]:
    """Sums that channels share; what is left of each input."""
    sums, left = share([use for _, use in held])
    temporary = registers.inputs[-1]
    for found in sums:
        name = "sub.w" if found.is_difference else "add.w"
        kind = f", lsl #{found.shift}" if found.shift else ""
        code.op(f"{name} {temporary}, {held[found.a][0]}, {held[found.b][0]}{kind}")
        for add in found.adds:
            code.add_shifted(registers.accumulators[add.accumulator], temporary, add.exponent, add.is_negative)
    for (register, use), adds in zip(held, left, strict=True):
        yield register, Use(use.operand, adds)


def _add_one(code: Assembly, use: Use, x: str, registers: Registers) -> None:
    """All weights that take a word or byte as it is."""
    for add in use.adds:
        exponent = add.exponent - use.operand.shift - (16 if use.operand.half == 1 else 0)
        code.add_shifted(registers.accumulators[add.accumulator], x, exponent, add.is_negative)


def _add_apart(code: Assembly, use: Use, x: str, registers: Registers) -> None:
    """The halves of a word are taken apart, then added: each to an accumulator of its own, or only one of them."""
    lower, upper = registers.inputs[-2:]
    has_two = registers.has_two
    shift, half = use.operand.shift, use.operand.half
    code.op(f"sxth.w {lower}, {x}")
    if half != 0:
        code.op(f"sub.w {upper}, {x}, {lower}")
    for add in use.adds:
        name, exponent = "sub.w" if add.is_negative else "add.w", add.exponent - shift
        if half != 1:
            to = registers.accumulators[add.accumulator * (1 + has_two)]
            kind = "" if exponent == 0 else f", {'lsl' if exponent > 0 else 'asr'} #{abs(exponent)}"
            code.op(f"{name} {to}, {to}, {lower}{kind}")
        if half != 0:
            to = registers.accumulators[add.accumulator * (1 + has_two) + has_two]
            code.op(f"{name} {to}, {to}, {upper}, asr #{16 - exponent}")


def _add_bytes(code: Assembly, uses: Sequence[Use], pointer: str, registers: Registers, base: int) -> None:
    """Bytes one by one, or several of them where channels share sums."""
    n_held = len(registers.inputs) - 1 if registers.shares else 1
    for group in gather(uses, n_held) if n_held > 1 else ([use] for use in uses):
        held = list(zip(registers.inputs, group, strict=False))
        for x, use in held:
            code.op(f"ldrsb.w {x}, [{pointer}, #{use.operand.index - 4 * base}]")
        for x, use in _add_shared(code, held, registers) if n_held > 1 else held:
            _add_one(code, use, x, registers)
