"""The device's own integer C on this computer: blocks of samples in, decided beats, strips and seconds out."""

import ctypes
from dataclasses import dataclass, replace

import numpy as np

from ...compression.compact import CompactModel
from ...compression.model_file import to_bytes
from ...models.alarm_model import N_HIDDEN, AlarmModel
from ...signals.beats import BLOCK_SAMPLES
from ...signals.gate_features import N_GATE_FEATURES
from ..emulator.machine import check
from ..emulator.rhythm_run import STRIP_BLOCKS, StripEvents
from .library import native_library

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
_STRIP = np.dtype(
    [
        ("first_block", "u4"),
        ("reached", "i1"),
        ("label", "i1"),
        ("n_analysable", "i1"),
        ("screen_logit", "i1"),
        ("class_logits", "i1", _MAX_CLASSES),
    ]
)
"""The C type `ictus_rhythm_event`."""
_ALARM = np.dtype(
    [
        ("hidden_weight", "i1", (N_HIDDEN, N_GATE_FEATURES)),
        ("hidden_bias", "i2", N_HIDDEN),
        ("weight", "i1", N_HIDDEN),
        ("bias", "i4"),
        ("threshold", "i4"),
    ],
    align=True,
)
"""The C type `ictus_alarm_model`."""
_SPARE_ARENA = 8192
"""Bytes beyond what a streamed network needs, with which it computes more positions at a time."""


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
    positive : bool (n_blocks,), whether these seconds count for the alarm of ventricular fibrillation
    strips : strips whose rhythm was decided
    """

    peak: np.ndarray
    decided: np.ndarray
    reached: np.ndarray
    label: np.ndarray
    screen: np.ndarray
    classes: np.ndarray
    rejected: np.ndarray
    positive: np.ndarray
    strips: StripEvents

    def __len__(self) -> int:
        return len(self.peak)

    def first(self, n: int) -> "Decided":
        """The first `n` beats, all seconds and all strips."""
        names = ("peak", "decided", "reached", "label", "screen", "classes")
        return replace(self, **{name: getattr(self, name)[:n] for name in names})


class NativeDevice:
    """A wearable in this process, from its reset, with the optional parts that it is given models for.

    Parameters
    ----------
    model : for the beat task; or for rhythm alone
    rhythm : for strips of rhythm, beside beats
    alarm : for ventricular fibrillation

    Raises
    ------
    NoNativeLibraryError
        The runtime cannot be compiled here.
    RuntimeRefusedError
        The runtime refuses a model.
    """

    def __init__(
        self, model: CompactModel, rhythm: CompactModel | None = None, alarm: AlarmModel | None = None
    ) -> None:
        self._library = native_library()
        self._keep: list[object] = []  # what the device points into
        self._wearable = np.zeros(self._library.ictus_native_wearable_bytes() // 8 + 1, np.uint64)
        check(self._library.ictus_native_open(_address(self._wearable), *self._attached(model)))
        self._n_classes = model.stages[-1].layers[-1].out_size
        self._n_rhythms = 0
        if rhythm is not None:
            arguments = self._attached(rhythm, _SPARE_ARENA)
            check(self._library.ictus_native_add_rhythm(_address(self._wearable), *arguments))
            self._n_rhythms = rhythm.stages[-1].layers[-1].out_size
        if alarm is not None:
            values = np.array([tuple(vars(alarm).values())], _ALARM)
            check(self._library.ictus_native_add_alarm(_address(self._wearable), _address(values)))

    def _attached(self, model: CompactModel, spare_bytes: int = 0) -> tuple[bytes, int, ctypes.c_void_p, int]:
        """A model's bytes and an arena for it, both kept."""
        data, needed = to_bytes(model), ctypes.c_uint32()
        check(self._library.ictus_native_arena_bytes(data, len(data), ctypes.byref(needed)))
        arena = np.zeros((needed.value + spare_bytes) // 4 + 1, np.uint32)
        self._keep += data, arena
        return data, len(data), _address(arena), arena.nbytes

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
        beats, strips = (
            np.empty((n_blocks + 1) * _MAX_PENDING, _BEAT),
            np.empty(n_blocks // STRIP_BLOCKS + 2, _STRIP),
        )
        rejected, positive = np.empty((2, n_blocks), np.uint8)
        found = _Found(*(array.ctypes.data for array in (beats, strips, rejected, positive)))
        self._library.ictus_native_push(
            _address(self._wearable), _address(counts), len(counts), ctypes.byref(found)
        )
        n_beats = (found.beat - beats.ctypes.data) // _BEAT.itemsize
        n_strips = (found.strip - strips.ctypes.data) // _STRIP.itemsize
        judged = rejected.astype(np.bool_), positive.astype(np.bool_)
        return self._decided(beats[:n_beats], *judged, strips[:n_strips])

    def finish(self) -> Decided:
        """Nothing: `push` gives everything."""
        none = np.empty(0, np.bool_)
        return self._decided(np.empty(0, _BEAT), none, none, np.empty(0, _STRIP))

    def _decided(
        self, beats: np.ndarray, rejected: np.ndarray, positive: np.ndarray, strips: np.ndarray
    ) -> Decided:
        classes = np.ascontiguousarray(beats["class_logits"][:, : self._n_classes])
        reached, label, screen = (beats[name].copy() for name in ("reached", "label", "screen_logit"))
        peak, decided = beats["peak"].astype(np.int64), beats["decided"].astype(np.int64)
        events = _strip_events(strips, self._n_rhythms)
        return Decided(peak, decided, reached, label, screen, classes, rejected, positive, events)


class _Found(ctypes.Structure):
    """The C type `ictus_native_found`."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in ("beat", "strip", "rejected", "positive"))


def _strip_events(strips: np.ndarray, n_classes: int) -> StripEvents:
    reached, label, n_analysable, screen = (
        strips[name].copy() for name in ("reached", "label", "n_analysable", "screen_logit")
    )
    classes = np.ascontiguousarray(strips["class_logits"][:, :n_classes])
    return StripEvents(strips["first_block"].astype(np.int64), reached, label, n_analysable, screen, classes)


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
