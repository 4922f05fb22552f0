"""What a recording and a model are, for those who must know that they speak of the same: hashes, never a person.

The hash of a recording covers its samples and what gives them a meaning (rate, gain, unit, channel names), not
the file's name and not the fields for the patient: the same signal under another name, or with its patient taken
out, is the same recording.
"""

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path

from ..signals import open_lead
from ..signals.edf_header import read_edf_header
from ..signals.errors import InputError
from ..signals.wfdb_header import SignalSpec, parse_header

__all__ = ["BEAT", "SEIZURE", "ModelFacts", "RecordingFacts", "model_facts", "patient_identity", "recording_facts"]

BEAT, SEIZURE = "beat", "seizure"

_CHUNK = 1 << 22
_MOST_ECG_CHANNELS = 15
_ELECTRODE = re.compile(r"(?:EEG\s*)?(?:FP|AF|FC|FT|CP|TP|PO|[FCTPO])(?:Z|\d{1,2})(?![A-Z0-9])", re.IGNORECASE)
"""Names of the 10-20 and 10-10 systems."""
_EDF_FIXED = 256
"""Bytes of an EDF file in which the patient stands."""
_TIME_NAMES = ("time_s", "time", "t")


@dataclass(frozen=True)
class RecordingFacts:
    """One recording.

    Attributes
    ----------
    sha256 : of its signal, 64 hexadecimal digits
    name : the file's, without suffix
    task : what it is to be analysed for, ``beat`` or ``seizure``
    fs_hz, duration_s : of the channels named
    channels, units : those of the highest rate
    """

    sha256: str
    name: str
    task: str
    fs_hz: float
    duration_s: float
    channels: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True)
class ModelFacts:
    """The model that decided: its file's name, the version of the package, the SHA-256 of its bytes."""

    name: str
    version: str
    sha256: str


def recording_facts(path: str | Path, *, fs_hz: float | None = None, task: str | None = None) -> RecordingFacts:
    """Read the header, and every byte of the signal once for the hash.

    Parameters
    ----------
    path : as for `load`
    fs_hz : of a CSV file that states none
    task : None tells by the names and the number of the channels

    Raises
    ------
    InputError
        As `load`.
    """
    path = Path(path)
    lead = open_lead(path, fs_hz=fs_hz)
    try:
        kind = (
            _Wfdb(path) if _is_wfdb(path) else _Edf(path) if path.suffix.lower() == ".edf" else _Csv(path, fs_hz)
        )
        names, units = zip(*kind.channels(), strict=True)
        sha256 = _sha256(kind.signal())
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    found = task or (SEIZURE if _is_eeg(names, units) else BEAT)
    return RecordingFacts(sha256, lead.record, found, lead.fs_hz, lead.duration_s, names, units)


def model_facts(path: str | Path) -> ModelFacts:
    """Facts of a model file, float or compact.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    path = Path(path)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    return ModelFacts(path.name, version("ictus"), digest)


def patient_identity(path: str | Path) -> tuple[str, ...]:
    """What the file says of the patient: EDF's patient, recording and date fields, a WFDB header's comment lines.

    To be called only when somebody asked for it: nothing else hands these fields on.
    """
    path = Path(path)
    if _is_wfdb(path):
        lines = _header_path(path).read_text("ascii", errors="replace").splitlines()
        found = [line.strip().lstrip("#").strip() for line in lines if line.strip().startswith("#")]
    elif path.suffix.lower() == ".edf":
        with path.open("rb") as file:
            fixed = file.read(_EDF_FIXED).decode("latin-1")
        fields = {"patient": fixed[8:88], "recording": fixed[88:168], "start": fixed[168:184]}
        found = [f"{name}: {text.strip()}" for name, text in fields.items() if text.strip()]
    else:
        found = []
    return tuple(line for line in found if line)


def _is_eeg(names: tuple[str, ...], units: tuple[str, ...]) -> bool:
    n_electrodes = sum(bool(_ELECTRODE.match(name)) for name in names)
    all_microvolts = all(unit.lower() in ("uv", "µv", "μv") for unit in units)
    return 2 * n_electrodes > len(names) or (all_microvolts and len(names) > _MOST_ECG_CHANNELS)


def _sha256(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _bytes_from(path: Path, offset: int = 0) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(_CHUNK):
            yield piece


def _is_wfdb(path: Path) -> bool:
    return path.suffix.lower() in (".hea", ".dat", ".atr", ".mat") or path.with_name(path.name + ".hea").is_file()


def _header_path(path: Path) -> Path:
    is_named = path.suffix.lower() in (".hea", ".dat", ".atr", ".mat")
    return path.with_suffix(".hea") if is_named else path.with_name(path.name + ".hea")


class _Wfdb:
    """A WFDB record: its signal files, and its header's signal lines as they were understood."""

    def __init__(self, path: Path) -> None:
        self._header = parse_header(_header_path(path))

    def channels(self) -> list[tuple[str, str]]:
        most = max(s.samples_per_frame for s in self._header.signals)
        named = enumerate(self._header.signals)
        return [(s.name or f"signal {i}", s.unit) for i, s in named if s.samples_per_frame == most]

    def signal(self) -> Iterator[bytes]:
        yield repr((self._header.frame_rate_hz, [_unnamed(s) for s in self._header.signals])).encode()
        for name in dict.fromkeys(s.file_name for s in self._header.signals):
            yield from _bytes_from(self._header.path.with_name(name))


def _unnamed(spec: SignalSpec) -> tuple[object, ...]:
    """All of a signal line but the name of its file."""
    return astuple(spec)[1:]


class _Edf:
    """An EDF file: its signal headers and data records; of the first 256 bytes only a data record's length."""

    def __init__(self, path: Path) -> None:
        self._header = read_edf_header(path)

    def channels(self) -> list[tuple[str, str]]:
        signals = [s for s in self._header.signals if not (s.is_annotation or s.is_dummy)]
        most = max(s.n_in_record for s in signals)
        return [(s.label, s.unit) for s in signals if s.n_in_record == most]

    def signal(self) -> Iterator[bytes]:
        yield f"{self._header.record_s!r}\n".encode()
        yield from _bytes_from(self._header.path, _EDF_FIXED)


class _Csv:
    """A table: the whole of it, and the rate where it came from outside."""

    def __init__(self, path: Path, fs_hz: float | None) -> None:
        self._path, self._fs_hz = path, fs_hz

    def channels(self) -> list[tuple[str, str]]:
        with self._path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            head = next(line for line in file if line.strip() and not line.startswith("#"))
        delimiter = max(",;\t", key=head.count)
        names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter))]
        names = names[1:] if names[0].lower() in _TIME_NAMES else names
        parts = [re.fullmatch(r"(.*?)\s*\[([^\]]+)\]", name) for name in names]
        return [(p[1], p[2]) if p else (name, "mV") for p, name in zip(parts, names, strict=True)]

    def signal(self) -> Iterator[bytes]:
        yield b"" if self._fs_hz is None else f"{self._fs_hz!r}\n".encode()
        yield from _bytes_from(self._path)
