"""EEG features: against their definition second by second, in pieces, and on what they are there for."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.signals.eeg_baseline import EegBaseline, wave_factor
from ictus.signals.eeg_features import EegFeature, EegFrontEnd, EegSeconds, SeizureFeature
from ictus.signals.eeg_wave import EegFilter, scale_eeg

FLOOR = (1536, 1280, 1280, 1280, 1280, 1280, 1280, 1024)


def _eeg(seconds: int, channels: int = 1, uv: float = 20.0, seed: int = 0) -> np.ndarray:
    """Noise whose amplitude falls with frequency, as in EEG: int16 device counts."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((seconds * 256, channels)), axis=0)
    hz = np.fft.rfftfreq(seconds * 256, 1 / 256)[:, None]
    wave = np.fft.irfft(spectrum / np.maximum(hz, 1), axis=0)
    return np.rint(wave / wave.std() * uv * 4).astype(np.int16)


def _level(value: int) -> int:
    if value < 1:
        return 0
    octave = value.bit_length() - 1
    return 16 * octave + (((value << 4) >> octave) & 15)


def _aperiodicity(halves: list[int]) -> int:
    """Of the latest 64 samples at 32 Hz."""
    size = [sum(abs(halves[i] - halves[i - k]) for i in range(24, 64)) for k in range(2, 25)]
    half = max(range(22), key=lambda k: (size[k], -k))
    return min(_level(min(size[half + 1 :])) - _level(size[half]), 0)


def _second(x: list[int], y: list[int], last: int, halves: list[int]) -> list[int]:
    """What `EegFrontEnd` keeps of one second, from the formulas."""
    steps = [abs(b - a) for a, b in zip([last, *y], y, strict=False)]
    levels = [_level(sum(map(abs, y)) >> 2), _level(sum(steps) >> 2)]
    sums = y
    for _ in range(5):
        levels.append(_level(sum(abs(a - b) for a, b in zip(sums[::2], sums[1::2], strict=True)) >> 2))
        sums = [a + b for a, b in zip(sums[::2], sums[1::2], strict=True)]
    upper = sum(abs(x[4 * i] - 2 * x[4 * i + 1] + x[4 * i + 2]) for i in range(64))
    rises = [b > a for a, b in zip([last, *y], y, strict=False)]
    pieces = [sum(steps[i : i + 8]) for i in range(0, 64, 8)]
    return [
        *levels,
        _level(upper >> 2),
        sum(a == b for a, b in itertools.pairwise(x)) >> 1,
        _level(max(map(abs, y)) << 4),
        _level(max(steps) << 4),
        _level(min(pieces) << 1),
        _level(max(pieces) << 1),
        4 * sum((a < 0) != (b < 0) for a, b in itertools.pairwise(y)),
        4 * sum(a != b for a, b in itertools.pairwise(rises)),
        _aperiodicity(halves),
    ]


def _sat8(value: int) -> int:
    return max(-128, min(127, value))


def _context(rows: list[list[int]], baseline: list[int]) -> list[int]:
    """Context features of the latest four rows, from the formulas."""
    total = [sum(column) for column in zip(*rows, strict=True)]
    row = EegFeature
    values = [((total[k] << 2) - baseline[k]) >> 3 for k in range(8)]
    values += [((min(r[k] for r in rows) << 4) - baseline[k]) >> 3 for k in (0, 1)]
    values.append(rows[3][1] + rows[2][1] - rows[1][1] - rows[0][1])
    values += [(total[k] - total[0]) >> 1 for k in range(2, 7)]
    values += [(total[0] >> 2) - 128, max(r[row.PEAK] for r in rows) - (total[0] >> 2)]
    values.append(max(r[row.LOUD] for r in rows) - min(r[row.QUIET] for r in rows) - 64)
    values += [(total[row.CROSSINGS] >> 2) - 64, (total[row.TURNS] >> 2) - 64, rows[1][-1] + rows[3][-1] + 64]
    return [_sat8(v) for v in values]


def _assert_is_definition(counts: np.ndarray) -> None:
    """One channel."""
    got = EegFrontEnd(1).push(counts[:, None])
    x, y = counts.tolist(), EegFilter().push(counts[:, None])[:, 0].tolist()
    halves = [a + b for a, b in zip(y[::2], y[1::2], strict=True)]
    halves = halves[:32] + halves
    rows: list[list[int]] = []
    follower = EegBaseline(1)
    for t in range(len(got)):
        last = y[64 * t - 1] if t else y[0]
        rows.append(
            _second(x[256 * t : 256 * t + 256], y[64 * t : 64 * t + 64], last, halves[32 * t : 32 * t + 64])
        )
        baseline = follower.push(np.array([[rows[-1][:8]]]))[0, 0].tolist()
        ratios = [((rows[-1][k] << 4) - baseline[k]) >> 3 for k in (0, 1, 7)]
        offsets = [128] * 8 + [64] + [128] * 4 + [64] * 2
        momentary = [v - o for v, o in zip(rows[-1], offsets, strict=False)]
        assert got.gate[t, 0].tolist() == [_sat8(v) for v in [*momentary, *ratios]]
        assert got.context[t, 0].tolist() == _context([rows[max(i, 0)] for i in range(t - 3, t + 1)], baseline)
        assert got.factor[t, 0] == wave_factor(np.array(baseline[0]))


