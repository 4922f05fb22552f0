"""A recording on the emulated wearable that decides strips of rhythm: what it says, what that costs, who agrees.

The whole firmware runs on the core: filter, QRS detector, gate, wave, features, screen, specialist. Every strip is
compared with the integer reference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...compression.compact import CompactModel
from ...signals.beats import BLOCK_SAMPLES
from ...signals.device_signal import DEVICE_FS_HZ
from ...signals.recording import Recording
from ...signals.rhythm_features import N_RHYTHM_FEATURES
from ...signals.rhythm_wave import RHYTHM_BLOCK
from ..emulator.device_run import start_device
from ..emulator.rhythm_run import (
    LATE_SAMPLES,
    RHYTHM_REGIONS,
    STRIP_BLOCKS,
    RhythmRun,
    expected_strips,
    run_strips,
)
from ..energy.devices import Device
from .scenarios import Observed, Scenario, scenario
from .simulation import Simulation, build_core, device_counts, second_lengths, wearable_of
from .thresholds import without_cascade
from .timeline import StageRecorder, StageTimeline

__all__ = ["RhythmSimulation", "first_strip_difference", "simulate_strips"]

_STRIP_BYTES = STRIP_BLOCKS * RHYTHM_BLOCK + N_RHYTHM_FEATURES + 5
"""What the specialist needs for a strip: its wave and features, its number and a checksum."""


@dataclass(frozen=True)
class RhythmSimulation(Simulation[RhythmRun]):
    """A recording that was run on the emulated core, strip by strip; see `Simulation`."""

    @property
    def unit(self) -> str:
        """What is decided, in a word."""
        return "strip"


def simulate_strips(
    model: CompactModel,
    recording: Recording,
    device: str | Device | None = None,
    seconds: float | None = None,
    progress: Callable[[int], object] | None = None,
    *,
    use: str | Scenario = "cascade",
    form: str = "packed",
    max_flash: int | None = None,
) -> RhythmSimulation:
    """Build the firmware for a model of rhythm, run a recording on the emulated Cortex-M4 and compare every strip.

    Parameters
    ----------
    model, recording, device, seconds, progress, use, form, max_flash : as for `simulate`

    Raises
    ------
    InputError
        an unknown device or scenario, less signal than a strip and its decision take, or a recording that
        `to_device` refuses
    MissingToolError
        the extra ``ictus[wearable]`` is not installed
    RuntimeRefusedError
        the model does not take the inputs that the firmware makes
    """
    wearable, chosen = wearable_of(device), scenario(use) if isinstance(use, str) else use
    lead, counts = device_counts(recording, seconds, STRIP_BLOCKS + 1.6)
    built = model if chosen.is_cascade else without_cascade(model)
    with TemporaryDirectory(prefix="ictus-") as folder:
        image, core = build_core(built, Path(folder), RHYTHM_REGIONS, form=form, max_flash=max_flash)
        start_device(core)
        recorder = StageRecorder(core)
        run = run_strips(core, built, counts, progress, recorder)
    difference = first_strip_difference(run, expected_strips(built, counts))
    seen = _observed(recorder.timeline(), run, len(counts), float(recording.fs_hz))
    what, profile = (recording.name, lead, len(counts)), seen.timeline.profile(core.stack_bytes)
    return RhythmSimulation(*what, run, difference, profile, image, wearable, seen, chosen)


def _observed(timeline: StageTimeline, run: RhythmRun, n_samples: int, own_fs_hz: float) -> Observed:
    """What a recording made the firmware do; a strip is decided somewhat after its end."""
    ended = (run.events.first_block + STRIP_BLOCKS) * BLOCK_SAMPLES + LATE_SAMPLES
    decided_s = (ended - 1) // BLOCK_SAMPLES
    of_all, of_abnormal, of_passed = (
        np.bincount(decided_s[chosen], minlength=len(timeline))
        for chosen in (run.events.label >= -1, run.events.label > 0, run.events.reached == 2)
    )
    lengths = second_lengths(n_samples, DEVICE_FS_HZ)
    return Observed(timeline, lengths, DEVICE_FS_HZ, own_fs_hz, 1, of_all, of_abnormal, of_passed, _STRIP_BYTES)


def first_strip_difference(found: RhythmRun, expected: RhythmRun) -> str | None:
    """What differs first, in words; None if nothing does."""
    mine, theirs = found.events, expected.events
    if len(mine) != len(theirs):
        return f"{len(mine)} strips on the device, {len(theirs)} in the reference"
    for number in range(len(mine)):
        if not mine.row(number).equals(theirs.row(number)):
            at_s = int(theirs.first_block[number]) * 128 / DEVICE_FS_HZ
            classes = f"class {mine.label[number]} on the device, {theirs.label[number]} in the reference"
            return f"strip at {at_s:g} s: {classes}"
    return None if found.counts == expected.counts else f"{found.counts} on the device, {expected.counts} expected"
