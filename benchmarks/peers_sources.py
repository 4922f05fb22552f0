"""Who runs the network: for each the C and C++ sources that make its program."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ictus.compression import CompactModel
from ictus.firmware_export.c_export import write_sources
from ictus.firmware_export.tflite.writer import tflite_files
from ictus.signals import InputError
from peers_build import PEERS, Unit
from peers_network import network_source, steps_of

__all__ = ["Folders", "cmsis_nn", "ictus", "plain", "tflm", "trial"]

_OURS = ("-O2", "-fno-unroll-loops", "-ffreestanding")
_INT8_SOURCES = ("Convolution", "FullyConnected", "NNSupport", "Pooling")
_OTHER_TYPES = ("f16", "f32", "flt", "s16_s8", "svdf", "lstm", "batch", "transpose_conv")
_KERNELS = ("conv", "fully_connected", "reshape", "concatenation", "depthwise_conv", "pooling")
_CORE = (
    "tensorflow/lite/micro",
    "tensorflow/lite/micro/arena_allocator",
    "tensorflow/lite/micro/memory_planner",
    "tensorflow/lite/micro/tflite_bridge",
    "tensorflow/lite/core/api",
    "tensorflow/lite/core/c",
    "tensorflow/lite/kernels",
    "tensorflow/lite/kernels/internal",
    "tensorflow/compiler/mlir/lite/core/api",
    "tensorflow/compiler/mlir/lite/schema",
)
_NO_CORE = ("test", "fake_", "mock_", "recording_", "hexdump", "debug_log", "micro_time", "system_setup")


@dataclass(frozen=True)
class Folders:
    """Where other people's sources lie; None where they are not given."""

    cmsis_nn: Path | None
    tflm: Path | None
    flatbuffers: Path | None
    gemmlowp: Path | None
    ruy: Path | None

    def check(self) -> None:
        """Raise `InputError` for a folder that is not what it should be."""
        marks = {
            "cmsis_nn": "Include/arm_nnfunctions.h",
            "tflm": "tensorflow/lite/micro/micro_interpreter.h",
            "flatbuffers": "include/flatbuffers/flatbuffers.h",
            "gemmlowp": "fixedpoint/fixedpoint.h",
            "ruy": "ruy/profiler/instrumentation.h",
        }
        for name, mark in marks.items():
            folder = getattr(self, name)
            if folder is not None and not (folder / mark).is_file():
                raise InputError(f"{folder}: not the sources of {name}, which have {mark}")


def trial() -> Unit:
    """For a program with all of CMSIS-NN's ways, so that layers can be run one by one."""
    return Unit(PEERS / "try.c", ("-O2", "-DPEERS_CMSIS_NN"))


def plain(model: CompactModel, n_rows: int, work: Path) -> list[Unit]:
    """Dense weights, plain C loops."""
    network = _written(work / "plain", network_source(model, n_rows, ["dense_multiply"] * 99, is_cmsis=False))
    return [Unit(network, _OURS), Unit(PEERS / "plain.c", _OURS)]


def cmsis_nn(
    model: CompactModel, n_rows: int, work: Path, folder: Path, ways: Sequence[str], how: str = "-O2"
) -> list[Unit]:
    """Dense weights, CMSIS-NN, layer i by ``ways[i]``, optimised for speed or, with ``-Os``, for size."""
    steps = steps_of(model, n_rows)
    scratch = max(4 * (step.layer.taps + 3) for step in steps)
    multipliers = ",".join([str(1 << 30)] * max(step.layer.out_channels for step in steps))
    flags = ("-DPEERS_CMSIS_NN", f"-DPEERS_SCRATCH_BYTES={scratch}", f"-DPEERS_MULTIPLIERS={{{multipliers}}}")
    network = _written(work / "cmsis_nn", network_source(model, n_rows, ways, is_cmsis=True))
    glue = [Unit(path, (*_cmsis_flags(folder, how), *flags)) for path in (network, PEERS / "cmsis_nn.c")]
    return [*glue, *_cmsis_library(folder, how)]


