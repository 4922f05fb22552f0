"""Recordings of a batch: the files named, and those found in folders, each under a name of its own."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...signals import DATASETS, find_dataset
from ...signals.errors import InputError

__all__ = ["Source", "find_sources", "is_recording"]

_SUFFIXES = (".hea", ".edf", ".csv")
_NO_RECORDINGS = ("REFERENCE", "clips")
"""What the names of tables that lie beside recordings begin with."""


@dataclass(frozen=True)
class Source:
    """A recording that has not been read yet.

    Attributes
    ----------
    name : within the batch, no other has it; for instance ``ward2/100``
    path : absolute; what `load` takes
    detail : what else its result follows from, such as its reference label; its text is part of the result's key
    """

    name: str
    path: Path
    detail: object = None


def is_recording(path: Path) -> bool:
    """Whether a file is a recording by its name; known tables that lie beside recordings are not."""
    suffix = path.suffix.lower()
    return suffix in _SUFFIXES and not (suffix == ".csv" and path.name.startswith(_NO_RECORDINGS))


def find_sources(
    paths: Sequence[str | Path], leave_out: Path | None = None, is_wanted: Callable[[Path], bool] = is_recording
) -> tuple[Source, ...]:
    """The recordings named, and those in the folders and below them, in the order of their names.

    Links are followed: a link to a recording is a recording of its own; a link to a folder above it is left.
    Hidden files and folders are left, too. A name is the path within its folder; where two folders hold the same
    name, their own names come before it, and where this is not enough, the whole path.

    Parameters
    ----------
    paths : recordings, folders, names of data sets
    leave_out : folder that is not looked into: that of the results
    is_wanted : tells recordings in folders from other files

    Raises
    ------
    InputError
        A path leads nowhere, a folder cannot be listed, or there is no recording at all.
    """
    skipped = None if leave_out is None else leave_out.resolve()
    found: dict[Path, tuple[Source, Path]] = {}
    for root in map(Path, paths):
        for source in _of(root, skipped, is_wanted):
            found.setdefault(source.path, (source, root))
    if not found:
        raise InputError(f"{', '.join(map(str, paths))}: no recording ({', '.join(_SUFFIXES)}) in this folder")
    return tuple(sorted(_named_apart(list(found.values())), key=lambda source: source.name))


def _of(root: Path, skipped: Path | None, is_wanted: Callable[[Path], bool]) -> Iterator[Source]:
    if str(root) in DATASETS and not root.exists():
        known = find_dataset(str(root))
        yield from (Source(name, known.path(name).absolute()) for name in known.records)
    elif root.is_dir():
        for path in _walk(root.absolute(), (), skipped):
            if is_wanted(path):
                yield Source(path.relative_to(root.absolute()).with_suffix("").as_posix(), path)
    elif is_recording(root) or root.is_file():
        yield Source(root.stem, root.absolute())
    elif root.with_name(f"{root.name}.hea").is_file():
        yield Source(root.name, root.absolute().with_name(f"{root.name}.hea"))
    else:
        raise InputError(f"{root}: no such file")


def _walk(folder: Path, above: tuple[Path, ...], skipped: Path | None) -> Iterator[Path]:
    """Files below a folder; `above` are the real folders that lead to it."""
    real = folder.resolve()
    if real in above or real == skipped:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(folder / entry.name, (*above, real), skipped)
        else:
            yield folder / entry.name


def _named_apart(found: Sequence[tuple[Source, Path]]) -> Iterator[Source]:
    """Longer names where a short one occurs more than once."""
    groups: dict[str, list[tuple[Source, Path]]] = {}
    for source, root in found:
        groups.setdefault(source.name, []).append((source, root))
    named = [source for group in groups.values() for source in _apart(group)]
    n_of = Counter(source.name for source in named)
    yield from (s if n_of[s.name] == 1 else replace(s, name=s.path.as_posix()) for s in named)


def _apart(group: Sequence[tuple[Source, Path]]) -> list[Source]:
    """Sources of one name with the first kind of longer name that tells them apart."""
    sources = [source for source, _ in group]
    candidates = (
        [source.name for source in sources],
        [f"{source.name}{source.path.suffix}" for source in sources],
        [f"{root.absolute().name}/{source.name}" for source, root in group],
        [source.path.as_posix() for source in sources],
    )
    names = next(names for names in candidates if len(set(names)) == len(sources))
    return [replace(source, name=name) for source, name in zip(sources, names, strict=True)]
