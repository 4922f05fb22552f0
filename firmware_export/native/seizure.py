"""The seizure cascade on this computer: the EEG device's own integer C where it can be compiled, else Python."""

import ctypes
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...compression.compact import CompactModel
from ...compression.model_file import to_bytes
from ...models.seizure_cascade import SeizureCascade, SeizureDecisions
from ...models.staged import StagedModel
from ...signals.eeg_wave import EEG_BLOCK, EEG_DEVICE_FS_HZ, EEG_UV_PER_COUNT, EegFilter
from ..emulator.machine import check
from .library import NoNativeLibraryError, native_library

__all__ = ["SECOND", "NativeSeizure", "ReferenceSeizure", "SeizureRunner", "SeizureSeconds", "open_seizure"]

_ARENA_BYTES = 8192
"""Enough for every convolution to compute several positions together."""

SECOND = np.dtype(
    [
        ("number", "u4"),
        ("rejected", "u4"),
        ("analysable", "u4"),
        ("reached", "u1"),
        ("screen", "i1"),
        ("specialist", "i1"),
        ("is_on", "u1"),
        ("began", "u1"),
        ("unused", "u1", 3),
    ]
)
"""The C type `ictus_seizure_second`."""


@dataclass(frozen=True)
class SeizureSeconds:
    """Consecutive whole seconds.

    Attributes
    ----------
    decisions : a row each
    line_length_uv : float32 (n, n_channels), mean |step| of the filtered signal at 64 Hz within the second, in uV
        a sample; 0 for channels that do not exist
    """

    decisions: SeizureDecisions
    line_length_uv: np.ndarray

    def __len__(self) -> int:
        return len(self.decisions)


class SeizureRunner(Protocol):
    """A wearable for EEG, from its reset."""

    def push(self, counts: np.ndarray) -> SeizureSeconds:
        """Take the next samples and give the seconds that they end.

        Parameters
        ----------
        counts : int16 (n, n_channels), device signal at 256 Hz, 0.25 uV per count; any n
        """
        ...


def open_seizure(model: StagedModel, mask: np.ndarray) -> SeizureRunner:
    """The fastest runner that gives a model's decisions: both give the same.

    Parameters
    ----------
    model : for the seizure task; only a compact one runs in C
    mask : bool (n_channels,), channels that exist, 1 to 23 of them
    """
    if isinstance(model, CompactModel):
        try:
            return NativeSeizure(model, mask)
        except NoNativeLibraryError:
            pass
    return ReferenceSeizure(model, mask)


class NativeSeizure:
    """The device's C in this process, see `SeizureRunner`.

    Parameters
    ----------
    model : for the seizure task
    mask : bool (n_channels,), channels that exist

    Raises
    ------
    NoNativeLibraryError
        The runtime cannot be compiled here.
    RuntimeRefusedError
        The runtime refuses the model, or the number of channels.
    """

    def __init__(self, model: CompactModel, mask: np.ndarray) -> None:
        self._library = native_library()
        self._model = to_bytes(model)  # stays in place: the device points into it
        self._mask = np.asarray(mask, np.bool_)
        n_channels = int(self._mask.sum())
        needed = ctypes.c_uint32()
        check(self._library.ictus_native_arena_bytes(self._model, len(self._model), ctypes.byref(needed)))
        self._arena = np.zeros(max(needed.value, _ARENA_BYTES) // 4 + 1, np.uint32)
        self._state = np.zeros(self._library.ictus_native_seizure_bytes(n_channels) // 8 + 1, np.uint64)
        arguments = self._model, len(self._model), _address(self._arena), self._arena.nbytes
        check(self._library.ictus_native_seizure_open(_address(self._state), n_channels, *arguments))
        self._n_open = 0  # samples of the second that goes on

    def push(self, counts: np.ndarray) -> SeizureSeconds:
        """See `SeizureRunner`.

        Raises
        ------
        ValueError
            Another number of channels.
        """
        if counts.ndim != 2 or counts.shape[1] != len(self._mask):
            raise ValueError(f"counts of shape {counts.shape} for {len(self._mask)} channels")
        existing = np.ascontiguousarray(counts[:, self._mask], np.int16)
        n_seconds, self._n_open = divmod(self._n_open + len(counts), EEG_DEVICE_FS_HZ)
        rows = np.empty(n_seconds, SECOND)
        length = np.empty((n_seconds, existing.shape[1]), np.uint32)
        arguments = _address(self._state), _address(existing), len(existing), _address(rows), _address(length)
        self._library.ictus_native_seizure_push(*arguments)
        return SeizureSeconds(self._decisions(rows), _line_length_uv(length, self._mask))

    def _decisions(self, rows: np.ndarray) -> SeizureDecisions:
        place = np.arange(int(self._mask.sum()), dtype=np.uint32)
        bits = [(rows[name][:, None] >> place & 1).astype(np.bool_) for name in ("rejected", "analysable")]
        rejected, analysable = np.ones((2, len(rows), len(self._mask)), np.bool_)
        rejected[:, self._mask], analysable[:, self._mask] = bits
        analysable &= self._mask
        return SeizureDecisions(
            rejected, analysable, rows["screen"].copy(), rows["specialist"].copy(), rows["reached"].copy()
        )


class ReferenceSeizure:
    """The Python cascade, see `SeizureRunner`."""

    def __init__(self, model: StagedModel, mask: np.ndarray) -> None:
        self._cascade, self._filter = SeizureCascade(model, mask), EegFilter()
        self._mask = np.asarray(mask, np.bool_)
        self._open = np.empty((0, int(self._mask.sum())), np.int16)  # filtered, of the second that goes on

    def push(self, counts: np.ndarray) -> SeizureSeconds:
        """See `SeizureRunner`."""
        filtered = np.concatenate([self._open, self._filter.push(counts[:, self._mask])])
        n = len(filtered) // EEG_BLOCK
        self._open = filtered[n * EEG_BLOCK :]
        blocks = filtered[: n * EEG_BLOCK].astype(np.int64).reshape(n, EEG_BLOCK, filtered.shape[1])
        length = np.abs(np.diff(blocks, axis=1)).sum(axis=1)
        return SeizureSeconds(self._cascade.push(counts), _line_length_uv(length, self._mask))


def _line_length_uv(length: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Sums of steps in counts (n, n_existing) as float32 (n, n_channels) in uV a sample."""
    line_length_uv = np.zeros((len(length), len(mask)), np.float32)
    line_length_uv[:, mask] = length.astype(np.float32) * np.float32(EEG_UV_PER_COUNT / (EEG_BLOCK - 1))
    return line_length_uv


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
