"""EDF and EDF+ files: whole as a `Recording` in digital counts, one signal as a `Lead`, all as an `EegSource`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .datasets import subject_of
from .edf_annotations import record_onsets_s, stored_notes
from .edf_header import EdfHeader, EdfSignal, read_edf_header
from .eeg_lead import EEG_PIECE_S, EegBlock, EegSource, without_head
from .errors import CorruptRecordError
from .lead import PIECE_SAMPLES, Lead, Piece, choose_column
from .recording import Events, Recording
from .seizure_files import seizures_beside
from .seizures import SEIZURE, is_seizure

__all__ = ["edf_seizures", "open_edf", "open_edf_eeg", "read_edf"]

_MAX_SPAN_S = 30 * 86400.0
"""Longest recording with gaps, in seconds: what is longer is a wrong time rather than a recording."""


def read_edf(path: Path) -> Recording:
    """Read an EDF or EDF+ file; gaps of a discontinuous one (EDF+D) are filled with invalid samples.

    Signals of differing rates: those of the highest rate are kept. Signals without name and range, which only fill
    a montage, are left out. EDF+ annotations become events whose symbol is the annotation's text; those outside
    the recording are dropped. Seizures that stand in a file beside it (`seizures_beside`) become events, too.

    Raises
    ------
    CorruptRecordError
        The header breaks the format, the file is shorter or longer than its header says, a signal has no range, or
        the data records of an EDF+D file overlap.
    UnsupportedFormatError
        There is no signal but annotations.
    """
    header = read_edf_header(path)
    kept, fs_hz = _fastest(header)
    blocks = list(_Blocks(header, PIECE_SAMPLES).read(kept))
    counts = np.concatenate([np.stack(b.counts, axis=1) for b in blocks])
    counts.setflags(write=False)
    return Recording(
        name=path.stem,
        fs_hz=fs_hz,
        counts=counts,
        channels=tuple(s.channel(path) for s in kept),
        subject=subject_of(path.stem, path.parent.name),
        events=_events(header, fs_hz, len(counts)),
        invalid=_invalid(blocks) if header.is_discontinuous else None,
    )


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
    header = read_edf_header(path)
    kept, fs_hz = _fastest(header)
    signal = kept[choose_column(path.stem, [s.label for s in kept], channel)]
    blocks = _Blocks(header, PIECE_SAMPLES)

    def pieces() -> Iterator[Piece]:
        for block in blocks.read([signal]):
            yield block.counts[0], block.missing[0]

    return Lead(path.stem, fs_hz, round(blocks.duration_s * fs_hz), signal.channel(path), pieces)


def open_edf_eeg(path: Path) -> EegSource:
    """All signals of a file at their own rates, read some data records at a time; annotations are not looked at.

    Raises
    ------
    CorruptRecordError, UnsupportedFormatError
        As `read_edf`; a signal without a range is left out.
    """
    header = read_edf_header(path)
    kept = [s for s in header.signals if not s.is_annotation and s.is_scaled]
    if not kept:
        raise CorruptRecordError(f"{path}: every signal has an empty range")
    blocks = _Blocks(header, round(EEG_PIECE_S * max(map(header.fs_hz, kept))))
    return EegSource(
        path.stem,
        tuple(s.channel(path) for s in kept),
        tuple(map(header.fs_hz, kept)),
        blocks.duration_s,
        lambda columns, start_s: blocks.read_from([kept[c] for c in columns], start_s),
    )


def edf_seizures(path: Path) -> tuple[tuple[float, float], ...] | None:
    """Onset and end of every seizure among a file's own notes; None where there are no notes.

    Raises
    ------
    CorruptRecordError, UnsupportedFormatError
        As `read_edf`.
    """
    header = read_edf_header(path)
    notes = stored_notes(header)
    start_s = float(record_onsets_s(header)[0])
    found = ((n.onset_s - start_s, n.duration_s) for n in notes if is_seizure(n.text) and n.duration_s > 0)
    return tuple((onset_s, onset_s + duration_s) for onset_s, duration_s in found) if notes else None


class _Blocks:
    """Reads a file in blocks of about `n_samples` of its fastest signal.

    Attributes
    ----------
    duration_s : from the first data record to the end of the last one
    """

    def __init__(self, header: EdfHeader, n_samples: int) -> None:
        self._header = header
        self._onset_s = record_onsets_s(header)
        self._onset_s -= self._onset_s[0]
        self._n_at_once = max(n_samples // max(s.n_in_record for s in header.signals), 1)
        self.duration_s = float(self._onset_s[-1]) + header.record_s
        if header.is_discontinuous and self.duration_s > _MAX_SPAN_S:
            raise CorruptRecordError(
                f"{header.path}: with its gaps it lasts {self.duration_s:g} s, limit {_MAX_SPAN_S:g} s"
            )

    def read_from(self, signals: Sequence[EdfSignal], start_s: float) -> Iterator[EegBlock]:
        """As `read`, from a time on."""
        first = max(int(np.searchsorted(self._onset_s, start_s, "right")) - 1, 0)
        rates_hz = [self._header.fs_hz(s) for s in signals]
        skipped = [round(start_s * hz) - round(self._onset_s[first] * hz) for hz in rates_hz]
        return without_head(self.read(signals, first), skipped)

    def read(self, signals: Sequence[EdfSignal], first_record: int = 0) -> Iterator[EegBlock]:
        """Counts of some signals, a gap as missing samples."""
        header = self._header
        onset_s = float(self._onset_s[first_record])
        n_done = np.asarray([round(onset_s * header.fs_hz(s)) for s in signals])
        with header.path.open("rb") as file:
            file.seek(header.n_bytes + 2 * header.width * first_record)
            for start, stop in self._runs(first_record):
                for gap in self._gap(signals, n_done, float(self._onset_s[start])):
                    n_done += [len(c) for c in gap.counts]
                    yield gap
                records = np.fromfile(file, "<i2", (stop - start) * header.width).reshape(stop - start, -1)
                if len(records) < stop - start:
                    raise CorruptRecordError(f"{header.path}: the file ends in data record {start + 1}")
                counts = tuple(records[:, s.first : s.first + s.n_in_record].ravel() for s in signals)
                n_done += [len(c) for c in counts]
                yield EegBlock(counts, (None,) * len(counts))

    def _runs(self, first_record: int) -> Iterator[tuple[int, int]]:
        """First data record of every block and the one after its last, no gap within."""
        header = self._header
        is_gap = np.diff(self._onset_s) > header.record_s + 0.5 / header.fastest_hz
        breaks = [b for b in (np.flatnonzero(is_gap) + 1).tolist() if b > first_record]
        for first, end in zip([first_record, *breaks], [*breaks, header.n_records], strict=True):
            for start in range(first, end, self._n_at_once):
                yield start, min(start + self._n_at_once, end)

    def _gap(self, signals: Sequence[EdfSignal], n_done: np.ndarray, onset_s: float) -> Iterator[EegBlock]:
        """Missing samples up to a data record's start, some at a time."""
        n_due = np.asarray([round(onset_s * self._header.fs_hz(s)) for s in signals]) - n_done
        most = self._n_at_once * np.asarray([s.n_in_record for s in signals])
        while (n_due > 0).any():
            n = np.minimum(n_due, most).clip(0).tolist()
            yield EegBlock(tuple(np.zeros(k, "<i2") for k in n), tuple(np.ones(k, np.bool_) for k in n))
            n_due = n_due - n


