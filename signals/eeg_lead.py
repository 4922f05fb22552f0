"""A recording's EEG as the device samples it: 256 Hz, 0.25 uV a count, read in pieces of bounded size."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from typing import NamedTuple

import numpy as np

from .device_signal import MAX_FS_HZ, MIN_FS_HZ, rate_ratio, resampled, uv_per_unit
from .eeg_montage import Montage, MontagePlan, Source, plan_montage
from .eeg_wave import EEG_DEVICE_FS_HZ, EEG_UV_PER_COUNT
from .errors import UnanalysableError
from .polyphase import upfirdn
from .recording import Channel, Recording

__all__ = [
    "EEG_PIECE_S",
    "EegBlock",
    "EegLead",
    "EegSource",
    "eeg_lead",
    "load_device_eeg",
    "source_of",
    "without_head",
]

EEG_PIECE_S = 128.0
"""Seconds that a reader hands over at a time, about."""

_LIMIT = 32767
_MARGIN_S = 2  # before a stretch, so that the resampler's start lies outside it


class EegBlock(NamedTuple):
    """Some seconds of some channels: counts, each integer (n,), and which are missing, bool (n,) or None."""

    counts: tuple[np.ndarray, ...]
    missing: tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class EegSource:
    """A recording of many channels, its samples still where they are stored.

    Attributes
    ----------
    record : name of the recording
    channels : name, unit and calibration of each
    fs_hz : sampling rate of each in Hz
    duration_s : length, gaps included
    blocks : reads some columns from a time in s on, each call anew
    """

    record: str
    channels: tuple[Channel, ...]
    fs_hz: tuple[float, ...]
    duration_s: float
    blocks: Callable[[Sequence[int], float], Iterator[EegBlock]]


@dataclass(frozen=True)
class EegLead:
    """A montage of a recording, as the device's converter would deliver it.

    Attributes
    ----------
    record : name of the recording
    montage : its channels are the columns
    mask : bool (n_channels,), True for the channels that could be had; the others are all zeros
    fs_hz : highest sampling rate that was read, in Hz
    duration_s : length of the recording
    pieces_from : counts int16 (n, n_channels) at 256 Hz and 0.25 uV from a time in s on, each call anew
    """

    record: str
    montage: Montage
    mask: np.ndarray
    fs_hz: float
    duration_s: float
    pieces_from: Callable[[float], Iterator[np.ndarray]]

    def pieces(self) -> Iterator[np.ndarray]:
        """All counts from the beginning, int16 (n, n_channels) at a time."""
        return self.pieces_from(0.0)

    def between(self, start_s: float, end_s: float) -> np.ndarray:
        """Counts of a stretch, int16 (n, n_channels); what lies outside the recording is left out."""
        first_s = max(int(start_s) - _MARGIN_S, 0)
        skip = round((max(start_s, 0.0) - first_s) * EEG_DEVICE_FS_HZ)
        stop = round((end_s - first_s) * EEG_DEVICE_FS_HZ)
        parts, n = [np.empty((0, len(self.montage)), np.int16)], 0
        for piece in self.pieces_from(float(first_s)) if first_s < self.duration_s else ():
            parts.append(piece[: max(stop - n, 0)])
            n += len(piece)
            if n >= stop:
                break
        return np.concatenate(parts)[skip:]


def source_of(recording: Recording) -> EegSource:
    """A recording that is in memory, to be read like one that is not."""
    n_block = max(round(EEG_PIECE_S * recording.fs_hz), 1)

    def blocks(columns: Sequence[int], start_s: float) -> Iterator[EegBlock]:
        for start in range(round(start_s * recording.fs_hz), recording.n_samples, n_block):
            rows = slice(start, start + n_block)
            missing = recording.invalid
            yield EegBlock(
                tuple(recording.counts[rows, c] for c in columns),
                tuple(None if missing is None else missing[rows, c] for c in columns),
            )

    fs_hz = (recording.fs_hz,) * len(recording.channels)
    return EegSource(recording.name, recording.channels, fs_hz, recording.duration_s, blocks)


def eeg_lead(source: EegSource, montage: Montage | str | None = None) -> EegLead:
    """Choose a montage and prepare its channels.

    Each channel is summed from the recorded ones at their own rate, then resampled as `to_device` does; at 256 Hz
    nothing is filtered. Missing samples hold the last valid one (at the start a count of 0), device counts
    saturate at int16. Where the recorded channels differ in rate, a montage channel comes from those of one rate.

    Parameters
    ----------
    montage : as for `plan_montage`

    Raises
    ------
    InputError
        The montage is not known.
    UnanalysableError
        None of its channels can be had, or there is no sample.
    """
    usable = [i for i, c in enumerate(source.channels) if _is_usable(c, source.fs_hz[i])]
    if not usable:
        raise UnanalysableError(
            f"{source.record}: no channel is a voltage at {MIN_FS_HZ:g} to {MAX_FS_HZ:g} Hz among "
            f"{', '.join(c.name or '(no name)' for c in source.channels[:12])}"
        )
    plan = plan_montage([source.channels[i].name for i in usable], montage, source.record)
    plan = MontagePlan(plan.montage, tuple(tuple((usable[c], s) for c, s in way) for way in plan.sources))
    plan = _at_one_rate(source, plan)
    mask = np.asarray(plan.mask)
    fs_hz = max(source.fs_hz[way[0][0]] for way in plan.sources if way)
    return EegLead(
        source.record,
        plan.montage,
        mask,
        fs_hz,
        source.duration_s,
        lambda start_s: _device_pieces(source, plan.sources, start_s),
    )


def load_device_eeg(recording: Recording, montage: Montage | str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The whole of a recording in memory as the device samples it.

    Returns
    -------
    counts int16 (n, n_channels) at 256 Hz and 0.25 uV, read-only; and the mask bool (n_channels,), True for the
    channels that could be had

    Raises
    ------
    InputError, UnanalysableError
        As `eeg_lead`.
    """
    lead = eeg_lead(source_of(recording), montage)
    counts = np.concatenate(list(lead.pieces()))
    counts.setflags(write=False)
    return counts, lead.mask


