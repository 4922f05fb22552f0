"""Small files read whole, up to a limit: what is far too large, or never ends, does not get to fill memory."""

import csv
import io
import tomllib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import CorruptRecordError, InputError, one_line, parsed

__all__ = ["MOST_TEXT_BYTES", "read_bounded", "read_bounded_text", "read_toml", "stays_inside", "table_rows"]

MOST_TEXT_BYTES = 1 << 24
"""Of tables and settings that people write: 16 MiB."""


def read_bounded(
    path: Path, most_bytes: int = MOST_TEXT_BYTES, error: type[InputError] = CorruptRecordError
) -> bytes:
    """Content of a file of at most `most_bytes`.

    Raises
    ------
    InputError
        The file system refuses.
    error
        The file is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except (OSError, ValueError) as fault:
        raise InputError(f"{path}: {getattr(fault, 'strerror', None) or fault}") from fault
    if len(data) > most_bytes:
        raise error(f"{path}: more than {most_bytes} bytes, the most for a file of this kind")
    return data


def read_bounded_text(
    path: Path,
    most_bytes: int = MOST_TEXT_BYTES,
    error: type[InputError] = CorruptRecordError,
    encoding: str = "utf-8-sig",
) -> str:
    """Text of a file of at most `most_bytes`.

    Raises
    ------
    InputError
        The file system refuses.
    error
        The file is larger, or not text in this encoding.
    """
    data = read_bounded(path, most_bytes, error)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as fault:
        raise error(f"{path}: byte {fault.start} is not {encoding.upper().removesuffix('-SIG')} text") from fault


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises
    ------
    InputError
        It cannot be read, or is no TOML.
    """
    try:
        return parsed(tomllib.loads, read_bounded_text(path, error=InputError))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path}: {one_line(error)}") from error


def table_rows(path: Path, needed: Collection[str], delimiter: str) -> list[dict[str, str | None]]:
    """Rows of a table by the names in its first row; a cell that a short row lacks is None.

    Raises
    ------
    InputError
        As `read_bounded_text`.
    CorruptRecordError
        A column of `needed` is missing, or the table is none.
    """
    try:
        table = csv.DictReader(io.StringIO(read_bounded_text(path), newline=""), delimiter=delimiter)
        missing = set(needed) - set(table.fieldnames or ())
        if missing:
            raise CorruptRecordError(f"{path}: no column {', '.join(sorted(missing))}")
        return list(table)
    except csv.Error as error:
        raise CorruptRecordError(f"{path}: not a table ({one_line(error)})") from error


def stays_inside(name: str) -> bool:
    """Whether a path that a file names leads to a place below the file's own folder, on every system."""
    path = PurePosixPath(name)
    outside = "\\" in name or ":" in name or "\0" in name or path.is_absolute() or ".." in path.parts
    return bool(path.name) and not outside
