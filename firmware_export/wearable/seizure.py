"""EEG on the emulated wearable: what it decides every second, what that costs, who agrees.

The whole firmware runs on the core, channel by channel: filter, features, gate, screen, specialist, event rule.
Every second is compared with the integer reference.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...compression.compact import CompactModel
from ...signals.eeg_lead import EegLead
from ...signals.eeg_wave import EEG_DEVICE_FS_HZ
from ...signals.errors import InputError
from ..emulator.emulator import EmulatedCore, Profile
from ..emulator.machine import check
from ..emulator.seizure_run import DEVICE_EEG_CHANNELS, SEIZURE_REGIONS, SeizureRun, expected_seconds, run_seconds
from ..energy.cycles import cycles_of
from ..energy.devices import Afe, Device, Figure, get_device
from ..energy.ranges import Range
from ..toolchain import FirmwareImage
from .scenarios import Observed, Scenario, scenario
from .simulation import Simulation, build_core, second_lengths
from .thresholds import PASS_ALL, without_cascade
from .timeline import StageRecorder, StageTimeline

__all__ = [
    "EEG_AFES",
    "SeizureSimulation",
    "eeg_wearable",
    "first_second_difference",
    "simulate_seconds",
    "with_channels",
]

EEG_AFES = ("ads1198", "ads1292r")
"""Front ends of the device table that hold several channels; the first is the default."""

_LEAST_S = 5
"""A second is decided from the fifth one on."""

_WORST_S = 12
"""Seconds that are run with every stage of every channel, to find the most costly one."""


@dataclass(frozen=True)
class SeizureSimulation(Simulation[SeizureRun]):
    """EEG that was run on the emulated core, second by second; see `Simulation`.

    Attributes
    ----------
    n_channels : of the wearable in this run
    worst : the most costly second of those in which every channel is made to reach the specialist
    """

    n_channels: int
    worst: Profile

    @property
    def duration_s(self) -> float:
        return self.n_samples / EEG_DEVICE_FS_HZ

    @property
    def unit(self) -> str:
        """What is decided, in a word."""
        return "second"

    @property
    def mcu_uw(self) -> float:
        """Mean power of the microcontroller alone, awake and asleep, on `device`."""
        parts = self.energy.per_decision_uj
        return (parts["mcu"] + parts["sleep"]).typical * self.n_units / self.duration_s

    def worst_ms_on(self, device: Device) -> Range:
        """How long the core of a wearable is awake for the most costly second."""
        mcu = device.mcu
        return cycles_of(self.worst, mcu.core, mcu.wait_states) * (1e-3 / mcu.clock_mhz)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        mcu = self.device.mcu
        worst = {
            "instructions": self.worst.instructions,
            "by_part": self.worst.region_instructions(),
            "cycles": cycles_of(self.worst, mcu.core, mcu.wait_states).as_dict(),
            "active_ms": self.worst_ms_on(self.device).as_dict(),
        }
        events = self.run.events
        alarms = [
            {"onset_s": int(second) + 1 - int(events.began[second]), "alarm_s": int(second) + 1}
            for second in np.flatnonzero(events.began)
        ]
        own = {"channels": self.n_channels, "mcu_uw": self.mcu_uw, "worst_second": worst, "alarms": alarms}
        return {**super().as_dict(), **own}


def eeg_wearable(device: str | Device | None, n_channels: int) -> Device:
    """A wearable by the name of its microcontroller, with a front end for so many channels of EEG."""
    if isinstance(device, Device):
        return device
    return with_channels(get_device(device, afe=EEG_AFES[0]), n_channels)


def with_channels(device: Device, n_channels: int) -> Device:
    """A wearable with a front end for so many channels of EEG instead of one."""
    afe = device.afe
    power = Figure(afe.power_uw.value * n_channels, afe.power_uw.source, afe.power_uw.note)
    return replace(device, afe=Afe(afe.key, f"{n_channels} channels of {afe.name}", afe.source, power))


def simulate_seconds(
    model: CompactModel,
    lead: EegLead,
    device: str | Device | None = None,
    seconds: float | None = None,
    progress: Callable[[int], object] | None = None,
    *,
    use: str | Scenario = "cascade",
    form: str = "packed",
    max_flash: int | None = None,
) -> SeizureSimulation:
    """Build the firmware for a model of seizures, run EEG on the emulated Cortex-M4 and compare every second.

    Parameters
    ----------
    model : what the firmware holds
    lead : channels that do not exist are left out, as if the wearable had none there
    device : name of a microcontroller in the device table, or a whole wearable; None takes the default
    seconds : run only the beginning
    progress : called with the number of samples after every minute of signal
    use, form, max_flash : as for `simulate.simulate`

    Raises
    ------
    InputError
        an unknown device or scenario, too little signal, or more channels than the emulated wearable has
    MissingToolError
        the extra ``ictus[wearable]`` is not installed
    RuntimeRefusedError
        the model does not take the inputs that the firmware makes
    """
    counts = _device_counts(lead, seconds)
    n_channels = counts.shape[1]
    wearable, chosen = eeg_wearable(device, n_channels), scenario(use) if isinstance(use, str) else use
    built = model if chosen.is_cascade else without_cascade(model)
    image, core = _started(built, n_channels, form, max_flash)
    recorder = StageRecorder(core)
    run = run_seconds(core, counts, progress, on_second=recorder)
    worst = _worst_second(built, counts, form, max_flash)
    profile = recorder.timeline().profile(max(core.stack_bytes, worst.stack_bytes))
    difference = first_second_difference(run, expected_seconds(built, counts))
    seen = _observed(recorder.timeline(), run, counts)
    names = [name for name, exists in zip(lead.montage.channels, lead.mask, strict=True) if exists]
    what = lead.record, ", ".join(names), len(counts)
    return SeizureSimulation(*what, run, difference, profile, image, wearable, seen, chosen, n_channels, worst)


def _started(
    model: CompactModel, n_channels: int, form: str, max_flash: int | None
) -> tuple[FirmwareImage, EmulatedCore]:
    """Firmware on a core, ready for the first sample."""
    with TemporaryDirectory(prefix="ictus-") as folder:
        image, core = build_core(model, Path(folder), SEIZURE_REGIONS, form=form, max_flash=max_flash)
    check(core.call("ictus_harness_start_channels", n_channels))
    return image, core


def _observed(timeline: StageTimeline, run: SeizureRun, counts: np.ndarray) -> Observed:
    """What EEG made the firmware do; every second is decided, and an alarm is sent when it begins."""
    n_samples, n_channels = counts.shape
    n_seconds = len(timeline)
    lengths = second_lengths(n_samples, EEG_DEVICE_FS_HZ)
    whole = np.arange(n_seconds) < len(run.events)
    began, passed = np.zeros((2, n_seconds), np.int64)
    began[whole], passed[whole] = run.events.began > 0, run.events.reached == 2
    fs_hz = float(EEG_DEVICE_FS_HZ)
    return Observed(timeline, lengths, fs_hz, fs_hz, n_channels, whole.astype(np.int64), began, passed, 0)


def _device_counts(lead: EegLead, seconds: float | None) -> np.ndarray:
    """Existing channels of EEG or of its beginning, int16 (n, n_channels)."""
    n_channels = int(lead.mask.sum())
    if n_channels > DEVICE_EEG_CHANNELS:
        limit = f"the emulated wearable has {DEVICE_EEG_CHANNELS}"
        raise InputError(f"{lead.record}: {n_channels} channels of the montage {lead.montage.name}, {limit}")
    counts = np.concatenate(list(lead.pieces()))[:, lead.mask]
    if seconds is not None:
        counts = counts[: max(round(seconds * EEG_DEVICE_FS_HZ), 0)]
    if len(counts) < _LEAST_S * EEG_DEVICE_FS_HZ:
        limit = f"a decision takes {_LEAST_S} s"
        raise InputError(f"{lead.record}: {len(counts) / EEG_DEVICE_FS_HZ:g} s to simulate, {limit}")
    return counts


def _worst_second(model: CompactModel, counts: np.ndarray, form: str, max_flash: int | None) -> Profile:
    """Profile of the second with the most instructions, once gate and screen let everything through."""
    stages = tuple(replace(stage, threshold=PASS_ALL) for stage in model.stages)
    _, core = _started(replace(model, stages=stages), counts.shape[1], form, max_flash)
    profiles = [_profile_of(core, piece) for piece in _by_second(counts[: _WORST_S * EEG_DEVICE_FS_HZ])]
    return max(profiles, key=lambda profile: profile.instructions)


def _by_second(counts: np.ndarray) -> list[np.ndarray]:
    return np.split(counts, range(EEG_DEVICE_FS_HZ, len(counts), EEG_DEVICE_FS_HZ))


def _profile_of(core: EmulatedCore, counts: np.ndarray) -> Profile:
    """What a second on the core takes."""
    core.free_all()
    core.reset_profile()
    run_seconds(core, counts)
    return core.profile()


def first_second_difference(found: SeizureRun, expected: SeizureRun) -> str | None:
    """What differs first, in words; None if nothing does."""
    mine, theirs = found.events, expected.events
    if len(mine) != len(theirs):
        return f"{len(mine)} seconds on the device, {len(theirs)} in the reference"
    for second in range(len(mine)):
        if not mine.row(second).equals(theirs.row(second)):
            scores = f"score {mine.specialist[second]} on the device, {theirs.specialist[second]} in the reference"
            return f"second {second}: {scores}"
    return None if found.counts == expected.counts else f"{found.counts} on the device, {expected.counts} expected"
