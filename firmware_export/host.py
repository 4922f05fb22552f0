"""The runtime compiled for this machine, with the same calls as the emulated core."""

import ctypes
from pathlib import Path

import numpy as np

__all__ = ["HostMachine"]


class HostMachine:
    """A `Machine` in this process.

    Parameters
    ----------
    library : shared library of `toolchain.build_host`
    """

    pointer_dtype = np.dtype(np.uintp)

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._buffers: list[ctypes.Array[ctypes.c_char]] = []

    def symbol(self, name: str) -> int:
        """Address of a function or variable; ValueError if there is none."""
        return ctypes.addressof(ctypes.c_char.in_dll(self._library, name))

    def allocate(self, n_bytes: int) -> int:
        """Address of fresh zeroed memory, 8-byte aligned."""
        buffer = ctypes.create_string_buffer(n_bytes + 7)
        self._buffers.append(buffer)
        return ctypes.addressof(buffer) + 7 & ~7

    def free_all(self) -> None:
        """Give back everything that `allocate` handed out."""
        self._buffers.clear()

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes to an address."""
        ctypes.memmove(address, data, len(data))

    def read(self, address: int, n_bytes: int) -> bytes:
        """Copy bytes from an address."""
        return ctypes.string_at(address, n_bytes)

    def call(self, name: str, *arguments: int) -> int:
        """Call a C function with integers or addresses; its result as uint32."""
        function = self._library[name]
        function.restype = ctypes.c_uint32
        return function(*(ctypes.c_size_t(value) for value in arguments))
