"""Compilers, the emulator and the other programs: each does a small piece of its real work."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ...firmware_export.targets import DEFAULT_TARGET, get_target
from ...firmware_export.toolchain import compiler, device_flags
from .check import Check

__all__ = ["check_tools"]

_WEARABLE = "pip install 'ictus[wearable]'"
_ANSWER = 42
_PROGRAM = f"int main(void) {{ return {_ANSWER}; }}\n"
_LIMIT_S = 120
_THUMB_MOVS = bytes([_ANSWER, 0x20])  # movs r0, #42 (Arm v7-M, T1)


def check_tools() -> Iterator[Check]:
    """Host compiler, cross compiler, emulator, LiteRT and QEMU."""
    yield _host_compiler()
    yield _cross_compiler()
    yield _emulator()
    yield _litert()
    yield _qemu()


def _host_compiler() -> Check:
    """The compiler that `ictus analyze` takes for its C: ziglang's, else the system's."""
    name, todo = "C compiler", f"{_WEARABLE}, or the system's C compiler"
    commands = [[sys.executable, "-m", "ziglang", "cc"]] if find_spec("ziglang") else []
    commands += [[path]] if (path := shutil.which("cc")) else []
    if not commands:
        return Check(
            name, "failed", "neither ziglang nor `cc` is installed; ictus analyze cannot build its C", todo
        )
    faults = [fault for command in commands if (fault := _fault_of(command))]
    if len(faults) == len(commands):
        return Check(name, "failed", "; ".join(faults), todo)
    said = " and ".join("ziglang" if len(command) > 1 else command[0] for command in commands)
    return Check(name, "warning", faults[0], todo) if faults else Check(name, "ok", f"{said}: a program ran")


def _fault_of(command: Sequence[str]) -> str:
    """What is wrong with a compiler; "" if a program that it made ran."""
    with tempfile.TemporaryDirectory(prefix="ictus-") as folder:
        source, program = Path(folder) / "a.c", Path(folder) / "a"
        source.write_text(_PROGRAM)
        built = _run([*command, str(source), "-o", str(program)])
        if built.returncode:
            return f"{command[-1]}: {_first_line(built.stderr)}"
        answer = _run([str(program)]).returncode
    return "" if answer == _ANSWER else f"{command[-1]}: its program gave {answer} and not {_ANSWER}"


def _cross_compiler() -> Check:
    if find_spec("ziglang") is None:
        return Check("cross compiler", "absent", "ziglang is not installed; no firmware can be built", _WEARABLE)
    with tempfile.TemporaryDirectory(prefix="ictus-") as folder:
        source, built = Path(folder) / "a.c", Path(folder) / "a.o"
        source.write_text(_PROGRAM)
        flags = device_flags(get_target(DEFAULT_TARGET))
        made = _run([sys.executable, "-m", "ziglang", "cc", *flags, "-c", str(source), "-o", str(built)])
    if made.returncode:
        return Check("cross compiler", "failed", _first_line(made.stderr), _WEARABLE)
    return Check("cross compiler", "ok", f"{compiler()} builds for {DEFAULT_TARGET}")


def _emulator() -> Check:
    if find_spec("unicorn") is None:
        return Check("emulator", "absent", "unicorn is not installed; ictus simulate cannot run", _WEARABLE)
    from unicorn import arm_const, unicorn_const
    from unicorn.unicorn import Uc

    start = 0x1000
    mode = unicorn_const.UC_MODE_THUMB | unicorn_const.UC_MODE_MCLASS
    core = Uc(unicorn_const.UC_ARCH_ARM, mode)
    core.mem_map(start, 0x1000)
    core.mem_write(start, _THUMB_MOVS)
    core.emu_start(start | 1, start + len(_THUMB_MOVS))
    found = core.reg_read(arm_const.UC_ARM_REG_R0)
    if found != _ANSWER:
        return Check("emulator", "failed", f"an instruction gave {found} and not {_ANSWER}", _WEARABLE)
    return Check("emulator", "ok", f"unicorn {version('unicorn')} executes")


def _litert() -> Check:
    if find_spec("ai_edge_litert") is None:
        return Check(
            "LiteRT", "absent", "not installed; .tflite files are not tried", "pip install 'ictus[tflite]'"
        )
    from ai_edge_litert import interpreter

    return Check("LiteRT", "ok", f"loads, with {interpreter.OpResolverType.BUILTIN_REF.name}")


def _qemu() -> Check:
    path = shutil.which("qemu-system-arm")
    if path is None:
        todo = "install qemu-system-arm, if firmware is to run on its boards"
        return Check("QEMU", "absent", "not installed (optional)", todo)
    said = _run([path, "--version"])
    if said.returncode:
        return Check("QEMU", "warning", f"{path}: {_first_line(said.stderr)}", "install qemu-system-arm again")
    return Check("QEMU", "ok", _first_line(said.stdout))


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "it said nothing")[:200]
