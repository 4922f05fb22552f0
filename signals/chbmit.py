"""What CHB-MIT says of its recordings: the summary of each case, the seizure files, and the table of clips.

Source: Shoeb 2009 and the database's pages, https://physionet.org/content/chbmit/1.0.0/. The summaries are written
by hand: seizures with and without numbers, files without times (chb24), channel lists that change in the middle,
hours that count on past 24.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .bounded_files import read_bounded, read_bounded_text, stays_inside, table_rows
from .errors import CorruptRecordError, one_line, quoted
from .wfdb_annotations import Mark, decode_annotations

__all__ = [
    "Clip",
    "Summary",
    "SummaryFile",
    "elapsed_s",
    "is_clip_table",
    "parse_summary",
    "read_clips",
    "read_seizure_file",
    "read_summary",
]

_DAY_S = 86400
_MOST_LINE_BYTES = 4096
_CLIP_COLUMNS = ("file", "subject", "record", "start_s", "duration_s", "state")
_RESOLUTION = re.compile(r"## time resolution: (\d{1,9}(?:\.\d{1,9})?)(?![\d.])")
_LINES = (
    ("rate", re.compile(r"Data Sampling Rate:\s*(\d{1,6}) Hz")),
    ("list", re.compile(r"Channels (?:in EDF Files|changed):?")),
    ("channel", re.compile(r"Channel (\d{1,6}):\s*(.*)")),
    ("file", re.compile(r"File Name:\s*(\S+)\.edf")),
    ("time", re.compile(r"File (Start|End) Time:\s*(\d{1,6}):(\d\d):(\d\d)")),
    ("count", re.compile(r"Number of Seizures in File:\s*(\d{1,6})")),
    ("seizure", re.compile(r"Seizure\s*\d*\s+(Start|End) Time:\s*(\d{1,9})\s*seconds?")),
    ("line", re.compile(r"\**")),
)


@dataclass(frozen=True)
class SummaryFile:
    """One recording in a summary.

    Attributes
    ----------
    record : its name, ``chb01_03``
    channels : labels in the order of the file, dummies included
    start_s, end_s : of the clock on the wall, in seconds after midnight, past the next one from 24 h on; None in
        chb24
    seizures_s : onset and end of each, seconds from the start of the file
    """

    record: str
    channels: tuple[str, ...]
    start_s: int | None = None
    end_s: int | None = None
    seizures_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Summary:
    """A case: its sampling rate in Hz and its recordings in the order of the summary."""

    fs_hz: float
    files: tuple[SummaryFile, ...]


@dataclass(frozen=True)
class Clip:
    """An excerpt of a recording.

    Attributes
    ----------
    path : the file
    subject, record : whose, and of which recording
    start_s, duration_s : where it lies in the recording
    state : ``ictal``, ``preictal`` or ``preictal+ictal``
    seizures_s : onset and end of each, seconds from the start of the clip
    """

    path: Path
    subject: str
    record: str
    start_s: float
    duration_s: float
    state: str
    seizures_s: tuple[tuple[float, float], ...]


def read_summary(path: str | Path) -> Summary:
    """Read ``chbNN-summary.txt``; errors as `parse_summary`."""
    path = Path(path)
    return parse_summary(read_bounded_text(path, encoding="latin-1"), str(path))


def parse_summary(text: str, source: str) -> Summary:
    """Understand a summary.

    Parameters
    ----------
    text : its content
    source : where it comes from, for messages

    Raises
    ------
    CorruptRecordError
        A line is of no known form, or a file's seizures contradict their number or each other.
    """
    draft = _Draft(source)
    for number, line in enumerate(text.splitlines(), 1):
        draft.take(number, line.strip())
    draft.close_file()
    if draft.fs_hz is None or not draft.files:
        raise CorruptRecordError(f"{source}: no sampling rate or no file, not the summary of a CHB-MIT case")
    return Summary(draft.fs_hz, tuple(draft.files))


def elapsed_s(summary: Summary) -> list[float | None]:
    """Start of every recording in seconds after the midnight before the first; None where no time is told.

    A clock that went back means that midnight passed; whole days of pause cannot be seen.
    """
    found: list[float | None] = []
    day, last = 0, 0
    for file in summary.files:
        if file.start_s is None:
            found.append(None)
            continue
        start_s = file.start_s % _DAY_S
        day, last = day + (start_s < last), start_s
        found.append(float(day * _DAY_S + start_s))
    return found


def read_seizure_file(path: str | Path) -> tuple[tuple[float, float], ...]:
    """Onset and end of every seizure in a binary ``.edf.seizures`` file, seconds from the start of its recording.

    Raises
    ------
    CorruptRecordError
        It is no WFDB annotation file, tells no time resolution, or holds a mark without its counterpart.
    """
    path = Path(path)
    data = read_bounded(path)
    try:
        marks = list(decode_annotations(data))
    except ValueError as error:
        raise CorruptRecordError(f"{path}: not a WFDB annotation file ({error})") from error
    fs_hz = _resolution_hz(path, marks)
    bounds = [m for m in marks if m.symbol in "[]"]
    if [m.symbol for m in bounds] != ["[", "]"] * (len(bounds) // 2):
        raise CorruptRecordError(
            f"{path}: its marks {quoted(' '.join(m.symbol for m in bounds))} are not pairs of [ and ]"
        )
    times_s = [m.sample / fs_hz for m in bounds]
    return tuple(zip(times_s[::2], times_s[1::2], strict=True))


def is_clip_table(path: Path) -> bool:
    """Whether a file's first line names the columns of a table of clips; others may use its name, too."""
    with path.open("rb") as file:
        first = file.readline(_MOST_LINE_BYTES)
    return set(_CLIP_COLUMNS) <= set(first.decode("utf-8", errors="replace").strip().split(","))


