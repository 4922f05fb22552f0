"""CSV tables with one row per sample to a `Recording` in digital counts."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .eeg_lead import EegBlock, EegSource, without_head
from .errors import CorruptRecordError, InputError, quoted
from .lead import Lead, Piece, choose_column
from .recording import Channel, Recording
from .wfdb_header import check_fs_hz

__all__ = ["open_csv", "open_csv_eeg", "read_csv"]

_TIME_NAMES = ("time_s", "time", "t")
_FS_COMMENT = re.compile(r"#\s*fs_hz\s*[=:]\s*(\S+)\s*$")
_NAME_AND_UNIT = re.compile(r"(?P<name>.*?)\s*\[(?P<unit>[^\]]+)\]")
_MISSING = ("", "nan", "na", "null")
_MAX_DIGITS = 12
_MAX_COUNT = (1 << 31) - 1
_SNAP = 5e-4
_MOST_LATE = 0.75  # samples that a time may lie off an even grid
_READ_BYTES = 1 << 22


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
    table = _survey(path, fs_hz)
    parts = [_counts(values, table.channels) for values in _checked_values(table)]
    counts, invalid = (np.concatenate(column) for column in zip(*parts, strict=True))
    counts.setflags(write=False)
    invalid.setflags(write=False)
    return Recording(
        path.stem, table.fs_hz, counts, table.channels, path.stem, invalid=invalid if invalid.any() else None
    )


def open_csv(path: Path, channel: int | str | None = None, fs_hz: float | None = None) -> Lead:
    """One column as in `read_csv`, read piece by piece: once through the file for its length, rate and gain, and
    once more whenever the samples are read.

    Parameters
    ----------
    channel : column or name; None takes MLII, else II, else the first

    Raises
    ------
    CorruptRecordError, InputError
        As `read_csv`; or there is no such channel.
    """
    table = _survey(path, fs_hz)
    column = choose_column(path.stem, [c.name for c in table.channels], channel)
    only = slice(column, column + 1)

    def pieces() -> Iterator[Piece]:
        for values in _checked_values(table):
            counts, invalid = _counts(values[:, only], table.channels[only])
            yield counts[:, 0], invalid[:, 0]

    return Lead(path.stem, table.fs_hz, table.n_samples, table.channels[column], pieces)


def open_csv_eeg(path: Path, fs_hz: float | None = None) -> EegSource:
    """All columns as in `read_csv`, read piece by piece; one without a unit is in uV, as EEG is.

    Raises
    ------
    CorruptRecordError, InputError
        As `read_csv`.
    """
    table = _survey(path, fs_hz, "uV")

    def read(columns: Sequence[int]) -> Iterator[EegBlock]:
        for values in _checked_values(table):
            counts, invalid = _counts(values[:, columns], [table.channels[c] for c in columns])
            yield EegBlock(tuple(counts.T), tuple(invalid.T))

    def blocks(columns: Sequence[int], start_s: float) -> Iterator[EegBlock]:
        return without_head(read(columns), [round(start_s * table.fs_hz)] * len(columns))

    rates = (table.fs_hz,) * len(table.channels)
    return EegSource(path.stem, table.channels, rates, table.n_samples / table.fs_hz, blocks)


@dataclass(frozen=True)
class _Table:
    """What is known of a table after the first reading; `start_s` is its first time, None where there is none."""

    path: Path
    n_samples: int
    fs_hz: float
    channels: tuple[Channel, ...]
    start_s: float | None
    end_s: float
    check_times: bool


def _survey(path: Path, fs_hz: float | None, unit: str = "mV") -> _Table:
    """First reading; `unit` is that of columns that name none."""
    comments: list[str] = []
    blocks = _values(path, comments)
    names = next(blocks)[0]
    has_time = names[0].lower() in _TIME_NAMES
    n_samples, first_s, last_s, largest = 0, math.nan, math.nan, np.zeros(len(names))
    for _, values in blocks:
        first_s, last_s = (float(values[0, 0]) if n_samples == 0 else first_s), float(values[-1, 0])
        n_samples += len(values)
        largest = np.fmax(largest, np.fmax.reduce(np.abs(values)))
    if has_time and len(names) == 1:
        raise CorruptRecordError(f"{path}: the table has a time column only, no channel")
    stated = _stated_rate(path, fs_hz, comments)
    if stated is None and not has_time:
        raise InputError(f"{path}: no sampling rate: needs a line '# fs_hz=250' or a first column time_s")
    rate = _rate_from_times(path, first_s, last_s, n_samples) if stated is None else stated
    channels = [_channel(n, float(x), unit) for n, x in zip(names, largest, strict=True)][has_time:]
    return _Table(path, n_samples, rate, tuple(channels), first_s if has_time else None, last_s, stated is None)


def _checked_values(table: _Table) -> Iterator[np.ndarray]:
    """Values of the channels, float64 (n, n_channels) at a time; times are checked and left out."""
    blocks = _values(table.path, [])
    next(blocks)
    n_before = 0
    for _, values in blocks:
        if table.check_times:
            _check_times(table, values[:, 0], n_before)
        n_before += len(values)
        yield values if table.start_s is None else values[:, 1:]


def _check_times(table: _Table, time_s: np.ndarray, n_before: int) -> None:
    assert table.start_s is not None, "times are checked only where there is a column of them"
    exact_hz = (table.n_samples - 1) / (table.end_s - table.start_s)
    number = np.arange(n_before, n_before + len(time_s))
    with np.errstate(over="ignore"):  # a time can be that far off
        late = np.abs((time_s - table.start_s) * exact_hz - number)
    if not late.max() < _MOST_LATE:
        worst = int(np.argmax(np.nan_to_num(late, nan=np.inf)))
        raise CorruptRecordError(
            f"{table.path}: times are not evenly spaced: {time_s[worst]:g} s in sample row {number[worst] + 1}, "
            f"{table.start_s + number[worst] / exact_hz:g} s expected at {exact_hz:g} Hz"
        )


def _counts(values: np.ndarray, channels: Sequence[Channel]) -> tuple[np.ndarray, np.ndarray]:
    """int32 counts and which of them are missing, each (n, n_channels)."""
    invalid = np.isnan(values)
    gains = np.asarray([c.gain_per_unit for c in channels])
    return np.rint(np.where(invalid, 0.0, values) * gains).astype(np.int32), invalid


def _values(path: Path, comments: list[str]) -> Iterator[tuple[list[str], np.ndarray]]:
    """Column names with no row; then names with rows as they are read, float64 (n, n_columns), NaN where missing.

    Lines that begin with # are appended to `comments`.
    """
    names: list[str] = []
    delimiter, n_rows = ",", 0
    for numbered in _lines(path, comments):
        rows = numbered
        if not names:
            (number, head), *rows = numbered
            delimiter = max(",;\t", key=head.count)
            names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter))]
            if all(_is_number(name) for name in names):
                raise CorruptRecordError(f"{path}: line {number} holds numbers, not channel names")
            yield names, np.empty((0, len(names)))
        n_rows += len(rows)
        if rows:
            yield names, _parsed(path, names, delimiter, rows)
    if n_rows == 0:
        raise CorruptRecordError(f"{path}: {int(bool(names))} rows, 2 needed: channel names and a sample")


def _lines(path: Path, comments: list[str]) -> Iterator[list[tuple[int, str]]]:
    """Numbered lines that are neither empty nor comments, some at a time."""
    number, n_bytes, rest = 1, 0, b""
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            lines = _decoded(path, whole + newline, n_bytes).splitlines()
            n_bytes += len(whole + newline)
            yield from _numbered(lines, number, comments)
            number += len(lines)
    yield from _numbered(_decoded(path, rest, n_bytes).splitlines(), number, comments)


def _numbered(lines: list[str], first: int, comments: list[str]) -> Iterator[list[tuple[int, str]]]:
    comments += [line for line in lines if line.startswith("#")]
    kept = [(i, line) for i, line in enumerate(lines, first) if line.strip() and not line.startswith("#")]
    if kept:
        yield kept


def _decoded(path: Path, data: bytes, offset: int) -> str:
    try:
        return data.decode("utf-8-sig" if offset == 0 else "utf-8")
    except UnicodeDecodeError as error:
        raise CorruptRecordError(f"{path}: byte {offset + error.start} is not UTF-8 text") from error


def _parsed(path: Path, names: list[str], delimiter: str, numbered: list[tuple[int, str]]) -> np.ndarray:
    """All rows at once where every cell is a number, else cell by cell; float64 (n, n_columns)."""
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
        raise CorruptRecordError(f"{path}: line {number}, column {quoted(name)}: {quoted(cell)} is not a number")
    return float(cell)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _stated_rate(path: Path, fs_hz: float | None, comments: list[str]) -> float | None:
    """The rate asked for, else that of a comment line, else None."""
    if fs_hz is not None:
        return check_fs_hz(path, fs_hz)
    for match in filter(None, map(_FS_COMMENT.match, comments)):
        if not _is_number(match[1]):
            raise CorruptRecordError(f"{path}: sampling rate {quoted(match[1])} is not a number")
        return check_fs_hz(path, float(match[1]))
    return None


def _rate_from_times(path: Path, first_s: float, last_s: float, n_samples: int) -> float:
    """Samples per second, a whole number if it lies within 0.05 % of one (times are often rounded)."""
    if n_samples < 2 or not last_s - first_s > 0:
        raise CorruptRecordError(f"{path}: the time column does not rise from its first to its last row")
    fs_hz = check_fs_hz(path, (n_samples - 1) / (last_s - first_s))
    whole = round(fs_hz)
    return float(whole) if abs(fs_hz - whole) <= _SNAP * fs_hz else fs_hz


def _channel(name: str, largest: float, unit: str) -> Channel:
    match = _NAME_AND_UNIT.fullmatch(name)
    digits = math.floor(math.log10(_MAX_COUNT) - math.log10(largest)) if largest else 0
    gain = 10.0 ** min(digits, _MAX_DIGITS)
    return Channel(match["name"], match["unit"], gain) if match else Channel(name, unit, gain)
