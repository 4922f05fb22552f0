"""CSV tables with one row per sample to a `Recording` in digital counts."""

import csv
import math
import re
from pathlib import Path

import numpy as np

from .errors import CorruptRecordError, InputError
from .recording import Channel, Recording
from .wfdb_header import check_fs_hz

__all__ = ["read_csv"]

_TIME_NAMES = ("time_s", "time", "t")
_FS_COMMENT = re.compile(r"#\s*fs_hz\s*[=:]\s*(\S+)\s*$")
_NAME_AND_UNIT = re.compile(r"(?P<name>.*?)\s*\[(?P<unit>[^\]]+)\]")
_MISSING = ("", "nan", "na", "null")
_MAX_DIGITS = 12
_MAX_COUNT = (1 << 31) - 1
_SNAP = 5e-4


def read_csv(path: Path, fs_hz: float | None = None) -> Recording:
    """Read a table whose first row names the channels.

    The sampling rate comes from `fs_hz`, else from a comment line ``# fs_hz=250``, else from a first column
    ``time_s`` (or ``time``, ``t``) in seconds. A unit stands in the channel's name, ``C3[uV]``; without one
    it is mV. Empty and NaN cells are invalid samples. Counts are int32; the gain is the largest power of
    ten that the largest value allows.

    Raises
    ------
    CorruptRecordError
        A cell is no number, a row has another length, times are not evenly spaced.
    InputError
        The sampling rate is not known.
    """
    comments, names, values = _read_table(path)
    time_s = values[:, 0] if names[0].lower() in _TIME_NAMES else None
    if time_s is not None:
        names, values = names[1:], values[:, 1:]
    if not names:
        raise CorruptRecordError(f"{path}: the table has a time column only, no channel")
    rate = _sampling_rate(path, fs_hz, comments, time_s)
    invalid = np.isnan(values)
    channels = tuple(_channel(name, values[:, i]) for i, name in enumerate(names))
    gains = np.asarray([c.gain_per_unit for c in channels])
    counts = np.rint(np.where(invalid, 0.0, values) * gains).astype(np.int32)
    counts.setflags(write=False)
    invalid.setflags(write=False)
    return Recording(path.stem, rate, counts, channels, path.stem, invalid=invalid if invalid.any() else None)


def _read_table(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Comment lines, column names and values, float64 (n_samples, n_columns) with NaN where missing."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CorruptRecordError(f"{path}: byte {error.start} is not UTF-8 text") from error
    comments = [line for line in lines if line.startswith("#")]
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if len(numbered) < 2:
        raise CorruptRecordError(f"{path}: {len(numbered)} rows, 2 needed: channel names and a sample")
    delimiter = max(",;\t", key=numbered[0][1].count)
    names = [name.strip() for name in next(csv.reader([numbered[0][1]], delimiter=delimiter))]
    if all(_is_number(name) for name in names):
        raise CorruptRecordError(f"{path}: line {numbered[0][0]} holds numbers, not channel names")
    return comments, names, _values(path, names, delimiter, numbered[1:])


def _values(path: Path, names: list[str], delimiter: str, numbered: list[tuple[int, str]]) -> np.ndarray:
    """All rows at once where every cell is a number, else cell by cell; float64 (n_samples, n_columns)."""
    try:
        values = np.loadtxt([line for _, line in numbered], delimiter=delimiter, ndmin=2, comments=None)
    except ValueError:
        values = np.empty((0, 0))
    if values.shape[1] == len(names) and not np.isinf(values).any():
        return values
    return np.asarray([_row(path, number, names, line.split(delimiter)) for number, line in numbered])


def _row(path: Path, number: int, names: list[str], row: list[str]) -> list[float]:
    if len(row) != len(names):
        raise CorruptRecordError(f"{path}: line {number} has {len(row)} cells, the first row {len(names)}")
    try:
        values = [float(cell) for cell in row]
    except ValueError:
        values = [_cell(path, number, name, cell) for name, cell in zip(names, row, strict=True)]
    if any(map(math.isinf, values)):
        raise CorruptRecordError(f"{path}: line {number} holds an infinite value")
    return values


def _cell(path: Path, number: int, name: str, cell: str) -> float:
    cell = cell.strip(' "')
    if cell.lower() in _MISSING:
        return math.nan
    if not _is_number(cell):
        raise CorruptRecordError(f"{path}: line {number}, column {name!r}: {cell[:40]!r} is not a number")
    return float(cell)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sampling_rate(path: Path, fs_hz: float | None, comments: list[str], time_s: np.ndarray | None) -> float:
    if fs_hz is not None:
        return check_fs_hz(path, fs_hz)
    for match in filter(None, map(_FS_COMMENT.match, comments)):
        if not _is_number(match[1]):
            raise CorruptRecordError(f"{path}: sampling rate {match[1]!r} is not a number")
        return check_fs_hz(path, float(match[1]))
    if time_s is None:
        raise InputError(f"{path}: no sampling rate: needs a line '# fs_hz=250' or a first column time_s")
    return _rate_from_times(path, time_s)


def _rate_from_times(path: Path, time_s: np.ndarray) -> float:
    """Samples per second, a whole number if it lies within 0.05 % of one (times are often rounded)."""
    span_s = float(time_s[-1] - time_s[0])
    if len(time_s) < 2 or not span_s > 0:
        raise CorruptRecordError(f"{path}: the time column does not rise from its first to its last row")
    fs_hz = (len(time_s) - 1) / span_s
    late = np.abs((time_s - time_s[0]) * fs_hz - np.arange(len(time_s)))
    if not late.max() < 0.75:
        worst = int(np.argmax(np.nan_to_num(late, nan=np.inf)))
        raise CorruptRecordError(
            f"{path}: times are not evenly spaced: {time_s[worst]:g} s in sample row {worst + 1}, "
            f"{time_s[0] + worst / fs_hz:g} s expected at {fs_hz:g} Hz"
        )
    whole = round(fs_hz)
    return check_fs_hz(path, float(whole) if abs(fs_hz - whole) <= _SNAP * fs_hz else fs_hz)


def _channel(name: str, values: np.ndarray) -> Channel:
    match = _NAME_AND_UNIT.fullmatch(name)
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    digits = math.floor(math.log10(_MAX_COUNT) - math.log10(largest)) if largest else 0
    gain = 10.0 ** min(digits, _MAX_DIGITS)
    return Channel(match["name"], match["unit"], gain) if match else Channel(name, "mV", gain)
