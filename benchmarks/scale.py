"""Batches of a thousand recordings, and recordings of two weeks: throughput, what a killed worker loses, memory.

    python benchmarks/scale.py batch [DATA] [--verb analyze] [--recordings 1000] [--json FILE]
    python benchmarks/scale.py long [DATA] [--days 14] [--kind wfdb] [--json FILE]

``batch`` repeats real recordings under other names (links) and runs the verb over them: with one worker, with two,
with two of which one is killed in the middle, and once more on the finished folder. Times are those of the whole
command, imports and tables included. ``long`` repeats real recordings to one lead at 250 Hz and analyses it on one
core. A busy machine makes both slower; the load is printed.
"""

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

_COMMAND = "import sys; from ictus.app.cli import main; sys.exit(main(sys.argv[1:]))"
_FS_HZ = 250
_UV_PER_COUNT = 5.0


def link_recordings(data: str, n: int, folder: Path) -> Path:
    """`n` recordings: those of a data set again and again, each time under another name."""
    from ictus.signals import find_dataset

    found = find_dataset(None if data == "sample" else data)
    folder.mkdir()
    for path in map(found.path, found.records):
        (folder / f"{path.stem}.dat").symlink_to(path.with_suffix(".dat").resolve())
    for i in range(n):
        path = found.path(found.records[i % len(found.records)])
        for suffix in (".hea", ".atr"):
            (folder / f"{path.stem}-{i:04}{suffix}").symlink_to(path.with_suffix(suffix).resolve())
    return folder


def arguments(verb: str, folder: Path, out: Path, jobs: int) -> list[str]:
    """Of the command."""
    what = [str(folder)] if verb == "analyze" else ["beat", "--data", str(folder), "--split", "all"]
    return [verb, *what, "--out", str(out), "--jobs", str(jobs)]


