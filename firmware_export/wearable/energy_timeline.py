"""Energy of a wearable second by second, for each part of the firmware and everything around it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..energy.devices import Device
from ..energy.prices import Prices, ranged
from ..energy.ranges import Range
from ..energy.system import Traffic, Workload, battery_days
from .scenarios import Duty

__all__ = ["EnergyTimeline", "energy_timeline", "workload"]

_AROUND = ("sleep", "afe", "radio")


@dataclass(frozen=True)
class EnergyTimeline:
    """What every second takes.

    Attributes
    ----------
    device : the wearable
    rows : uJ by row, float64 (3, n_seconds) each, low, typical and high: the parts of the firmware, ``fetch`` and
        ``wake``, which are the microcontroller's, and ``sleep``, ``afe`` and ``radio``
    active_s : float64 (3, n_seconds), for which the core is awake
    seconds : float64 (n_seconds,), their lengths: 1, but for the last one
    """

    device: Device
    rows: dict[str, np.ndarray]
    active_s: np.ndarray
    seconds: np.ndarray

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def duration_s(self) -> float:
        return float(self.seconds.sum())

    def row_uj(self, *names: str) -> Range:
        """Energy of some rows over the whole recording."""
        return Range(*sum((self.rows[name].sum(axis=1) for name in names), np.zeros(3)).tolist())

    @cached_property
    def by_group(self) -> dict[str, Range]:
        """Over the whole recording, in uJ: mcu, sleep, afe, radio and total."""
        groups = {"mcu": self.row_uj(*(name for name in self.rows if name not in _AROUND))}
        groups |= {name: self.row_uj(name) for name in _AROUND}
        return groups | {"total": self.row_uj(*self.rows)}

    @property
    def average_uw(self) -> Range:
        """Mean power of the system."""
        return self.by_group["total"] * (1 / self.duration_s)

    @property
    def without_afe_uw(self) -> Range:
        """The same without the front end, which is there in every scenario."""
        return self.row_uj(*(name for name in self.rows if name != "afe")) * (1 / self.duration_s)

    @property
    def battery_days(self) -> Range:
        """Until the battery is empty."""
        return battery_days(self.device.battery, self.average_uw)

    @property
    def power_uw(self) -> np.ndarray:
        """Of the system in every second, float64 (3, n_seconds)."""
        return np.sum(list(self.rows.values()), axis=0) / self.seconds


def energy_timeline(duty: Duty, device: Device) -> EnergyTimeline:
    """Energy of a wearable that does this, second by second; where the core cannot keep up it has no sleep.

    Parameters
    ----------
    duty : what a scenario makes it do
    """
    prices = Prices.of(device)
    cycles = np.einsum("spc,bc->pbs", duty.timeline.counts, prices.cycles)
    fetched = ranged(duty.fetch_cycles)[:, None] * duty.n_samples
    awake_s = prices.cycle_s * (cycles.sum(axis=0) + fetched) + ranged(prices.wake_s)[:, None] * duty.wakes
    cycle_uj = ranged(prices.cycle_uj)[:, None]
    rows = {name: part * cycle_uj for name, part in zip(duty.timeline.parts, cycles, strict=True)}
    rows |= {"fetch": fetched * cycle_uj, "wake": ranged(prices.wake_uj)[:, None] * duty.wakes}
    rows["sleep"] = ranged(prices.sleep_uw)[:, None] * np.maximum(duty.seconds - awake_s[1], 0)
    rows["afe"] = ranged(prices.afe_uw)[:, None] * duty.seconds
    sent = (duty.n_bytes, duty.n_packets, duty.n_frames, duty.n_adverts)
    costs = (prices.byte_uj, prices.packet_uj, prices.frame_uj, prices.advert_uj)
    rows["radio"] = sum((ranged(p)[:, None] * n for p, n in zip(costs, sent, strict=True)), np.zeros_like(awake_s))
    return EnergyTimeline(device, rows, awake_s, duty.seconds)


def workload(duty: Duty, device: Device) -> Workload:
    """All seconds together, for `system_energy`."""
    cycles = np.einsum("spc,bc->b", duty.timeline.counts, Prices.of(device).cycles)
    sent = (duty.n_bytes, duty.n_packets, duty.n_frames, duty.n_adverts)
    traffic = Traffic(*(int(n.sum()) for n in sent))
    return Workload(
        duty.duration_s,
        int(duty.n_samples.sum()),
        duty.n_units,
        Range(*cycles.tolist()),
        traffic,
        duty.scenario.sent,
        int(duty.wakes.sum()),
        duty.fetch_cycles,
    )
