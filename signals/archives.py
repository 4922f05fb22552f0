"""Archives of recordings (.tar, .tar.xz, .tar.gz, .tar.bz2, .zip): their regular files, without their folders.

Whatever an archive says, nothing leads out of a folder: links, devices and folders are passed over, and so are
names that are none. What unpacks to far more than any recording does is refused before it fills disk or memory.
"""

import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import CorruptRecordError, InputError, UnsupportedFormatError, one_line

__all__ = ["Budget", "clear_errors", "unpack_files"]

_MOST_RATIO = 100
"""Bytes for each of the archive's; recordings shrink to a half or a tenth."""
_ALWAYS_BYTES = 1 << 24
_MOST_FILES = 1_000_000
_AT_ONCE = 1 << 20
_MOST_XZ_BYTES = 1 << 28
"""Memory that an .xz may ask for; `xz -9` asks for a quarter of it, a header can for 4 GiB."""
_GZIP_MAGIC, _BZIP2_MAGIC = b"\x1f\x8b", b"BZh"
_ZIP_METHODS = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2
"""LZMA within a zip asks for memory by a header of its own, which nobody checks."""
_XZ_MAGIC = b"\xfd7zXZ\0"


def unpack_files(archive: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Names and contents of the regular files; a content is read before the next file is asked for.

    Raises
    ------
    CorruptRecordError
        The archive is damaged or encrypted, or unpacks to more than 100 times its size and 16 MiB.
    UnsupportedFormatError
        A zip packed by another method than deflate or bzip2.
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
    with archive.open("rb") as file, _tar(file) as packed:
        for member in packed:
            if member.isfile() and (content := packed.extractfile(member)) is not None:
                budget.check(member.size)
                yield Path(member.name).name, content


def _tar(file: IO[bytes]) -> tarfile.TarFile:
    head = file.read(len(_XZ_MAGIC))
    file.seek(0)
    if head == _XZ_MAGIC:
        return tarfile.open(fileobj=_UnpackedXz(file), mode="r|")
    if head.startswith(_GZIP_MAGIC):
        return tarfile.open(fileobj=file, mode="r:gz")
    return tarfile.open(fileobj=file, mode="r:bz2" if head.startswith(_BZIP2_MAGIC) else "r:")


class _UnpackedXz(io.RawIOBase):
    """What an .xz holds, read forwards; unlike `lzma.LZMAFile` it refuses what asks for too much memory."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file, self._stream = file, _xz_stream()

    def read(self, n_bytes: int = _AT_ONCE, /) -> bytes:
        """At most so many bytes; none at the end."""
        unpacked = b""
        while not unpacked:
            rest = self._stream.unused_data
            if self._stream.eof:
                self._stream = _xz_stream()
            if self._stream.needs_input:
                rest = rest or self._file.read(_AT_ONCE)
                if not rest:
                    break
            unpacked = self._stream.decompress(rest, n_bytes)
        return unpacked


def _xz_stream() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_XZ_BYTES)


def _zip_members(archive: Path, budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            if not member.is_dir():
                if member.compress_type not in _ZIP_METHODS:
                    raise UnsupportedFormatError(
                        f"{archive}: packed by method {member.compress_type}; deflate and bzip2 can be read"
                    )
                budget.check(member.file_size)
                with packed.open(member) as content:
                    yield Path(member.filename).name, content
