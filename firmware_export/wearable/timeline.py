"""Second by second, which parts of the firmware ran and what they executed.

A `StageTimeline` is executed: the emulated core is asked after every second of signal. A `StageProfile` is what
one run of each part costs on average; with the counts of runs of a recording of any length, which the native code
gives in no time, it makes a timeline that was not executed and says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ..emulator.emulator import PartCounts, Profile
from ..emulator.instructions import CLASSES

__all__ = ["StageProfile", "StageRecorder", "StageTimeline"]


@dataclass(frozen=True)
class StageTimeline:
    """One row per second of signal.

    Attributes
    ----------
    parts : `OUTSIDE`, which is the code around the parts, and the parts of the firmware
    runs : int64 (n_seconds, n_parts), how often each part ran; 1 for `OUTSIDE`
    counts : float64 (n_seconds, n_parts, len(COSTS)), whole numbers where they were executed
    is_executed : whether it comes from the emulated core alone
    """

    parts: tuple[str, ...]
    runs: np.ndarray
    counts: np.ndarray
    is_executed: bool

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def instructions(self) -> np.ndarray:
        """Instructions of all classes, float64 (n_seconds, n_parts)."""
        return self.counts[:, :, : len(CLASSES)].sum(axis=2)

    @property
    def by_part(self) -> dict[str, float]:
        """Instructions of the whole recording, by part."""
        return dict(zip(self.parts, self.instructions.sum(axis=0).tolist(), strict=True))

    def part(self, name: str) -> int:
        """Column of a part; ValueError if there is none."""
        return self.parts.index(name)

    def profile(self, stack_bytes: int = 0) -> Profile:
        """The whole recording; parts of an instruction are rounded."""
        whole = self.counts.sum(axis=0).round().astype(np.int64)
        by_region: dict[str, dict[str, int]] = {
            name: dict(zip(CLASSES, row[: len(CLASSES)].tolist(), strict=True))
            for name, row in zip(self.parts, whole, strict=True)
        }
        calls = dict(zip(self.parts[1:], self.runs.sum(axis=0).tolist()[1:], strict=True))
        taken, transfers = whole[:, len(CLASSES) :].sum(axis=0).tolist()
        return Profile(by_region, calls, taken, transfers, stack_bytes)

    def without(self, *names: str) -> "StageTimeline":
        """As if these parts had never run."""
        kept = np.array([name not in names for name in self.parts])
        return replace(self, runs=self.runs * kept, counts=self.counts * kept[:, None])

    def first(self, n_seconds: int) -> "StageTimeline":
        """The beginning."""
        return replace(self, runs=self.runs[:n_seconds], counts=self.counts[:n_seconds])

    def then(self, later: "StageTimeline") -> "StageTimeline":
        """Another one of the same parts behind it."""
        runs, counts = (np.concatenate(both) for both in ((self.runs, later.runs), (self.counts, later.counts)))
        return StageTimeline(self.parts, runs, counts, self.is_executed and later.is_executed)


class Counted(Protocol):
    """What counts the parts of its program: an `EmulatedCore`."""

    def part_counts(self) -> PartCounts:
        """What was counted so far."""
        ...


class StageRecorder:
    """Asks the emulated core after every second; call it as `on_second`."""

    def __init__(self, core: Counted) -> None:
        self._core = core
        self._seen: list[PartCounts] = [core.part_counts()]

    def __call__(self) -> None:
        self._seen.append(self._core.part_counts())

    def timeline(self) -> StageTimeline:
        """What was recorded."""
        runs = np.diff([seen.runs for seen in self._seen], axis=0)
        runs[:, 0] = 1
        counts = np.diff([seen.counts for seen in self._seen], axis=0).astype(np.float64)
        return StageTimeline(self._seen[0].parts, runs, counts, is_executed=True)


@dataclass(frozen=True)
class StageProfile:
    """What one run of each part costs, whatever form its code has.

    Attributes
    ----------
    parts : as in `StageTimeline`
    per_run : float64 (n_parts, len(COSTS)), mean of one run; of `OUTSIDE`, of one second without a decision
    per_unit : float64 (len(COSTS),), what `OUTSIDE` executes more for each decision
    unit : the part whose runs are the decisions
    """

    parts: tuple[str, ...]
    per_run: np.ndarray
    per_unit: np.ndarray
    unit: str

    @classmethod
    def of(cls, timeline: StageTimeline, unit: str) -> "StageProfile":
        """From a recording that was executed; a part that never ran there costs nothing."""
        runs = timeline.runs.sum(axis=0)
        per_run = timeline.counts.sum(axis=0) / np.maximum(runs, 1)[:, None]
        outside, n_units = timeline.counts[:, 0], timeline.runs[:, timeline.part(unit)]
        away = n_units - n_units.mean()
        per_unit = np.maximum(away @ outside / max(float(away @ away), 1.0), 0.0)
        per_run[0] = np.maximum(outside.mean(axis=0) - per_unit * n_units.mean(), 0.0)
        return cls(timeline.parts, per_run, per_unit, unit)

    @cached_property
    def instructions(self) -> Mapping[str, float]:
        """Instructions of one run of each part."""
        return dict(zip(self.parts, self.per_run[:, : len(CLASSES)].sum(axis=1).tolist(), strict=True))

    def never_ran(self, runs: np.ndarray) -> tuple[str, ...]:
        """Parts that run in int64 (n_seconds, n_parts) but never did where the profile was taken."""
        needed = (runs.sum(axis=0) > 0) & (self.per_run.sum(axis=1) == 0)
        return tuple(name for name, is_missing in zip(self.parts, needed, strict=True) if is_missing)

    def timeline(self, runs: np.ndarray) -> StageTimeline:
        """What so many runs would have executed.

        Parameters
        ----------
        runs : int64 (n_seconds, n_parts)
        """
        counts = runs[:, :, None] * self.per_run
        counts[:, 0] = self.per_run[0] + runs[:, self.parts.index(self.unit), None] * self.per_unit
        counted = runs.copy()
        counted[:, 0] = 1
        return StageTimeline(self.parts, counted, counts, is_executed=False)
