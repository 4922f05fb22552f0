"""What the noise gate learns from: real ECG, real noise mixed into it, leads that fell off, fibrillation, strips.

The window that is judged is one second (a block of 128 samples); the gate knows what came before it, too. Each
block is labelled by the signal-to-noise ratio *in that block*, because recorded noise comes in bursts, and
*behind the device's filter*, because wander that the filter removes harms nobody:

- analysable (1): at least 12 dB, and all unmodified ECG: cardiologists annotated every beat of it;
- not analysable (0): at most 0 dB, a held (flat) line, a signal at the converter's rail;
- neither, left out: what lies between, and blocks at the edge of a fault.

Signal and noise together are made up to twice as large or small, as other people and electrodes do. Strips of a
hand-held recorder that people found too noisy to read, and others that they could read, are labelled as a whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..signals import (
    BLOCK_SAMPLES,
    DEVICE_FS_HZ,
    Recording,
    UnanalysableError,
    fibrillation_of,
    gate_features,
    noise_gain,
    qrs_power,
    remove_baseline,
    to_device,
)
from .beat_data import BeatRecord
from .gate_noise import NoiseSource, noise_sources

__all__ = [
    "ANALYSABLE_SNR_DB",
    "HOPELESS_SNR_DB",
    "GateExamples",
    "fibrillation_examples",
    "gate_examples",
    "strip_examples",
]

ANALYSABLE_SNR_DB = 12.0
HOPELESS_SNR_DB = 0.0
MIXED_SNR_DB = (24.0, 18.0, 12.0, 6.0, 0.0, -6.0)
GAIN_OCTAVES = 1.0
STRETCH_BLOCKS = 30
FAULT_BLOCKS = 8
N_FAULTS = 12
RAIL_TIME_CONSTANT_S = 0.2


@dataclass(frozen=True)
class GateExamples:
    """Blocks of one second for training or testing the gate.

    Attributes
    ----------
    features : int8 (n, n_features)
    label : int8 (n,), 1 analysable, 0 not, -1 neither
    kind : str (n,), ``clean`` (unmodified), ``scaled``, ``bw em ma``, ``held``, ``rail``, ``vf``,
        ``read`` and ``noisy`` (strips)
    snr_db : float32 (n,), in the block and behind the filter; inf without added noise, -inf for held and rail
    nominal_db : float32 (n,), ratio over the whole noise recording that was asked for
    record : int32 (n,), number of the ECG recording in the list it came from
    block : int32 (n,), number of the second in that recording
    """

    features: np.ndarray
    label: np.ndarray
    kind: np.ndarray
    snr_db: np.ndarray
    nominal_db: np.ndarray
    record: np.ndarray
    block: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def take(self, index: np.ndarray) -> "GateExamples":
        """Select blocks by a boolean mask or by integer positions."""
        return GateExamples(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @classmethod
    def concatenate(cls, parts: Sequence["GateExamples"]) -> "GateExamples":
        """Join at least one set of examples in the given order."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__))


def gate_examples(
    records: Sequence[BeatRecord],
    noise: Sequence[tuple[str, np.ndarray]],
    seed: int = 0,
    n_mixes: int = 3,
    is_varied: bool = False,
) -> GateExamples:
    """Unmodified, mixed and faulty blocks of every recording.

    Parameters
    ----------
    records : with reference beats; the normal ones among them set the size of the signal
    noise : kind and device counts of each noise channel, from `noise_halves`
    seed : of the draw of noise, ratio and place
    n_mixes : how often each recording is run through with noise; every `STRETCH_BLOCKS` the noise, its place and
        its nominal ratio are drawn anew
    is_varied : whether the noise is varied as `NoiseSource.draw` does

    Raises
    ------
    ValueError
        A noise is constant or shorter than a second.
    UnanalysableError
        No recording of at least 8 s has a reference beat of class N.
    """
    rng = np.random.default_rng(seed)
    sources = noise_sources(noise)
    parts = []
    for number, record in enumerate(records):
        if len(_normal_peaks(record)) and len(record.signal.counts) >= FAULT_BLOCKS * BLOCK_SAMPLES:
            parts.append(_clean(record, number))
            parts.append(_clean(record, number, _random_gain(rng)))
            parts.append(_faulty(record, number, rng))
            parts.extend(_mixed(record, number, sources, is_varied, rng) for _ in range(n_mixes))
    if not parts:
        raise UnanalysableError(
            f"none of {len(records)} recordings has a normal reference beat to train the gate on"
        )
    return GateExamples.concatenate(parts)


