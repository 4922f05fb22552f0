"""A screen that looks at the context alone: the classes stay, only which beats the specialist sees changes."""

from dataclasses import replace

import numpy as np
import pytest
from ictus.app.model_files import load_model
from ictus.compression import CompactModel, from_bytes, to_bytes
from ictus.compression.context_screen import ScreenRecipe, with_context_screen
from ictus.firmware_export.emulator.device_run import expected_run
from ictus.firmware_export.native.device import NativeDevice
from ictus.models import BeatRecord, prepare_record
from ictus.models.beat_data import LabelledBeats
from ictus.models.train import FitConfig
from ictus.signals import CLASSES, SAMPLE_FOLDER, load

SHORT = FitConfig(2, 40, batch_size=128, learning_rate=1e-2, balance=0.5)
RECIPE = ScreenRecipe(n_hidden=6, trained=SHORT, tuned=SHORT, withheld=0.02, n_fits=1)


@pytest.fixture(scope="module")
def records() -> list[BeatRecord]:
    """Real beats of several classes."""
    return [prepare_record(load(SAMPLE_FOLDER / "mitdb" / name)) for name in ("200", "208", "100")]


@pytest.fixture(scope="module")
def zoo() -> CompactModel:
    model = load_model(None, "beat").model
    assert isinstance(model, CompactModel)
    return model


@pytest.fixture(scope="module")
def screened(zoo: CompactModel, records: list[BeatRecord]) -> CompactModel:
    return with_context_screen(zoo, LabelledBeats.of(records), RECIPE)


def test_gate_and_classes_stay_as_they_were(
    zoo: CompactModel, screened: CompactModel, records: list[BeatRecord]
) -> None:
    for record in records:
        beats = record.beats
        np.testing.assert_array_equal(
            screened.classify(beats.window, beats.context)[1], zoo.classify(beats.window, beats.context)[1]
        )
        np.testing.assert_array_equal(screened.judge(record.features), zoo.judge(record.features))


def test_no_more_than_asked_for_of_the_ventricular_beats_are_withheld(
    screened: CompactModel, records: list[BeatRecord]
) -> None:
    beats = LabelledBeats.of(records)
    screen, classes = screened.classify(beats.window, beats.context)
    found = (beats.label == CLASSES.index("V")) & (classes.argmax(axis=1) == CLASSES.index("V"))
    passed = screen >= screened.thresholds["screen"]
    assert passed[found].mean() >= 1 - RECIPE.withheld
    assert passed[beats.label == 0].mean() < 0.5


def test_the_device_runs_it_as_the_reference_does(screened: CompactModel) -> None:
    counts = prepare_record(load(SAMPLE_FOLDER / "mitdb" / "200")).signal.counts
    counts = counts[: 60 * 128]
    decided, expected = NativeDevice(screened).push(counts), expected_run(screened, counts).events.first
    events = expected(len(decided))
    assert (decided.reached == 2).any()
    assert (decided.reached == 1).any()
    for mine, theirs in ((decided.label, events.label), (decided.screen, events.screen_logit)):
        np.testing.assert_array_equal(mine, theirs)


def test_it_survives_its_file_and_the_same_seed_gives_it_again(
    screened: CompactModel, zoo: CompactModel, records: list[BeatRecord]
) -> None:
    data = to_bytes(screened)
    assert to_bytes(from_bytes(data)) == data
    assert to_bytes(with_context_screen(zoo, LabelledBeats.of(records), RECIPE)) == data
    assert to_bytes(with_context_screen(screened, LabelledBeats.of(records), replace(RECIPE, n_hidden=3))) != data
