"""What if the wearable lived on light or motion: a capacitor, brown-outs, and what is lost in them.

The day is a stated profile of published levels (``harvest.toml``), not a recording; the load is that of a real
recording, over and over. The capacitor is filled by what is harvested and emptied by the load and its leak; below
`off_v` the device dies with all that it had in RAM, and at `on_v` it starts again from reset. Aging and
temperature are left out, and so is the energy of the start itself, which is less than that of two seconds.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...signals.beats import BLOCK_SAMPLES
from ...signals.errors import InputError
from ..energy.devices import Figure, read_rows

__all__ = [
    "DAY_S",
    "STEP_S",
    "Day",
    "DayOutcome",
    "Harvester",
    "LostBeats",
    "Storage",
    "days",
    "harvested_uw",
    "harvesters",
    "lost_beats",
    "simulate_day",
    "storages",
]

DAY_S = 86_400

STEP_S = 5
"""Steps in which the capacitor is followed; a brown-out lasts at least one."""

RELEARN_S = 60
"""After a start the firmware is run from reset for so long; later its decisions are taken to be those of a device
that was never off."""

_TABLE = Path(__file__).with_name("harvest.toml")
_UJ_PER_J = 1e6


@dataclass(frozen=True)
class Day:
    """Levels over a day, each from its hour to the next one's."""

    key: str
    name: str
    source: str
    unit: str
    from_hour: list[float]
    level: list[float]


@dataclass(frozen=True)
class Harvester:
    """Power of a level: level x uw_per_unit_cm2 x area_cm2 x seen_share x efficiency."""

    key: str
    name: str
    source: str
    unit: str
    area_cm2: float
    uw_per_unit_cm2: Figure
    seen_share: Figure
    efficiency: Figure


@dataclass(frozen=True)
class Storage:
    """A capacitor between harvester and regulator."""

    key: str
    name: str
    source: str
    farad: float
    full_v: float
    on_v: float
    off_v: float
    leak_ua: Figure

    def uj(self, volt: float) -> float:
        """Energy at a voltage."""
        return self.farad * volt * volt / 2 * _UJ_PER_J


@dataclass(frozen=True)
class DayOutcome:
    """A day that begins as the day before has ended.

    Attributes
    ----------
    harvested_uw : float64 (DAY_S,)
    stored_j : float64 (DAY_S,), in the capacitor at the end of each second
    is_on : bool (DAY_S,)
    wasted_j : harvested when the capacitor was full
    """

    harvested_uw: np.ndarray
    stored_j: np.ndarray
    is_on: np.ndarray
    wasted_j: float

    @property
    def off_s(self) -> int:
        """Seconds without the device: not analysed."""
        return int((~self.is_on).sum())

    @property
    def brown_outs(self) -> int:
        """Times that it died."""
        return int((self.is_on[:-1] & ~self.is_on[1:]).sum())

    @property
    def on_periods(self) -> np.ndarray:
        """First and last second + 1 of each stretch that it lives, int64 (n, 2)."""
        edges = np.flatnonzero(np.diff(self.is_on, prepend=False, append=False))
        return edges.reshape(-1, 2)


@cache
def _tables() -> tuple[dict[str, Day], dict[str, Harvester], dict[str, Storage]]:
    data = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return (
        read_rows(Day, data, "day"),
        read_rows(Harvester, data, "harvester"),
        read_rows(Storage, data, "storage"),
    )


def days() -> dict[str, Day]:
    """Days by name."""
    return _tables()[0]


def harvesters() -> dict[str, Harvester]:
    """Harvesters by name."""
    return _tables()[1]


def storages() -> dict[str, Storage]:
    """Capacitors by name."""
    return _tables()[2]


def harvested_uw(day: Day, harvester: Harvester, bound: str = "typical") -> np.ndarray:
    """Power into the capacitor in every second of a day, float64 (DAY_S,).

    Parameters
    ----------
    bound : low, typical or high

    Raises
    ------
    InputError
        the harvester does not live on what the day has.
    """
    if day.unit != harvester.unit:
        raise InputError(f"harvester {harvester.key} takes {harvester.unit}, the day {day.key} has {day.unit}")
    second = np.arange(DAY_S)
    step = np.searchsorted(np.array(day.from_hour) * 3600, second, side="right") - 1
    figures = (harvester.uw_per_unit_cm2, harvester.seen_share, harvester.efficiency)
    factor = np.prod([getattr(figure.value, bound) for figure in figures]) * harvester.area_cm2
    return np.array(day.level, np.float64)[step] * factor


