"""What every build takes: the runtime's C files, the model as constant data, and layers that became code."""

import hashlib
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...compression.compact import MAX_SHIFT, CompactModel
from ...compression.model_file import to_bytes
from ..alarm_export import write_alarm
from ..arena import lent_bytes
from ..targets import DEFAULT_TARGET
from ..toolchain import RUNTIME_DIRECTORY
from .c_text import c_rows, write_text

__all__ = ["LibraryModel", "accumulator_bound", "runtime_files", "write_sources"]

_OF_EEG = ("ictus_eeg", "ictus_seizure")
_OF_ECG = ("ictus.", "ictus_alarm", "ictus_beat", "ictus_filter.c", "ictus_guard", "ictus_q", "ictus_rhythm")


@dataclass(frozen=True)
class LibraryModel:
    """A model as it lies in an exported library.

    Attributes
    ----------
    data : its device bytes; those of `to_bytes` unless some of its layers are code
    lent_bytes : RAM that the library lends its stages, `ICTUS_ARENA_BYTES`
    """

    data: bytes
    lent_bytes: int


def write_sources(
    model: CompactModel,
    directory: Path,
    *,
    target: str = DEFAULT_TARGET,
    form: str = "packed",
    max_flash: int | None = None,
) -> LibraryModel:
    """Write into an existing directory only what a build takes: the runtime and the model.

    Parameters
    ----------
    target : name of a `targets.Target`, for which layers are turned into code
    form : ``packed``, ``unrolled``, ``small`` or ``auto``, see `codegen.generate`
    max_flash : bytes that layers which become code may fill together with the model

    Returns
    -------
    the model as it lies there.

    Raises
    ------
    InputError : no form of the model fits.
    """
    assert accumulator_bound(model) < 2**31, "the format's field widths rule it out"
    for source in runtime_files(model.task, form):
        shutil.copyfile(source, directory / source.name)
    data, arena = to_bytes(model), lent_bytes(model)
    if form != "packed":
        from ..codegen import generate

        code = generate(model, target, max_flash, form)
        data, arena = code.model_bytes, code.lent_bytes
        for name, text in code.files.items():
            write_text(directory / name, text)
    write_text(directory / "ictus_model_data.h", _model_header(model, data, arena, form == "small"))
    write_text(directory / "ictus_model_data.c", _model_source(data))
    if model.task != "seizure":
        write_alarm(directory)
    return LibraryModel(data, arena)


def runtime_files(task: str, form: str = "packed") -> list[Path]:
    """The C files that a task's device is made of, in a form of `codegen.generate`."""
    files = sorted(RUNTIME_DIRECTORY.glob("*.[ch]"))
    others = _OF_ECG if task == "seizure" else _OF_EEG
    files = [path for path in files if not path.name.startswith(others)]
    if form == "small":
        files = [path for path in files if path.name != "ictus_model.c"]
        files += sorted((RUNTIME_DIRECTORY / "small").glob("*.[ch]"))
    return files


def accumulator_bound(model: CompactModel) -> int:
    """Largest magnitude that an accumulator of the C runtime can reach; it starts at the shifted bias."""
    layers = [layer for stage in model.stages for layer in stage.layers]
    return max(layer.accumulator_bound() + (128 << MAX_SHIFT) for layer in layers)


def _model_header(model: CompactModel, data: bytes, arena: int, is_small: bool) -> str:
    length, channels = model.window_shape
    return f"""\
/* Compact model of the task `{model.task}`, SHA-256 {hashlib.sha256(data).hexdigest()}
 * Its accumulators stay within +-{accumulator_bound(model)}, of int32. */
#ifndef ICTUS_MODEL_DATA_H
#define ICTUS_MODEL_DATA_H

#include <stdint.h>

#define ICTUS_MODEL_BYTES {len(data)}u
#define ICTUS_MODEL_CRC32 0x{zlib.crc32(data):08x}u /* of all its bytes */
#define ICTUS_ARENA_BYTES {arena}u /* a multiple of 4 */
#define ICTUS_MODEL_FEATURES {model.n_features}
#define ICTUS_MODEL_WINDOW_LENGTH {length}
#define ICTUS_MODEL_WINDOW_CHANNELS {channels}
#define ICTUS_MODEL_CONTEXT {model.n_context}
#define ICTUS_MODEL_STREAMS {int(model.has_stream)} /* has a stream */
#define ICTUS_MODEL_SEIZURES {int(model.task == "seizure")} /* takes EEG */
#define ICTUS_MODEL_IS_SMALL {int(is_small)} /* for the library of the smallest form */

extern const uint8_t ictus_model_data[ICTUS_MODEL_BYTES];

#endif
"""


def _model_source(data: bytes) -> str:
    return f"""\
#include "ictus_model_data.h"

const uint8_t ictus_model_data[ICTUS_MODEL_BYTES] = {{
{c_rows(f"0x{value:02x}" for value in np.frombuffer(data, np.uint8))}
}};
"""