def test_features_are_their_definition_on_eeg() -> None:
    _assert_is_definition(_eeg(12)[:, 0])


def test_features_are_their_definition_on_anything() -> None:
    rng = np.random.default_rng(1)
    full = rng.integers(-32768, 32768, 256 * 5)
    rails = np.repeat(rng.choice([-32768, 32767], 40), 32)
    quiet = rng.integers(-1, 2, 256 * 3)
    _assert_is_definition(np.concatenate([full, rails, quiet, np.zeros(256 * 2)]).astype(np.int16))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 1500), max_size=8), st.integers(0, 5))
def test_pieces_give_the_same_as_the_whole(lengths: list[int], seed: int) -> None:
    counts = _eeg(14, channels=2, seed=seed)
    by_piece = EegFrontEnd(2)
    pieces = [by_piece.push(piece) for piece in np.split(counts, np.minimum(np.cumsum(lengths), len(counts)))]
    whole = EegFrontEnd(2).push(counts)
    for name in ("filtered", "gate", "context", "factor"):
        assert np.array_equal(np.concatenate([getattr(p, name) for p in pieces]), getattr(whole, name))


def test_channels_do_not_mix() -> None:
    counts = _eeg(10, channels=3)
    alone = EegFrontEnd(1).push(counts[:, 1:2])
    assert np.array_equal(EegFrontEnd(3).push(counts).context[:, 1:2], alone.context)


def _baseline_by_second(levels: list[int], floor: int) -> list[int]:
    """The recurrence in `EegBaseline`'s words."""
    b, out = 0, []
    for t, level in enumerate(levels):
        if t == 0:
            b = 16 * level
        elif t <= 8:
            b = (32 * sum(levels[1 : t + 1]) + t) // (2 * t)
        elif t >= 39:
            e = 16 * levels[t - 30] - b
            b += (e + 16) >> 5 if abs(e) <= 256 else (2 if e > 0 else -2)
        out.append(max(b, floor))
    return out


@given(st.lists(st.integers(0, 255), min_size=1, max_size=120))
def test_baseline_is_its_definition(levels: list[int]) -> None:
    given_out = EegBaseline(1).push(np.array(levels)[:, None, None].repeat(8, axis=2))
    for k, floor in enumerate(FLOOR):
        assert given_out[:, 0, k].tolist() == _baseline_by_second(levels, floor)


def _with_seizure(seconds: int) -> EegSeconds:
    """A minute at 20 uV, so many seconds at 100 uV, then a minute at 20 uV again."""
    loud = slice(60 * 256, (60 + seconds) * 256)
    counts = _eeg(120 + seconds)
    counts[loud] *= 5
    return EegFrontEnd(1).push(counts)


def test_a_minute_of_seizure_stands_out_to_its_end_and_leaves_the_baseline() -> None:
    ratio = _with_seizure(60).context[:, 0, SeizureFeature.RATIO_LINE_LENGTH]
    assert ratio[65:119].min() >= 48  # 1.5 octaves
    assert abs(ratio[130:].astype(int)).max() <= 28


def test_gain_changes_no_ratio_and_no_shape() -> None:
    quiet, loud = EegFrontEnd(1).push(_eeg(20)), EegFrontEnd(1).push(_eeg(20) * 8)
    columns = [c for c in SeizureFeature if c is not SeizureFeature.SIZE]
    difference = quiet.context[..., columns].astype(int) - loud.context[..., columns]
    assert np.abs(difference[1:]).max() <= 8


def test_mean_amplitude_of_the_baseline_is_eight_steps_of_the_wave() -> None:
    second = EegFrontEnd(1).push(_eeg(30))
    steps = scale_eeg(second.filtered[:, :, 0], second.factor)
    assert 6 < np.abs(steps[10:].astype(float)).mean() < 11


def test_a_regular_wave_is_more_periodic_than_noise() -> None:
    time_s = np.arange(256 * 20) / 256
    spikes = (400 * np.sign(np.sin(2 * np.pi * 3 * time_s)) * (np.sin(2 * np.pi * 3 * time_s) ** 8)).astype(
        np.int16
    )
    periodic = [
        EegFrontEnd(1).push(c).context[5:, 0, SeizureFeature.PERIODIC] for c in (spikes[:, None], _eeg(20))
    ]
    assert periodic[0].mean() < periodic[1].mean() - 20
