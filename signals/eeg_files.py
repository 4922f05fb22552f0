"""EEG recordings of every kind, opened by one verb, and folders full of them."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from .bids_eeg import bids_subject
from .bonn import read_bonn
from .datasets import default_data_folder, find_dataset, subject_of
from .delhi import DELHI_STATES, read_delhi
from .eeg_lead import EegBlock, EegSource, source_of
from .errors import InputError, readable
from .load import load
from .recording import Recording
from .seizure_files import Times, clip_of, seizures_beside
from .seizures import seizures_of
from .umich import is_umich, read_umich

__all__ = ["EegFile", "eeg_files", "is_eeg_recording", "load_eeg", "open_eeg"]

_BONN_NAME = re.compile(r"[ZONFS]\d{3}", re.IGNORECASE)
_SUFFIXES = (".edf", ".csv", ".hea", ".txt", ".mat")
_IN_MEMORY = (".hea", ".txt", ".mat")


class _Known(NamedTuple):
    """What a folder says of a recording before it is read."""

    subject: str
    record: str
    start_s: float
    state: str


@dataclass(frozen=True)
class EegFile:
    """An EEG recording on this machine, not yet read.

    Attributes
    ----------
    path : the file
    name : for the user, its path within its folder
    subject : whose it is
    record : recording that it is, or is a part of; with `start_s`, its place in time
    start_s : where it begins in the recording, 0 for a whole one
    state : of a clip: ``ictal``, ``preictal`` or ``preictal+ictal``; "" for a whole recording
    seizures_s : onset and end of each by the files around it; None where they say nothing
    """

    path: Path
    name: str
    subject: str
    record: str
    start_s: float
    state: str
    seizures_s: Times | None


def open_eeg(path: str | os.PathLike[str], *, fs_hz: float | None = None) -> EegSource:
    """All channels of an EEG recording, to be read piece by piece.

    EDF and CSV are read in bounded memory; WFDB records, Bonn's ``.txt``, Delhi's ``.mat`` and the Michigan
    archive are read whole.

    Parameters
    ----------
    fs_hz : sampling rate in Hz of a CSV file that does not state its own

    Raises
    ------
    InputError
        As `load`; what is wrong further back in the file may show only when its blocks are read.
    """
    path = Path(path)
    with readable(path):
        source = _open(path, fs_hz)

    def blocks(columns: Sequence[int], start_s: float) -> Iterator[EegBlock]:
        with readable(path):
            yield from source.blocks(columns, start_s)

    return replace(source, blocks=blocks)


def load_eeg(path: str | os.PathLike[str], *, fs_hz: float | None = None) -> Recording:
    """The whole of an EEG recording; also of kinds that `load` does not know: Bonn, Delhi, the Michigan archive.

    Raises
    ------
    InputError
        As `load`.
    """
    path = Path(path)
    if is_umich(path):
        return read_umich(path)
    if path.suffix.lower() == ".txt" and _BONN_NAME.fullmatch(path.stem):
        return read_bonn(path)
    if path.suffix.lower() == ".mat" and path.stem.rstrip("0123456789") in DELHI_STATES:
        return read_delhi(path)
    return load(path, fs_hz=fs_hz)


def eeg_files(where: str | os.PathLike[str] | None = None) -> tuple[EegFile, ...]:
    """EEG recordings of a folder and of those within it, sorted by subject and time.

    Of a CHB-MIT folder that holds both, whole recordings are taken and clips of them are not.

    Parameters
    ----------
    where : a folder, a single recording, the name of a data set (``chbmit``, or what else lies beside it, like
        ``bonn``), or None for the built-in sample

    Raises
    ------
    InputError
        There is no such folder, or it holds no recording.
    """
    if where is not None and not Path(where).exists() and (default_data_folder() / where).exists():
        where = default_data_folder() / where
    if where is None or not Path(where).exists():
        found = find_dataset(where, "chbmit")
        root, paths = found.folder, [found.path(record) for record in found.records]
    else:
        root = Path(where)
        is_one = root.is_file() or is_umich(root)
        paths = [root] if is_one else [p for p in sorted(root.rglob("*")) if is_eeg_recording(p)]
    files = [_file(path, root) for path in paths]
    whole = {f.record for f in files if not f.state}
    kept = [f for f in files if not f.state or f.record not in whole]
    if not kept:
        raise InputError(f"{root}: no EEG recording ({', '.join(_SUFFIXES)}) in this folder")
    return tuple(sorted(kept, key=lambda f: (f.subject, f.record, f.start_s, f.name)))


def _open(path: Path, fs_hz: float | None) -> EegSource:
    if path.is_file() and path.stat().st_size and path.suffix.lower() == ".edf":
        from .edf_reader import open_edf_eeg

        return open_edf_eeg(path)
    if path.is_file() and path.stat().st_size and path.suffix.lower() == ".csv":
        from .csv_reader import open_csv_eeg

        return open_csv_eeg(path, fs_hz)
    return source_of(load_eeg(path, fs_hz=fs_hz))


def is_eeg_recording(path: Path) -> bool:
    """Whether a file is a recording by its name; tables and notes that lie beside recordings are not."""
    if not path.is_file():  # nor is a pipe that bears such a name
        return is_umich(path)
    match path.suffix.lower():
        case ".edf" | ".hea":
            return True
        case ".csv":
            return path.name != "clips.csv" and not path.name.startswith("REFERENCE")
        case ".txt":
            return _BONN_NAME.fullmatch(path.stem) is not None
        case ".mat":
            return path.stem.rstrip("0123456789") in DELHI_STATES
        case _:
            return is_umich(path)


def _file(path: Path, root: Path) -> EegFile:
    name = path.relative_to(root).as_posix() if path != root else path.name
    known = _known(path)
    beside = seizures_beside(path)
    seizures_s = _seizures_within(path) if beside is None else beside
    return EegFile(path, name, known.subject, known.record, known.start_s, known.state, seizures_s)


def _seizures_within(path: Path) -> Times | None:
    """Seizures that the file itself tells; None where it has no place for them."""
    if path.suffix.lower() == ".edf":
        from .edf_reader import edf_seizures

        return edf_seizures(path)
    if path.suffix.lower() in _IN_MEMORY or is_umich(path):
        return tuple((float(onset_s), float(end_s)) for onset_s, end_s in seizures_of(load_eeg(path)))
    return None


def _known(path: Path) -> _Known:
    clip = clip_of(path)
    if clip is not None:
        subject = subject_of(clip.record, "chbmit")
        return _Known(subject, clip.record, clip.start_s, clip.state)
    return _Known(bids_subject(path) or subject_of(path.stem, path.parent.name), path.stem, 0.0, "")
