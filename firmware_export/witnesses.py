"""Do all forms of a model give the same bytes? Integer Python is the reference; the others are its witnesses."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..compression import CompactModel
from .emulator.emulator import EmulatedCore
from .emulator.machine import LoadedModel, Machine
from .emulator.qemu import build_networks, run_networks
from .golden import GoldenVectors
from .host import HostMachine
from .library import LibraryModel, write_sources
from .targets import TARGETS, Board
from .tflite.writer import tflite_files
from .toolchain import build_device, build_host

__all__ = ["Witness", "call_witnesses", "each_witness"]

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


def call_witnesses(
    model: CompactModel,
    golden: GoldenVectors,
    *others: GoldenVectors,
    boards: Sequence[Board] = (),
    form: str = "packed",
) -> list[Witness]:
    """All of `each_witness`."""
    return list(each_witness(model, golden, *others, boards=boards, form=form))


def each_witness(
    model: CompactModel,
    golden: GoldenVectors,
    *others: GoldenVectors,
    boards: Sequence[Board] = (),
    form: str = "packed",
    with_litert: bool = True,
) -> Iterator[Witness]:
    """Compare the host's C, boards of QEMU, LiteRT's reference kernels and the emulated Cortex-M4, one by one.

    The host's C traps undefined behaviour.

    Parameters
    ----------
    others : further units, such as strips of another length
    boards : of `targets`, each a witness
    form : of the library, see `codegen.generate`
    with_litert : ask LiteRT, where it is installed; it runs the model in the same way for every form

    Raises
    ------
    MissingToolError
        the extra ``ictus[wearable]`` is not installed, or there are boards and no QEMU
    """
    groups = (golden, *others)
    expected = [group.expected(model) for group in groups]
    n_units = sum(map(len, groups))
    with TemporaryDirectory(prefix="ictus-") as folder:
        for name, run in _witnesses(model, Path(folder), boards, form, with_litert):
            found = [run(group) for group in groups]
            yield Witness(name, n_units, sum(map(_n_different, found, expected)))


def _witnesses(
    model: CompactModel, folder: Path, boards: Sequence[Board], form: str, with_litert: bool
) -> Iterator[tuple[str, Callable[[GoldenVectors], dict[str, np.ndarray]]]]:
    """Name of each form that runs the library, and how it runs units."""
    sources = folder / "sources"
    sources.mkdir()
    written = write_sources(model, sources, form=form)
    host = HostMachine(build_host(sources, folder / "host.so", sanitize=True))
    yield "C on the host", partial(_run, host, model, written)
    for board in boards:
        own = folder / f"sources-{board.name}"
        own.mkdir()
        write_sources(model, own, target=_target_of(board), form=form)
        program = build_networks(own, board, folder / board.name)
        yield f"C on {board.core}, QEMU's {board.name}", partial(run_networks, program, model)
    if with_litert and find_spec("ai_edge_litert"):
        yield "LiteRT reference kernels", partial(_run_litert, model)
    core = EmulatedCore(build_device(sources, folder / "ictus.elf").elf)
    yield "C on the emulated Cortex-M4", partial(_run, core, model, written)


def _target_of(board: Board) -> str:
    """The target whose instructions a board has."""
    return next(name for name, target in TARGETS.items() if target.board == board)


def _run(
    machine: Machine, model: CompactModel, written: LibraryModel, golden: GoldenVectors
) -> dict[str, np.ndarray]:
    parts = []
    for part in golden.batches(_UNITS_PER_CALL):
        loaded = LoadedModel.open(machine, model, written.lent_bytes, written.data)
        parts.append(loaded.run(part.features, part.window, part.context))
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
