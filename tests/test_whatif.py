"""What if: power levels, light and motion, hardware of its own."""

from dataclasses import replace

import numpy as np
import pytest
from ictus.app.model_files import load_model
from ictus.compression.compact import CompactModel
from ictus.firmware_export.emulator.instructions import COSTS
from ictus.firmware_export.energy.devices import device_table, get_device
from ictus.firmware_export.energy.ranges import Range
from ictus.firmware_export.wearable.scenarios import Observed, duty_of, scenario
from ictus.firmware_export.wearable.timeline import StageTimeline
from ictus.firmware_export.whatif.accelerator import (
    MACHINES,
    energy_tables,
    layer_traces,
    machine_energy,
    total_energy,
)
from ictus.firmware_export.whatif.harvest import (
    DAY_S,
    DayOutcome,
    days,
    harvested_uw,
    harvesters,
    lost_beats,
    simulate_day,
    storages,
)
from ictus.firmware_export.whatif.levels import FIFO_S, SAMPLE_S, at_level, compare_levels, levels_of
from ictus.models import prepare_record
from ictus.signals import DEVICE_FS_HZ, SAMPLE_FOLDER, InputError, load

N_SECONDS = 20


def duty_with(instructions: int, n_beats: int = 2):
    """So many ALU instructions for each beat, and nothing else but a filter of ten."""
    parts = ("other", "filter", "specialist")
    runs = np.tile([1, DEVICE_FS_HZ, n_beats], (N_SECONDS, 1))
    counts = np.zeros((N_SECONDS, len(parts), len(COSTS)))
    counts[:, 1, 0], counts[:, 2, 0] = 10 * DEVICE_FS_HZ, instructions * n_beats
    timeline = StageTimeline(parts, runs, counts, is_executed=True)
    none = np.zeros(N_SECONDS, np.int64)
    seen = Observed(timeline, np.ones(N_SECONDS), 128, 128, 1, none + n_beats, none, none, 0)
    return duty_of(seen, scenario("cascade"))


@pytest.fixture(scope="module")
def model() -> CompactModel:
    found = load_model(None, "beat").model
    assert isinstance(found, CompactModel)
    return found


def test_every_level_belongs_to_a_device_of_the_table_and_has_a_source() -> None:
    for mcu in device_table().mcu.values():
        levels = levels_of(mcu)
        own = [level for level in levels if level.clock_mhz == mcu.clock_mhz]
        assert [level.active_factor.value for level in own] == [Range.exact(1)]
        assert all(level.source and level.active_factor.source for level in levels)


def test_a_lower_level_draws_less_and_takes_longer() -> None:
    device, duty = get_device("stm32l4"), duty_with(50_000)
    found = {outcome.level.key: outcome for outcome in compare_levels(duty, device)}
    fast, slow = found["boost"], found["range2"]
    assert slow.energy.by_group["mcu"].typical < fast.energy.by_group["mcu"].typical
    assert slow.worst_call_s.typical > fast.worst_call_s.typical
    assert slow.active_share.typical > fast.active_share.typical
    assert sum(outcome.is_cheapest for outcome in found.values()) == 1
    waits = [at_level(device, outcome.level).mcu.wait_states.typical for outcome in (fast, slow)]
    assert waits[0] > waits[1]


def test_a_level_that_is_too_slow_is_never_the_cheapest() -> None:
    found = compare_levels(duty_with(1_500_000), get_device("stm32l4"))
    late = [outcome for outcome in found if not outcome.is_in_time_with_fifo]
    assert [outcome.level.key for outcome in late] == ["range2slow"]
    assert not any(outcome.is_cheapest for outcome in late)
    assert all(outcome.worst_call_s.high >= FIFO_S for outcome in late)


def test_the_busiest_sample_holds_all_decisions_of_its_second() -> None:
    device = get_device("stm32l4")
    one, two = (compare_levels(duty_with(100_000, n), device)[0].worst_call_s.low for n in (1, 2))
    assert two - one == pytest.approx(100_000 / 120e6, rel=0.01)
    assert one < SAMPLE_S


def test_a_capacitor_balances_to_the_joule() -> None:
    storage = storages()["supercap"]
    income, load_uw = np.full(DAY_S, 50.0), np.full(10, 30.0)
    outcome = simulate_day(income, load_uw, storage, leak_ua=0.0)
    assert outcome.is_on.all()
    assert outcome.stored_j[-1] == pytest.approx(storage.uj(storage.full_v) / 1e6)
    assert outcome.wasted_j == pytest.approx(20e-6 * DAY_S)


