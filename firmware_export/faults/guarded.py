"""A broken signal through the guarded device (``ictus_guard.h``), second by second, on either build."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from shutil import copyfile

import numpy as np

from ...compression.compact import CompactModel
from ...signals.device_signal import DEVICE_FS_HZ
from ...signals.errors import InputError
from ..c_export import write_sources
from ..emulator.device_run import StageCounts
from ..emulator.machine import Machine, check
from ..toolchain import DEVICE_DIRECTORY
from .inject import FaultySignal

__all__ = [
    "URGENCIES",
    "Feed",
    "GuardCounts",
    "GuardedRun",
    "Loss",
    "draw_bit",
    "flip_bit",
    "run_guarded",
    "start_feed",
    "write_guarded_sources",
]

URGENCIES = ("routine", "unjudged", "notable", "serious")
"""Values of the C type `ictus_urgency`, in order."""

SEND_PER_SECOND = 32
"""Events that a link takes in a second: one connection event each."""

_WORDS, _COUNTS, _MOST_SLOTS = 5, 9, 256
_SENT_ROOM = 64
_SEED = 59_264


@dataclass(frozen=True)
class Loss:
    """Events of an urgency that the queue had no room for: how many, R peaks of the earliest and the latest."""

    n: int
    first_peak: int
    last_peak: int


@dataclass(frozen=True)
class GuardCounts:
    """What the guarded device says that it lost.

    Attributes
    ----------
    missing, gaps : samples that never came and were filled, and stretches of them
    late : samples out of order
    railed : samples at a rail of the converter
    unjudged : beats without a class because the model was known to be broken
    broken_at : samples pushed when that was found; 0 if the model is whole
    passes : times that the whole model was checked and found whole
    waiting : events still in the queue
    n_lost : events that the queue had no room for
    lost : urgency -> those of it
    """

    missing: int
    gaps: int
    late: int
    railed: int
    unjudged: int
    broken_at: int
    passes: int
    waiting: int
    n_lost: int
    lost: dict[str, Loss]


@dataclass(frozen=True)
class GuardedRun:
    """What the guarded device made of a broken signal.

    Attributes
    ----------
    peak : int64 (n,), tick of each event that was sent, in the order of sending
    label : int8 (n,), class; 0 is normal, -1 without one
    reached : int8 (n,), stage that decided
    sent_at : int64 (n,), tick after which it was sent
    stages : int64 (n_seconds, 6), fields of `StageCounts` second by second
    counts : what it says that it lost
    """

    peak: np.ndarray
    label: np.ndarray
    reached: np.ndarray
    sent_at: np.ndarray
    stages: np.ndarray
    counts: GuardCounts

    @property
    def total(self) -> StageCounts:
        """How often each stage ran."""
        return StageCounts(*self.stages.sum(axis=0).tolist())


def write_guarded_sources(model: CompactModel, folder: Path) -> None:
    """Write what `write_sources` does, and the guarded device's harness."""
    write_sources(model, folder)
    copyfile(DEVICE_DIRECTORY / "main.h", folder / "main.h")
    copyfile(DEVICE_DIRECTORY / "guard_harness.c", folder / "ictus_guard_harness.c")


def run_guarded(
    machine: Machine,
    signal: FaultySignal,
    model_bytes: int,
    n_slots: int = 64,
    from_urgency: int = 0,
    on_second: Callable[[], object] | None = None,
) -> GuardedRun:
    """Run a broken signal from reset.

    Parameters
    ----------
    machine : built from `write_guarded_sources`; flips are only possible where its flash can be written
    signal : what reaches the firmware
    model_bytes : size of the model in flash, whose bits may flip
    n_slots : events that the queue holds
    from_urgency : position in `URGENCIES`; less urgent events are not even queued
    on_second : called after every second

    Raises
    ------
    InputError
        more slots than the harness has, or a bit that the model does not have.
    """
    feed = start_feed(machine, signal, n_slots, from_urgency)
    flips = {int(second): draw_bit(bit, model_bytes) for second, bit in signal.flips}
    bounds = np.searchsorted(signal.tick, np.arange(0, len(signal.has_link) + 1) * DEVICE_FS_HZ)
    sent, stages = [np.empty((0, _WORDS), np.int64)], []
    for second, has_link in enumerate(signal.has_link.tolist()):
        if second in flips:
            flip_bit(machine, flips[second])
        place = slice(bounds[second], bounds[second + 1])
        sent.append(feed.push(signal.counts[place], signal.tick[place], SEND_PER_SECOND * has_link))
        stages.append(feed.stages())
        if on_second:
            on_second()
    for bit in flips.values():
        flip_bit(machine, bit)
    words = np.concatenate(sent)
    per_second = np.diff(np.array(stages, np.int64), axis=0, prepend=0)
    return GuardedRun(
        words[:, 0],
        words[:, 2].astype(np.int8),
        words[:, 1].astype(np.int8),
        words[:, 4],
        per_second,
        feed.counts(),
    )


