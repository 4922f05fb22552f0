"""Energy of a wearable for the work that a real recording causes.

The microcontroller sleeps, wakes for samples or blocks of them, filters, detects and decides, and sleeps again;
the analogue front end never sleeps; the radio sends what the scenario says. System energy is the headline:
inference is a part of one of its four rows.
"""

from dataclasses import dataclass, field

from ...signals.errors import InputError
from .cycles import CORE_CYCLES_SOURCE, FETCH_ASSUMPTION
from .devices import Battery, Device
from .prices import Prices
from .ranges import Range

__all__ = [
    "ACQUISITION_CYCLES",
    "EVENT_BYTES",
    "EnergyReport",
    "Traffic",
    "Workload",
    "battery_days",
    "system_energy",
]

EVENT_BYTES = 8
"""Sample number (4), class, stage and screen logit (3), checksum (1)."""

ACQUISITION_CYCLES = Range(20, 150, 600)
"""Cycles to fetch one sample from the front end: by DMA; from a FIFO in bursts; one polled SPI word each."""

_SECONDS_PER_DAY = 86_400
_DAYS_PER_YEAR = 365.25
_UJ_PER_MAH_V = 3.6e6


@dataclass(frozen=True)
class Traffic:
    """What the radio does.

    Attributes
    ----------
    n_bytes : of what is sent, without the protocol's own
    n_packets : connection events, those included that only keep the connection
    n_frames : further packets of the same connection events
    n_adverts : advertising events, by which a connection is opened
    """

    n_bytes: float = 0
    n_packets: float = 0
    n_frames: float = 0
    n_adverts: float = 0


@dataclass(frozen=True)
class Workload:
    """What a recording made the firmware do.

    Attributes
    ----------
    duration_s : length of the recording
    n_samples : samples taken from the front end
    n_decisions : beats that were decided or rejected
    cycles : core cycles of the firmware over the whole recording
    traffic : of the radio
    sent : what is sent, in words
    n_wakes : wake-ups of the core
    fetch_cycles : of one sample
    """

    duration_s: float
    n_samples: int
    n_decisions: int
    cycles: Range
    traffic: Traffic = field(default_factory=Traffic)
    sent: str = "Nothing is sent."
    n_wakes: int = 0
    fetch_cycles: Range = ACQUISITION_CYCLES


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
    prices = Prices.of(device)
    cycles = work.cycles + work.fetch_cycles * work.n_samples
    active_s = cycles * prices.cycle_s + prices.wake_s * work.n_wakes
    _check_keeps_up(device, active_s.typical, work.duration_s)
    parts = {
        "mcu": cycles * prices.cycle_uj + prices.wake_uj * work.n_wakes,
        "sleep": prices.sleep_uw * max(work.duration_s - active_s.typical, 0.0),
        "afe": prices.afe_uw * work.duration_s,
        "radio": _radio_uj(prices, work.traffic),
    }
    total = sum(parts.values(), Range.exact(0))
    average_uw = total * (1 / work.duration_s)
    share = 1 / max(work.n_decisions, 1)
    return EnergyReport(
        device,
        {name: part * share for name, part in {**parts, "total": total}.items()},
        average_uw,
        battery_days(device.battery, average_uw),
        active_s * (1 / work.duration_s),
        _assumptions(device, work),
    )


def _check_keeps_up(device: Device, active_s: float, duration_s: float) -> None:
    if not duration_s > active_s:
        needed = f"{active_s:.3g} s of work for {duration_s:.3g} s of signal"
        raise InputError(f"{device.name}: {needed} at {device.mcu.clock_mhz:g} MHz")


def _radio_uj(prices: Prices, traffic: Traffic) -> Range:
    """Packets are there besides their bytes."""
    data = prices.byte_uj * traffic.n_bytes + prices.packet_uj * traffic.n_packets
    return data + prices.frame_uj * traffic.n_frames + prices.advert_uj * traffic.n_adverts


def battery_days(battery: Battery, average_uw: Range) -> Range:
    """Days until a battery is empty that also discharges itself.

    Parameters
    ----------
    average_uw : drawn from it
    """
    full_uj = battery.capacity_mah.value * (battery.voltage_v * _UJ_PER_MAH_V)
    drawn = average_uw / full_uj * _SECONDS_PER_DAY
    return Range.exact(1) / (drawn + battery.self_discharge_percent_a_year.value * (0.01 / _DAYS_PER_YEAR))


def _assumptions(device: Device, work: Workload) -> tuple[str, ...]:
    mcu, radio, battery, traffic = device.mcu, device.radio, device.battery, work.traffic
    return (
        "No cycle was measured: instructions are counted on an emulated core and multiplied by cycles per "
        f"class ({CORE_CYCLES_SOURCE[mcu.core]}).",
        f"Flash wait states of {mcu.name} at {mcu.clock_mhz:g} MHz: {mcu.wait_states}; no wait up to, in MHz: "
        f"{mcu.flash_mhz}.",
        FETCH_ASSUMPTION,
        f"{mcu.name} runs at {mcu.clock_mhz:g} MHz and {mcu.supply_v:g} V ({mcu.source}).",
        f"Active current in uA/MHz: {mcu.active_ua_per_mhz}.",
        f"Sleep current in uA, memory kept: {mcu.sleep_ua}.",
        f"Fetching a sample takes {work.fetch_cycles} cycles (own assumption: DMA, bursts, polling).",
        f"{work.n_wakes} wake-ups; one takes in us: {mcu.wakeup_us}, and in uJ: {mcu.wakeup_uj}.",
        f"Front end {device.afe.name}, always on, in uW: {device.afe.power_uw}.",
        f"Radio {radio.name}: {traffic.n_bytes:.0f} bytes in {traffic.n_packets:.0f} connection events, "
        f"{traffic.n_frames:.0f} further packets in these and {traffic.n_adverts:.0f} advertising events over "
        f"{work.duration_s:.0f} s; a byte in uJ: {radio.byte_uj}; a connection event in uJ besides: "
        f"{radio.packet_uj}; a further packet: {radio.frame_uj}; an advertising event: {radio.advert_uj}.",
        work.sent,
        f"Battery {battery.name} at {battery.voltage_v:g} V, in mAh: {battery.capacity_mah}; it loses by itself, "
        f"in % a year: {battery.self_discharge_percent_a_year}. Converter losses, temperature and ageing are not "
        "included.",
        "Low adds up all low bounds and high all high bounds.",
    )
