"""Files that come through the browser: into a private temporary folder, under harmless names."""

import re
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...signals.errors import InputError, UnsupportedFormatError

__all__ = ["UPLOAD_LIMIT_BYTES", "UploadFolder"]

UPLOAD_LIMIT_BYTES = 200_000_000
"""Of all files of one recording together."""

_SUFFIXES = (".hea", ".dat", ".atr", ".mat", ".edf", ".csv")
_HEADS = (".hea", ".edf", ".csv")
_MOST_FILES = 3
_MOST_LETTERS = 100

Upload = tuple[str, bytes | memoryview]
"""Name and content of a file."""


class UploadFolder:
    """A folder that only this user can read; it goes when `close` is called or the program ends."""

    def __init__(self, limit_bytes: int = UPLOAD_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._folder = tempfile.TemporaryDirectory(prefix="ictus-uploads-", ignore_cleanup_errors=True)

    def close(self) -> None:
        """Remove every upload."""
        self._folder.cleanup()

    def keep(self, files: Sequence[Upload]) -> Path:
        """Write the files of one recording into a folder of their own; the path is what `load` takes.

        Raises
        ------
        InputError
            Not one recording (a WFDB header with its signal file and perhaps its annotations, an EDF or a CSV
            file), too large, or the disk is full.
        """
        named = [(_harmless(name), content) for name, content in files]
        head = _head([name for name, _ in named])
        n_bytes = sum(memoryview(content).nbytes for _, content in named)
        if n_bytes > self._limit_bytes:
            raise InputError(
                f"{head}: {n_bytes / 1e6:.1f} MB are too many (at most {self._limit_bytes / 1e6:g} MB an upload)"
            )
        folder = Path(self._folder.name) / secrets.token_hex(8)
        try:
            folder.mkdir(mode=0o700)
            for name, content in named:
                (folder / name).write_bytes(content)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise InputError(f"{head}: not kept, {error.strerror or error}") from error
        return folder / head

    def forget(self, path: Path) -> None:
        """Remove the files of an upload that turned out to be of no use."""
        shutil.rmtree(path.parent, ignore_errors=True)


def _harmless(name: str) -> str:
    """Last part of a name, of plain letters, digits, ``.``, ``-`` and ``_`` only, and with a known suffix.

    Signal files keep the case of theirs, by which their header names them.
    """
    last = re.split(r"[/\\]", name)[-1]
    stem, dot, suffix = last.rpartition(".")
    if f".{suffix.lower()}" not in _SUFFIXES or not dot:
        raise UnsupportedFormatError(
            f"{_shown(last)}: not a file of a recording; only WFDB (.hea with .dat or .mat, .atr), .edf and .csv"
        )
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._")[:_MOST_LETTERS]
    lower = suffix.lower()
    return f"{plain or 'recording'}.{lower if f'.{lower}' in _HEADS else suffix}"


def _head(names: Sequence[str]) -> str:
    """The file to open."""
    heads = [name for name in names if Path(name).suffix in _HEADS]
    if not heads:
        present = ", ".join(names) or "nothing"
        raise InputError(f"{present}: a WFDB record needs its header (.hea) beside it; choose both files together")
    if len(heads) > 1:
        raise InputError(f"{', '.join(heads)}: one recording at a time")
    head, others = heads[0], [name for name in names if name != heads[0]]
    if len(names) > _MOST_FILES or len({*names}) < len(names):
        raise InputError(f"{head}: {len(names)} files; a WFDB record has 2 or 3 of different kinds, others have 1")
    if others and not head.endswith(".hea"):
        raise InputError(f"{head}: nothing goes with it, but {', '.join(others)} came along")
    return head


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)[:_MOST_LETTERS] or "a file without a name"
