"""SHA-256 lists as PhysioNet publishes them, one ``<64 hex digits> <path>`` a line."""

import hashlib
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ..signals import FetchError
from ..signals.errors import quoted

__all__ = ["SUMS_FILE", "matching", "parse_sums", "sha256_of"]

SUMS_FILE = "SHA256SUMS.txt"
_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64})\s+\*?(?P<path>\S.*)")


def parse_sums(text: str, source: str) -> dict[str, str]:
    """Paths and their SHA-256.

    Parameters
    ----------
    text : content of the list
    source : where it comes from, for messages

    Raises
    ------
    FetchError
        A line is malformed, names a file outside the folder of the list, or there is no line at all.
    """
    sums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise FetchError(f"{source}: line {number} {quoted(line)} is not a SHA-256 and a path")
        if not _stays_inside(match["path"]):
            raise FetchError(f"{source}: line {number} names {quoted(match['path'])}, which is outside the folder")
        sums[match["path"]] = match["digest"].lower()
    if not sums:
        raise FetchError(f"{source}: the list of checksums is empty")
    return sums


def matching(paths: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The `paths` that one of the shell patterns matches, with the whole path or with the file's name."""

    def is_matched(path: str) -> bool:
        name = PurePosixPath(path).name
        return any(fnmatchcase(path, q) or fnmatchcase(name, q) for q in patterns)

    return [path for path in paths if is_matched(path)]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path)
    forbidden = "\\" in path or ":" in path or "\x00" in path
    is_ours = path == SUMS_FILE or path.endswith(".part")
    return not (forbidden or is_ours or parts.is_absolute() or ".." in parts.parts)
