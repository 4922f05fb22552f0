"""The most costly samples of a recording on the emulated core: what a device must be awake for at most.

They are maxima of what was run, not bounds: a recording with more beats in a second costs more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..targets import DEFAULT_TARGET
from ..toolchain import build_device
from .device_run import DEVICE_REGIONS
from .emulator import EmulatedCore
from .instructions import CLASSES
from .machine import check, place

__all__ = ["WorstCase", "worst_case"]

_COUNTED = 1024
"""Samples that are counted, behind those that bring the device to where they begin."""

_OF_A_BEAT = ("beat_window", "screen", "specialist")


@dataclass(frozen=True)
class WorstCase:
    """Instructions, counted sample by sample.

    Attributes
    ----------
    n_samples : that were counted
    median_sample : of one `ictus_push_sample`
    worst_sample : of the most costly one, with all that it decides
    worst_beat : window, screen and specialist of the most costly beat; None for a task without beats
    """

    n_samples: int
    median_sample: int
    worst_sample: int
    worst_beat: int | None


def worst_case(task: str, sources: Path, counts: np.ndarray, target: str = DEFAULT_TARGET) -> WorstCase:
    """Run a recording on the program that a library's sources make, and count its last samples one by one.

    Parameters
    ----------
    sources : directory of `write_sources`
    counts : int16 (n,), device signal; for EEG (n, n_channels)
    target : a core whose instructions the emulated one has

    Raises
    ------
    MissingToolError : the compiler or the emulator is not installed.
    """
    with TemporaryDirectory(prefix="ictus-") as folder:
        image = build_device(sources, Path(folder) / "ictus.elf", target=target)
        core = EmulatedCore(image.elf, DEVICE_REGIONS if task == "beat" else {})
    counted = list(_by_sample(core, task, counts))
    by_part, runs = (np.array(values) for values in zip(*counted, strict=True))
    totals = by_part.sum(axis=1)
    beat = _worst_beat(core, by_part, runs) if task == "beat" else None
    return WorstCase(len(totals), int(np.median(totals)), int(totals.max()), beat)


def _by_sample(core: EmulatedCore, task: str, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Instructions and runs of each part for each sample, each int64 (n_parts,)."""
    if task == "seizure":
        check(core.call("ictus_harness_start_channels", counts.shape[1]))
        name, device = "ictus_eeg_push_sample", core.symbol("ictus_main_seizure")
        arguments = [place(core, row) for row in np.ascontiguousarray(counts, "<i2")]
    else:
        check(core.call("ictus_harness_start"))
        name, device = "ictus_push_sample", core.symbol("ictus_main_device")
        arguments = counts.tolist()
    n_before = max(len(arguments) - _COUNTED, 0)
    for argument in arguments[:n_before]:
        core.call(name, device, argument)
    before = core.part_counts()
    for argument in arguments[n_before:]:
        core.call(name, device, argument)
        now = core.part_counts()
        yield (now.counts - before.counts)[:, : len(CLASSES)].sum(axis=1), now.runs - before.runs
        before = now


def _worst_beat(core: EmulatedCore, by_part: np.ndarray, runs: np.ndarray) -> int:
    """Of the samples that decide one beat."""
    parts = core.part_counts().parts
    alone = runs[:, parts.index("beat_window")] == 1
    of_a_beat = by_part[:, [parts.index(name) for name in _OF_A_BEAT]].sum(axis=1)
    return int(of_a_beat[alone].max(initial=0))
