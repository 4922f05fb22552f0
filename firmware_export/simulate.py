"""A recording on the emulated wearable: what it decides, what that costs, and whether Python agrees.

Samples go in one by one as from the front end; the whole firmware runs on the core: filter, QRS detector, beat
windows, gate, screen, specialist. Every event is compared with the integer reference.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, TypeVar

import numpy as np

from ..compression.compact import CompactModel
from ..signals.beats import BLOCK_SAMPLES, POST_RR_CAP
from ..signals.device_signal import DEVICE_FS_HZ, to_device
from ..signals.errors import InputError
from ..signals.qrs import QRS_MAX_LATENCY_SAMPLES
from ..signals.recording import Recording
from .c_export import write_sources
from .cycles import cycles_of
from .device_run import DEVICE_REGIONS, DeviceEvents, DeviceRun, expected_run, run_recording
from .devices import Device, get_device
from .emulator import EmulatedCore, Profile
from .energy import EnergyReport, Workload, system_energy
from .ranges import Range
from .rhythm_run import RhythmRun
from .seizure_run import SeizureRun
from .toolchain import FirmwareImage, build_device

__all__ = [
    "BeatSimulation",
    "Simulation",
    "build_core",
    "device_counts",
    "first_difference",
    "simulate",
    "wearable_of",
]

_SENT = (
    "An event is sent for every beat that is not normal, those of one second in one packet; normal beats and "
    "rejected seconds are not sent."
)
_LONGEST_WAIT = POST_RR_CAP + QRS_MAX_LATENCY_SAMPLES + 2 * BLOCK_SAMPLES


Run = TypeVar("Run", DeviceRun, RhythmRun, SeizureRun)


@dataclass(frozen=True)
class Simulation(ABC, Generic[Run]):
    """A recording that was run on the emulated core.

    Attributes
    ----------
    recording, lead : what was run
    n_samples : samples pushed, at 128 Hz
    run : events and how often each stage ran: a `DeviceRun`, a `RhythmRun` or a `SeizureRun`
    difference : the first disagreement with the integer reference, in words; None if there is none
    profile : instructions of the whole run, by part of the firmware and by class
    image : the firmware's memory
    device : the wearable that figures are given for unless another is named
    """

    recording: str
    lead: str
    n_samples: int
    run: Run
    difference: str | None
    profile: Profile
    image: FirmwareImage
    device: Device

    @property
    def duration_s(self) -> float:
        return self.n_samples / DEVICE_FS_HZ

    @property
    def agrees_with_reference(self) -> bool:
        return self.difference is None

    @property
    def n_units(self) -> int:
        """Units decided: one event each."""
        return len(self.run.events)

    @property
    def stage_share(self) -> dict[str, float]:
        """Share of the units that reach each stage."""
        counts, n = self.run.counts, max(self.n_units, 1)
        return {"gate": 1.0, "screen": counts.screened / n, "specialist": counts.specialist / n}

    @property
    @abstractmethod
    def unit(self) -> str:
        """What is decided, in a word."""

    @property
    @abstractmethod
    def packets(self) -> tuple[int, int]:
        """Events sent and packets that carry them."""

    @property
    @abstractmethod
    def sent(self) -> str:
        """What is sent, in words."""

    @property
    def instructions_per_run(self) -> dict[str, float]:
        """Instructions of one run of each part of the firmware; the filter and the detector run every sample."""
        totals, calls = self.profile.region_instructions(), self.profile.calls
        return {name: totals[name] / calls[name] if calls[name] else 0.0 for name in calls}

    @cached_property
    def energy(self) -> EnergyReport:
        """Energy on `device`."""
        return self.energy_on(self.device)

    def cycles_on(self, device: Device) -> Range:
        """Cycles of the whole run on the core of a wearable."""
        return cycles_of(self.profile, device.mcu.core, device.mcu.flash_wait_states.value)

    def energy_on(self, device: Device) -> EnergyReport:
        """Energy of a wearable for the duty cycle of this recording; see `system_energy`.

        Raises
        ------
        InputError
            the wearable has too little memory, or its core cannot keep up
        """
        self._check_fits(device)
        cycles = self.cycles_on(device)
        work = Workload(self.duration_s, self.n_samples, self.n_units, cycles, *self.packets, self.sent)
        return system_energy(device, work)

    def _check_fits(self, device: Device) -> None:
        ram_kb = (self.image.ram_bytes + self.profile.stack_bytes) / 1024
        needs = (("flash", self.image.flash_bytes / 1024, device.mcu.flash_kb), ("RAM", ram_kb, device.mcu.ram_kb))
        for name, needed_kb, there_kb in needs:
            if needed_kb > there_kb:
                raise InputError(f"{device.name}: {needed_kb:.1f} KB of {name} needed, it has {there_kb:g}")

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        cycles = self.cycles_on(self.device)
        return {
            "device": self.device.name,
            "recording": self.recording,
            "lead": self.lead,
            "seconds": self.duration_s,
            "units": self.n_units,
            "unit": self.unit,
            "instructions": {
                "total": self.profile.instructions,
                "per_unit": self.profile.instructions / max(self.n_units, 1),
                "by_class": self.profile.by_class,
                "by_part": self.profile.region_instructions(),
                "per_run": self.instructions_per_run,
            },
            "cycles": cycles.as_dict(),
            "flash_bytes": self.image.flash_bytes,
            "ram_bytes": self.image.ram_bytes,
            "stack_bytes": self.profile.stack_bytes,
            "compiler": self.image.compiler,
            "agrees_with_reference": self.agrees_with_reference,
            "stage_share": self.stage_share,
            **self.energy.as_dict(),
        }


@dataclass(frozen=True)
class BeatSimulation(Simulation[DeviceRun]):
    """A recording that was run on the emulated core, beat by beat; see `Simulation`."""

    @property
    def unit(self) -> str:
        """What is decided, in a word."""
        return "beat"

    @property
    def packets(self) -> tuple[int, int]:
        """Events sent and packets that carry them: one a second, if there is any."""
        sent = self.run.events.peak[self.run.events.label > 0]
        return len(sent), len(np.unique(sent // BLOCK_SAMPLES))

    @property
    def sent(self) -> str:
        """What is sent, in words."""
        return _SENT


def simulate(
    model: CompactModel,
    recording: Recording,
    device: str | Device | None = None,
    seconds: float | None = None,
    progress: Callable[[int], object] | None = None,
) -> BeatSimulation:
    """Build the firmware for a model of beats, run a recording on the emulated Cortex-M4 and compare every event.

    Parameters
    ----------
    model : what the firmware holds
    recording : any that `to_device` takes
    device : name of a microcontroller in the device table, or a whole wearable; None takes the default
    seconds : run only the beginning
    progress : called with the number of samples after every minute of signal

    Raises
    ------
    InputError
        an unknown device, no signal to run, or a recording that `to_device` refuses
    MissingToolError
        the extra ``ictus[wearable]`` is not installed
    RuntimeRefusedError
        the model does not take the inputs that the firmware makes
    """
    wearable = wearable_of(device)
    lead, counts = device_counts(recording, seconds, BLOCK_SAMPLES / DEVICE_FS_HZ)
    with TemporaryDirectory(prefix="ictus-") as folder:
        image, core = build_core(model, Path(folder), DEVICE_REGIONS)
        run = run_recording(core, model, counts, progress)
    difference = first_difference(run, expected_run(model, counts), len(counts))
    return BeatSimulation(recording.name, lead, len(counts), run, difference, core.profile(), image, wearable)


def wearable_of(device: str | Device | None) -> Device:
    """A wearable by name, or as it is; see `simulate`."""
    return device if isinstance(device, Device) else get_device(device)


def device_counts(recording: Recording, seconds: float | None, least_s: float) -> tuple[str, np.ndarray]:
    """Lead and device signal int16 (n,) of a recording or of its beginning.

    Raises
    ------
    InputError
        it is shorter than `least_s`, which a decision takes.
    """
    signal = to_device(recording)
    counts = signal.counts if seconds is None else signal.counts[: max(round(seconds * DEVICE_FS_HZ), 0)]
    if len(counts) < least_s * DEVICE_FS_HZ:
        limit = f"a decision takes {least_s:g} s"
        raise InputError(f"{recording.name}: {len(counts) / DEVICE_FS_HZ:g} s to simulate, {limit}")
    return signal.lead, counts


def build_core(
    model: CompactModel, folder: Path, regions: Mapping[str, str]
) -> tuple[FirmwareImage, EmulatedCore]:
    """Build a model's firmware in a folder and load it into an emulated core."""
    write_sources(model, folder)
    image = build_device(folder, folder / "ictus.elf")
    return image, EmulatedCore(image.elf, regions)


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
