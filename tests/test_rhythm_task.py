"""The rhythm task: strips, folds, training, the cascade and its scores."""

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ictus.models import FloatFile, FloatModel, StagedNet, float_to_bytes, load_float
from ictus.models.rhythm_cascade import StripDecisions, classify_strips, decide_strips
from ictus.models.rhythm_data import RhythmStrip, prepare_strip, prepare_strips, strip_of
from ictus.models.rhythm_protocol import CvPlan, cross_validate, rhythm_folds, train_rhythm
from ictus.models.rhythm_scores import score_strips, screen_figures, strip_ci95
from ictus.models.rhythm_task import RHYTHMS, rhythm_net_spec
from ictus.models.rhythm_train import CropSampler, RhythmConfig
from ictus.models.train import FitConfig
from ictus.signals import InputError, find_dataset, load
from ictus.signals.strips import strip_folds, strip_labels

QUICK = RhythmConfig(FitConfig(epochs=2, min_steps=0, batch_size=4, learning_rate=1e-2))


@pytest.fixture(scope="module")
def strips() -> list[RhythmStrip]:
    return prepare_strips(find_dataset(None, "cinc2017"), n_processes=1)


@pytest.fixture(scope="module")
def model(strips) -> FloatModel:
    return train_rhythm(strips, QUICK)


def _decisions(label: list[int], said: list[int], analysable: float = 1.0) -> StripDecisions:
    classes = np.eye(3)[said]
    n = len(label)
    return StripDecisions(np.array(label), np.full(n, analysable), np.zeros(n), np.ones(n, bool), classes)


def test_every_strip_of_the_sample_has_its_label(strips):
    labels = strip_labels(find_dataset(None, "cinc2017"))
    assert len(strips) == len(labels) == 12
    assert all(0 <= s.label <= 3 and s.n_seconds >= 9 for s in strips)
    assert {s.label for s in strips} >= {0, 1, 2}


