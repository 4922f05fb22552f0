"""Cut a stretch out of a WFDB record without touching a sample: the signal bytes are the database's own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb

from ..signals import AAMI_CLASS, CorruptRecordError, Recording, load

__all__ = ["Excerpt", "cut_record", "richest_start"]

_BYTES_PER_FRAME = 3
"""Two signals in storage format 212: two samples of 12 bits make three bytes, one frame."""
_CLASS_WEIGHT = {"S": 1.0, "V": 1.0, "F": 2.0}


@dataclass(frozen=True)
class Excerpt:
    """Where an excerpt comes from: samples `start` up to, but not including, `stop` of `record`."""

    database: str
    record: str
    start: int
    stop: int


def richest_start(recording: Recording, n_samples: int, step: int) -> int:
    """Start of the stretch with the richest mix of abnormal beats, the earliest among equals.

    The score is the weighted sum of the square roots of the numbers of S, V and F beats, F counting double,
    so that a few beats of a rare class weigh more than many of a common one.

    Parameters
    ----------
    recording : the whole record with its annotations
    n_samples : length of the stretch
    step : grid of the starts, in samples
    """
    starts = np.arange(0, recording.n_samples - n_samples + 1, step)
    beat_class = np.asarray([AAMI_CLASS.get(str(s), "") for s in recording.events.symbol])
    score = np.zeros(len(starts))
    for label, weight in _CLASS_WEIGHT.items():
        beats = recording.events.sample[beat_class == label]
        held = np.searchsorted(beats, starts + n_samples) - np.searchsorted(beats, starts)
        score += weight * np.sqrt(held)
    return int(starts[np.argmax(score)])


def cut_record(source: Path, excerpt: Excerpt, target: Path) -> None:
    """Write the header, the signal file and, if there are any, the annotations of an excerpt.

    Parameters
    ----------
    source : header of the whole record: two signals in one file of format 212
    excerpt : what to cut
    target : folder of the new record, which keeps its name
    """
    recording = load(source)
    dat = source.with_suffix(".dat").read_bytes()
    if len(dat) != _BYTES_PER_FRAME * recording.n_samples:
        raise CorruptRecordError(f"{source}: {len(dat)} bytes are not two signals in format 212")
    counts = recording.counts[excerpt.start : excerpt.stop]
    held = dat[_BYTES_PER_FRAME * excerpt.start : _BYTES_PER_FRAME * excerpt.stop]
    (target / f"{excerpt.record}.dat").write_bytes(held)
    header = _header_text(source.read_text(encoding="ascii"), counts, excerpt)
    (target / source.name).write_text(header, encoding="ascii", newline="\n")
    if source.with_suffix(".atr").is_file():
        _cut_annotations(source, excerpt, target)


def _header_text(text: str, counts: np.ndarray, excerpt: Excerpt) -> str:
    """Header with the length, the initial values and the checksums of the excerpt."""
    lines = text.splitlines()
    record_line = lines[0].split()
    record_line[3] = str(len(counts))
    lines[0] = " ".join(record_line)
    for i in range(counts.shape[1]):
        fields = lines[1 + i].split(maxsplit=8)
        fields[5:7] = [str(counts[0, i]), str(_checksum(counts[:, i]))]
        lines[1 + i] = " ".join(fields)
    where = f"samples {excerpt.start} to {excerpt.stop - 1}"
    lines.append(f"# Excerpt of {excerpt.database} record {excerpt.record}: {where}.")
    return "\n".join(lines) + "\n"


def _checksum(counts: np.ndarray) -> int:
    """Sum of the samples as a signed 16-bit number (WFDB, header(5))."""
    return (int(counts.sum(dtype=np.int64)) + 0x8000) % 0x10000 - 0x8000


def _cut_annotations(source: Path, excerpt: Excerpt, target: Path) -> None:
    """Annotations of the stretch, shifted; the rhythm that holds at the cut is stated at sample 0."""
    whole = wfdb.rdann(str(source.with_suffix("")), "atr")
    sample = np.asarray(whole.sample)
    symbol, aux = np.asarray(whole.symbol), np.asarray(whole.aux_note)
    kept = np.flatnonzero((sample >= excerpt.start) & (sample < excerpt.stop))
    before = np.flatnonzero((sample < excerpt.start) & (symbol == "+"))
    if before.size and not (kept.size and sample[kept[0]] == excerpt.start):
        kept = np.concatenate((before[-1:], kept))
    wfdb.wrann(
        excerpt.record,
        "atr",
        np.maximum(sample[kept] - excerpt.start, 0),
        symbol=symbol[kept].tolist(),
        subtype=np.asarray(whole.subtype)[kept],
        chan=np.asarray(whole.chan)[kept],
        num=np.asarray(whole.num)[kept],
        aux_note=aux[kept].tolist(),
        write_dir=str(target),
    )
