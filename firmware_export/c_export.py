"""The firmware engineer's directory: C99 runtime, model, golden vectors, self-test and measured figures."""

import hashlib
import shutil
import zlib
from pathlib import Path

import numpy as np

from ..compression.compact import MAX_SHIFT, CompactModel
from ..compression.model_file import to_bytes
from ..signals.errors import InputError
from ..signals.whole_files import atomic_folder
from .alarm_export import write_alarm
from .arena import lent_bytes
from .footprint import Footprint, measure_footprint
from .golden import GoldenVectors
from .toolchain import DEVICE_DIRECTORY, RUNTIME_DIRECTORY, MissingToolError

__all__ = ["export_c", "write_sources"]

_OF_EEG = ("ictus_eeg", "ictus_seizure")
_SHARED_WITH_EEG = (
    "ictus_filter.h",
    "ictus_fixed.h",
    "ictus_gate.c",
    "ictus_gate.h",
    "ictus_layer.c",
    "ictus_layer.h",
    "ictus_model.c",
    "ictus_model.h",
    "ictus_stream.c",
    "ictus_stream.h",
)

_MAKEFILE = """\
# Runs the golden vectors on this machine. For a device, compile the ictus*.c files with your own project.
CC ?= cc
CFLAGS ?= -O2
CFLAGS += -std=c99 -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror

test: selftest
\t./selftest

selftest: selftest.c $(wildcard ictus*.c) $(wildcard *.h)
\t$(CC) $(CFLAGS) -o $@ $(filter %.c,$^)

clean:
\trm -f selftest

.PHONY: test clean
"""


def export_c(model: CompactModel, directory: str | Path, golden: GoldenVectors) -> list[Path]:
    """Write everything that a firmware project needs.

    Parameters
    ----------
    model : what to run on the device
    directory : made if need be; files of the same names are replaced, others stay
    golden : inputs for the self-test, at least one unit

    Returns
    -------
    the files, sorted; they are the same bytes for the same model, golden vectors and compiler.

    Raises
    ------
    InputError : there is no golden vector, or the directory cannot be written.
    """
    if len(golden) == 0:
        raise InputError(f"{directory}: no golden vector to check the export with")
    try:
        with atomic_folder(directory) as part:
            _write_all(model, part, golden)
            names = sorted(path.name for path in part.iterdir())
    except OSError as error:
        raise InputError(f"{directory}: {error.strerror or error}") from error
    return [Path(directory) / name for name in names]


def write_sources(model: CompactModel, directory: Path) -> None:
    """Write into an existing directory only what a build takes: the runtime and the model."""
    assert _accumulator_bound(model) < 2**31, "the format's field widths rule it out"
    for source in _runtime_files(model.task):
        shutil.copyfile(source, directory / source.name)
    _write(directory / "ictus_model_data.h", _model_header(model))
    _write(directory / "ictus_model_data.c", _model_source(model))
    if model.task != "seizure":
        write_alarm(directory)


def _runtime_files(task: str) -> list[Path]:
    """The C files that a task's device is made of."""
    files = sorted(RUNTIME_DIRECTORY.glob("*.[ch]"))
    if task == "seizure":
        return [path for path in files if path.name.startswith(_OF_EEG) or path.name in _SHARED_WITH_EEG]
    return [path for path in files if not path.name.startswith(_OF_EEG)]


def _write_all(model: CompactModel, directory: Path, golden: GoldenVectors) -> None:
    write_sources(model, directory)
    shutil.copyfile(DEVICE_DIRECTORY / "selftest.c", directory / "selftest.c")
    _write(directory / "golden.h", _golden_header(model, golden))
    _write(directory / "Makefile", _MAKEFILE)
    _write(directory / "README.md", _readme(model, _measured(model, directory, golden)))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _measured(model: CompactModel, sources: Path, golden: GoldenVectors) -> Footprint | None:
    try:
        return measure_footprint(model, sources, golden)
    except MissingToolError:
        return None


def _accumulator_bound(model: CompactModel) -> int:
    """Largest magnitude that an accumulator of the C runtime can reach; it starts at the shifted bias."""
    layers = [layer for stage in model.stages for layer in stage.layers]
    return max(layer.accumulator_bound() + (128 << MAX_SHIFT) for layer in layers)


