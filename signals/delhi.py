"""The Hauz Khas (Delhi) EEG segments as recordings: 5.12 s of one scalp channel each, no patient known.

Source: Swami, Gandhi, Panigrahi, Tripathi & Anand, Expert Syst Appl 56:116-130, 2016.
"""

import re
from pathlib import Path

import numpy as np

from .bounded_files import read_bounded
from .errors import CorruptRecordError, InputError
from .matlab_file import read_integers
from .recording import Channel, Events, Recording
from .seizures import SEIZURE

__all__ = ["DELHI_FS_HZ", "DELHI_STATES", "delhi_recordings", "read_delhi"]

DELHI_FS_HZ = 200.0
DELHI_STATES = ("preictal", "interictal", "ictal")
_ICTAL = "ictal"
_N_SAMPLES = 1024
_MOST_BYTES = 1 << 16
_CHANNEL = Channel("EEG", "uV", 1.0)
"""The files state no unit; the numbers are taken as microvolts, which their size suggests."""


def delhi_recordings(folder: str | Path) -> dict[str, tuple[Recording, ...]]:
    """All segments by state, in the order of their numbers.

    Parameters
    ----------
    folder : holds the folders ``preictal``, ``interictal`` and ``ictal``

    Raises
    ------
    InputError
        A state is missing.
    CorruptRecordError
        A file is no MATLAB file with 1,024 numbers under its state's name.
    """
    folder = Path(folder)
    found = {}
    for state in DELHI_STATES:
        files = sorted((p for p in (folder / state).glob("*.mat") if p.is_file()), key=_number)
        if not files:
            raise InputError(f"{folder / state}: no .mat file of the Delhi segments")
        found[state] = tuple(read_delhi(path) for path in files)
    return found


def read_delhi(path: str | Path) -> Recording:
    """One segment: counts int16 (1024, 1); of an ictal one the whole is a seizure.

    The subject is the file itself, since nobody knows whose segments belong together.

    Raises
    ------
    CorruptRecordError
        The file is no MATLAB file with 1,024 whole numbers under its state's name.
    """
    path = Path(path)
    state = path.stem.rstrip("0123456789")
    data = read_bounded(path, _MOST_BYTES)
    values = read_integers(path, data, state, _MOST_BYTES)
    if len(values) != _N_SAMPLES:
        raise CorruptRecordError(f"{path}: {len(values)} values; a Delhi segment has {_N_SAMPLES} whole numbers")
    counts = values.reshape(-1, 1).astype(np.int16)
    if (counts != values.reshape(-1, 1)).any():
        raise CorruptRecordError(f"{path}: values from {values.min()} to {values.max()} do not fit 16 bits")
    counts.setflags(write=False)
    events = Events.of([(0.0, _N_SAMPLES / DELHI_FS_HZ, SEIZURE)] if state == _ICTAL else [], DELHI_FS_HZ)
    return Recording(path.stem, DELHI_FS_HZ, counts, (_CHANNEL,), path.stem, events)


def _number(path: Path) -> int:
    digits = re.search(r"\d+$", path.stem)
    return int(digits[0]) if digits else 0