def command(verb: str, folder: Path, out: Path, jobs: int) -> float:
    """Run it; seconds."""
    start_s = time.monotonic()
    given = arguments(verb, folder, out, jobs)
    subprocess.run([sys.executable, "-c", _COMMAND, *given], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start_s


def with_a_killed_worker(verb: str, folder: Path, out: Path, at: int) -> None:
    """The same with two workers in this process, one of which is killed when `at` recordings are done."""
    from ictus.app.analyze.batch import BatchArguments, analyze_batch
    from ictus.app.analyze.batch_work import AnalyzeWork
    from ictus.app.verbs import evaluate

    def strike(phase: str, done: int, *_: object) -> None:
        if phase == "recordings" and done == at:
            victim = multiprocessing.active_children()[0]
            os.kill(victim.pid or 0, signal.SIGKILL)
            print(f"killed worker {victim.pid} after {done} recordings", flush=True)

    if verb == "analyze":
        analyze_batch(BatchArguments((str(folder),), out, AnalyzeWork("beat"), jobs=2), strike)
    else:
        evaluate("beat", data=folder, split="all", out=out, jobs=2, progress=strike)


def partitions(verb: str, out: Path) -> dict[str, bytes]:
    """All results by name."""
    folder = out / "partitions" if verb == "analyze" else out / "decisions" / "partitions"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def batch(args: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Throughput with one and two workers, a killed one, a second start."""
    folder, verb = link_recordings(args.data, args.recordings, scratch / "in"), args.verb
    command(verb, link_recordings(args.data, 4, scratch / "warm"), scratch / "warm-out", 1)
    seconds = {jobs: command(verb, folder, scratch / f"out{jobs}", jobs) for jobs in (1, 2)}
    before = partitions(verb, scratch / "out2")
    again_s = command(verb, folder, scratch / "out2", 2)
    with_a_killed_worker(verb, folder, scratch / "killed", args.recordings // 2)
    ratio = seconds[1] / seconds[2]
    result = {
        "verb": verb,
        "recordings": args.recordings,
        "seconds": seconds,
        "throughput_ratio": ratio,
        "second_start_s": again_s,
        "second_start_changed": partitions(verb, scratch / "out2") != before,
        "same_with_one_worker": partitions(verb, scratch / "out1") == before,
        "same_with_a_killed_worker": partitions(verb, scratch / "killed") == before,
        "partitions": len(before),
    }
    print(
        f"{args.recordings} recordings, {verb}: {seconds[1]:.1f} s with one worker, {seconds[2]:.1f} s with two "
        f"({ratio:.2f} times the throughput); second start {again_s:.1f} s"
    )
    return result


def long_counts(data: str, n: int) -> Iterator[np.ndarray]:
    """Real recordings at 250 Hz one after the other, again and again, int16 counts of 5 uV: `n` samples."""
    from qrs_speed import SPEED_RECORDS, as_counts, long_signal

    counts = as_counts(long_signal(data, min(n, len(SPEED_RECORDS) * 1800 * _FS_HZ))).astype("<i2")
    for start in range(0, n, len(counts)):
        yield counts[: n - start]


def write_wfdb(folder: Path, data: str, n: int) -> Path:
    """WFDB format 16."""
    first = 0
    with (folder / "long.dat").open("wb") as file:
        for number, counts in enumerate(long_counts(data, n)):
            first = first if number else int(counts[0])
            file.write(counts.tobytes())
    header = f"long 1 {_FS_HZ} {n}\nlong.dat 16 200(0)/mV 16 0 {first} 0 0 MLII\n"
    (folder / "long.hea").write_text(header, encoding="utf-8")
    return folder / "long"


def write_edf(folder: Path, data: str, n: int) -> Path:
    """EDF, data records of a second (Kemp et al., Electroencephalogr Clin Neurophysiol 82:391, 1992)."""
    n_records, limit_mv = n // _FS_HZ, 32768 * _UV_PER_COUNT / 1000
    fixed = (("0", 8), ("X", 80), ("X", 80), ("01.01.85", 8), ("00.00.00", 8), ("512", 8), ("", 44))
    counted = ((str(n_records), 8), ("1", 8), ("1", 4))
    signal_fields = (("MLII", 16), ("", 80), ("mV", 8), (f"{-limit_mv:.2f}", 8), (f"{limit_mv:.2f}", 8))
    digital = (("-32768", 8), ("32767", 8), ("", 80), (str(_FS_HZ), 8), ("", 32))
    header = "".join(text.ljust(width) for text, width in (*fixed, *counted, *signal_fields, *digital))
    with (folder / "long.edf").open("wb") as file:
        file.write(header.encode("ascii"))
        for counts in long_counts(data, n_records * _FS_HZ):
            file.write(counts.tobytes())
    return folder / "long.edf"


def write_csv(folder: Path, data: str, n: int) -> Path:
    """One column in mV."""
    with (folder / "long.csv").open("w", encoding="utf-8") as file:
        file.write(f"# fs_hz={_FS_HZ}\nMLII[mV]\n")
        for counts in long_counts(data, n):
            file.write("\n".join(f"{value:.3f}" for value in (counts * (_UV_PER_COUNT / 1000)).tolist()) + "\n")
    return folder / "long.csv"


_WRITERS: dict[str, Callable[[Path, str, int], Path]] = {"wfdb": write_wfdb, "edf": write_edf, "csv": write_csv}


def long(args: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Time and memory of one long recording; of one command, and of a worker of a batch."""
    from analyze_speed import run

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with ProcessPoolExecutor(1) as pool:  # so that its memory does not count
        n = round(args.days * 86400 * _FS_HZ)
        record = pool.submit(_WRITERS[args.kind], scratch, args.data, n).result()
    took = run(record, scratch / "out")
    print(
        f"{args.days:g} days, {n:,} samples, {args.kind}: {took.cpu_s:.0f} s of the processor, "
        f"{took.wall_s:.0f} s, {took.memory_mb:.0f} MB at most"
    )
    return {"days": args.days, "kind": args.kind, "samples": n, **vars(took)}


def main() -> None:
    """Run one of both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=("batch", "long"))
    parser.add_argument("data", nargs="?", default="mitdb", help="folder, name, or sample; default: %(default)s")
    parser.add_argument("--verb", choices=("analyze", "evaluate"), default="analyze")
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--days", type=float, default=14.0)
    parser.add_argument("--kind", choices=tuple(_WRITERS), default="wfdb")
    parser.add_argument("--json", metavar="FILE", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = {"load": os.getloadavg()[0]} | (batch if args.what == "batch" else long)(args, Path(scratch))
    print(json.dumps(result, indent=2))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
