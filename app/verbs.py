"""The public verbs: what the command line calls, and what a notebook may call instead.

Each returns plain dictionaries in the shape of the command line's JSON contract, or the objects themselves where
there is no contract. What a verb does for a task lies in ``<task>_verbs.py``.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from ..models.train import Progress
from ..signals import InputError
from .compress.bench import recipe_among
from .evaluate.spread import spread_of
from .model_files import TASKS, ZOO, LoadedModel, check_task, load_model, model_path, read_card, task_of

__all__ = [
    "TASKS",
    "ZOO",
    "LoadedModel",
    "bench",
    "check_recipe",
    "check_task",
    "compress",
    "describe",
    "evaluate",
    "load_model",
    "train",
    "train_seeds",
]


def train(
    task: str,
    data: str | Path | None = None,
    split: str | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> tuple[Any, dict[str, Any]]:
    """Train the float network of a task on the training side of a split; writes `out` if given.

    Parameters
    ----------
    split : None is the task's headline protocol
    options : of the task, see ``train`` in its module

    Returns
    -------
    the trained model with its provenance, and its evaluation on the test side
    """
    run = _verb(task, "train", options | ({} if split is None else {"split": split}))
    return run(data=data, out=out, seed=seed, progress=progress)


def train_seeds(
    task: str,
    data: str | Path | None,
    out: str | Path,
    seeds: Sequence[int],
    progress: Progress | None = None,
    **options: Any,
) -> tuple[dict[str, Any], list[Path]]:
    """`train` once per seed.

    Parameters
    ----------
    out : ``MODEL.safetensors`` gives ``MODEL-seed0.safetensors`` and so on
    seeds : at least one

    Returns
    -------
    the evaluation with the first seed, with the figures of all and their spread beside it; and the files
    """
    path = Path(out)
    files = [path.with_name(f"{path.stem}-seed{seed}{path.suffix}") for seed in seeds]
    results = [
        train(task, data, out=file, seed=seed, progress=progress, **options)[1]
        for seed, file in zip(seeds, files, strict=True)
    ]
    figures = [_verbs_of(task).figures_of(result) for result in results]
    rows = [{"name": f"seed {seed}"} | row for seed, row in zip(seeds, figures, strict=True)]
    return results[0] | {"seeds": rows, "spread": spread_of(figures)}, files


def evaluate(
    task: str,
    model: str | Path | Sequence[str | Path] | None = None,
    data: str | Path | None = None,
    split: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score a model by a split; the JSON contract of the command line.

    Parameters
    ----------
    split : None is the task's headline protocol
    options : of the task, see ``evaluate`` in its module
    """
    run = _verb(task, "evaluate", options | ({} if split is None else {"split": split}))
    return run(model=model, data=data, progress=progress)


def compress(
    model: str | Path,
    data: str | Path | None = None,
    recipe: str = "default",
    out: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> tuple[Any, dict[str, Any]]:
    """Compress a trained float model with the data it was trained on; writes `out` and its card if given."""
    run = _verb(task_of(model), "compress", options)
    check_recipe(model, recipe)
    return run(model=model, data=data, recipe=recipe, out=out, progress=progress)


def bench(
    model: str | Path, data: str | Path | None = None, progress: Progress | None = None, **options: Any
) -> Any:
    """A trained float model with its data, to try recipes on: a `compress.bench.Bench`."""
    return _verb(task_of(model), "bench", options)(model=model, data=data, progress=progress)


def check_recipe(model: str | Path, recipe: str) -> None:
    """Raise `InputError` for a recipe that does not exist, before data are prepared."""
    recipe_among(_verbs_of(task_of(model)).recipes(model), recipe)


def describe(task: str = "beat") -> dict[str, Any]:
    """The card of the zoo's model of a task."""
    check_task(task)
    path = model_path(None, task)
    if not path.is_file():
        raise InputError(f"{path}: no such model file")
    return {"task": task, "bytes": path.stat().st_size} | read_card(path)


def _verbs_of(task: str) -> ModuleType:
    check_task(task)
    return import_module(f".tasks.{task}", __package__)


def _verb(task: str, name: str, options: dict[str, Any]) -> Callable[..., Any]:
    """A task's verb with its options; `InputError` for one that it does not have."""
    verb = getattr(_verbs_of(task), name)
    for option in options:
        if option not in signature(verb).parameters:
            raise InputError(f"--{option} is not an option of `ictus {name} {task}`")
    return partial(verb, **options)
