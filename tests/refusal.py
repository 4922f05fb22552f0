"""How a file is refused: an error of the input, in one short printable line that names it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ictus.signals import InputError

Reader = Callable[[Path], object]
MB = 1_000_000


def refused(read: Reader, path: Path, content: bytes, words: str | None = None) -> str:
    """The one line with which a file is refused."""
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        read(path)
    line = str(error.value)
    assert path.name in line and line.isprintable() and len(line) < 1000
    return line
