"""A recording through the device's rhythm part: strips of 32 seconds, one event each.

The firmware gets the samples one by one, as from its front end. `expected_strips` says what it must give, from the
Python counterparts of every part.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...compression.compact import CompactModel
from ...models.rhythm_cascade import MIN_ANALYSABLE
from ...models.staged import StagedModel
from ...signals.beats import BLOCK_SAMPLES
from ...signals.filters import BASELINE_DELAY
from ...signals.gate_features import gate_features
from ...signals.qrs import detect_qrs
from ...signals.rhythm_features import N_RHYTHM_FEATURES, rhythm_features
from ...signals.rhythm_wave import RHYTHM_BLOCK, rhythm_wave
from .device_run import DEVICE_REGIONS, push_samples, read_counts
from .machine import Machine

__all__ = [
    "LATE_SAMPLES",
    "MIN_ANALYSABLE_BLOCKS",
    "RHYTHM_REGIONS",
    "STRIP_BLOCKS",
    "RhythmCounts",
    "RhythmRun",
    "StripEvents",
    "StripInputs",
    "decided_strips",
    "expected_strips",
    "run_strips",
    "strip_inputs",
]

STRIP_BLOCKS = 32
"""Seconds of a strip on the device."""

MIN_ANALYSABLE_BLOCKS = math.ceil(MIN_ANALYSABLE * STRIP_BLOCKS)
"""Seconds of a strip that the gate must let through; with fewer, the strip gets no class."""

RHYTHM_REGIONS = {name: DEVICE_REGIONS[name] for name in ("filter", "qrs", "gate_features", "gate")} | {
    "rhythm_wave": "ictus_rhythm_end_block",
    "rhythm_features": "ictus_rhythm_features",
    "screen": "ictus_run_rhythm_screen",
    "specialist": "ictus_run_rhythm_specialist",
}
"""Parts of the firmware whose cost is told apart: name -> its C function, for `EmulatedCore`."""

_STRIP_SAMPLES = STRIP_BLOCKS * BLOCK_SAMPLES
LATE_SAMPLES = BLOCK_SAMPLES + BASELINE_DELAY
"""From a strip's end to its decision."""

_MAX_CLASSES = 8
_EVENT_WORDS = 5 + _MAX_CLASSES


@dataclass(frozen=True)
class StripEvents:
    """One row per strip, in time order.

    Attributes
    ----------
    first_block : int64 (n,), second in which the strip begins
    reached : int8 (n,), stage that decided: 0 gate (too little analysable), 1 screen (normal), 2 specialist
    label : int8 (n,), class; 0 is normal, -1 without a class
    n_analysable : int8 (n,), seconds that the gate let through, of `STRIP_BLOCKS`
    screen_logit : int8 (n,), Q4.3; 0 unless the screen ran
    class_logits : int8 (n, n_classes), Q4.3; 0 unless the specialist ran
    """

    first_block: np.ndarray
    reached: np.ndarray
    label: np.ndarray
    n_analysable: np.ndarray
    screen_logit: np.ndarray
    class_logits: np.ndarray

    def __len__(self) -> int:
        return len(self.first_block)

    @classmethod
    def from_words(cls, words: np.ndarray, n_classes: int) -> "StripEvents":
        """From int32 (n, 13) as the harness writes them."""
        reached, label, analysable, screen = (words[:, i].astype(np.int8) for i in range(1, 5))
        classes = words[:, 5 : 5 + n_classes].astype(np.int8)
        return cls(words[:, 0].astype(np.int64), reached, label, analysable, screen, classes)

    def row(self, number: int) -> "StripEvents":
        """One strip."""
        return StripEvents(*(values[number : number + 1] for values in vars(self).values()))

    def equals(self, other: "StripEvents") -> bool:
        """Whether every field of every strip is the same."""
        return all(np.array_equal(mine, vars(other)[name]) for name, mine in vars(self).items())


