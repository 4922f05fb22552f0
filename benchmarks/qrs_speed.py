"""QRS detectors side by side: nanoseconds a sample, and sensitivity and positive predictivity on a few records.

    pip install 'ictus[wearable,bench]'
    python benchmarks/qrs_speed.py [DATA] [--hours 24] [--best-of 5] [--limit-s 60] [--json FILE]

All run in this process on one core over the same signal in memory: MIT-BIH records one after the other,
resampled to 250 Hz and repeated to the length asked for. A detector gets longer and longer pieces of it, up to
what it will do in the time limit; its row says how long a piece it was measured on, since some take more time a
sample the longer the signal is. Time is that of the processor, the best of several runs. `ictus` is the C of the
device, with and without the change of rate from 250 to 128 Hz; samples count at 250 Hz in both rows. Accuracy is
that of the first lead within 150 ms, over whole records at their own 360 Hz, ventricular flutter counted in.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from ictus.firmware_export.native.device import detect_qrs_native, resample_native
from ictus.signals import (
    DEVICE_FS_HZ,
    Channel,
    Recording,
    beats_of,
    device_pieces,
    find_dataset,
    lead_of,
    load,
    match_peaks,
)
from scipy.signal import resample_poly

FS_HZ = 250
SPEED_RECORDS = ("100", "105", "119", "200", "213", "223")
SCORED_RECORDS = ("100", "105", "119", "203", "228")
PIECES_H = (1 / 6, 1, 6, 24)
Detect = Callable[[np.ndarray, float], np.ndarray]


@dataclass(frozen=True)
class Detector:
    """`detect` turns float64 or int16 (n,) at a rate in Hz into R peaks, in samples."""

    name: str
    detect: Detect
    takes_counts: bool = False


def ictus_counts(x: np.ndarray, fs_hz: float) -> np.ndarray:
    """Device counts, int16, of 5 uV counts at another rate."""
    channel = Channel("ECG", "uV", 0.2)
    lead = lead_of(Recording("signal", fs_hz, x[:, None], (channel,), "signal"))
    return np.concatenate(list(device_pieces(lead, resample_native)))


def ictus(x: np.ndarray, fs_hz: float) -> np.ndarray:
    """The device's C, and the change of rate before it."""
    return detect_qrs_native(ictus_counts(x, fs_hz))[0] * fs_hz / DEVICE_FS_HZ


def sleepecg(x: np.ndarray, fs_hz: float) -> np.ndarray:
    """SleepECG's C backend (Brunner & Hofer, JOSS 8(86):5411, 2023)."""
    from sleepecg import detect_heartbeats

    return detect_heartbeats(x, fs_hz, backend="c")


def neurokit(x: np.ndarray, fs_hz: float) -> np.ndarray:
    """NeuroKit2's own method, cleaning included."""
    import neurokit2

    cleaned = neurokit2.ecg_clean(x, sampling_rate=int(fs_hz))
    return np.asarray(neurokit2.ecg_peaks(cleaned, sampling_rate=int(fs_hz))[1]["ECG_R_Peaks"])


def gqrs(x: np.ndarray, fs_hz: float) -> np.ndarray:
    """The Python port of WFDB's gqrs."""
    from wfdb.processing import gqrs_detect

    return np.asarray(gqrs_detect(sig=x, fs=fs_hz))


def xqrs(x: np.ndarray, fs_hz: float) -> np.ndarray:
    """The detector xqrs of wfdb."""
    from wfdb.processing import xqrs_detect

    return np.asarray(xqrs_detect(x, fs_hz, verbose=False))


DETECTORS = (
    Detector("ictus (C), with the change of rate", ictus, takes_counts=True),
    Detector("sleepecg (C)", sleepecg),
    Detector("neurokit2", neurokit),
    Detector("wfdb gqrs", gqrs),
    Detector("wfdb xqrs", xqrs),
)


def long_signal(data_dir: str, n: int) -> np.ndarray:
    """Millivolts at 250 Hz: float64 (n,)."""
    data = find_dataset(data_dir)
    parts = []
    for record in SPEED_RECORDS:
        recording = load(data.path(record))
        parts.append(resample_poly(recording.physical(0), FS_HZ, int(recording.fs_hz)))
    return np.resize(np.concatenate(parts), n)


