"""What the firmware gets when something is broken: samples, their numbers, and whether the radio is answered.

Faults act in the order in which a signal meets them: electrode (motion, saturation by its offset, lead-off),
sampling clock, bus. Their times are seconds of the recording. The models are simple and said so:

- an open electrode is pulled to the converter's rail by the current that detects it, within a second, and comes
  back as quickly;
- saturation is an offset of the electrode so large that only so much of the signal fits under the rail;
- a clock that is wrong samples the band-limited signal at other times, and numbers its samples as if it were
  right;
- samples that never come leave a gap in the numbers, as those of a FIFO or of a timer do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...models.gate_noise import noise_halves
from ...signals.datasets import SAMPLE_FOLDER, LocalDataset, find_dataset
from ...signals.device_signal import DEVICE_FS_HZ, DEVICE_UV_PER_COUNT
from ...signals.errors import InputError
from ...signals.load import load
from ...signals.noise import mix
from ...signals.qrs import detect_qrs
from .kinds import Fault, check_within

__all__ = ["RAIL_COUNTS", "FaultySignal", "inject"]

RAIL_COUNTS = 10_000
"""Largest sample of the converter: 50 mV, the input range of a MAX30003 at its usual gain (quoted from memory)."""

_PULL_S = 0.2
_SINC_TAPS = 32
_SEED = 20_141


@dataclass(frozen=True)
class FaultySignal:
    """What reaches the firmware, and what the recording's clock says meanwhile.

    Attributes
    ----------
    counts : int16 (n,), samples that come
    tick : uint32 (n,), their numbers by the device's clock, ascending
    n_ticks : numbers of the whole recording, those of lost samples too
    clock : seconds of the device's clock in one second
    has_link : bool (n_seconds,), whether the radio is answered in that second of the device's clock
    flips : (second, bit) of each bit of the model that changes; a bit of -1 is drawn
    rails : lowest and highest sample of the converter
    """

    counts: np.ndarray
    tick: np.ndarray
    n_ticks: int
    clock: float
    has_link: np.ndarray
    flips: tuple[tuple[float, int], ...]
    rails: tuple[int, int] = (-RAIL_COUNTS, RAIL_COUNTS)

    def recording_sample(self, tick: np.ndarray) -> np.ndarray:
        """Sample of the recording at which a sample with this number was taken: int64, shape of `tick`."""
        return np.rint(np.asarray(tick) / self.clock).astype(np.int64)


def inject(counts: np.ndarray, faults: Sequence[Fault]) -> FaultySignal:
    """Break a device signal.

    Parameters
    ----------
    counts : int16 (n,), as the converter would have delivered it
    faults : may be none

    Raises
    ------
    InputError
        a fault begins behind the end.
    """
    check_within(faults, len(counts) / DEVICE_FS_HZ)
    broken = counts
    for name, change in (("motion", _moved), ("saturation", _saturated), ("lead-off", _opened)):
        for fault in _of(faults, name):
            broken = change(broken, fault)
    clock = 1.0 + sum(fault.level for fault in _of(faults, "drift")) * 1e-6
    sampled = _sampled(broken, clock)
    n_seconds = -(-len(sampled) // DEVICE_FS_HZ)
    link = np.ones(n_seconds, np.bool_)
    for fault in _of(faults, "outage"):
        link[int(fault.start_s * clock) : int(np.ceil(min(fault.end_s, n_seconds) * clock))] = False
    flips = tuple((fault.start_s * clock, int(fault.level)) for fault in _of(faults, "bit-flip"))
    whole = FaultySignal(sampled, np.arange(len(sampled), dtype=np.uint32), len(sampled), clock, link, flips)
    return _dropped(whole, _of(faults, "dropped"))


def _of(faults: Sequence[Fault], kind: str) -> list[Fault]:
    return [fault for fault in faults if fault.kind == kind]


def _slice(fault: Fault, n: int) -> slice:
    start, stop = (round(min(t, n / DEVICE_FS_HZ) * DEVICE_FS_HZ) for t in (fault.start_s, fault.end_s))
    return slice(start, stop)


def _moved(counts: np.ndarray, fault: Fault) -> np.ndarray:
    """Electrode motion from the second half of ``em``, which no gate was trained with; SNR as of ``nst``."""
    recording = load(_noise_folder().path("em"))
    _, noise = noise_halves({"em": recording}, second=True)[0]
    place = _slice(fault, len(counts))
    peaks = detect_qrs(counts).peak
    within = np.roll(np.resize(noise, len(counts)), place.start)
    mixed = mix(counts, within, fault.level, peaks, DEVICE_FS_HZ)
    return _with(counts, place, mixed[place])


def _noise_folder() -> LocalDataset:
    """The whole database where it is there, else the three minutes of it that come along."""
    try:
        return find_dataset("nstdb")
    except InputError:
        return find_dataset(SAMPLE_FOLDER, "nstdb")


def _saturated(counts: np.ndarray, fault: Fault) -> np.ndarray:
    """Shifted to where only `level` mV fit between baseline and rail, on the side of the larger deflections."""
    place = _slice(fault, len(counts))
    part = counts[place].astype(np.int64) - int(np.median(counts[place]))
    low, high = np.percentile(part, (0.5, 99.5))
    side = 1 if high >= -low else -1
    room = round(fault.level * 1000 / DEVICE_UV_PER_COUNT)
    shifted = side * np.minimum(side * part + RAIL_COUNTS - room, RAIL_COUNTS)
    return _with(counts, place, np.maximum(shifted, -RAIL_COUNTS))


def _opened(counts: np.ndarray, fault: Fault) -> np.ndarray:
    place = _slice(fault, len(counts))
    n = place.stop - place.start
    away = 1 - np.exp(-np.arange(n) / (_PULL_S * DEVICE_FS_HZ))
    broken = _with(counts, place, np.rint(counts[place] * (1 - away) + RAIL_COUNTS * away))
    back = slice(place.stop, min(place.stop + 2 * DEVICE_FS_HZ, len(counts)))
    still = RAIL_COUNTS * np.exp(-np.arange(1, back.stop - back.start + 1) / (_PULL_S * DEVICE_FS_HZ))
    return _with(broken, back, np.minimum(broken[back] + np.rint(still), RAIL_COUNTS))


def _with(counts: np.ndarray, place: slice, values: np.ndarray) -> np.ndarray:
    changed = counts.copy()
    changed[place] = values.astype(np.int16)
    return changed


def _sampled(counts: np.ndarray, clock: float) -> np.ndarray:
    """The signal at sample times k / clock, by a Hann-windowed sinc of 32 taps."""
    if clock == 1.0:
        return counts
    at = np.arange(int(len(counts) * clock)) / clock
    first = np.floor(at).astype(np.int64) - _SINC_TAPS // 2 + 1
    sampled = np.zeros(len(at))
    weights = np.zeros(len(at))
    for tap in range(_SINC_TAPS):
        distance = at - (first + tap)
        weight = np.sinc(distance) * np.cos(np.pi / _SINC_TAPS * distance) ** 2
        sampled += weight * counts[np.clip(first + tap, 0, len(counts) - 1)]
        weights += weight
    return np.clip(np.rint(sampled / weights), -32768, 32767).astype(np.int16)


def _dropped(signal: FaultySignal, faults: Sequence[Fault]) -> FaultySignal:
    """Without the samples that never come, drawn one by one; the first one always comes, to start the count."""
    rng = np.random.default_rng(_SEED)
    comes = np.ones(len(signal.counts), np.bool_)
    for fault in faults:
        place = _slice(fault, len(comes))
        comes[place] &= rng.random(place.stop - place.start) >= fault.level / 100
    comes[:1] = True
    return replace(signal, counts=signal.counts[comes], tick=signal.tick[comes])
