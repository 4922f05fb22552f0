"""What a faulty recording costs, and how long the firmware is busy at worst."""

from dataclasses import dataclass, replace

import numpy as np

from ...models.beat_data import BeatRecord
from ...signals.device_signal import DEVICE_FS_HZ
from ..emulator.emulator import EmulatedCore
from ..emulator.instructions import CLASSES
from ..wearable.scenarios import Duty, Observed, duty_of, scenario
from ..wearable.simulation import second_lengths
from ..wearable.timeline import StageProfile, StageRecorder
from .guarded import run_guarded, start_feed
from .inject import FaultySignal, inject
from .outcome import FaultOutcome, GuardedFirmware

__all__ = ["ADVERTS_PER_SECOND", "GuardedProfile", "WorstCall", "fault_duty", "guarded_profile", "worst_call"]

ADVERTS_PER_SECOND = 1
"""A device that has lost its link advertises so often to be found again (own assumption)."""

_STAGES = {"gate": 0, "check": 0, "beat_window": 2, "screen": 3, "specialist": 4}  # fields of `StageCounts`


@dataclass(frozen=True)
class GuardedProfile:
    """What the guarded firmware costs.

    Attributes
    ----------
    stages : cost of a run of each part
    per_second : int64 (n_parts,), runs in a second of those parts that no decision calls
    """

    stages: StageProfile
    per_second: np.ndarray


def guarded_profile(firmware: GuardedFirmware, record: BeatRecord, seconds: int | None = None) -> GuardedProfile:
    """What each part of the guarded firmware costs, executed on the emulated core over a recording without faults.

    Parameters
    ----------
    seconds : only of its beginning

    Raises
    ------
    MissingToolError
        the compiler or the emulator is not installed.
    """
    counts = record.signal.counts[: None if seconds is None else seconds * DEVICE_FS_HZ]
    core = firmware.core
    core.reset_profile()
    recorder = StageRecorder(core)
    run_guarded(core, inject(counts, ()), firmware.model_bytes, on_second=recorder)
    timeline = recorder.timeline()
    per_second = np.median(timeline.runs, axis=0).astype(np.int64)
    return GuardedProfile(StageProfile.of(timeline, "beat_window"), per_second)


def fault_duty(outcome: FaultOutcome, profile: GuardedProfile) -> Duty:
    """What the wearable does meanwhile: parts that run, events that are sent, the search for a link.

    Parameters
    ----------
    outcome : how often each part ran, and what was sent when
    profile : of `guarded_profile`
    """
    stages = outcome.sent.stages
    n_seconds = len(stages)
    seconds = second_lengths(outcome.signal.n_ticks, DEVICE_FS_HZ)
    sent_s = np.minimum(outcome.sent.sent_at // DEVICE_FS_HZ, n_seconds - 1)
    sent = np.bincount(sent_s, minlength=n_seconds)
    timeline = profile.stages.timeline(_runs(stages, profile))
    seen = Observed(timeline, seconds, DEVICE_FS_HZ, DEVICE_FS_HZ, 1, stages[:, 2], sent, stages[:, 4], 0)
    return _without_link(duty_of(seen, scenario("cascade")), outcome.signal.has_link)


def _runs(stages: np.ndarray, profile: GuardedProfile) -> np.ndarray:
    """Runs of each part in each second, int64 (n_seconds, n_parts)."""
    runs = np.tile(profile.per_second, (len(stages), 1))
    for part, name in enumerate(profile.stages.parts):
        if name in _STAGES:
            runs[:, part] = stages[:, _STAGES[name]]
    return runs


def _without_link(duty: Duty, has_link: np.ndarray) -> Duty:
    link = has_link[: len(duty)].astype(np.int64)
    adverts = duty.n_adverts + ADVERTS_PER_SECOND * (1 - link)
    return replace(duty, n_packets=duty.n_packets * link, n_frames=duty.n_frames * link, n_adverts=adverts)


@dataclass(frozen=True)
class WorstCall:
    """The most expensive call of the guarded firmware.

    Attributes
    ----------
    instructions : of one sample's call, whatever it decided, filled and checked
    second : in which it happened
    n_calls : calls that were measured
    """

    instructions: int
    second: float
    n_calls: int


def worst_call(core: EmulatedCore, signal: FaultySignal, n_slots: int = 64) -> WorstCall:
    """Measure every call of the guarded firmware on the emulated core, sample by sample.

    Parameters
    ----------
    core : with the firmware of a `GuardedFirmware`
    signal : short; a second of it takes a second or less to measure
    """
    feed = start_feed(core, signal, n_slots, from_urgency=0)
    core.reset_profile()
    spent = np.empty(len(signal.counts), np.int64)
    before = 0
    for i in range(len(spent)):
        link = bool(signal.has_link[min(int(signal.tick[i]) // DEVICE_FS_HZ, len(signal.has_link) - 1)])
        feed.push(signal.counts[i : i + 1], signal.tick[i : i + 1], int(link))
        total = int(core.part_counts().counts[:, : len(CLASSES)].sum())
        spent[i], before = total - before, total
    worst = int(spent.argmax())
    return WorstCall(int(spent[worst]), float(signal.tick[worst]) / DEVICE_FS_HZ, len(spent))
