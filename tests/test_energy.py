"""Cycles and energy: units, bounds and the laws that they must obey."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.firmware_export.emulator.emulator import Profile
from ictus.firmware_export.emulator.instructions import CLASSES
from ictus.firmware_export.energy.cycles import CORE_CYCLES, CORE_CYCLES_SOURCE, FETCH_ASSUMPTION, cycles_of
from ictus.firmware_export.energy.devices import CORES, device_table, get_device
from ictus.firmware_export.energy.ranges import Range
from ictus.firmware_export.energy.system import (
    ACQUISITION_CYCLES,
    EVENT_BYTES,
    Traffic,
    Workload,
    battery_days,
    system_energy,
)
from ictus.signals.errors import InputError

NO_WAIT = Range.exact(0)


def profile(branches_taken: int = 0, extra_transfers: int = 0, **by_class: int) -> Profile:
    return Profile({"all": by_class}, {}, branches_taken, extra_transfers)


def workload(cycles: float = 1e6, n_events: int = 0, n_wakes: int = 0) -> Workload:
    traffic = Traffic(n_events * EVENT_BYTES, n_events)
    return Workload(60.0, 60 * 128, 70, Range.exact(cycles), traffic, "Sent: abnormal beats.", n_wakes)


def test_every_core_has_a_cost_for_every_class_and_names_its_source() -> None:
    assert set(CORE_CYCLES) == set(CORE_CYCLES_SOURCE) == set(CORES)
    for costs in CORE_CYCLES.values():
        assert costs.keys() == {*CLASSES, "branch_taken", "transfer"}


def test_alu_instructions_take_one_cycle_each() -> None:
    assert cycles_of(profile(alu=1000), "cortex-m4", NO_WAIT) == Range.exact(1000)


def test_a_taken_branch_costs_a_pipeline_refill() -> None:
    """Cortex-M4: 1 cycle if not taken, else 1 + P with P from 1 to 3."""
    assert cycles_of(profile(branch=10), "cortex-m4", NO_WAIT) == Range.exact(10)
    assert cycles_of(profile(branches_taken=10, branch=10), "cortex-m4", NO_WAIT) == Range(20, 30, 40)


def test_each_further_register_of_a_push_costs_a_cycle() -> None:
    assert cycles_of(profile(extra_transfers=3, store=1), "cortex-m4", NO_WAIT) == Range(4, 4, 5)


def test_wait_states_never_make_code_faster() -> None:
    counts = profile(branches_taken=60, alu=1000, load=300, branch=100)
    without = cycles_of(counts, "cortex-m4", NO_WAIT)
    waiting = cycles_of(counts, "cortex-m4", Range(0, 2, 5))
    assert waiting.low == without.low
    assert waiting.typical > without.typical
    assert waiting.high == without.high + 5 * (1400 / 4 + 60)


@given(st.dictionaries(st.sampled_from(CLASSES), st.integers(0, 10**9)), st.sampled_from(sorted(CORES)))
def test_bounds_stay_in_order(counts: dict[str, int], core: str) -> None:
    cycles = cycles_of(profile(counts.get("branch", 0) // 2, 0, **counts), core, Range(0, 1, 4))
    assert cycles.low <= cycles.typical <= cycles.high


def test_one_million_cycles_at_225_ua_per_mhz_and_3_v() -> None:
    """225 uA/MHz is 225 pC a cycle; at 3 V 675 pJ a cycle, 675 uJ a million."""
    report = system_energy(get_device("efm32wg"), workload())
    fetched = 60 * 128 * ACQUISITION_CYCLES.typical
    assert report.per_decision_uj["mcu"].typical * 70 == pytest.approx(675e-6 * (1e6 + fetched))


@pytest.mark.parametrize("name", sorted(device_table().mcu))
def test_a_slower_clock_never_waits_longer_for_flash(name: str) -> None:
    """And never takes more energy, as the current per MHz and the voltage are held."""
    mcu = device_table().mcu[name]
    clocks = [mcu.clock_mhz * share for share in (0.1, 0.25, 0.5, 0.75, 1)]
    waits = [mcu.at(clock).wait_states for clock in clocks]
    assert all(a.high <= b.high and a.typical <= b.typical for a, b in pairwise(waits))
    assert waits[0].low >= 0
    counts = profile(branches_taken=100, alu=1000, load=300, branch=120)
    cycles = [cycles_of(counts, mcu.core, wait) for wait in waits]
    assert all(a.typical <= b.typical and a.high <= b.high for a, b in pairwise(cycles))


def test_a_clock_beyond_the_table_is_refused() -> None:
    with pytest.raises(InputError, match="efm32wg: a clock of 96 MHz is not above 0 and at most 48"):
        device_table().mcu["efm32wg"].at(96)


def test_the_front_end_is_always_on() -> None:
    report = system_energy(get_device("nrf52840"), workload())
    afe = report.device.afe.power_uw.value
    assert report.per_decision_uj["afe"].typical * 70 / 60 == pytest.approx(afe.typical)


def test_the_rows_add_up_to_the_average_power() -> None:
    report = system_energy(get_device("nrf52840"), workload(n_events=12))
    parts = report.per_decision_uj
    rows = sum(parts[name].typical for name in ("mcu", "sleep", "afe", "radio"))
    assert rows == pytest.approx(parts["total"].typical)
    assert parts["total"].typical * 70 / 60 == pytest.approx(report.average_uw.typical)


def test_a_silent_radio_costs_nothing_and_an_event_its_bytes_and_packet() -> None:
    device = get_device("nrf52840")
    assert system_energy(device, workload()).per_decision_uj["radio"] == Range.exact(0)
    sent = system_energy(device, workload(n_events=1)).per_decision_uj["radio"].typical * 70
    assert sent == pytest.approx(EVENT_BYTES * device.radio.byte_uj.value.typical + 18)


def test_a_coin_cell_at_225_uw_lasts_125_days_but_for_what_it_loses_by_itself() -> None:
    """225 mAh at 3 V are 675 mWh; divided by 225 uW, 3,000 hours; 1 % a year takes 0.3 % of that."""
    days = battery_days(get_device("nrf52840").battery, Range.exact(225))
    assert days.typical == pytest.approx(1 / (1 / 125 + 0.01 / 365.25))
    assert days.low < days.typical < days.high < 675e3 / 225 / 24 * 235 / 225


def test_an_idle_battery_is_empty_by_its_self_discharge_alone() -> None:
    assert battery_days(get_device().battery, Range.exact(0)).typical == pytest.approx(100 * 365.25)


def test_each_wake_up_costs_its_energy_and_its_time() -> None:
    device = get_device("efm32wg")
    without, woken = (system_energy(device, workload(n_wakes=n)) for n in (0, 60 * 128))
    more = (woken.per_decision_uj["mcu"].typical - without.per_decision_uj["mcu"].typical) * 70
    assert more == pytest.approx(60 * 128 * device.mcu.wakeup_uj.value.typical)
    assert (woken.active_share.typical - without.active_share.typical) == pytest.approx(128 * 2e-6)
    assert woken.per_decision_uj["sleep"].typical < without.per_decision_uj["sleep"].typical


def test_a_connection_that_is_kept_and_opened_costs_its_events() -> None:
    device = get_device("nrf52840")
    work = replace(workload(), traffic=Traffic(n_packets=15, n_frames=2, n_adverts=3))
    radio = system_energy(device, work).per_decision_uj["radio"].typical * 70
    assert radio == pytest.approx(15 * 18 + 2 * 3.1 + 3 * 22)


def test_a_core_that_cannot_keep_up_is_refused() -> None:
    with pytest.raises(InputError, match=r"efm32wg: 62\.5 s of work for 60 s of signal at 48 MHz"):
        system_energy(get_device("efm32wg"), workload(cycles=3e9))


@pytest.mark.parametrize("name", sorted(device_table().mcu))
def test_every_device_states_its_assumptions(name: str) -> None:
    report = system_energy(get_device(name), workload(n_events=3))
    text = "\n".join(report.assumptions)
    for figure in (report.device.mcu.active_ua_per_mhz, report.device.mcu.sleep_ua, report.device.afe.power_uw):
        assert str(figure) in text
    for needed in ("wait states", str(ACQUISITION_CYCLES), FETCH_ASSUMPTION, "Sent: abnormal beats."):
        assert needed in text
    assert "share of these reads that wait is 0.1 (0 to 1)" in text
    assert "24 bytes in 3 connection events" in text
    assert "temperature" in text


def test_the_json_carries_bounds_beside_typical_values() -> None:
    values = system_energy(get_device("apollo3"), workload()).as_dict()
    energy = values["energy_uj"]
    assert isinstance(energy, dict)
    assert {"mcu", "sleep", "afe", "radio", "total", "low", "high"} == energy.keys()
    assert energy["low"]["total"] <= energy["total"] <= energy["high"]["total"]
