"""A real recording on the emulated wearable: what Python says must come out, and what it costs."""

from dataclasses import replace

import numpy as np
import pytest
from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
from ictus.firmware_export.emulator.device_run import DeviceEvents, DeviceRun, StageCounts, expected_run
from ictus.firmware_export.energy.devices import device_table, get_device
from ictus.firmware_export.toolchain import MissingToolError
from ictus.firmware_export.wearable.simulate import Simulation, first_difference, simulate
from ictus.signals import (
    N_CONTEXT,
    N_GATE_FEATURES,
    SAMPLE_FOLDER,
    WINDOW_SAMPLES,
    Recording,
    gate_features,
    load,
    to_device,
)
from ictus.signals.errors import InputError

SECONDS = 60


@pytest.fixture(scope="module")
def recording() -> Recording:
    """MIT-BIH 200: ventricular bigeminy and bursts of noise."""
    return load(SAMPLE_FOLDER / "mitdb" / "200")


def random_layer(
    rng: np.random.Generator,
    shape: tuple[int, int],
    step: int,
    out_length: int,
    shift: int,
    relu: bool,
    context: bool,
) -> CompactLayer:
    codes = np.where(rng.random(shape) < 0.3, rng.integers(1, 9, shape), 0).astype(np.uint8)
    bias = rng.integers(-9, 9, shape[0], dtype=np.int8)
    return CompactLayer(codes, bias, np.full(shape[0], shift, np.uint8), step, out_length, relu, context)


def random_model() -> CompactModel:
    """Random weights, the device's inputs."""
    rng = np.random.default_rng(33)
    gate = (
        random_layer(rng, (6, N_GATE_FEATURES), 1, 1, 5, True, False),
        random_layer(rng, (1, 6), 1, 1, 3, False, False),
    )
    screen = (
        random_layer(rng, (6, 14), 6, 30, 4, True, False),
        random_layer(rng, (4, 180 + N_CONTEXT), 1, 1, 5, True, True),
        random_layer(rng, (1, 4), 1, 1, 3, False, False),
    )
    specialist = (
        random_layer(rng, (8, 30), 12, 13, 5, True, False),
        random_layer(rng, (8, 104 + N_CONTEXT), 1, 1, 5, True, True),
        random_layer(rng, (5, 8), 1, 1, 3, False, False),
    )
    stages = (
        CompactStage("gate", "features", gate),
        CompactStage("screen", "window", screen, n_kept=1),
        CompactStage("specialist", "kept", specialist),
    )
    return CompactModel("beat", N_GATE_FEATURES, (WINDOW_SAMPLES, 2), N_CONTEXT, stages)


@pytest.fixture(scope="module")
def model(recording: Recording) -> CompactModel:
    """Thresholds that send some beats to every exit."""
    model = random_model()
    counts = to_device(recording).counts[: SECONDS * 128]
    features = gate_features(counts)
    gate = model.judge(features)
    screen = expected_run(model, counts).events.screen_logit
    thresholds = {"gate": np.quantile(gate, 0.2), "screen": np.quantile(screen, 0.6), "specialist": -128}
    stages = tuple(replace(stage, threshold=int(thresholds[stage.name]) + 1) for stage in model.stages)
    return replace(model, stages=stages)


@pytest.fixture(scope="module")
def run(model: CompactModel, recording: Recording) -> Simulation:
    try:
        return simulate(model, recording, "efm32wg", seconds=SECONDS)
    except MissingToolError as error:
        pytest.skip(str(error))


def test_every_event_equals_the_integer_reference(run: Simulation) -> None:
    assert run.difference is None
    assert run.agrees_with_reference
    assert len(run.run.events) > 60


def test_some_beats_leave_at_every_stage(run: Simulation) -> None:
    reached = np.bincount(run.run.events.reached, minlength=3)
    assert (reached >= 5).all(), reached


def test_another_weight_code_is_noticed(run: Simulation, model: CompactModel, recording: Recording) -> None:
    """One sign changed in the last layer of the specialist's Python reference."""
    layer = model.stages[2].layers[-1]
    codes = layer.codes.copy()
    position = tuple(np.argwhere(codes)[0])
    codes[position] = (codes[position] - 1 ^ 4) + 1
    layers = (*model.stages[2].layers[:-1], replace(layer, codes=codes))
    other = replace(model, stages=(*model.stages[:2], replace(model.stages[2], layers=layers)))
    counts = to_device(recording).counts[: SECONDS * 128]
    difference = first_difference(run.run, expected_run(other, counts), len(counts))
    assert difference is not None
    assert difference.startswith("beat ")