def _fastest(header: EdfHeader) -> tuple[list[EdfSignal], float]:
    """Signals of the highest rate, and that rate in Hz."""
    signals = [s for s in header.signals if not (s.is_annotation or s.is_dummy)]
    if not signals:
        raise CorruptRecordError(f"{header.path}: every signal has an empty range")
    n_max = max(s.n_in_record for s in signals)
    return [s for s in signals if s.n_in_record == n_max], n_max / header.record_s


def _invalid(blocks: Sequence[EegBlock]) -> np.ndarray | None:
    """Which samples are missing, bool (n_samples, n_channels); None where none is."""
    n_channels = len(blocks[0].counts)
    rows = [np.full(len(b.counts[0]), b.missing[0] is not None) for b in blocks]
    invalid = np.repeat(np.concatenate(rows)[:, None], n_channels, axis=1)
    invalid.setflags(write=False)
    return invalid if invalid.any() else None


def _events(header: EdfHeader, fs_hz: float, n_samples: int) -> Events:
    """Notes in the file; and the seizures in a file beside it, unless the notes hold some."""
    start_s = float(record_onsets_s(header)[0])
    found = [(note.onset_s - start_s, note.duration_s, note.text) for note in stored_notes(header)]
    if not any(is_seizure(text) and duration_s > 0 for _, duration_s, text in found):
        found += [(onset_s, end_s - onset_s, SEIZURE) for onset_s, end_s in seizures_beside(header.path) or ()]
    near = (row for row in found if -1 < row[0] * fs_hz < n_samples + 1)
    inside = [row for row in near if 0 <= round(row[0] * fs_hz) < n_samples]
    return Events.of(inside, fs_hz)
