"""A channel of any length as it can be drawn: lowest and highest value of every stretch that a screen tells apart.

Levels of minima and maxima over 8, 64, 512, ... samples are made in one pass over the recording and kept as files
that are mapped, not read: a view touches some thousand values, whatever it spans.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...signals import Channel, Lead, open_lead
from ...signals.errors import UnanalysableError, parsed
from ..recording_facts import RecordingFacts
from .display_cache import DisplayCache

__all__ = ["LEVEL_FACTOR", "Pyramid", "View", "build_pyramid", "cached_pyramid", "pyramid_by_key"]

LEVEL_FACTOR = 8
"""Samples of a level that make one of the next; all levels together hold 2/7 as many values as the signal."""

_MISSING = np.iinfo(np.int32).min
"""Marks a missing sample; the readers' counts have 24 bits at most, or 31 from a table, and never reach it."""
_DTYPE = np.dtype("<i4")
_FEWEST_PAIRS = 64
"""A level with fewer pairs than this has none above it."""


@dataclass(frozen=True)
class View:
    """Part of a channel, ready to be drawn.

    Attributes
    ----------
    time_s : float64 (m,), middle of each stretch, from the start of the recording
    low, high : float64 (m,), lowest and highest value in it, in the channel's unit; nan where all are missing
    is_exact : whether each stretch is a single sample
    """

    time_s: np.ndarray
    low: np.ndarray
    high: np.ndarray
    is_exact: bool

    def line(self) -> tuple[np.ndarray, np.ndarray]:
        """Times and values of one line through all of it: float64 (m,) where exact, else (2 m,)."""
        if self.is_exact:
            return self.time_s, self.low
        return np.repeat(self.time_s, 2), np.stack((self.low, self.high), axis=1).ravel()


