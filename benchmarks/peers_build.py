"""Compile a network by whom you like for the emulated cores, with zig's clang or with Arm's gcc."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from ictus.signals import InputError

__all__ = ["CORES", "PEERS", "Compiler", "Unit"]

PEERS = Path(__file__).with_name("peers")
CORES = ("cortex-m4", "cortex-m0plus")

_FLAGS = (
    "-ffunction-sections",
    "-fdata-sections",
    "-fomit-frame-pointer",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fshort-enums",
    "-fno-pic",
    "-fno-stack-protector",
    "-g",
    "-w",  # other people's sources
    f"-I{Path(__file__).with_name('peers')}",
)
_CXX_FLAGS = ("-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")
_ZIG = {"cortex-m4": ("eabihf", "-mcpu=cortex_m4+vfp4d16sp"), "cortex-m0plus": ("eabi", "-mcpu=cortex_m0plus")}
_WITH_LIBRARY = "linux-musl"  # zig has the standard library's headers for Linux only; they serve here as well
_GCC = {
    "cortex-m4": ("-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "cortex-m0plus": ("-mthumb", "-mcpu=cortex-m0plus", "-mfloat-abi=soft"),
}


@dataclass(frozen=True)
class Unit:
    """A C or C++ source and what it is compiled with."""

    source: Path
    flags: tuple[str, ...] = ()

    @property
    def is_cxx(self) -> bool:
        return self.source.suffix != ".c"


@dataclass(frozen=True)
class Compiler:
    """`zig` or `gcc` for a core.

    Attributes
    ----------
    name, core : which
    objects : folder in which objects stay between runs
    """

    name: str
    core: str
    objects: Path

    def __post_init__(self) -> None:
        if self.name not in ("zig", "gcc"):
            raise InputError(f"compiler {self.name!r} is not known; known: zig, gcc")

    @property
    def title(self) -> str:
        """Name and version."""
        if self.name == "zig":
            return f"zig cc {version('ziglang')}"
        done = subprocess.run(
            ["arm-none-eabi-gcc", "-dumpfullversion"], capture_output=True, text=True, check=True
        )
        return f"arm-none-eabi-gcc {done.stdout.strip()}"

    def link(self, elf: Path, units: Sequence[Unit]) -> Path:
        """Compile `units` and link what the reset reaches.

        Raises
        ------
        InputError : the compiler refuses something; its first error in one line.
        """
        units = [Unit(PEERS / "start.c", ("-Os", "-ffreestanding")), *units]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            compiled = list(pool.map(self.compile, units))
        is_cxx = any(unit.is_cxx for unit in units)
        command = [*self._driver(is_cxx), *self._target(), "-g", "-nostartfiles", "-T", str(PEERS / "cortex_m.ld")]
        command += ["-Wl,--gc-sections", "-Wl,--entry=peers_reset"]
        command += [*map(str, compiled), "-o", str(elf), *(["-lm"] if self.name == "gcc" else [])]
        self._run(command, elf.name)
        return elf

    def compile(self, unit: Unit) -> Path:
        """Object of one source, compiled unless it was before, with the same flags, text and headers."""
        source = unit.source
        command = [*self._driver(unit.is_cxx), *self._target(_WITH_LIBRARY), *_FLAGS]
        command += [*(_CXX_FLAGS if unit.is_cxx else ()), *unit.flags]
        folders = [source.parent, *(Path(flag[2:]) for flag in unit.flags if flag.startswith("-I"))]
        headers = b"".join(path.read_bytes() for folder in folders for path in sorted(folder.glob("*.h")))
        name = sha256("\0".join([*command, str(source)]).encode() + source.read_bytes() + headers).hexdigest()
        made = self.objects / f"{source.stem}-{name[:16]}.o"
        if not made.exists():
            part = made.with_suffix(f".{os.getpid()}.o")
            self._run([*command, "-c", str(source), "-o", str(part)], source.name)
            part.replace(made)
        return made

    def _driver(self, is_cxx: bool) -> list[str]:
        if self.name == "gcc":
            return ["arm-none-eabi-g++" if is_cxx else "arm-none-eabi-gcc"]
        return [sys.executable, "-m", "ziglang", "c++" if is_cxx else "cc"]

    def _target(self, system: str = "freestanding-") -> tuple[str, ...]:
        if self.name == "gcc":
            return (*_GCC[self.core], "--specs=nosys.specs", "--specs=nano.specs")
        abi, cpu = _ZIG[self.core]
        return ("-target", f"thumb-{system}{abi}", cpu, "-fno-sanitize=all")

    def _run(self, command: list[str], what: str) -> None:
        self.objects.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
            raise InputError(f"{what}: {lines[0] if lines else f'the compiler ended with {done.returncode}'}")
