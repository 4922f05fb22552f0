"""An hour of 23-channel EEG through `ictus analyze --task seizure`: seconds of one core, and memory.

The hour repeats the data records of the built-in clips in random order; at what share of the seconds the screen
passes depends on the model, and the worst case is all of them (`--model` with a model that passes everything).

    python benchmarks/eeg_stream.py [--hours 1] [--montage double-banana] [--model MODEL]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ictus.signals import SAMPLE_FOLDER

_CLIPS = ("chb01_18_preictal.edf", "chb01_18_ictal.edf")
_HEADER_BYTES = 256 * 24
_N_RECORDS = slice(236, 244)
_MAIN = "from ictus.app.cli import main; raise SystemExit(main())"


def write_hours(path: Path, hours: float) -> None:
    """An EDF file of 23 channels at 256 Hz."""
    contents = [(SAMPLE_FOLDER / "chbmit" / clip).read_bytes() for clip in _CLIPS]
    records = np.concatenate([np.frombuffer(c[_HEADER_BYTES:], np.uint8).reshape(10, -1) for c in contents])
    drawn = np.random.default_rng(0).integers(len(records), size=round(hours * 3600))
    header = bytearray(contents[0][:_HEADER_BYTES])
    header[_N_RECORDS] = f"{len(drawn):<8}".encode()
    path.write_bytes(bytes(header) + records[drawn].tobytes())


def main() -> None:
    """Measure one run of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--montage", default="double-banana")
    parser.add_argument("--model")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "hours.edf"
        write_hours(record, args.hours)
        command = [sys.executable, "-c", _MAIN, "analyze", str(record), "--task", "seizure", "--out", folder]
        command += ["--montage", args.montage, *(["--model", args.model] if args.model else [])]
        start_s = time.perf_counter()
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        wall_s = time.perf_counter() - start_s
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    memory = f"{used.ru_maxrss / 1024:.0f} MB"
    print(f"{args.hours:g} h: {cpu_s:.1f} s of one core ({wall_s:.1f} s on the clock), {memory}")


if __name__ == "__main__":
    main()
