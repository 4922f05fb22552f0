"""Analyses in the cache: any result that is made of dataclasses, arrays and plain values, as JSON and NumPy files.

Nothing is unpickled: a file from the cache can be wrong, but it cannot run.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from ...signals.array_files import read_arrays
from ...signals.errors import parsed
from ..recording_facts import ModelFacts, RecordingFacts
from .display_cache import DisplayCache

__all__ = ["cached_analysis", "read_result", "write_result"]

_JSON, _ARRAYS = "result.json", "arrays.npz"
_ARRAY = "array"

T = TypeVar("T")


def cached_analysis(
    cache: DisplayCache,
    facts: RecordingFacts,
    model: ModelFacts,
    kind: type[T],
    compute: Callable[[], T],
    options: str = "",
) -> T:
    """What a model finds in a recording, from the cache or computed and kept.

    Parameters
    ----------
    kind : dataclass of the result, for instance `Analysis`
    compute : makes it; what it raises is raised here
    options : what else the result depends on, for instance the lead
    """
    computed: list[T] = []

    def build(folder: Path) -> None:
        computed.append(compute())
        write_result(folder, computed[0])

    key = f"{kind.__name__} {facts.sha256} {facts.name} {model.sha256} {options}"
    folder = cache.folder(key, build)
    if computed:
        return computed[0]
    try:
        return read_result(folder, kind)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        cache.drop(folder)
        cache.folder(key, build)
        return computed[0] if computed else compute()


def write_result(folder: Path, result: Any) -> None:
    """Write a dataclass into a folder."""
    arrays: list[np.ndarray] = []
    plain = _plain(result, arrays)
    (folder / _JSON).write_text(json.dumps(plain), encoding="utf-8")
    np.savez(folder / _ARRAYS, *arrays)


def read_result(folder: Path, kind: type[T]) -> T:
    """Read what `write_result` wrote.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, IndexError, AttributeError
        It is damaged.
    """
    plain = parsed(json.loads, (folder / _JSON).read_text(encoding="utf-8"))
    stored = read_arrays(folder / _ARRAYS)
    return _built(plain, kind, [stored[f"arr_{i}"] for i in range(len(stored))])


def _plain(value: Any, arrays: list[np.ndarray]) -> Any:
    """The value as JSON knows it; arrays are put aside."""
    match value:
        case np.ndarray():
            arrays.append(value)
            return {_ARRAY: len(arrays) - 1}
        case np.generic():
            return value.item()
        case tuple() | list():
            return [_plain(item, arrays) for item in value]
        case dict():
            return {str(key): _plain(item, arrays) for key, item in value.items()}
        case Path():
            return str(value)
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in dataclasses.fields(value)}
    return value


def _built(plain: Any, kind: Any, arrays: Sequence[np.ndarray]) -> Any:
    """The value of a type again, by the type's annotations."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is np.ndarray or origin is np.ndarray:
        return arrays[plain[_ARRAY]]
    if origin in (Union, UnionType):
        (kept,) = (option for option in inner if option is not NoneType)
        return None if plain is None else _built(plain, kept, arrays)
    if origin is tuple:
        kinds = [inner[0]] * len(plain) if inner[-1] is Ellipsis else inner
        return tuple(_built(item, of, arrays) for item, of in zip(plain, kinds, strict=True))
    if origin in (list, Sequence):
        return [_built(item, inner[0], arrays) for item in plain]
    if origin is not None and issubclass(origin, Mapping):
        return {_key(key, inner[0]): _built(item, inner[1], arrays) for key, item in plain.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return kind(**{name: _built(plain[name], of, arrays) for name, of in _fields(kind).items()})
    return Path(plain) if kind is Path else plain


def _key(text: str, kind: type) -> Any:
    return kind(text) if kind in (int, float) else text


@cache
def _fields(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