def _cmsis_flags(folder: Path, how: str = "-O2") -> tuple[str, ...]:
    types = ("-DARM_NN_ENABLE_F16=0", "-DARM_NN_ENABLE_F32=0")
    return (how, f"-I{folder / 'Include'}", "-DCMSIS_NN_USE_SINGLE_ROUNDING", *types)


def _cmsis_library(folder: Path, how: str = "-O2") -> list[Unit]:
    sources = [path for kind in _INT8_SOURCES for path in sorted((folder / f"Source/{kind}Functions").glob("*.c"))]
    flags = _cmsis_flags(folder, how)
    return [Unit(path, flags) for path in sources if not any(word in path.stem for word in _OTHER_TYPES)]


def tflm(model: CompactModel, n_rows: int, work: Path, folders: Folders, with_cmsis_nn: bool) -> list[Unit]:
    """TensorFlow Lite for Microcontrollers and the model's `.tflite` file, with CMSIS-NN or reference kernels."""
    others = (folders.tflm, folders.flatbuffers, folders.gemmlowp, folders.ruy)
    assert all(folder is not None for folder in others)
    root = Path(others[0] or "")
    data = tflite_files(model, n_rows)[f"{model.task}.tflite"]
    text = "".join(f"{byte}," for byte in data)
    source = f"#include <stdint.h>\n_Alignas(16) const uint8_t peers_tflite[] = {{{text}}};\n"
    model_source = _written(work / "tflm", source)
    includes = (f"-I{root}", f"-I{others[1]}/include", f"-I{others[2]}", f"-I{others[3]}")
    pools = any(layer.pools for stage in model.stages for layer in stage.layers)
    flags = (
        *includes,
        "-DTF_LITE_STATIC_MEMORY",
        "-DTF_LITE_STRIP_ERROR_STRINGS",
        "-DNDEBUG",
        "-DFLATBUFFERS_LOCALE_INDEPENDENT=0",
    )
    flags += (*_cmsis_flags(folders.cmsis_nn), "-DCMSIS_NN") if with_cmsis_nn and folders.cmsis_nn else ("-O2",)
    units = [Unit(model_source, ("-O2",)), Unit(PEERS / "tflm.cc", (*flags, f"-DPEERS_POOLS={int(pools)}"))]
    units += [Unit(path, (*flags, "-Os")) for path in _tflm_core(root)]
    units += [Unit(path, (*flags, f"-I{folders.cmsis_nn}")) for path in _tflm_kernels(root, with_cmsis_nn)]
    return units + (_cmsis_library(folders.cmsis_nn) if with_cmsis_nn and folders.cmsis_nn else [])


def _tflm_core(root: Path) -> list[Path]:
    sources = [path for folder in _CORE for path in sorted((root / folder).glob("*.cc"))]
    return [path for path in sources if not any(word in path.stem for word in _NO_CORE)]


def _tflm_kernels(root: Path, with_cmsis_nn: bool) -> list[Path]:
    kernels = root / "tensorflow/lite/micro/kernels"
    names = [name for kernel in _KERNELS for name in (f"{kernel}.cc", f"{kernel}_common.cc")]
    special = kernels / "cmsis_nn"
    found = [special / name if with_cmsis_nn and (special / name).is_file() else kernels / name for name in names]
    return [kernels / "kernel_util.cc", *(path for path in found if path.is_file())]


def ictus(
    model: CompactModel, n_rows: int, work: Path, core: str, form: str, max_flash: int | None = None
) -> list[Unit]:
    """The runtime and the model, without its gate, in a form of `write_sources`."""
    model = replace(model, stages=model.stages[1:])
    folder = work / f"ictus-{form}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.[ch]"):
        path.unlink()
    write_sources(model, folder, target=core, form=form, max_flash=max_flash)
    flags = (*_OURS, f"-I{folder}", f"-DPEERS_WINDOW_ROWS={n_rows}")
    return [Unit(path, flags) for path in (*sorted(folder.glob("ictus*.c")), PEERS / "ictus_network.c")]


def _written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "network.c"
    path.write_text(text, encoding="utf-8")
    return path
