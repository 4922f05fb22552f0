"""Outputs that appear under their name only when whole."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError

__all__ = ["atomic_folder", "copy_file", "require_writable", "require_writable_file", "write_bytes"]


def require_writable(folder: str | os.PathLike[str]) -> Path:
    """Check, without creating anything, that `folder` is or can become a folder to write into.

    Raises
    ------
    InputError
        The folder is a file, or the nearest folder above it that exists is a file or write-protected.
    """
    folder = Path(folder)
    existing = _nearest_existing(folder)
    if not existing.is_dir():
        raise InputError(f"{folder}: cannot write here, {existing} is a file and not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot write here, no permission to write into {existing}")
    return folder


def require_writable_file(path: str | os.PathLike[str]) -> Path:
    """Check, without creating anything, that a file can be written at `path`; its folder must exist.

    Raises
    ------
    InputError
        The folder of the file is missing or write-protected, or `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: cannot write a file here, it is a folder")
    if not _exists(path.parent):
        raise InputError(f"{path}: cannot write here, there is no folder {path.parent}")
    require_writable(path.parent)
    return path


def _nearest_existing(folder: Path) -> Path:
    return next(p for p in (folder, *folder.absolute().parents) if _exists(p))


def _exists(path: Path) -> bool:
    """Whether something lies there; a path through a regular file leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    return True


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file that appears under its name only when whole; its folder must exist.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    path = require_writable_file(path)
    part = _beside(path)
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path}: {error.strerror or error}") from error
    return path


def copy_file(source: Path, path: str | os.PathLike[str]) -> Path:
    """Copy a file to `path`, where it appears only when whole; otherwise as `write_bytes`."""
    path = require_writable_file(path)
    part = _beside(path)
    try:
        shutil.copyfile(source, part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path}: {error.strerror or error}") from error
    return path


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a folder to build in; its files move to `path` when the block ends without an error.

    A folder that is there already keeps its other files; those of the same name are replaced one by one.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    path = require_writable(path)
    existing = _nearest_existing(path).absolute()
    part = _beside(path if existing == path.absolute() else existing / path.name)
    try:
        part.mkdir()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    try:
        yield part
        try:
            _move_into(part, path)
        except OSError as error:
            raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _move_into(source: Path, target: Path) -> None:
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        return
    for item in sorted(source.iterdir()):
        if item.is_dir():
            _move_into(item, target / item.name)
        else:
            item.replace(target / item.name)


def _beside(path: Path) -> Path:
    path = path.absolute()
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
