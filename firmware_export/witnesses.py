"""Do all forms of a model give the same bytes? Integer Python is the reference; the others are its witnesses."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..compression import CompactModel
from .c_export import write_sources
from .emulator import EmulatedCore
from .golden import GoldenVectors
from .host import HostMachine
from .machine import LoadedModel, Machine
from .tflite_writer import tflite_files
from .toolchain import build_device, build_host

__all__ = ["Witness", "call_witnesses"]

_UNITS_PER_CALL = 256  # so that the inputs fit into the machine's shared memory


@dataclass(frozen=True)
class Witness:
    """One other form of the model.

    Attributes
    ----------
    name : which form
    n_units : units that were compared, at every exit
    n_different : units with at least one logit that differs
    """

    name: str
    n_units: int
    n_different: int

    @property
    def agrees(self) -> bool:
        return self.n_different == 0


def call_witnesses(model: CompactModel, golden: GoldenVectors, *others: GoldenVectors) -> list[Witness]:
    """Compare the host's C, the emulated Cortex-M4 and, where LiteRT is installed, its reference kernels.

    Parameters
    ----------
    others : further units, such as strips of another length

    Raises
    ------
    MissingToolError
        the extra ``ictus[wearable]`` is not installed
    """
    groups = (golden, *others)
    expected = [group.expected(model) for group in groups]
    with TemporaryDirectory(prefix="ictus-") as folder:
        machines = _machines(model, Path(folder))
        found = {name: [_run(machine, model, group) for group in groups] for name, machine in machines}
    if find_spec("ai_edge_litert"):
        found["LiteRT reference kernels"] = [_run_litert(model, group) for group in groups]
    n_units = sum(map(len, groups))
    return [Witness(name, n_units, sum(map(_n_different, logits, expected))) for name, logits in found.items()]


def _machines(model: CompactModel, folder: Path) -> Iterator[tuple[str, Machine]]:
    write_sources(model, folder)
    yield "C on the host", HostMachine(build_host(folder, folder / "host.so"))
    yield "C on the emulated Cortex-M4", EmulatedCore(build_device(folder, folder / "ictus.elf").elf)


def _run(machine: Machine, model: CompactModel, golden: GoldenVectors) -> dict[str, np.ndarray]:
    parts = []
    for start in range(0, len(golden), _UNITS_PER_CALL):
        rows = slice(start, start + _UNITS_PER_CALL)
        loaded = LoadedModel.open(machine, model)
        parts.append(loaded.run(golden.features[rows], golden.window[rows], golden.context[rows]))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _run_litert(model: CompactModel, golden: GoldenVectors) -> dict[str, np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    logits: dict[str, list[np.ndarray]] = {stage.name: [] for stage in model.stages}
    kernels = OpResolverType.BUILTIN_REF
    for content in tflite_files(model, golden.window.shape[1]).values():
        interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels)
        runner = interpreter.get_signature_runner()
        shapes = {name: tuple(detail["shape"]) for name, detail in runner.get_input_details().items()}
        for unit in range(len(golden)):
            inputs = {name: getattr(golden, name)[unit].reshape(shape) for name, shape in shapes.items()}
            for name, value in runner(**inputs).items():
                logits[name].append(value.reshape(-1))
    return {name: np.stack(rows) for name, rows in logits.items()}


def _n_different(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> int:
    differs = [(found[name] != logits).any(axis=1) for name, logits in expected.items()]
    return int(np.any(differs, axis=0).sum())
