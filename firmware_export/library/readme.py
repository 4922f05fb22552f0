"""The read-me of an exported folder: where to begin, and what the library costs."""

from dataclasses import dataclass

from ...compression.compact import CompactModel
from ..emulator.footprint import Footprint
from ..emulator.worst_case import WorstCase
from ..targets import Target
from ..toolchain import FirmwareImage
from .model_sources import accumulator_bound

__all__ = ["Costs", "readme"]


@dataclass(frozen=True)
class Costs:
    """What a library takes.

    Attributes
    ----------
    target : that it was exported for
    image : the whole program, linked for the target
    footprint : of the networks, run on `emulated`
    worst : of a recording, run on `emulated`; None if none was
    emulated : the core that was emulated; figures of another than the target are estimates
    """

    target: Target
    image: FirmwareImage
    footprint: Footprint
    worst: WorstCase | None
    emulated: Target


def readme(model: CompactModel, costs: Costs | None) -> str:
    """``README.md`` in Markdown; without costs it says why there are none."""
    table = "Not measured: the toolchain is not installed (pip install 'ictus[wearable]')."
    if costs is not None:
        table = _figures(costs)
    return f"""\
# ictus, task `{model.task}`: C99 library and model

Research use only. `make test` runs the golden vectors through the library on this computer.

Compile the files of `src/` into your firmware (`CMakeLists.txt`, `zephyr/` and `library.properties` do it for you)
and begin with `examples/ten_lines/main.c`. Then read {_front_door(model)}.
`ictus_model.h` runs the networks alone. Nothing is allocated; `<stdint.h>` and `<stddef.h>` are the only
other headers. Every accumulator stays within +-{accumulator_bound(model):,} of an int32.

{table}
"""


def _front_door(model: CompactModel) -> str:
    """Where to read on for what the task's device takes and gives."""
    if model.task == "seizure":
        return "`ictus_seizure.h`: samples of every channel in, a decision a\nsecond out"
    strips = "; then `ictus_rhythm.h` for\nstrips, and `ictus_stream.h` for strips of any length"
    alarm = "; `ictus_alarm.h`\nadds an alarm of ventricular fibrillation, whose model is in `ictus_alarm_data.h`"
    return f"`ictus.h`: samples in, events out{strips if model.has_stream else ''}{alarm}"


def _figures(costs: Costs) -> str:
    run = "measured" if costs.emulated == costs.target else f"estimated: of a {costs.emulated.core} build"
    image, networks = costs.image, costs.footprint
    rows = [
        ("flash, whole program", f"{image.flash_bytes:,} bytes", "measured"),
        ("of which the model", f"{image.model_bytes:,} bytes", "measured"),
        ("static RAM, arena included", f"{image.ram_bytes:,} bytes", "measured"),
        ("stack of a stage", f"{networks.stack_bytes:,} bytes", run),
    ]
    rows += [(f"instructions, {name}, mean", f"{n:,.0f}", run) for name, n in networks.stage_instructions.items()]
    rows += [(name, f"{n:,}", run) for name, n in _worst_rows(costs.worst)]
    body = "".join(f"| {name} | {value} | {how} |\n" for name, value, how in rows)
    return f"""\
{costs.target.core}, {image.compiler} {networks.flags}; stages are means of {networks.n_units} golden vectors on an
emulated core{_worst_words(costs.worst)}:

| | | |
|---|---|---|
{body}"""


def _worst_rows(worst: WorstCase | None) -> list[tuple[str, int]]:
    if worst is None:
        return []
    rows = [
        ("instructions, a sample, median", worst.median_sample),
        ("instructions, a sample, most", worst.worst_sample),
    ]
    return rows + ([] if worst.worst_beat is None else [("instructions, a beat, most", worst.worst_beat)])


def _worst_words(worst: WorstCase | None) -> str:
    if worst is None:
        return ""
    return (
        f", samples {worst.n_samples:,} real ones: the most of them is a maximum that was measured,\nnot a bound"
    )
