"""What if the core ran at another clock and voltage: which level is in time, and which is cheapest."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from ...signals.device_signal import DEVICE_FS_HZ
from ..energy.devices import Device, Figure, Mcu, read_rows
from ..energy.prices import Prices
from ..energy.ranges import Range
from ..wearable.energy_timeline import EnergyTimeline, energy_timeline
from ..wearable.scenarios import FIFO_SAMPLES, Duty

__all__ = [
    "FIFO_S",
    "SAMPLE_S",
    "LevelOutcome",
    "PowerLevel",
    "at_level",
    "compare_levels",
    "levels_of",
    "worst_call_s",
]

SAMPLE_S = 1 / DEVICE_FS_HZ
"""Deadline of a front end that holds one sample."""

FIFO_S = FIFO_SAMPLES / DEVICE_FS_HZ
"""Deadline of a front end that holds 32, such as MAX30003."""

_TABLE = Path(__file__).with_name("levels.toml")
_OFTEN = 8  # runs a second, of the features of the gate


@dataclass(frozen=True)
class PowerLevel:
    """A clock and a core voltage; `active_factor` multiplies the current per MHz of the device table."""

    key: str
    name: str
    source: str
    clock_mhz: float
    active_factor: Figure


@dataclass(frozen=True)
class LevelOutcome:
    """A duty at a power level.

    Attributes
    ----------
    level : which one
    energy : second by second
    active_share : of the time
    worst_call_s : for the most expensive sample: the end of a block with all its decisions
    is_in_time : whether that is done, by the high bound, before the next sample comes
    is_in_time_with_fifo : before 32 samples have come
    is_cheapest : of those that are in time with a FIFO, by average power
    """

    level: PowerLevel
    energy: EnergyTimeline
    active_share: Range
    worst_call_s: Range
    is_in_time: bool
    is_in_time_with_fifo: bool
    is_cheapest: bool


@cache
def _table() -> dict[str, tuple[PowerLevel, ...]]:
    data = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {key: tuple(read_rows(PowerLevel, data, key).values()) for key in data}


def levels_of(mcu: Mcu) -> tuple[PowerLevel, ...]:
    """Levels of a microcontroller; the one of the device table if it has no others."""
    only = Figure(Range.exact(1), "the level of the device table")
    return _table().get(mcu.key, (PowerLevel("only", f"{mcu.clock_mhz:g} MHz", mcu.source, mcu.clock_mhz, only),))


def at_level(device: Device, level: PowerLevel) -> Device:
    """The wearable at a level; flash waits less at a lower clock."""
    mcu = device.mcu
    current = mcu.active_ua_per_mhz
    value = current.value * level.active_factor.value
    scaled = replace(current, value=value, note=f"{current.note}; {level.name}: {level.active_factor}")
    return replace(device, mcu=replace(mcu, clock_mhz=level.clock_mhz, active_ua_per_mhz=scaled))


def compare_levels(duty: Duty, device: Device, levels: Sequence[PowerLevel] | None = None) -> list[LevelOutcome]:
    """A duty at every level of a microcontroller.

    Parameters
    ----------
    duty : what a scenario makes the wearable do
    levels : None takes those of the table
    """
    found = [_outcome(duty, at_level(device, level), level) for level in levels or levels_of(device.mcu)]
    in_time = [outcome for outcome in found if outcome.is_in_time_with_fifo]
    cheapest = min(in_time, key=lambda outcome: outcome.energy.average_uw.typical, default=None)
    return [replace(outcome, is_cheapest=outcome is cheapest) for outcome in found]


def _outcome(duty: Duty, device: Device, level: PowerLevel) -> LevelOutcome:
    energy = energy_timeline(duty, device)
    worst = worst_call_s(duty, device)
    active = energy.active_s.sum(axis=1) / energy.duration_s
    return LevelOutcome(
        level,
        energy,
        Range(*active.tolist()),
        worst,
        worst.high < SAMPLE_S,
        worst.high < FIFO_S,
        is_cheapest=False,
    )


def worst_call_s(duty: Duty, device: Device) -> Range:
    """Bound of the time that one sample takes: all that is decided in the busiest second happens at its end.

    What runs with every sample (filter, detector) or sixteenth (features of the gate) is counted as a whole second
    of it divided by its runs; everything else of a second, as one.
    """
    prices, timeline = Prices.of(device), duty.timeline
    cycles = np.einsum("spc,bc->bsp", timeline.counts, prices.cycles)
    runs = np.maximum(timeline.runs, 1)
    is_spread = np.median(timeline.runs, axis=0) >= _OFTEN
    at_once = np.where(is_spread, cycles / runs, cycles).sum(axis=2).max(axis=1)
    return Range(*(at_once * prices.cycle_s).tolist())