def _is_usable(channel: Channel, fs_hz: float) -> bool:
    """A voltage that can be scaled, at a rate that the resampler takes."""
    is_scaled = bool(np.isfinite([channel.gain_per_unit, channel.baseline_counts]).all() and channel.gain_per_unit)
    return is_scaled and uv_per_unit(channel.unit) is not None and MIN_FS_HZ <= fs_hz <= MAX_FS_HZ


def _at_one_rate(source: EegSource, plan: MontagePlan) -> MontagePlan:
    """Ways over channels of different rates replaced by ways over those of one rate, the highest that has one."""
    rates = sorted({source.fs_hz[c] for way in plan.sources for c, _ in way}, reverse=True)
    if len(rates) == 1:
        return plan
    labels = [c.name for c in source.channels]
    ways = list(plan.sources)
    for i, way in enumerate(ways):
        if len({source.fs_hz[c] for c, _ in way}) > 1:
            pair = Montage("one channel", (plan.montage.pairs[i],))
            ways[i] = next(filter(None, (_way_at(source, labels, pair, rate) for rate in rates)), ())
    if not any(ways):
        raise UnanalysableError(f"{source.record}: the electrodes of every channel differ in sampling rate")
    return MontagePlan(plan.montage, tuple(ways))


def _way_at(source: EegSource, labels: Sequence[str], pair: Montage, fs_hz: float) -> Source:
    columns = [i for i, c in enumerate(source.channels) if source.fs_hz[i] == fs_hz and _is_usable(c, fs_hz)]
    try:
        found = plan_montage([labels[i] for i in columns], pair).sources[0]
    except UnanalysableError:
        return ()
    return tuple((columns[c], sign) for c, sign in found)


class _Group(NamedTuple):
    """Montage channels `outputs` that are made from `ways` at one rate."""

    fs_hz: float
    outputs: tuple[int, ...]
    ways: tuple[Source, ...]


def _groups(source: EegSource, ways: Sequence[Source]) -> list[_Group]:
    rates = [source.fs_hz[way[0][0]] if way else 0.0 for way in ways]
    groups = []
    for fs_hz in sorted(set(rates) - {0.0}, reverse=True):
        outputs = tuple(i for i, rate in enumerate(rates) if rate == fs_hz)
        groups.append(_Group(fs_hz, outputs, tuple(ways[i] for i in outputs)))
    return groups


def without_head(blocks: Iterable[EegBlock], n_skipped: Sequence[int]) -> Iterator[EegBlock]:
    """Blocks without the first samples of every channel, so many of each."""
    left = np.asarray(n_skipped)
    for block in blocks:
        n = np.minimum(left, [len(c) for c in block.counts])
        left = left - n
        missing = tuple(m if m is None else m[k:] for m, k in zip(block.missing, n, strict=True))
        yield EegBlock(tuple(c[k:] for c, k in zip(block.counts, n, strict=True)), missing)