def _model_header(model: CompactModel) -> str:
    data = to_bytes(model)
    length, channels = model.window_shape
    return f"""\
/* Compact model of the task `{model.task}`, SHA-256 {hashlib.sha256(data).hexdigest()}
 * Its accumulators stay within +-{_accumulator_bound(model)}, of int32. */
#ifndef ICTUS_MODEL_DATA_H
#define ICTUS_MODEL_DATA_H

#include <stdint.h>

#define ICTUS_MODEL_BYTES {len(data)}u
#define ICTUS_MODEL_CRC32 0x{zlib.crc32(data):08x}u /* of all its bytes */
#define ICTUS_ARENA_BYTES {lent_bytes(model)}u /* a multiple of 4 */
#define ICTUS_MODEL_FEATURES {model.n_features}
#define ICTUS_MODEL_WINDOW_LENGTH {length}
#define ICTUS_MODEL_WINDOW_CHANNELS {channels}
#define ICTUS_MODEL_CONTEXT {model.n_context}
#define ICTUS_MODEL_STREAMS {int(any(stage.source == "stream" for stage in model.stages))} /* has a stream */
#define ICTUS_MODEL_SEIZURES {int(model.task == "seizure")} /* takes EEG */

extern const uint8_t ictus_model_data[ICTUS_MODEL_BYTES];

#endif
"""


def _model_source(model: CompactModel) -> str:
    values = np.frombuffer(to_bytes(model), np.uint8)
    body = _lines([f"0x{value:02x}" for value in values], indent="    ")
    return f"""\
#include "ictus_model_data.h"

const uint8_t ictus_model_data[ICTUS_MODEL_BYTES] = {{
{body}
}};
"""


def _golden_header(model: CompactModel, golden: GoldenVectors) -> str:
    n = len(golden)
    logits = np.concatenate(list(golden.expected(model).values()), axis=1)
    arrays = {
        "features": golden.features,
        "window": golden.window.reshape(n, -1),
        "context": golden.context,
        "logits": logits,
    }
    body = "\n".join(_table(f"golden_{name}", values) for name, values in arrays.items())
    return f"""\
/* Inputs of every stage, and the logits of all stages one behind the other, int8. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdint.h>

#define GOLDEN_UNITS {n}

{body}
#endif
"""


def _table(name: str, values: np.ndarray) -> str:
    rows = "\n".join(f"    {{\n{_lines([str(v) for v in row], indent='        ')}\n    }}," for row in values)
    width = max(values.shape[1], 1)
    return f"static const int8_t {name}[GOLDEN_UNITS][{width}] = {{\n{rows}\n}};\n"


def _lines(words: list[str], indent: str) -> str:
    per_line = 16
    rows = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return ",\n".join(indent + row for row in rows) or indent + "0"


def _readme(model: CompactModel, measured: Footprint | None) -> str:
    table = "Not measured: the toolchain is not installed (pip install 'ictus[wearable]')."
    if measured is not None:
        table = _figures(measured)
    return f"""\
# ictus, task `{model.task}`: C99 runtime and model

Research use only. `make test` runs the golden vectors through the runtime on this machine.

Compile the `ictus*.c` files into your firmware and read {_front_door(model)}.
`ictus_model.h` runs the networks alone. Nothing is allocated; `<stdint.h>` and `<stddef.h>` are the only
other headers.

{table}
"""


def _front_door(model: CompactModel) -> str:
    """Where to read on for what the task's device takes and gives."""
    if model.task == "seizure":
        return "`ictus_seizure.h`: samples of every channel in, a decision a\nsecond out"
    has_stream = any(stage.source == "stream" for stage in model.stages)
    strips = "; then `ictus_rhythm.h` for\nstrips, and `ictus_stream.h` for strips of any length"
    alarm = "; `ictus_alarm.h`\nadds an alarm of ventricular fibrillation, whose model is in `ictus_alarm_data.h`"
    return f"`ictus.h`: samples in, events out{strips if has_stream else ''}{alarm}"


def _figures(measured: Footprint) -> str:
    stages = "".join(f"| instructions, {name} | {n:,.0f} |\n" for name, n in measured.stage_instructions.items())
    return f"""\
Cortex-M4, {measured.compiler} {measured.flags}, mean of {measured.n_units} golden vectors on an emulated core:

| | |
|---|---|
| flash, whole program | {measured.flash_bytes:,} bytes |
| of which the model | {measured.model_bytes:,} bytes |
| static RAM, arena included | {measured.ram_bytes:,} bytes |
| stack of a stage | {measured.stack_bytes:,} bytes |
{stages}"""
