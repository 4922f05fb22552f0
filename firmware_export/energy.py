"""Energy of a wearable for the work that a real recording causes.

The microcontroller sleeps, wakes for samples, filters, detects and decides, and sleeps again; the analogue
front end never sleeps; the radio sends the events and nothing else. System energy is the headline: inference
is a part of one of its four rows.
"""

from dataclasses import dataclass

from ..signals.errors import InputError
from .cycles import CORE_CYCLES_SOURCE, FETCH_ASSUMPTION
from .devices import Battery, Device, Mcu, Radio
from .ranges import Range

__all__ = ["ACQUISITION_CYCLES", "EVENT_BYTES", "EnergyReport", "Workload", "system_energy"]

EVENT_BYTES = 8
"""Sample number (4), class, stage and screen logit (3), checksum (1)."""

ACQUISITION_CYCLES = Range(20, 150, 600)
"""Cycles to fetch one sample from the front end: by DMA; from a FIFO in bursts; one polled SPI word each."""

_SECONDS_PER_DAY = 86_400
_UJ_PER_MAH_V = 3.6e6
_PJ_PER_UJ = 1e6


@dataclass(frozen=True)
class Workload:
    """What a recording made the firmware do.

    Attributes
    ----------
    duration_s : length of the recording
    n_samples : samples taken from the front end
    n_decisions : beats that were decided or rejected
    cycles : core cycles of the firmware over the whole recording
    n_events : decisions that are sent
    n_packets : radio packets that carry them
    sent : which decisions are sent, in words
    """

    duration_s: float
    n_samples: int
    n_decisions: int
    cycles: Range
    n_events: int
    n_packets: int
    sent: str


@dataclass(frozen=True)
class EnergyReport:
    """Energy of one wearable.

    Attributes
    ----------
    device : the wearable
    per_decision_uj : mcu, sleep, afe, radio and total, in uJ for one decision; all of the system's energy is
        shared out over the decisions
    average_uw : mean power of the system
    battery_days : until the battery is empty
    active_share : share of time in which the core is awake
    assumptions : what the figures rest on, one sentence each
    """

    device: Device
    per_decision_uj: dict[str, Range]
    average_uw: Range
    battery_days: Range
    active_share: Range
    assumptions: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON: typical values under the plain names, bounds beside them."""
        parts = self.per_decision_uj
        return {
            "energy_uj": {
                **{name: part.typical for name, part in parts.items()},
                "low": {name: part.low for name, part in parts.items()},
                "high": {name: part.high for name, part in parts.items()},
            },
            "average_uw": self.average_uw.typical,
            "average_uw_range": [self.average_uw.low, self.average_uw.high],
            "battery_days": self.battery_days.typical,
            "battery_days_range": [self.battery_days.low, self.battery_days.high],
            "active_share": self.active_share.typical,
            "assumptions": list(self.assumptions),
        }


def system_energy(device: Device, work: Workload) -> EnergyReport:
    """Energy of a wearable that does this work over and over.

    Raises
    ------
    InputError
        the core cannot keep up with the work.
    """
    cycles = work.cycles + ACQUISITION_CYCLES * work.n_samples
    active_s = cycles * (1e-6 / device.mcu.clock_mhz)
    if not work.duration_s > active_s.typical:
        needed = f"{active_s.typical:.3g} s of work for {work.duration_s:.3g} s of signal"
        raise InputError(f"{device.name}: {needed} at {device.mcu.clock_mhz:g} MHz")
    parts = {
        "mcu": _active_uj(device.mcu, cycles),
        "sleep": _sleep_uj(device.mcu, work.duration_s, active_s),
        "afe": device.afe.power_uw.value * work.duration_s,
        "radio": _radio_uj(device.radio, work),
    }
    total = sum(parts.values(), Range.exact(0))
    average_uw = total * (1 / work.duration_s)
    share = 1 / max(work.n_decisions, 1)
    return EnergyReport(
        device,
        {name: part * share for name, part in {**parts, "total": total}.items()},
        average_uw,
        _battery_uj(device.battery) / average_uw / _SECONDS_PER_DAY,
        active_s * (1 / work.duration_s),
        _assumptions(device, work),
    )


def _active_uj(mcu: Mcu, cycles: Range) -> Range:
    """1 uA/MHz is 1 pC a cycle; times the voltage, pJ a cycle."""
    return cycles * mcu.active_ua_per_mhz.value * (mcu.supply_v / _PJ_PER_UJ)


def _sleep_uj(mcu: Mcu, duration_s: float, active_s: Range) -> Range:
    asleep_s = max(duration_s - active_s.typical, 0.0)
    return mcu.sleep_ua.value * (mcu.supply_v * asleep_s)


def _radio_uj(radio: Radio, work: Workload) -> Range:
    payload = radio.byte_uj.value * (EVENT_BYTES * work.n_events)
    return payload + radio.packet_uj.value * work.n_packets


def _battery_uj(battery: Battery) -> Range:
    return battery.capacity_mah.value * (battery.voltage_v * _UJ_PER_MAH_V)


def _assumptions(device: Device, work: Workload) -> tuple[str, ...]:
    mcu, radio, battery = device.mcu, device.radio, device.battery
    return (
        "No cycle was measured: instructions are counted on an emulated core and multiplied by cycles per "
        f"class ({CORE_CYCLES_SOURCE[mcu.core]}).",
        f"Flash wait states of {mcu.name}: {mcu.flash_wait_states}.",
        FETCH_ASSUMPTION,
        f"{mcu.name} runs at {mcu.clock_mhz:g} MHz and {mcu.supply_v:g} V ({mcu.source}).",
        f"Active current in uA/MHz: {mcu.active_ua_per_mhz}.",
        f"Sleep current in uA, memory kept: {mcu.sleep_ua}.",
        f"Fetching a sample takes {ACQUISITION_CYCLES} cycles (own assumption: DMA, bursts, polling); "
        "waking up costs nothing besides.",
        f"Front end {device.afe.name}, always on, in uW: {device.afe.power_uw}.",
        f"Radio {radio.name}: {work.n_events} events of {EVENT_BYTES} bytes in {work.n_packets} packets over "
        f"{work.duration_s:.0f} s; a byte in uJ: {radio.byte_uj}; a packet in uJ besides: {radio.packet_uj}. "
        "Keeping an idle connection alive is not included.",
        work.sent,
        f"Battery {battery.name} at {battery.voltage_v:g} V, in mAh: {battery.capacity_mah}. "
        "Self-discharge and converter losses are not included.",
        "Low adds up all low bounds and high all high bounds.",
    )
