"""The cascade's decisions, their scores, splits, training and the float file."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ictus.compression.material import Effort
from ictus.models import (
    BeatRecord,
    FloatFile,
    FloatModel,
    LabelledBeats,
    decide,
    evaluate_beats,
    float_to_bytes,
    load_float,
    make_protocol,
    prepare_record,
    train_beats,
)
from ictus.models.beat_train import BeatTrainingSet, GateData, TrainConfig
from ictus.models.metrics import bootstrap_ci95, confusion, score
from ictus.models.staged import calibrate_threshold
from ictus.models.train import FitConfig, balance_weight, fit_beats
from ictus.models.weights import seeded_net
from ictus.signals import N_GATE_FEATURES, CorruptModelError, InputError, UnanalysableError, find_dataset, load


@pytest.fixture(scope="module")
def record() -> BeatRecord:
    return prepare_record(load(find_dataset().path("200")))


@pytest.fixture(scope="module")
def model() -> FloatModel:
    return FloatModel(seeded_net(N_GATE_FEATURES, 0).eval(), {"gate": -1e9, "screen": 0.0})


class _Oracle:
    """Says what it is told to, so that the scores are known beforehand."""

    def __init__(self, accepted: np.ndarray, says: np.ndarray) -> None:
        self.thresholds = {"gate": 0.0, "screen": 0.0}
        self._accepted, self._says = accepted, says

    def judge(self, _features: np.ndarray) -> np.ndarray:
        return np.where(self._accepted, 1, -1)

    def classify(self, _window: np.ndarray, _context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.where(self._says > 0, 1, -1), np.eye(5)[self._says]


def test_a_perfect_cascade_scores_one_but_for_missed_beats(record):
    label = np.maximum(record.label, 0)
    oracle = _Oracle(np.ones(len(record.features), bool), label)
    table = confusion(record, decide(oracle, record))
    assert table[:5, :5].sum() == np.trace(table[:5, :5])
    assert table[:5, 6].sum() == len(record.missed)
    n = len(record.reference_label)
    assert score(table).accuracy == pytest.approx((n - len(record.missed)) / n)


def test_beats_in_rejected_seconds_count_as_errors(record):
    accepted = np.arange(len(record.features)) % 3 > 0
    decisions = decide(_Oracle(accepted, np.maximum(record.label, 0)), record)
    table = confusion(record, decisions)
    assert decisions.rejected_fraction == pytest.approx(1 / 3, abs=0.01)
    assert table[:, 5].sum() == decisions.gated.sum() > 0
    assert score(table).accuracy < 0.75
    assert set(decisions.label[decisions.gated]) == {-1}


def test_false_detections_lower_the_predictive_value_only():
    table = np.zeros((6, 7), np.int64)
    table[0, 0], table[2, 2], table[5, 2] = 90, 8, 2
    scores = score(table)
    assert (scores.classes["V"].se, scores.classes["V"].ppv) == (1.0, 0.8)
    assert scores.accuracy == 1.0
    assert np.isnan(scores.classes["S"].se)


def test_what_the_screen_calls_normal_is_normal(model, record):
    decisions = decide(model, record)
    assert (decisions.label[~decisions.reached & ~decisions.gated] == 0).all()
    assert (decisions.reached == (decisions.screen >= 0)).all()


def test_intervals_hold_the_estimate_and_shrink_with_subjects(record, model):
    table = confusion(record, decide(model, record))
    few = bootstrap_ci95({str(i): table + i for i in range(3)}, n_draws=200)
    many = bootstrap_ci95({str(i): table + i % 3 for i in range(60)}, n_draws=200)
    low, high = many["accuracy"]
    assert low <= score(sum(table + i for i in range(3))).accuracy <= high
    assert high - low < few["accuracy"][1] - few["accuracy"][0]


@given(st.lists(st.floats(-5, 5), min_size=5, max_size=60), st.floats(0.5, 1))
def test_the_threshold_lets_the_wanted_share_through(logits, share):
    values = np.array(logits)
    passed = values >= calibrate_threshold(values, np.ones(len(values), bool), share)
    assert passed.mean() >= share - 1e-9


def test_a_threshold_needs_a_unit_that_must_pass():
    assert calibrate_threshold(np.arange(3.0), np.ones(3, bool), 0.0) == 2.0
    with pytest.raises(UnanalysableError, match="none of 3 training units"):
        calibrate_threshold(np.arange(3.0), np.zeros(3, bool), 0.9)


def test_a_misspelt_source_of_peaks_is_refused():
    with pytest.raises(ValueError, match="'refrence' are not known"):
        prepare_record(load(find_dataset().path("106")), "refrence")


def test_reference_peaks_leave_nothing_missed_and_nothing_false():
    record = prepare_record(load(find_dataset().path("106")), "reference")
    assert len(record.missed) == 0
    assert (record.label >= 0).all()
    assert len(record.beats) == len(record.reference_label)


def test_rows_of_a_subset_and_its_complement_are_all_rows(record):
    wanted = np.random.default_rng(0).random(len(record.reference_label)) < 0.3
    mine, others = record.rows_of(wanted), record.rows_of(~wanted)
    assert (mine ^ others).all()
    assert (wanted[record.matched[mine & (record.matched >= 0)]]).all()


def test_an_intra_patient_protocol_trains_on_no_tested_beat(record):
    protocol = make_protocol("intra", [record])
    train, test = protocol.train_wanted, protocol.test_wanted
    assert train is not None
    assert test is not None
    assert (train["200"] ^ test["200"]).all()
    assert "leaks" in protocol.name


def test_an_unknown_split_names_the_known_ones(record):
    with pytest.raises(InputError, match="inter, intra"):
        make_protocol("holdout", [record])


def test_balanced_drawing_evens_out_records_and_classes(record):
    beats = LabelledBeats.of([record])
    weight = balance_weight(beats, 1.0)
    assert weight is not None
    per_class = [weight[beats.label == i].sum() for i in np.unique(beats.label)]
    assert per_class == pytest.approx([1 / len(per_class)] * len(per_class))


def _training_set(record: BeatRecord) -> BeatTrainingSet:
    gate = GateData(record.features, np.arange(len(record.features)) % 2 == 0, np.ones(len(record.features), bool))
    return BeatTrainingSet(LabelledBeats.of([record]), gate)


def test_training_learns_and_the_same_seed_gives_the_same_bytes(record):
    config = TrainConfig(FitConfig(epochs=2, min_steps=60), FitConfig(epochs=1, min_steps=5))
    first, second = (train_beats(_training_set(record), config) for _ in range(2))
    assert float_to_bytes(FloatFile("beat", first)) == float_to_bytes(FloatFile("beat", second))
    accuracy = evaluate_beats(FloatModel(first.net, first.thresholds | {"gate": -1e9}), [record]).scores.accuracy
    assert accuracy > 0.9


def test_dropout_follows_the_seed_and_acts_in_training_alone(record):
    """Whatever was drawn before; and a recipe's phases, which have weights to spare no longer, do without it."""
    config = TrainConfig(FitConfig(epochs=1, min_steps=20), FitConfig(epochs=1, min_steps=5))
    dropping = replace(config, beats=replace(config.beats, dropout=0.5))
    without, first, second = (train_beats(_training_set(record), c).net for c in (config, dropping, dropping))
    window, context = torch.randn(4, 192), torch.randn(4, first.spec.n_context)
    assert not torch.equal(without(window, context)[1], first(window, context)[1])
    assert torch.equal(first(window, context)[1], second(window, context)[1])
    fit_beats(first, LabelledBeats.of([record]), Effort(1, 1e-3, 0.0).of(dropping.beats))
    assert [layer.dropout for layer in first.specialist.hidden_dense()] == [0.0, 0.0, 0.0]


