"""A screen that looks at the context alone: the classes stay, only which beats the specialist sees changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ictus.app.model_files import load_model
from ictus.compression import (
    BeatMaterial,
    ChannelPruning,
    CompactModel,
    Pruning,
    Recipe,
    RhythmMaterial,
    ScreenRecipe,
    Tuning,
    compress,
    from_bytes,
    from_stored,
    to_bytes,
    to_stored,
)
from ictus.compression.context_screen import with_context_screen
from ictus.compression.prune import channels_to_keep, prunable_layers
from ictus.compression.shrink import remove_dead_channels
from ictus.firmware_export import GoldenVectors
from ictus.firmware_export.arena import lent_bytes
from ictus.firmware_export.codegen import generate
from ictus.firmware_export.emulator.device_run import expected_run
from ictus.firmware_export.emulator.machine import LoadedModel
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.library import write_sources
from ictus.firmware_export.native.device import NativeDevice
from ictus.firmware_export.tflite.writer import tflite_files
from ictus.firmware_export.toolchain import build_host
from ictus.firmware_export.unpacking import scratch_counts, unpack_on
from ictus.models import BeatRecord, FloatModel, prepare_record, train_beats
from ictus.models.beat_data import LabelledBeats
from ictus.models.beat_train import BeatTrainingSet, GateData, TrainConfig
from ictus.models.rhythm_train import RhythmConfig
from ictus.models.train import FitConfig
from ictus.models.weights import seeded_net
from ictus.signals import CLASSES, N_GATE_FEATURES, SAMPLE_FOLDER, InputError, load

RECIPE = ScreenRecipe(n_hidden=6, epochs=1, tune_epochs=1, learning_rate=1e-2, withheld=0.02, n_fits=1)
SHORT = TrainConfig(FitConfig(epochs=2, min_steps=60, batch_size=64), FitConfig(epochs=1, min_steps=0))
COMPRESSED = Recipe(Pruning(0.5, epochs=1), tuning=Tuning(1), class_offset=(0, 0.5, 0, 0, 0), screen=RECIPE)


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


@pytest.fixture(scope="module")
def material(records: list[BeatRecord]) -> BeatMaterial:
    seconds = np.concatenate([record.features for record in records])
    good = np.concatenate([record.features[:, 0] > np.median(record.features[:, 0]) for record in records])
    return BeatMaterial(BeatTrainingSet(LabelledBeats.of(records), GateData(seconds, good, good)), SHORT)


@pytest.fixture(scope="module")
def trained(material: BeatMaterial) -> FloatModel:
    return train_beats(material.data, SHORT)


@pytest.fixture(scope="module")
def compressed(trained: FloatModel, material: BeatMaterial) -> CompactModel:
    return compress(trained, material, COMPRESSED)


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


def test_compress_leaves_nothing_that_only_the_trained_screen_read(
    compressed: CompactModel, trained: FloatModel
) -> None:
    assert [stage.source for stage in compressed.stages] == ["features", "context", "window"]
    assert [len(stage.layers) for stage in compressed.stages] == [2, 2, 7]
    assert to_bytes(remove_dead_channels(compressed)) == to_bytes(compressed)
    stays = prunable_layers(trained.net, own_screen=False)
    n_left = sum(layer.n_weights for layer in compressed.stage("specialist").layers)
    assert len(stays) == 7
    assert 0.4 < n_left / sum(layer.n_weights for layer in stays) < 0.5 + 1e-3


def test_the_threshold_is_the_recipes_and_the_gates_that_of_calibration(
    compressed: CompactModel, material: BeatMaterial
) -> None:
    beats = material.data.beats
    screen, classes = compressed.classify(beats.window, beats.context)
    found = (beats.label == CLASSES.index("V")) & (classes.argmax(axis=1) == CLASSES.index("V"))
    passed = screen >= compressed.thresholds["screen"]
    assert found.any()
    assert 1 - RECIPE.withheld <= passed[found].mean()
    assert compressed.thresholds["gate"] > -128


def test_the_same_recipe_gives_the_same_bytes_whatever_was_drawn_before(
    compressed: CompactModel, trained: FloatModel, material: BeatMaterial
) -> None:
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert to_bytes(material.with_screen(compressed, RECIPE)) == to_bytes(compressed)
    assert torch.equal(torch.get_rng_state(), before)


def test_ordered_channels_give_the_same_answers_in_no_more_bytes(
    compressed: CompactModel, trained: FloatModel, material: BeatMaterial
) -> None:
    ordered = compress(trained, material, replace(COMPRESSED, ordered=True))
    beats = material.data.beats
    for mine, other in zip(*(m.classify(beats.window, beats.context) for m in (ordered, compressed)), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert ordered.thresholds == compressed.thresholds
    assert len(to_stored(ordered)) <= len(to_stored(compressed))
    assert to_bytes(from_stored(to_stored(ordered))) == to_bytes(ordered)


def test_channels_of_the_exit_that_goes_are_not_among_those_that_are_pruned(trained: FloatModel) -> None:
    kept = channels_to_keep(trained.net, ChannelPruning(0.5), own_screen=False)["screen"]
    assert not kept[0].all()
    assert all(mask.all() for mask in kept[1:])


def test_where_no_ventricular_beat_is_found_all_abnormal_ones_set_the_threshold(
    zoo: CompactModel, records: list[BeatRecord]
) -> None:
    beats = LabelledBeats.of(records)
    other = replace(beats, label=np.where(beats.label > 0, 1, 0).astype(np.int8))
    found = with_context_screen(zoo, other, RECIPE)
    screen = found.classify(beats.window, beats.context)[0]
    assert (screen >= found.thresholds["screen"])[other.label > 0].mean() >= 1 - RECIPE.withheld


def test_tasks_without_such_a_screen_refuse_it_before_they_train() -> None:
    material = RhythmMaterial((), RhythmConfig())
    model = FloatModel(seeded_net(N_GATE_FEATURES, 0), {"gate": 0.0, "screen": 0.0})
    with pytest.raises(InputError, match=r"^recipe.screen: the task rhythm keeps the screen that it was trained"):
        compress(model, material, Recipe(screen=ScreenRecipe()))


def test_c_packed_and_as_code_and_the_update_give_the_integers_of_the_reference(
    screened: CompactModel, host: HostMachine, tmp_path: Path
) -> None:
    assert unpack_on(host, to_stored(screened), len(to_bytes(screened)), scratch_counts(screened)) == to_bytes(
        screened
    )
    code = generate(screened, form="unrolled")
    write_sources(screened, tmp_path, form="unrolled")
    unrolled = HostMachine(build_host(tmp_path, tmp_path / "host.so", sanitize=True))
    golden = GoldenVectors.random(screened, 8)
    for loaded in (
        LoadedModel.open(host, screened, lent_bytes(screened), to_bytes(screened)),
        LoadedModel.open(unrolled, screened, code.lent_bytes, code.model_bytes),
    ):
        found = loaded.run(golden.features, golden.window, golden.context)
        for name, logits in golden.expected(screened).items():
            np.testing.assert_array_equal(found[name], logits, err_msg=name)


def test_the_tflite_file_gives_the_integers_of_the_reference(screened: CompactModel) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    kind = interpreter.OpResolverType.BUILTIN_REF
    data = tflite_files(screened)["beat.tflite"]
    beat = interpreter.Interpreter(model_content=data, experimental_op_resolver_type=kind).get_signature_runner()
    golden = GoldenVectors.random(screened, 8)
    expected = golden.expected(screened)
    for number in range(len(golden)):
        found = beat(window=golden.window[number][None, :, None, :], context=golden.context[number][None])
        for name in ("screen", "specialist"):
            np.testing.assert_array_equal(found[name][0], expected[name][number], err_msg=name)
