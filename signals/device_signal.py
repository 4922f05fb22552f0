"""What the wearable's converter would have delivered: 128 samples a second, 5 uV a count.

128 sps and a step of a few microvolts are what single-lead front ends such as the MAX30003 offer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from scipy.signal import upfirdn

from .errors import InputError, UnanalysableError
from .recording import Recording

__all__ = [
    "DEVICE_FS_HZ",
    "DEVICE_UV_PER_COUNT",
    "MAX_FS_HZ",
    "MIN_FS_HZ",
    "DeviceSignal",
    "choose_channel",
    "to_device",
]

DEVICE_FS_HZ = 128
DEVICE_UV_PER_COUNT = 5.0
MIN_FS_HZ = 60.0
MAX_FS_HZ = 5000.0

_UV_PER_UNIT = {"nV": 1e-3, "uV": 1.0, "\u00b5V": 1.0, "\u03bcV": 1.0, "mV": 1e3, "V": 1e6}
_PREFERRED_LEADS = ("MLII", "II")
_KAISER_BETA = 5.65
_HALF_WIDTH = 15
_CUTOFF = 0.875
_CHUNK = 1 << 18


@dataclass(frozen=True)
class DeviceSignal:
    """One lead as the device sees it.

    Attributes
    ----------
    counts : int16 (n,), read-only; sample n lies n / 128 s after the start of the recording
    lead : name of the channel it was made from
    fs_hz : always `DEVICE_FS_HZ`
    """

    counts: np.ndarray
    lead: str
    fs_hz: int = DEVICE_FS_HZ

    @property
    def duration_s(self) -> float:
        return len(self.counts) / self.fs_hz


def choose_channel(recording: Recording, channel: int | str | None = None) -> int:
    """Column of the lead to analyse: the one asked for, else MLII, else II, else the first.

    Raises
    ------
    InputError : the recording has no such channel.
    """
    names = [c.name for c in recording.channels]
    if isinstance(channel, str):
        if channel not in names:
            raise InputError(f"{recording.name}: no channel {channel!r}; there are {', '.join(names)}")
        return names.index(channel)
    if channel is not None:
        if not 0 <= channel < len(names):
            raise InputError(f"{recording.name}: channel {channel} is outside 0..{len(names) - 1}")
        return channel
    return next((names.index(lead) for lead in _PREFERRED_LEADS if lead in names), 0)


def to_device(recording: Recording, channel: int | str | None = None) -> DeviceSignal:
    """Resample one lead to the device's rate and step.

    The rate is changed by a linear-phase polyphase FIR (Kaiser window, beta 5.65, about 60 dB) whose
    delay is compensated; its transition band is 0.75 to 1.0 of the lower of the two Nyquist
    frequencies, so 48 to 64 Hz from any rate above 128 Hz. At 128 Hz nothing is filtered. Beyond
    both ends the outermost sample is held; counts saturate at int16. Missing samples hold the last
    valid one (at the start, the first valid one). Long recordings are worked through in pieces.

    Parameters
    ----------
    recording : any rate from 60 to 5,000 Hz, unit nV, uV, mV or V
    channel : column or name of the lead; None takes MLII, else II, else the first

    Raises
    ------
    InputError : no such channel, a rate outside the limits, an unknown unit or an unusable gain.
    UnanalysableError : no sample, or none that is valid.
    """
    column = choose_channel(recording, channel)
    counts = _hold_invalid(recording, column)
    scale, offset = _counts_to_device(recording, column)
    up, down = _rate_ratio(recording)
    n_out = ceil(len(counts) * up / down)
    out = np.empty(n_out, np.int16)
    done = 0
    for piece in _resampled(counts, up, down, n_out):
        device = np.clip(np.rint((piece - offset) * scale), -32768, 32767)
        out[done : done + len(piece)] = device
        done += len(piece)
    out.flags.writeable = False
    return DeviceSignal(out, recording.channels[column].name)


def _hold_invalid(recording: Recording, column: int) -> np.ndarray:
    """Counts of one channel with missing samples replaced by the last valid one."""
    counts = recording.counts[:, column]
    if not len(counts):
        raise UnanalysableError(f"{recording.name}: no samples")
    if recording.invalid is None or not recording.invalid[:, column].any():
        return counts
    valid = ~recording.invalid[:, column]
    if not valid.any():
        name = recording.channels[column].name
        raise UnanalysableError(f"{recording.name}: channel {name} holds no valid sample")
    last_valid = np.where(valid, np.arange(len(counts)), np.argmax(valid))
    return counts[np.maximum.accumulate(last_valid)]


def _counts_to_device(recording: Recording, column: int) -> tuple[float, float]:
    """`scale` and `offset` with device count = (count - offset) * scale."""
    c = recording.channels[column]
    uv_per_unit = _UV_PER_UNIT.get(c.unit.strip())
    if uv_per_unit is None:
        known = "nV, uV, mV, V"
        raise InputError(f"{recording.name}: channel {c.name} is in {c.unit!r}, not a voltage ({known})")
    if not (np.isfinite(c.gain_per_unit) and c.gain_per_unit and np.isfinite(c.baseline_counts)):
        gain = f"gain {c.gain_per_unit}, baseline {c.baseline_counts}"
        raise InputError(f"{recording.name}: channel {c.name} cannot be scaled ({gain})")
    return uv_per_unit / c.gain_per_unit / DEVICE_UV_PER_COUNT, c.baseline_counts


def _rate_ratio(recording: Recording) -> tuple[int, int]:
    """Up and down of the resampler: 128 / fs_hz as a fraction, exact to a sample in days."""
    fs_hz = recording.fs_hz
    if not MIN_FS_HZ <= fs_hz <= MAX_FS_HZ:
        limits = f"{MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz"
        raise InputError(f"{recording.name}: sampling rate {fs_hz:g} Hz is outside {limits}")
    ratio = Fraction(DEVICE_FS_HZ) / Fraction(fs_hz).limit_denominator(1000)
    ratio = ratio.limit_denominator(20000)
    return ratio.numerator, ratio.denominator


def _antialias(up: int, down: int) -> tuple[np.ndarray, int]:
    """Taps at the common rate, each of the `up` phases with gain 1 at 0 Hz, and their delay."""
    wide = max(up, down)
    half = down * ceil(_HALF_WIDTH * wide / down)
    ideal = np.sinc(_CUTOFF / wide * np.arange(-half, half + 1))
    taps = ideal * np.kaiser(2 * half + 1, _KAISER_BETA)
    phases = np.pad(taps, (0, -len(taps) % up)).reshape(-1, up)
    return (phases / phases.sum(axis=0)).ravel().astype(np.float32), half


def _resampled(counts: np.ndarray, up: int, down: int, n_out: int) -> Iterator[np.ndarray]:
    """Consecutive pieces of the resampled counts, `n_out` float32 or integer values in all."""
    if up == down:
        yield counts
        return
    taps, half = _antialias(up, down)
    lead_in = down * ceil(half / up / down)
    skip = (lead_in * up + half) // down
    step = up * max(1, _CHUNK // up)
    for start in range(0, n_out, step):
        stop = min(start + step, n_out)
        first = start // up * down - lead_in
        last = ceil((stop * down + half) / up)
        held = np.clip(np.arange(first, last + 1), 0, len(counts) - 1)
        piece = upfirdn(taps, counts[held].astype(np.float32), up, down)
        yield piece[skip : skip + stop - start]