def test_every_sample_and_stage_is_counted(run: Simulation) -> None:
    calls, counts = run.profile.calls, run.run.counts
    assert calls["filter"] == calls["qrs"] == calls["gate_features"] == SECONDS * 8, (
        "an eighth of a second at a time"
    )
    assert calls["gate"] == counts.blocks == SECONDS
    assert (calls["screen"], calls["specialist"]) == (counts.screened, counts.specialist)
    assert sum(run.profile.region_instructions().values()) == run.profile.instructions


def test_beats_thin_out_from_stage_to_stage(run: Simulation) -> None:
    share = run.stage_share
    assert 1.0 == share["gate"] > share["screen"] > share["specialist"] > 0


def test_the_whole_device_fits_32_kb_of_ram(run: Simulation) -> None:
    assert run.image.ram_bytes + run.profile.stack_bytes <= 32 * 1024


def test_json_has_what_other_programs_read(run: Simulation) -> None:
    values = run.as_dict()
    assert values["device"] == "efm32wg"
    assert {"total", "per_unit", "by_class"} <= values["instructions"].keys()
    assert {"low", "high"} <= values["cycles"].keys()
    assert {"mcu", "sleep", "afe", "radio", "total"} <= values["energy_uj"].keys()
    for name in ("flash_bytes", "ram_bytes", "stack_bytes", "average_uw", "battery_days"):
        assert values[name] > 0, name
    assert values["agrees_with_reference"] is True
    assert values["stage_share"].keys() == {"gate", "screen", "specialist"}


def test_one_run_gives_the_energy_of_any_device(run: Simulation) -> None:
    reports = {name: run.energy_on(get_device(name)) for name in device_table().mcu}
    assert run.energy == reports["efm32wg"]
    assert (
        reports["apollo4plus"].per_decision_uj["mcu"].typical < reports["efm32wg"].per_decision_uj["mcu"].typical
    )


@pytest.mark.parametrize(
    ("part", "message"), [("flash_bytes", "KB of flash needed"), ("ram_bytes", "KB of RAM needed")]
)
def test_firmware_that_does_not_fit_is_refused(run: Simulation, part: str, message: str) -> None:
    large = replace(run, image=replace(run.image, **{part: 65 * 1024}))
    with pytest.raises(InputError, match=f"stm32u031: .* {message}"):
        large.energy_on(get_device("stm32u031"))


def test_only_abnormal_beats_are_sent(run: Simulation) -> None:
    sent = int((run.run.events.label > 0).sum())
    assert f": {8 * sent} bytes in " in "\n".join(run.energy.assumptions)
    assert run.duty().n_bytes.sum() == 8 * sent


def test_an_unknown_device_and_an_empty_stretch_are_refused(model: CompactModel, recording: Recording) -> None:
    with pytest.raises(InputError, match="device 'toaster' is not known"):
        simulate(model, recording, "toaster")
    with pytest.raises(InputError, match=r"200: 0\.5 s to simulate, a decision takes 1 s"):
        simulate(model, recording, seconds=0.5)


def beats(*peaks: int) -> DeviceRun:
    n = len(peaks)
    zeros = np.zeros(n, np.int8)
    events = DeviceEvents(np.array(peaks, np.int64), zeros, zeros, zeros, np.zeros((n, 5), np.int8))
    return DeviceRun(events, StageCounts(10, 0, n, n, 0, 0))


def test_only_the_beats_of_the_last_seconds_may_be_owed() -> None:
    assert first_difference(beats(100, 200), beats(100, 200, 1200), 1280) is None
    assert (
        first_difference(beats(100), beats(100, 200, 1200), 1280)
        == "beat at sample 200: never decided by the device"
    )


def test_a_difference_is_named() -> None:
    assert first_difference(beats(100, 201), beats(100, 200), 1280) == (
        "beat 1: class 0 at sample 201 on the device, 0 at sample 200 in the reference"
    )
    assert first_difference(beats(100, 200), beats(100), 1280) == "2 beats on the device, 1 in the reference"
    rejected = replace(beats(100), counts=StageCounts(10, 3, 1, 1, 0, 0))
    assert first_difference(rejected, beats(100), 1280) == "rejected: 3 on the device, 0 in the reference"
    dropped = replace(beats(100), counts=StageCounts(10, 0, 1, 1, 0, 2))
    assert first_difference(dropped, beats(100), 1280) == "2 beats dropped by the device"