def test_a_float_file_gives_the_same_model_back(model, record, tmp_path):
    path = tmp_path / "beat.safetensors"
    path.write_bytes(float_to_bytes(FloatFile("beat", model, {"split": "inter"})))
    loaded = load_float(path)
    assert loaded.provenance == {"split": "inter"}
    before, after = (m.classify(record.beats.window, record.beats.context) for m in (model, loaded.model))
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("position", [3, 60, 5000, -1])
def test_a_damaged_float_file_is_refused(model, tmp_path, position):
    data = bytearray(float_to_bytes(FloatFile("beat", model)))
    data[position] ^= 0xFF
    path = tmp_path / "beat.safetensors"
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptModelError, match=r"beat\.safetensors"):
        load_float(path)


def test_hidden_activations_stay_within_what_int8_holds():
    net = seeded_net(N_GATE_FEATURES, 0)
    generator = torch.Generator().manual_seed(0)
    window = 4 * torch.randn(64, 96 * 2, generator=generator)
    context = torch.randn(64, net.spec.n_context, generator=generator)
    for layer in list(net.screen)[:-1]:
        window = layer(window, context)
        assert window.min() >= 0
        assert window.max() <= 127 / 32


def test_for_new_patients_shape_does_not_tell_normal_from_supraventricular():
    net = seeded_net(N_GATE_FEATURES, 0).eval()
    generator = torch.Generator().manual_seed(0)
    window = torch.randn(32, 96 * 2, generator=generator)
    context = torch.randn(1, net.spec.n_context, generator=generator).expand(32, -1)
    with torch.no_grad():
        classes = net(window, context)[1]
    assert float(classes[:, :2].std(dim=0).max()) < 1e-6
    assert float(classes[:, 2:].std(dim=0).min()) > 1e-3


def test_barred_weights_neither_act_nor_count_nor_come_back_in_training():
    net = seeded_net(N_GATE_FEATURES, 0)
    layer = list(net.specialist)[3]
    assert layer.allowed is not None
    assert layer.n_weights == int(layer.allowed.sum()) < layer.weight.numel()
    copied = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(copied.parameters(), lr=0.1)
    copied(torch.randn(8, 96 * 2), torch.randn(8, net.spec.n_context))[1].square().sum().backward()
    optimizer.step()
    folded = list(copied.specialist)[3].folded()[0]
    assert not folded[layer.allowed == 0].any()
    assert folded[layer.allowed == 1].all()
