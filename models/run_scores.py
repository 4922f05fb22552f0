"""Run-by-run comparison of ventricular runs, after EC57.

Source: ANSI/AAMI EC57, Tables 7 and 8, and the program rxr of the WFDB tools that computes them (WFDB Applications
Guide, rxr(1)). A run is an unbroken row of V or F beats; any other beat and the begin of a rejected stretch end
it; ventricular flutter or fibrillation in the reference counts as one run of the longest kind.
"""

from dataclasses import dataclass

import numpy as np

from ..signals import BLOCK_SAMPLES, CLASSES, DEVICE_FS_HZ, MATCH_TOLERANCE
from .beat_data import BeatRecord
from .metrics import in_fibrillation
from .staged import Decisions

__all__ = ["LONGEST", "RUN_KINDS", "RunScore", "RunTables", "compare_runs"]

LONGEST = 6
"""Runs are counted up to this length, which stands for all that are longer."""

RUN_KINDS = {"couplet": (2, 2), "short": (3, 5), "long": (LONGEST, LONGEST)}
"""Shortest and longest run of each kind: 2 beats, 3 to 5, more than 5."""

_RUN_CLASSES = [CLASSES.index(label) for label in "VF"]


@dataclass(frozen=True)
class RunScore:
    """Detection of the runs of one kind; ratios are nan where there are no runs.

    Attributes
    ----------
    n_reference, n_found : runs in the reference, and those of them in which the decisions have a run that is at
        least as long as the kind's shortest
    n_said, n_right : runs in the decisions, and those of them in which the reference has such a run
    """

    n_reference: int
    n_found: int
    n_said: int
    n_right: int

    @property
    def se(self) -> float:
        return self.n_found / self.n_reference if self.n_reference else float("nan")

    @property
    def ppv(self) -> float:
        return self.n_right / self.n_said if self.n_said else float("nan")

    def to_json(self) -> dict[str, float]:
        """Counts and ratios."""
        counts = {"n": self.n_reference, "found": self.n_found, "said": self.n_said, "right": self.n_right}
        return counts | {"se": self.se, "ppv": self.ppv}


@dataclass(frozen=True)
class RunTables:
    """Run lengths, int64 (7, 7) each: rows the reference's, columns the decisions'; 0 for no run, 6 for above 5.

    Attributes
    ----------
    sensitivity : one entry per reference run, with the longest decided run that lies in it
    predictivity : one entry per decided run, with the longest reference run that lies in it
    """

    sensitivity: np.ndarray
    predictivity: np.ndarray

    def __add__(self, other: "RunTables") -> "RunTables":
        return RunTables(self.sensitivity + other.sensitivity, self.predictivity + other.predictivity)

    @classmethod
    def empty(cls) -> "RunTables":
        """No runs."""
        nothing = np.zeros((LONGEST + 1, LONGEST + 1), np.int64)
        return cls(nothing, nothing)

    def score(self, kind: str) -> RunScore:
        """Score of the ``couplet``, ``short`` or ``long`` runs."""
        low, high = RUN_KINDS[kind]
        mine, said = self.sensitivity[low : high + 1], self.predictivity[:, low : high + 1]
        return RunScore(int(mine.sum()), int(mine[:, low:].sum()), int(said.sum()), int(said[low:].sum()))

    def to_json(self) -> dict[str, dict[str, float]]:
        """All kinds."""
        return {kind: self.score(kind).to_json() for kind in RUN_KINDS}


@dataclass(frozen=True)
class _Beats:
    """Beats and what ends runs, in time order: device samples float64 (n,), and whether each belongs to a run."""

    sample: np.ndarray
    is_member: np.ndarray

    @classmethod
    def of(cls, *parts: tuple[np.ndarray, np.ndarray]) -> "_Beats":
        sample, is_member = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(sample, kind="stable")
        return cls(sample[order], is_member[order])

    def runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First and last sample float64 (k,), and length int64 (k,) up to `LONGEST`, of every run."""
        begin, end = _stretches(self.is_member)
        return self.sample[begin], self.sample[end - 1], np.minimum(end - begin, LONGEST)

    def longest_run(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Longest run, up to `LONGEST`, within each start..end, both included: int64 of float64 (k,) each.

        What lies outside does not lengthen it.
        """
        begin, past = np.searchsorted(self.sample, start), np.searchsorted(self.sample, end, side="right")
        length = _length_so_far(self.is_member)
        longest = np.zeros(len(start), np.int64)
        for n in range(1, LONGEST + 1):  # a run of n within, if one so long ends there, at its nth beat or later
            n_before = np.append(0, np.cumsum(length >= n))
            longest += n_before[past] > n_before[np.minimum(begin + n - 1, past)]
        return longest


def compare_runs(record: BeatRecord, decisions: Decisions) -> RunTables:
    """Compare the ventricular runs of one recording.

    A run is looked for from 150 ms before the first beat to 150 ms after the last beat of its counterpart.
    """
    episodes = record.fibrillation_s * DEVICE_FS_HZ
    reference, decided = _reference_beats(record, episodes), _decided_beats(record, decisions)
    sensitivity, predictivity = (np.zeros((LONGEST + 1, LONGEST + 1), np.int64) for _ in range(2))
    first, last, length = reference.runs()
    found = decided.longest_run(first - MATCH_TOLERANCE, last + MATCH_TOLERANCE)
    np.add.at(sensitivity, (length, found), 1)
    first, last, length = decided.runs()
    start, end = first - MATCH_TOLERANCE, last + MATCH_TOLERANCE
    in_episode = ((episodes[:, :1] <= end) & (episodes[:, 1:] >= start)).any(axis=0)
    right = np.where(in_episode, LONGEST, reference.longest_run(start, end))
    np.add.at(predictivity, (right, length), 1)
    return RunTables(sensitivity, predictivity)


def _reference_beats(record: BeatRecord, episodes: np.ndarray) -> _Beats:
    """Reference beats, with as many run beats in each episode of fibrillation as the longest run has."""
    outside = ~in_fibrillation(record, record.reference_peak)
    filled = np.linspace(episodes[:, 0], episodes[:, 1], LONGEST, axis=1).ravel()
    is_member = np.isin(record.reference_label[outside], _RUN_CLASSES)
    return _Beats.of(
        (record.reference_peak[outside].astype(np.float64), is_member), (filled, np.ones(len(filled), np.bool_))
    )


def _decided_beats(record: BeatRecord, decisions: Decisions) -> _Beats:
    """Decided beats, and an end of runs where a rejected stretch begins."""
    rejected = np.append(False, ~decisions.accepted)
    begins = np.flatnonzero(np.diff(rejected.astype(np.int8)) > 0) * BLOCK_SAMPLES
    kept = ~decisions.gated
    return _Beats.of(
        (record.beats.peak[kept].astype(np.float64), np.isin(decisions.label[kept], _RUN_CLASSES)),
        (begins.astype(np.float64), np.zeros(len(begins), np.bool_)),
    )


def _stretches(flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First index and index past the end, int64 (k,) each, of every row of True in bool (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _length_so_far(flags: np.ndarray) -> np.ndarray:
    """For each place of bool (n,), how many True in a row end there: int64 (n,)."""
    place = np.arange(len(flags))
    return place - np.maximum.accumulate(np.where(flags, -1, place))
