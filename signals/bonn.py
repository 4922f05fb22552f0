"""The Bonn EEG sets as recordings: one file, one segment of one channel, no patient known.

Source: Andrzejak, Lehnertz, Mormann, Rieke, David & Elger, Phys Rev E 64:061907, 2001. Sets A and B are surface
EEG of healthy volunteers (eyes open, eyes closed), C and D intracranial EEG between seizures (opposite to and
within the focus), E intracranial EEG during seizures.
"""

from pathlib import Path

import numpy as np

from .bounded_files import read_bounded_text
from .errors import CorruptRecordError, InputError, one_line
from .recording import Channel, Events, Recording
from .seizures import SEIZURE

__all__ = ["BONN_FS_HZ", "BONN_SETS", "bonn_recordings", "read_bonn"]

BONN_FS_HZ = 173.61
BONN_SETS = {"A": "Z", "B": "O", "C": "N", "D": "F", "E": "S"}
"""Set -> first letter of its files."""

_ICTAL_SET = "E"
_N_SAMPLES = 4097
_MOST_BYTES = 1 << 18
_CHANNEL = Channel("EEG", "uV", 1.0)
"""The files hold converter counts; they are taken as microvolts, as their readers usually do."""


def bonn_recordings(folder: str | Path) -> dict[str, tuple[Recording, ...]]:
    """All segments by set, A to E, sorted by name.

    Parameters
    ----------
    folder : holds ``setA`` to ``setE``, or folders named after the files' first letters, or all files; in any
        spelling of case

    Raises
    ------
    InputError
        A set is missing.
    CorruptRecordError
        A file is no list of 4,097 whole numbers.
    """
    folder = Path(folder)
    files = sorted(p for p in folder.rglob("*") if _is_segment(p))
    found = {
        name: tuple(read_bonn(p) for p in files if p.stem[0].upper() == letter)
        for name, letter in BONN_SETS.items()
    }
    for name, recordings in found.items():
        if not recordings:
            raise InputError(f"{folder}: no file {BONN_SETS[name]}001.txt or the like of Bonn's set {name}")
    return found


def _is_segment(path: Path) -> bool:
    return path.suffix.lower() == ".txt" and path.stem[1:].isdigit() and path.is_file()


def read_bonn(path: str | Path) -> Recording:
    """One segment: counts int16 (4097, 1); in set E the whole of it is a seizure.

    The subject is the file itself, since nobody knows whose segments belong together.

    Raises
    ------
    CorruptRecordError
        The file is no list of 4,097 whole numbers that fit 16 bits.
    """
    path = Path(path)
    text = read_bounded_text(path, _MOST_BYTES, encoding="ascii")
    try:
        counts = np.asarray(text.split(), dtype=np.int16)
    except (ValueError, OverflowError) as error:
        raise CorruptRecordError(f"{path}: not a list of 16-bit numbers ({one_line(error)})") from error
    if len(counts) != _N_SAMPLES:
        raise CorruptRecordError(f"{path}: {len(counts)} samples, a Bonn segment has {_N_SAMPLES}")
    counts.setflags(write=False)
    is_ictal = path.stem[0].upper() == BONN_SETS[_ICTAL_SET]
    events = Events.of([(0.0, _N_SAMPLES / BONN_FS_HZ, SEIZURE)] if is_ictal else [], BONN_FS_HZ)
    return Recording(path.stem, BONN_FS_HZ, counts[:, None], (_CHANNEL,), path.stem, events)
