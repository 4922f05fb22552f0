"""The Michigan scalp EEG as a recording: 500 s at 100 Hz with one seizure from about 350 s on.

Source: Ombao, Raz, von Sachs & Malow, J Am Stat Assoc 96:543-560, 2001, and the note that lies beside the data.
SP1 and SP2 are corrupted, Cz is the reference, and nobody says what channels 22 to 31 are: they are left out.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .archives import unpack_files
from .bounded_files import read_bounded
from .errors import CorruptRecordError, one_line
from .recording import Channel, Events, Recording
from .seizures import SEIZURE

__all__ = ["UMICH_FS_HZ", "UMICH_ONSET_S", "is_umich", "read_umich"]

UMICH_FS_HZ = 100.0
UMICH_ONSET_S = 350.0
"""About; the publications tell no end, so the seizure is taken to last as long as the recording."""

_ELECTRODES = (
    *("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", None, None),
    *("F7", "F8", "T3", "T4", "T5", "T6", "Fz", None, "Pz"),
)
"""Of channels 1 to 21; None for those that are left out."""

_NAME = "umich_seizure"
_MOST_BYTES = 1 << 22


def is_umich(path: Path) -> bool:
    """Whether a path is the archive, or the folder with its files."""
    return (path.is_file() and path.name.startswith(f"{_NAME}.tar")) or (path / "ch01.inp").is_file()


def read_umich(path: str | Path) -> Recording:
    """Counts int16 (50000, 18), taken as microvolts: the files state no unit.

    Parameters
    ----------
    path : the archive ``umich_seizure.tar.xz``, or the folder with ``ch01.inp`` to ``ch31.inp``

    Raises
    ------
    CorruptRecordError
        A channel is missing, is no list of whole numbers, or has another length than the others.
    """
    path = Path(path)
    texts = dict(_texts(path))
    named = [(f"ch{i:02}.inp", electrode) for i, electrode in enumerate(_ELECTRODES, 1) if electrode]
    columns = [_column(path, file, texts) for file, _ in named]
    if len({len(c) for c in columns}) != 1:
        raise CorruptRecordError(
            f"{path}: channels of {min(map(len, columns))} to {max(map(len, columns))} samples"
        )
    counts = np.stack(columns, axis=1)
    counts.setflags(write=False)
    duration_s = len(counts) / UMICH_FS_HZ
    events = Events.of([(UMICH_ONSET_S, duration_s - UMICH_ONSET_S, SEIZURE)], UMICH_FS_HZ)
    channels = tuple(Channel(electrode, "uV", 1.0) for _, electrode in named)
    return Recording(_NAME, UMICH_FS_HZ, counts, channels, _NAME, events)


def _texts(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the channels' files."""
    if path.is_dir():
        yield from ((p.name, read_bounded(p, _MOST_BYTES)) for p in sorted(path.glob("ch*.inp")) if p.is_file())
        return
    for name, content in unpack_files(path):
        if name.endswith(".inp"):
            yield name, b"".join(content)


def _column(path: Path, file: str, texts: dict[str, bytes]) -> np.ndarray:
    if file not in texts:
        raise CorruptRecordError(f"{path}: it holds no {file}")
    try:
        return np.asarray(texts[file].split(), dtype=np.int16)
    except (ValueError, OverflowError) as error:
        raise CorruptRecordError(f"{path}: {file} is not a list of 16-bit numbers ({one_line(error)})") from error
