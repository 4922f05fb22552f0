"""Outputs that appear under their name only when whole, and lie on the disk when they do.

What is being written lies beside its place as ``.NAME.XXXXXXXX.part``. Its bytes are on the disk before it gets
its name, and the name before the function returns: a power cut takes nothing that was reported as done.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from .errors import InputError

__all__ = [
    "atomic_folder",
    "copy_file",
    "note_files",
    "noting_files",
    "remove_leftovers",
    "require_writable",
    "require_writable_file",
    "write_bytes",
]

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part")
_NOTED: ContextVar[list[Path] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_files() -> Iterator[list[Path]]:
    """A list that gets the path of every file that this process writes whole within the block."""
    noted: list[Path] = []
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)
        note_files(*noted)  # a block around this one hears of them, too


def note_files(*paths: Path) -> None:
    """Say of files that they are what this process gives, for the block of `noting_files` around, if any."""
    noted = _NOTED.get()
    if noted is not None:
        noted.extend(paths)


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
    with _part_of(path) as part:
        part.write_bytes(data)
    return path


def copy_file(source: Path, path: str | os.PathLike[str]) -> Path:
    """Copy a file to `path`, where it appears only when whole; otherwise as `write_bytes`."""
    path = require_writable_file(path)
    with _part_of(path) as part:
        shutil.copyfile(source, part)
    return path


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """Where to write a file, which gets its name when the block ends without an error."""
    part = _beside(path)
    try:
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    note_files(path)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a folder to build in; its files move to `path` when the block ends without an error.

    A folder that is not there yet appears with all its files at once. One that is there already keeps its other
    files; those of the same name are replaced one by one.

    Raises
    ------
    InputError
        The folder cannot be written; also what the file system says within the block.
    """
    path = require_writable(path)
    existing = _nearest_existing(path).absolute()
    part = _hidden(existing, path.absolute().name or "root")  # in the folder itself, which may be a mount point
    try:
        part.mkdir()
        yield part
        _sync_files(part)
        _move_into(part, path)
        _sync(path.absolute().parent)
        _sync(existing)
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise InputError(f"{_final(error.filename, part, path)}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left half-written of a folder, in it and in those within it.

    Only for the run that holds the folder (`locked_folder`): what others left may be their work in progress.
    """
    folder = folder.absolute()
    found = [*folder.glob(".*.part"), *folder.glob("*/.*.part")]
    if not folder.exists():
        above = _nearest_existing(folder)
        found = list(above.glob(f".{folder.name}.*.part"))
    for part in found:
        if not _PART.fullmatch(part.name):
            continue
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _final(named: str | bytes | None, part: Path, path: Path) -> Path | str | bytes:
    """The name to tell the user: not that of the hidden folder."""
    if named is None:
        return path
    found = Path(os.fsdecode(named))
    return path / found.relative_to(part) if found.is_relative_to(part) else found


def _move_into(source: Path, target: Path) -> None:
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        note_files(*(p for p in sorted(target.rglob("*")) if p.is_file()))
        return
    for item in sorted(source.iterdir()):
        if item.is_dir():
            _move_into(item, target / item.name)
        else:
            item.replace(target / item.name)
            note_files(target / item.name)
    _sync(target)


def _sync_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, lie on the disk; Windows knows it of files alone."""
    is_folder = path.is_dir()
    if path.is_symlink() or (is_folder and os.name == "nt"):
        return
    file = os.open(path, os.O_RDONLY if is_folder or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(file)
    except OSError:
        if not is_folder:  # some file systems have no such thing for folders
            raise
    finally:
        os.close(file)


def _beside(path: Path) -> Path:
    path = path.absolute()
    return _hidden(path.parent, path.name)


def _hidden(folder: Path, name: str) -> Path:
    return folder / f".{name}.{secrets.token_hex(4)}.part"
