"""What the gate learns from: labels that follow the noise in each block."""

import numpy as np
import pytest
from ictus.models.beat_data import BeatRecord, prepare_record
from ictus.models.gate_data import GateExamples, fibrillation_examples, gate_examples, strip_examples
from ictus.models.gate_noise import noise_halves, noise_sources
from ictus.models.gate_sources import GateSources
from ictus.signals import SAMPLE_FOLDER, Channel, Events, Recording, UnanalysableError, load, to_device


@pytest.fixture(scope="module")
def record() -> BeatRecord:
    return prepare_record(load(SAMPLE_FOLDER / "mitdb" / "100"))


@pytest.fixture(scope="module")
def noise() -> list[tuple[str, np.ndarray]]:
    return noise_halves({kind: load(SAMPLE_FOLDER / "nstdb" / kind) for kind in ("bw", "em", "ma")}, second=False)


@pytest.fixture(scope="module")
def examples(record: BeatRecord, noise: list[tuple[str, np.ndarray]]) -> GateExamples:
    return gate_examples([record], noise, seed=1)


def test_the_halves_share_no_sample():
    recording = load(SAMPLE_FOLDER / "nstdb" / "em")
    first, second = (noise_halves({"em": recording}, second=half) for half in (False, True))
    assert [kind for kind, _ in first] == [kind for kind, _ in second] == ["em"] * len(recording.channels)
    for channel, ((_, before), (_, after)) in enumerate(zip(first, second, strict=True)):
        assert abs(len(before) - len(after)) <= 1
        np.testing.assert_array_equal(np.concatenate([before, after]), to_device(recording, channel).counts)


def test_labels_follow_the_ratio_in_the_block(examples: GateExamples):
    mixed = np.isin(examples.kind, ("bw", "em", "ma"))
    assert np.all(examples.snr_db[mixed & (examples.label == 1)] >= 12)
    assert np.all(examples.snr_db[mixed & (examples.label == 0)] <= 0)
    assert {"clean", "scaled", "bw", "em", "ma", "held", "rail"} == set(examples.kind.tolist())


def test_wander_that_the_filter_removes_is_analysable(examples: GateExamples):
    nominal = {kind: examples.nominal_db[examples.kind == kind] for kind in ("bw", "em")}
    behind = {kind: examples.snr_db[examples.kind == kind] for kind in ("bw", "em")}
    gained = {kind: np.median(behind[kind] - nominal[kind]) for kind in nominal}
    assert gained["bw"] > 3
    assert gained["bw"] > gained["em"]


def test_unmodified_ecg_is_analysable_and_a_fault_is_not(examples: GateExamples):
    assert np.all(examples.label[np.isin(examples.kind, ("clean", "scaled"))] == 1)
    assert np.all(examples.label[np.isin(examples.kind, ("held", "rail"))] == 0)


def test_the_same_seed_draws_the_same_examples(
    record: BeatRecord, noise: list[tuple[str, np.ndarray]], examples: GateExamples
):
    again = gate_examples([record], noise, seed=1)
    np.testing.assert_array_equal(again.features, examples.features)
    np.testing.assert_array_equal(again.snr_db, examples.snr_db)


def test_blocks_within_fibrillation_are_analysable():
    samples = np.array([2.5, 6.5, 8.0]) * 128
    text = np.array(["[", "]", "["])
    events = Events(samples.astype(np.int64), text, np.zeros(3), text)
    counts = np.random.default_rng(0).integers(-99, 99, (128 * 11, 1)).astype(np.int16)
    recording = Recording("x", 128.0, counts, (Channel("II", "mV", 200.0),), "x", events)
    examples = fibrillation_examples([recording])
    assert len(examples) == 3 + 3, "seconds 3, 4 and 5, and from 8 to the end"
    assert np.all(examples.label == 1)


def test_all_seconds_of_a_strip_are_labelled_as_the_strip():
    counts = np.random.default_rng(1).integers(-99, 99, 128 * 10 + 5).astype(np.int16)
    examples = strip_examples([(counts, True), (counts, False)])
    assert examples.kind.tolist() == ["noisy"] * 10 + ["read"] * 10
    assert examples.label.tolist() == [0] * 10 + [1] * 10


@pytest.mark.parametrize("is_varied", [False, True])
def test_drawn_noise_has_the_power_of_its_recording(noise: list[tuple[str, np.ndarray]], is_varied: bool):
    rng = np.random.default_rng(2)
    for source in noise_sources(noise):
        drawn = [source.draw(60 * 128, rng, is_varied) for _ in range(20)]
        assert all(len(piece) == 60 * 128 for piece in drawn)
        power = np.mean([piece.reshape(60, 128).var(axis=1).mean() for piece in drawn])
        assert 0.3 < power < 4


def test_training_blocks_are_drawn_in_fixed_shares(record: BeatRecord):
    sources = GateSources.find(is_sample=True)
    examples = sources.training_examples([record])
    assert set(examples.label.tolist()) == {0, 1}
    assert 0.4 < examples.label.mean() < 0.7
    again = sources.training_examples([record])
    np.testing.assert_array_equal(again.features, examples.features)


def test_nothing_to_learn_from_is_refused(noise: list[tuple[str, np.ndarray]]):
    with pytest.raises(UnanalysableError, match="none of 0 recordings"):
        gate_examples([], noise)