def read_clips(path: str | Path) -> tuple[Clip, ...]:
    """Read a table of clips, ``clips.csv``; files are named relative to it.

    Raises
    ------
    CorruptRecordError
        A column is missing or a time is no number.
    """
    path = Path(path)
    return tuple(_clip(path, row) for row in table_rows(path, _CLIP_COLUMNS, ","))


def _clip(path: Path, row: Mapping[str, str | None]) -> Clip:
    name, subject, record, state = (row[key] or "" for key in ("file", "subject", "record", "state"))
    if not stays_inside(name):
        raise CorruptRecordError(f"{path}: {quoted(name)} lies outside the folder of the table")
    try:
        bounds = [_seconds(row[key]) for key in ("seizure_start_s", "seizure_end_s") if row.get(key)]
        start_s, duration_s = _seconds(row["start_s"]), _seconds(row["duration_s"])
    except ValueError as error:
        raise CorruptRecordError(f"{path}: {quoted(name)}: a time is not a number") from error
    seizures_s = ((bounds[0], bounds[1]),) if len(bounds) == 2 else ()
    return Clip(path.parent / name, subject, record, start_s, duration_s, state, seizures_s)


def _seconds(cell: str | None) -> float:
    """A finite number; ValueError for anything else."""
    value = float(cell or "")
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def _resolution_hz(path: Path, marks: Iterable[Mark]) -> float:
    for mark in marks:
        if (told := _RESOLUTION.search(mark.text)) and 0 < float(told[1]) < math.inf:
            return float(told[1])
    raise CorruptRecordError(f"{path}: no time resolution among its annotations")


@dataclass
class _Draft:
    """A summary that is being read."""

    source: str
    fs_hz: float | None = None
    files: list[SummaryFile] = field(default_factory=list)
    _channels: tuple[str, ...] = ()
    _file: SummaryFile | None = None
    _n_seizures: int | None = None
    _starts_s: list[float] = field(default_factory=list)
    _ends_s: list[float] = field(default_factory=list)

    def take(self, number: int, line: str) -> None:
        """Understand one line."""
        for kind, pattern in _LINES:
            if match := pattern.fullmatch(line):
                self._take(kind, match)
                return
        raise CorruptRecordError(f"{self.source}: line {number} {quoted(line)} is of no known form")

    def _take(self, kind: str, match: re.Match[str]) -> None:
        match kind:
            case "rate":
                self.fs_hz = float(match[1])
            case "list":
                self.close_file()
                self._channels = ()
            case "channel":
                self._channels += (match[2].strip(),)
            case "file":
                self.close_file()
                self._file = SummaryFile(match[1], self._channels)
            case "time" if self._file:
                seconds = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4])
                told = {"start_s": seconds} if match[1] == "Start" else {"end_s": seconds}
                self._file = replace(self._file, **told)
            case "count":
                self._n_seizures = int(match[1])
            case "seizure":
                (self._starts_s if match[1] == "Start" else self._ends_s).append(float(match[2]))
            case _:
                pass

    def close_file(self) -> None:
        """The file whose lines were read is complete."""
        if self._file is None:
            return
        shown, starts_s, ends_s = one_line(self._file.record, 60), self._starts_s, self._ends_s
        if not len(starts_s) == len(ends_s) == self._n_seizures:
            raise CorruptRecordError(
                f"{self.source}: {shown}: {self._n_seizures} seizures announced, {len(starts_s)} starts and "
                f"{len(ends_s)} ends told"
            )
        seizures_s = tuple(zip(starts_s, ends_s, strict=True))
        for start_s, end_s in seizures_s:
            if end_s <= start_s:
                raise CorruptRecordError(f"{self.source}: {shown}: seizure from {start_s:g} s to {end_s:g} s")
        self.files.append(replace(self._file, seizures_s=seizures_s))
        self._file, self._n_seizures = None, None
        self._starts_s, self._ends_s = [], []