@dataclass(frozen=True)
class Pyramid:
    """A channel and its levels, in a folder that `build_pyramid` filled.

    Attributes
    ----------
    folder : where the files lie
    fs_hz, n_samples, channel : of the recording
    """

    folder: Path
    fs_hz: float
    n_samples: int
    channel: Channel

    @classmethod
    def open(cls, folder: Path) -> "Pyramid":
        """Read what `build_pyramid` wrote; `OSError` or `ValueError` where it is damaged."""
        head = parsed(json.loads, (folder / "channel.json").read_text(encoding="utf-8"))
        pyramid = cls(folder, float(head["fs_hz"]), int(head["n_samples"]), Channel(**head["channel"]))
        if len(pyramid._samples) != pyramid.n_samples:
            raise ValueError(f"{folder}: {len(pyramid._samples)} samples, not {pyramid.n_samples}")
        return pyramid

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.fs_hz

    def view(self, start_s: float, stop_s: float, max_points: int = 2000) -> View:
        """A part of the channel as at most `max_points` points of a line, within the recording."""
        first, last = self._rows(start_s, stop_s)
        if last - first <= max_points:
            time_s, values = self.samples(start_s, stop_s)
            return View(time_s, values, values, True)
        n_stretches = max_points // 2
        pairs, per_pair = self._pairs(first, last, n_stretches)
        edges = np.arange(n_stretches + 1) * len(pairs) // n_stretches
        ends = self._physical(_merged(pairs, edges[:-1]))
        middle = (edges[:-1] + edges[1:]) * (per_pair / 2) + first // per_pair * per_pair
        time_s = np.minimum(middle, self.n_samples) / self.fs_hz
        return View(time_s, ends.min(axis=1), ends.max(axis=1), False)

    def samples(self, start_s: float, stop_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Times and values of every sample of a part: float64 (m,), nan where missing."""
        first, last = self._rows(start_s, stop_s)
        return np.arange(first, last) / self.fs_hz, self._physical(self._samples[first:last])

    def _rows(self, start_s: float, stop_s: float) -> tuple[int, int]:
        first, last = np.clip(np.rint(np.array([start_s, stop_s]) * self.fs_hz), 0, self.n_samples).astype(int)
        return int(first), max(int(first), int(last))

    def _pairs(self, first: int, last: int, n_least: int) -> tuple[np.ndarray, int]:
        """Pairs int32 (m, 2) covering the samples, as few as possible from `n_least` on; and samples to a pair."""
        fitting = [i for i in range(len(self._levels)) if (last - first) // LEVEL_FACTOR ** (i + 1) >= n_least]
        if not fitting:
            samples = self._samples[first:last]
            return np.stack((samples, samples), axis=1), 1
        per_pair = LEVEL_FACTOR ** (fitting[-1] + 1)
        return self._levels[fitting[-1]][first // per_pair : -(-last // per_pair)], per_pair

    def _physical(self, counts: np.ndarray) -> np.ndarray:
        values = (counts.astype(np.float64) - self.channel.baseline_counts) / self.channel.gain_per_unit
        values[counts == _MISSING] = np.nan
        return values

    @cached_property
    def _samples(self) -> np.ndarray:
        return np.memmap(_level_path(self.folder, 0), _DTYPE, "r")

    @cached_property
    def _levels(self) -> list[np.ndarray]:
        """int32 (n, 2) each, of 8, 64, ... samples."""
        n_levels = len(list(self.folder.glob("level*")))
        return [np.memmap(_level_path(self.folder, i), _DTYPE, "r").reshape(-1, 2) for i in range(1, n_levels)]


def cached_pyramid(
    cache: DisplayCache,
    facts: RecordingFacts,
    path: str | Path,
    channel: int | str | None = None,
    fs_hz: float | None = None,
) -> Pyramid:
    """The pyramid of one channel of a recording, from the cache or built into it.

    Parameters
    ----------
    facts : of the recording
    path, channel, fs_hz : as for `open_lead`

    Raises
    ------
    InputError
        As `open_lead`; or the cache cannot be written.
    """
    return pyramid_by_key(cache, f"{facts.sha256} {channel!r}", lambda: open_lead(path, channel, fs_hz=fs_hz))


def pyramid_by_key(cache: DisplayCache, key: str, open_signal: Callable[[], Lead]) -> Pyramid:
    """The pyramid of anything that can be read as a lead, for instance the difference of two channels.

    Parameters
    ----------
    key : says everything that the signal depends on
    """

    def folder() -> Path:
        return cache.folder(f"pyramid {key}", lambda part: build_pyramid(open_signal(), part))

    found = folder()
    try:
        return Pyramid.open(found)
    except (OSError, ValueError, KeyError, TypeError):
        cache.drop(found)
        return Pyramid.open(folder())


def build_pyramid(lead: Lead, folder: Path) -> None:
    """Read a lead once and write its levels into an empty folder; memory does not grow with its length.

    Raises
    ------
    UnanalysableError
        The lead has no sample.
    InputError
        What shows only when the file is read.
    """
    n_levels = 0
    while lead.n_samples // LEVEL_FACTOR ** (n_levels + 1) >= _FEWEST_PAIRS:
        n_levels += 1
    n_samples = 0
    with ExitStack() as files:
        levels = [_Level(files.enter_context(_level_path(folder, i).open("wb"))) for i in range(n_levels + 1)]
        for counts, invalid in lead.pieces():
            samples = counts.astype(_DTYPE)
            if invalid is not None:
                samples[invalid] = _MISSING
            levels[0].file.write(samples.tobytes())
            _climb(levels[1:], np.stack((samples, samples), axis=1))
            n_samples += len(samples)
        _climb(levels[1:], np.empty((0, 2), _DTYPE), is_last=True)
    if n_samples == 0:
        raise UnanalysableError(f"{lead.record}: no samples")
    head = {"fs_hz": lead.fs_hz, "n_samples": n_samples, "channel": asdict(lead.channel)}
    (folder / "channel.json").write_text(json.dumps(head), encoding="utf-8")


@dataclass
class _Level:
    """A level as it is written, and the pairs of the level below that do not make one of its own yet."""

    file: BinaryIO
    waiting: np.ndarray = field(default_factory=lambda: np.empty((0, 2), _DTYPE))


def _climb(levels: Sequence[_Level], pairs: np.ndarray, is_last: bool = False) -> None:
    """Hand pairs up through the levels; at the end also what does not fill one."""
    for level in levels:
        pairs = np.concatenate((level.waiting, pairs))
        n_used = len(pairs) if is_last else len(pairs) // LEVEL_FACTOR * LEVEL_FACTOR
        level.waiting, pairs = pairs[n_used:], _merged(pairs[:n_used], np.arange(0, n_used, LEVEL_FACTOR))
        level.file.write(pairs.tobytes())


def _merged(pairs: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Pairs from each start up to the next one as one, int32 (n, 2), missing only if all of them are."""
    if not len(starts):
        return pairs[:0]
    low = np.where(pairs[:, 0] == _MISSING, np.iinfo(_DTYPE).max, pairs[:, 0])
    low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(pairs[:, 1], starts)
    return np.stack((np.where(high == _MISSING, _MISSING, low), high), axis=1).astype(_DTYPE)


def _level_path(folder: Path, number: int) -> Path:
    return folder / f"level{number}"