def _device_pieces(source: EegSource, ways: Sequence[Source], start_s: float) -> Iterator[np.ndarray]:
    """Counts of all channels, int16 (n, n_channels)."""
    columns = sorted({c for way in ways for c, _ in way})
    groups = _groups(source, ways)
    copies = tee(_filled(source.blocks(columns, start_s)), len(groups))
    streams = [
        _resampled_group(source, columns, group, blocks) for group, blocks in zip(groups, copies, strict=True)
    ]
    n_samples = 0
    for parts in _aligned(streams):
        counts = np.zeros((len(parts[0]), len(ways)), dtype=np.int16)
        for group, part in zip(groups, parts, strict=True):
            counts[:, group.outputs] = part
        n_samples += len(counts)
        yield counts
    if n_samples == 0:
        raise UnanalysableError(f"{source.record}: no samples")


def _resampled_group(
    source: EegSource, columns: Sequence[int], group: _Group, blocks: Iterable[Sequence[np.ndarray]]
) -> Iterator[np.ndarray]:
    """Counts of one group's channels, int16 (n, n_outputs)."""
    up, down = rate_ratio(group.fs_hz, EEG_DEVICE_FS_HZ, source.record)
    position = {column: i for i, column in enumerate(columns)}
    needed = {c: _scale(source.channels[c]) for way in group.ways for c, _ in way}

    def summed() -> Iterator[np.ndarray]:
        for block in blocks:
            scaled = {c: (block[position[c]] - offset) * scale for c, (scale, offset) in needed.items()}
            sums = [_sum(scaled, way) for way in group.ways]
            if len(sums[0]):
                yield np.stack(sums, axis=1)

    for piece in resampled(summed(), up, down, _upfirdn_rows):
        yield np.clip(np.rint(piece), -_LIMIT - 1, _LIMIT).astype(np.int16)


def _scale(channel: Channel) -> tuple[np.float32, np.float32]:
    """Scale and offset with device count = (count - offset) * scale."""
    uv = uv_per_unit(channel.unit)
    assert uv is not None, "only voltages are chosen"
    return np.float32(uv / channel.gain_per_unit / EEG_UV_PER_COUNT), np.float32(channel.baseline_counts)


def _sum(scaled: dict[int, np.ndarray], way: Source) -> np.ndarray:
    """float32 (n,); always in the same order, so that pieces and the whole agree."""
    (first, sign), *others = way
    total = scaled[first] * np.float32(sign)
    for column, sign in others:
        total = total + scaled[column] if sign > 0 else total - scaled[column]
    return total


def _upfirdn_rows(taps: np.ndarray, samples: np.ndarray, up: int, down: int) -> np.ndarray:
    return upfirdn(taps, samples, up, down, axis=0)


def _filled(blocks: Iterable[EegBlock]) -> Iterator[list[np.ndarray]]:
    """Counts with missing samples replaced by the last valid one of their channel; at the start by 0."""
    last: list[np.ndarray] = []
    for block in blocks:
        last = last or [c[:0] for c in block.counts]
        filled = [_held(c, m, before) for c, m, before in zip(*block, last, strict=True)]
        last = [c[-1:] if len(c) else before for c, before in zip(filled, last, strict=True)]
        yield filled


def _held(counts: np.ndarray, missing: np.ndarray | None, last: np.ndarray) -> np.ndarray:
    if missing is None or not missing.any():
        return counts
    with_last = np.concatenate((last if len(last) else np.zeros(1, counts.dtype), counts))
    source = np.where(missing, 0, np.arange(1, len(with_last)))
    return with_last[np.maximum.accumulate(source)]


def _aligned(streams: Sequence[Iterator[np.ndarray]]) -> Iterator[list[np.ndarray]]:
    """Pieces of the same length from streams that cut theirs differently; what one has more at the end is lost."""
    held = [next(stream, None) for stream in streams]
    while all(part is not None for part in held):
        parts = [part for part in held if part is not None]
        n = min(map(len, parts))
        if n:
            yield [part[:n] for part in parts]
        held = [
            part[n:] if len(part) > n else next(stream, None) for part, stream in zip(parts, streams, strict=True)
        ]
