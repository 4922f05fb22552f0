"""Ways to use the wearable, on a real recording: what is sent, what runs, and the laws that energy obeys."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from ictus.app.model_files import load_model
from ictus.app.wearable.scenarios import beat_quality, scenario_rows, scenario_table
from ictus.compression import CompactModel
from ictus.firmware_export.emulator.instructions import CLASSES
from ictus.firmware_export.energy.devices import device_table, get_device
from ictus.firmware_export.energy.system import EVENT_BYTES, system_energy
from ictus.firmware_export.toolchain import MissingToolError
from ictus.firmware_export.wearable.energy_timeline import energy_timeline, workload
from ictus.firmware_export.wearable.fast_run import simulate_fast
from ictus.firmware_export.wearable.scenarios import (
    FIFO_SAMPLES,
    FRAME_BYTES,
    LINK_S,
    SCENARIOS,
    duty_of,
    scenarios_of,
)
from ictus.firmware_export.wearable.simulate import BeatSimulation, simulate
from ictus.firmware_export.wearable.thresholds import PASS_ALL, with_threshold, without_cascade
from ictus.signals import SAMPLE_FOLDER, InputError, Recording, load

SECONDS = 40.5
NAMES = tuple(SCENARIOS)


@pytest.fixture(scope="module")
def recording() -> Recording:
    """MIT-BIH 200: ventricular bigeminy."""
    return load(SAMPLE_FOLDER / "mitdb" / "200")


@pytest.fixture(scope="module")
def model() -> CompactModel:
    found = load_model(None, "beat").model
    assert isinstance(found, CompactModel)
    return found


def run_of(model: CompactModel, recording: Recording, use: str) -> BeatSimulation:
    try:
        return simulate(model, recording, "stm32l4", SECONDS, use=use)
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def cascade(model: CompactModel, recording: Recording) -> BeatSimulation:
    return run_of(model, recording, "cascade")


@pytest.fixture(scope="module")
def always_on(model: CompactModel, recording: Recording) -> BeatSimulation:
    return run_of(model, recording, "always-on")


@pytest.fixture(scope="module")
def runs(cascade: BeatSimulation, always_on: BeatSimulation) -> dict[str, BeatSimulation]:
    """The run that each scenario is priced from."""
    return {name: cascade if SCENARIOS[name].is_cascade else always_on for name in NAMES}


def test_the_timeline_adds_up_to_what_the_core_executed(cascade: BeatSimulation) -> None:
    """Every class of every part, every branch taken, every run."""
    timeline, whole = cascade.timeline, cascade.profile
    assert timeline.is_executed
    assert len(timeline) == 41, "the last second is half a one"
    added = timeline.profile()
    named = {part: {c: n for c, n in counts.items() if n} for part, counts in added.by_region.items()}
    assert {part: {c: n for c, n in counts.items() if n} for part, counts in whole.by_region.items()} == named
    assert (added.branches_taken, added.extra_transfers) == (whole.branches_taken, whole.extra_transfers)
    assert added.calls == whole.calls


def test_every_sample_is_in_its_second(cascade: BeatSimulation) -> None:
    timeline = cascade.timeline
    assert timeline.runs[:40, timeline.part("filter")].tolist() == [8] * 40, "16 samples at a time"
    assert timeline.runs[40, timeline.part("filter")] == 4
    assert cascade.duty().duration_s == SECONDS == cascade.duration_s


@pytest.mark.parametrize("name", NAMES)
def test_energy_of_seconds_adds_up_to_that_of_the_report(name: str, runs: dict[str, BeatSimulation]) -> None:
    for device in map(get_device, device_table().mcu):
        duty = runs[name].duty(name)
        seconds, report = energy_timeline(duty, device), system_energy(device, workload(duty, device))
        for group, each in report.per_decision_uj.items():
            for bound in ("low", "typical", "high"):
                expected = getattr(each, bound) * duty.n_units
                assert getattr(seconds.by_group[group], bound) == pytest.approx(expected), (group, bound)
        assert seconds.average_uw.typical == pytest.approx(report.average_uw.typical)
        assert seconds.battery_days.typical == pytest.approx(report.battery_days.typical)
        rows = np.sum(list(seconds.rows.values()), axis=0)
        assert seconds.power_uw @ seconds.seconds == pytest.approx(rows.sum(axis=1))
        assert (seconds.rows["sleep"][1] >= 0).all()


def test_every_firmware_agrees_with_the_reference(runs: dict[str, BeatSimulation]) -> None:
    assert [run.difference for run in runs.values()] == [None] * len(runs)


def test_without_the_cascade_the_specialist_decides_every_beat(
    model: CompactModel, always_on: BeatSimulation
) -> None:
    assert (always_on.run.events.reached == 2).all()
    assert without_cascade(model).thresholds == {"gate": PASS_ALL, "screen": PASS_ALL}
    duty = always_on.duty("always-on")
    assert not {"gate", "gate_features"} & {name for name, n in duty.timeline.by_part.items() if n}


def test_specialists_classes_do_not_depend_on_the_cascade(
    cascade: BeatSimulation, always_on: BeatSimulation
) -> None:
    mine, theirs = cascade.run.events, always_on.run.events
    both = mine.reached == 2
    assert both.any()
    np.testing.assert_array_equal(mine.class_logits[both], theirs.class_logits[both])


def test_the_cascade_takes_less_than_the_specialist_on_every_beat(runs: dict[str, BeatSimulation]) -> None:
    device = get_device("stm32l4")
    parts = ("gate", "screen", "specialist")
    uj = [runs[name].energy_timeline(device, name).row_uj(*parts).typical for name in ("cascade", "always-on")]
    assert 0 < uj[0] < uj[1]


def test_raw_streaming_sends_every_sample_and_runs_nothing(cascade: BeatSimulation) -> None:
    for name, fs_hz in (("raw", 360), ("raw-128", 128)):
        duty = duty_of(cascade.observed, SCENARIOS[name])
        assert duty.n_bytes.sum() == pytest.approx(2 * fs_hz * SECONDS, abs=2)
        assert duty.timeline.counts.sum() == 0
        assert duty.wakes.sum() == -(-duty.n_samples // FIFO_SAMPLES).sum()


def test_a_phone_gets_a_window_for_every_beat_that_the_screen_passes_on(
    cascade: BeatSimulation, model: CompactModel
) -> None:
    duty = cascade.duty("phone")
    each = model.window_shape[0] * model.window_shape[1] + model.n_context + 5
    assert duty.n_bytes.sum() == each * cascade.run.counts.specialist
    assert each <= FRAME_BYTES
    assert duty.timeline.by_part["specialist"] == 0
    assert duty.timeline.by_part["screen"] == cascade.timeline.by_part["screen"]


def test_nothing_is_lost_between_storing_and_forwarding(cascade: BeatSimulation) -> None:
    stored, sent = cascade.duty("store"), cascade.duty("cascade")
    assert stored.n_bytes.sum() == sent.n_bytes.sum() == EVENT_BYTES * (cascade.run.events.label > 0).sum()
    assert stored.n_adverts.sum() == 3, "one connection in less than ten minutes"


def test_a_silent_device_keeps_its_connection(cascade: BeatSimulation) -> None:
    silent = replace(cascade.observed, abnormal=np.zeros(len(cascade.timeline), np.int64))
    assert duty_of(silent, SCENARIOS["cascade"]).n_packets.sum() == 41 // LINK_S


def test_more_events_take_more_radio(cascade: BeatSimulation) -> None:
    device, seen = get_device("nrf52"), cascade.observed
    fewer = np.zeros_like(seen.abnormal)
    uj = []
    for second in range(0, len(fewer), 4):
        fewer[second] = max(seen.abnormal[second], 1)
        duty = duty_of(replace(seen, abnormal=fewer.copy()), SCENARIOS["cascade"])
        uj.append(energy_timeline(duty, device).by_group["radio"].typical)
    assert all(a <= b for a, b in pairwise(uj))
    assert uj[0] < uj[-1]


def test_blocks_wake_the_core_less_often_for_the_same_decisions(cascade: BeatSimulation) -> None:
    block, each = cascade.duty("block"), cascade.duty("cascade")
    assert block.wakes.sum() * FIFO_SAMPLES >= each.wakes.sum() == each.n_samples.sum()
    assert block.timeline is each.timeline
    for device in map(get_device, device_table().mcu):
        assert energy_timeline(block, device).by_group["mcu"].typical < (
            energy_timeline(each, device).by_group["mcu"].typical
        )


def test_other_firmware_is_asked_for_and_unknown_names_are_listed(cascade: BeatSimulation) -> None:
    with pytest.raises(InputError, match="always-on: other firmware than that of cascade"):
        cascade.duty("always-on")
    with pytest.raises(InputError, match="scenario 'naps' is not known; known: always-on, cascade, block"):
        cascade.duty("naps")


@pytest.mark.parametrize(("stage", "value"), [("screen", 128), ("gate", -129)])
def test_a_threshold_that_is_no_int8_is_refused(model: CompactModel, stage: str, value: int) -> None:
    with pytest.raises(InputError, match=f"threshold {value} of the {stage} is not within -128 to 127"):
        with_threshold(model, stage, value)


def test_a_higher_threshold_lets_no_more_beats_pass(model: CompactModel, recording: Recording) -> None:
    from ictus.firmware_export.native.device import NativeDevice
    from ictus.signals import to_device

    counts = to_device(recording).counts
    counts = counts[: len(counts) // 128 * 128]
    passed = []
    for threshold in (-128, -60, -20, 0, 40):
        decided = NativeDevice(with_threshold(model, "screen", threshold)).push(counts)
        passed.append(int((decided.reached == 2).sum()))
    assert passed == sorted(passed, reverse=True)
    assert passed[0] > passed[-1]


def test_each_task_has_its_scenarios() -> None:
    assert {found.name for found in scenarios_of("beat")} == set(NAMES)
    assert "phone" not in {found.name for found in scenarios_of("seizure")}
    assert all(found.sent and found.latency for found in SCENARIOS.values())


def test_rows_stand_beside_each_other_with_what_is_found(
    cascade: BeatSimulation, always_on: BeatSimulation, recording: Recording
) -> None:
    rows = scenario_rows("beat", cascade, always_on, recording)
    assert [row["name"] for row in rows] == list(NAMES)
    by_name = {row["name"]: row for row in rows}
    assert by_name["raw"]["bytes_an_hour"] > by_name["cascade"]["bytes_an_hour"] > 0
    assert by_name["cascade"]["quality"]["V"]["se"] <= by_name["always-on"]["quality"]["V"]["se"] + 0.1
    head, body = scenario_table(rows)
    assert {len(row) for row in body} == {len(head)}


def test_quality_counts_reference_beats_of_decided_time(cascade: BeatSimulation, recording: Recording) -> None:
    found = beat_quality(cascade, recording)
    assert found is not None
    assert 20 < found["V"].n < found["N"].n + found["V"].n < 80
    assert 0.5 < found["V"].se <= 1
    assert sum(q.n_said for q in found.values()) == int((cascade.run.events.label >= 0).sum())


def _close(mine: Sequence[float], theirs: Sequence[float]) -> float:
    return abs(sum(mine) / sum(theirs) - 1)


def test_the_fast_path_gives_the_events_and_within_3_percent_the_instructions(
    model: CompactModel, recording: Recording
) -> None:
    """On the whole excerpt; two of its five minutes are executed."""
    try:
        fast, whole = simulate_fast(model, recording), simulate(model, recording)
    except MissingToolError as error:
        pytest.skip(str(error))
    n = len(whole.run.events)
    assert fast.difference is None
    assert whole.run.events.equals(fast.run.events.first(n))
    assert len(fast.run.events) - n <= 1
    assert not fast.timeline.is_executed
    np.testing.assert_array_equal(fast.timeline.runs, whole.timeline.runs[: len(fast.timeline)])
    executed, computed = whole.timeline.by_part, fast.timeline.by_part
    assert {name: _close([computed[name]], [executed[name]]) for name in ("gate", "screen", "specialist")} == (
        pytest.approx({"gate": 0, "screen": 0, "specialist": 0}, abs=0.02)
    )
    assert _close(list(computed.values()), list(executed.values())) < 0.03
    assert np.allclose(
        fast.timeline.counts[:120, :, : len(CLASSES)], whole.timeline.counts[:120, :, : len(CLASSES)]
    )
