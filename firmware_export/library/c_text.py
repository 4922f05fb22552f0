"""Text files, and constants as C writes them."""

from collections.abc import Iterable
from pathlib import Path

__all__ = ["c_rows", "write_text"]

_PER_LINE = 16


def write_text(path: Path, text: str) -> None:
    """Write a text file, the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def c_rows(words: Iterable[str], indent: str = "    ") -> str:
    """The body of an array's initialiser; a single 0 if there is no value."""
    words = list(words) or ["0"]
    rows = [", ".join(words[i : i + _PER_LINE]) for i in range(0, len(words), _PER_LINE)]
    return ",\n".join(indent + row for row in rows)
