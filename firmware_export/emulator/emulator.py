"""The emulated wearable: a Cortex-M4 core that runs the linked program and counts its instructions exactly.

Instructions are counted by basic block, so those that an IT instruction skips count too: they take a cycle as
well. Cycles, flash wait states and caches are not modelled.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...signals.errors import IctusError
from ..toolchain import read_symbols, require
from .block_counter import BlockCounter
from .instructions import CLASSES, BlockCount, count_classes

__all__ = ["OUTSIDE", "DeviceFaultError", "EmulatedCore", "PartCounts", "Profile"]

OUTSIDE = "other"
"""Name of the region that holds what lies in no named region."""

_FLASH = range(0x08000000, 0x08100000)
_RAM = range(0x20000000, 0x20008000)
_SHARED = range(0x60000000, 0x64000000)  # the host's data, no part of the device
_EXIT = 0x0FFFF000
_PAINT = b"\xa5"


class DeviceFaultError(IctusError):
    """The emulated core touched memory that it does not have, or met an undefined instruction."""


@dataclass(frozen=True)
class Profile:
    """What the core did since the profile was last reset.

    Attributes
    ----------
    by_region : region -> instruction class -> count; callees count for the innermost named region that called
        them, and `OUTSIDE` holds the rest
    calls : region -> times its function was entered
    branches_taken : branches that were, and loads into the program counter, such as a function's return
    extra_transfers : registers beyond the first moved by loads and stores of several registers
    stack_bytes : deepest stack since `EmulatedCore.reset_stack`
    """

    by_region: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    branches_taken: int = 0
    extra_transfers: int = 0
    stack_bytes: int = 0

    def __add__(self, other: "Profile") -> "Profile":
        """Both one after the other."""
        regions = {**self.by_region, **other.by_region}
        return Profile(
            {
                name: Counter(self.by_region.get(name, {})) + Counter(other.by_region.get(name, {}))
                for name in regions
            },
            Counter(self.calls) + Counter(other.calls),
            self.branches_taken + other.branches_taken,
            self.extra_transfers + other.extra_transfers,
            max(self.stack_bytes, other.stack_bytes),
        )

    @property
    def by_class(self) -> dict[str, int]:
        """Instructions of all regions, by class."""
        return {name: sum(counts.get(name, 0) for counts in self.by_region.values()) for name in CLASSES}

    @property
    def instructions(self) -> int:
        """Instructions of all regions and classes."""
        return sum(self.by_class.values())

    def region_instructions(self) -> dict[str, int]:
        """Instructions of all classes, by region."""
        return {name: sum(counts.values()) for name, counts in self.by_region.items()}


@dataclass(frozen=True)
class PartCounts:
    """What was counted up to a moment.

    Attributes
    ----------
    parts : `OUTSIDE` and the regions
    runs : int64 (n_parts,), times entered; 0 for `OUTSIDE`
    counts : int64 (n_parts, len(COSTS))
    """

    parts: tuple[str, ...]
    runs: np.ndarray
    counts: np.ndarray


class EmulatedCore:
    """A Cortex-M4 with 32 KB of RAM and a linked program in its flash; a `Machine`.

    Parameters
    ----------
    elf : linked program, see `toolchain.build_device`
    regions : name -> C function whose instructions, callees included, are counted apart

    Raises
    ------
    MissingToolError : unicorn, capstone, pyelftools or ziglang is not installed.
    """

    pointer_dtype = np.dtype("<u4")

    def __init__(self, elf: Path, regions: Mapping[str, str] | None = None) -> None:
        for module, package in (("unicorn", "unicorn"), ("capstone", "capstone"), ("elftools", "pyelftools")):
            require(module, package)
        self._engine, self._symbols, self._stack_limit = _load(elf)
        self._decoder = _decoder()
        self._names = [OUTSIDE, *(regions or {})]
        self._counter = BlockCounter(self._engine, [self.symbol(name) & ~1 for name in (regions or {}).values()])
        self._decoded: dict[tuple[int, int], BlockCount] = {}
        self._free = _SHARED.start
        self.limit_s = 0.0
        """Longest time of a call on this computer, above 0, behind which it counts as a fault; 0 is none."""
        self.reset_stack()

    def symbol(self, name: str) -> int:
        """Address of a function or variable; KeyError if the program has none of that name."""
        return self._symbols[name]

    def allocate(self, n_bytes: int) -> int:
        """Address of memory outside the device's own, 8-byte aligned.

        Raises
        ------
        DeviceFaultError : more than 64 MB are asked for.
        """
        address = self._free
        self._free += n_bytes + 7 & ~7
        if self._free > _SHARED.stop:
            raise DeviceFaultError(
                f"{self._free - _SHARED.start} bytes of shared memory, there are {len(_SHARED)}"
            )
        return address

    def free_all(self) -> None:
        """Give back everything that `allocate` handed out."""
        self._free = _SHARED.start

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes to an address."""
        with _clear_faults(self._engine, "write"):
            self._engine.mem_write(address, data)

    def read(self, address: int, n_bytes: int) -> bytes:
        """Copy bytes from an address."""
        with _clear_faults(self._engine, "read"):
            return bytes(self._engine.mem_read(address, n_bytes))

    def call(self, name: str, *arguments: int) -> int:
        """Call a C function with 32-bit arguments; its result as uint32.

        Raises
        ------
        DeviceFaultError : the function leaves the device's memory or its code, or takes longer than `limit_s`.
        """
        from unicorn import arm_const as arm

        registers = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)
        for register, value in zip(registers, arguments, strict=False):
            self._engine.reg_write(register, value & 0xFFFFFFFF)
        on_stack = b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in arguments[4:])
        stack = _RAM.stop - (len(on_stack) + 7 & ~7)
        self.write(stack, on_stack)
        self._engine.reg_write(arm.UC_ARM_REG_SP, stack)
        self._engine.reg_write(arm.UC_ARM_REG_LR, _EXIT | 1)
        with _clear_faults(self._engine, name):
            self._engine.emu_start(self.symbol(name) | 1, _EXIT, timeout=round(self.limit_s * 1e6))
        if self.limit_s and self._engine.reg_read(arm.UC_ARM_REG_PC) != _EXIT:
            raise DeviceFaultError(f"{name}: still running after {self.limit_s:g} s")
        return self._engine.reg_read(arm.UC_ARM_REG_R0)

    def part_counts(self) -> PartCounts:
        """What was counted since the last `reset_profile`.

        Raises
        ------
        DeviceFaultError : the program is too large for the counter.
        """
        if self._counter.overflow:
            raise DeviceFaultError("the program has more basic blocks than the counter can hold")
        runs = np.array([0, *self._counter.n_entered])
        return PartCounts(tuple(self._names), runs, self._counter.counts(self._decode))

    def profile(self) -> Profile:
        """What was counted since the last `reset_profile`; raises as `part_counts`."""
        counted = self.part_counts()
        n = len(CLASSES)
        by_region = {
            name: Counter({c: k for c, k in zip(CLASSES, row, strict=True) if k})
            for name, row in zip(counted.parts, counted.counts[:, :n].tolist(), strict=True)
        }
        taken, transfers = counted.counts[:, n:].sum(axis=0).tolist()
        calls = dict(zip(counted.parts[1:], counted.runs[1:].tolist(), strict=True))
        return Profile(by_region, calls, taken, transfers, self.stack_bytes)

    def reset_profile(self) -> None:
        """Start counting from nothing; the stack's high-water mark stays."""
        self._counter.reset()

    def reset_stack(self) -> None:
        """Forget how deep the stack was."""
        self.write(self._stack_limit, _PAINT * (_RAM.stop - self._stack_limit))

    def _decode(self, address: int, size: int) -> BlockCount:
        found = self._decoded.get((address, size))
        if found is None:
            found = count_classes(self._decoder, self.read(address, size), address)
            self._decoded[address, size] = found
        return found

    @property
    def stack_bytes(self) -> int:
        """Deepest stack since `reset_stack`."""
        stack = self.read(self._stack_limit, _RAM.stop - self._stack_limit)
        return len(stack.lstrip(_PAINT))


