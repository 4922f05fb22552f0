"""``ictus simulate`` with ``--fault`` and ``--out``: the same run, broken, priced otherwise, and as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...compression import CompactModel
from ...firmware_export.faults import parse_fault
from ...firmware_export.faults.kinds import check_within
from ...firmware_export.wearable.simulate import BeatSimulation
from ...models import BeatRecord, decide, prepare_record
from ...models.train import Progress
from ...signals import DEVICE_FS_HZ, InputError, load
from ..model_files import load_model, task_of
from ..output import require_writable, write_json, write_text
from ..report.energy_strip import energy_groups, energy_json
from ..report.strip import strip_json
from .facts import accelerator_rows, battery_rows, device_rows, fault_rows, harvest_rows, level_rows
from .firmware import compact_of
from .page import wearable_page
from .scenarios import scenario_rows
from .simulate import SimulateOptions, simulated

__all__ = ["DEFAULT_SLOTS", "simulate_report", "simulate_wearable", "write_report"]

DEFAULT_SLOTS = 64
"""Events that the queue in front of the radio holds, unless asked otherwise."""

_STEPS = 240


def simulate_wearable(
    model: str | Path | None,
    record: str | Path,
    options: SimulateOptions,
    faults: Sequence[str],
    n_slots: int = DEFAULT_SLOTS,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Simulate, break and report.

    Parameters
    ----------
    faults : as they are written on the command line, see `parse_fault`; may be none
    n_slots : events that the queue in front of the radio holds
    out : folder for ``report.html`` and ``report.json``; None writes nothing

    Raises
    ------
    InputError
        another task than beats, a fault that cannot be, or as `simulated`
    """
    if model is not None and task_of(model) != "beat":
        raise InputError(f"faults and the report serve the task beat, not {task_of(model)}")
    folder = None if out is None else require_writable(out)
    parsed = [parse_fault(text) for text in faults]
    recording = load(record)
    limit_s = min(recording.duration_s, options.seconds or recording.duration_s)
    check_within(parsed, limit_s)
    compact = compact_of(load_model(model, "beat"))
    run = _as_beats(simulated(model, record, options, progress))
    beats = _beginning(prepare_record(recording), run.n_samples)
    result = run.as_dict()
    if parsed:
        result["faults"] = fault_rows(compact, beats, run.device, parsed, n_slots, progress)
    if folder is not None:
        other = replace(options, scenario="always-on" if run.scenario.is_cascade else "cascade")
        always = _as_beats(simulated(model, record, other, progress))
        runs = (run, always) if run.scenario.is_cascade else (always, run)
        result["scenarios"] = scenario_rows("beat", *runs, recording)
        result |= simulate_report(compact, beats, runs[0])
        write_report(folder, result)
    return result


def _as_beats(run: object) -> BeatSimulation:
    assert isinstance(run, BeatSimulation), "the task is beat"
    return run


def _beginning(record: BeatRecord, n_samples: int) -> BeatRecord:
    """A record without what was not simulated."""
    if n_samples >= len(record.signal.counts):
        return record
    wanted = record.beats.peak < n_samples
    reference = record.reference_peak < n_samples
    return replace(
        record,
        signal=replace(record.signal, counts=record.signal.counts[:n_samples]),
        beats=record.beats.take(wanted),
        features=record.features[: n_samples // DEVICE_FS_HZ],
        matched=np.where(record.matched[wanted] < reference.sum(), record.matched[wanted], -1),
        reference_peak=record.reference_peak[reference],
        reference_label=record.reference_label[reference],
    )


def simulate_report(model: CompactModel, record: BeatRecord, run: BeatSimulation) -> dict[str, Any]:
    """What the page shows beside the simulation itself.

    Parameters
    ----------
    record : of the recording that was run
    run : with the cascade
    """
    duty, energy = run.duty("cascade"), run.energy_timeline(name="cascade")
    decisions = decide(model, record)
    strip = strip_json(record, decisions)
    strip["energy"] = energy_json(energy, int(strip["start_s"]), len(strip["mv"]) // DEVICE_FS_HZ)
    counts, n = run.run.counts, max(run.n_units, 1)
    shares = {"gate": counts.blocks / n, "screen": counts.screened / n, "specialist": counts.specialist / n}
    return {
        "strip": strip,
        "over_time": {
            "uj": energy_groups(energy),
            "rejected": ~decisions.accepted[: len(energy)],
            "seconds_per_step": max(len(energy) // _STEPS, 1),
        },
        "power_uw": {name: (part * (1 / energy.duration_s)).as_dict() for name, part in energy.by_group.items()},
        "devices": device_rows(duty, run),
        "levels": level_rows(duty, run.device),
        "batteries": battery_rows(energy),
        "harvest": harvest_rows(model, record, energy),
        "accelerator": accelerator_rows(model, record, shares),
    }


def write_report(folder: Path, result: Mapping[str, Any]) -> Path:
    """Write ``report.html`` and ``report.json``; the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "report.json", result)
    return write_text(folder / "report.html", wearable_page(result))
