"""One set of calls for the runtime, whether it was built for the host or runs on the emulated core."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...compression.compact import CompactModel
from ...compression.model_file import to_bytes
from ...signals.errors import InputError

__all__ = ["STATUS_NAMES", "LoadedModel", "Machine", "RuntimeRefusedError", "check", "place"]

STATUS_NAMES = (
    "OK",
    "NULL_ARGUMENT",
    "NOT_A_MODEL",
    "OTHER_VERSION",
    "WRONG_SIZE",
    "WRONG_CHECKSUM",
    "BAD_LAYER",
    "BAD_SHAPE",
    "ARENA_TOO_SMALL",
    "NO_SUCH_STAGE",
    "OTHER_INPUTS",
    "TOO_SHORT",
    "NO_CODE",
)
"""Values of the C type `ictus_status`, in order."""


class RuntimeRefusedError(InputError):
    """A call of the runtime returned another status than ICTUS_OK: it refuses the model that it was given."""


class Machine(Protocol):
    """Memory and calls of one build of the runtime."""

    pointer_dtype: np.dtype

    def symbol(self, name: str) -> int:
        """Address of a function or variable."""
        ...

    def allocate(self, n_bytes: int) -> int:
        """Address of fresh memory outside the device's own, 8-byte aligned."""
        ...

    def free_all(self) -> None:
        """Give back everything that `allocate` handed out."""
        ...

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes to an address."""
        ...

    def read(self, address: int, n_bytes: int) -> bytes:
        """Copy bytes from an address."""
        ...

    def call(self, name: str, *arguments: int) -> int:
        """Call a C function with 32-bit integers or addresses; its result as uint32."""
        ...


def place(machine: Machine, values: np.ndarray | bytes) -> int:
    """Address of a copy of `values` in the machine's memory."""
    data = values if isinstance(values, bytes) else np.ascontiguousarray(values).tobytes()
    address = machine.allocate(max(len(data), 1))
    machine.write(address, data)
    return address


def check(status: int) -> None:
    """Raise `RuntimeRefusedError` unless `status` is ICTUS_OK."""
    if status != 0:
        name = STATUS_NAMES[status] if status < len(STATUS_NAMES) else str(status)
        raise RuntimeRefusedError(f"the C runtime returned ICTUS_{name}")


@dataclass(frozen=True)
class LoadedModel:
    """A compact model opened by the C runtime of a machine.

    Attributes
    ----------
    machine : where it was opened
    model : the same in Python
    address : of the `ictus_model`
    arena_bytes : RAM that its stages need
    """

    machine: Machine
    model: CompactModel
    address: int
    arena_bytes: int

    @classmethod
    def open(
        cls, machine: Machine, model: CompactModel, lent: int = 0, data: bytes | None = None
    ) -> "LoadedModel":
        """Copy a model into the machine's memory and open it there; its arena has `lent` bytes or what it needs.

        Parameters
        ----------
        data : the model's device bytes; those of `to_bytes` unless some of its layers are code

        Raises
        ------
        RuntimeRefusedError : the C runtime refuses the bytes.
        """
        machine.free_all()
        data = to_bytes(model) if data is None else data
        address = machine.allocate(machine.call("ictus_harness_model_size"))
        check(machine.call("ictus_harness_open", place(machine, data), len(data), address))
        arena_bytes = machine.call("ictus_harness_arena_bytes", address)
        arena = machine.allocate(max(arena_bytes, lent, 1))
        check(machine.call("ictus_harness_attach", address, arena, max(arena_bytes, lent)))
        return cls(machine, model, address, arena_bytes)

    def run(self, features: np.ndarray, window: np.ndarray, context: np.ndarray) -> dict[str, np.ndarray]:
        """Every exit for every unit: arguments and result as in `CompactModel.run`."""
        found = dict(self._run_stages(features, window, context))
        for stage in self.model.stages:
            if stage.source == "stream":
                strips = zip(window, context, strict=True)
                found[stage.name] = np.stack([self.run_strip(wave, row) for wave, row in strips])
        return found

    def _run_stages(
        self, features: np.ndarray, window: np.ndarray, context: np.ndarray
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Names and logits of the stages that are no streams, see `run`."""
        machine, n_units = self.machine, len(window)
        by_source = [place(machine, np.asarray(x, np.int8)) for x in (features, window, context)]
        pointers = place(machine, np.array(np.insert(by_source, 2, 0), machine.pointer_dtype))
        stages = [stage for stage in self.model.stages if stage.source != "stream"]
        sizes = [stage.layers[-1].out_size for stage in stages]
        out = machine.allocate(max(n_units * sum(sizes), 1))
        check(machine.call("ictus_harness_run_all", self.address, pointers, n_units, out))
        logits = np.frombuffer(machine.read(out, n_units * sum(sizes)), np.int8).reshape(n_units, sum(sizes))
        parts = np.split(logits, np.cumsum(sizes)[:-1], axis=1)
        return zip((stage.name for stage in stages), parts, strict=True)

    def run_strip(self, wave: np.ndarray, features: np.ndarray, chunk: int = 64) -> np.ndarray:
        """Class logits of a strip, streamed in `chunk` rows a call; otherwise as `CompactModel.run_strip`.

        Raises
        ------
        RuntimeRefusedError : the strip is too short, or the model has no stream.
        """
        machine, n_logits = self.machine, self.model.stages[-1].layers[-1].out_size
        rows, context = place(machine, np.asarray(wave, np.int8)), place(machine, np.asarray(features, np.int8))
        out = machine.allocate(n_logits)
        n_rows = wave.size // self.model.window_shape[1]
        check(machine.call("ictus_harness_run_strip", self.address, rows, n_rows, chunk, context, out))
        return np.frombuffer(machine.read(out, n_logits), np.int8)

    def run_stages(
        self, features: np.ndarray, window: np.ndarray, context: np.ndarray
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Run the stages of one unit one after the other: name and logits int8 (n_outputs,) as each ends.

        Parameters
        ----------
        features, window, context : int8, as a row of the arguments of `run`
        """
        machine = self.machine
        inputs = {"features": features, "window": window, "kept": b"", "context": context}
        addresses = {name: place(machine, x) for name, x in inputs.items()}
        for number, stage in enumerate(self.model.stages):
            if stage.source == "stream":
                yield stage.name, self.run_strip(window, context)
                continue
            out = machine.allocate(stage.layers[-1].out_size)
            arguments = addresses[stage.source], addresses["context"], out
            check(machine.call("ictus_harness_run", self.address, number, *arguments))
            yield stage.name, np.frombuffer(machine.read(out, stage.layers[-1].out_size), np.int8)