@contextmanager
def _clear_faults(engine: Any, what: str) -> Iterator[None]:
    """Turn unicorn's errors into one line that names the call and the program counter."""
    from unicorn.arm_const import UC_ARM_REG_PC
    from unicorn.unicorn import UcError

    try:
        yield
    except UcError as error:
        raise DeviceFaultError(f"{what}: {error} at pc {engine.reg_read(UC_ARM_REG_PC):#010x}") from error


def _decoder() -> Any:
    import capstone

    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    decoder.skipdata = True
    return decoder


def _load(elf: Path) -> tuple[Any, dict[str, int], int]:
    """An engine with the program in its memory, its symbols, and the address where the stack must end."""
    import unicorn
    from elftools.elf.elffile import ELFFile
    from unicorn.arm_const import UC_CPU_ARM_CORTEX_M4
    from unicorn.unicorn import Uc

    engine = Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
    engine.mem_map(_FLASH.start, len(_FLASH), unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    engine.mem_map(_RAM.start, len(_RAM), unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
    engine.mem_map(_SHARED.start, len(_SHARED), unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
    engine.mem_map(_EXIT, 0x1000, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    with elf.open("rb") as file:
        image = ELFFile(file)
        for segment in image.iter_segments("PT_LOAD"):
            engine.mem_write(segment["p_vaddr"], segment.data())
    symbols = {name: address for name, (address, _) in read_symbols(elf).items()}
    return engine, symbols, symbols["ictus_bss_end"]