def test_a_zip_or_a_folder_of_strips_gives_the_same_strips(strips, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = find_dataset(None, "cinc2017").folder
    folder = tmp_path / "own"
    shutil.copytree(source, folder)
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as packed:
        for file in source.iterdir():
            packed.write(file, f"inner/{file.name}")
    for where in (folder, tmp_path / "own.zip"):
        found = find_dataset(where)
        assert list(found.records) == [s.name for s in strips]
        assert strip_labels(found) == strip_labels(find_dataset(None, "cinc2017"))


@pytest.mark.parametrize(
    ("text", "says"), [(None, "no REFERENCE"), ("A00002,N\n", "no label of"), ("A00002\n", "line 1: 'A00002'")]
)
def test_what_is_wrong_with_the_labels_is_said_in_one_line(tmp_path: Path, text: str | None, says: str):
    source = find_dataset(None, "cinc2017").folder
    for name in ("A00002.hea", "A00002.mat", "A00006.hea", "A00006.mat"):
        shutil.copyfile(source / name, tmp_path / name)
    if text is not None:
        (tmp_path / "REFERENCE.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        strip_labels(find_dataset(tmp_path))


def test_folds_hold_every_record_once_and_every_label_evenly():
    labels = {f"A{i:05d}": "NAO~"[min(i % 10, 3)] for i in range(300)}
    folds = strip_folds(labels, 5, 0)
    assert set(folds.fold) == set(labels)
    for label in "NAO~":
        n = np.bincount([folds.fold[r] for r in labels if labels[r] == label], minlength=5)
        assert n.max() - n.min() <= 1
    assert folds.sha256 == strip_folds(dict(reversed(labels.items())), 5, 0).sha256
    assert folds.sha256 != strip_folds(labels, 5, 1).sha256
    with pytest.raises(InputError, match="2 strips are labelled '~'"):
        strip_folds({"a": "~", "b": "~"}, 5)


def test_a_strip_below_five_seconds_is_refused():
    with pytest.raises(InputError, match="shorter than 5 s"):
        strip_of("short", np.zeros(4 * 128, np.int16))


def test_an_unknown_label_is_refused():
    found = find_dataset(None, "cinc2017")
    with pytest.raises(InputError, match="'X' is not known; known: N, A, O, ~"):
        prepare_strip(load(found.path(found.records[0])), "X")


@pytest.mark.parametrize("seconds", [5, 9, 61])
def test_the_network_takes_any_length_from_five_seconds(model, strips, seconds):
    wave = np.resize(strips[0].wave, seconds * 64)
    _, classes = classify_strips(model, [replace(strips[0], wave=wave)])
    assert classes.shape == (1, len(RHYTHMS))
    assert np.isfinite(classes).all()


def test_strips_of_mixed_length_are_classified_as_they_are_one_by_one(model, strips):
    screen, classes = classify_strips(model, strips)
    for i, strip in enumerate(strips):
        alone = classify_strips(model, [strip])
        assert np.allclose(alone[0], screen[i], atol=1e-4)
        assert np.allclose(alone[1], classes[i], atol=1e-3)


def test_the_convolution_equals_the_sliding_window():
    net = StagedNet(rhythm_net_spec(22)).eval()
    first, second = list(net.specialist)[:2]
    wave = torch.randn(3, 200)
    for layer, x in ((first, wave), (second, first(wave, wave))):
        patches = x.unfold(1, layer.taps, layer.step)
        expected = patches.reshape(-1, layer.taps) @ layer.weight.T
        assert torch.allclose(layer.products(x, wave, layer.weight), expected, atol=1e-4)


def test_the_parts_of_the_head_keep_apart(model, strips):
    hidden = list(model.net.specialist)[-2]
    n_context, n_alone = strips[0].context.size, hidden.spec.n_context_only
    weight = hidden.folded()[0]
    assert n_alone > 0
    assert not weight[:-n_alone, -n_context:].any()
    assert not weight[-n_alone:, :-n_context].any()


def test_training_gives_the_same_bytes_again_and_survives_the_file(model, strips, tmp_path):
    again = train_rhythm(strips, QUICK)
    assert float_to_bytes(FloatFile("rhythm", again)) == float_to_bytes(FloatFile("rhythm", model))
    path = tmp_path / "rhythm.safetensors"
    path.write_bytes(float_to_bytes(FloatFile("rhythm", model)))
    loaded = load_float(path).model
    assert (classify_strips(loaded, strips)[1] == classify_strips(model, strips)[1]).all()


def test_crops_are_int8_and_every_strip_comes_in_an_epoch(strips):
    sampler = CropSampler(strips, replace(QUICK, fit=replace(QUICK.fit, batch_size=1)))
    batches = [sampler.next() for _ in range(sampler.n_batches)]
    assert sampler.n_batches == len(strips)
    for batch in batches:
        steps = batch.wave * 32
        assert (steps == steps.round()).all()
        assert steps.abs().max() <= 128


def test_the_screen_passes_the_share_of_abnormal_training_strips_that_it_must(model, strips):
    readable = [s for s in strips if s.label < 3]
    figures = screen_figures(decide_strips(model, readable))
    assert figures["passed_A"] == figures["passed_O"] == 1.0  # 98 % of so few are all of them


def test_perfect_decisions_score_one_and_noise_does_not_count():
    scores = score_strips(_decisions([0, 0, 1, 2, 3], [0, 0, 1, 2, 1]))
    assert scores.macro_f1 == scores.accuracy == 1.0
    assert scores.af_or_rest.f1 == 1.0
    assert scores.af_or_rest_noisy is not None
    assert scores.af_or_rest_noisy.ppv == 0.5


def test_gated_strips_are_errors():
    scores = score_strips(_decisions([0, 1, 2], [0, 1, 2], analysable=0.2))
    assert scores.macro_f1 == scores.accuracy == scores.af_or_normal.accuracy == 0.0
    assert scores.table[:3, 3].tolist() == [1, 1, 1]


def test_majority_baselines_stand_beside_the_readings():
    scores = score_strips(_decisions([0] * 6 + [1] + [2] * 3, [0] * 10))
    assert scores.accuracy == scores.majority == 0.6
    assert scores.af_or_rest.accuracy == scores.af_or_rest.majority == 0.9
    assert scores.af_or_rest.f1 == 0.0
    assert scores.af_or_normal.majority == pytest.approx(6 / 7)


def test_intervals_hold_the_estimate():
    d = _decisions([0, 1, 2] * 100, ([0, 1, 2] * 80) + [0] * 60)
    low, high = strip_ci95(d)["macro_f1"]
    assert low < score_strips(d).macro_f1 < high


def test_a_cross_validation_decides_every_strip_with_a_model_that_has_not_seen_it(strips):
    many = [replace(s, name=f"{s.name}-{i}") for i in range(2) for s in strips if s.label < 3]
    plan = CvPlan(many, rhythm_folds(many, 2), QUICK, (0,))
    models = []

    def model_of(job):
        assert not {s.name for s in job.train} & {s.name for s in job.test}
        models.append(train_rhythm(job.train, job.config))
        return models[-1]

    decisions = cross_validate(plan, model_of)[0]
    assert (decisions.label == [s.label for s in many]).all()
    for job, model in zip(plan.jobs(), models, strict=True):
        tests_there = np.array([plan.folds.fold[s.name] == job.fold for s in many])
        assert (decisions.classes[tests_there] == classify_strips(model, job.test)[1]).all()


def test_a_stored_model_is_named_by_data_split_and_settings(strips):
    readable = [s for s in strips if s.label < 3]
    plan = CvPlan(readable, rhythm_folds(readable, 2), QUICK, (0, 1))
    keys = [job.key("float") for job in plan.jobs()]
    assert len(set(keys)) == 4
    assert keys == [job.key("float") for job in replace(plan).jobs()]
    other = replace(plan, config=replace(QUICK, noise=0.0))
    shorter = replace(plan, strips=readable[:-1])
    assert not set(keys) & {j.key("float") for p in (other, shorter) for j in p.jobs()}
    assert not set(keys) & {job.key("compact") for job in plan.jobs()}
