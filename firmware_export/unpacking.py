"""The stored form of a model on the device: unpacked in RAM by the C decoder, and what that costs."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..compression.compact import CompactModel
from ..compression.model_file import to_bytes
from ..compression.storage import to_stored
from ..compression.stored_walk import grids_of
from .emulator.emulator import EmulatedCore
from .emulator.footprint import DisagreementError
from .emulator.machine import Machine, check, place
from .library.model_sources import write_sources
from .toolchain import DEVICE_DIRECTORY, build_device

__all__ = ["Unpacking", "measure_unpacking", "scratch_counts", "unpack_on"]

_COUNT_BYTES = 2


@dataclass(frozen=True)
class Unpacking:
    """What the decoder costs on the emulated Cortex-M4.

    Attributes
    ----------
    stored_bytes, device_bytes : the model in both forms
    decoder_bytes : flash of the decoder, without the model
    scratch_bytes : RAM that it works in, besides the stack and the model
    stack_bytes : deepest stack
    instructions : of the whole model, its checksums included
    """

    stored_bytes: int
    device_bytes: int
    decoder_bytes: int
    scratch_bytes: int
    stack_bytes: int
    instructions: int


def scratch_counts(model: CompactModel) -> int:
    """Counts (uint16) that `ictus_unpack` needs to work in."""
    grids = [grid for grid, _ in grids_of(model)]
    return max(2 * min(grid.in_channels, grid.taps) - (-grid.taps // grid.in_channels) for grid in grids)


def unpack_on(machine: Machine, stored: bytes, out_bytes: int, n_scratch: int) -> bytes:
    """Device form of a stored model, unpacked by the C runtime of a machine.

    Parameters
    ----------
    out_bytes : room for the device form
    n_scratch : counts that it may work in, see `scratch_counts`

    Raises
    ------
    RuntimeRefusedError : the C runtime refuses the bytes, or the room is too small.
    """
    word = machine.pointer_dtype.itemsize
    out, scratch, n_out = (machine.allocate(max(n, 1)) for n in (out_bytes, n_scratch * _COUNT_BYTES, word))
    room = out, out_bytes, scratch, n_scratch
    check(machine.call("ictus_unpack", place(machine, stored), len(stored), *room, n_out))
    n = int(np.frombuffer(machine.read(n_out, word), machine.pointer_dtype)[0])
    return machine.read(out, n)


def measure_unpacking(model: CompactModel) -> Unpacking:
    """Unpack a model on the emulated core and compare with Python.

    Raises
    ------
    MissingToolError : the compiler or the emulator is not installed.
    DisagreementError : a byte differs from `to_bytes`.
    """
    with TemporaryDirectory(prefix="ictus-") as directory:
        sources, elf = Path(directory), Path(directory) / "ictus.elf"
        write_sources(model, sources)
        without = build_device(sources, elf).flash_bytes
        shutil.copyfile(DEVICE_DIRECTORY / "unpack_harness.c", sources / "ictus_unpack_harness.c")
        decoder_bytes = build_device(sources, elf).flash_bytes - without
        core = EmulatedCore(elf, {"unpack": "ictus_unpack"})
    stored, expected, n_scratch = to_stored(model), to_bytes(model), scratch_counts(model)
    core.reset_stack()
    if unpack_on(core, stored, len(expected), n_scratch) != expected:
        raise DisagreementError("the emulated core unpacks another model than Python")
    profile = core.profile()
    sizes = len(stored), len(expected), decoder_bytes, n_scratch * _COUNT_BYTES
    return Unpacking(*sizes, profile.stack_bytes, profile.region_instructions()["unpack"])
