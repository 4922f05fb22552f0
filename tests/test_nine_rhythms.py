"""Segments of marked rhythms and their two readings, on the built-in recordings."""

from dataclasses import replace

import numpy as np
import pytest
from ictus.models.nine_rhythms import (
    SEGMENT_SAMPLES,
    Segments,
    random_split,
    score_segments,
    segments_of,
    subject_folds,
)
from ictus.models.train import FitConfig
from ictus.signals import Events, InputError, find_dataset, load

RECORDS = ("106", "119", "200", "201", "213", "222", "223")


@pytest.fixture(scope="module")
def segments() -> Segments:
    found = find_dataset()
    return segments_of([load(found.path(record)) for record in RECORDS])


def test_a_segment_is_500_samples_of_one_rhythm(segments):
    assert segments.wave.shape == (len(segments), SEGMENT_SAMPLES)
    assert segments.wave.dtype == np.int8
    assert np.abs(segments.wave.astype(int)).max() == 64
    counts = np.bincount(segments.label)
    assert segments.rhythms[0] == "(N"
    assert (np.diff(counts) <= 0).all()


def test_no_segment_crosses_a_mark():
    recording = load(find_dataset().path("201"))
    alone = segments_of([recording])
    is_mark = (recording.events.symbol == "+") & np.char.startswith(recording.events.text.astype(str), "(")
    starts = recording.events.sample[is_mark] / recording.fs_hz * 128
    spans = np.diff([*starts, recording.n_samples / recording.fs_hz * 128])
    assert len(alone) + sum(alone.left_out.values()) <= (spans // SEGMENT_SAMPLES + 1).sum()


def test_by_patient_no_subject_is_on_both_sides(segments):
    split = subject_folds(segments, 3)
    for subject in set(segments.subject.tolist()):
        assert len(set(split.fold[segments.subject == subject].tolist())) == 1
    assert split.tested == (0, 1, 2)


def test_the_random_reading_says_that_it_leaks(segments):
    split = random_split(segments)
    assert "leaks patients" in split.name
    assert split.sha256 != random_split(segments, seed=1).sha256
    assert (split.fold == 0).mean() == pytest.approx(0.2, abs=0.01)


def test_random_segments_are_easier_than_new_patients(segments):
    config = FitConfig(epochs=3, min_steps=0, batch_size=32, learning_rate=1e-2)
    scores = score_segments(segments, random_split(segments), config)
    assert scores.table.sum() == (random_split(segments).fold == 0).sum()
    assert scores.accuracy > scores.majority - 0.1
    assert 0 <= scores.macro_f1 <= 1


def test_recordings_without_marks_are_refused():
    recording = load(find_dataset().path("106"))
    with pytest.raises(InputError, match="0 marked rhythms"):
        segments_of([replace(recording, events=Events.empty())])
