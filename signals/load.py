"""Two verbs that read every kind of recording: whole, or one lead of it piece by piece."""

from collections.abc import Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path

from .errors import CorruptRecordError, InputError, UnsupportedFormatError, readable
from .lead import Lead, Piece
from .recording import Recording

__all__ = ["load", "open_lead"]

_WFDB_SUFFIXES = (".hea", ".dat", ".atr", ".mat")


def load(path: str | PathLike[str], *, fs_hz: float | None = None) -> Recording:
    """Read a recording: WFDB, EDF/EDF+ or CSV, told apart by the suffix.

    Parameters
    ----------
    path : a WFDB record with or without ``.hea``/``.dat``, an ``.edf`` or a ``.csv`` file
    fs_hz : sampling rate in Hz of a CSV file that does not state its own

    Returns
    -------
    Recording
        Digital counts as stored; NaN, missing and constant signals are read as they are.

    Raises
    ------
    InputError
        One line that names the file, the value and the limit: no such file, not readable, an unsupported
        format (`UnsupportedFormatError`), or a recording that contradicts itself (`CorruptRecordError`).
    """
    path = Path(path)
    with readable(path):
        return _load(path, fs_hz)


def open_lead(path: str | PathLike[str], channel: int | str | None = None, *, fs_hz: float | None = None) -> Lead:
    """One lead of a recording, to be read piece by piece: the counts that `load` gives.

    Parameters
    ----------
    path, fs_hz : as for `load`
    channel : column or name of the lead; None takes MLII, else II, else the first

    Raises
    ------
    InputError
        As `load`, and when the recording has no such channel; what is wrong further back in the file may show
        only when its pieces are read.
    """
    path = Path(path)
    with readable(path):
        lead = _open_lead(path, channel, fs_hz)

    def pieces() -> Iterator[Piece]:
        with readable(path):
            yield from lead.pieces()

    return replace(lead, pieces=pieces)


def _load(path: Path, fs_hz: float | None) -> Recording:
    header = _wfdb_header(path)
    if header is not None:
        from .wfdb_reader import read_wfdb

        return read_wfdb(_present(header))
    _present(path)
    match path.suffix.lower():
        case ".edf":
            from .edf_reader import read_edf

            return read_edf(path)
        case ".csv":
            from .csv_reader import read_csv

            return read_csv(path, fs_hz)
        case _:
            raise _unknown_kind(path)


def _open_lead(path: Path, channel: int | str | None, fs_hz: float | None) -> Lead:
    header = _wfdb_header(path)
    if header is not None:
        from .wfdb_reader import open_wfdb

        return open_wfdb(_present(header), channel)
    _present(path)
    match path.suffix.lower():
        case ".edf":
            from .edf_reader import open_edf

            return open_edf(path, channel)
        case ".csv":
            from .csv_reader import open_csv

            return open_csv(path, channel, fs_hz)
        case _:
            raise _unknown_kind(path)


def _unknown_kind(path: Path) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"{path}: files of kind {path.suffix.lower()!r} are not read; only WFDB (.hea), .edf and .csv"
    )


def _wfdb_header(path: Path) -> Path | None:
    """The header that belongs to `path`, None if it is no part of a WFDB record."""
    if path.suffix.lower() in _WFDB_SUFFIXES:
        return path.with_suffix(".hea")
    appended = path.with_name(path.name + ".hea") if path.name else path
    return appended if appended.is_file() else None


def _present(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: a folder, not a recording")
    if path.stat().st_size == 0:
        raise CorruptRecordError(f"{path}: the file is empty (0 bytes)")
    return path
