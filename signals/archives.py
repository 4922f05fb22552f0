"""Archives of recordings (.tar, .tar.xz, .tar.gz, .tar.bz2, .zip): their regular files, without their folders.

Whatever an archive says, nothing leads out of a folder: links, devices and folders are passed over, and so are
names that are none. What unpacks to far more than any recording does is refused before it fills disk or memory.
"""

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import CorruptRecordError, InputError, one_line

__all__ = ["Budget", "clear_errors", "unpack_files"]

_MOST_RATIO = 100
"""Bytes for each of the archive's; recordings shrink to a half or a tenth."""
_ALWAYS_BYTES = 1 << 24
_MOST_FILES = 1_000_000
_AT_ONCE = 1 << 20


def unpack_files(archive: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Names and contents of the regular files; a content is read before the next file is asked for.

    Raises
    ------
    CorruptRecordError
        The archive is damaged or encrypted, or unpacks to more than 100 times its size and 16 MiB.
    InputError
        The file system refuses, or the archive needs more memory than there is.
    """
    with clear_errors(archive):
        budget = Budget(archive)
        for n_files, (name, content) in enumerate(_members(archive, budget)):
            if n_files >= _MOST_FILES:
                raise CorruptRecordError(f"{archive}: more than {_MOST_FILES} files")
            if name not in ("", ".", "..") and "\0" not in name:
                yield name, budget.spent_on(content)


@contextmanager
def clear_errors(archive: Path) -> Iterator[None]:
    """What goes wrong in here, as errors of the input: the libraries' own are many, of tar, zip, zlib, bz2, lzma.

    Raises
    ------
    CorruptRecordError, InputError
        As `unpack_files`.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"{archive}: the archive does not fit into memory") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{archive}: {error.strerror}") from error
        raise CorruptRecordError(f"{archive}: the archive cannot be unpacked ({one_line(error)})") from error


class Budget:
    """Bytes that may still come out of an archive."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._most = self._left = _MOST_RATIO * archive.stat().st_size + _ALWAYS_BYTES

    def check(self, n_bytes: int) -> None:
        """Refuse a file that is announced with more than is left."""
        if n_bytes > self._left:
            raise CorruptRecordError(
                f"{self._archive}: it unpacks to more than {self._most} bytes, {_MOST_RATIO} times its own size"
            )

    def spent_on(self, content: IO[bytes]) -> Iterator[bytes]:
        """The content in pieces."""
        with clear_errors(self._archive):
            while piece := content.read(_AT_ONCE):
                self.check(len(piece))
                self._left -= len(piece)
                yield piece


def _members(archive: Path, budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive, budget)
        return
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and (content := packed.extractfile(member)) is not None:
                budget.check(member.size)
                yield Path(member.name).name, content


def _zip_members(archive: Path, budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            if not member.is_dir():
                budget.check(member.file_size)
                with packed.open(member) as content:
                    yield Path(member.filename).name, content
