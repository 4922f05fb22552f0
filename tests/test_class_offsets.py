"""Class offsets that make a finished model take given shares of the normal training units."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.compression import (
    BeatMaterial,
    Pruning,
    Quantiser,
    Recipe,
    RhythmMaterial,
    Tuning,
    compress,
    with_class_offset,
)
from ictus.compression.operating_point import offset_for_shares
from ictus.compression.quant_net import QuantNet
from ictus.models import FloatModel, prepare_record, train_beats
from ictus.models.beat_data import LabelledBeats
from ictus.models.beat_train import BeatTrainingSet, GateData, TrainConfig
from ictus.models.rhythm_train import RhythmConfig
from ictus.models.train import FitConfig
from ictus.models.weights import seeded_net
from ictus.signals import N_GATE_FEATURES, SAMPLE_FOLDER, InputError, load

STEP = 1 / 8
OFFSET = 0.0, 1.5, 0.0, -1.0, -2.0
SHORT = TrainConfig(FitConfig(epochs=2, min_steps=60, batch_size=64), FitConfig(epochs=1, min_steps=0))


@pytest.fixture(scope="module")
def material() -> BeatMaterial:
    """Real beats of several classes."""
    records = [prepare_record(load(SAMPLE_FOLDER / "mitdb" / name)) for name in ("200", "208", "100")]
    seconds = np.concatenate([record.features for record in records])
    good = seconds[:, 0] > np.median(seconds[:, 0])
    return BeatMaterial(BeatTrainingSet(LabelledBeats.of(records), GateData(seconds, good, good)), SHORT)


def _shares(logits: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Share of the units that each class takes."""
    called = (logits + np.rint(offset / STEP).astype(int)).argmax(axis=1)
    return np.bincount(called, minlength=logits.shape[1]) / len(logits)


@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(1, 80))
def test_no_class_takes_more_than_its_share_and_one_step_more_would_be_too_much(
    seed: int, n_s: int, n_v: int
) -> None:
    logits = np.random.default_rng(seed).integers(-100, 60, (400, 5), np.int8)
    logits[:, 0] += 60
    wanted = (0.0, n_s / 400, n_v / 400, 0.0, 0.0)
    offset = np.array(offset_for_shares(logits, wanted))
    assert not offset[[0, 3, 4]].any()
    assert (_shares(logits, offset)[1:3] <= wanted[1:3]).all()
    for label in (1, 2):
        more = offset + STEP * (np.arange(5) == label)
        assert _shares(logits, more)[label] > wanted[label]


def test_ties_count_for_the_class_that_comes_first() -> None:
    logits = np.array([[4, 4, 0], [4, 3, 0], [4, -90, 0], [4, -90, 0]], np.int8)
    assert offset_for_shares(logits, (0, 0.25, 0)) == (0, STEP, 0)
    assert offset_for_shares(logits, (0, 0, 0.5)) == (0, 0, 4 * STEP)


def test_a_recipe_sets_the_shares_of_the_model_that_comes_out(material: BeatMaterial) -> None:
    model = train_beats(material.data, SHORT)
    plain = Recipe(Pruning(0.3, epochs=1), tuning=Tuning(1), class_offset=(0, 0, 0, -1, -2))
    by_share = replace(plain, normal_share=(0, 0.05, 0.02, 0, 0))
    before, after = (compress(model, material, recipe) for recipe in (plain, by_share))
    offset = offset_for_shares(material.normal_logits(before), by_share.normal_share)
    assert any(offset)
    assert with_class_offset(before, offset).stages[2].layers[-1].bias.tolist() == (
        after.stages[2].layers[-1].bias.tolist()
    )
    called = material.normal_logits(after).argmax(axis=1)
    assert (called == 1).mean() <= 0.05
    assert (called == 2).mean() <= 0.02
    assert by_share.without_offsets() == plain.without_offsets()


def test_other_tasks_and_other_numbers_of_classes_are_refused_in_one_line() -> None:
    strips = RhythmMaterial((), RhythmConfig())
    model = FloatModel(seeded_net(N_GATE_FEATURES, 0), {"gate": 0.0, "screen": 0.0})
    with pytest.raises(InputError, match=r"^recipe.normal_share: the task rhythm has fixed class offsets only$"):
        compress(model, strips, Recipe(normal_share=(0, 0.1, 0.1)))
    with pytest.raises(InputError, match=r"^2 shares of normal units for 5 classes$"):
        offset_for_shares(np.zeros((3, 5), np.int8), (0, 0.1))
    for shares in ((0, 1), (0.5, 0.5), (0, -0.1), (0, float("nan"))):
        with pytest.raises(InputError, match=r"^shares of normal units are 0 or more and together below 1, not "):
            offset_for_shares(np.zeros((3, 2), np.int8), shares)


@pytest.mark.parametrize("method", ["log2", "uniform8", "uniform4", "ternary"])
def test_an_offset_moves_its_class_alone_whatever_the_weights_are(method: str) -> None:
    net = seeded_net(N_GATE_FEATURES, seed=0)
    compact = QuantNet(net, Quantiser(method)).eval().to_compact("beat", {})
    rng = np.random.default_rng(0)
    window = rng.integers(-60, 60, (50, *compact.window_shape), np.int8)
    context = rng.integers(-60, 60, (50, compact.n_context), np.int8)
    before, after = (
        m.classify(window, context)[1].astype(int) for m in (compact, with_class_offset(compact, OFFSET))
    )
    free = (abs(before) < 100).all(axis=1)
    assert free.any()
    np.testing.assert_allclose((after - before)[free] * STEP, np.tile(OFFSET, (int(free.sum()), 1)), atol=STEP)
