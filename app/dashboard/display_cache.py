"""What is dear to compute and cheap to keep: folders in the user's cache, each whole or not there.

A folder is made beside its place and then moved, so that two programs that make the same one do not meet; which of
the two stays does not matter, for the same key gives the same content. Folders that were not used for longest go
when the cache has grown too large.
"""

import hashlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ...signals.errors import InputError
from ..code_version import code_fingerprint

__all__ = ["DEFAULT_CACHE_BYTES", "DisplayCache"]

DEFAULT_CACHE_BYTES = 4_000_000_000

_HOUR_S = 3600.0


class DisplayCache:
    """Folders by key.

    Parameters
    ----------
    root : None is ``ictus/dashboard`` in the user's cache folder (``$XDG_CACHE_HOME``, ``~/.cache``, or what macOS
        and Windows have for it)
    max_bytes : bound of all folders together; the one just made always stays
    """

    def __init__(self, root: Path | None = None, max_bytes: float = DEFAULT_CACHE_BYTES) -> None:
        self._root = _cache_folder() / "dashboard" if root is None else root
        self._max_bytes = max_bytes

    def folder(self, key: str, build: Callable[[Path], None]) -> Path:
        """The folder of a key, built if it is not there.

        Parameters
        ----------
        key : says everything that the content depends on
        build : fills an empty folder; what it raises is raised here, and nothing is kept

        Raises
        ------
        InputError
            The cache cannot be written.
        """
        place = self._root / hashlib.sha256(f"{code_fingerprint()} {key}".encode()).hexdigest()[:32]
        if place.is_dir():
            _touch(place)
            return place
        try:
            part = self._root / f".{place.name}.{secrets.token_hex(4)}.part"
            part.mkdir(parents=True)
            try:
                build(part)
                _move(part, place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            raise InputError(f"{self._root}: the cache cannot be written, {error.strerror or error}") from error
        self._shrink(place)
        return place

    def drop(self, folder: Path) -> None:
        """Remove a folder that turned out to be damaged."""
        _remove(folder)

    def _shrink(self, kept: Path) -> None:
        folders = [p for p in self._root.iterdir() if p.is_dir() and p != kept]
        for part in [p for p in folders if p.name.startswith(".") and _age_s(p) > _HOUR_S]:
            shutil.rmtree(part, ignore_errors=True)  # of a program that was killed
        whole = [p for p in folders if not p.name.startswith(".")]
        sizes = {p: _n_bytes(p) for p in sorted(whole, key=_age_s, reverse=True)}
        too_many = sum(sizes.values()) + _n_bytes(kept) - self._max_bytes
        for folder, n_bytes in sizes.items():
            if too_many <= 0:
                return
            _remove(folder)
            too_many -= n_bytes


def _cache_folder() -> Path:
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "ictus"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ictus"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ictus" / "cache"
    return Path.home() / ".cache" / "ictus"


def _move(part: Path, place: Path) -> None:
    try:
        part.rename(place)
    except OSError:
        if not place.is_dir():  # if it is there, another program was faster
            raise


def _remove(folder: Path) -> None:
    """Out of sight first, so that nobody opens half of it."""
    gone = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        folder.rename(gone)
    except OSError:
        return  # another program was faster
    shutil.rmtree(gone, ignore_errors=True)


def _touch(folder: Path) -> None:
    try:
        os.utime(folder)
    except OSError:
        return  # removed a moment ago by another program, or a cache that may only be read


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0


def _n_bytes(folder: Path) -> int:
    try:
        return sum(p.stat().st_size for p in folder.iterdir())
    except OSError:
        return 0
