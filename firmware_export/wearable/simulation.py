"""What a recording that ran on the emulated core tells: decisions, memory, cycles, and energy under a scenario."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, TypeVar

import numpy as np

from ...compression.compact import CompactModel
from ...compression.model_file import to_bytes
from ...signals.device_signal import DEVICE_FS_HZ, to_device
from ...signals.errors import InputError
from ...signals.recording import Recording
from ..c_export import write_sources
from ..emulator.device_run import DeviceRun
from ..emulator.emulator import EmulatedCore, Profile
from ..emulator.rhythm_run import RhythmRun
from ..emulator.seizure_run import SeizureRun
from ..energy.cycles import cycles_of
from ..energy.devices import Device, get_device
from ..energy.ranges import Range
from ..energy.system import EnergyReport, system_energy
from ..toolchain import FirmwareImage, build_device
from .energy_timeline import EnergyTimeline, energy_timeline, workload
from .scenarios import Duty, Observed, Scenario, duty_of, scenario
from .timeline import StageTimeline

__all__ = ["Simulation", "build_core", "device_counts", "second_lengths", "wearable_of"]

Run = TypeVar("Run", DeviceRun, RhythmRun, SeizureRun)


@dataclass(frozen=True)
class Simulation(ABC, Generic[Run]):
    """A recording that was run on the emulated core.

    Attributes
    ----------
    recording, lead : what was run
    n_samples : samples pushed, at the device's rate
    run : events and how often each stage ran: a `DeviceRun`, a `RhythmRun` or a `SeizureRun`
    difference : the first disagreement with the integer reference, in words; None if there is none
    profile : instructions of the whole run, by part of the firmware and by class
    image : the firmware's memory
    device : the wearable that figures are given for unless another is named
    observed : the same second by second, which a scenario makes a duty of
    scenario : what the firmware was built for, and what figures are given for
    """

    recording: str
    lead: str
    n_samples: int
    run: Run
    difference: str | None
    profile: Profile
    image: FirmwareImage
    device: Device
    observed: Observed
    scenario: Scenario

    @property
    def duration_s(self) -> float:
        return self.n_samples / DEVICE_FS_HZ

    @property
    def agrees_with_reference(self) -> bool:
        return self.difference is None

    @property
    def timeline(self) -> StageTimeline:
        """Which parts of the firmware ran in every second."""
        return self.observed.timeline

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
    def instructions_per_run(self) -> dict[str, float]:
        """Instructions of one run of each part of the firmware; filter and detector run every 16 samples."""
        totals, calls = self.profile.region_instructions(), self.profile.calls
        return {name: totals[name] / calls[name] if calls[name] else 0.0 for name in calls}

    @cached_property
    def energy(self) -> EnergyReport:
        """Energy on `device`."""
        return self.energy_on(self.device)

    def cycles_on(self, device: Device) -> Range:
        """Cycles of the whole run on the core of a wearable."""
        return cycles_of(self.profile, device.mcu.core, device.mcu.wait_states)

    def duty(self, name: str | None = None) -> Duty:
        """What the wearable does under a scenario; under its own if none is named.

        Raises
        ------
        InputError
            the scenario is not known, or needs firmware with a cascade and this one has none, or the reverse
        """
        chosen = self.scenario if name is None else scenario(name)
        if chosen.is_cascade != self.scenario.is_cascade:
            raise InputError(
                f"scenario {chosen.name}: other firmware than that of {self.scenario.name}, run it anew"
            )
        return duty_of(self.observed, chosen)

    def energy_timeline(self, device: Device | None = None, name: str | None = None) -> EnergyTimeline:
        """Energy second by second on a wearable under a scenario; on and under its own if none is named."""
        return energy_timeline(self.duty(name), device or self.device)

    def energy_on(self, device: Device, name: str | None = None) -> EnergyReport:
        """Energy of a wearable for the duty cycle of this recording; see `system_energy`.

        Parameters
        ----------
        name : of the scenario; its own if None

        Raises
        ------
        InputError
            the wearable has too little memory, its core cannot keep up, or as for `duty`
        """
        self._check_fits(device)
        return system_energy(device, workload(self.duty(name), device))

    def _check_fits(self, device: Device) -> None:
        ram_kb = (self.image.ram_bytes + self.profile.stack_bytes) / 1024
        needs = (("flash", self.image.flash_bytes / 1024, device.mcu.flash_kb), ("RAM", ram_kb, device.mcu.ram_kb))
        for name, needed_kb, there_kb in needs:
            if needed_kb > there_kb:
                raise InputError(f"{device.name}: {needed_kb:.1f} KB of {name} needed, it has {there_kb:g}")

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        cycles, chosen = self.cycles_on(self.device), self.scenario
        return {
            "device": self.device.name,
            "recording": self.recording,
            "lead": self.lead,
            "seconds": self.duration_s,
            "units": self.n_units,
            "unit": self.unit,
            "scenario": {name: getattr(chosen, name) for name in ("name", "title", "sent", "latency")},
            "is_executed": self.timeline.is_executed,
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


def second_lengths(n_samples: int, fs_hz: int) -> np.ndarray:
    """Lengths of the seconds of a recording, float64 (n_seconds,): 1, but for a last one that is not whole."""
    starts = np.arange(0, n_samples, fs_hz)
    return np.minimum(n_samples - starts, fs_hz) / fs_hz


def build_core(
    model: CompactModel,
    folder: Path,
    regions: Mapping[str, str],
    *,
    form: str = "packed",
    max_flash: int | None = None,
) -> tuple[FirmwareImage, EmulatedCore]:
    """Build a model's firmware in a folder and load it into an emulated core.

    The latest builds of this process are kept, so that recordings can follow one another.

    Parameters
    ----------
    regions : parts that are counted apart, see `EmulatedCore`
    form, max_flash : of the networks' code, see `c_export.write_sources`
    """
    image, program = _built(_Build(to_bytes(model), form, max_flash, model))
    elf = folder / "ictus.elf"
    elf.write_bytes(program)
    return replace(image, elf=elf), EmulatedCore(elf, regions)


@dataclass(frozen=True)
class _Build:
    """What decides what is built."""

    data: bytes
    form: str
    max_flash: int | None
    model: CompactModel = field(compare=False)


@lru_cache(maxsize=4)
def _built(build: _Build) -> tuple[FirmwareImage, bytes]:
    with TemporaryDirectory(prefix="ictus-") as directory:
        folder = Path(directory)
        write_sources(build.model, folder, form=build.form, max_flash=build.max_flash)
        image = build_device(folder, folder / "ictus.elf")
        return image, image.elf.read_bytes()
