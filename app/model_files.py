"""Models as files: which task they serve, what they hold, and the card that lies beside a compact one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compression import CompactModel, byte_count, load_compact, to_bytes
from ..compression.model_file import MAGIC
from ..compression.storage import STORED_MAGIC
from ..signals import CorruptModelError, InputError
from ..signals.bounded_files import read_bounded_text
from ..signals.errors import one_line, parsed, quoted
from .output import write_bytes, write_json

if TYPE_CHECKING:
    from ..models import FloatModel

__all__ = [
    "TASKS",
    "ZOO",
    "LoadedModel",
    "card_path",
    "check_beat",
    "check_task",
    "float_model_of",
    "load_float_model",
    "load_model",
    "model_path",
    "read_card",
    "task_of",
    "write_compact",
]

ZOO = Path(__file__).resolve().parent.parent / "models" / "zoo"
TASKS = ("beat", "rhythm", "seizure")


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
    model: "CompactModel | FloatModel"
    provenance: dict[str, Any]
    n_bytes: int


def check_task(task: str) -> None:
    """Raise `InputError` for a task that is not there."""
    if task not in TASKS:
        raise InputError(f"task {task!r} is not known; known: {', '.join(TASKS)}")


def check_beat(task: str, command: str) -> None:
    """Raise `InputError` for a task that a command does not serve: some serve `beat` alone."""
    check_task(task)
    if task != "beat":
        raise InputError(f"`ictus {command}` serves the task beat, not {task}")


def model_path(path: str | Path | None, task: str) -> Path:
    """The file that a model argument means: None or the task's name is the zoo's compact model."""
    is_zoo = path is None or (str(path) == task and not Path(path).exists())
    return ZOO / f"{task}.ictus" if is_zoo else Path(str(path))


def task_of(path: str | Path) -> str:
    """Task of a model file, float or compact; the name of a task stands for itself.

    Raises
    ------
    InputError
        the file is missing, or is no model.
    """
    if str(path) in TASKS and not Path(path).exists():
        return str(path)
    found = Path(path)
    if _is_compact(found):
        return load_compact(found).task
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(found), framework="pt") as opened:
            header = parsed(json.loads, (opened.metadata() or {}).get("ictus", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise CorruptModelError(f"{found}: not a safetensors file ({one_line(error)})") from error
    return str(header.get("task", "beat")) if isinstance(header, dict) else "beat"


def load_model(path: str | Path | None = None, task: str = "beat") -> LoadedModel:
    """Load a float or a compact model; None means the zoo's compact model of the task.

    Raises
    ------
    InputError
        the file is missing, damaged, of another version or for another task.
    """
    check_task(task)
    found = model_path(path, task)
    loaded = _loader(found)(found)
    if loaded.task != task:
        raise CorruptModelError(f"{found}: a model of task {quoted(loaded.task)}, expected {task!r}")
    return loaded


def load_float_model(path: str | Path, task: str) -> LoadedModel:
    """Load a float model to compress; the task's name means the one that the zoo's compact model came from.

    Raises
    ------
    InputError
        as for `load_model`, or the model is compact already.
    """
    is_zoo = str(path) == task and not Path(path).exists()
    loaded = load_model(ZOO / f"{task}.safetensors" if is_zoo else path, task)
    float_model_of(loaded)
    return loaded


def float_model_of(loaded: LoadedModel) -> "FloatModel":
    """The float model; `InputError` if it is compact already."""
    if isinstance(loaded.model, CompactModel):
        raise InputError(f"{loaded.path}: is compact already; compress takes a float model from `ictus train`")
    return loaded.model


def write_compact(path: str | Path, model: CompactModel, card: Mapping[str, Any]) -> None:
    """Write a compact model and its card; each appears only when whole."""
    write_bytes(Path(path), to_bytes(model))
    write_json(card_path(Path(path)), card)


def _loader(path: Path) -> Callable[[Path], LoadedModel]:
    return _load_compact if _is_compact(path) else _load_float


def _is_compact(path: Path) -> bool:
    """Whether a model file is compact (a magic of ours) or float (safetensors: a length and JSON)."""
    if not path.is_file():
        raise InputError(f"{path}: no such model file")
    try:
        with path.open("rb") as opened:
            head = opened.read(9)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    is_compact = head.startswith((MAGIC, STORED_MAGIC))
    if not is_compact and head[8:] != b"{":
        raise CorruptModelError(f"{path}: neither a compact model (.ictus) nor a float one (.safetensors)")
    return is_compact


def _load_compact(path: Path) -> LoadedModel:
    model = load_compact(path)
    provenance = read_card(path).get("provenance", {})
    return LoadedModel(path, model.task, model, provenance, byte_count(model).total)


def _load_float(path: Path) -> LoadedModel:
    from ..models import load_float

    file = load_float(path)
    return LoadedModel(path, file.task, file.model, file.provenance, file.model.net.n_float_bytes())


def card_path(path: Path) -> Path:
    """Where the card of a compact model lies."""
    return path.with_name(path.name + ".json")


def read_card(path: Path) -> dict[str, Any]:
    """What stands beside a compact model: its compression and provenance; empty if nothing does."""
    card = card_path(path)
    if not card.is_file():
        return {}
    try:
        found = parsed(json.loads, read_bounded_text(card, error=CorruptModelError))
    except InputError:
        raise
    except ValueError as error:
        raise CorruptModelError(f"{card}: not the JSON of a model's card ({one_line(error)})") from error
    if not isinstance(found, dict):
        raise CorruptModelError(f"{card}: not the JSON of a model's card")
    return found
