"""Text and JSON as files that appear only when whole."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..signals.whole_files import atomic_folder, copy_file, require_writable, require_writable_file, write_bytes

__all__ = [
    "atomic_folder",
    "copy_file",
    "json_text",
    "require_writable",
    "require_writable_file",
    "write_bytes",
    "write_json",
    "write_text",
]


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """`write_bytes` of UTF-8 text; line ends stay as they are."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], value: Any) -> Path:
    """`write_text` of `json_text`."""
    return write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Strict JSON, two spaces of indentation, a newline at the end; the same value gives the same text.

    Keys keep their order; NaN and infinity become null; numpy scalars and arrays, paths and tuples are converted.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case np.ndarray() | np.generic():
            return _plain(value.tolist())
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted(_plain(item) for item in value)
        case float():
            return value if math.isfinite(value) else None
        case Path():
            return str(value)
    return value
