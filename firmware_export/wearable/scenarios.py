"""Ways to use the same wearable: what runs on it, what it sends, and how late the answer is.

A scenario turns what one recording made the firmware do (`Observed`) into a duty (`Duty`): parts that ran,
samples, wake-ups and radio traffic of every second. Nothing here costs anything yet; see `energy_timeline`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...signals.errors import InputError
from ..energy.ranges import Range
from ..energy.system import ACQUISITION_CYCLES, EVENT_BYTES
from .timeline import StageTimeline

__all__ = [
    "BLOCK_FETCH_CYCLES",
    "SCENARIOS",
    "Duty",
    "Observed",
    "Scenario",
    "duty_of",
    "scenario",
    "scenarios_of",
]

BLOCK_FETCH_CYCLES = Range(5, 20, 60)
"""Cycles of one sample of a block by DMA: only the interrupt at its end; a copy besides; both unoptimised."""

FIFO_SAMPLES = 32
"""Samples of a block: what the first-in-first-out memory of a front end such as MAX30003 holds."""

FRAME_BYTES = 244
"""Of a packet's data, with the longest packets of Bluetooth 4.2 and later."""

LINK_S = 4
"""A silent device answers every fourth second to keep its connection (peripheral latency)."""

STREAM_PER_S = 2
"""Connection events in a second of a device that streams."""

SYNC_S = 600
"""Store and forward: a connection is opened so often."""

_SYNC_ADVERTS, _SYNC_EVENTS = 3, 8  # until a phone that listens has answered and the connection is encrypted
_RAW_BYTES = 2


@dataclass(frozen=True)
class Scenario:
    """A way to use the wearable.

    Attributes
    ----------
    name : key of `SCENARIOS`
    title : what it is
    sent : what goes over the radio, in words
    latency : when the answer is there, in words; it comes on top of what the decision itself takes
    tasks : for which it makes sense
    is_cascade : False where the firmware decides every unit by its specialist
    in_blocks : whether the core sleeps between blocks of samples instead of single ones
    """

    name: str
    title: str
    sent: str
    latency: str
    tasks: tuple[str, ...] = ("beat", "rhythm", "seizure")
    is_cascade: bool = True
    in_blocks: bool = False


_EVENTS = "An event is sent for every unit that is not normal, those of one second in one packet; nothing else is."
_AT_ONCE = "at the next connection event, within a second"

SCENARIOS = {
    found.name: found
    for found in (
        Scenario("always-on", "the specialist decides every unit, no gate and no screen", _EVENTS, _AT_ONCE,
                 is_cascade=False),
        Scenario("cascade", "gate, screen, specialist on the device", _EVENTS, _AT_ONCE),
        Scenario("block", f"the cascade, awake once for {FIFO_SAMPLES} samples", _EVENTS,
                 "as the cascade, and up to a quarter of a second more", in_blocks=True),
        Scenario("store", f"the cascade in blocks, connected once in {SYNC_S // 60} minutes",
                 "All events that are not normal are kept and sent when a connection is opened.",
                 f"up to {SYNC_S // 60} minutes", in_blocks=True),
        Scenario("phone", "gate and screen on the device, the specialist on the phone",
                 "What the specialist needs is sent for every unit that the screen passes on.",
                 "within a second, and the phone's time", tasks=("beat", "rhythm")),
        Scenario("raw-128", "everything is streamed at the device's own rate, nothing is decided on it",
                 f"Every sample at 128 Hz is sent, {_RAW_BYTES} bytes each.",
                 f"{1 / STREAM_PER_S:g} s, and the phone's time", tasks=("beat", "rhythm"), in_blocks=True),
        Scenario("raw", "everything is streamed as it was recorded, nothing is decided on the device",
                 f"Every sample of the recording's own rate is sent, {_RAW_BYTES} bytes each.",
                 f"{1 / STREAM_PER_S:g} s, and the phone's time", in_blocks=True),
    )
}  # fmt: skip
"""By name."""


