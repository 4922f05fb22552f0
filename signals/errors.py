"""What can be wrong with what a user hands over.

    IctusError                     every error the package raises on purpose
    └── InputError (ValueError)    bad input: one clear line, exit status 2
        ├── UnsupportedFormatError the file is of a kind that no reader knows
        ├── CorruptRecordError     the recording contradicts itself or its format
        ├── UnanalysableError      the recording is sound but holds nothing to decide on
        ├── CorruptModelError      a model file is damaged or of another version
        └── FetchError             a data set could not be fetched whole

A message names the file, the value and the limit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

__all__ = [
    "CorruptModelError",
    "CorruptRecordError",
    "FetchError",
    "IctusError",
    "InputError",
    "UnanalysableError",
    "UnsupportedFormatError",
    "one_line",
    "parsed",
    "quoted",
    "readable",
]

T = TypeVar("T")


class IctusError(Exception):
    """Root of the errors raised on purpose."""


class InputError(IctusError, ValueError):
    """The user's input cannot be used."""


class UnsupportedFormatError(InputError):
    """No reader knows this kind of file."""


class CorruptRecordError(InputError):
    """The recording contradicts itself or its format."""


class UnanalysableError(InputError):
    """The recording is sound but holds nothing to decide on."""


class CorruptModelError(InputError):
    """A model file is damaged or of another version."""


class FetchError(InputError):
    """A data set could not be fetched whole."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """The machine's own errors while `path` is read, as errors of the input.

    Raises
    ------
    InputError
        The file system refuses, or the recording does not fit into memory.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise InputError(f"{path}: the recording does not fit into memory") from error


def quoted(value: object, most: int = 60) -> str:
    """A value as a message shows it: in quotes if it is text, printable, at most `most` letters of it."""
    try:
        text = repr(value)
    except RecursionError:
        text = "what is nested too deeply"
    return text if len(text) <= most + 2 else f"{text[: most - 1]}…"


def one_line(said: object, most: int = 200) -> str:
    """What a library or a file said, as part of our line: printable, no line breaks, at most `most` letters."""
    text = "".join(c if c.isprintable() else "?" for c in " ".join(str(said).split()))
    return text[:most] or type(said).__name__


def parsed(parse: Callable[[str], T], text: str) -> T:
    """`parse` of a text that somebody else wrote; how deep it is nested is their choice, too.

    Raises
    ------
    ValueError
        As `parse`, and where it is nested too deeply.
    """
    try:
        return parse(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
