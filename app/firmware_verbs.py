"""The verbs that need the device side: export and simulate."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..compression import CompactModel, to_bytes
from ..firmware_export import GoldenVectors, call_witnesses, export_c, simulate_strips, strip_inputs, write_tflite
from ..firmware_export import simulate as simulate_beats
from ..models import prepare_record
from ..models.beat_data import BeatRecord
from ..models.train import Progress
from ..signals import (
    DEVICE_FS_HZ,
    InputError,
    LocalDataset,
    Recording,
    find_dataset,
    gate_features,
    load,
    to_device,
)
from .model_files import LoadedModel, load_model, task_of
from .output import require_writable, write_bytes
from .seizure_firmware import golden_eeg, simulate_eeg

__all__ = ["N_GOLDEN", "compact_of", "emulation_progress", "export", "golden_vectors", "simulate", "witness_json"]

FORMATS = ("c", "tflite")
TARGETS = ("cortex-m4",)
N_GOLDEN = 32
N_GOLDEN_STRIPS = 4


def compact_of(loaded: LoadedModel) -> CompactModel:
    """The compact model, or an `InputError` that says how to get one."""
    if isinstance(loaded.model, CompactModel):
        return loaded.model
    raise InputError(f"{loaded.path}: a float model; `ictus compress {loaded.path}` makes a compact one")


def export(
    model: str | Path | None, format_name: str, target: str | None = None, out: str | Path = "firmware"
) -> dict[str, Any]:
    """Write C99 files or .tflite files of a compact model into a folder.

    Raises
    ------
    InputError
        an unknown format or target, a float model, or a folder that cannot be written
    """
    if format_name not in FORMATS:
        raise InputError(f"format {format_name!r} is not known; known: {', '.join(FORMATS)}")
    if target is not None and target not in TARGETS:
        raise InputError(f"target {target!r} is not known; known: {', '.join(TARGETS)}")
    compact = compact_of(load_model(model, _task_of(model)))
    folder = require_writable(out)
    if format_name == "c":
        files = export_c(compact, folder, _golden_of(compact.task))
        write_bytes(folder / f"{compact.task}.ictus", to_bytes(compact))
    else:
        files = list(write_tflite(compact, folder))
    return {"format": format_name, "target": target or TARGETS[0], "files": sorted(p.name for p in files)}


def _task_of(model: str | Path | None) -> str:
    return "beat" if model is None else task_of(model)


def _golden_of(task: str) -> GoldenVectors:
    """Real inputs of a task's networks."""
    if task == "seizure":
        return golden_eeg(N_GOLDEN)
    return golden_vectors(sample_record(), N_GOLDEN) if task == "beat" else golden_strips(N_GOLDEN_STRIPS)


def sample_record() -> BeatRecord:
    """The built-in recording from which golden vectors are cut: it has beats of several classes."""
    found: LocalDataset = find_dataset()
    return prepare_record(load(found.path("200" if "200" in found.records else found.records[0])))


def golden_vectors(record: BeatRecord, n: int) -> GoldenVectors:
    """Network inputs of `n` beats of a recording, evenly spread."""
    n = min(n, len(record.beats))
    rows = np.arange(n) * len(record.beats) // n
    beats = record.beats.take(rows)
    return GoldenVectors(record.features[beats.block], beats.window, beats.context)


def golden_strips(n: int) -> GoldenVectors:
    """Network inputs of the first strips of the built-in recording with atrial fibrillation."""
    counts = to_device(load(find_dataset().path("201"))).counts
    strips = strip_inputs(counts)
    n = min(n, len(strips))
    return GoldenVectors(gate_features(counts)[:n], strips.wave[:n, :, None], strips.features[:n])


def witness_json(model: CompactModel, golden: GoldenVectors) -> dict[str, Any]:
    """Which other forms of the model give the same bytes as the integer reference."""
    rows = [
        {"name": w.name, "n_windows": w.n_units, "agrees": w.agrees, "n_different": w.n_different}
        for w in call_witnesses(model, golden)
    ]
    return {"n_windows": len(golden), "rows": rows}


def simulate(
    model: str | Path | None,
    record: str | Path,
    device: str | None = None,
    scenario: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run a recording on the emulated wearable; the JSON contract of the command line."""
    if scenario not in (None, "cascade"):
        raise InputError(f"scenario {scenario!r} is not known; known: cascade")
    compact = compact_of(load_model(model, _task_of(model)))
    if compact.task == "seizure":
        return simulate_eeg(compact, record, device, progress)
    recording = load(record)
    simulate_device = simulate_beats if compact.task == "beat" else simulate_strips
    return simulate_device(compact, recording, device, progress=emulation_progress(recording, progress)).as_dict()


def emulation_progress(recording: Recording, progress: Progress | None) -> Callable[[int], object]:
    """A callable for `firmware_export.simulate` that counts seconds of signal."""
    done_s, total_s = 0, math.ceil(recording.duration_s)

    def count(n_samples: int) -> None:
        nonlocal done_s
        done_s += math.ceil(n_samples / DEVICE_FS_HZ)
        if progress:
            progress("emulate", done_s, total_s, "s of signal")

    return count
