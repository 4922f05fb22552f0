"""Prepared EEG: recordings as the cascade takes them, and the windows that train it.

A unit is one second of decision: the latest 4 s of some channels at once. Its label is that of the recording, not
of the channel, since nobody marks the channels of a seizure; the loss therefore looks at the pooled logit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..signals.eeg_features import EEG_WINDOW_S, EegFrontEnd, EegSeconds
from ..signals.eeg_wave import EEG_BLOCK, EEG_DEVICE_FS_HZ, scale_eeg

__all__ = [
    "FIRST_DECISION_S",
    "ICTAL",
    "NOT_ICTAL",
    "UNSURE",
    "EegRecord",
    "SeizureUnits",
    "prepare_eeg",
    "units_of",
    "window_waves",
]

NOT_ICTAL, ICTAL, UNSURE = 0, 1, -1

FIRST_DECISION_S = 4
"""Second of the first window that is decided: the window of 4 s without the second in which the filter starts."""

_PIECE_S = 60
_MIN_ICTAL_S = 3


@dataclass(frozen=True)
class EegRecord:
    """Device signal with the seizures in it.

    Attributes
    ----------
    name : of the recording
    subject : who it is from; what the folds are made by
    counts : int16 (n, n_channels) at 256 Hz, 0.25 uV per count
    mask : bool (n_channels,), channels that exist
    seizures : float64 (k, 2), onset and end in seconds
    """

    name: str
    subject: str
    counts: np.ndarray
    mask: np.ndarray
    seizures: np.ndarray

    @classmethod
    def of(
        cls, name: str, subject: str, counts: np.ndarray, seizures: Sequence[tuple[float, float]]
    ) -> "EegRecord":
        """A recording of which every channel exists."""
        mask = np.ones(counts.shape[1], bool)
        return cls(name, subject, counts, mask, np.array(seizures, np.float64).reshape(-1, 2))

    @property
    def n_seconds(self) -> int:
        """Whole seconds."""
        return len(self.counts) // EEG_DEVICE_FS_HZ

    def labels(self) -> np.ndarray:
        """Label of the window that ends with each second, int8 (n_seconds,).

        `ICTAL` with at least 3 of its 4 s within a seizure, `NOT_ICTAL` with none, else `UNSURE`.
        """
        at = np.arange(self.n_seconds)
        is_ictal = np.zeros(self.n_seconds + EEG_WINDOW_S - 1, np.int64)
        for onset_s, end_s in self.seizures:
            is_ictal[EEG_WINDOW_S - 1 :] |= (at + 1 > onset_s) & (at < end_s)
        n = np.convolve(is_ictal, np.ones(EEG_WINDOW_S, np.int64), "valid")
        return np.where(n >= _MIN_ICTAL_S, ICTAL, np.where(n == 0, NOT_ICTAL, UNSURE)).astype(np.int8)


def prepare_eeg(counts: np.ndarray) -> EegSeconds:
    """Filter and features of a whole recording, worked through in pieces.

    Parameters
    ----------
    counts : int16 (n, n_channels), device signal
    """
    front_end = EegFrontEnd(counts.shape[1])
    step = _PIECE_S * EEG_DEVICE_FS_HZ
    parts = [front_end.push(counts[at : at + step]) for at in range(0, max(len(counts), 1), step)]
    names = ("filtered", "gate", "context", "factor")
    return EegSeconds(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def window_waves(filtered: np.ndarray, factor: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The specialist's input: the 4 s that end with each of `seconds`, scaled by that second's factor.

    Parameters
    ----------
    filtered : int16 (n, 64, n_channels)
    factor : int32 (n, n_channels)
    seconds : int64 (m,), at least 3

    Returns
    -------
    int8 (m, n_channels, 256)
    """
    blocks = filtered[seconds[:, None] + np.arange(1 - EEG_WINDOW_S, 1)]
    waves = blocks.reshape(len(seconds), EEG_WINDOW_S * EEG_BLOCK, -1).transpose(0, 2, 1)
    return scale_eeg(waves, factor[seconds][:, :, None])


@dataclass(frozen=True)
class SeizureUnits:
    """Units one after the other, each with its channels one after the other.

    Attributes
    ----------
    wave : int8 (n_rows, 256)
    context : int8 (n_rows, N_SEIZURE_FEATURES)
    n_channels : int64 (n_units,), rows of each unit
    label : int8 (n_units,), `ICTAL` or `NOT_ICTAL`
    source : int64 (n_units,), number of what it comes from, for balanced drawing
    """

    wave: np.ndarray
    context: np.ndarray
    n_channels: np.ndarray
    label: np.ndarray
    source: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    @property
    def first_row(self) -> np.ndarray:
        """Row at which each unit begins, int64 (n_units,)."""
        return np.cumsum(self.n_channels) - self.n_channels

    def from_source(self, source: int) -> "SeizureUnits":
        """The same, all from one source."""
        return replace(self, source=np.full(len(self), source))

    @classmethod
    def concatenate(cls, parts: Sequence["SeizureUnits"]) -> "SeizureUnits":
        """Join in the given order."""
        names = ("wave", "context", "n_channels", "label", "source")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def units_of(record: EegRecord, source: int = 0, hop_s: int = 1) -> SeizureUnits:
    """Every window of a recording that has a sure label, on the channels that exist.

    Parameters
    ----------
    hop_s : seconds between windows
    """
    seconds = prepare_eeg(record.counts[:, record.mask])
    label = record.labels()
    chosen = np.arange(FIRST_DECISION_S, record.n_seconds, hop_s)
    chosen = chosen[label[chosen] != UNSURE]
    wave = window_waves(seconds.filtered, seconds.factor, chosen)
    context = seconds.context[chosen]
    n_channels = np.full(len(chosen), wave.shape[1])
    rows = (wave.reshape(-1, wave.shape[2]), context.reshape(-1, context.shape[2]))
    return SeizureUnits(*rows, n_channels, label[chosen], np.full(len(chosen), source))
