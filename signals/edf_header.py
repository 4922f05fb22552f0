"""The header of an EDF file, checked against the format and the size of the file.

Source of the layout: Kemp et al. 1992 (EDF) and Kemp & Olivan 2003 (EDF+), https://www.edfplus.info/specs/. The
fields that identify the patient are skipped.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from .errors import CorruptRecordError, UnsupportedFormatError
from .recording import Channel
from .wfdb_header import check_fs_hz

__all__ = ["EdfHeader", "EdfSignal", "read_edf_header"]

_MAX_SIGNALS = 4096
_ANNOTATION_LABEL = "EDF Annotations"
_FIXED_BYTES = _SIGNAL_BYTES = 256
_COLUMNS = {
    "label": (0, 16),
    "unit": (96, 8),
    "physical minimum": (104, 8),
    "physical maximum": (112, 8),
    "digital minimum": (120, 8),
    "digital maximum": (128, 8),
    "samples per data record": (216, 8),
}
"""Offset and width of a signal's fields; a field stands for all signals before the next one begins."""


@dataclass(frozen=True)
class EdfSignal:
    """One signal as the header describes it.

    Attributes
    ----------
    label, unit : as written
    physical, digital : minimum and maximum
    n_in_record : samples in a data record
    first : samples of a data record that stand before its own
    """

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    n_in_record: int
    first: int

    @property
    def is_annotation(self) -> bool:
        return self.label == _ANNOTATION_LABEL

    @property
    def is_scaled(self) -> bool:
        """Whether counts have a meaning: False for the dummy signals that fill a montage's gaps."""
        low, high = self.physical
        return self.digital[1] > self.digital[0] and high != low and math.isfinite(high - low)

    @property
    def is_dummy(self) -> bool:
        """Without a name and without a scale, such as ``-`` in CHB-MIT."""
        return not self.is_scaled and not any(c.isalnum() for c in self.label)

    def channel(self, path: Path) -> Channel:
        """Calibration; `CorruptRecordError` where there is none."""
        if not self.is_scaled:
            raise CorruptRecordError(
                f"{path}: signal {self.label!r} has an empty range: digital {self.digital[0]:g} to "
                f"{self.digital[1]:g}, physical {self.physical[0]:g} to {self.physical[1]:g}"
            )
        gain = (self.digital[1] - self.digital[0]) / (self.physical[1] - self.physical[0])
        return Channel(self.label, self.unit, gain, self.digital[0] - self.physical[0] * gain)


@dataclass(frozen=True)
class EdfHeader:
    """What a file holds.

    Attributes
    ----------
    path : the file
    record_s : duration of a data record
    n_records : data records that are there
    is_discontinuous : EDF+D: there may be gaps between data records
    signals : all of them, annotations included
    """

    path: Path
    record_s: float
    n_records: int
    is_discontinuous: bool
    signals: tuple[EdfSignal, ...]

    @property
    def n_bytes(self) -> int:
        """Of the header itself."""
        return _FIXED_BYTES + _SIGNAL_BYTES * len(self.signals)

    @property
    def width(self) -> int:
        """16-bit numbers in a data record."""
        return sum(s.n_in_record for s in self.signals)

    @property
    def fastest_hz(self) -> float:
        """Highest sampling rate, annotations aside."""
        return max(self.fs_hz(s) for s in self.signals if not s.is_annotation)

    def fs_hz(self, signal: EdfSignal) -> float:
        return signal.n_in_record / self.record_s


def read_edf_header(path: Path) -> EdfHeader:
    """Read and check the header; nothing behind it is looked at.

    Raises
    ------
    CorruptRecordError
        The header breaks the format, or the file is shorter or longer than it says.
    UnsupportedFormatError
        There is no signal but annotations.
    """
    with path.open("rb") as file:
        fixed = file.read(_FIXED_BYTES)
        n_signals = _check_fixed(path, fixed)
        raw = file.read(_SIGNAL_BYTES * n_signals)
    if len(raw) != _SIGNAL_BYTES * n_signals:
        raise CorruptRecordError(f"{path}: the header ends within its {n_signals} signals")
    announced = _integer(path, "number of data records", fixed[236:244], -1, 1 << 31)
    signals = _signals(path, raw, n_signals)
    record_s = _duration(path, fixed[244:252], signals)
    n_records = _held_records(path, announced, signals)
    return EdfHeader(path, record_s, n_records, fixed[192:197] == b"EDF+D", signals)


