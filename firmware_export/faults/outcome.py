"""What a fault does to the device: how well it still detects, what it rejects, what it loses, what it sends."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import numpy as np

from ...compression.compact import CompactModel
from ...compression.model_file import to_bytes
from ...models.beat_data import BeatRecord
from ...models.beat_scores import ectopic_score
from ...signals.beat_classes import CLASSES
from ...signals.device_signal import DEVICE_FS_HZ
from ...signals.matching import match_peaks
from ..emulator.device_run import DEVICE_REGIONS
from ..emulator.emulator import EmulatedCore
from ..emulator.machine import Machine
from ..host import HostMachine
from ..toolchain import build_device, build_host
from .guarded import URGENCIES, GuardedRun, run_guarded, write_guarded_sources
from .inject import FaultySignal, inject
from .kinds import Fault

__all__ = ["SENT_FROM", "FaultOutcome", "GuardedFirmware", "Quality", "confusion_of"]

SENT_FROM = URGENCIES.index("unjudged")
"""Least urgency that is sent: every beat but those found normal."""

GUARD_REGIONS = {**DEVICE_REGIONS, "check": "ictus_check_step"}
"""Parts of the guarded firmware whose cost is told apart."""

_GATED, _MISSED = len(CLASSES), len(CLASSES) + 1
_MOST_SLOTS = 256


@dataclass(frozen=True)
class Quality:
    """Sensitivity and predictive value, 0 to 1, nan where undefined: of beats, and of ventricular ectopic beats.

    Beats that are lost, gated or undecided are misses.
    """

    qrs_se: float
    qrs_ppv: float
    v_se: float
    v_ppv: float

    @classmethod
    def of(cls, table: np.ndarray) -> "Quality":
        """From a confusion table int64 (6, 7), see `models.beat_scores`."""
        reference, missed = table[:-1].sum(), table[:-1, _MISSED].sum()
        found = table[:, :_MISSED].sum()
        veb = ectopic_score(table, "VEB")
        return cls(_ratio(reference - missed, reference), _ratio(reference - missed, found), veb.se, veb.ppv)


@dataclass(frozen=True)
class FaultOutcome:
    """A recording with faults on the guarded device.

    Attributes
    ----------
    faults : what was broken; empty for the recording as it is
    duration_s : of the recording
    signal : what reached the firmware
    decided : every beat that it decided, in the order of time, and its counters
    sent : what got through the radio, and what the queue lost
    quality : of all decisions, times as a gateway knows them that corrects the clock
    quality_uncorrected : with the time stamps as they are
    clock_error_s : how wrong a time stamp is at the end
    """

    faults: tuple[Fault, ...]
    duration_s: float
    signal: FaultySignal
    decided: GuardedRun
    sent: GuardedRun
    quality: Quality
    quality_uncorrected: Quality
    clock_error_s: float

    @property
    def rejected_s(self) -> int:
        """Seconds that the gate rejected."""
        return self.decided.total.rejected

    @property
    def unanalysed_s(self) -> int:
        """Seconds without the model: it was known to be broken."""
        return max(len(self.decided.stages) - self.decided.total.blocks - 1, 0)

    @property
    def longest_delay_s(self) -> float:
        """From an R peak to the latest that one was sent; 0 if nothing was."""
        delay = self.sent.sent_at - self.sent.peak
        return float(delay.max()) / DEVICE_FS_HZ if len(delay) else 0.0

    @property
    def losses(self) -> tuple[str, ...]:
        """What was lost, one sentence each; empty if nothing was."""
        return tuple(_losses(self))


def _losses(outcome: FaultOutcome) -> Sequence[str]:
    counts, said = outcome.sent.counts, []
    if counts.missing:
        said.append(f"{counts.missing:,} samples never came ({counts.gaps:,} gaps), filled with the latest one")
    if counts.railed:
        said.append(f"{counts.railed:,} samples at a rail")
    if outcome.rejected_s:
        said.append(f"{outcome.rejected_s:,} s rejected by the gate")
    if counts.broken_at:
        flipped_s = min(second for second, _ in outcome.signal.flips)
        after = counts.broken_at / DEVICE_FS_HZ - flipped_s
        said.append(
            f"model found broken {after:.0f} s after the flip; no class for {counts.unjudged:,} beats since"
        )
    said += [
        f"{loss.n:,} {name} events lost in the queue, of {loss.first_peak / DEVICE_FS_HZ:.0f} to "
        f"{loss.last_peak / DEVICE_FS_HZ:.0f} s"
        for name, loss in counts.lost.items()
        if loss.n
    ]
    if counts.waiting:
        said.append(f"{counts.waiting:,} events still waiting at the end")
    if outcome.signal.clock != 1.0:
        said.append(f"time stamps {outcome.clock_error_s:.2f} s off at the end, unless the gateway corrects them")
    return said


class GuardedFirmware(AbstractContextManager["GuardedFirmware"]):
    """The guarded firmware of a model, built for this computer and, where a bit flips, for the emulated core.

    Raises
    ------
    MissingToolError
        the compiler, or the emulator when a bit flips, is not installed.
    """

    def __init__(self, model: CompactModel) -> None:
        self.model_bytes = len(to_bytes(model))
        self._folder = TemporaryDirectory(prefix="ictus-")
        self.folder = Path(self._folder.name)
        write_guarded_sources(model, self.folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    @cached_property
    def host(self) -> HostMachine:
        """The firmware in this process."""
        return HostMachine(build_host(self.folder, self.folder / "ictus_host.so"))

    @cached_property
    def core(self) -> EmulatedCore:
        """The firmware on the emulated core."""
        return EmulatedCore(build_device(self.folder, self.folder / "ictus.elf").elf, GUARD_REGIONS)

    def outcome(
        self,
        record: BeatRecord,
        faults: Sequence[Fault] = (),
        n_slots: int = 64,
        on_second: Callable[[], object] | None = None,
    ) -> FaultOutcome:
        """Break a recording and run it.

        Parameters
        ----------
        record : signal and reference beats
        faults : all at once; may be none
        n_slots : events that the queue holds
        on_second : called after every second of signal, twice if the radio is out

        Raises
        ------
        InputError
            a fault begins behind the end, or the queue has too many slots.
        """
        signal = inject(record.signal.counts, faults)
        machine: Machine = self.core if signal.flips else self.host
        size = self.model_bytes
        heard = replace(signal, has_link=np.ones_like(signal.has_link))
        decided = _by_time(run_guarded(machine, heard, size, _MOST_SLOTS, on_second=on_second))
        sent = run_guarded(machine, signal, size, n_slots, SENT_FROM, on_second)
        corrected, stamped = signal.recording_sample(decided.peak), decided.peak
        tables = (confusion_of(record, peak, decided.label) for peak in (corrected, stamped))
        quality, uncorrected = (Quality.of(table) for table in tables)
        error_s = abs(signal.clock - 1) * len(record.signal.counts) / DEVICE_FS_HZ
        duration_s = len(record.signal.counts) / DEVICE_FS_HZ
        return FaultOutcome(tuple(faults), duration_s, signal, decided, sent, quality, uncorrected, error_s)


def _by_time(run: GuardedRun) -> GuardedRun:
    order = np.argsort(run.peak, kind="stable")
    rows = {name: getattr(run, name)[order] for name in ("peak", "label", "reached", "sent_at")}
    return replace(run, **rows)


def confusion_of(record: BeatRecord, peak: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Confusion table int64 (6, 7) as in `models.metrics`, of decisions that need not be a row of the record.

    Parameters
    ----------
    record : reference beats
    peak : int64 (n,), samples of the recording, ascending
    label : int8 (n,), class of each; -1 without one
    """
    of_reference, of_peak = match_peaks(record.reference_peak, peak)
    column = np.where(label < 0, _GATED, label)
    table = np.zeros((len(CLASSES) + 1, _MISSED + 1), np.int64)
    np.add.at(table, (record.reference_label[of_reference], column[of_peak]), 1)
    missed = np.delete(record.reference_label, of_reference)
    np.add.at(table, (missed, np.full(len(missed), _MISSED)), 1)
    extra = np.delete(column, of_peak)
    np.add.at(table, (np.full(len(extra), len(CLASSES)), extra), 1)
    return table


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
