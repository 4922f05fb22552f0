"""The public verbs: what the command line calls, and what a notebook may call instead.

Each returns plain dictionaries in the shape of the command line's JSON contract, or the objects themselves where
there is no contract.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compression import CompactModel, Recipe, byte_count, compress_beat, load_compact, to_bytes
from ..compression.model_file import MAGIC
from ..models import (
    FloatFile,
    FloatModel,
    GateSources,
    Protocol,
    evaluate_beats,
    float_to_bytes,
    load_float,
    make_protocol,
)
from ..models.train import Progress
from ..signals import CorruptModelError, InputError, LocalDataset
from .experiment import check_annotated, compression_summary, contract, prepare_dataset, train_protocol
from .output import write_bytes, write_json

__all__ = ["ZOO", "LoadedModel", "check_task", "compress", "describe", "evaluate", "load_model", "train"]

ZOO = Path(__file__).resolve().parent.parent / "models" / "zoo"
SPLITS = ("inter", "intra", "external")
RECIPES = {"default": Recipe(), "small": Recipe(sparsity=0.95), "quick": Recipe(prune_epochs=6, tune_epochs=6)}


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
    check_task(task)
    found = ZOO / f"{task}.ictus" if path is None else Path(path)
    loaded = _loader(found)(found)
    if loaded.task != task:
        raise CorruptModelError(f"{found}: a model of task {loaded.task!r}, expected {task!r}")
    return loaded


def _loader(path: Path) -> Callable[[Path], LoadedModel]:
    """What reads a model file, by its first bytes: our magic, or a header's length and JSON (safetensors)."""
    if not path.is_file():
        raise InputError(f"{path}: no such model file")
    try:
        with path.open("rb") as opened:
            head = opened.read(9)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    if head.startswith(MAGIC):
        return _load_compact
    if head[8:] == b"{":
        return _load_float
    raise CorruptModelError(f"{path}: neither a compact model (.ictus) nor a float one (.safetensors)")


def _load_compact(path: Path) -> LoadedModel:
    model = load_compact(path)
    provenance = _read_card(path).get("provenance", {})
    return LoadedModel(path, model.task, model, provenance, byte_count(model).total)


def _load_float(path: Path) -> LoadedModel:
    file = load_float(path)
    return LoadedModel(path, file.task, file.model, file.provenance, file.model.net.n_float_bytes())


def _card_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _read_card(path: Path) -> dict[str, Any]:
    """What stands beside a compact model: its compression and provenance; empty if nothing does."""
    card = _card_path(path)
    if not card.is_file():
        return {}
    try:
        found = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptModelError(f"{card}: not the JSON of a model's card ({error})") from error
    if not isinstance(found, dict):
        raise CorruptModelError(f"{card}: not the JSON of a model's card")
    return found


def check_task(task: str) -> None:
    """Raise `InputError` for a task that is not there."""
    if task != "beat":
        raise InputError(f"task {task!r} is not known; known: beat")


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
    check_task(task)
    found, records = prepare_dataset(data, "detected", progress)
    protocol = make_protocol(split, records, seed)
    material = protocol.training_set(GateSources.find(found.is_sample))
    file = train_protocol(protocol, material, found, progress)
    if out is not None:
        write_bytes(Path(out), float_to_bytes(file))
    split_names = protocol.key, protocol.name
    result = contract(protocol.evaluate(file.model), found, split_names, file.model.net.n_float_bytes())
    return file, result | {"provenance": file.provenance}


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
    check_task(task)
    if split not in SPLITS:
        raise InputError(f"split {split!r} is not known; known: {', '.join(SPLITS)}")
    loaded = load_model(model, task)
    found, records = prepare_dataset(data, peaks, progress)
    check_annotated(found, records)
    if split == "external":
        _refuse_trained_on(loaded, found)
        result, name = evaluate_beats(loaded.model, records), "external (all recordings)"
    else:
        protocol = make_protocol(split, records, int(loaded.provenance.get("seed", 0)))
        _refuse_other_split(loaded, protocol)
        result, name = protocol.evaluate(loaded.model), protocol.name
    return contract(result, found, (split, name), loaded.n_bytes) | {"model": loaded.path.name}


def _refuse_trained_on(loaded: LoadedModel, found: LocalDataset) -> None:
    if loaded.provenance.get("dataset") == found.name:
        raise InputError(f"{loaded.path}: was trained on {found.name}; an external evaluation needs other data")


def _refuse_other_split(loaded: LoadedModel, protocol: Protocol) -> None:
    trained_on = loaded.provenance.get("split", protocol.key)
    same_draw = loaded.provenance.get("split_sha256", protocol.sha256) == protocol.sha256
    if trained_on != protocol.key or (protocol.key == "intra" and not same_draw):
        which = "another" if trained_on == protocol.key else "the"
        raise InputError(
            f"{loaded.path}: was trained on {which} {trained_on} split; "
            f"scoring it on this {protocol.key} split would score beats it was fitted on"
        )


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
    protocol = make_protocol(str(loaded.provenance.get("split", "inter")), records, seed)
    if loaded.provenance.get("split_sha256") not in (None, protocol.sha256):
        raise InputError(f"{loaded.path}: was trained on another split of {loaded.provenance.get('dataset')}")
    material = protocol.training_set(GateSources.find(found.is_sample))
    compact = compress_beat(loaded.model, material, RECIPES[recipe], protocol.config, progress)
    summary = compression_summary(
        loaded.model, compact, protocol.evaluate(loaded.model), protocol.evaluate(compact)
    )
    summary = {"recipe": recipe, "split": protocol.name, "dataset": found.name} | summary
    if out is not None:
        write_bytes(Path(out), to_bytes(compact))
        write_json(_card_path(Path(out)), summary | {"provenance": loaded.provenance})
    return compact, summary


def describe(task: str = "beat") -> dict[str, Any]:
    """The card of the zoo's model of a task."""
    loaded = load_model(None, task)
    return {"task": task, "bytes": loaded.n_bytes} | _read_card(loaded.path)
