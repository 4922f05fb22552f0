"""A recording on the emulated wearable: what it decides, what that costs, and whether Python agrees.

Samples go in one by one as from the front end; the whole firmware runs on the core: filter, QRS detector, beat
windows, gate, screen, specialist. Every event is compared with the integer reference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...compression.compact import CompactModel
from ...signals.beats import BLOCK_SAMPLES, POST_RR_CAP
from ...signals.device_signal import DEVICE_FS_HZ
from ...signals.qrs import QRS_MAX_LATENCY_SAMPLES
from ...signals.recording import Recording
from ..emulator.device_run import DEVICE_REGIONS, DeviceEvents, DeviceRun, expected_run, run_recording
from ..energy.devices import Device
from .scenarios import Observed, Scenario, scenario
from .simulation import Simulation, build_core, device_counts, second_lengths, wearable_of
from .thresholds import without_cascade
from .timeline import StageRecorder, StageTimeline

__all__ = ["BeatSimulation", "Simulation", "first_difference", "observed_beats", "simulate"]

_LONGEST_WAIT = POST_RR_CAP + QRS_MAX_LATENCY_SAMPLES + 2 * BLOCK_SAMPLES
_HEADER_BYTES = 5  # of a window that is sent: sample number and checksum


@dataclass(frozen=True)
class BeatSimulation(Simulation[DeviceRun]):
    """A recording that was run on the emulated core, beat by beat; see `Simulation`."""

    @property
    def unit(self) -> str:
        """What is decided, in a word."""
        return "beat"


def simulate(
    model: CompactModel,
    recording: Recording,
    device: str | Device | None = None,
    seconds: float | None = None,
    progress: Callable[[int], object] | None = None,
    *,
    use: str | Scenario = "cascade",
    form: str = "packed",
    max_flash: int | None = None,
) -> BeatSimulation:
    """Build the firmware for a model of beats, run a recording on the emulated Cortex-M4 and compare every event.

    Parameters
    ----------
    model : what the firmware holds
    recording : any that `to_device` takes
    device : name of a microcontroller in the device table, or a whole wearable; None takes the default
    seconds : run only the beginning
    progress : called with the number of samples after every minute of signal
    use : scenario, see `scenarios`; ``always-on`` is other firmware, the rest are priced anew from one run
    form, max_flash : of the networks' code, see `c_export.write_sources`

    Raises
    ------
    InputError
        an unknown device or scenario, no signal to run, or a recording that `to_device` refuses
    MissingToolError
        the extra ``ictus[wearable]`` is not installed
    RuntimeRefusedError
        the model does not take the inputs that the firmware makes
    """
    wearable, chosen = wearable_of(device), scenario(use) if isinstance(use, str) else use
    lead, counts = device_counts(recording, seconds, BLOCK_SAMPLES / DEVICE_FS_HZ)
    built = model if chosen.is_cascade else without_cascade(model)
    with TemporaryDirectory(prefix="ictus-") as folder:
        image, core = build_core(built, Path(folder), DEVICE_REGIONS, form=form, max_flash=max_flash)
        recorder = StageRecorder(core)
        run = run_recording(core, built, counts, progress, recorder)
    difference = first_difference(run, expected_run(built, counts), len(counts))
    seen = observed_beats(recorder.timeline(), run, model, len(counts), float(recording.fs_hz))
    what, profile = (recording.name, lead, len(counts)), seen.timeline.profile(core.stack_bytes)
    return BeatSimulation(*what, run, difference, profile, image, wearable, seen, chosen)


def observed_beats(
    timeline: StageTimeline, run: DeviceRun, model: CompactModel, n_samples: int, own_fs_hz: float
) -> Observed:
    """What a recording made the firmware do: one window is cut for each decided beat."""
    units, passed = (timeline.runs[:, timeline.part(name)] for name in ("beat_window", "specialist"))
    decided_s = np.repeat(np.arange(len(timeline)), units)[: len(run.events)]
    abnormal = np.bincount(decided_s[run.events.label > 0], minlength=len(timeline))
    lengths = second_lengths(n_samples, DEVICE_FS_HZ)
    needed = int(np.prod(model.window_shape)) + model.n_context + _HEADER_BYTES
    return Observed(timeline, lengths, DEVICE_FS_HZ, own_fs_hz, 1, units, abnormal, passed, needed)


def first_difference(found: DeviceRun, expected: DeviceRun, n_samples: int) -> str | None:
    """What differs first, in words; None if nothing does.

    Parameters
    ----------
    found, expected : of the device and of the integer reference
    n_samples : samples that both were given; the device may owe the beats of the last few seconds
    """
    n = len(found.events)
    owed = expected.events.peak[n:]
    if len(owed) and owed[0] < n_samples - _LONGEST_WAIT:
        return f"beat at sample {owed[0]}: never decided by the device"
    if found.counts.dropped:
        return f"{found.counts.dropped} beats dropped by the device"
    for name in ("blocks", "rejected"):
        mine, theirs = (getattr(counts, name) for counts in (found.counts, expected.counts))
        if mine != theirs:
            return f"{name}: {mine} on the device, {theirs} in the reference"
    return _first_event_difference(found.events, expected.events.first(n))


def _first_event_difference(found: DeviceEvents, expected: DeviceEvents) -> str | None:
    if len(found) != len(expected):
        return f"{len(found)} beats on the device, {len(expected)} in the reference"
    rows = [np.flatnonzero(_differs(values, vars(expected)[name])) for name, values in vars(found).items()]
    first = min((int(row[0]) for row in rows if len(row)), default=None)
    if first is None:
        return None
    mine, theirs = (f"{e.label[first]} at sample {e.peak[first]}" for e in (found, expected))
    return f"beat {first}: class {mine} on the device, {theirs} in the reference"


def _differs(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return (mine != theirs).reshape(len(mine), -1).any(axis=1)
