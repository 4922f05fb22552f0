"""Days on the wearable in seconds: the beginning is executed, the rest is counted.

The device's own integer C runs on this computer over the whole recording and says what is decided, and so how
often each part runs in every second. What a run of each part executes is measured on the emulated core over the
beginning, where every event is compared. The networks execute the same instructions in every run; filter, detector
and beat window depend a little on the signal, so the total differs from an executed one by what a test bounds.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...compression.compact import CompactModel
from ...signals.beats import BLOCK_SAMPLES
from ...signals.recording import Recording
from ..emulator.device_run import DEVICE_REGIONS, DeviceEvents, DeviceRun, StageCounts, expected_run, run_recording
from ..energy.devices import Device
from ..native.device import Decided, NativeDevice
from .scenarios import Scenario, scenario
from .simulate import BeatSimulation, first_difference, observed_beats
from .simulation import build_core, device_counts, wearable_of
from .thresholds import without_cascade
from .timeline import StageProfile, StageRecorder, StageTimeline

__all__ = ["FAST_FROM_S", "simulate_fast"]

FAST_FROM_S = 7200
"""Longer recordings take the fast path unless one says otherwise."""

_EXECUTED_S = 120
_FEW_RUNS = 20
_OF_BEATS = ("beat_window", "screen", "specialist")
_STEADY_S = 2  # a second in which all parts that follow the clock run as in every other one


def simulate_fast(
    model: CompactModel,
    recording: Recording,
    device: str | Device | None = None,
    seconds: float | None = None,
    progress: Callable[[int], object] | None = None,
    *,
    use: str | Scenario = "cascade",
    form: str = "packed",
    max_flash: int | None = None,
    measured: BeatSimulation | None = None,
) -> BeatSimulation:
    """As `simulate`, with only the beginning on the emulated core; a last second that is not whole is left out.

    At least two minutes are executed, and as many as it takes until every part that the recording needs has run
    20 times, or as often as it ever does. `agrees_with_reference` holds for what was executed.

    Parameters
    ----------
    model, recording, device, seconds, progress, use, form, max_flash : as for `simulate`
    measured : another recording on the same firmware; then nothing is executed anew, what a run costs is taken
        from there, and `difference`, memory and stack are those found there

    Raises
    ------
    InputError, MissingToolError, RuntimeRefusedError
        as `simulate`
    NoNativeLibraryError
        the runtime cannot be compiled for this computer
    """
    wearable, chosen = wearable_of(device), scenario(use) if isinstance(use, str) else use
    lead, counts = device_counts(recording, seconds, 1)
    counts = counts[: len(counts) // BLOCK_SAMPLES * BLOCK_SAMPLES]
    built = model if chosen.is_cascade else without_cascade(model)
    decided = NativeDevice(built).push(counts)
    by_stage = _runs_by_stage(decided)
    run, n_executed = _device_run(decided), _seconds_to_execute(by_stage)
    what = recording.name, lead, len(counts)
    if measured is not None:
        whole = StageProfile.of(measured.timeline, "beat_window").timeline(_runs(measured.timeline, by_stage))
        seen = observed_beats(whole, run, model, len(counts), float(recording.fs_hz))
        profile = whole.profile(measured.profile.stack_bytes)
        return BeatSimulation(*what, run, measured.difference, profile, measured.image, wearable, seen, chosen)
    begun = counts[: n_executed * BLOCK_SAMPLES]
    with TemporaryDirectory(prefix="ictus-") as folder:
        image, core = build_core(built, Path(folder), DEVICE_REGIONS, form=form, max_flash=max_flash)
        recorder = StageRecorder(core)
        executed = run_recording(core, built, begun, progress, recorder)
    difference = first_difference(executed, expected_run(built, begun), len(begun))
    if difference is None and not executed.events.equals(run.events.first(len(executed.events))):
        difference = "the emulated core and this computer decide differently"
    whole = recorder.timeline()
    if n_executed < len(by_stage):
        later = _runs(whole, by_stage[n_executed:])
        whole = whole.then(StageProfile.of(whole, "beat_window").timeline(later))
    seen = observed_beats(whole, run, model, len(counts), float(recording.fs_hz))
    return BeatSimulation(*what, run, difference, whole.profile(core.stack_bytes), image, wearable, seen, chosen)


def _runs_by_stage(decided: Decided) -> np.ndarray:
    """How often the parts that follow the beats run in every second, int64 (n_seconds, 3)."""
    second = (decided.decided - 1) // BLOCK_SAMPLES
    counted = [np.bincount(second[decided.reached >= k], minlength=len(decided.rejected)) for k in range(3)]
    return np.stack(counted, axis=1)


def _seconds_to_execute(by_stage: np.ndarray) -> int:
    """Whole minutes after which every part has run often enough."""
    enough = np.minimum(by_stage.sum(axis=0), _FEW_RUNS)
    needed_s = int((np.cumsum(by_stage, axis=0) < enough).any(axis=1).sum()) + 1
    return min(max(-(-needed_s // 60) * 60, _EXECUTED_S), len(by_stage))


def _runs(executed: StageTimeline, by_stage: np.ndarray) -> np.ndarray:
    """How often each part runs in other seconds than those that were executed, int64 (n_seconds, n_parts)."""
    runs = np.tile(executed.runs[min(_STEADY_S, len(executed) - 1)], (len(by_stage), 1))
    runs[:, [executed.part(name) for name in _OF_BEATS]] = by_stage
    return runs


def _device_run(decided: Decided) -> DeviceRun:
    events = DeviceEvents(decided.peak, decided.reached, decided.label, decided.screen, decided.classes)
    n_screened, n_specialist = (int((decided.reached >= stage).sum()) for stage in (1, 2))
    n_rejected = int(decided.rejected.sum())
    counts = StageCounts(len(decided.rejected), n_rejected, len(events), n_screened, n_specialist, 0)
    return DeviceRun(events, counts)
