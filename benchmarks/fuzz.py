"""libFuzzer on the sample interface: any int16 stream into the whole device of every task, under sanitizers.

    python benchmarks/fuzz.py [--programs library small unrolled] [--seconds 600] [--keep FOLDER]

`tests/fuzz/samples_target.c` is what is run, as three programs, each for so many seconds. `library` takes the
zoo's models of beats, rhythm and seizures, each as it is and with gate and screen open, so that every sample leads
to the specialist. `small` and `unrolled` are the model of beats in these forms, gate and screen open. Each begins
with pieces of real recordings. Needs clang with its libFuzzer; ends with status 1 if anything was found, and the
input then lies in the folder.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from ictus.app.model_files import ZOO
from ictus.compression import CompactModel, load_compact, to_bytes
from ictus.firmware_export.library import write_sources
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY
from ictus.signals import SAMPLE_FOLDER, load, to_device
from ictus.signals.eeg_lead import load_device_eeg

HARNESS = Path(__file__).resolve().parent.parent / "tests" / "fuzz" / "samples_target.c"
TASKS = ("beat", "rhythm", "seizure")
PROGRAMS = ("library", "small", "unrolled")
FLAGS = ("-std=c99", "-g", "-O1", "-fno-sanitize-recover=all", "-fsanitize=fuzzer,address,undefined")
MOST_BYTES = 4096


def models(program: str) -> list[CompactModel]:
    """Of every task the zoo's model, and the same with gate and screen open; else the open one of beats."""
    closed = [load_compact(ZOO / f"{task}.ictus") for task in TASKS]
    opened = [replace(m, stages=tuple(replace(s, threshold=-128) for s in m.stages)) for m in closed]
    return closed + opened if program == "library" else opened[:1]


def models_header(program: str) -> str:
    """``fuzz_models.h``."""
    found, arrays, rows = models(program), [], []
    for number, model in enumerate(found):
        name, n_bytes = "ictus_model_data", "ICTUS_MODEL_BYTES"
        if program == "library":
            data = to_bytes(model)
            name, n_bytes = f"model_{number}", str(len(data))
            arrays.append(f"static const uint8_t {name}[{n_bytes}] = {{{', '.join(map(str, data))}}};")
        rows.append(f"    {{{name}, {n_bytes}, {int(model.task == 'rhythm')}, {int(model.task == 'seizure')}}},")
    fields = "const uint8_t *bytes; size_t n_bytes; int has_rhythm, takes_eeg;"
    return "\n".join(
        [
            '#include "ictus_model_data.h"' if program != "library" else "",
            f"enum {{ FUZZ_MODELS = {len(found)} }};",
            f"typedef struct {{ {fields} }} fuzz_model;",
            *arrays,
            *("static const fuzz_model fuzz_models[FUZZ_MODELS] = {", *rows, "};"),
            "",
        ]
    )


def write_seeds(folder: Path, program: str) -> None:
    """Pieces of a recording with ventricular beats, and of a seizure, for every model."""
    ecg = to_device(load(SAMPLE_FOLDER / "mitdb" / "200")).counts
    eeg = load_device_eeg(load(SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"), "temporal-4")[0][:, 0]
    for number, model in enumerate(models(program)):
        signal = eeg if model.task == "seizure" else ecg
        piece = np.ascontiguousarray(signal[: MOST_BYTES // 2 - 2], "<i2").tobytes()
        (folder / f"seed{number}").write_bytes(bytes([number, 2, 0, 0]) + piece)


def build(folder: Path, program: str) -> Path:
    """The fuzzer, of the runtime's files or, with those that the exporter wrote, of a model's own library."""
    runtime, sources = sorted(RUNTIME_DIRECTORY.glob("*.c")), folder / "sources"
    if program != "library":
        shutil.rmtree(sources, ignore_errors=True)
        sources.mkdir()
        write_sources(models(program)[0], sources, form=program)
        left_out = {"ictus_model.c"} if program == "small" else set[str]()
        others = [path for path in runtime if not (sources / path.name).exists() and path.name not in left_out]
        runtime = [*sorted(sources.glob("*.c")), *others]
    (folder / "fuzz_models.h").write_text(models_header(program), encoding="utf-8")
    include = [f"-I{path}" for path in (sources, RUNTIME_DIRECTORY, folder) if path.is_dir()]
    command = ["clang", *FLAGS, *include, str(HARNESS), *map(str, runtime), "-o", str(folder / "fuzz")]
    subprocess.run(command, check=True)
    return folder / "fuzz"


def fuzz(folder: Path, program: str, *limits: str) -> int:
    """Run a program within limits such as ``-max_total_time=600``; its exit status."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    write_seeds(corpus, program)
    options = [
        f"-max_len={MOST_BYTES}",
        "-timeout=60",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        *limits,
    ]
    return subprocess.run([str(build(folder, program)), str(corpus), *options]).returncode


def main() -> int:
    """Fuzz each program for so many seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where corpus and findings stay")
    args = parser.parse_args()
    worst = 0
    with tempfile.TemporaryDirectory(prefix="ictus-fuzz-") as scratch:
        for program in args.programs:
            status = fuzz((args.keep or Path(scratch)) / program, program, f"-max_total_time={args.seconds}")
            print(f"{program}: {'clean' if status == 0 else f'libFuzzer ended with {status}'}", flush=True)
            worst = max(worst, min(status, 1))
    return worst


if __name__ == "__main__":
    sys.exit(main())
