"""``ictus export`` and what goes with it: golden vectors and witnesses."""

from pathlib import Path
from typing import Any

import numpy as np

from ...compression import CompactModel, to_bytes
from ...firmware_export import GoldenVectors, call_witnesses, export_c, strip_inputs, write_tflite
from ...firmware_export.targets import get_target
from ...firmware_export.update_file import write_update
from ...models import prepare_record
from ...models.beat_data import BeatRecord
from ...signals import SAMPLE_FOLDER, InputError, LocalDataset, find_dataset, gate_features, load, to_device
from ..model_files import LoadedModel, load_model, task_of
from ..output import require_writable, write_bytes
from .seizure_firmware import golden_clip, golden_eeg

__all__ = ["N_GOLDEN", "compact_of", "export", "golden_of", "golden_vectors", "witness_json"]

FORMATS = ("c", "tflite")
N_GOLDEN = 32
N_GOLDEN_STRIPS = 4
_WORST_S = {"beat": 30, "rhythm": 34}
"""Seconds of signal whose most costly samples the read-me states; a strip takes 32."""


def compact_of(loaded: LoadedModel) -> CompactModel:
    """The compact model, or an `InputError` that says how to get one."""
    if isinstance(loaded.model, CompactModel):
        return loaded.model
    raise InputError(f"{loaded.path}: a float model; `ictus compress {loaded.path}` makes a compact one")


def export(
    model: str | Path | None,
    format_name: str,
    target: str | None = None,
    out: str | Path = "firmware",
    form: str = "packed",
    max_flash: int | None = None,
) -> dict[str, Any]:
    """Write C99 files or .tflite files of a compact model into a folder.

    Parameters
    ----------
    target, form, max_flash : of the C files, as in `export_c`

    Raises
    ------
    InputError
        an unknown format, target or form, a float model, too little flash, or a folder that cannot be written
    """
    if format_name not in FORMATS:
        raise InputError(f"format {format_name!r} is not known; known: {', '.join(FORMATS)}")
    core = get_target(target).name
    compact = compact_of(load_model(model, _task_of(model)))
    folder = require_writable(out)
    if format_name == "c":
        golden = golden_of(compact.task)
        counts = _samples_of(compact.task)
        files = export_c(compact, folder, golden, target=core, form=form, max_flash=max_flash, counts=counts)
        write_bytes(folder / f"{compact.task}.ictus", to_bytes(compact))
        for suffix in ("ictz", "h"):
            write_update(compact, folder / f"{compact.task}_update.{suffix}")
    else:
        files = list(write_tflite(compact, folder, with_arrays=True))
    return {
        "format": format_name,
        "target": core,
        "files": sorted(p.relative_to(folder).as_posix() for p in files),
    }


def _task_of(model: str | Path | None) -> str:
    return "beat" if model is None else task_of(model)


def golden_of(task: str) -> GoldenVectors:
    """Real inputs of a task's networks."""
    if task == "seizure":
        return golden_eeg(N_GOLDEN)
    return golden_vectors(sample_record(), N_GOLDEN) if task == "beat" else golden_strips(N_GOLDEN_STRIPS)


def _samples_of(task: str) -> np.ndarray:
    """The beginning of a built-in recording, as the device is given it; for EEG of one channel."""
    if task == "seizure":
        return golden_clip()[:, :1]
    seconds = _WORST_S[task]
    return to_device(load(SAMPLE_FOLDER / "mitdb" / ("200" if task == "beat" else "201"))).counts[: 128 * seconds]


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
