"""Compile the runtime for the emulated wearable and for the host, with the pinned compiler of `ziglang`."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ..signals.errors import IctusError, InputError
from .targets import DEFAULT_TARGET, Board, Target, get_target

__all__ = [
    "DEVICE_DIRECTORY",
    "DEVICE_FLAGS",
    "RUNTIME_DIRECTORY",
    "CompileError",
    "FirmwareImage",
    "MissingToolError",
    "build_board",
    "build_device",
    "build_host",
    "build_library",
    "compiler",
    "device_flags",
    "read_image",
    "read_symbols",
    "require",
]

RUNTIME_DIRECTORY = Path(__file__).with_name("runtime")
DEVICE_DIRECTORY = Path(__file__).with_name("device")

_STANDARD = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror")

_OPTIMISATION = (
    "-O2",
    "-fno-unroll-loops",  # a third less flash for three hundredths more instructions
    "-g",  # symbols; without it zig strips them
    "-ffreestanding",
    "-fno-sanitize=all",
    "-fomit-frame-pointer",  # zig keeps one by default, which costs the kernel a register
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-ffunction-sections",
    "-fdata-sections",
)

DEVICE_FLAGS = (*get_target(DEFAULT_TARGET).flags, *_OPTIMISATION)
"""What every figure of the emulated device was compiled with."""

_PROGRAM = (
    "main.c",
    "seizure_main.c",
    "harness.c",
    "beat_harness.c",
    "alarm_harness.c",
    "rhythm_harness.c",
    "seizure_harness.c",
)
_LINK_FLAGS = ("-Wl,--gc-sections", "-Wl,--entry=ictus_reset")
_HARNESS = range(0x08080000, 0x08090000)
_RAM_START = 0x20000000


class MissingToolError(InputError):
    """A package that the emulated wearable needs is not installed."""


class CompileError(IctusError):
    """The compiler refused the sources."""


@dataclass(frozen=True)
class FirmwareImage:
    """A linked program and its memory, measured from its sections.

    Attributes
    ----------
    elf : the file
    flash_bytes : code, constants (the model among them) and initial values of variables
    model_bytes : the part of `flash_bytes` that is the compact model
    ram_bytes : variables, the arena among them, without the stack
    compiler : name and version
    """

    elf: Path
    flash_bytes: int
    model_bytes: int
    ram_bytes: int
    compiler: str


def require(module: str, package: str) -> None:
    """Check that an optional module is there.

    Raises
    ------
    MissingToolError : it is not; the message names the extra to install.
    """
    if find_spec(module) is None:
        raise MissingToolError(
            f"{package} is not installed; the emulated wearable needs: pip install 'ictus[wearable]'"
        )


def compiler() -> str:
    """Name and version of the compiler; raises `MissingToolError` without it."""
    require("ziglang", "ziglang")
    try:
        return f"zig cc {version('ziglang')}"
    except PackageNotFoundError:
        return "zig cc"


def device_flags(target: Target) -> tuple[str, ...]:
    """What zig is told about a target and optimisation; `DEVICE_FLAGS` for the default one."""
    return (*target.flags, *_OPTIMISATION)


def build_device(
    sources: Path, elf: Path, with_alarm: bool = False, target: str = DEFAULT_TARGET
) -> FirmwareImage:
    """Link what `c_export.write_sources` wrote with the emulated wearable's start-up code.

    Parameters
    ----------
    sources : directory with the runtime and ``ictus_model_data.c``
    elf : file to write
    with_alarm : let measurements add the alarm of ventricular fibrillation, whose code is then part of the flash
    target : name of a Cortex-M

    Raises
    ------
    InputError, MissingToolError, CompileError
    """
    flags = device_flags(get_target(target))
    script = ("-T", str(DEVICE_DIRECTORY / "cortex_m.ld"))
    program = [DEVICE_DIRECTORY / name for name in ("start.c", *_PROGRAM)]
    alarm = ("-DICTUS_HARNESS_ALARM",) if with_alarm else ()
    _compile([*flags, *alarm, *_LINK_FLAGS, *script], sources, [*_library_sources(sources), *program], elf)
    return read_image(elf)


def build_board(sources: Path, program: Sequence[Path], board: Board, elf: Path) -> FirmwareImage:
    """Link what `c_export.write_sources` wrote with a program and the start-up of a board of QEMU.

    Raises
    ------
    MissingToolError, CompileError
    """
    script = elf.with_suffix(".ld")
    memory = (("flash (rx)", board.flash), ("ram (rw)", board.ram))
    regions = "\n".join(f"    {name} : ORIGIN = {at.start:#x}, LENGTH = {len(at):#x}" for name, at in memory)
    behind = (DEVICE_DIRECTORY / "qemu.ld").read_text(encoding="utf-8")
    script.write_text(f"MEMORY\n{{\n{regions}\n}}\n{behind}", encoding="utf-8")
    flags = [*board.flags, *_OPTIMISATION, *_LINK_FLAGS, "-T", str(script), "-I", str(DEVICE_DIRECTORY)]
    files = [*_library_sources(sources), DEVICE_DIRECTORY / "qemu_start.c", *program]
    _compile(flags, sources, files, elf)
    return read_image(elf)


def build_host(sources: Path, library: Path, *, sanitize: bool = False) -> Path:
    """Link the same sources into a shared library of this machine; undefined behaviour traps if asked."""
    checks = ("-fsanitize=undefined", "-fsanitize-trap=undefined") if sanitize else ("-fno-sanitize=all",)
    program = [DEVICE_DIRECTORY / name for name in _PROGRAM]
    flags = ["-shared", "-O2", "-DICTUS_HARNESS_ALL", *checks]
    _compile(flags, sources, [*_library_sources(sources), *program], library)
    return library


def build_library(source: Path, library: Path) -> Path:
    """Link one C file into a shared library of this machine."""
    _compile(["-shared", "-O2", "-fno-sanitize=all"], source.parent, [source], library)
    return library


def _library_sources(sources: Path) -> list[Path]:
    return sorted(sources.glob("ictus*.c"))


def _compile(flags: list[str], include: Path, sources: list[Path], output: Path) -> None:
    compiler()
    command = [sys.executable, "-m", "ziglang", "cc", *_STANDARD, *flags, "-I", str(include)]
    command += [str(path) for path in sources] + ["-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise CompileError(f"{output.name}: {lines[0] if lines else f'zig cc ended with {done.returncode}'}")


def read_image(elf: Path) -> FirmwareImage:
    """Measure a linked program."""
    require("elftools", "pyelftools")
    from elftools.elf.elffile import ELFFile

    flash = ram = 0
    with elf.open("rb") as file:
        image = ELFFile(file)
        for section in image.iter_sections():
            is_allocated = section["sh_flags"] & 2
            in_ram = section["sh_addr"] >= _RAM_START
            if is_allocated and in_ram:
                ram += section["sh_size"]
            if is_allocated and section["sh_type"] != "SHT_NOBITS" and section["sh_addr"] not in _HARNESS:
                flash += section["sh_size"]
    _, model = read_symbols(elf).get("ictus_model_data", (0, 0))
    return FirmwareImage(elf, flash, model, ram, compiler())


def read_symbols(elf: Path) -> dict[str, tuple[int, int]]:
    """Address and size of every named symbol of a linked program."""
    require("elftools", "pyelftools")
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        symbols = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
        return {symbol.name: (symbol["st_value"], symbol["st_size"]) for symbol in symbols if symbol.name}
