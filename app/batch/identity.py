"""What a result follows from, as hashes: the files of a recording, and the program."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...signals.errors import InputError
from ..code_version import code_fingerprint
from ..output import json_text, write_text

__all__ = ["FileHashes", "key_of", "program_identity"]


def program_identity() -> str:
    """Version and hash of the program, the same on every machine; another one's results are not its own."""
    return f"{version('ictus')} {code_fingerprint()}"


def key_of(*parts: object) -> str:
    """Hash of whatever decides a result, 32 hexadecimal digits."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


class FileHashes:
    """SHA-256 of files; one that has not changed since is not read again.

    A file has not changed if its size, its times of change (content and entry) and its number in the file system
    are what they were. The system sets the time of the entry, so that a file whose date was put back is noticed.

    Parameters
    ----------
    store : file that keeps what is known; a damaged one is made again
    """

    def __init__(self, store: Path) -> None:
        self._store, self._is_new = store, False
        self._known = _read(store)

    def sha256(self, path: Path) -> str:
        """Of a file's bytes.

        Raises
        ------
        InputError
            The file cannot be read.
        """
        try:
            state = _state(path)
            known = self._known.get(str(path))
            if known is None or known[:-1] != state:
                with path.open("rb") as file:
                    known = [*state, hashlib.file_digest(file, "sha256").hexdigest()]
                self._known[str(path)], self._is_new = known, True
        except OSError as error:
            raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
        return str(known[-1])

    def keep(self, paths: Iterable[Path]) -> None:
        """Write what is known of these files, if any of it is new.

        Raises
        ------
        InputError
            The file cannot be written.
        """
        if self._is_new:
            names = {str(path) for path in paths}
            write_text(self._store, json_text({n: row for n, row in self._known.items() if n in names}))


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _read(store: Path) -> dict[str, list[Any]]:
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    is_sound = isinstance(known, Mapping) and all(isinstance(row, list) and row for row in known.values())
    return dict(known) if is_sound else {}
