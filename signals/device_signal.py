"""What the wearable's converter would have delivered: 128 samples a second, 5 uV a count.

128 sps and a step of a few microvolts are what single-lead front ends such as the MAX30003 offer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil

import numpy as np

from .errors import InputError
from .lead import Lead, lead_of, without_gaps
from .polyphase import upfirdn
from .recording import Recording

__all__ = [
    "DEVICE_FS_HZ",
    "DEVICE_UV_PER_COUNT",
    "MAX_FS_HZ",
    "MIN_FS_HZ",
    "DeviceSignal",
    "Resample",
    "device_pieces",
    "rate_ratio",
    "resampled",
    "to_device",
    "uv_per_unit",
]

DEVICE_FS_HZ = 128
DEVICE_UV_PER_COUNT = 5.0
MIN_FS_HZ = 60.0
MAX_FS_HZ = 5000.0

_UV_PER_UNIT = {"nV": 1e-3, "uV": 1.0, "\u00b5V": 1.0, "\u03bcV": 1.0, "mV": 1e3, "V": 1e6}
_KAISER_BETA = 5.65
_HALF_WIDTH = 15
_CUTOFF = 0.875

Resample = Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]
"""`scipy.signal.upfirdn`, or what gives the same: taps float32, samples float32, up, down -> float32."""


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
    lead = lead_of(recording, channel)
    counts = np.concatenate(list(device_pieces(lead)))
    counts.flags.writeable = False
    return DeviceSignal(counts, lead.channel.name)


def device_pieces(lead: Lead, resample: Resample = upfirdn) -> Iterator[np.ndarray]:
    """`to_device` of a lead that is read in pieces: the same counts, int16 (n,) at a time, in bounded memory.

    Parameters
    ----------
    lead : as for `to_device`
    resample : does the work of the polyphase filter

    Raises
    ------
    InputError, UnanalysableError : as `to_device`.
    """
    scale, offset = _counts_to_device(lead)
    up, down = rate_ratio(lead.fs_hz, DEVICE_FS_HZ, lead.record)
    for piece in resampled(without_gaps(lead), up, down, resample):
        yield np.clip(np.rint((piece - offset) * scale), -32768, 32767).astype(np.int16)


def _counts_to_device(lead: Lead) -> tuple[float, float]:
    """`scale` and `offset` with device count = (count - offset) * scale."""
    c = lead.channel
    uv = uv_per_unit(c.unit)
    if uv is None:
        known = "nV, uV, mV, V"
        raise InputError(f"{lead.record}: channel {c.name} is in {c.unit!r}, not a voltage ({known})")
    if not (np.isfinite(c.gain_per_unit) and c.gain_per_unit and np.isfinite(c.baseline_counts)):
        gain = f"gain {c.gain_per_unit}, baseline {c.baseline_counts}"
        raise InputError(f"{lead.record}: channel {c.name} cannot be scaled ({gain})")
    return uv / c.gain_per_unit / DEVICE_UV_PER_COUNT, c.baseline_counts


def uv_per_unit(unit: str) -> float | None:
    """Microvolts in a unit; None for what is no voltage."""
    return _UV_PER_UNIT.get(unit.strip())


def rate_ratio(fs_hz: float, to_hz: int, record: str) -> tuple[int, int]:
    """Up and down of the resampler: to_hz / fs_hz as a fraction, exact to a sample in days.

    Raises
    ------
    InputError : a rate outside 60 to 5,000 Hz; it names the `record`.
    """
    if not MIN_FS_HZ <= fs_hz <= MAX_FS_HZ:
        limits = f"{MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz"
        raise InputError(f"{record}: sampling rate {fs_hz:g} Hz is outside {limits}")
    ratio = Fraction(to_hz) / Fraction(fs_hz).limit_denominator(1000)
    ratio = ratio.limit_denominator(20000)
    return ratio.numerator, ratio.denominator


@lru_cache(maxsize=4)  # a data set has one rate, and the taps of an odd one take half a second
def _antialias(up: int, down: int) -> tuple[np.ndarray, int]:
    """Taps at the common rate, each of the `up` phases with gain 1 at 0 Hz, and their delay."""
    wide = max(up, down)
    half = down * ceil(_HALF_WIDTH * wide / down)
    ideal = np.sinc(_CUTOFF / wide * np.arange(-half, half + 1))
    taps = ideal * np.kaiser(2 * half + 1, _KAISER_BETA)
    phases = np.pad(taps, (0, -len(taps) % up)).reshape(-1, up)
    return (phases / phases.sum(axis=0)).ravel().astype(np.float32), half


def resampled(pieces: Iterable[np.ndarray], up: int, down: int, resample: Resample) -> Iterator[np.ndarray]:
    """Consecutive pieces of the resampled counts, float32 or integer; the outermost samples are held.

    Time is the first axis; what `resample` does with others is its own affair.
    """
    if up == down:
        yield from pieces
        return
    taps, half = _antialias(up, down)
    lead_in = down * ceil(half / up / down)
    skip = (lead_in * up + half) // down
    done = n_in = 0
    held = np.empty(0)  # from `lead_in` samples before the one at output `done`, a multiple of `up`
    for piece in pieces:
        held = np.concatenate((held if n_in else np.repeat(piece[:1], lead_in, axis=0), piece))
        n_in += len(piece)
        stop = ((n_in - 1) * up - half) // (up * down) * up
        if stop > done:
            yield resample(taps, held.astype(np.float32), up, down)[skip : skip + stop - done]
            held, done = held[(stop - done) // up * down :], stop
    n_out = ceil(n_in * up / down)
    n_missing = ceil((n_out * down + half) / up) + 1 - n_in
    held = np.concatenate((held, np.repeat(held[-1:], n_missing, axis=0)))
    yield resample(taps, held.astype(np.float32), up, down)[skip : skip + n_out - done]
