"""A recording through the device for EEG: a decision every second, and alarms.

The firmware gets the samples of all channels one by one, as from its front end. `expected_seconds` says what it
must give, from the Python counterparts of every part.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...compression.compact import CompactModel
from ...models.seizure_cascade import EVENT_RULE, SeizureDecisions, run_cascade
from ...models.seizure_data import FIRST_DECISION_S, prepare_eeg, window_waves
from ...signals.eeg_events import EventTracker
from ...signals.eeg_wave import EEG_BLOCK, EEG_DEVICE_FS_HZ
from ..golden import GoldenVectors
from .machine import Machine

__all__ = [
    "DEVICE_EEG_CHANNELS",
    "SEIZURE_REGIONS",
    "SeizureCounts",
    "SeizureEvents",
    "SeizureRun",
    "expected_seconds",
    "golden_windows",
    "run_seconds",
]

DEVICE_EEG_CHANNELS = 4
"""Channels of the emulated wearable: `ICTUS_MAIN_CHANNELS` of ``device/main.h``."""

SEIZURE_REGIONS = {
    "filter": "ictus_eeg_push",
    "features": "ictus_eeg_features",
    "gate": "ictus_run_eeg_gate",
    "screen": "ictus_run_eeg_screen",
    "specialist": "ictus_run_eeg_specialist",
}
"""Parts of the firmware whose cost is told apart: name -> its C function, for `EmulatedCore`."""

_CHUNK_SECONDS = 60
_SECOND_WORDS = 8


@dataclass(frozen=True)
class SeizureEvents:
    """One row per second, in time order.

    Attributes
    ----------
    rejected : bool (n, n_channels), seconds that the gate rejects
    analysable : bool (n, n_channels), channels whose window is analysed
    reached : int8 (n,), stage that decided: 0 gate (no channel was analysable), 1 screen, 2 specialist
    screen : int8 (n,), pooled logit, Q4.3; `NO_SCORE` if it did not run
    specialist : int8 (n,), pooled logit, Q4.3; `NO_SCORE` if it did not run
    is_on : bool (n,), whether an alarm stands at the second's end
    began : int8 (n,), 0, or for the second with which a new alarm begins how long ago its first window was, plus 1
    """

    rejected: np.ndarray
    analysable: np.ndarray
    reached: np.ndarray
    screen: np.ndarray
    specialist: np.ndarray
    is_on: np.ndarray
    began: np.ndarray

    def __len__(self) -> int:
        return len(self.reached)

    @classmethod
    def from_words(cls, words: np.ndarray, n_channels: int) -> "SeizureEvents":
        """From int32 (n, 8) as the harness writes them."""
        bits = words[:, 1:3, None] >> np.arange(n_channels) & 1
        reached, screen, specialist, is_on, began = (words[:, i].astype(np.int8) for i in range(3, 8))
        return cls(
            bits[:, 0].astype(np.bool_),
            bits[:, 1].astype(np.bool_),
            reached,
            screen,
            specialist,
            is_on.astype(np.bool_),
            began,
        )

    @classmethod
    def from_decisions(cls, decisions: SeizureDecisions) -> "SeizureEvents":
        """From the reference cascade and its event rule."""
        tracker = EventTracker(EVENT_RULE)
        is_on, began = np.zeros(len(decisions), np.bool_), np.zeros(len(decisions), np.int8)
        for second, is_above in enumerate(decisions.is_above.tolist()):
            ago = tracker.push(is_above)
            is_on[second], began[second] = tracker.is_on, ago if tracker.is_news else 0
        reached, screen, specialist = (
            values.astype(np.int8) for values in (decisions.reached, decisions.screen, decisions.specialist)
        )
        return cls(decisions.rejected, decisions.analysable, reached, screen, specialist, is_on, began)

    def row(self, second: int) -> "SeizureEvents":
        """One second."""
        return SeizureEvents(*(values[second : second + 1] for values in vars(self).values()))

    def equals(self, other: "SeizureEvents") -> bool:
        """Whether every field of every second is the same."""
        return all(np.array_equal(mine, vars(other)[name]) for name, mine in vars(self).items())


@dataclass(frozen=True)
class SeizureCounts:
    """How often each part ran: `rejected` counts seconds of single channels, the others seconds."""

    seconds: int
    rejected: int
    screened: int
    specialist: int


@dataclass(frozen=True)
class SeizureRun:
    """What the device made of a recording."""

    events: SeizureEvents
    counts: SeizureCounts


def run_seconds(
    machine: Machine,
    counts: np.ndarray,
    progress: Callable[[int], object] | None = None,
    device: int = 0,
    on_second: Callable[[], object] | None = None,
) -> SeizureRun:
    """Push a recording through the firmware of a machine, whose device is at its reset.

    Parameters
    ----------
    counts : int16 (n, n_channels), device signal, of as many channels as the device has
    progress : called with the number of samples after every minute of signal
    device : address of an `ictus_seizure` of the machine; 0 for the program's own, of `DEVICE_EEG_CHANNELS`
    on_second : called after every second of signal, and at its end
    """
    n_channels = counts.shape[1]
    n_minute = _CHUNK_SECONDS * EEG_DEVICE_FS_HZ
    n_chunk = EEG_DEVICE_FS_HZ if on_second else n_minute
    samples = machine.allocate(2 * n_chunk * n_channels)
    out = machine.allocate(4 * _SECOND_WORDS * (_CHUNK_SECONDS + 1))
    words = [np.empty((0, _SECOND_WORDS), np.int32)]
    for start in range(0, len(counts), n_chunk):
        chunk = np.ascontiguousarray(counts[start : start + n_chunk], "<i2")
        machine.write(samples, chunk.tobytes())
        n = machine.call("ictus_harness_push_seconds", device, samples, len(chunk), out)
        words.append(np.frombuffer(machine.read(out, 4 * _SECOND_WORDS * n), "<i4").reshape(n, _SECOND_WORDS))
        if on_second:
            on_second()
        done = start + len(chunk)
        if progress and (done % n_minute == 0 or done == len(counts)):
            progress((done - 1) % n_minute + 1)
    events = SeizureEvents.from_words(np.concatenate(words), n_channels)
    return SeizureRun(events, _read_counts(machine, device))


def _read_counts(machine: Machine, device: int) -> SeizureCounts:
    address = machine.allocate(16)
    machine.call("ictus_harness_second_counts", device, address)
    return SeizureCounts(*np.frombuffer(machine.read(address, 16), "<u4").tolist())


def expected_seconds(model: CompactModel, counts: np.ndarray) -> SeizureRun:
    """What the firmware must give, by the integer reference.

    Parameters
    ----------
    counts : int16 (n, n_channels), device signal
    """
    events = SeizureEvents.from_decisions(run_cascade(model, counts))
    n_screened, n_specialist = (int((events.reached >= stage).sum()) for stage in (1, 2))
    return SeizureRun(events, SeizureCounts(len(events), int(events.rejected.sum()), n_screened, n_specialist))


def golden_windows(counts: np.ndarray, n: int) -> GoldenVectors:
    """Network inputs of `n` windows of single channels, evenly spread over a recording's channels and seconds.

    Parameters
    ----------
    counts : int16 (n_samples, n_channels), device signal of at least 5 s
    """
    seconds = prepare_eeg(counts)
    decided = np.arange(FIRST_DECISION_S, len(seconds))
    wave = window_waves(seconds.filtered, seconds.factor, decided).reshape(-1, 4 * EEG_BLOCK, 1)
    gate, context = (part[decided].reshape(len(wave), -1) for part in (seconds.gate, seconds.context))
    rows = np.arange(n) * len(wave) // n
    return GoldenVectors(gate[rows], wave[rows], context[rows])