def _check_fixed(path: Path, fixed: bytes) -> int:
    """Check the first 256 bytes and return the number of signals."""
    if len(fixed) < _FIXED_BYTES or fixed[:8].strip() != b"0":
        raise CorruptRecordError(f"{path}: not an EDF file, it begins with {fixed[:8]!r}, not b'0       '")
    n_signals = _integer(path, "number of signals", fixed[252:256], 1, _MAX_SIGNALS)
    n_bytes = _integer(path, "bytes in header", fixed[184:192], 0, 1 << 31)
    if n_bytes != _FIXED_BYTES + _SIGNAL_BYTES * n_signals:
        raise CorruptRecordError(
            f"{path}: header of {n_bytes} bytes, {n_signals} signals need {256 * (n_signals + 1)}"
        )
    return n_signals


def _signals(path: Path, raw: bytes, n_signals: int) -> tuple[EdfSignal, ...]:
    signals: list[EdfSignal] = []
    first = 0
    for i in range(n_signals):
        field = {name: _field(raw, n_signals, i, name) for name in _COLUMNS}
        n_in_record = _integer(path, "samples per data record", field["samples per data record"], 1, 1 << 24)
        is_annotation = _text(field["label"]) == _ANNOTATION_LABEL
        physical, digital = (
            (0.0, 0.0)
            if is_annotation
            else (
                _number(path, f"{kind} minimum", field[f"{kind} minimum"]),
                _number(path, f"{kind} maximum", field[f"{kind} maximum"]),
            )
            for kind in ("physical", "digital")
        )
        label, unit = _text(field["label"]), field["unit"].decode("latin-1").strip()
        signals.append(EdfSignal(label, unit, physical, digital, n_in_record, first))
        first += n_in_record
    return tuple(signals)


def _duration(path: Path, field: bytes, signals: tuple[EdfSignal, ...]) -> float:
    """Seconds of a data record, such that the fastest signal has a possible rate."""
    record_s = _number(path, "data record duration", field)
    if not record_s >= 0:
        raise CorruptRecordError(
            f"{path}: data record duration {_text(field)!r} is no number of seconds from 0 on"
        )
    fastest = max((s.n_in_record for s in signals if not s.is_annotation), default=0)
    if not fastest:
        raise UnsupportedFormatError(f"{path}: it holds annotations only, no signal")
    check_fs_hz(path, fastest / record_s if record_s else math.inf)
    return record_s


def _held_records(path: Path, announced: int, signals: tuple[EdfSignal, ...]) -> int:
    """Data records in the file; -1 stands in the header of a recording that nobody finished."""
    n_bytes = path.stat().st_size - _FIXED_BYTES - _SIGNAL_BYTES * len(signals)
    held, rest = divmod(n_bytes, 2 * sum(s.n_in_record for s in signals))
    if held == 0 or rest or announced not in (-1, held):
        raise CorruptRecordError(
            f"{path}: {announced} data records announced, the file holds {held} and {rest} bytes more"
        )
    return held


def _field(raw: bytes, n_signals: int, i: int, name: str) -> bytes:
    offset, width = _COLUMNS[name]
    start = offset * n_signals + i * width
    return raw[start : start + width]


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


def _integer(path: Path, what: str, field: bytes, low: int, high: int) -> int:
    text = _text(field)
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise CorruptRecordError(f"{path}: {what} {text!r} is not an integer from {low} to {high}")
    return value


def _number(path: Path, what: str, field: bytes) -> float:
    """A number; some recorders write a comma for the point."""
    text = _text(field)
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CorruptRecordError(f"{path}: {what} {text!r} is not a number")
    return value
