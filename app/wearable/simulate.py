"""``ictus simulate``: a recording on the emulated wearable, under one scenario or all."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...firmware_export import simulate as simulate_beats
from ...firmware_export import simulate_strips
from ...firmware_export.wearable.fast_run import FAST_FROM_S, simulate_fast
from ...firmware_export.wearable.scenarios import scenario as scenario_named
from ...firmware_export.wearable.scenarios import scenarios_of
from ...firmware_export.wearable.simulation import Simulation
from ...models.train import Progress
from ...signals import DEVICE_FS_HZ, InputError, Recording, load
from ..model_files import load_model, task_of
from .firmware import compact_of
from .scenarios import scenario_rows
from .seizure_firmware import simulate_eeg

__all__ = ["SimulateOptions", "emulation_progress", "simulate", "simulated"]


@dataclass(frozen=True)
class SimulateOptions:
    """How to simulate.

    Attributes
    ----------
    device : name of a microcontroller; None takes the device table's own
    scenario : name of a scenario; None is the cascade
    is_fast : whether only the beginning is executed; None leaves it to the length of the recording
    seconds : only the beginning of the recording
    form, max_flash : of the networks' code, as for `ictus export`
    """

    device: str | None = None
    scenario: str | None = None
    is_fast: bool | None = None
    seconds: float | None = None
    form: str = "packed"
    max_flash: int | None = None


def simulate(
    model: str | Path | None,
    record: str | Path,
    device: str | None = None,
    scenario: str | None = None,
    progress: Progress | None = None,
    *,
    all_scenarios: bool = False,
    options: SimulateOptions | None = None,
) -> dict[str, Any]:
    """Run a recording on the emulated wearable; the JSON contract of the command line.

    Parameters
    ----------
    device, scenario : take the place of those in `options` where they are given
    all_scenarios : compare all that make sense for the task, under ``scenarios``

    Raises
    ------
    InputError
        as `simulated`
    """
    how = options or SimulateOptions()
    how = replace(how, device=device or how.device, scenario=scenario or how.scenario)
    run = simulated(model, record, how, progress)
    if not all_scenarios:
        return run.as_dict()
    other = replace(how, scenario="always-on" if run.scenario.is_cascade else "cascade")
    runs = {one.scenario.is_cascade: one for one in (run, simulated(model, record, other, progress))}
    task = _task_of(model)
    recording = load(record) if task == "beat" else None
    return {**run.as_dict(), "scenarios": scenario_rows(task, runs[True], runs[False], recording)}


def simulated(
    model: str | Path | None,
    record: str | Path,
    options: SimulateOptions | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Run a recording on the emulated wearable.

    Raises
    ------
    InputError
        an unknown device or scenario, one that makes no sense for the task, a fast run of another task than beats,
        a float model, or a recording that cannot be simulated
    """
    how, task = options or SimulateOptions(), _task_of(model)
    chosen = scenario_named(how.scenario or "cascade")
    if chosen not in scenarios_of(task):
        names = ", ".join(found.name for found in scenarios_of(task))
        raise InputError(f"scenario {chosen.name!r} makes no sense for {task}; known: {names}")
    if how.is_fast and task != "beat":
        raise InputError(f"a fast run serves the task beat, not {task}")
    compact, given = (
        compact_of(load_model(model, task)),
        {"use": chosen, "form": how.form, "max_flash": how.max_flash},
    )
    if task == "seizure":
        return simulate_eeg(compact, record, how.device, how.seconds, progress, **given)
    recording = load(record)
    run = _runner(task, recording, how)
    done = emulation_progress(recording, progress)
    return run(compact, recording, how.device, how.seconds, done, **given)


def _runner(task: str, recording: Recording, how: SimulateOptions) -> Callable[..., Simulation]:
    if task != "beat":
        return simulate_strips
    length_s = min(recording.duration_s, how.seconds or math.inf)
    is_fast = length_s > FAST_FROM_S if how.is_fast is None else how.is_fast
    return simulate_fast if is_fast else simulate_beats


def _task_of(model: str | Path | None) -> str:
    return "beat" if model is None else task_of(model)


def emulation_progress(recording: Recording, progress: Progress | None) -> Callable[[int], object]:
    """A callable for `firmware_export.simulate` that counts seconds of signal."""
    done_s, total_s = 0, math.ceil(recording.duration_s)

    def count(n_samples: int) -> None:
        nonlocal done_s
        done_s += math.ceil(n_samples / DEVICE_FS_HZ)
        if progress:
            progress("emulate", done_s, total_s, "s of signal")

    return count
