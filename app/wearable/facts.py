"""Faults and what-ifs of a simulated recording, for JSON and for the page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...compression import CompactModel
from ...firmware_export.energy.devices import Battery, Device, device_table, get_device
from ...firmware_export.energy.ranges import Range
from ...firmware_export.energy.system import battery_days
from ...firmware_export.faults import Fault
from ...firmware_export.faults.cost import GuardedProfile, fault_duty, guarded_profile
from ...firmware_export.faults.outcome import FaultOutcome, GuardedFirmware, Quality
from ...firmware_export.native.device import NativeDevice
from ...firmware_export.wearable.energy_timeline import EnergyTimeline, energy_timeline
from ...firmware_export.wearable.scenarios import Duty
from ...firmware_export.wearable.simulate import BeatSimulation
from ...firmware_export.whatif.accelerator import MACHINES, layer_traces, machine_energy, total_energy
from ...firmware_export.whatif.harvest import (
    Day,
    Harvester,
    Storage,
    days,
    harvested_uw,
    harvesters,
    lost_beats,
    simulate_day,
    storages,
)
from ...firmware_export.whatif.levels import compare_levels
from ...models import BeatRecord
from ...models.train import Progress
from ...signals import InputError

__all__ = ["accelerator_rows", "battery_rows", "device_rows", "fault_rows", "harvest_rows", "level_rows"]

HARVESTS = (
    ("office", "pv10", "supercap"),
    ("office", "pv40", "supercap"),
    ("outdoor", "pv10", "supercap"),
    ("outdoor", "pv40", "supercap"),
    ("outdoor", "pv40", "large"),
    ("walking", "inertial", "supercap"),
)
"""Day, harvester and storage of each row that is shown."""


def fault_rows(
    model: CompactModel,
    record: BeatRecord,
    device: Device,
    faults: Sequence[Fault],
    n_slots: int = 64,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """A row without faults, one for each fault alone, and one for all together if there are several.

    Parameters
    ----------
    record : with reference beats, or the quality is unknown
    n_slots : events that the queue holds

    Raises
    ------
    InputError
        a fault begins behind the end of the recording, or the queue is not possible
    """
    together = [tuple(faults)] if len(faults) > 1 else []
    cases: list[tuple[Fault, ...]] = [(), *((fault,) for fault in faults), *together]
    with GuardedFirmware(model) as firmware:
        profile = guarded_profile(firmware, record)
        rows = []
        for done, case in enumerate(cases, start=1):
            rows.append(_fault_row(firmware.outcome(record, case, n_slots), profile, device))
            if progress:
                progress("faults", done, len(cases), "runs")
    return rows


def _fault_row(outcome: FaultOutcome, profile: GuardedProfile, device: Device) -> dict[str, Any]:
    energy = energy_timeline(fault_duty(outcome, profile), device)
    return {
        "faults": [fault.text for fault in outcome.faults],
        "seconds": outcome.duration_s,
        "quality": _quality(outcome.quality),
        "quality_uncorrected": _quality(outcome.quality_uncorrected),
        "rejected_s": outcome.rejected_s,
        "unanalysed_s": outcome.unanalysed_s,
        "sent": len(outcome.sent.peak),
        "longest_delay_s": outcome.longest_delay_s,
        "counts": {name: value for name, value in vars(outcome.sent.counts).items() if name != "lost"},
        "lost": {name: vars(loss) for name, loss in outcome.sent.counts.lost.items()},
        "losses": list(outcome.losses),
        "average_uw": energy.average_uw.as_dict(),
        "battery_days": energy.battery_days.as_dict(),
    }


def _quality(quality: Quality) -> dict[str, float]:
    return dict(vars(quality))


def device_rows(duty: Duty, simulation: BeatSimulation) -> list[dict[str, Any]]:
    """The same duty on every microcontroller of the table that it fits, with the default's other parts."""
    own = simulation.device
    rows = []
    for name in sorted(device_table().mcu):
        device = Device(get_device(name).mcu, own.afe, own.radio, own.battery)
        try:
            simulation.energy_on(device)
        except InputError as error:
            rows.append({"device": name, "refused": str(error)})
            continue
        energy = energy_timeline(duty, device)
        rows.append({"device": name, "name": device.mcu.name, **_energy(energy)})
    return rows


def _energy(energy: EnergyTimeline) -> dict[str, Any]:
    power = {name: part * (1 / energy.duration_s) for name, part in energy.by_group.items()}
    return {
        "power_uw": {name: part.as_dict() for name, part in power.items()},
        "battery_days": energy.battery_days.as_dict(),
    }