@dataclass(frozen=True)
class RhythmCounts:
    """How often each part ran."""

    strips: int
    screened: int
    specialist: int


@dataclass(frozen=True)
class RhythmRun:
    """What the device made of a recording."""

    events: StripEvents
    counts: RhythmCounts


@dataclass(frozen=True)
class StripInputs:
    """The strips of a recording that the device decides.

    Attributes
    ----------
    wave : int8 (n, 2048)
    features : int8 (n, N_RHYTHM_FEATURES)
    """

    wave: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.wave)


def run_strips(
    machine: Machine,
    model: CompactModel,
    counts: np.ndarray,
    progress: Callable[[int], object] | None = None,
    on_second: Callable[[], object] | None = None,
) -> RhythmRun:
    """Push a recording through the firmware of a machine, whose device has a rhythm part and is at its reset.

    Parameters
    ----------
    model : of the rhythm part
    counts : int16 (n,), device signal
    progress : called with the number of samples after every minute of signal
    on_second : called after every second of signal, and at its end
    """
    words = push_samples(machine, "ictus_harness_push_strips", counts, _EVENT_WORDS, 1, progress, on_second)
    events = StripEvents.from_words(words, model.stages[-1].layers[-1].out_size)
    return RhythmRun(events, RhythmCounts(*read_counts(machine, "ictus_harness_strip_counts", 3)))


def strip_inputs(counts: np.ndarray) -> StripInputs:
    """Cut a recording into the strips that the device decides while it lasts.

    Parameters
    ----------
    counts : int16 (n,), device signal
    """
    n = max(len(counts) - LATE_SAMPLES, 0) // _STRIP_SAMPLES
    wave = rhythm_wave(counts)[: n * STRIP_BLOCKS * RHYTHM_BLOCK].reshape(n, STRIP_BLOCKS * RHYTHM_BLOCK)
    peaks = detect_qrs(counts).peak
    parts = [peaks[peaks // _STRIP_SAMPLES == number] % _STRIP_SAMPLES for number in range(n)]
    features = [rhythm_features(strip, inside) for strip, inside in zip(wave, parts, strict=True)]
    return StripInputs(wave, np.array(features, np.int8).reshape(n, N_RHYTHM_FEATURES))


def expected_strips(model: StagedModel, counts: np.ndarray, gate: StagedModel | None = None) -> RhythmRun:
    """What the firmware must give, by the integer reference, had it the whole recording at once.

    Parameters
    ----------
    model : of rhythm; that of a float model has no counterpart on the device
    counts : int16 (n,), device signal
    gate : model whose gate judges the seconds; None if it is `model`
    """
    judge = model if gate is None else gate
    return decided_strips(
        model, strip_inputs(counts), judge.judge(gate_features(counts)) >= judge.thresholds["gate"]
    )


def decided_strips(model: StagedModel, strips: StripInputs, accepted: np.ndarray) -> RhythmRun:
    """The decisions of `expected_strips`.

    Parameters
    ----------
    accepted : bool (n_seconds,), which seconds the gate let through
    """
    n_analysable = accepted[: len(strips) * STRIP_BLOCKS].reshape(len(strips), STRIP_BLOCKS).sum(axis=1)
    screen, classes = model.classify(strips.wave[:, :, None], strips.features)
    screened = n_analysable >= MIN_ANALYSABLE_BLOCKS
    passed = screened & (screen >= model.thresholds["screen"])
    classes = classes * passed[:, None]
    label = np.where(screened, classes.argmax(axis=1), -1).astype(np.int8)
    reached = (screened.astype(np.int8) + passed).astype(np.int8)
    first = np.arange(len(strips)) * STRIP_BLOCKS
    events = StripEvents(first, reached, label, n_analysable.astype(np.int8), screen * screened, classes)
    return RhythmRun(events, RhythmCounts(len(strips), int(screened.sum()), int(passed.sum())))
