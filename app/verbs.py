"""The public verbs: what the command line calls, and what a notebook may call instead.

Each returns plain dictionaries in the shape of the command line's JSON contract, or the objects themselves where
there is no contract.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..compression import CompactModel, Recipe, byte_count, compress_beat, load_compact, to_bytes
from ..compression.model_file import MAGIC
from ..models import FloatFile, FloatModel, Protocol, StagedModel, float_to_bytes, load_float, train_beats
from ..models.beat_data import BeatRecord, prepare_records
from ..models.evaluate import BeatEvaluation, evaluate_beats
from ..models.protocol import make_protocol, noise_sources
from ..models.train import Progress
from ..signals import DATASETS, CorruptModelError, InputError, LocalDataset, find_dataset
from .output import write_bytes, write_json

__all__ = [
    "ZOO",
    "LoadedModel",
    "compress",
    "describe",
    "evaluate",
    "load_model",
    "prepare_dataset",
    "quality",
    "train",
]

ZOO = Path(__file__).resolve().parent.parent / "models" / "zoo"
SPLITS = ("inter", "intra", "external")
RECIPES = {"default": Recipe(), "small": Recipe(sparsity=0.95), "quick": Recipe(prune_epochs=6, tune_epochs=6)}

OnRecord = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class LoadedModel:
    """A model and where it came from.

    Attributes
    ----------
    path : the file
    task : task name
    model : anything that can decide
    provenance : how it was trained; empty if nobody wrote it down
    n_bytes : size on the device for a compact model, float32 bytes otherwise
    """

    path: Path
    task: str
    model: CompactModel | FloatModel
    provenance: dict[str, Any]
    n_bytes: int


def load_model(path: str | Path | None = None, task: str = "beat") -> LoadedModel:
    """Load a float or a compact model; None means the zoo's compact model of the task.

    Raises
    ------
    InputError
        the file is missing, damaged, of another version or for another task.
    """
    _check_task(task)
    found = ZOO / f"{task}.ictus" if path is None else Path(path)
    if not found.is_file():
        raise InputError(f"{found}: no such model file")
    with found.open("rb") as opened:
        is_compact = opened.read(len(MAGIC)) == MAGIC
    loaded = _load_compact(found) if is_compact else _load_float(found)
    if loaded.task != task:
        raise CorruptModelError(f"{found}: a model of task {loaded.task!r}, expected {task!r}")
    return loaded


def _load_compact(path: Path) -> LoadedModel:
    model = load_compact(path)
    return LoadedModel(path, model.task, model, _read_card(path), byte_count(model).total)


def _load_float(path: Path) -> LoadedModel:
    file = load_float(path)
    return LoadedModel(path, file.task, file.model, file.provenance, file.model.net.n_float_bytes())


def _card_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _read_card(path: Path) -> dict[str, Any]:
    import json

    card = _card_path(path)
    return json.loads(card.read_text(encoding="utf-8")).get("provenance", {}) if card.is_file() else {}


def _check_task(task: str) -> None:
    if task != "beat":
        raise InputError(f"task {task!r} is not known; known: beat")


def prepare_dataset(
    data: str | Path | None, peaks: str = "detected", progress: Progress | None = None
) -> tuple[LocalDataset, list[BeatRecord]]:
    """Find a data set of beats and run the front end over all its recordings."""
    found = find_dataset(data)
    return found, prepare_all(found, found.records, peaks, progress)


def prepare_all(
    found: LocalDataset, records: Sequence[str], peaks: str, progress: Progress | None = None
) -> list[BeatRecord]:
    """Run the front end over some recordings of a data set."""
    done = 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(f"prepare, {peaks} peaks", done, len(records), name)

    return prepare_records([found.path(r) for r in records], peaks, on_done=count)


def train(
    task: str,
    data: str | Path | None = None,
    split: str = "inter",
    out: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[FloatFile, dict[str, Any]]:
    """Train the float network on the training side of a split; writes `out` if given.

    Returns
    -------
    the trained model with its provenance, and its evaluation on the test side
    """
    _check_task(task)
    found, records = prepare_dataset(data, "detected", progress)
    protocol = seeded(make_protocol(split, records, seed), seed)
    file = train_protocol(protocol, found, progress)
    if out is not None:
        write_bytes(Path(out), float_to_bytes(file))
    result = contract(protocol.evaluate(file.model), found, protocol.name, file.model.net.n_float_bytes())
    return file, result | {"provenance": file.provenance}


def seeded(protocol: Protocol, seed: int) -> Protocol:
    """The same protocol, trained from another seed."""
    config = protocol.config
    beats, gate = replace(config.beats, seed=seed), replace(config.gate, seed=seed)
    return replace(protocol, config=replace(config, beats=beats, gate=gate))


def train_protocol(protocol: Protocol, found: LocalDataset, progress: Progress | None = None) -> FloatFile:
    """Train under a protocol and note the provenance."""
    model = train_beats(protocol.training_set(noise_sources()), protocol.config, progress)
    provenance = {
        "dataset": found.name,
        "is_sample": found.is_sample,
        "split": protocol.key,
        "split_sha256": protocol.sha256,
        "seed": protocol.config.beats.seed,
        "peaks": "detected",
    }
    return FloatFile("beat", model, provenance)


def evaluate(
    task: str,
    model: str | Path | None = None,
    data: str | Path | None = None,
    split: str = "inter",
    peaks: str = "detected",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a model on the test side of a split.

    Parameters
    ----------
    split : ``inter`` and ``intra`` refuse a model that was trained on another split of these data;
        ``external`` scores every recording and refuses a model that was trained on this data set
    """
    _check_task(task)
    if split not in SPLITS:
        raise InputError(f"split {split!r} is not known; known: {', '.join(SPLITS)}")
    loaded = load_model(model, task)
    found, records = prepare_dataset(data, peaks, progress)
    if not any(len(r.reference_label) for r in records):
        raise InputError(f"{found.folder}: none of {len(records)} recordings has annotated beats to score against")
    if split == "external":
        _refuse_trained_on(loaded, found)
        result, name = evaluate_beats(loaded.model, records), "external (all recordings)"
    else:
        protocol = make_protocol(split, records, int(loaded.provenance.get("seed", 0)))
        _refuse_other_split(loaded, protocol)
        result, name = protocol.evaluate(loaded.model), protocol.name
    return contract(result, found, name, loaded.n_bytes) | {"model": loaded.path.name}