def scenario(name: str) -> Scenario:
    """The scenario of a name; `InputError` lists the names."""
    if name not in SCENARIOS:
        raise InputError(f"scenario {name!r} is not known; known: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def scenarios_of(task: str) -> tuple[Scenario, ...]:
    """Those that make sense for a task."""
    return tuple(found for found in SCENARIOS.values() if task in found.tasks)


@dataclass(frozen=True)
class Observed:
    """What a recording made the firmware do, second by second; the last second may be shorter.

    Attributes
    ----------
    timeline : parts that ran
    seconds : float64 (n_seconds,), their lengths
    fs_hz : samples a second that the firmware takes
    own_fs_hz : rate of the recording
    n_channels : samples of an instant
    units : int64 (n_seconds,), decisions
    abnormal : int64 (n_seconds,), decisions that are sent
    passed : int64 (n_seconds,), units that the screen passed on
    passed_bytes : what the specialist needs for one of these
    """

    timeline: StageTimeline
    seconds: np.ndarray
    fs_hz: float
    own_fs_hz: float
    n_channels: int
    units: np.ndarray
    abnormal: np.ndarray
    passed: np.ndarray
    passed_bytes: int


@dataclass(frozen=True)
class Duty:
    """What a wearable does under a scenario, second by second; arrays are (n_seconds,).

    Attributes
    ----------
    scenario : which one
    timeline : parts of the firmware that run
    seconds : their lengths
    n_samples : taken from the front end
    fetch_cycles : of one sample
    wakes : wake-ups of the core
    n_bytes, n_packets, n_frames, n_adverts : of the radio, see `energy.system.Traffic`
    n_units : decisions in all
    """

    scenario: Scenario
    timeline: StageTimeline
    seconds: np.ndarray
    n_samples: np.ndarray
    fetch_cycles: Range
    wakes: np.ndarray
    n_bytes: np.ndarray
    n_packets: np.ndarray
    n_frames: np.ndarray
    n_adverts: np.ndarray
    n_units: int

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def duration_s(self) -> float:
        return float(self.seconds.sum())


def duty_of(seen: Observed, chosen: Scenario) -> Duty:
    """What the wearable does.

    Parameters
    ----------
    seen : of the firmware that `chosen` needs, with its cascade or without
    """
    n_seconds = len(seen.seconds)
    fs_hz = seen.own_fs_hz if chosen.name == "raw" else seen.fs_hz
    instants = np.diff(np.round(np.cumsum(np.append(0.0, seen.seconds)) * fs_hz)).astype(np.int64)
    none = np.zeros(n_seconds, np.int64)
    duty = Duty(
        chosen,
        _PARTS.get(chosen.name, _whole)(seen.timeline),
        seen.seconds,
        instants * seen.n_channels,
        BLOCK_FETCH_CYCLES if chosen.in_blocks else ACQUISITION_CYCLES,
        -(-instants // FIFO_SAMPLES) if chosen.in_blocks else instants,
        none,
        none,
        none,
        none,
        int(seen.units.sum()),
    )
    return _TRAFFIC[chosen.name](duty, seen)


def _whole(timeline: StageTimeline) -> StageTimeline:
    return timeline


def _nothing(timeline: StageTimeline) -> StageTimeline:
    return timeline.without(*timeline.parts)


_PARTS: dict[str, Callable[[StageTimeline], StageTimeline]] = {
    "always-on": lambda timeline: timeline.without("gate_features", "gate"),
    "phone": lambda timeline: timeline.without("specialist"),
    "raw": _nothing,
    "raw-128": _nothing,
}
"""What runs of a firmware; of the others everything."""


def _send(duty: Duty, n_bytes: np.ndarray) -> Duty:
    """What there is to send in a second goes in one connection event; a silent connection is kept."""
    packets, silent = (n_bytes > 0).astype(np.int64), 0
    for second, is_sent in enumerate(packets.tolist()):
        silent = 0 if is_sent else silent + 1
        if silent == LINK_S:
            packets[second], silent = 1, 0
    return replace(duty, n_bytes=n_bytes, n_packets=packets, n_frames=_further(n_bytes))


def _further(n_bytes: np.ndarray) -> np.ndarray:
    """Packets beyond the first of one connection event."""
    return np.maximum(-(-n_bytes // FRAME_BYTES) - 1, 0)


def _send_events(duty: Duty, seen: Observed) -> Duty:
    return _send(duty, EVENT_BYTES * seen.abnormal)


def _send_inputs(duty: Duty, seen: Observed) -> Duty:
    return _send(duty, seen.passed_bytes * seen.passed)


def _store(duty: Duty, seen: Observed) -> Duty:
    """Everything since the last connection is sent in the second that opens the next one, or in the last."""
    opened = np.zeros(len(duty), np.int64)
    opened[SYNC_S - 1 :: SYNC_S] = 1
    opened[-1] = 1
    kept = np.cumsum(EVENT_BYTES * seen.abnormal)
    n_bytes = np.zeros(len(duty), np.int64)
    n_bytes[opened > 0] = np.diff(kept[opened > 0], prepend=0)
    frames, adverts = _further(n_bytes), _SYNC_ADVERTS * opened
    return replace(duty, n_bytes=n_bytes, n_packets=_SYNC_EVENTS * opened, n_frames=frames, n_adverts=adverts)


def _stream(duty: Duty, _: Observed) -> Duty:
    n_bytes = _RAW_BYTES * duty.n_samples
    events = np.full(len(duty), STREAM_PER_S, np.int64)
    return replace(duty, n_bytes=n_bytes, n_packets=events, n_frames=events * _further(n_bytes // STREAM_PER_S))


_TRAFFIC: dict[str, Callable[[Duty, Observed], Duty]] = {
    "always-on": _send_events,
    "cascade": _send_events,
    "block": _send_events,
    "store": _store,
    "phone": _send_inputs,
    "raw": _stream,
    "raw-128": _stream,
}
