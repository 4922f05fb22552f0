"""Counting of basic blocks inside the emulator, in C, and what they add up to."""

import ctypes
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..toolchain import DEVICE_DIRECTORY, build_library
from .instructions import COSTS, BlockCount

__all__ = ["BlockCounter"]

_MAX_REGIONS = 16
_TAKEN = COSTS.index("branch_taken")


class _CounterHead(ctypes.Structure):
    """First fields of the C struct `counter`."""

    _fields_ = (
        ("read_register", ctypes.c_void_p),
        ("link_register", ctypes.c_int32),
        ("stack_register", ctypes.c_int32),
        ("n_regions", ctypes.c_uint32),
        ("depth", ctypes.c_uint32),
        ("overflow", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
        ("entry", ctypes.c_uint32 * _MAX_REGIONS),
        ("n_entered", ctypes.c_uint64 * _MAX_REGIONS),
    )


_BLOCK = np.dtype(
    [("address", "u4"), ("size", "u4"), ("region", "u4"), ("unused", "u4"), ("n", "u8"), ("n_fell_through", "u8")]
)


@lru_cache(maxsize=1)
def _counter_library() -> ctypes.CDLL:
    """The block counter, compiled once for this process."""
    with TemporaryDirectory(prefix="ictus-", ignore_cleanup_errors=True) as directory:
        library = Path(directory) / "block_counter.so"
        loaded = ctypes.CDLL(str(build_library(DEVICE_DIRECTORY / "block_counter.c", library)))
    loaded.ictus_counter_blocks.restype = ctypes.c_void_p
    return loaded


class BlockCounter:
    """Counts the blocks of an engine.

    Parameters
    ----------
    engine : unicorn.Uc
    entries : address of the function of each region, at most 16
    """

    def __init__(self, engine: Any, entries: list[int]) -> None:
        from unicorn import unicorn_const
        from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_SP
        from unicorn.unicorn_py3.unicorn import uclib

        if len(entries) > _MAX_REGIONS:
            raise ValueError(f"{len(entries)} regions, at most {_MAX_REGIONS}")
        library = _counter_library()
        self._state = ctypes.create_string_buffer(library.ictus_counter_bytes())
        self._head = _CounterHead.from_buffer(self._state)
        self._head.read_register = ctypes.cast(uclib.uc_reg_read, ctypes.c_void_p).value
        self._head.link_register, self._head.stack_register = UC_ARM_REG_LR, UC_ARM_REG_SP
        self._head.n_regions = len(entries)
        self._head.entry[: len(entries)] = entries
        n_slots = library.ictus_counter_slots()
        first = library.ictus_counter_blocks(self._state) - ctypes.addressof(self._state)
        self._blocks = np.ndarray(n_slots, _BLOCK, memoryview(self._state), first)
        self._handle = ctypes.c_size_t()
        hook = ctypes.cast(library.ictus_counter_hook, ctypes.c_void_p)
        everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))
        arguments = (ctypes.byref(self._handle), unicorn_const.UC_HOOK_BLOCK, hook, self._state, *everywhere)
        status = ctypes.CDLL(uclib._name).uc_hook_add(engine._uch, *arguments)
        if status != 0:
            raise RuntimeError(f"unicorn refused the block counter: error {status}")
        self._costs = np.zeros((n_slots, len(COSTS)), np.int64)
        self._falls = np.zeros(n_slots, np.int64)
        self._is_decoded = np.zeros(n_slots, np.bool_)
        self._n_parts = len(entries) + 1

    @property
    def overflow(self) -> bool:
        """Whether there were more blocks than it can hold."""
        return bool(self._head.overflow)

    @property
    def n_entered(self) -> list[int]:
        """Times that each region was entered."""
        return list(self._head.n_entered)[: self._n_parts - 1]

    def counts(self, decode: Callable[[int, int], BlockCount]) -> np.ndarray:
        """What was counted, int64 (1 + n_regions, len(COSTS)); the first row lies in no region.

        Parameters
        ----------
        decode : takes the block at an address, of so many bytes, to pieces
        """
        met = np.flatnonzero(self._blocks["n"])
        for slot in met[~self._is_decoded[met]]:
            block = decode(int(self._blocks["address"][slot]), int(self._blocks["size"][slot]))
            self._costs[slot], self._falls[slot] = block.costs, block.is_conditional
        self._is_decoded[met] = True
        blocks = self._blocks[met]
        rows = self._costs[met] * blocks["n"].astype(np.int64)[:, None]
        rows[:, _TAKEN] -= self._falls[met] * blocks["n_fell_through"].astype(np.int64)
        found = np.zeros((self._n_parts, len(COSTS)), np.int64)
        np.add.at(found, blocks["region"], rows)
        return found

    def reset(self) -> None:
        """Forget everything that was counted."""
        self._blocks["n"] = 0
        self._blocks["n_fell_through"] = 0
        self._head.depth = 0
        for index in range(_MAX_REGIONS):
            self._head.n_entered[index] = 0
