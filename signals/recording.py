"""The recording: digital counts as they were stored, and what they mean."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Channel", "Events", "Recording"]


@dataclass(frozen=True)
class Channel:
    """One channel: ``physical = (counts - baseline_counts) / gain_per_unit``, in `unit`."""

    name: str
    unit: str
    gain_per_unit: float
    baseline_counts: float = 0.0


@dataclass(frozen=True)
class Events:
    """Annotations in time order.

    Attributes
    ----------
    sample : int64 (n_events,), position in samples of the recording
    symbol : str (n_events,), the database's own code (WFDB beat symbol, EDF+ text, …)
    duration_s : float64 (n_events,), 0 for a point event
    text : str (n_events,), auxiliary text such as a rhythm label
    """

    sample: np.ndarray
    symbol: np.ndarray
    duration_s: np.ndarray
    text: np.ndarray

    def __len__(self) -> int:
        return len(self.sample)

    @classmethod
    def empty(cls) -> "Events":
        """No events at all."""
        text = np.empty(0, dtype=np.str_)
        return cls(np.empty(0, np.int64), text, np.empty(0, np.float64), text)

    @classmethod
    def of(cls, found: Iterable[tuple[float, float, str]], fs_hz: float) -> "Events":
        """Events of onset in s, duration in s and symbol, sorted by onset."""
        rows = sorted(found)
        return cls(
            np.asarray([round(onset_s * fs_hz) for onset_s, _, _ in rows], dtype=np.int64),
            np.asarray([symbol for _, _, symbol in rows], dtype=np.str_),
            np.asarray([duration_s for _, duration_s, _ in rows], dtype=np.float64),
            np.full(len(rows), "", dtype=np.str_),
        )


@dataclass(frozen=True)
class Recording:
    """A recording in digital counts.

    Attributes
    ----------
    name : record name, without folder and suffix
    fs_hz : sampling rate in Hz
    counts : int16 or int32 (n_samples, n_channels), read-only, as stored in the file
    channels : one `Channel` per column
    subject : whose recording it is; two recordings of one person share it
    events : reference annotations, empty when there are none
    invalid : bool (n_samples, n_channels) or None; True where the format marks a sample as missing
    """

    name: str
    fs_hz: float
    counts: np.ndarray
    channels: tuple[Channel, ...]
    subject: str
    events: Events = field(default_factory=Events.empty)
    invalid: np.ndarray | None = None

    @property
    def n_samples(self) -> int:
        return self.counts.shape[0]

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.fs_hz

    def physical(self, channel: int) -> np.ndarray:
        """Samples of one channel in its unit: float64 (n_samples,), NaN where invalid."""
        c = self.channels[channel]
        values = (self.counts[:, channel].astype(np.float64) - c.baseline_counts) / c.gain_per_unit
        if self.invalid is not None:
            values[self.invalid[:, channel]] = np.nan
        return values
