"""Montages from recordings as they are: whatever the file calls, orders, doubles, flips or leaves out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.signals import SAMPLE_FOLDER, Channel, InputError, Recording, UnanalysableError, load
from ictus.signals.eeg_files import open_eeg
from ictus.signals.eeg_lead import eeg_lead, load_device_eeg, source_of
from ictus.signals.eeg_montage import AS_RECORDED, MONTAGES, electrodes_of, plan_montage

CLIP = SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"
BANANA = MONTAGES["double-banana"].pairs
OLD_NAMES = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
ELECTRODES = sorted({electrode for pair in BANANA for electrode in pair})
FS_HZ, DURATION_S, STEP_UV = 256, 4, 0.05


@pytest.mark.parametrize(
    ("label", "electrodes"),
    [
        ("FP1-F7", ("FP1", "F7")),
        ("EEG FP1-F7", ("FP1", "F7")),
        ("Fp1-Ref", ("FP1", "REF")),
        ("EEG T3-LE", ("T7", "LE")),
        ("T8-P8-0", ("T8", "P8")),
        ("T8-P8-1", ("T8", "P8")),
        ("P3-01", ("P3", "O1")),
        ("F7-CS2", ("F7", "CS2")),
        ("EEG C3 - A2", ("C3", "A2")),
        ("Fc5.", ("FC5", "")),
        ("Cz [uV]", ("CZ", "")),
        *((other, None) for other in ("-", ".", "--0", "", "ECG", "EKG1-CHIN", "LOC-ROC", "VNS", "EEG", "C3-C3")),
    ],
)
def test_a_label_is_read_in_every_spelling(label: str, electrodes: tuple[str, str] | None) -> None:
    assert electrodes_of(label) == electrodes


def test_p7_t7_is_t7_p7_turned_round() -> None:
    assert plan_montage(["P7-T7", "T8-P8"], "temporal-2").sources == (((0, -1),), ((1, 1),))


def test_a_missing_channel_is_the_sum_of_the_chain_around_it() -> None:
    assert plan_montage(["F7-T7", "F7-P7"], "T7-P7").sources == (((0, -1), (1, 1)),)


def test_channels_against_different_references_are_not_joined() -> None:
    plan = plan_montage(["F7-A1", "T7-A1", "F8-A2", "T8-A1", "T8-P8"], "temporal-4")
    assert plan.mask == (True, False, False, True)


def test_a_montage_is_chosen_by_what_can_be_had() -> None:
    full = ["-".join(pair) for pair in BANANA]
    assert plan_montage(full).montage.name == "double-banana"
    assert plan_montage(["F7-T7", "T7-P7", "F8-T8"]).montage.name == "temporal-4"
    assert plan_montage(["T8-P8"]).montage.name == "temporal-2"
    assert plan_montage(["EEG"]).montage.channels == ("EEG",)
    wearable = plan_montage(["TP9", "AF7", "AF8", "TP10", "ACC_X"]).montage
    assert (wearable.name, wearable.channels) == (AS_RECORDED, ("TP9", "AF7", "AF8", "TP10"))


@pytest.mark.parametrize(
    ("labels", "montage", "message"),
    [
        (["ECG", "-"], None, "no EEG channel among ECG, -"),
        (["MLII", "V1", "aVF", "III"], None, "no EEG channel among MLII, V1, aVF, III"),
        (["C3-P3"], "temporal-4", "no channel of the montage temporal-4 can be had from C3-P3"),
        (["C3-P3"], "banana", "montage 'banana' is not known; known: double-banana, temporal-4"),
        ([f"E{i}" for i in range(40)], None, "40 EEG channels; at most 23"),
    ],
)
def test_a_montage_that_cannot_be_had_is_one_clear_line(labels: list[str], montage: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_montage(labels, montage)


@dataclass(frozen=True)
class Faults:
    """What is wrong with a generated file; `seed` draws potentials, order and spellings."""

    seed: int
    reference: str | None
    n_dropped: int
    n_doubled: int
    n_flipped: int
    n_dummies: int
    has_ecg_at_another_rate: bool
    record_s: float
    in_mv: bool


faults = st.builds(
    Faults,
    seed=st.integers(0, 1 << 16),
    reference=st.sampled_from([None, None, "-CS2", "-Ref", "", "-LE"]),
    n_dropped=st.integers(0, 6),
    n_doubled=st.integers(0, 3),
    n_flipped=st.integers(0, 4),
    n_dummies=st.integers(0, 3),
    has_ecg_at_another_rate=st.booleans(),
    record_s=st.sampled_from([0.5, 1.0, 2.0, 0.25]),
    in_mv=st.booleans(),
)


def spelt(rng: np.random.Generator, label: str) -> str:
    """The label as one of many recorders would write it."""
    if rng.random() < 0.3:
        label = "-".join(OLD_NAMES.get(part, part) for part in label.split("-"))
    style = rng.integers(4)
    return (label, label.title(), f"EEG {label}", label.lower())[style]


def drawn_pairs(rng: np.random.Generator, f: Faults) -> list[tuple[str, str]]:
    """Channels of the file: first and second electrode, or electrode and reference."""
    pairs = list(BANANA) if f.reference is None else [(e, f.reference.strip("-")) for e in ELECTRODES]
    for i in sorted(rng.choice(len(pairs), f.n_dropped, replace=False), reverse=True):
        del pairs[i]
    if f.reference is None:
        for i in rng.choice(len(pairs), f.n_flipped, replace=False):
            pairs[i] = pairs[i][::-1]
    pairs += [pairs[i] for i in rng.choice(len(pairs), f.n_doubled, replace=False)]
    return [pairs[i] for i in rng.permutation(len(pairs))]


def signal(values_uv: np.ndarray, label: str, f: Faults, fs_hz: float = FS_HZ) -> edfio.EdfSignal:
    unit, factor = ("mV", 1e-3) if f.in_mv else ("uV", 1.0)
    span = STEP_UV * 65535 / 2 * factor
    span = float(f"{span:.6g}")
    values = np.clip(values_uv * factor, -span, span)
    return edfio.EdfSignal(values, fs_hz, label=label, physical_dimension=unit, physical_range=(-span, span))


def write(folder: Path, f: Faults) -> tuple[Path, dict[str, np.ndarray], list[tuple[str, str]]]:
    """A file with these faults; the potentials of the electrodes in uV; the channels that were written."""
    rng = np.random.default_rng(f.seed)
    n = FS_HZ * DURATION_S
    potential = {e: np.cumsum(rng.normal(0, 4, n)) for e in [*ELECTRODES, f.reference or ""]}
    if f.reference is not None:
        potential[f.reference.strip("-")] = np.zeros(n)
    pairs = drawn_pairs(rng, f)
    signals = [signal(potential[a] - potential[b], spelt(rng, f"{a}-{b}".strip("-")), f) for a, b in pairs]
    for _ in range(f.n_dummies):
        signals.insert(int(rng.integers(len(signals))), signal(np.zeros(n), str(rng.choice(["-", "."])), f))
    if f.has_ecg_at_another_rate:
        signals.append(signal(rng.normal(0, 100, 2 * n), "ECG", f, 2 * FS_HZ))
    path = folder / "recording.edf"
    edfio.Edf(signals, data_record_duration=f.record_s).write(path)
    empty_range_of_dummies(path)
    return path, potential, pairs


def empty_range_of_dummies(path: Path) -> None:
    content = bytearray(path.read_bytes())
    n = int(content[252:256])
    for i in range(n):
        if content[256 + 16 * i : 272 + 16 * i].strip() in (b"-", b"."):
            for field in (104, 112):
                start = 256 + n * field + 8 * i
                content[start : start + 8] = b"0       "
    path.write_bytes(content)


def are_connected(pairs: Sequence[tuple[str, str]], start: str, end: str) -> bool:
    reached = {start}
    for _ in range(len(pairs)):
        reached |= {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
    return end in reached


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(f=faults)
def test_whatever_the_fault_a_channel_is_right_or_masked(tmp_path: Path, f: Faults) -> None:
    path, potential, pairs = write(tmp_path, f)
    lead = eeg_lead(open_eeg(path), "double-banana")
    counts = np.concatenate(list(lead.pieces()))
    assert counts.shape == (FS_HZ * DURATION_S, 18)
    for i, (a, b) in enumerate(BANANA):
        assert lead.mask[i] == are_connected(pairs, a, b)
        if lead.mask[i]:
            n_summed = len(plan_montage([c.name for c in open_eeg(path).channels], "double-banana").sources[i])
            tolerance_uv = 0.125 + n_summed * STEP_UV
            np.testing.assert_allclose(counts[:, i] * 0.25, potential[a] - potential[b], atol=tolerance_uv)
        else:
            assert not counts[:, i].any()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(f=faults, n_cut=st.integers(1, 5000), n_more=st.integers(1, 99))
def test_a_file_that_holds_less_than_its_header_claims_is_one_clear_line(
    tmp_path: Path, f: Faults, n_cut: int, n_more: int
) -> None:
    path, _, _ = write(tmp_path, f)
    whole = path.read_bytes()
    claimed = whole[:236] + f"{int(whole[236:244]) + n_more:<8}".encode() + whole[244:]
    for content in (whole[:-n_cut], claimed):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"recording\.edf: ") as found:
            open_eeg(path)
        assert "\n" not in str(found.value)


def with_gaps(path: Path, onsets_s: Sequence[float]) -> Path:
    """Turn a file with annotations into EDF+D whose data records start at these times."""
    content = bytearray(path.read_bytes())
    n = int(content[252:256])
    lengths = [int(content[256 + n * 216 + 8 * i : 264 + n * 216 + 8 * i]) for i in range(n)]
    first = lengths.index(lengths[-1], n - 1)
    content[192:197] = b"EDF+D"
    for record, onset_s in enumerate(onsets_s):
        start = 256 * (n + 1) + 2 * sum(lengths) * record + 2 * sum(lengths[:first])
        time = f"+{onset_s:g}\x14\x14\0".encode()
        content[start : start + 2 * lengths[first]] = time.ljust(2 * lengths[first], b"\0")
    path.write_bytes(content)
    return path


def discontinuous(folder: Path, onsets_s: Sequence[float]) -> Path:
    values = np.repeat(np.arange(1, len(onsets_s) + 1) * 10.0, FS_HZ)
    signals = [
        edfio.EdfSignal(values, FS_HZ, label=label, physical_dimension="uV", physical_range=(-400, 400))
        for label in ("T7-P7", "T8-P8")
    ]
    note = edfio.EdfAnnotation(0.0, 1.0, "a note that is long enough to leave room for a time")
    path = folder / "gaps.edf"
    edfio.Edf(signals, annotations=[note], data_record_duration=1.0).write(path)
    return with_gaps(path, onsets_s)


def test_gaps_of_edf_plus_d_are_missing_samples_at_the_right_place(tmp_path: Path) -> None:
    path = discontinuous(tmp_path, [0, 1, 5, 6.5])
    recording = load(path)
    assert recording.invalid is not None
    assert recording.duration_s == 7.5
    is_gap = np.repeat([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0], FS_HZ // 2).astype(bool)
    np.testing.assert_array_equal(recording.invalid, np.stack([is_gap] * 2, axis=1))
    seconds = recording.physical(0).reshape(-1, FS_HZ // 2)[:, 3]
    np.testing.assert_allclose(seconds[[0, 2, 10, 13]], [10, 20, 30, 40], atol=0.1)
    lead = eeg_lead(open_eeg(path), "temporal-2")
    counts = np.concatenate(list(lead.pieces()))
    np.testing.assert_array_equal(counts, load_device_eeg(recording, "temporal-2")[0])
    np.testing.assert_allclose(counts[4 * FS_HZ, 0] * 0.25, 20, atol=0.2)
    np.testing.assert_array_equal(lead.between(5.25, 7), counts[round(5.25 * 256) : 7 * 256])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=st.integers(0, 3), place=st.integers(0, 60), damage=st.binary(min_size=1, max_size=12))
def test_damaged_notes_and_times_never_end_in_another_error(
    tmp_path: Path, record: int, place: int, damage: bytes
) -> None:
    path = discontinuous(tmp_path, [0, 1, 5, 6.5])
    content = bytearray(path.read_bytes())
    n_bytes = (len(content) - 1024) // 4
    start = 1024 + n_bytes * record + 2 * 2 * FS_HZ + place
    content[start : start + len(damage)] = damage
    path.write_bytes(content)
    try:
        recording = load(path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert recording.n_samples >= 4 * FS_HZ


@pytest.mark.parametrize(
    ("onsets_s", "message"),
    [([0, 1, 1.5, 3], "data record 3 starts at 1.5 s, before the one before it ends"), ([0, 1, 2, 9e6], "limit")],
)
def test_overlapping_records_and_endless_gaps_are_refused(
    tmp_path: Path, onsets_s: list[float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load(discontinuous(tmp_path, onsets_s))


def test_pieces_of_a_resampled_recording_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    counts = np.cumsum(rng.normal(0, 30, (100 * 20, 4)), axis=0).astype(np.int16)
    channels = tuple(Channel(name, "uV", 2.0, 3.0) for name in ("F7", "T3", "T5", "C3"))
    recording = Recording("r", 100.0, counts, channels, "r")
    whole, mask = load_device_eeg(recording, "temporal-4")
    monkeypatch.setattr("ictus.signals.eeg_lead.EEG_PIECE_S", 0.37)
    pieces, _ = load_device_eeg(recording, "temporal-4")
    np.testing.assert_array_equal(pieces, whole)
    assert mask.tolist() == [True, True, False, False]
    assert len(whole) == 20 * 256
    expected_uv = (counts[500, 0] - counts[500, 1]) / 2
    assert whole[1280, 0] * 0.25 == pytest.approx(expected_uv, abs=0.05 * np.abs(counts).max())


def test_missing_samples_hold_the_last_one() -> None:
    counts = np.array([[5], [6], [7], [8], [9]], np.int16)
    invalid = np.array([[True], [False], [True], [True], [False]])
    recording = Recording("r", 256.0, counts, (Channel("EEG", "uV", 4.0),), "r", invalid=invalid)
    assert load_device_eeg(recording)[0][:, 0].tolist() == [0, 6, 6, 6, 9]


def test_channels_of_different_rates_come_from_one_rate_each() -> None:
    fast, slow = Channel("T7-P7", "uV", 4.0), Channel("T8-P8", "uV", 4.0)
    source = source_of(Recording("r", 256.0, np.arange(512, dtype=np.int16)[:, None], (fast,), "r"))
    half = source_of(Recording("r", 128.0, np.arange(0, 512, 2, dtype=np.int16)[:, None], (slow,), "r"))

    def blocks(columns: Sequence[int], start_s: float):
        (first,), (second,) = source.blocks([0], start_s), half.blocks([0], start_s)
        both = (first.counts[0], second.counts[0])
        yield type(first)(tuple(both[c] for c in columns), (None,) * len(columns))

    mixed = type(source)("r", (fast, slow), (256.0, 128.0), 2.0, blocks)
    counts = np.concatenate(list(eeg_lead(mixed, "temporal-2").pieces()))
    assert counts.shape == (512, 2)
    np.testing.assert_array_equal(counts[:, 0], np.arange(512))
    np.testing.assert_allclose(counts[100:400, 1], np.arange(100, 400), atol=1.01)


def test_a_unit_that_is_no_voltage_is_refused() -> None:
    recording = Recording("r", 256.0, np.zeros((512, 1), np.int16), (Channel("T7-P7", "%", 1.0),), "r")
    with pytest.raises(UnanalysableError, match="no channel is a voltage"):
        load_device_eeg(recording)


def test_a_real_clip_keeps_its_microvolts() -> None:
    recording = load(CLIP)
    counts, mask = load_device_eeg(recording)
    assert mask.all()
    for i, name in enumerate(MONTAGES["double-banana"].channels):
        column = [c.name for c in recording.channels].index(name)
        np.testing.assert_allclose(counts[:, i] * 0.25, recording.physical(column), atol=0.13)
