"""QRS detection over a beat database, and under electrode motion: sensitivity and positive predictivity.

    python benchmarks/qrs_mitdb.py [DIR]     a folder or the name of a data set (default: mitdb)

Matching is one to one within 150 ms (EC57) over whole records, the first five minutes included. Ventricular
flutter ([ to ], record 207) is left out of the figures, as EC57 says, and counted in the line after them.

For `mitdb` the noise stress test follows: `em` mixed into 118 and 119 as the program `nst` of the WFDB
Applications Guide does it: five clean minutes, then two with noise and two without in turn; the noise's power
is that of its first five minutes, the signal's that of the first 300 normal beats.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from ictus.signals import (
    DEVICE_FS_HZ,
    MATCH_TOLERANCE,
    Events,
    beats_of,
    choose_channel,
    detect_qrs,
    find_dataset,
    load,
    match_peaks,
    noise_gain,
    noise_power,
    qrs_power,
    to_device,
)

NOISY_RECORDS = ("118", "119")
SNR_DB = (24, 18, 12, 6, 0)
Keep = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Count:
    """Beats of the reference, matched, false alarms, and the latencies in samples."""

    record: str
    n: int
    matched: int
    false: int
    latency: np.ndarray
    offset: np.ndarray

    def __str__(self) -> str:
        se, ppv = 100 * self.matched / self.n, 100 * self.matched / (self.matched + self.false)
        near = 100 * np.mean(np.abs(self.offset) <= 2)
        ms = np.array([self.latency.mean(), self.latency.max()]) * 1000 / DEVICE_FS_HZ
        numbers = f"{self.n:7d} {self.n - self.matched:5d} {self.false:5d} {se:8.2f} {ppv:8.2f} {near:8.1f}"
        return f"{self.record:8s}{numbers} {ms[0]:8.0f} {ms[1]:8.0f}"


def gross(name: str, counts: list[Count]) -> Count:
    """All records as one."""
    latency, offset = (np.concatenate([getattr(c, f) for c in counts]) for f in ("latency", "offset"))
    n, matched, false = (sum(getattr(c, f) for c in counts) for f in ("n", "matched", "false"))
    return Count(name, n, matched, false, latency, offset)


def outside_flutter(sample: np.ndarray, events: Events, fs_hz: float) -> np.ndarray:
    """True for the device samples that lie in no ventricular flutter, with the tolerance on both sides."""
    starts, ends = events.sample[events.symbol == "["], events.sample[events.symbol == "]"]
    keep = np.ones(len(sample), bool)
    for start, end in np.stack((starts, ends), axis=1) * DEVICE_FS_HZ / fs_hz:
        keep &= (sample < start - MATCH_TOLERANCE) | (sample > end + MATCH_TOLERANCE)
    return keep


def count(
    record: str, counts: np.ndarray, reference: np.ndarray, keep: Callable[[np.ndarray], np.ndarray]
) -> Count:
    """Detect, drop what `keep` does not keep on both sides, and match."""
    found = detect_qrs(counts)
    kept = keep(found.peak)
    peak, latency = found.peak[kept], (found.reported - found.peak)[kept]
    reference = reference[keep(reference)]
    first, second = match_peaks(reference, peak)
    offset = peak[second] - reference[first]
    return Count(record, len(reference), len(first), len(peak) - len(second), latency, offset)


def everything(sample: np.ndarray) -> np.ndarray:
    """True for every sample."""
    return np.ones(len(sample), bool)


def both_counts(path: Path) -> tuple[Count, Count]:
    """One record without and with ventricular flutter."""
    recording = load(path)
    counts, reference = to_device(recording).counts, device_beats(recording.events, recording.fs_hz)

    def keep(sample: np.ndarray) -> np.ndarray:
        return outside_flutter(sample, recording.events, recording.fs_hz)

    return count(path.stem, counts, reference, keep), count(path.stem, counts, reference, everything)


def device_beats(events: Events, fs_hz: float) -> np.ndarray:
    """Reference beats in device samples."""
    return np.rint(beats_of(events)[0] * DEVICE_FS_HZ / fs_hz).astype(np.int64)


def noisy_count(path: Path, noise: np.ndarray, snr_db: float) -> Count:
    """One record with noise in every other two minutes after the fifth, scaled as `nst` does."""
    recording = load(path)
    column, fs_hz = choose_channel(recording), recording.fs_hz
    clean, (beats, label) = recording.counts[:, column], beats_of(recording.events)
    power = noise_power(noise[: round(300 * fs_hz)], fs_hz)
    gain = noise_gain(qrs_power(clean, beats[label == 0][:300], fs_hz), power, snr_db)
    minute = np.arange(len(clean)) / fs_hz / 60
    noisy = (minute >= 5) & ((minute - 5) % 4 < 2)
    counts = recording.counts.copy()
    counts[:, column] = np.rint(clean + noisy * gain * np.resize(noise, len(clean)))
    device = to_device(replace(recording, counts=counts))
    return count(f"{path.stem}e{snr_db:02d}", device.counts, device_beats(recording.events, fs_hz), everything)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", nargs="?", default="mitdb", help="folder of WFDB records, or name of a data set")
    data = find_dataset(parser.parse_args().dir)
    paths = [data.path(record) for record in data.records]
    print("record    beats    FN    FP       Se       +P  <=2 smp  mean ms   max ms")
    with Pool(2) as pool:
        pairs = pool.map(both_counts, paths, chunksize=1)
    for without, _ in pairs:
        print(without)
    print(gross("gross", [p[0] for p in pairs]))
    print(gross("flutter", [p[1] for p in pairs]), " (with ventricular flutter)")
    if not set(NOISY_RECORDS) <= set(data.records):
        return
    noise = load(find_dataset(data.path(NOISY_RECORDS[0]).parents[1], "nstdb").path("em")).counts[:, 0]
    for record in NOISY_RECORDS:
        for snr_db in SNR_DB:
            print(noisy_count(data.path(record), noise, snr_db))


if __name__ == "__main__":
    main()
