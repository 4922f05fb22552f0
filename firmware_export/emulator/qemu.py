"""The library on boards of QEMU, the second opinion on the emulated core.

QEMU knows what a core has and what it has not: an instruction of another core, or an access that is not
aligned, ends the program, and on the micro:bit it has to fit into 16 KB of RAM. Input and output are files,
read and written by semihosting; nothing is counted.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...compression.compact import CompactModel
from ..golden import GoldenVectors
from ..library.layout import EXAMPLES
from ..targets import Board
from ..toolchain import DEVICE_DIRECTORY, FirmwareImage, MissingToolError, build_board
from .device_run import DeviceEvents
from .rhythm_run import StripEvents
from .seizure_run import DEVICE_EEG_CHANNELS, SeizureEvents

__all__ = [
    "BoardFaultError",
    "QemuProgram",
    "build_example",
    "build_networks",
    "push_recording",
    "require_qemu",
    "run_networks",
]

_TIMEOUT_S = 1800
_WORDS = {"beat": 12, "rhythm": 13, "seizure": 8}


class BoardFaultError(RuntimeError):
    """The program on the board ended with a fault, or not at all."""


@dataclass(frozen=True)
class QemuProgram:
    """A program for a board.

    Attributes
    ----------
    board : that runs it
    image : its memory
    """

    board: Board
    image: FirmwareImage

    def run(self, data: bytes) -> tuple[bytes, int]:
        """Output and deepest stack in bytes for an input.

        Raises
        ------
        MissingToolError : QEMU is not installed
        BoardFaultError : the program ended with a fault
        """
        folder = self.image.elf.parent
        (folder / "in").write_bytes(data)
        command = [
            require_qemu(),
            "-M",
            self.board.name,
            "-display",
            "none",
            "-monitor",
            "none",
            "-serial",
            "none",
        ]
        command += ["-semihosting-config", "enable=on,target=native", "-kernel", self.image.elf.name]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise BoardFaultError(f"{self.board.name}: no end after {_TIMEOUT_S} s") from error
        if done.returncode != 0:
            lines = done.stderr.split("\n")
            raise BoardFaultError(f"{self.board.name}: {lines[0] or f'QEMU ended with {done.returncode}'}")
        return (folder / "out").read_bytes(), int.from_bytes((folder / "stack").read_bytes(), "little")


def require_qemu() -> str:
    """Path of QEMU.

    Raises
    ------
    MissingToolError : it is not installed.
    """
    found = shutil.which("qemu-system-arm")
    if found is None:
        raise MissingToolError("QEMU is not installed; Debian has it in the package qemu-system-arm")
    return found


def build_networks(sources: Path, board: Board, folder: Path) -> QemuProgram:
    """The networks alone, for `run_networks`; the program and its files lie in `folder`."""
    return _build(sources, [DEVICE_DIRECTORY / "qemu_networks.c"], board, folder)


def build_example(sources: Path, task: str, board: Board, folder: Path) -> QemuProgram:
    """The exported ten-line example with the board as its front end and radio, for `push_recording`."""
    return _build(sources, [EXAMPLES / f"main_{task}.c", DEVICE_DIRECTORY / "qemu_port.c"], board, folder)


def _build(sources: Path, program: Sequence[Path], board: Board, folder: Path) -> QemuProgram:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(EXAMPLES / "port.h", sources / "port.h")
    return QemuProgram(board, build_board(sources, program, board, folder / "program.elf"))


def run_networks(program: QemuProgram, model: CompactModel, golden: GoldenVectors) -> dict[str, np.ndarray]:
    """Every exit for every unit: as `GoldenVectors.expected`."""
    n, sizes = len(golden), [stage.layers[-1].out_size for stage in model.stages]
    rows = [golden.features, golden.context, golden.window.reshape(n, -1)]
    head = np.array([n, golden.window.shape[1]], "<u4").tobytes()
    out, _ = program.run(head + np.concatenate([row.astype(np.int8) for row in rows], axis=1).tobytes())
    parts = np.split(np.frombuffer(out, np.int8).reshape(n, sum(sizes)), np.cumsum(sizes)[:-1], axis=1)
    return dict(zip((stage.name for stage in model.stages), parts, strict=True))


def push_recording(
    program: QemuProgram, model: CompactModel, counts: np.ndarray
) -> tuple[DeviceEvents | StripEvents | SeizureEvents, int]:
    """Events of a recording, sample by sample, and the deepest stack in bytes.

    Parameters
    ----------
    counts : int16 (n,), device signal; for EEG (n, 4)
    """
    out, stack_bytes = program.run(np.ascontiguousarray(counts, "<i2").tobytes())
    words = np.frombuffer(out, "<i4").reshape(-1, _WORDS[model.task])
    n_classes = model.stages[-1].layers[-1].out_size
    if model.task == "beat":
        return DeviceEvents.from_words(words, n_classes), stack_bytes
    if model.task == "rhythm":
        return StripEvents.from_words(words, n_classes), stack_bytes
    return SeizureEvents.from_words(words, DEVICE_EEG_CHANNELS), stack_bytes