def start_feed(machine: Machine, signal: FaultySignal, n_slots: int, from_urgency: int) -> "Feed":
    """Reset a machine's guarded device; raises `InputError` for more slots than the harness has."""
    if not 1 <= n_slots <= _MOST_SLOTS:
        raise InputError(f"a queue of {n_slots} events; 1 to {_MOST_SLOTS} are possible")
    machine.free_all()
    check(machine.call("ictus_guard_start", n_slots, from_urgency))
    machine.call("ictus_guard_rails", *(rail & 0xFFFFFFFF for rail in signal.rails))
    return Feed.of(machine)


@dataclass(frozen=True)
class Feed:
    """Room in a machine's memory for a second's samples and what is sent."""

    machine: Machine
    samples: int
    ticks: int
    out: int
    words: int

    @classmethod
    def of(cls, machine: Machine) -> "Feed":
        sizes = 2 * DEVICE_FS_HZ, 4 * DEVICE_FS_HZ, 4 * _WORDS * _SENT_ROOM, 4 * (_COUNTS + 3 * len(URGENCIES))
        return cls(machine, *(machine.allocate(size) for size in sizes))

    def push(self, counts: np.ndarray, tick: np.ndarray, n_link: int) -> np.ndarray:
        """Take samples of a second and send; int64 (n_sent, 5)."""
        self.machine.write(self.samples, np.ascontiguousarray(counts, "<i2").tobytes())
        self.machine.write(self.ticks, np.ascontiguousarray(tick, "<u4").tobytes())
        n = self.machine.call("ictus_guard_feed", self.samples, self.ticks, len(counts), n_link, self.out)
        words = np.frombuffer(self.machine.read(self.out, 4 * _WORDS * n), "<i4").reshape(n, _WORDS)
        return words.astype(np.int64)

    def stages(self) -> list[int]:
        """Fields of `StageCounts` so far."""
        self.machine.call("ictus_harness_counts", self.words)
        return np.frombuffer(self.machine.read(self.words, 4 * 6), "<u4").tolist()

    def counts(self) -> GuardCounts:
        """What the device says that it lost so far."""
        self.machine.call("ictus_guard_read", self.words)
        n = _COUNTS + 3 * len(URGENCIES)
        found = np.frombuffer(self.machine.read(self.words, 4 * n), "<u4").tolist()
        losses = [Loss(*found[i : i + 3]) for i in range(_COUNTS, n, 3)]
        names = [field.name for field in fields(GuardCounts)][:_COUNTS]
        said = dict(zip(names, found[:_COUNTS], strict=True))
        return GuardCounts(**said, lost=dict(zip(URGENCIES, losses, strict=True)))


def draw_bit(bit: int, model_bytes: int) -> int:
    """The bit itself, or one that is drawn if it is -1; `InputError` for one that the model does not have."""
    if bit >= 8 * model_bytes:
        raise InputError(f"bit {bit} of the model; it has {8 * model_bytes}")
    return bit if bit >= 0 else int(np.random.default_rng(_SEED).integers(8 * model_bytes))


def flip_bit(machine: Machine, bit: int) -> None:
    """Change one bit of the model in a machine's flash."""
    address = machine.symbol("ictus_model_data") + bit // 8
    changed = machine.read(address, 1)[0] ^ 1 << bit % 8
    machine.write(address, bytes([changed]))
