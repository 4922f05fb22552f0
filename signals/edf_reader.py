"""EDF and EDF+ files to a `Recording` in digital counts.

Source of the layout: Kemp et al. 1992 (EDF) and Kemp & Olivan 2003 (EDF+), https://www.edfplus.info/specs/.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import edfio
import numpy as np

from .datasets import subject_of
from .errors import CorruptRecordError, InputError, UnsupportedFormatError
from .lead import PIECE_SAMPLES, Lead, Piece, choose_column
from .recording import Channel, Events, Recording
from .wfdb_header import check_fs_hz

__all__ = ["open_edf", "read_edf"]

_MAX_SIGNALS = 4096
_ANNOTATION_LABEL = "EDF Annotations"
_SIGNAL_HEADER_BYTES = 256
_LABEL_BYTES = 16
_UNIT_OFFSET, _UNIT_BYTES = 96, 8
_SAMPLES_OFFSET, _SAMPLES_BYTES = 216, 8


@dataclass(frozen=True)
class _Layout:
    """What the fixed part of the header says, checked against the size of the file."""

    n_records: int
    record_s: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    samples_per_record: tuple[int, ...]

    def held_records(self, path: Path) -> int:
        """Data records that the file holds."""
        n_bytes = path.stat().st_size - _SIGNAL_HEADER_BYTES * (len(self.labels) + 1)
        return n_bytes // (2 * sum(self.samples_per_record))


def read_edf(path: Path) -> Recording:
    """Read a continuous EDF or EDF+ file.

    Signals of differing rates: those of the highest rate are kept. EDF+ annotations become events whose
    symbol is the annotation's text; those outside the recording are dropped.

    Raises
    ------
    CorruptRecordError
        The header breaks the format, or the file is shorter or longer than its header says.
    UnsupportedFormatError
        A discontinuous (EDF+D) file, or one without a single signal.
    """
    layout = _checked_layout(path)
    with _readable_edf(path):
        return _read(path, layout)


def open_edf(path: Path, channel: int | str | None = None) -> Lead:
    """One signal of a file as in `read_edf`, read some data records at a time; annotations are not looked at.

    Parameters
    ----------
    channel : column or name; None takes MLII, else II, else the first

    Raises
    ------
    CorruptRecordError, UnsupportedFormatError
        As `read_edf`.
    InputError
        There is no such channel.
    """
    layout = _checked_layout(path)
    with _readable_edf(path):
        kept, fs_hz = _fastest(path, layout, edfio.read_edf(path, lazy_load_data=True))
        column = choose_column(path.stem, [s.label for _, s in kept], channel)
        number, signal = kept[column]
        found = _channel(path, signal, layout.units[number])
    n_in_record = layout.samples_per_record[number]
    n_samples = layout.held_records(path) * n_in_record
    return Lead(path.stem, fs_hz, n_samples, found, lambda: _pieces(path, layout, number))


def _pieces(path: Path, layout: _Layout, number: int) -> Iterator[Piece]:
    """Counts of one signal, as many whole data records at a time as make a piece."""
    width, first = sum(layout.samples_per_record), sum(layout.samples_per_record[:number])
    n_in_record = layout.samples_per_record[number]
    step, n_records = max(PIECE_SAMPLES // n_in_record, 1), layout.held_records(path)
    with path.open("rb") as file:
        file.seek(_SIGNAL_HEADER_BYTES * (len(layout.labels) + 1))
        for start in range(0, n_records, step):
            n = min(step, n_records - start)
            records = np.fromfile(file, "<i2", n * width).reshape(-1, width)
            yield records[:, first : first + n_in_record].ravel(), None


@contextmanager
def _readable_edf(path: Path) -> Iterator[None]:
    """What edfio finds wrong, as a corrupt record; its warnings are for those who write files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (InputError, OSError, MemoryError):
            raise
        except Exception as error:
            text = " ".join(str(error).split())[:200] or type(error).__name__
            raise CorruptRecordError(f"{path}: {text}") from error


def _fastest(path: Path, layout: _Layout, edf: edfio.Edf) -> tuple[list[tuple[int, edfio.EdfSignal]], float]:
    """Signals of the highest rate with their numbers in the file, annotations counted; and that rate in Hz."""
    numbers = [i for i, label in enumerate(layout.labels) if label != _ANNOTATION_LABEL]
    n_max = max(s.samples_per_data_record for s in edf.signals)
    kept = [(i, s) for i, s in zip(numbers, edf.signals, strict=True) if s.samples_per_data_record == n_max]
    return kept, check_fs_hz(path, n_max / layout.record_s)


def _read(path: Path, layout: _Layout) -> Recording:
    edf = edfio.read_edf(path, lazy_load_data=False)
    kept, fs_hz = _fastest(path, layout, edf)
    counts = np.stack([s.digital for _, s in kept], axis=1)
    counts.setflags(write=False)
    return Recording(
        name=path.stem,
        fs_hz=fs_hz,
        counts=counts,
        channels=tuple(_channel(path, s, layout.units[i]) for i, s in kept),
        subject=subject_of(path.stem, path.parent.name),
        events=_events(edf, fs_hz, len(counts)),
    )