def best_s(run: Callable[[], object], best_of: int, limit_s: float) -> float:
    """Least processor time of several runs; no new run begins when the limit is used up."""
    times_s: list[float] = []
    while len(times_s) < best_of and sum(times_s) + min(times_s, default=0) < limit_s:
        start = time.process_time()
        run()
        times_s.append(time.process_time() - start)
    return min(times_s)


def speed(detect: Callable[[int], object], n_all: int, best_of: int, limit_s: float) -> dict[str, float]:
    """Time a sample on the longest piece that a run, and all runs together, do within the limit."""
    sizes = sorted({min(round(h * 3600 * FS_HZ), n_all) for h in PIECES_H} | {n_all})
    found: dict[str, float] = {}
    for n in sizes:
        expected_s = found["ns_per_sample"] * 1e-9 * n if found else 0.0
        if expected_s > limit_s:
            break
        spent_s = best_s(lambda n=n: detect(n), best_of, limit_s)
        found = {"ns_per_sample": spent_s / n * 1e9, "hours": n / FS_HZ / 3600, "seconds": spent_s}
    return found


def score(detector: Detector, data_dir: str) -> dict[str, float]:
    """Gross sensitivity and positive predictivity."""
    data = find_dataset(data_dir)
    n_reference = n_found = n_detected = 0
    for record in SCORED_RECORDS:
        recording = load(data.path(record))
        x = recording.physical(0)
        peak = detector.detect(as_counts(x) if detector.takes_counts else x, recording.fs_hz)
        reference = beats_of(recording.events)[0]
        found = match_peaks(reference, np.sort(np.rint(peak).astype(np.int64)), int(0.15 * recording.fs_hz))[0]
        n_reference, n_detected = n_reference + len(reference), n_detected + len(peak)
        n_found += len(found)
    return {"se": n_found / n_reference, "ppv": n_found / n_detected, "beats": n_reference}


def as_counts(x: np.ndarray) -> np.ndarray:
    """Millivolts as int16 counts of 5 uV, as a file or a converter would hold them."""
    return np.clip(np.rint(x * 200), -32768, 32767).astype(np.int16)


def versions() -> dict[str, str]:
    """Of everything compared."""
    found = {}
    for package in ("ictus", "sleepecg", "neurokit2", "wfdb", "scipy", "numpy", "ziglang"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def measure(args: argparse.Namespace) -> list[dict]:
    """A row for each detector, printed as it comes."""
    x = long_signal(args.data, round(args.hours * 3600 * FS_HZ))
    counts = as_counts(x)
    device = ictus_counts(counts, FS_HZ)
    share = DEVICE_FS_HZ / FS_HZ
    rows = [
        ("ictus (C), at 128 Hz", lambda n: detect_qrs_native(device[: round(n * share)]), None),
        *((d.name, lambda n, d=d: d.detect((counts if d.takes_counts else x)[:n], FS_HZ), d) for d in DETECTORS),
    ]
    found = []
    for name, detect, detector in rows:
        try:
            row = {"detector": name, **speed(detect, len(x), args.best_of, args.limit_s)}
        except ImportError as error:
            print(f"{name:36s} {error}")
            continue
        row |= score(detector, args.data) if detector else {}
        accuracy = f"{100 * row['se']:8.2f} {100 * row['ppv']:8.2f}" if detector else ""
        times = f"{row['ns_per_sample']:10.1f} {row['hours']:8.2f} {row['seconds']:9.3f}"
        print(f"{name:36s} {times} {accuracy}", flush=True)
        found.append(row)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default="mitdb", help="MIT-BIH: folder or name; default: %(default)s")
    parser.add_argument("--hours", type=float, default=24.0, help="length of the signal; default: %(default)s")
    parser.add_argument("--best-of", type=int, default=5, help="runs of each; default: %(default)s")
    parser.add_argument("--limit-s", type=float, default=60.0, help="for each detector; default: %(default)s")
    parser.add_argument("--json", metavar="FILE", type=Path)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    print(f"{'':36s} ns/sample    hours   seconds       Se       +P")
    rows = measure(args)
    if args.json:
        text = json.dumps({"versions": versions(), "fs_hz": FS_HZ, "rows": rows}, indent=2)
        args.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