def simulate_day(
    income_uw: np.ndarray, load_uw: np.ndarray, storage: Storage, leak_ua: float, settle_days: int = 2
) -> DayOutcome:
    """Fill and empty a capacitor step by step.

    Parameters
    ----------
    income_uw : float64 (DAY_S,), see `harvested_uw`
    load_uw : float64 (n,), of the device that is on; repeated over the day
    leak_ua : of the capacitor
    settle_days : days before the one that is reported; the first begins with a capacitor charged to `on_v`
    """
    load = np.resize(load_uw, DAY_S).reshape(-1, STEP_S).mean(axis=1)
    incomes = income_uw.reshape(-1, STEP_S).mean(axis=1)
    full, on, off = (storage.uj(volt) for volt in (storage.full_v, storage.on_v, storage.off_v))
    stored, is_on, wasted = on, True, 0.0
    level, alive = np.empty(len(load)), np.empty(len(load), np.bool_)
    for _ in range(settle_days + 1):
        wasted = 0.0
        for step, (income, wanted) in enumerate(zip(incomes.tolist(), load.tolist(), strict=True)):
            leak = leak_ua * (2 * stored / (storage.farad * _UJ_PER_J)) ** 0.5
            stored = max(stored + STEP_S * (income - leak - (wanted if is_on else 0.0)), 0.0)
            wasted += max(stored - full, 0.0)
            stored = min(stored, full)
            is_on = stored > off if is_on else stored >= on
            level[step], alive[step] = stored, is_on
    stored_j, is_alive = np.repeat(level / _UJ_PER_J, STEP_S), np.repeat(alive, STEP_S)
    return DayOutcome(income_uw, stored_j, is_alive, wasted / _UJ_PER_J)


@dataclass(frozen=True)
class LostBeats:
    """Of a day's beats, decided by a device that is never off: `n`; lost while off; lost because it starts anew.

    `serious` counts those with another class than normal or supraventricular, of `n_serious`.
    """

    n: int
    off: int
    relearning: int
    n_serious: int
    serious: int


Decide = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Samples int16 (n,), whole blocks, from reset -> R peaks int64 (k,) and classes int8 (k,), -1 without one."""


def lost_beats(outcome: DayOutcome, counts: np.ndarray, decide: Decide) -> LostBeats:
    """What is lost of a day in which a recording is repeated.

    Parameters
    ----------
    counts : int16 (n,), the recording as the device sees it
    decide : the firmware
    """
    period = len(counts) // BLOCK_SAMPLES
    peak, label = decide(counts[: period * BLOCK_SAMPLES])
    second, is_decided = peak // BLOCK_SAMPLES, label >= 0
    n_rounds = -(-DAY_S // period)
    at = (np.arange(n_rounds)[:, None] * period + second[is_decided]).ravel()
    serious = np.tile(label[is_decided] > 1, n_rounds)[at < DAY_S]
    at = at[at < DAY_S]
    lost = ~outcome.is_on[at]
    again = np.zeros(len(at), np.bool_)
    for start, stop in outcome.on_periods[outcome.on_periods[:, 0] > 0]:
        found = _seconds_found(counts, int(start), min(int(stop - start), RELEARN_S), decide)
        within = (at >= start) & (at < start + min(stop - start, RELEARN_S))
        again |= within & ~np.isin(at, found)
    gone = lost | again
    return LostBeats(
        len(at), int(lost.sum()), int((again & ~lost).sum()), int(serious.sum()), int((gone & serious).sum())
    )


def _seconds_found(counts: np.ndarray, start: int, n_seconds: int, decide: Decide) -> np.ndarray:
    """Seconds of the day in which a device that starts at one decides a beat within `n_seconds`."""
    period = len(counts) // BLOCK_SAMPLES
    seconds = (start + np.arange(n_seconds + 4)) % period
    piece = counts[: period * BLOCK_SAMPLES].reshape(period, BLOCK_SAMPLES)[seconds].ravel()
    peak, label = decide(piece)
    return np.unique(peak[label >= 0] // BLOCK_SAMPLES) + start
