"""What a firmware engineer gets for strips: C files with golden vectors, witnesses, a simulated wearable."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ictus.app.summaries import simulation_text
from ictus.compression import CompactModel
from ictus.firmware_export import (
    GoldenVectors,
    call_witnesses,
    export_c,
    simulate_strips,
    strip_inputs,
    write_tflite,
)
from ictus.firmware_export.emulator.device_run import DEVICE_REGIONS
from ictus.firmware_export.emulator.rhythm_run import StripEvents
from ictus.firmware_export.wearable.rhythm import RhythmSimulation, first_strip_difference
from ictus.signals import SAMPLE_FOLDER, InputError, gate_features, load, to_device


@pytest.fixture(scope="module")
def golden() -> GoldenVectors:
    """Two real strips with atrial fibrillation."""
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "201")).counts[: 70 * 128]
    strips = strip_inputs(counts)
    return GoldenVectors(gate_features(counts)[:2], strips.wave[:, :, None], strips.features)


@pytest.fixture(scope="module")
def exported_strips(
    random_rhythm_model: CompactModel, golden: GoldenVectors, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("strips")
    export_c(random_rhythm_model, folder, golden)
    return folder


def test_the_self_test_runs_strips_and_agrees(exported_strips: Path) -> None:
    if shutil.which("make") is None or shutil.which("cc") is None:
        pytest.skip("no make or no C compiler here")
    done = subprocess.run(["make", "-C", str(exported_strips), "test"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert "2 golden vectors agree at every exit" in done.stdout


def test_the_read_me_gives_the_cost_of_every_stage(exported_strips: Path) -> None:
    text = (exported_strips / "README.md").read_text(encoding="utf-8")
    assert "ictus_rhythm.h" in text
    assert "Not measured" in text or all(f"instructions, {s}" in text for s in ("gate", "screen", "specialist"))


def test_witnesses_agree_on_strips_of_several_lengths(
    random_rhythm_model: CompactModel, golden: GoldenVectors
) -> None:
    lengths = [dataclasses.replace(golden, window=golden.window[:, :n]) for n in (5 * 64, 9 * 64, 30 * 64 + 7)]
    witnesses = call_witnesses(random_rhythm_model, golden, *lengths)
    assert len(witnesses) >= 2
    assert {(w.n_units, w.n_different) for w in witnesses} == {(8, 0)}


def test_tflite_decides_the_devices_strips(
    random_rhythm_model: CompactModel, golden: GoldenVectors, tmp_path: Path
) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    paths = {path.stem: path for path in write_tflite(random_rhythm_model, tmp_path)}
    run = interpreter.Interpreter(str(paths["rhythm"])).get_signature_runner()
    expected = golden.expected(random_rhythm_model)
    for unit in range(len(golden)):
        found = run(window=golden.window[unit][None, :, None], context=golden.context[unit][None])
        assert np.array_equal(found["screen"][0], expected["screen"][unit])
        assert np.array_equal(found["specialist"][0], expected["specialist"][unit])


@pytest.fixture(scope="module")
def simulated(random_rhythm_model: CompactModel) -> RhythmSimulation:
    return simulate_strips(random_rhythm_model, load(SAMPLE_FOLDER / "mitdb" / "201"), seconds=70)


def test_the_simulated_wearable_agrees_and_counts_every_part(simulated: RhythmSimulation) -> None:
    result = simulated.as_dict()
    assert (result["units"], result["unit"], result["agrees_with_reference"]) == (2, "strip", True)
    assert "instructions per strip" in simulation_text(result)
    assert set(DEVICE_REGIONS) - {"beat_window"} < set(simulated.instructions_per_run)
    assert simulated.instructions_per_run["rhythm_wave"] > 0
    assert simulated.profile.calls["rhythm_features"] == simulated.run.counts.screened


def test_another_class_is_noticed(simulated: RhythmSimulation) -> None:
    events = simulated.run.events
    fields = {**vars(events), "label": (events.label + 1).astype(np.int8)}
    other = dataclasses.replace(simulated.run, events=StripEvents(**fields))
    assert first_strip_difference(simulated.run, simulated.run) is None
    assert str(first_strip_difference(simulated.run, other)).startswith("strip at 0 s: class")


def test_less_than_a_strip_is_refused(random_rhythm_model: CompactModel) -> None:
    with pytest.raises(InputError, match="a decision takes"):
        simulate_strips(random_rhythm_model, load(SAMPLE_FOLDER / "mitdb" / "201"), seconds=30)
