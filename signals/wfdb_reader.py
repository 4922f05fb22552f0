"""WFDB records: header, signal files and reference annotations to a `Recording` in digital counts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import wfdb

from .bounded_files import read_bounded
from .errors import CorruptRecordError, one_line
from .lead import PIECE_SAMPLES, Lead, Piece, choose_column
from .recording import Channel, Events, Recording
from .subjects import subject_in_header
from .wfdb_annotations import Mark, decode_annotations
from .wfdb_header import SignalSpec, WfdbHeader, parse_header

__all__ = ["open_wfdb", "read_wfdb"]

_MOST_ANNOTATION_BYTES = 1 << 26
_END_OF_ANNOTATIONS = b"\x00\x00"
"""Source: WFDB Applications Guide, annot(5)."""
_SLACK_S = 1.0
"""Databases hold annotations slightly after the last sample (svdb); those within this time are dropped."""


def read_wfdb(header_path: Path) -> Recording:
    """Read a single-segment WFDB record.

    Signals of differing rates: those of the highest rate are kept. Annotations come from the ``.atr`` file
    beside the header, if there is one; those up to 1 s after the last sample are dropped.

    Parameters
    ----------
    header_path : the ``.hea`` file; its signal files lie in the same folder

    Raises
    ------
    InputError
        See `parse_header`; or the ``.atr`` file is damaged.
    """
    header = parse_header(header_path)
    kept, fs_hz = _fastest(header)
    columns = _read_counts(header, kept)
    specs = [header.signals[i] for i in kept]
    counts = np.stack(columns, axis=1).astype(_smallest_dtype(columns))
    counts.setflags(write=False)
    name = header_path.stem
    return Recording(
        name=name,
        fs_hz=fs_hz,
        counts=counts,
        channels=tuple(_channel(i, spec) for i, spec in zip(kept, specs, strict=True)),
        subject=subject_in_header(header_path),
        events=_read_events(header_path.with_suffix(".atr"), len(counts), fs_hz),
        invalid=_invalid(counts, specs),
    )


def open_wfdb(header_path: Path, channel: int | str | None = None) -> Lead:
    """One lead of a record as in `read_wfdb`, read piece by piece; its annotations are not looked at.

    Records in differences (format 8), with skewed signals or whose header tells no length are read as a whole.

    Parameters
    ----------
    channel : column or name; None takes MLII, else II, else the first

    Raises
    ------
    InputError
        See `parse_header`; or there is no such channel.
    """
    header = parse_header(header_path)
    kept, fs_hz = _fastest(header)
    channels = [_channel(i, header.signals[i]) for i in kept]
    column = choose_column(header_path.stem, [c.name for c in channels], channel)
    spec = header.signals[kept[column]]

    def pieces() -> Iterator[Piece]:
        step = max(PIECE_SAMPLES // spec.samples_per_frame, 1)
        is_whole = spec.storage_format == "8" or any(s.skew_frames for s in header.signals)
        if is_whole or not header.tells_length:
            step = header.n_frames
        for start in range(0, header.n_frames, step):
            (counts,) = _read_counts(header, [kept[column]], start, min(start + step, header.n_frames))
            yield counts, None if spec.invalid_count is None else counts == spec.invalid_count

    n_samples = header.n_frames * spec.samples_per_frame
    return Lead(header_path.stem, fs_hz, n_samples, channels[column], pieces)


def _fastest(header: WfdbHeader) -> tuple[list[int], float]:
    """Signals of the highest rate, and that rate in Hz."""
    per_frame = max(s.samples_per_frame for s in header.signals)
    kept = [i for i, s in enumerate(header.signals) if s.samples_per_frame == per_frame]
    return kept, header.frame_rate_hz * per_frame


def _read_counts(header: WfdbHeader, kept: list[int], start: int = 0, stop: int | None = None) -> list[np.ndarray]:
    """Digital counts of the signals `kept` in the frames from `start` to `stop`, each (n_samples,)."""
    stem = str(header.path.resolve().with_suffix(""))
    stop = header.n_frames if stop is None else stop
    part = (start, stop) if header.tells_length else (0, None)  # wfdb cuts no record whose header tells no length
    try:
        record = wfdb.rdrecord(stem, *part, channels=kept, physical=False, smooth_frames=False)
    except Exception as error:
        raise CorruptRecordError(f"{header.path}: not readable as WFDB ({one_line(error)})") from error
    columns: list[np.ndarray] = getattr(record, "e_d_signal", None) or []
    per_frame = header.signals[kept[0]].samples_per_frame
    n_samples = (stop - start) * per_frame
    if not header.tells_length:
        columns = [column[start * per_frame : stop * per_frame] for column in columns]
    if len(columns) != len(kept) or any(len(c) != n_samples for c in columns):
        raise CorruptRecordError(f"{header.path}: the signals do not hold {n_samples} samples each")
    return columns


def _smallest_dtype(columns: list[np.ndarray]) -> type[np.int16] | type[np.int32]:
    low, high = min(int(c.min()) for c in columns), max(int(c.max()) for c in columns)
    return np.int16 if low >= -(1 << 15) and high < 1 << 15 else np.int32


def _channel(index: int, spec: SignalSpec) -> Channel:
    return Channel(spec.name or f"signal {index}", spec.unit, spec.gain_per_unit, spec.baseline_counts)


def _invalid(counts: np.ndarray, specs: list[SignalSpec]) -> np.ndarray | None:
    invalid = np.zeros(counts.shape, dtype=np.bool_)
    for column, spec in enumerate(specs):
        if spec.invalid_count is not None:
            invalid[:, column] = counts[:, column] == spec.invalid_count
    if not invalid.any():
        return None
    invalid.setflags(write=False)
    return invalid


def _read_events(path: Path, n_samples: int, fs_hz: float) -> Events:
    if not path.is_file():
        return Events.empty()
    data = read_bounded(path, _MOST_ANNOTATION_BYTES)
    if data[-2:] != _END_OF_ANNOTATIONS:
        raise CorruptRecordError(f"{path}: the annotation file ends with {data[-2:]!r} instead of two zero bytes")
    try:
        marks = [mark for mark in decode_annotations(data) if not _is_remark(mark)]
    except ValueError as error:
        raise CorruptRecordError(f"{path}: not a WFDB annotation file ({error})") from error
    sample = np.asarray([mark.sample for mark in marks], dtype=np.int64)
    last = n_samples + fs_hz * _SLACK_S
    outside = sample[(sample < 0) | (sample > last)]
    if outside.size:
        raise CorruptRecordError(f"{path}: annotation at sample {outside[0]}, outside 0 to {n_samples - 1}")
    order = np.argsort(sample, kind="stable")
    order = order[sample[order] < n_samples]
    symbol = np.asarray([mark.symbol for mark in marks], dtype=np.str_)
    text = np.asarray([mark.text.strip("\x00 ") for mark in marks], dtype=np.str_)
    return Events(sample[order], symbol[order], np.zeros(len(order)), text[order])


def _is_remark(mark: Mark) -> bool:
    """A note on the file itself, such as its time resolution: it stands at its start and begins with two signs."""
    return mark.sample == 0 and mark.symbol == '"' and mark.text.startswith("## ")
