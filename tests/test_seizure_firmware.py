"""What a firmware engineer gets for EEG: C files with golden vectors, witnesses, a wearable within its budget."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ictus.app.model_files import ZOO
from ictus.app.wearable.seizure_firmware import golden_eeg, simulate_eeg
from ictus.compression import CompactModel, load_compact
from ictus.firmware_export import GoldenVectors, call_witnesses, export_c
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.seizure_run import (
    SEIZURE_REGIONS,
    SeizureEvents,
    expected_seconds,
    run_seconds,
)
from ictus.firmware_export.toolchain import FirmwareImage
from ictus.firmware_export.wearable.seizure import (
    SeizureSimulation,
    eeg_wearable,
    first_second_difference,
    simulate_seconds,
)
from ictus.signals import SAMPLE_FOLDER, InputError, load
from ictus.signals.eeg_lead import eeg_lead, load_device_eeg, source_of

CLIP = SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"
RAM_BYTES, FLASH_BYTES = 24 * 1024, 12 * 1024


@pytest.fixture(scope="module")
def golden() -> GoldenVectors:
    return golden_eeg(6)


@pytest.fixture(scope="module")
def exported_eeg(
    random_seizure_model: CompactModel, golden: GoldenVectors, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("eeg")
    export_c(random_seizure_model, folder, golden)
    return folder


def test_golden_windows_are_those_that_the_cascade_decides(
    random_seizure_model: CompactModel, golden: GoldenVectors
) -> None:
    assert golden.window.shape == (6, 256, 1)
    counts = load_device_eeg(load(CLIP), "temporal-4")[0]
    open_stages = tuple(dataclasses.replace(stage, threshold=-128) for stage in random_seizure_model.stages)
    events = expected_seconds(dataclasses.replace(random_seizure_model, stages=open_stages), counts[:, :1]).events
    first = golden.expected(random_seizure_model)["specialist"][0, 0]
    assert events.specialist[4] == first


def test_the_self_test_agrees(exported_eeg: Path) -> None:
    if shutil.which("make") is None or shutil.which("cc") is None:
        pytest.skip("no make or no C compiler here")
    done = subprocess.run(["make", "-C", str(exported_eeg), "test"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert "6 golden vectors agree at every exit" in done.stdout


def test_the_read_me_names_the_header_and_the_cost_of_every_stage(exported_eeg: Path) -> None:
    text = (exported_eeg / "README.md").read_text(encoding="utf-8")
    assert "ictus_seizure.h" in text
    assert "Not measured" in text or all(f"instructions, {s}" in text for s in ("gate", "screen", "specialist"))


def test_witnesses_agree_on_real_and_random_windows(
    random_seizure_model: CompactModel, golden: GoldenVectors
) -> None:
    random = GoldenVectors.random(random_seizure_model, 6)
    witnesses = call_witnesses(
        random_seizure_model, golden, dataclasses.replace(random, window=random.window[:, :256])
    )
    assert len(witnesses) >= 2
    assert {(w.n_units, w.n_different) for w in witnesses} == {(12, 0)}


def test_the_emulated_core_gives_the_seconds_of_python(
    seizure_image: FirmwareImage, random_seizure_model: CompactModel, eeg_counts: np.ndarray
) -> None:
    core = EmulatedCore(seizure_image.elf, SEIZURE_REGIONS)
    counts = eeg_counts[: 256 * 45]
    assert core.call("ictus_harness_start") == 0
    run, expected = run_seconds(core, counts), expected_seconds(random_seizure_model, counts)
    assert set(expected.events.reached) == {0, 1, 2}
    assert first_second_difference(run, expected) is None
    assert core.profile().calls == {
        "filter": counts.size,
        "features": 4 * 45,
        "gate": 45,
        "screen": expected.counts.screened,
        "specialist": expected.counts.specialist,
    }


@pytest.fixture(scope="module")
def simulated(seizure_image: FirmwareImage) -> SeizureSimulation:
    """The zoo's model on ten seconds within a seizure."""
    assert seizure_image.model_bytes > 0
    return simulate_seconds(load_compact(ZOO / "seizure.ictus"), eeg_lead(source_of(load(CLIP)), "temporal-4"))


def test_four_channels_fit_the_budget(simulated: SeizureSimulation) -> None:
    assert simulated.n_channels == 4
    assert simulated.image.ram_bytes + simulated.profile.stack_bytes <= RAM_BYTES
    assert simulated.image.flash_bytes <= FLASH_BYTES


def test_the_simulated_wearable_agrees_and_reports_every_part(simulated: SeizureSimulation) -> None:
    result = simulated.as_dict()
    assert result["agrees_with_reference"] is True
    assert (result["units"], result["seconds"], result["channels"]) == (10, 10.0, 4)
    assert set(simulated.instructions_per_run) == set(SEIZURE_REGIONS)
    assert simulated.worst.calls["specialist"] == 1
    assert simulated.worst.instructions * 10 >= simulated.profile.instructions
    assert 0 < simulated.mcu_uw < simulated.energy.average_uw.typical


def test_every_channel_has_its_own_front_end() -> None:
    one, four = (eeg_wearable(None, n).afe for n in (1, 4))
    assert four.power_uw.value.typical == 4 * one.power_uw.value.typical
    assert four.name.startswith("4 channels")


def test_another_score_is_noticed(simulated: SeizureSimulation) -> None:
    events = simulated.run.events
    fields = {**vars(events), "specialist": (events.specialist + 1).astype(np.int8)}
    other = dataclasses.replace(simulated.run, events=SeizureEvents(**fields))
    assert first_second_difference(simulated.run, simulated.run) is None
    assert str(first_second_difference(simulated.run, other)).startswith("second 0: score")


def test_more_channels_than_the_wearable_has_are_refused(random_seizure_model: CompactModel) -> None:
    with pytest.raises(InputError, match="18 channels of the montage double-banana, the emulated wearable has 4"):
        simulate_seconds(random_seizure_model, eeg_lead(source_of(load(CLIP)), "double-banana"))


def test_a_recording_shorter_than_a_decision_is_refused(random_seizure_model: CompactModel) -> None:
    with pytest.raises(InputError, match="a decision takes 5 s"):
        simulate_seconds(random_seizure_model, eeg_lead(source_of(load(CLIP)), "temporal-4"), seconds=4)


def test_a_file_that_is_not_there_is_refused(random_seizure_model: CompactModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.edf"):
        simulate_eeg(random_seizure_model, tmp_path / "none.edf")
