"""A recording on the emulated wearable that decides strips of rhythm: what it says, what that costs, who agrees.

The whole firmware runs on the core: filter, QRS detector, gate, wave, features, screen, specialist. Every strip is
compared with the integer reference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..compression.compact import CompactModel
from ..signals.device_signal import DEVICE_FS_HZ
from ..signals.recording import Recording
from .device_run import start_device
from .devices import Device
from .rhythm_run import RHYTHM_REGIONS, STRIP_BLOCKS, RhythmRun, expected_strips, run_strips
from .simulate import Simulation, build_core, device_counts, wearable_of

__all__ = ["RhythmSimulation", "first_strip_difference", "simulate_strips"]


@dataclass(frozen=True)
class RhythmSimulation(Simulation[RhythmRun]):
    """A recording that was run on the emulated core, strip by strip; see `Simulation`."""

    @property
    def unit(self) -> str:
        """What is decided, in a word."""
        return "strip"

    @property
    def packets(self) -> tuple[int, int]:
        """Events sent and packets that carry them."""
        n_sent = int((self.run.events.label > 0).sum())
        return n_sent, n_sent

    @property
    def sent(self) -> str:
        """What is sent, in words."""
        return "An event is sent for every strip of 32 s that is not normal, each in its packet; nothing else is."


def simulate_strips(
    model: CompactModel,
    recording: Recording,
    device: str | Device | None = None,
    seconds: float | None = None,
    progress: Callable[[int], object] | None = None,
) -> RhythmSimulation:
    """Build the firmware for a model of rhythm, run a recording on the emulated Cortex-M4 and compare every strip.

    Parameters
    ----------
    model, recording, device, seconds, progress : as for `simulate`

    Raises
    ------
    InputError
        an unknown device, less signal than a strip and its decision take, or a recording that `to_device` refuses
    MissingToolError
        the extra ``ictus[wearable]`` is not installed
    RuntimeRefusedError
        the model does not take the inputs that the firmware makes
    """
    wearable = wearable_of(device)
    lead, counts = device_counts(recording, seconds, STRIP_BLOCKS + 1.6)
    with TemporaryDirectory(prefix="ictus-") as folder:
        image, core = build_core(model, Path(folder), RHYTHM_REGIONS)
        start_device(core)
        run = run_strips(core, model, counts, progress)
    difference = first_strip_difference(run, expected_strips(model, counts))
    what = recording.name, lead, len(counts)
    return RhythmSimulation(*what, run, difference, core.profile(), image, wearable)


def first_strip_difference(found: RhythmRun, expected: RhythmRun) -> str | None:
    """What differs first, in words; None if nothing does."""
    mine, theirs = found.events, expected.events
    if len(mine) != len(theirs):
        return f"{len(mine)} strips on the device, {len(theirs)} in the reference"
    for number in range(len(mine)):
        if not mine.row(number).equals(theirs.row(number)):
            at_s = int(theirs.first_block[number]) * 128 / DEVICE_FS_HZ
            classes = f"class {mine.label[number]} on the device, {theirs.label[number]} in the reference"
            return f"strip at {at_s:g} s: {classes}"
    return None if found.counts == expected.counts else f"{found.counts} on the device, {expected.counts} expected"