def _refuse_trained_on(loaded: LoadedModel, found: LocalDataset) -> None:
    if loaded.provenance.get("dataset") == found.name:
        raise InputError(f"{loaded.path}: was trained on {found.name}; an external evaluation needs other data")


def _refuse_other_split(loaded: LoadedModel, protocol: Protocol) -> None:
    trained_on = loaded.provenance.get("split", protocol.key)
    if trained_on != protocol.key:
        raise InputError(
            f"{loaded.path}: was trained on the {trained_on} split; "
            f"scoring it on the {protocol.key} split would score beats it was fitted on"
        )


def contract(result: BeatEvaluation, found: LocalDataset, split: str, model_bytes: int) -> dict[str, Any]:
    """An evaluation in the shape of the command line's JSON contract."""
    head = {"task": "beat", "dataset": found.name, "is_sample": found.is_sample, "split": split}
    return head | result.to_json() | {"model_bytes": model_bytes}


def compress(
    model: str | Path,
    data: str | Path | None = None,
    recipe: str = "default",
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[CompactModel, dict[str, Any]]:
    """Compress a trained float model with the data it was trained on; writes `out` and its card if given."""
    loaded = load_model(model)
    if not isinstance(loaded.model, FloatModel):
        raise InputError(f"{loaded.path}: is compact already; compress takes a float model from `ictus train`")
    if recipe not in RECIPES:
        raise InputError(f"recipe {recipe!r} is not known; known: {', '.join(RECIPES)}")
    found, records = prepare_dataset(data, "detected", progress)
    seed = int(loaded.provenance.get("seed", 0))
    protocol = seeded(make_protocol(str(loaded.provenance.get("split", "inter")), records, seed), seed)
    if loaded.provenance.get("split_sha256") not in (None, protocol.sha256):
        raise InputError(f"{loaded.path}: was trained on another split of {loaded.provenance.get('dataset')}")
    compact = compress_protocol(protocol, loaded.model, RECIPES[recipe], progress)
    summary = compression_summary(
        loaded.model, compact, protocol.evaluate(loaded.model), protocol.evaluate(compact)
    )
    summary = {"recipe": recipe, "split": protocol.name, "dataset": found.name} | summary
    if out is not None:
        write_bytes(Path(out), to_bytes(compact))
        write_json(_card_path(Path(out)), summary | {"provenance": loaded.provenance})
    return compact, summary


def compress_protocol(
    protocol: Protocol, model: FloatModel, recipe: Recipe, progress: Progress | None = None
) -> CompactModel:
    """Compress under the protocol that trained the model."""
    return compress_beat(model, protocol.training_set(noise_sources()), recipe, protocol.config, progress)


def compression_summary(
    model: FloatModel, compact: CompactModel, before: BeatEvaluation, after: BeatEvaluation
) -> dict[str, Any]:
    """The ``compress`` part of the JSON contract."""
    float_bytes, count = model.net.n_float_bytes(), byte_count(compact)
    n_kept = sum(layer.n_weights for stage in compact.stages for layer in stage.layers)
    n_dense = sum(layer.weight.numel() for chain in model.net.chains().values() for layer in chain)
    parts = {"codes": count.codes, "index": count.index, "scales": count.scales, "headers": count.headers}
    return {
        "baseline": _side(before, float_bytes),
        "compressed": _side(after, count.total) | {"bytes_by": parts},
        "ratio": float_bytes / count.total,
        "sparsity": 1 - n_kept / n_dense,
        "bits": 4,
        "quality": quality(after.scores.accuracy, count.total),
        "waterfall": [
            {"step": "float32, dense", "bytes": float_bytes},
            {"step": "pruned: float32 values and 16-bit index", "bytes": n_kept * 6 + float_bytes - 4 * n_dense},
            {"step": "4-bit powers of two, 16-bit index", "bytes": n_kept * 5 // 2 + count.scales},
            {"step": "device file, every byte", "bytes": count.total},
        ],
    }


def _side(result: BeatEvaluation, n_bytes: int) -> dict[str, Any]:
    return {"accuracy": result.scores.accuracy, "macro_f1": result.scores.macro_f1, "bytes": n_bytes}


def quality(accuracy: float, n_bytes: int) -> float:
    """One figure for accuracy against size, in dB: 20 log10(percent^2 / sqrt(bytes)).

    NetScore (Wong 2018, arXiv 1806.05512) with its exponents for accuracy and parameters, size in bytes in place
    of the parameter count, and without its term for operations.
    """
    return 20 * math.log10((100 * accuracy) ** 2 / math.sqrt(n_bytes))


def describe(task: str = "beat") -> dict[str, Any]:
    """The card of the zoo's model of a task."""
    import json

    loaded = load_model(None, task)
    card = _card_path(loaded.path)
    return {"task": task, "bytes": loaded.n_bytes} | json.loads(card.read_text(encoding="utf-8"))


def dataset_json(found: LocalDataset) -> dict[str, Any]:
    """Who made the data, for reports."""
    known = DATASETS.get(found.name)
    head = {"name": found.name, "is_sample": found.is_sample, "records": list(found.records)}
    return head if known is None else head | {
        "title": known.title, "licence": known.licence, "citation": known.citation
    }  # fmt: skip


def as_staged(loaded: LoadedModel) -> StagedModel:
    """The part of a loaded model that decides."""
    return loaded.model