def level_rows(duty: Duty, device: Device) -> list[dict[str, Any]]:
    """Clocks and voltages of a microcontroller: power, deadline, and which is cheapest."""
    return [
        {
            "level": found.level.name,
            "clock_mhz": found.level.clock_mhz,
            "source": found.level.source,
            "active_factor": str(found.level.active_factor),
            "mcu_uw": (found.energy.by_group["mcu"] * (1 / found.energy.duration_s)).as_dict(),
            "average_uw": found.energy.average_uw.as_dict(),
            "active_share": found.active_share.as_dict(),
            "worst_call_ms": (found.worst_call_s * 1000).as_dict(),
            "is_in_time": found.is_in_time,
            "is_in_time_with_fifo": found.is_in_time_with_fifo,
            "is_cheapest": found.is_cheapest,
        }
        for found in compare_levels(duty, device)
    ]


def battery_rows(energy: EnergyTimeline) -> list[dict[str, Any]]:
    """Every battery of the table, with self-discharge."""
    return [_battery(battery, energy.average_uw) for battery in device_table().battery.values()]


def _battery(battery: Battery, average_uw: Range) -> dict[str, Any]:
    return {
        "battery": battery.name,
        "capacity_mah": str(battery.capacity_mah),
        "self_discharge_percent_a_year": str(battery.self_discharge_percent_a_year),
        "battery_days": battery_days(battery, average_uw).as_dict(),
    }


def harvest_rows(model: CompactModel, record: BeatRecord, energy: EnergyTimeline) -> list[dict[str, Any]]:
    """Days without a battery: how long the device lives, and what is lost while it does not.

    Parameters
    ----------
    energy : of the recording, which is the load, over and over
    """
    found = []
    for day, harvester, storage in HARVESTS:
        what = days()[day], harvesters()[harvester], storages()[storage]
        found.append(_harvest(what, energy, record, lambda counts: _decided(model, counts)))
    return found


def _decided(model: CompactModel, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    decided = NativeDevice(model).push(counts)
    return decided.peak, decided.label


def _harvest(
    what: tuple[Day, Harvester, Storage],
    energy: EnergyTimeline,
    record: BeatRecord,
    decide: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> dict[str, Any]:
    day, harvester, storage = what
    loads = dict(
        zip(("high", "typical", "low"), energy.power_uw, strict=True)
    )  # the best case has the lowest load
    leaks = {"low": storage.leak_ua.value.high, "typical": storage.leak_ua.value.typical}
    bounds = {}
    for bound, load in loads.items():
        leak = leaks.get(bound, storage.leak_ua.value.low)
        bounds[bound] = simulate_day(harvested_uw(day, harvester, bound), load, storage, leak)
    typical = bounds["typical"]
    lost = lost_beats(typical, record.signal.counts, decide)
    return {
        "day": day.name,
        "harvester": harvester.name,
        "storage": storage.name,
        "harvested_uw": {bound: float(found.harvested_uw.mean()) for bound, found in bounds.items()},
        "off_hours": {bound: found.off_s / 3600 for bound, found in bounds.items()},
        "brown_outs": {bound: found.brown_outs for bound, found in bounds.items()},
        "wasted_j": typical.wasted_j,
        "beats": vars(lost),
        "curve": {
            "minutes": 5,
            "harvested_uw": typical.harvested_uw.reshape(-1, 300).mean(axis=1).tolist(),
            "stored_j": typical.stored_j[299::300].tolist(),
            "on_share": typical.is_on.reshape(-1, 300).mean(axis=1).tolist(),
        },
        "sources": [f"{row.name}: {row.source}" for row in what],
    }


def accelerator_rows(model: CompactModel, record: BeatRecord, shares: Mapping[str, float]) -> list[dict[str, Any]]:
    """What a beat would cost in hardware of its own, in nJ; no energy of a microcontroller.

    Parameters
    ----------
    shares : runs of each stage for a beat, mean over the recording
    """
    beats = record.beats
    traces = layer_traces(model, record.features[beats.block], beats.window, beats.context)
    rows = []
    for machine in MACHINES:
        stages = {stage.name: machine_energy(machine, traces, stage.name) for stage in model.stages}
        names = stages["specialist"]
        parts = {n: sum((stages[s][n] * share for s, share in shares.items()), Range.exact(0)) for n in names}
        own = [trace for trace in traces if trace.stage == "specialist"]
        rows.append(
            {
                "machine": machine.title,
                "operations": sum(t.surviving if machine.is_sparse else t.dense for t in own),
                "specialist_nj": total_energy(stages["specialist"]).as_dict(),
                "beat_nj": total_energy(parts).as_dict(),
                "parts_nj": {name: part.as_dict() for name, part in parts.items()},
            }
        )
    return rows