def _channel(path: Path, signal: edfio.EdfSignal, unit: str) -> Channel:
    digital = signal.digital_max - signal.digital_min
    physical = signal.physical_max - signal.physical_min
    if digital <= 0 or physical == 0 or not math.isfinite(physical):
        raise CorruptRecordError(
            f"{path}: signal {signal.label!r} has an empty range: digital {signal.digital_min} to "
            f"{signal.digital_max}, physical {signal.physical_min:g} to {signal.physical_max:g}"
        )
    gain = digital / physical
    baseline = signal.digital_min - signal.physical_min * gain
    return Channel(signal.label, unit, gain, baseline)


def _events(edf: edfio.Edf, fs_hz: float, n_samples: int) -> Events:
    found = sorted(edf.annotations, key=lambda a: a.onset)
    sample = np.asarray([round(a.onset * fs_hz) for a in found], dtype=np.int64)
    inside = (sample >= 0) & (sample < n_samples)
    symbol = np.asarray([a.text for a in found], dtype=np.str_)
    duration_s = np.asarray([a.duration or 0.0 for a in found], dtype=np.float64)
    text = np.full(int(inside.sum()), "", dtype=np.str_)
    return Events(sample[inside], symbol[inside], duration_s[inside], text)


def _checked_layout(path: Path) -> _Layout:
    with path.open("rb") as file:
        fixed = file.read(256)
        n_signals = _check_fixed(path, fixed)
        raw = file.read(_SIGNAL_HEADER_BYTES * n_signals)
    if len(raw) != _SIGNAL_HEADER_BYTES * n_signals:
        raise CorruptRecordError(f"{path}: the header ends within its {n_signals} signals")
    layout = _Layout(
        n_records=_integer(path, "number of data records", fixed[236:244], -1, 1 << 31),
        record_s=_record_duration(path, fixed[244:252]),
        labels=tuple(_text(f) for f in _column(raw, n_signals, 0, _LABEL_BYTES)),
        units=tuple(f.decode("latin-1").strip() for f in _column(raw, n_signals, _UNIT_OFFSET, _UNIT_BYTES)),
        samples_per_record=tuple(
            _integer(path, "samples per data record", f, 1, 1 << 24)
            for f in _column(raw, n_signals, _SAMPLES_OFFSET, _SAMPLES_BYTES)
        ),
    )
    _check_signals(path, layout)
    return layout


def _check_fixed(path: Path, fixed: bytes) -> int:
    """Check the first 256 bytes and return the number of signals."""
    if len(fixed) < 256 or fixed[:8].strip() != b"0":
        raise CorruptRecordError(f"{path}: not an EDF file, it begins with {fixed[:8]!r}, not b'0       '")
    if fixed[192:197] == b"EDF+D":
        raise UnsupportedFormatError(f"{path}: discontinuous (EDF+D) is not read; only EDF and EDF+C")
    n_signals = _integer(path, "number of signals", fixed[252:256], 1, _MAX_SIGNALS)
    n_bytes = _integer(path, "bytes in header", fixed[184:192], 0, 1 << 31)
    if n_bytes != 256 * (n_signals + 1):
        raise CorruptRecordError(
            f"{path}: header of {n_bytes} bytes, {n_signals} signals need {256 * (n_signals + 1)}"
        )
    return n_signals


def _check_signals(path: Path, layout: _Layout) -> None:
    rates = [
        n / layout.record_s if layout.record_s else math.inf
        for n, label in zip(layout.samples_per_record, layout.labels, strict=True)
        if label != _ANNOTATION_LABEL
    ]
    if not rates:
        raise UnsupportedFormatError(f"{path}: it holds annotations only, no signal")
    check_fs_hz(path, max(rates))
    n_bytes = path.stat().st_size - _SIGNAL_HEADER_BYTES * (len(layout.labels) + 1)
    held, rest = divmod(n_bytes, 2 * sum(layout.samples_per_record))
    if held == 0 or rest or layout.n_records not in (-1, held):
        raise CorruptRecordError(
            f"{path}: {layout.n_records} data records announced, the file holds {held} and {rest} bytes more"
        )


def _column(raw: bytes, n_signals: int, offset: int, width: int) -> list[bytes]:
    """One field of all signals; fields stand one after the other, each for all signals."""
    start = offset * n_signals
    return [raw[start + i * width : start + (i + 1) * width] for i in range(n_signals)]


def _text(field: bytes) -> str:
    return field.decode("ascii", errors="replace").strip()


def _integer(path: Path, what: str, field: bytes, low: int, high: int) -> int:
    text = _text(field)
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise CorruptRecordError(f"{path}: {what} {text!r} is not an integer from {low} to {high}")
    return value


def _record_duration(path: Path, field: bytes) -> float:
    text = _text(field)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise CorruptRecordError(f"{path}: data record duration {text!r} is no number of seconds from 0 on")
    return value