def test_without_light_the_device_dies_and_with_it_it_lives_again() -> None:
    storage = storages()["supercap"]
    income = np.where(np.arange(DAY_S) < DAY_S // 2, 0.0, 400.0)
    outcome = simulate_day(income, np.full(60, 150.0), storage, leak_ua=1.0)
    assert outcome.brown_outs >= 1
    assert outcome.off_s > 0
    assert not outcome.is_on[DAY_S // 2 - 10]
    assert outcome.is_on[-1]
    lives = outcome.on_periods
    assert sum(stop - start for start, stop in lives) + outcome.off_s == DAY_S


def test_more_light_never_means_less_life() -> None:
    day, cells, storage = days()["office"], harvesters()["pv40"], storages()["supercap"]
    load_uw = np.full(60, 150.0)
    off = [
        simulate_day(harvested_uw(day, cells, b), load_uw, storage, 2.0).off_s for b in ("low", "typical", "high")
    ]
    assert off[0] >= off[1] >= off[2]
    with pytest.raises(InputError, match="harvester inertial takes uW, the day office has lx"):
        harvested_uw(day, harvesters()["inertial"])


def test_what_is_lost_is_what_the_device_was_off_for() -> None:
    peak = np.arange(64, 60 * DEVICE_FS_HZ, DEVICE_FS_HZ)  # a beat a second, every tenth ventricular

    def decide(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = peak[peak < len(counts)]
        return found[found >= 2 * DEVICE_FS_HZ * (len(counts) < 6000)], np.where(found % 1280 == 64, 2, 0)[
            (found >= 2 * DEVICE_FS_HZ * (len(counts) < 6000))
        ]

    is_on = np.ones(DAY_S, np.bool_)
    is_on[1000:4600] = False
    outcome = DayOutcome(np.zeros(DAY_S), np.zeros(DAY_S), is_on, 0.0)
    lost = lost_beats(outcome, np.zeros(60 * DEVICE_FS_HZ, np.int16), decide)
    assert lost.n == DAY_S
    assert lost.off == 3600
    assert lost.n_serious == DAY_S // 10
    assert 360 <= lost.serious <= 362


def test_the_accelerator_counts_what_the_model_has(model: CompactModel) -> None:
    record = prepare_record(load(SAMPLE_FOLDER / "mitdb" / "200"))
    rows = np.arange(0, len(record.beats), 20)
    beats = record.beats.take(rows)
    traces = layer_traces(model, record.features[beats.block], beats.window, beats.context)
    layers = [layer for stage in model.stages for layer in stage.layers]
    assert [t.n_weights for t in traces] == [layer.n_weights for layer in layers]
    assert sum(t.dense for t in traces) == sum(layer.out_length * layer.codes.size for layer in layers)
    assert all(0 < t.nonzero_share <= 1 for t in traces)
    energy = {m.key: total_energy(machine_energy(m, traces, "specialist")) for m in MACHINES}
    steps = ("dense-int8", "dense-log", "sparse-log", "sparse-log-skip")
    typical = [energy[key].typical for key in steps]
    assert typical == sorted(typical, reverse=True)
    dense = machine_energy(MACHINES[0], traces, "specialist")["arithmetic"]
    macs = sum(t.dense for t in traces if t.stage == "specialist")
    outputs = sum(t.outputs for t in traces if t.stage == "specialist")
    assert dense.typical == pytest.approx((macs * 0.3 + outputs * 0.13) / 1e3)


def test_a_bigger_memory_costs_more_and_a_stream_is_refused(model: CompactModel) -> None:
    operations, memories = energy_tables()
    assert all(row.source and row.pj.source for row in (*operations.values(), *memories))
    energies = [row.pj.value.typical for row in memories]
    assert energies == sorted(energies)
    streamed = replace(model, stages=(*model.stages[:2], replace(model.stages[2], source="stream")))
    with pytest.raises(ValueError, match="no fixed number of positions"):
        layer_traces(streamed, np.zeros((1, model.n_features), np.int8), *_empty(model))


def _empty(model: CompactModel) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((1, *model.window_shape), np.int8), np.zeros((1, model.n_context), np.int8)
