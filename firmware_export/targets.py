"""Processors that the library is built for, and the boards on which QEMU runs what was built."""

from dataclasses import dataclass

from ..signals.errors import InputError

__all__ = ["DEFAULT_TARGET", "TARGETS", "Board", "Target", "get_target"]

DEFAULT_TARGET = "cortex-m4"

_THUMB = ("-target", "thumb-freestanding-eabi")


@dataclass(frozen=True)
class Board:
    """A machine of ``qemu-system-arm``.

    Attributes
    ----------
    name : as QEMU knows it
    core : its processor
    cpu : compiler's name of the processor
    flash, ram : what is used of them; the vectors are at the beginning of the flash
    """

    name: str
    core: str
    cpu: str
    flash: range
    ram: range

    @property
    def flags(self) -> tuple[str, ...]:
        """For zig: the compiler may not join bytes into a word that is not aligned, so that the board may trap it.

        A floating-point unit may be there; it is off at the reset, and its first instruction a fault.
        """
        return (*_THUMB, f"-mcpu={self.cpu}+strict_align")


_MICROBIT = Board("microbit", "Cortex-M0", "cortex_m0", range(0x40000), range(0x20000000, 0x20004000))
_AN386 = Board("mps2-an386", "Cortex-M4", "cortex_m4", range(0x40000), range(0x20000000, 0x20010000))
_AN500 = Board("mps2-an500", "Cortex-M7", "cortex_m7", range(0x40000), range(0x20000000, 0x20010000))
_AN505 = Board(
    "mps2-an505", "Cortex-M33", "cortex_m33", range(0x10000000, 0x10040000), range(0x38000000, 0x38010000)
)


@dataclass(frozen=True)
class Target:
    """What a library is exported for.

    Attributes
    ----------
    name : as on the command line
    core : in words
    flags : for zig
    gcc_flags : for ``arm-none-eabi-gcc``, ``riscv64-unknown-elf-gcc`` or the host's compiler
    board : that runs it in QEMU; None if none does
    """

    name: str
    core: str
    flags: tuple[str, ...]
    gcc_flags: tuple[str, ...]
    board: Board | None = None


def _cortex(name: str, core: str, zig: tuple[str, ...], board: Board) -> Target:
    return Target(name, core, zig, (f"-mcpu={name}", "-mthumb"), board)


TARGETS = {
    target.name: target
    for target in (
        # QEMU has no Cortex-M0+ board; its Cortex-M0 has the same instructions.
        _cortex("cortex-m0plus", "Cortex-M0+", (*_THUMB, "-mcpu=cortex_m0plus"), _MICROBIT),
        _cortex(
            "cortex-m4", "Cortex-M4", ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"), _AN386
        ),
        _cortex("cortex-m33", "Cortex-M33", (*_THUMB, "-mcpu=cortex_m33"), _AN505),
        _cortex("cortex-m7", "Cortex-M7", (*_THUMB, "-mcpu=cortex_m7"), _AN500),
        Target(
            "rv32imc",
            "RISC-V RV32IMC",
            ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c"),
            ("-march=rv32imc", "-mabi=ilp32"),
        ),
        Target("host", "this machine", (), ()),
    )
}
"""Name -> target."""


def get_target(name: str | None) -> Target:
    """A target by its name; None is the default.

    Raises
    ------
    InputError : it is not known.
    """
    found = TARGETS.get(name or DEFAULT_TARGET)
    if found is None:
        raise InputError(f"target {name!r} is not known; known: {', '.join(TARGETS)}")
    return found
