"""`ictus analyze` on a long recording, on one core: processor time, wall time, memory; all that it does included.

    python benchmarks/analyze_speed.py [DATA] [--hours 24] [--best-of 3] [--json FILE]

The recording is one lead at 250 Hz in a WFDB file: MIT-BIH records one after the other, repeated to the length
asked for. Most of their strips are of other rhythms, so that the rhythm's CNN runs on most of them. Every run is a
process of its own, imports included. A busy machine makes even processor time longer; the load is printed.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

_COMMAND = "import sys; from ictus.app.cli import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class Run:
    """What one run took: seconds of the processor and of the wall, MB at most; `load` of the machine before it."""

    cpu_s: float
    wall_s: float
    memory_mb: float
    load: float


def write_record(folder: Path, data: str, hours: float) -> Path:
    """One lead at 250 Hz, 5 uV a count; run in another process, whose memory would else count for the runs."""
    from qrs_speed import FS_HZ, SPEED_RECORDS, as_counts, long_signal

    n = round(hours * 3600 * FS_HZ)
    counts = as_counts(long_signal(data, min(n, len(SPEED_RECORDS) * 1800 * FS_HZ))).astype("<i2")
    with (folder / "long.dat").open("wb") as file:
        for start in range(0, n, len(counts)):
            file.write(counts[: n - start].tobytes())
    header = f"long 1 {FS_HZ} {n}\nlong.dat 16 200(0)/mV 16 0 {counts[0]} 0 0 MLII\n"
    (folder / "long.hea").write_text(header, encoding="utf-8")
    return folder / "long"


def run(record: Path, out: Path) -> Run:
    """Analyse once."""
    load, start = os.getloadavg()[0], time.monotonic()
    arguments = [sys.executable, "-c", _COMMAND, "analyze", str(record), "--out", str(out)]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=silent)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"ictus analyze ended with {os.waitstatus_to_exitcode(status)}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    wall_s = time.monotonic() - start
    return Run(usage.ru_utime + usage.ru_stime, wall_s, kilobytes / 1024, load)


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", default="mitdb", help="MIT-BIH: folder or name; default: %(default)s")
    parser.add_argument("--hours", type=float, default=24.0, help="length of the recording; default: %(default)s")
    parser.add_argument("--best-of", type=int, default=3, help="runs; default: %(default)s")
    parser.add_argument("--json", metavar="FILE", type=Path)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        with ProcessPoolExecutor(1) as pool:
            record = pool.submit(write_record, Path(folder), args.data, args.hours).result()
        for _ in range(args.best_of):
            runs.append(run(record, Path(folder) / "out"))
            print(f"{args.hours:g} h: {asdict(runs[-1])}", flush=True)
    best = min(runs, key=lambda r: r.cpu_s)
    print(f"best: {best.cpu_s:.1f} s of the processor, {best.wall_s:.1f} s, {best.memory_mb:.0f} MB")
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in runs], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
