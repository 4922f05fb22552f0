"""The device's own integer C on this computer: blocks of samples in, decided beats out."""

import ctypes
from dataclasses import dataclass

import numpy as np

from ..compression.compact import CompactModel
from ..compression.model_file import to_bytes
from ..signals.beats import BLOCK_SAMPLES
from ..signals.gate_features import N_GATE_FEATURES
from .machine import check
from .native_library import native_library

__all__ = ["Decided", "NativeDevice", "detect_qrs_native", "resample_native"]

_MAX_PENDING, _MAX_CLASSES, _TILE = 16, 8, 32
_BEAT = np.dtype(
    [
        ("peak", "u4"),
        ("decided", "u4"),
        ("reached", "i1"),
        ("label", "i1"),
        ("screen_logit", "i1"),
        ("unused", "i1"),
        ("class_logits", "i1", _MAX_CLASSES),
    ]
)
"""The C type `ictus_native_beat`."""


@dataclass(frozen=True)
class Decided:
    """What the cascade has decided since it was asked last: one row a beat, in time order.

    Attributes
    ----------
    peak : int64 (n,), device sample of the R peak
    decided : int64 (n,), device samples after which the decision was there
    reached : int8 (n,), stage that decided: 0 gate (rejected), 1 screen (normal), 2 specialist
    label : int8 (n,), class; 0 is normal, -1 gated
    screen : (n,), the screen's logit; 0 if gated
    classes : (n, n_classes), the specialist's logits; 0 unless it ran
    rejected : bool (n_blocks,), the seconds that ended, and whether the gate rejected them
    features : int8 (n_blocks, N_GATE_FEATURES), what the gate was given
    """

    peak: np.ndarray
    decided: np.ndarray
    reached: np.ndarray
    label: np.ndarray
    screen: np.ndarray
    classes: np.ndarray
    rejected: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.peak)

    def first(self, n: int) -> "Decided":
        """The first `n` beats, and all seconds."""
        return Decided(
            self.peak[:n],
            self.decided[:n],
            self.reached[:n],
            self.label[:n],
            self.screen[:n],
            self.classes[:n],
            self.rejected,
            self.features,
        )


class NativeDevice:
    """A wearable in this process, from its reset.

    Parameters
    ----------
    model : for the beat task

    Raises
    ------
    NoNativeLibraryError
        The runtime cannot be compiled here.
    RuntimeRefusedError
        The runtime refuses the model.
    """

    def __init__(self, model: CompactModel) -> None:
        self._library = native_library()
        self._model = to_bytes(model)  # stays in place: the device points into it
        arena_bytes = ctypes.c_uint32()
        n_bytes = len(self._model)
        check(self._library.ictus_native_arena_bytes(self._model, n_bytes, ctypes.byref(arena_bytes)))
        self._arena = np.zeros(arena_bytes.value // 4 + 1, np.uint32)
        self._device = np.zeros(self._library.ictus_native_device_bytes() // 8 + 1, np.uint64)
        where = _address(self._device), self._model, n_bytes, _address(self._arena), self._arena.nbytes
        check(self._library.ictus_native_open(*where))
        self._gate = np.zeros(self._library.ictus_native_gate_bytes() // 8 + 1, np.uint64)
        self._library.ictus_native_gate_init(_address(self._gate))
        self._n_classes = model.stages[-1].layers[-1].out_size

    def push(self, counts: np.ndarray) -> Decided:
        """Take the next samples, int16 (n,), whole blocks of 128.

        Raises
        ------
        ValueError
            `counts` ends within a block.
        """
        n_blocks, rest = divmod(len(counts), BLOCK_SAMPLES)
        if rest:
            raise ValueError(f"{len(counts)} samples are not whole blocks of {BLOCK_SAMPLES}")
        counts = np.ascontiguousarray(counts, np.int16)
        beats, rejected = np.empty((n_blocks + 1) * _MAX_PENDING, _BEAT), np.empty(n_blocks, np.uint8)
        arguments = _address(counts), len(counts), _address(beats), _address(rejected)
        n = self._library.ictus_native_push(_address(self._device), *arguments)
        features = np.empty((n_blocks + 1, N_GATE_FEATURES), np.int8)
        self._library.ictus_native_features(_address(self._gate), *arguments[:2], _address(features))
        return self._decided(beats[:n], rejected.astype(np.bool_), features[:n_blocks])

    def finish(self) -> Decided:
        """Nothing: `push` gives everything."""
        return self._decided(np.empty(0, _BEAT), np.empty(0, np.bool_), np.empty((0, N_GATE_FEATURES), np.int8))

    def _decided(self, beats: np.ndarray, rejected: np.ndarray, features: np.ndarray) -> Decided:
        classes = np.ascontiguousarray(beats["class_logits"][:, : self._n_classes])
        reached, label, screen = (beats[name].copy() for name in ("reached", "label", "screen_logit"))
        peak, decided = beats["peak"].astype(np.int64), beats["decided"].astype(np.int64)
        return Decided(peak, decided, reached, label, screen, classes, rejected, features)


class _Polyphase(ctypes.Structure):
    _fields_ = (
        ("taps", ctypes.c_void_p),
        ("up", ctypes.c_int64),
        ("down", ctypes.c_int64),
        ("n_taps", ctypes.c_int64),
    )


def resample_native(taps: np.ndarray, x: np.ndarray, up: int, down: int) -> np.ndarray:
    """`scipy.signal.upfirdn` of float32 `x` (n,) by float32 `taps`: the same float32 values, sooner.

    Raises
    ------
    NoNativeLibraryError
        The runtime cannot be compiled here.
    """
    phases = np.pad(taps, (0, -len(taps) % up)).reshape(-1, up).T[:, ::-1]
    phases, x = np.ascontiguousarray(phases, np.float32), np.ascontiguousarray(x, np.float32)
    out = np.empty(((len(x) - 1) * up + len(taps) - 1) // down + 1, np.float32)
    rows = np.empty((down + phases.shape[1] - 1) * _TILE, np.float32)
    polyphase = ctypes.byref(_Polyphase(phases.ctypes.data, up, down, phases.shape[1]))
    n_in, n_out = ctypes.c_int64(len(x)), ctypes.c_int64(len(out))
    native_library().ictus_native_resample(polyphase, _address(x), n_in, _address(rows), _address(out), n_out)
    return out


def detect_qrs_native(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R peaks and announcements of `detect_qrs`, each int64 (k,), from the C detector alone.

    Parameters
    ----------
    counts : int16 (n,), device signal

    Raises
    ------
    NoNativeLibraryError
        The runtime cannot be compiled here.
    """
    library = native_library()
    state = np.zeros(library.ictus_native_detector_bytes() // 8 + 1, np.uint64)
    library.ictus_native_detector_init(_address(state))
    counts = np.ascontiguousarray(counts, np.int16)
    peak, reported = np.empty((2, len(counts) // _FEWEST_BETWEEN + 8), np.uint32)
    n = library.ictus_native_detect(
        _address(state), _address(counts), len(counts), _address(peak), _address(reported)
    )
    return peak[:n].astype(np.int64), reported[:n].astype(np.int64)


_FEWEST_BETWEEN = 30
"""Samples between two candidates (`qrs_decision.HOLD`)."""


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
