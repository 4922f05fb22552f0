"""A recording through the whole device: filter, QRS detector, beat windows, gate, screen, specialist.

The firmware gets the samples one by one, as from its front end, and gives one event per beat. `expected_run`
says what it must give, from the Python counterparts of every part.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...compression.compact import CompactModel
from ...signals.beats import BLOCK_SAMPLES, beat_windows
from ...signals.gate_features import gate_features
from ...signals.qrs import detect_qrs
from .machine import Machine, check

__all__ = [
    "DEVICE_REGIONS",
    "DeviceEvents",
    "DeviceRun",
    "StageCounts",
    "expected_run",
    "push_samples",
    "read_counts",
    "run_recording",
    "start_device",
]

DEVICE_REGIONS = {
    "filter": "ictus_filter_run",
    "qrs": "ictus_qrs_run",
    "gate_features": "ictus_gate_push",
    "beat_window": "ictus_beat_cut",
    "gate": "ictus_run_gate",
    "screen": "ictus_run_screen",
    "specialist": "ictus_run_specialist",
}
"""Parts of the firmware whose cost is told apart: name -> its C function, for `EmulatedCore`."""


_CHUNK_SAMPLES = BLOCK_SAMPLES * 60
_MAX_CLASSES = 8
_EVENT_WORDS = 4 + _MAX_CLASSES
_MAX_EVENTS_PER_BLOCK = 16


@dataclass(frozen=True)
class DeviceEvents:
    """One row per beat, in time order.

    Attributes
    ----------
    peak : int64 (n,), device sample of the R peak
    reached : int8 (n,), stage that decided: 0 gate (rejected), 1 screen (normal), 2 specialist
    label : int8 (n,), class; 0 is normal, -1 gated
    screen_logit : int8 (n,), Q4.3; 0 if gated
    class_logits : int8 (n, n_classes), Q4.3; 0 unless the specialist ran
    """

    peak: np.ndarray
    reached: np.ndarray
    label: np.ndarray
    screen_logit: np.ndarray
    class_logits: np.ndarray

    def __len__(self) -> int:
        return len(self.peak)

    @classmethod
    def from_words(cls, words: np.ndarray, n_classes: int) -> "DeviceEvents":
        """From int32 (n, 12) as the harness writes them."""
        reached, label, screen = (words[:, i].astype(np.int8) for i in (1, 2, 3))
        return cls(
            words[:, 0].astype(np.int64), reached, label, screen, words[:, 4 : 4 + n_classes].astype(np.int8)
        )

    def first(self, n: int) -> "DeviceEvents":
        """The first `n` beats."""
        return DeviceEvents(
            self.peak[:n], self.reached[:n], self.label[:n], self.screen_logit[:n], self.class_logits[:n]
        )

    def equals(self, other: "DeviceEvents") -> bool:
        """Whether every field of every beat is the same."""
        return all(np.array_equal(mine, vars(other)[name]) for name, mine in vars(self).items())


@dataclass(frozen=True)
class StageCounts:
    """How often each stage ran; `dropped` beats were lost for want of room."""

    blocks: int
    rejected: int
    beats: int
    screened: int
    specialist: int
    dropped: int


@dataclass(frozen=True)
class DeviceRun:
    """What the device made of a recording."""

    events: DeviceEvents
    counts: StageCounts


def run_recording(
    machine: Machine,
    model: CompactModel,
    counts: np.ndarray,
    progress: Callable[[int], object] | None = None,
    on_second: Callable[[], object] | None = None,
) -> DeviceRun:
    """Run the firmware of a machine over a recording, from its reset.

    Parameters
    ----------
    machine : holds firmware that was exported for `model`
    counts : int16 (n,), device signal
    progress : called with the number of samples after every minute of signal
    on_second : called after every second of signal, and at its end

    Raises
    ------
    RuntimeRefusedError : the firmware refuses its model.
    """
    start_device(machine)
    harness = "ictus_harness_push", counts, _EVENT_WORDS, _MAX_EVENTS_PER_BLOCK
    words = push_samples(machine, *harness, progress, on_second)
    events = DeviceEvents.from_words(words, model.stages[-1].layers[-1].out_size)
    return DeviceRun(events, StageCounts(*read_counts(machine, "ictus_harness_counts", 6)))


def start_device(machine: Machine) -> None:
    """Reset the firmware of a machine; raises `RuntimeRefusedError` if it refuses its model."""
    machine.free_all()
    check(machine.call("ictus_harness_start"))


def push_samples(
    machine: Machine,
    function: str,
    counts: np.ndarray,
    event_words: int,
    events_per_block: int,
    progress: Callable[[int], object] | None = None,
    on_second: Callable[[], object] | None = None,
) -> np.ndarray:
    """Push a recording through a started device, minute by minute, or second by second if one asks.

    Parameters
    ----------
    function : of the harness; takes samples and room for events, returns the number of events
    counts : int16 (n,), device signal
    event_words : words of an event
    events_per_block : most events of a second
    progress : called with the number of samples after every minute of signal
    on_second : called after every second of signal, and at its end

    Returns
    -------
    int32 (n_events, event_words)
    """
    room = events_per_block * _CHUNK_SAMPLES // BLOCK_SAMPLES
    samples, out = machine.allocate(2 * _CHUNK_SAMPLES), machine.allocate(4 * event_words * room)
    words = [np.empty((0, event_words), np.int32)]
    n_chunk = BLOCK_SAMPLES if on_second else _CHUNK_SAMPLES
    for start in range(0, len(counts), n_chunk):
        chunk = np.ascontiguousarray(counts[start : start + n_chunk], "<i2")
        machine.write(samples, chunk.tobytes())
        n = machine.call(function, samples, len(chunk), out, room)
        words.append(np.frombuffer(machine.read(out, 4 * event_words * n), "<i4").reshape(n, event_words))
        if on_second:
            on_second()
        done = start + len(chunk)
        if progress and (done % _CHUNK_SAMPLES == 0 or done == len(counts)):
            progress((done - 1) % _CHUNK_SAMPLES + 1)
    return np.concatenate(words)


def read_counts(machine: Machine, function: str, n: int) -> list[int]:
    """The `n` counters that a function of the harness writes."""
    address = machine.allocate(4 * n)
    machine.call(function, address)
    return np.frombuffer(machine.read(address, 4 * n), "<u4").tolist()


def expected_run(model: CompactModel, counts: np.ndarray) -> DeviceRun:
    """What the firmware must give, by the integer reference, had it the whole recording at once.

    The device decides a beat when the next one is known or overdue, so it may owe the last few of these.

    Parameters
    ----------
    counts : int16 (n,), device signal
    """
    beats = beat_windows(counts, detect_qrs(counts).peak)
    logits = model.run(np.zeros((len(beats), model.n_features), np.int8), beats.window, beats.context)
    gate = model.stage("gate")
    features = gate_features(counts)
    accepted = gate.passes(gate.run(features, np.zeros((len(features), model.n_context), np.int8)).logits)
    gated = ~accepted[beats.block]
    reached = np.where(gated, 0, np.where(model.stage("screen").passes(logits["screen"]), 2, 1)).astype(np.int8)
    classes = logits["specialist"] * (reached == 2)[:, None]
    label = np.where(gated, -1, classes.argmax(axis=1)).astype(np.int8)
    events = DeviceEvents(beats.peak, reached, label, logits["screen"][:, 0] * ~gated, classes)
    n_blocks = len(counts) // BLOCK_SAMPLES
    rejected = int((~accepted[:n_blocks]).sum())
    stage_counts = StageCounts(n_blocks, rejected, len(beats), int((~gated).sum()), int((reached == 2).sum()), 0)
    return DeviceRun(events, stage_counts)
