"""More EEG out of little: stretched, scaled, turned, weakened, disturbed and joined recordings."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..signals.eeg_wave import EEG_DEVICE_FS_HZ
from .eeg_artefacts import ARTEFACTS, HARMLESS, contaminate
from .seizure_data import EegRecord

__all__ = ["DISTURBANCES", "join_records", "quiet_copy", "quiet_part", "seizure_copy"]

DISTURBANCES = (*ARTEFACTS, "flat", "rail")

_FS = EEG_DEVICE_FS_HZ
_FADE = _FS // 4
_MAX_STRETCH = 0.15
_GAIN_SIGMA = 0.3
_WEAKEST, _STRONGEST = 0.25, 4.0
_LEAD_S = 9.0  # a seizure needs as much before it, for the baseline


def _counts(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


def quiet_part(record: EegRecord) -> EegRecord:
    """The recording up to its first seizure."""
    end_s = float(record.seizures[:, 0].min()) if len(record.seizures) else record.n_seconds
    return replace(record, counts=record.counts[: int(end_s * _FS)], seizures=np.empty((0, 2)))


def join_records(records: Sequence[EegRecord]) -> EegRecord:
    """One after the other, each faded into the next over 0.25 s; channels as in the first."""
    counts, seizures = records[0].counts.astype(np.float64), [records[0].seizures]
    fade = np.linspace(0, 1, _FADE)[:, None]
    for record in records[1:]:
        start = len(counts) - _FADE
        seam = (1 - fade) * counts[start:] + fade * record.counts[:_FADE]
        counts = np.concatenate([counts[:start], seam, record.counts[_FADE:]])
        seizures.append(record.seizures + start / _FS)
    return replace(records[0], counts=_counts(counts), seizures=np.concatenate(seizures))


def seizure_copy(record: EegRecord, quiet: Sequence[EegRecord], rng: np.random.Generator) -> EegRecord:
    """A changed copy of a recording with a seizure, behind some more quiet EEG if it begins too soon.

    Parameters
    ----------
    quiet : seizure-free recordings with the same channels
    """
    lead_s = float(record.seizures[:, 0].min())
    if quiet and (lead_s < _LEAD_S or rng.random() < 0.3):
        record = join_records([quiet[int(rng.integers(len(quiet)))], record])
    return _varied(_scaled_seizure(record, rng), rng)


def quiet_copy(quiet: Sequence[EegRecord], rng: np.random.Generator, plain: bool = False) -> EegRecord:
    """Two to four seizure-free recordings joined and changed: most swell, or carry a rhythm or an artefact.

    Parameters
    ----------
    plain : none does
    """
    joined = join_records([quiet[int(i)] for i in rng.integers(len(quiet), size=rng.integers(2, 5))])
    if plain:
        return _varied(joined, rng)
    if rng.random() < 0.5:
        joined = _swelled(joined, rng)
    if rng.random() < 0.4:
        joined = _with(joined, rng.choice(list(HARMLESS)), rng)
    if rng.random() < 0.6:
        joined = _with(joined, rng.choice(list(DISTURBANCES)), rng)
    return _varied(joined, rng)


def _varied(record: EegRecord, rng: np.random.Generator) -> EegRecord:
    """Another time scale, gain and polarity."""
    scale = float(np.exp(rng.uniform(-_MAX_STRETCH, _MAX_STRETCH)))
    at = np.arange(0, len(record.counts) - 1, scale)
    low = at.astype(np.int64)
    share = (at - low)[:, None]
    stretched = (1 - share) * record.counts[low] + share * record.counts[low + 1]
    gain = rng.choice([-1, 1]) * np.exp(_GAIN_SIGMA * rng.standard_normal())
    return replace(record, counts=_counts(gain * stretched), seizures=record.seizures / scale)


def _scaled_seizure(record: EegRecord, rng: np.random.Generator) -> EegRecord:
    """The same with its seizures four times as large at most, or mixed down into the EEG from before the first."""
    quiet = quiet_part(record).counts
    if len(quiet) < 2 * _FS:
        return record
    gain = float(np.exp(rng.uniform(np.log(_WEAKEST), np.log(_STRONGEST))))
    rounds = -(-len(record.counts) // (2 * len(quiet)))
    background = np.concatenate([quiet, quiet[::-1]] * rounds)[: len(record.counts)]
    inside = np.zeros(len(record.counts))
    for onset_s, end_s in record.seizures:
        inside[int(onset_s * _FS) : int(end_s * _FS)] = 1
    ramp = np.convolve(inside, np.ones(_FADE) / _FADE, "same")[:, None]
    mixed = gain * record.counts + np.sqrt(max(1 - gain**2, 0)) * background
    return replace(record, counts=_counts((1 - ramp) * record.counts + ramp * mixed))


def _swelled(record: EegRecord, rng: np.random.Generator) -> EegRecord:
    """The same, up to three times as large from some moment on: a change of state that is no seizure."""
    at_s = rng.uniform(0.2, 0.8) * record.n_seconds
    width_s = float(np.exp(rng.uniform(np.log(0.3), np.log(8))))
    away = np.clip((np.arange(len(record.counts)) / _FS - at_s) / width_s * 4, -30, 30)
    gain = np.exp(rng.uniform(0, np.log(3)) / (1 + np.exp(-away)))[:, None]
    return replace(record, counts=_counts(gain * record.counts))


def _with(record: EegRecord, kind: str, rng: np.random.Generator) -> EegRecord:
    return replace(record, counts=contaminate(record.counts, str(kind), rng).counts)
