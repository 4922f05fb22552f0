"""WFDB header files: parsed strictly, and held against the size of the signal files before any is read.

Source of the layout: WFDB Applications Guide, "header(5)" and "signal(5)".
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .bounded_files import read_bounded
from .errors import CorruptRecordError, UnsupportedFormatError, quoted

__all__ = ["FS_MAX_HZ", "FS_MIN_HZ", "SignalSpec", "WfdbHeader", "check_fs_hz", "parse_header"]

FS_MIN_HZ, FS_MAX_HZ = 1.0, 100_000.0
_MAX_HEADER_BYTES = 1 << 20
_MAX_SIGNALS = 1024
_MOST_NAME_BYTES = 255
_MAX_SAMPLES_PER_FRAME = 100_000
_MAX_FRAMES = 1 << 40
_MAX_COUNT = 1 << 31
_MIN_GAIN, _MAX_GAIN = 1e-9, 1e12
_DEFAULT_FS_HZ = 250.0
_DEFAULT_GAIN_PER_UNIT = 200.0

_BYTES_PER_SAMPLE = {
    "8": Fraction(1),
    "16": Fraction(2),
    "24": Fraction(3),
    "32": Fraction(4),
    "80": Fraction(1),
    "160": Fraction(2),
    "212": Fraction(3, 2),
    "310": Fraction(4, 3),
    "311": Fraction(4, 3),
}
_INVALID_COUNT = {
    "16": -(1 << 15),
    "24": -(1 << 23),
    "32": -(1 << 31),
    "80": -(1 << 7),
    "160": -(1 << 15),
    "212": -(1 << 11),
    "310": -(1 << 9),
    "311": -(1 << 9),
}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_FORMAT = re.compile(r"(?P<fmt>\d+)(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?")
_GAIN = re.compile(rf"(?P<gain>{_NUMBER})(?:\((?P<baseline>[+-]?\d+)\))?(?:/(?P<unit>\S+))?")


@dataclass(frozen=True)
class SignalSpec:
    """One signal line of a header.

    Attributes
    ----------
    file_name : signal file, in the folder of the header
    storage_format : WFDB storage format, for instance ``"212"``
    samples_per_frame, skew_frames, offset_bytes : layout in the signal file
    gain_per_unit, baseline_counts, unit : calibration
    name : description of the signal, for instance ``"MLII"``
    """

    file_name: str
    storage_format: str
    samples_per_frame: int
    skew_frames: int
    offset_bytes: int
    gain_per_unit: float
    baseline_counts: int
    unit: str
    name: str

    @property
    def invalid_count(self) -> int | None:
        """The count that marks a missing sample, None where the format has none."""
        return _INVALID_COUNT.get(self.storage_format)


@dataclass(frozen=True)
class WfdbHeader:
    """A header that agrees with the files beside it.

    Attributes
    ----------
    path : the header file
    frame_rate_hz : frames per second; a signal has ``samples_per_frame`` times as many samples
    n_frames : number of frames
    signals : one `SignalSpec` per signal
    tells_length : whether the header says how many frames there are, and not the signal files alone
    """

    path: Path
    frame_rate_hz: float
    n_frames: int
    signals: tuple[SignalSpec, ...]
    tells_length: bool = True


def parse_header(path: Path) -> WfdbHeader:
    """Read a header and check it against the sizes of the signal files it names.

    Raises
    ------
    CorruptRecordError
        The header breaks its format, or the signal files are missing, shorter or longer than it says.
    UnsupportedFormatError
        A multi-segment record, or a storage format that is not read.
    """
    lines = _header_lines(path)
    fields = lines[0].split()
    if len(fields) < 2:
        raise CorruptRecordError(f"{path}: record line {quoted(lines[0])} needs a name and a signal count")
    if "/" in fields[0]:
        raise UnsupportedFormatError(f"{path}: {quoted(fields[0])} is a multi-segment record; only single ones")
    n_signals = _integer(path, "number of signals", fields[1], 1, _MAX_SIGNALS)
    frame_rate_hz = _frame_rate(path, fields[2] if len(fields) > 2 else str(_DEFAULT_FS_HZ))
    if len(lines) - 1 != n_signals:
        raise CorruptRecordError(f"{path}: {n_signals} signals announced, {len(lines) - 1} lines found")
    signals = tuple(_signal_line(path, line) for line in lines[1:])
    n_frames = _integer(path, "number of samples", fields[3], 1, _MAX_FRAMES) if len(fields) > 3 else 0
    tells_length, n_frames = n_frames > 0, _checked_length(path, n_frames, signals)
    check_fs_hz(path, frame_rate_hz * max(s.samples_per_frame for s in signals))
    return WfdbHeader(path, frame_rate_hz, n_frames, signals, tells_length)


def check_fs_hz(path: Path, fs_hz: float) -> float:
    """Return `fs_hz` if it lies within ``FS_MIN_HZ`` … ``FS_MAX_HZ``, else raise `CorruptRecordError`."""
    if not FS_MIN_HZ <= fs_hz <= FS_MAX_HZ:
        raise CorruptRecordError(
            f"{path}: sampling rate {fs_hz:g} Hz lies outside {FS_MIN_HZ:g} to {FS_MAX_HZ:g} Hz"
        )
    return fs_hz


def _header_lines(path: Path) -> list[str]:
    text = read_bounded(path, _MAX_HEADER_BYTES).decode("ascii", errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise CorruptRecordError(f"{path}: the header is empty ({len(text)} bytes)")
    return lines


def _frame_rate(path: Path, field: str) -> float:
    text = field.split("/")[0].split("(")[0]
    if not re.fullmatch(_NUMBER, text):
        raise CorruptRecordError(f"{path}: sampling rate {quoted(field)} is not a number")
    return check_fs_hz(path, float(text))


def _signal_line(path: Path, line: str) -> SignalSpec:
    fields = line.split(maxsplit=8)
    if len(fields) < 2:
        raise CorruptRecordError(f"{path}: signal line {quoted(line)} needs a file name and a format")
    layout = _FORMAT.fullmatch(fields[1])
    if layout is None:
        raise CorruptRecordError(f"{path}: {quoted(fields[1])} is not a storage format")
    if layout["fmt"] not in _BYTES_PER_SAMPLE:
        raise UnsupportedFormatError(
            f"{path}: storage format {layout['fmt'][:20]} is not read; only {', '.join(_BYTES_PER_SAMPLE)}"
        )
    gain, baseline, unit = _calibration(path, fields)
    return SignalSpec(
        file_name=_file_name(path, fields[0]),
        storage_format=layout["fmt"],
        samples_per_frame=_integer(
            path, "samples per frame", layout["per_frame"] or "1", 1, _MAX_SAMPLES_PER_FRAME
        ),
        skew_frames=_integer(path, "skew", layout["skew"] or "0", 0, _MAX_FRAMES),
        offset_bytes=_integer(path, "byte offset", layout["offset"] or "0", 0, _MAX_FRAMES),
        gain_per_unit=gain,
        baseline_counts=baseline,
        unit=unit,
        name=fields[8] if len(fields) > 8 else "",
    )


def _calibration(path: Path, fields: list[str]) -> tuple[float, int, str]:
    """Gain, baseline and unit of a signal line; a gain of 0 means the default of 200 counts per mV."""
    match = _GAIN.fullmatch(fields[2] if len(fields) > 2 else "0")
    if match is None:
        raise CorruptRecordError(f"{path}: {quoted(fields[2])} is not a gain in counts per unit")
    gain = float(match["gain"]) or _DEFAULT_GAIN_PER_UNIT
    if not _MIN_GAIN <= abs(gain) <= _MAX_GAIN:
        raise CorruptRecordError(f"{path}: gain {gain:g} lies outside {_MIN_GAIN:g} to {_MAX_GAIN:g}")
    adc_zero = fields[4] if len(fields) > 4 else "0"
    baseline = _integer(path, "baseline", match["baseline"] or adc_zero, -_MAX_COUNT, _MAX_COUNT)
    return gain, baseline, match["unit"] or "mV"


def _file_name(path: Path, name: str) -> str:
    if name in (".", "..") or "/" in name or "\\" in name:
        raise CorruptRecordError(f"{path}: signal file {quoted(name)} lies outside the folder of the header")
    if len(name) > _MOST_NAME_BYTES or not (path.parent / name).is_file():
        raise CorruptRecordError(f"{path}: signal file {quoted(name)} is missing")
    return name


def _checked_length(path: Path, n_frames: int, signals: tuple[SignalSpec, ...]) -> int:
    """Number of frames, equal in the header (where given) and in every signal file."""
    for file_name in dict.fromkeys(s.file_name for s in signals):
        group = [s for s in signals if s.file_name == file_name]
        if len({(s.storage_format, s.offset_bytes) for s in group}) > 1:
            raise CorruptRecordError(f"{path}: signals of {file_name} differ in storage format or offset")
        held = _frames_in_file(path, group)
        n_frames = n_frames or held
        if held == 0:
            raise CorruptRecordError(f"{path.parent / file_name}: the signal file holds no sample")
        if held != n_frames:
            fault = "is truncated" if held < n_frames else "is longer than its header says"
            raise CorruptRecordError(
                f"{path.parent / file_name}: {fault}: {held} samples per signal, header {n_frames}"
            )
        if max(s.skew_frames for s in group) >= n_frames:
            raise CorruptRecordError(f"{path}: skew of {file_name} is not below its {n_frames} samples")
    return n_frames


def _frames_in_file(path: Path, group: list[SignalSpec]) -> int:
    n_bytes = (path.parent / group[0].file_name).stat().st_size - group[0].offset_bytes
    per_frame = sum(s.samples_per_frame for s in group)
    return max(0, math.floor(n_bytes / _BYTES_PER_SAMPLE[group[0].storage_format] / per_frame))


def _integer(path: Path, what: str, text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text) or not low <= int(text) <= high:
        raise CorruptRecordError(f"{path}: {what} {quoted(text)} is not an integer from {low} to {high}")
    return int(text)
