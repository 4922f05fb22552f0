"""Instructions of a Cortex-M4 as text; executions and bytes are counted while they are written."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Assembly", "function_text", "is_low"]

_LINES_OF_A_STRING = 64
"""C99 promises strings of 4095 characters."""

_LOW = {f"r{number}" for number in range(8)}


def is_low(*registers: str) -> bool:
    """Whether 16-bit instructions reach all these registers."""
    return _LOW.issuperset(registers)


class Assembly:
    """Text of a function.

    Attributes
    ----------
    lines : instructions, labels and constants
    n_bytes : of flash
    executed : instructions of one call
    """

    def __init__(self, times: int = 1) -> None:
        self.lines: list[str] = []
        self.n_bytes = 0
        self.executed = 0
        self._times = times

    def op(self, text: str, n_bytes: int = 4) -> None:
        """An instruction."""
        self.lines.append(text)
        self.n_bytes += n_bytes
        self.executed += self._times

    def label(self, name: str) -> None:
        """A place to jump to."""
        self.lines.append(f"{name}:")

    def words(self, name: str, values: list[int]) -> None:
        """Constants, in a place that is no code."""
        self.lines.append(".balign 4")
        self.label(name)
        self.lines += [f".word 0x{value:08x}" for value in values]
        self.n_bytes += 4 * len(values) + self.n_bytes % 4

    def append(self, other: "Assembly") -> None:
        """What another one wrote, executed as often as it says."""
        self.lines += other.lines
        self.n_bytes += other.n_bytes
        self.executed += other.executed

    @contextmanager
    def repeated(self, times: int) -> Iterator[None]:
        """Instructions that a call executes this many times."""
        before, self._times = self._times, times
        yield
        self._times = before

    def add_shifted(self, to: str, x: str, exponent: int, is_negative: bool) -> None:
        """``to += x * 2^exponent``, or ``-=``; x is not negative if the exponent is."""
        name = "sub" if is_negative else "add"
        if exponent:
            self.op(f"{name}.w {to}, {to}, {x}, {'lsl' if exponent > 0 else 'lsr'} #{abs(exponent)}")
        elif is_negative and not is_low(to, x):
            self.op(f"sub.w {to}, {to}, {x}")
        elif is_negative:
            self.op(f"subs {to}, {to}, {x}", 2)
        else:
            self.op(f"add {to}, {x}", 2)

    def move_base(self, register: str, n_bytes: int) -> None:
        """Move an address by any distance."""
        while n_bytes:
            step = max(min(n_bytes, 4095), -4095)
            self.op(f"{'addw' if step > 0 else 'subw'} {register}, {register}, #{abs(step)}")
            n_bytes -= step

    def shift_right(self, to: str, x: str, shift: int) -> None:
        """``to = x >> shift`` of an unsigned word."""
        short = is_low(to, x)
        self.op(f"{'lsrs' if short else 'lsr.w'} {to}, {x}, #{shift}", 2 if short else 4)


def function_text(name: str, code: Assembly) -> Iterator[str]:
    """C text of a generated layer's function that consists of instructions."""
    yield f"__attribute__((naked)) void {name}(__attribute__((unused)) const ictus_code_call *call)"
    yield "{"
    for start in range(0, len(code.lines), _LINES_OF_A_STRING):
        yield '    __asm__ volatile(".syntax unified\\n"'
        yield from (f'        "{line}\\n"' for line in code.lines[start : start + _LINES_OF_A_STRING])
        yield "    );"
    yield "}"
