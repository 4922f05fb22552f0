"""Segments of the Bonn and Delhi sets: folds, windows, scores, the published protocol, and a small training."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ictus.compression import Recipe, compress_segments, from_bytes, to_bytes
from ictus.models.eeg_segment_scores import SegmentDecisions, decide_segments, score_segments
from ictus.models.eeg_segment_train import SegmentConfig, train_eeg_segments
from ictus.models.eeg_segments import (
    BONN_TASKS,
    EegSegments,
    SegmentFeature,
    prepare_segments,
    segment_features,
    segment_folds,
    segment_wave,
    segment_windows,
)
from ictus.models.parallel_cnn import (
    ParallelCnn,
    ParallelConfig,
    RawWindows,
    WindowReading,
    raw_windows,
    score_parallel_cnn,
    window_folds,
)
from ictus.models.train import FitConfig, to_unit
from ictus.signals import InputError, UnanalysableError
from ictus.signals.bonn import bonn_recordings

N_EACH = 12


@pytest.fixture(scope="module")
def few():
    """The first segments of every set, as recordings."""
    folder = Path(os.environ.get("ICTUS_DATA", "-")) / "bonn"
    if not folder.is_dir():
        pytest.skip("needs the Bonn sets below $ICTUS_DATA, which may not be passed on")
    return {group: recordings[:N_EACH] for group, recordings in bonn_recordings(folder).items()}


@pytest.fixture(scope="module")
def segments(few):
    return prepare_segments(few)


def made_up(groups: str = "AAABBBCCCDDDEEE") -> EegSegments:
    rng = np.random.default_rng(0)
    filtered = rng.integers(-600, 600, (len(groups), 1510), dtype=np.int16)
    return EegSegments(np.array([f"{g}{i}" for i, g in enumerate(groups)]), np.array(list(groups)), filtered)


@given(st.integers(2, 6), st.integers(0, 9), st.lists(st.integers(6, 40), min_size=1, max_size=5))
def test_every_group_is_dealt_out_in_equal_shares(n_folds, seed, sizes):
    group = np.repeat([f"set {i}" for i in range(len(sizes))], sizes)
    fold = segment_folds(group, n_folds, seed)
    for name in np.unique(group):
        shares = np.bincount(fold[group == name], minlength=n_folds)
        assert shares.max() - shares.min() <= 1


def test_more_folds_than_segments_are_refused():
    with pytest.raises(InputError, match="7 folds; groups of 3 segments"):
        segment_folds(made_up().group, 7, 0)


@given(st.integers(2, 400), st.integers(2, 1600))
def test_windows_cover_a_segment_from_end_to_end(n, length):
    wave = np.arange(length, dtype=np.int32)[None]
    if length < n:
        with pytest.raises(InputError, match="a window has"):
            segment_windows(wave, n)
        return
    windows = segment_windows(wave, n)[0]
    assert windows.shape[1] == n
    assert windows[0, 0] == 0
    assert len(windows) == 1 or windows[-1, -1] == length - 1
    assert (np.diff(windows, axis=1) == 1).all()


def test_windows_of_a_segment_stay_in_its_fold():
    made = made_up()
    fold = segment_folds(made.group, 3, 0)
    for number in range(3):
        train, test = made.take(fold != number), made.take(fold == number)
        assert not set(train.name.tolist()) & set(test.name.tolist())
        assert not {w.tobytes() for w in train.filtered} & {w.tobytes() for w in test.filtered}


def test_twice_the_amplitude_raises_every_level_by_an_octave():
    filtered = made_up().filtered
    louder = segment_features(2 * filtered).astype(int) - segment_features(filtered)
    assert louder.shape[1] == len(SegmentFeature)
    assert (np.abs(louder - 16) <= 1).all()


def test_a_segment_is_decided_by_the_mean_of_its_windows_logits():
    classes = np.array([[[3.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]])
    decisions = SegmentDecisions(
        np.array(["a", "e"]), np.array(["A", "E"]), np.array([[-1.0] * 3, [1.0] * 3]), classes
    )
    scores = score_segments(decisions, BONN_TASKS["A-E"])
    assert scores.accuracy == 1.0
    assert scores.window_accuracy == 0.5
    assert scores.screen_accuracy == 1.0
    assert scores.wrong == ()


def test_always_the_commonest_class_scores_the_majority():
    made = made_up("A" * 4 + "B" * 4 + "C" * 4 + "D" * 4 + "E" * 4)
    always = np.tile([1.0, 0.0], (20, 5, 1))
    scores = score_segments(
        SegmentDecisions(made.name, made.group, np.zeros((20, 5)), always), BONN_TASKS["ABCD-E"]
    )
    assert scores.accuracy == scores.majority == 0.8
    assert scores.se == (1.0, 0.0)
    assert np.isnan(scores.ppv[1])


def test_groups_outside_a_task_do_not_train():
    assert BONN_TASKS["A-E"].label_of(np.array(list("ABCDE"))).tolist() == [0, -1, -1, -1, 1]
    with pytest.raises(UnanalysableError, match="none may be 0"):
        train_eeg_segments(made_up("BBB"), BONN_TASKS["A-E"], SegmentConfig())


def test_the_parallel_cnn_has_the_papers_size():
    net = ParallelCnn()
    assert sum(p.numel() for p in net.parameters()) == 10_778
    assert net.hidden.in_features == 1088


def windows_of(n_recordings: int) -> RawWindows:
    rng = np.random.default_rng(0)
    recording = np.arange(n_recordings).repeat(63)
    wave = rng.standard_normal((len(recording), 64)).astype(np.float32)
    return RawWindows(wave, (recording % 2).astype(np.int64), recording)


def test_only_the_reading_by_recording_keeps_a_recording_together():
    windows = windows_of(20)
    parted = [len(set(window_folds(windows, reading, 5, 0)[windows.recording == 3])) for reading in WindowReading]
    assert parted[:2] == [5, 5]
    assert parted[2] == 1


def test_the_published_reading_tests_on_what_it_trained_on():
    windows, config = windows_of(2), ParallelConfig(epochs=10, batch_size=16)
    tested_on_itself, clean = score_parallel_cnn(windows, WindowReading.PUBLISHED, config, n_folds=2).by_fold
    assert tested_on_itself > clean + 0.2  # of noise, so that chance is 50 %


def test_prepared_segments_are_the_devices_wave(segments):
    assert segments.filtered.shape == (5 * N_EACH, 1510)
    saturates = np.abs(segment_wave(segments.filtered).astype(int)) > 126
    assert saturates[segments.group == "E"].any()
    assert not saturates[segments.group == "A"].any()


def test_raw_windows_lie_end_to_end(few):
    windows = raw_windows(few["A"], few["E"])
    assert len(windows) == 2 * N_EACH * 64
    first = few["A"][0].counts[:128, 0] / 100
    assert windows.wave[:2].ravel() == pytest.approx(first)


def test_a_short_training_tells_seizures_and_fits_in_2_kb(segments):
    task, fold = BONN_TASKS["A-E"], segment_folds(segments.group, 2, 0)
    fit = FitConfig(epochs=8, min_steps=60, batch_size=32, learning_rate=1e-2)
    config = replace(SegmentConfig(), fit=fit)
    train, test = segments.take(fold != 0), segments.take((fold == 0) & np.isin(segments.group, ["A", "E"]))
    model = train_eeg_segments(train, task, config)
    compact = compress_segments(model, train, task, config, Recipe().pruned_to(0.74).shortened(8, 4))
    data = to_bytes(compact)
    assert len(data) <= 2048
    again = decide_segments(from_bytes(data), test, config.n_window(train.fs_hz))
    said = decide_segments(compact, test, config.n_window(train.fs_hz))
    assert (again.classes == said.classes).all()
    for decisions in (said, decide_segments(model, test, config.n_window(train.fs_hz))):
        scores = score_segments(decisions, task)
        assert scores.accuracy > scores.majority + 0.3


def test_batch_norms_are_measured_again_for_averaged_weights(segments):
    task = BONN_TASKS["A-E"]
    fit = FitConfig(epochs=6, min_steps=0, batch_size=8, learning_rate=3e-2)
    config = SegmentConfig(fit=fit, flip=0, stretch=0, gain_sigma=0, noise_uv=0)
    train = segments.of(task)
    last, averaged = (train_eeg_segments(train, task, replace(config, averaging=a)).net for a in (0.0, 0.5))
    *before, layer = averaged.specialist.layers[:4]
    n = config.n_window(train.fs_hz)
    wave = to_unit(segment_wave(segment_windows(train.filtered, n).reshape(-1, n)))
    with torch.no_grad():
        for convolution in before:
            wave = convolution(wave, wave)
        sums = layer.products(wave, wave, layer.seen_weight)
    assert not torch.equal(layer.weight, last.specialist.layers[3].weight)
    assert layer.norm.momentum == last.specialist.layers[3].norm.momentum
    assert ((layer.norm.running_mean - sums.mean(dim=0)).abs() < 0.06 * sums.std(dim=0)).all()
    assert (layer.norm.running_var / sums.var(dim=0)).log().abs().max() < 0.2
