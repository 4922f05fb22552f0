"""One lead of a recording, read in pieces: a recording of days needs no more memory than one of minutes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import InputError, UnanalysableError, quoted
from .recording import Channel, Recording

__all__ = ["PIECE_SAMPLES", "Lead", "Piece", "choose_channel", "choose_column", "lead_of", "without_gaps"]

PIECE_SAMPLES = 1 << 18
"""Samples that a reader hands over at a time: 17 minutes at 250 Hz."""

Piece = tuple[np.ndarray, np.ndarray | None]
"""Counts, integer (n,), and which of them are missing, bool (n,); None if none is."""

_PREFERRED_LEADS = ("MLII", "II")


@dataclass(frozen=True)
class Lead:
    """One lead, its samples still where they are stored.

    Attributes
    ----------
    record : name of the recording
    fs_hz : sampling rate in Hz
    n_samples : length
    channel : name, unit and calibration
    pieces : reads from the beginning, each call anew; pieces may have any length
    """

    record: str
    fs_hz: float
    n_samples: int
    channel: Channel
    pieces: Callable[[], Iterator[Piece]]

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.fs_hz


def choose_column(record: str, names: Sequence[str], channel: int | str | None = None) -> int:
    """Column of the lead to analyse: the one asked for, else MLII, else II, else the first.

    Raises
    ------
    InputError : the recording has no such channel.
    """
    if isinstance(channel, str):
        if channel not in names:
            raise InputError(f"{record}: no channel {channel!r}; there are {quoted(list(names), 400)}")
        return list(names).index(channel)
    if channel is not None:
        if not 0 <= channel < len(names):
            raise InputError(f"{record}: channel {channel} is outside 0..{len(names) - 1}")
        return channel
    return next((list(names).index(lead) for lead in _PREFERRED_LEADS if lead in names), 0)


def choose_channel(recording: Recording, channel: int | str | None = None) -> int:
    """`choose_column` of a recording's channels."""
    return choose_column(recording.name, [c.name for c in recording.channels], channel)


def lead_of(recording: Recording, channel: int | str | None = None) -> Lead:
    """A lead of a recording that is in memory; `channel` as in `choose_column`."""
    column = choose_channel(recording, channel)

    def pieces() -> Iterator[Piece]:
        for start in range(0, recording.n_samples, PIECE_SAMPLES):
            rows = slice(start, start + PIECE_SAMPLES)
            invalid = None if recording.invalid is None else recording.invalid[rows, column]
            yield recording.counts[rows, column], invalid

    return Lead(recording.name, recording.fs_hz, recording.n_samples, recording.channels[column], pieces)


def without_gaps(lead: Lead) -> Iterator[np.ndarray]:
    """Counts with missing samples replaced by the last valid one; at the start, by the first valid one.

    Raises
    ------
    UnanalysableError : no sample, or none that is valid.
    """
    last, n_before, n_samples = None, 0, 0
    for counts, invalid in lead.pieces():
        n_samples += len(counts)
        if invalid is not None and invalid.all():
            n_before += len(counts)
            continue
        filled = counts if invalid is None or not invalid.any() else _filled(counts, ~invalid, last)
        if not len(filled):
            continue
        yield from _held(filled[:1] if last is None else last, n_before)
        last, n_before = filled[-1:], 0
        yield filled
    if last is None:
        what = "no samples" if n_samples == 0 else f"channel {lead.channel.name} holds no valid sample"
        raise UnanalysableError(f"{lead.record}: {what}")
    yield from _held(last, n_before)


def _filled(counts: np.ndarray, valid: np.ndarray, last: np.ndarray | None) -> np.ndarray:
    """Gaps within a piece closed; `last` (1,) comes before it."""
    first = int(np.argmax(valid))
    source = np.maximum.accumulate(np.where(valid, np.arange(len(counts)), first))
    filled = counts[source]
    if last is not None:
        filled[:first] = last
    return filled


def _held(value: np.ndarray, n: int) -> Iterator[np.ndarray]:
    for start in range(0, n, PIECE_SAMPLES):
        yield np.repeat(value, min(PIECE_SAMPLES, n - start))
