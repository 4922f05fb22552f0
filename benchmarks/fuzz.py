"""libFuzzer on the sample interface: any int16 stream into the whole device of every task, under sanitizers.

    python benchmarks/fuzz.py [--seconds 600] [--keep FOLDER]

`tests/fuzz/samples_target.c` is what is run: the zoo's models of beats, rhythm and seizures, each as it is
and with gate and screen open, so that every sample leads to the specialist. It begins with pieces of real
recordings. Needs clang with its libFuzzer; ends with status 1 if anything was found, and the input then lies
in the folder.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from ictus.app.model_files import ZOO
from ictus.compression import CompactModel, load_compact, to_bytes
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY
from ictus.signals import SAMPLE_FOLDER, load, to_device
from ictus.signals.eeg_lead import load_device_eeg

HARNESS = Path(__file__).resolve().parent.parent / "tests" / "fuzz" / "samples_target.c"
TASKS = ("beat", "rhythm", "seizure")
FLAGS = ("-std=c99", "-g", "-O1", "-fno-sanitize-recover=all", "-fsanitize=fuzzer,address,undefined")
MOST_BYTES = 4096


def models() -> list[CompactModel]:
    """Of every task the zoo's model, and the same with gate and screen open."""
    closed = [load_compact(ZOO / f"{task}.ictus") for task in TASKS]
    return closed + [replace(m, stages=tuple(replace(s, threshold=-128) for s in m.stages)) for m in closed]


def models_header() -> str:
    """``fuzz_models.h``."""
    found = models()
    arrays, rows = [], []
    for number, model in enumerate(found):
        data = to_bytes(model)
        arrays.append(f"static const uint8_t model_{number}[{len(data)}] = {{{', '.join(map(str, data))}}};")
        rows.append(
            f"    {{model_{number}, {len(data)}, {int(model.task == 'rhythm')}, {int(model.task == 'seizure')}}},"
        )
    fields = "const uint8_t *bytes; size_t n_bytes; int has_rhythm, takes_eeg;"
    table = "\n".join(["static const fuzz_model fuzz_models[FUZZ_MODELS] = {", *rows, "};"])
    return "\n".join(
        [
            f"enum {{ FUZZ_MODELS = {len(found)} }};",
            f"typedef struct {{ {fields} }} fuzz_model;",
            *arrays,
            table,
            "",
        ]
    )


def write_seeds(folder: Path) -> None:
    """Pieces of a recording with ventricular beats, and of a seizure, for every model."""
    ecg = to_device(load(SAMPLE_FOLDER / "mitdb" / "200")).counts
    eeg = load_device_eeg(load(SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"), "temporal-4")[0][:, 0]
    for number, model in enumerate(models()):
        signal = eeg if model.task == "seizure" else ecg
        piece = np.ascontiguousarray(signal[: MOST_BYTES // 2 - 2], "<i2").tobytes()
        (folder / f"seed{number}").write_bytes(bytes([number, 2, 0, 0]) + piece)


def build(folder: Path) -> Path:
    """The fuzzer, from the runtime's own files."""
    (folder / "fuzz_models.h").write_text(models_header(), encoding="utf-8")
    files = [str(HARNESS), *map(str, sorted(RUNTIME_DIRECTORY.glob("*.c")))]
    include = ["-I", str(RUNTIME_DIRECTORY), "-I", str(folder)]
    subprocess.run(["clang", *FLAGS, *include, *files, "-o", str(folder / "fuzz")], check=True)
    return folder / "fuzz"


def fuzz(folder: Path, *limits: str) -> int:
    """Run it within limits such as ``-max_total_time=600``; its exit status."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    write_seeds(corpus)
    options = [
        f"-max_len={MOST_BYTES}",
        "-timeout=60",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        *limits,
    ]
    return subprocess.run([str(build(folder)), str(corpus), *options]).returncode


def main() -> int:
    """Fuzz for so many seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where corpus and findings stay")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ictus-fuzz-") as scratch:
        status = fuzz(args.keep or Path(scratch), f"-max_total_time={args.seconds}")
    print("clean" if status == 0 else f"libFuzzer ended with {status}", flush=True)
    return min(status, 1)


if __name__ == "__main__":
    sys.exit(main())