def fibrillation_examples(recordings: Sequence[Recording]) -> GateExamples:
    """Blocks wholly within ventricular fibrillation or flutter, all analysable, of kind ``vf``.

    A second of fibrillation looks much like electrode motion at 0 dB; training with these keeps both apart.

    Parameters
    ----------
    recordings : with ``[`` and ``]`` events around fibrillation or flutter (cudb, MIT-BIH 207)
    """
    parts = [_fibrillation(recording, number) for number, recording in enumerate(recordings)]
    return GateExamples.concatenate(parts)


def _fibrillation(recording: Recording, number: int) -> GateExamples:
    counts = to_device(recording).counts
    n_blocks = len(counts) // BLOCK_SAMPLES
    is_vf = np.zeros(n_blocks, bool)
    for onset_s, end_s in fibrillation_of(recording):
        is_vf[int(np.ceil(onset_s)) : int(end_s)] = True
    features = gate_features(counts)[:n_blocks]
    return _examples(features, np.ones(n_blocks, np.int8), "vf", np.inf, np.inf, number).take(is_vf)


def strip_examples(strips: Sequence[tuple[np.ndarray, bool]]) -> GateExamples:
    """All blocks of strips, labelled as their strip is.

    Parameters
    ----------
    strips : int16 (n,) device counts of at least a second, and whether people found the strip too noisy to read
    """
    parts = []
    for number, (counts, is_noisy) in enumerate(strips):
        features = gate_features(counts)[: len(counts) // BLOCK_SAMPLES]
        label = np.full(len(features), not is_noisy, np.int8)
        parts.append(_examples(features, label, "noisy" if is_noisy else "read", np.nan, np.nan, number))
    return GateExamples.concatenate(parts)


def _random_gain(rng: np.random.Generator) -> float:
    return 2 ** rng.uniform(-GAIN_OCTAVES, GAIN_OCTAVES)


def _to_int16(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


def _clean(record: BeatRecord, number: int, gain: float = 1.0) -> GateExamples:
    features = _whole_blocks(gate_features(_to_int16(gain * record.signal.counts)), record)
    kind = "clean" if gain == 1 else "scaled"
    return _examples(features, np.ones(len(features), np.int8), kind, np.inf, np.inf, number)


def _mixed(
    record: BeatRecord, number: int, sources: Sequence[NoiseSource], is_varied: bool, rng: np.random.Generator
) -> GateExamples:
    counts = record.signal.counts
    power = qrs_power(counts, _normal_peaks(record), DEVICE_FS_HZ)
    track = np.zeros(len(counts))
    n_blocks = len(counts) // BLOCK_SAMPLES
    kind, nominal_db = np.empty(n_blocks, "U5"), np.empty(n_blocks)
    for blocks in _stretches(n_blocks):
        source, snr_db = sources[int(rng.integers(len(sources)))], rng.choice(MIXED_SNR_DB)
        samples = slice(blocks.start * BLOCK_SAMPLES, blocks.stop * BLOCK_SAMPLES)
        piece = source.draw(samples.stop - samples.start, rng, is_varied)
        track[samples] = noise_gain(power, 1.0, snr_db) * (piece - piece.mean())
        kind[blocks], nominal_db[blocks] = source.kind, snr_db
    mixed = _to_int16(counts + track)
    snr_db = _block_snr_db(counts, mixed, record)
    label = np.full(n_blocks, -1, np.int8)
    label[snr_db >= ANALYSABLE_SNR_DB] = 1
    label[snr_db <= HOPELESS_SNR_DB] = 0
    features = _whole_blocks(gate_features(_to_int16(_random_gain(rng) * mixed)), record)
    return _examples(features, label, kind, snr_db, nominal_db, number)


def _stretches(n_blocks: int) -> Iterator[slice]:
    for start in range(0, n_blocks, STRETCH_BLOCKS):
        yield slice(start, min(start + STRETCH_BLOCKS, n_blocks))


def _block_snr_db(clean: np.ndarray, mixed: np.ndarray, record: BeatRecord) -> np.ndarray:
    """Signal-to-noise ratio behind the filter, float64 (n_blocks,)."""
    filtered = remove_baseline(clean).astype(np.float64)
    added = remove_baseline(mixed) - filtered
    power = qrs_power(filtered, _normal_peaks(record), DEVICE_FS_HZ)
    n_blocks = len(clean) // BLOCK_SAMPLES
    block_power = np.square(added[: n_blocks * BLOCK_SAMPLES]).reshape(n_blocks, BLOCK_SAMPLES).mean(axis=1)
    return 10 * np.log10(power / np.maximum(block_power, 1e-3))


def _faulty(record: BeatRecord, number: int, rng: np.random.Generator) -> GateExamples:
    """A lead falls off: the last value is held, plus or minus the converter's noise, or drifts to the rail."""
    counts = record.signal.counts.copy()
    n_blocks = len(counts) // BLOCK_SAMPLES
    n_faults = min(N_FAULTS, n_blocks // (2 * FAULT_BLOCKS))
    label, kind = np.full(n_blocks, -1, np.int8), np.full(n_blocks, "held")
    for i, slot in enumerate(rng.permutation(n_blocks // (2 * FAULT_BLOCKS))[:n_faults]):
        first = 2 * FAULT_BLOCKS * slot + 1
        start = first * BLOCK_SAMPLES - int(rng.integers(BLOCK_SAMPLES))
        stop = (first + FAULT_BLOCKS) * BLOCK_SAMPLES
        counts[start:stop] = _fault(i % 4, int(counts[start]), stop - start, rng)
        settled = first + (i % 4 == 3)
        label[settled : first + FAULT_BLOCKS] = 0
        kind[settled : first + FAULT_BLOCKS] = "rail" if i % 4 == 3 else "held"
    features = _whole_blocks(gate_features(counts), record)
    return _examples(features, label, kind, -np.inf, -np.inf, number).take(label == 0)


def _fault(which: int, value: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """0: held; 1, 2: held with noise of one or two counts; 3: charges to a rail with the input's time constant."""
    if which < 3:
        return np.clip(value + rng.integers(-which, which + 1, n), -32768, 32767)
    rail = rng.choice((-32768, 32767))
    decay = np.exp(-np.arange(n) / (RAIL_TIME_CONSTANT_S * DEVICE_FS_HZ))
    return np.rint(rail + (value - rail) * decay)


def _normal_peaks(record: BeatRecord) -> np.ndarray:
    return record.reference_peak[record.reference_label == 0]


def _whole_blocks(features: np.ndarray, record: BeatRecord) -> np.ndarray:
    return features[: len(record.signal.counts) // BLOCK_SAMPLES]


def _examples(
    features: np.ndarray,
    label: np.ndarray,
    kind: str | np.ndarray,
    snr_db: float | np.ndarray,
    nominal_db: float | np.ndarray,
    number: int,
) -> GateExamples:
    n = len(label)
    return GateExamples(
        features,
        label,
        np.broadcast_to(kind, n),
        np.broadcast_to(np.float32(snr_db), n),
        np.broadcast_to(np.float32(nominal_db), n),
        np.full(n, number, np.int32),
        np.arange(n, dtype=np.int32),
    )
