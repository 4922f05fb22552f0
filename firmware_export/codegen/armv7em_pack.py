"""How a convolution on a Cortex-M4 begins that reads bytes: two rows of them become words in the scratch memory.

On the stack lie a counter, the outputs of both positions and the scratch memory's address.
"""

from collections.abc import Callable
from math import gcd

from .assembly import Assembly
from .program import Program

__all__ = ["CONTEXT", "COUNTER", "SECOND_OUT", "names", "pack", "store_many"]

_UNROLLED = 6
COUNTER, OUT, SECOND_OUT, SCRATCH = 0, 4, 8, 12
"""Offsets on the stack."""

CONTEXT = SECOND_OUT
"""The same of a dense layer, which has no second position."""


def pack(code: Assembly, program: Program) -> None:
    """Bytes at r0 and r1 become words in the scratch memory."""
    code.op("ldr r2, [r0, #20]", 2)
    code.op("ldr r3, [r0, #8]", 2)
    code.op(f"str r2, [sp, #{SCRATCH}]", 2)
    code.op(f"str r3, [sp, #{OUT}]", 2)
    if program.site.is_streamed:
        code.op("ldr r3, [r0, #12]", 2)
        code.op("ldr r4, [r0, #24]", 2)
        code.op(f"str r3, [sp, #{SECOND_OUT}]", 2)
        code.op(f"str r4, [sp, #{COUNTER}]", 2)
        code.op("ldr r1, [r0, #4]", 2)
        code.op("ldr r0, [r0]", 2)
        _pack_stream(code, program)
    else:
        code.op("ldr r0, [r0]", 2)
        code.op("mov r1, r0", 2)
        code.move_base("r1", program.distance * program.site.layer.step)
        _pack_window(code, program)
    code.op(f"ldr r0, [sp, #{SCRATCH}]", 2)
    code.op(f"ldr r1, [sp, #{OUT}]", 2)


def _pack_window(code: Assembly, program: Program) -> None:
    """All words of a map, some of them in a loop."""
    n_blocks, rest = divmod(program.n_words, _UNROLLED)
    if n_blocks:
        _count(code, n_blocks)
        with code.repeated(n_blocks):
            _looped(code, program, lambda: _pack_bytes(code, _UNROLLED))
    if rest:
        _pack_bytes(code, rest)


def _pack_stream(code: Assembly, program: Program) -> None:
    """The words of one or two pairs: `taps`, and `step` more for the second one; their number is in r4."""
    layer = program.site.layer
    is_aligned = _is_aligned(program)
    words, most = (4, 4) if is_aligned else (1, _UNROLLED)
    together = gcd(layer.taps // words, layer.step // words)
    unroll = max(n for n in range(1, most + 1) if together % n == 0)
    first, more = layer.taps // (words * unroll), layer.step // (words * unroll)
    _count(code, first)
    code.op("cmp r4, #1", 2)
    code.op("it ne", 2)
    code.op(f"addne.w r3, r3, #{more}")
    with code.repeated(first + (program.n_pairs - 1) * more):
        if is_aligned:
            _looped(code, program, lambda: _pack_aligned(code, unroll))
        else:
            _looped(code, program, lambda: _pack_bytes(code, unroll))


def _count(code: Assembly, n: int) -> None:
    code.op(f"movw r3, #{n}")


def _looped(code: Assembly, program: Program, body: Callable[[], object]) -> None:
    """`body`, as often as r3 says."""
    label = f".L{program.name}_pack"
    code.label(label)
    body()
    code.op("subs r3, #1", 2)
    code.op(f"bne.w {label}")


def _is_aligned(program: Program) -> bool:
    """Whether a stream's rows always begin at whole words, and hold nothing negative."""
    site = program.site
    return not site.is_signed and site.layer.step % 4 == 0 and site.layer.taps % 4 == 0


def _pack_bytes(code: Assembly, n: int) -> None:
    for register in names(4, n):
        code.op(f"ldrsb.w {register}, [r0], #1")
        code.op("ldrsb.w r12, [r1], #1")
        code.op(f"add.w {register}, {register}, r12, lsl #16")
    store_many(code, "r2", names(4, n))


def _pack_aligned(code: Assembly, n: int) -> None:
    """`n` times four bytes of both rows become as many times four words, eight words at a time where it goes."""
    for _ in range(n // 2):
        code.op("ldm.w r0!, {r9, r12}")
        code.op("ldm.w r1!, {r10, lr}")
        _take_apart(code, ("r9", "r10"), 4)
        _take_apart(code, ("r12", "lr"), 8)
        code.op("stm.w r2!, {r4-r11}")
    if n % 2:
        code.op("ldr.w r9, [r0], #4")
        code.op("ldr.w r10, [r1], #4")
        _take_apart(code, ("r9", "r10"), 4)
        code.op("stm.w r2!, {r4-r7}")


def _take_apart(code: Assembly, bytes_of: tuple[str, str], first: int) -> None:
    """Four bytes of either row become pairs in four registers; the last of these may be one of the row's."""
    one, other = bytes_of
    words = names(first, 4)
    code.op(f"pkhbt {words[0]}, {one}, {other}, lsl #16")
    code.op(f"pkhtb {words[2]}, {other}, {one}, asr #16")
    for even, odd in (words[:2], words[2:]):
        code.op(f"uxtb16 {odd}, {even}, ror #8")
        code.op(f"uxtb16 {even}, {even}")


def names(first: int, n: int) -> list[str]:
    """Registers by their numbers."""
    return [f"r{number}" for number in range(first, first + n)]


def store_many(code: Assembly, base: str, registers: list[str]) -> None:
    """Words to an address, which moves behind them."""
    if len(registers) == 1:
        code.op(f"str.w {registers[0]}, [{base}], #4")
    else:
        code.op(f"stm.w {base}!, {{{', '.join(registers)}}}")
