"""The guarded firmware's parts: queue, self-check, gaps; on this computer and on the emulated core alike."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from guarded_machines import ModelQueue, Queue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ictus.compression.compact import CompactModel
from ictus.compression.model_file import to_bytes
from ictus.firmware_export.emulator.device_run import run_recording
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import Machine, place
from ictus.firmware_export.faults import inject, parse_fault, run_guarded, write_guarded_sources
from ictus.firmware_export.faults.guarded import start_feed
from ictus.firmware_export.faults.inject import FaultySignal
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import MissingToolError, build_device, build_host, require
from ictus.signals import DEVICE_FS_HZ, InputError, detect_qrs

LAW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def guarded_sources(random_model: CompactModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guarded")
    write_guarded_sources(random_model, folder)
    return folder


@pytest.fixture(scope="module")
def guarded_host(guarded_sources: Path) -> HostMachine:
    try:
        return HostMachine(build_host(guarded_sources, guarded_sources / "ictus_host.so", sanitize=True))
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def guarded_core(guarded_sources: Path) -> EmulatedCore:
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
    except MissingToolError as error:
        pytest.skip(str(error))
    regions = {"put": "ictus_queue_put", "take": "ictus_queue_take", "check": "ictus_check_step"}
    return EmulatedCore(build_device(guarded_sources, guarded_sources / "ictus.elf").elf, regions)


def follow(machine: Machine, n_slots: int, steps: list[int]) -> tuple[list[int | None], int]:
    """Put an event of urgency 0 to 3 or take one (4), step by step; what is taken must be as in the model."""
    queue, model = Queue.of(machine, n_slots), ModelQueue(n_slots)
    taken = []
    for peak, step in enumerate(steps, start=1):
        if step < 4:
            queue.put(peak, step)
            model.put(peak, step)
        else:
            taken.append(queue.take())
            assert taken[-1] == model.take()
    assert queue.lost() == len(model.lost)
    return taken, queue.lost()


@LAW
@given(n_slots=st.integers(1, 9), steps=st.lists(st.integers(0, 4), max_size=120))
def test_the_queue_keeps_what_matters_most_and_counts_the_rest(
    guarded_host: HostMachine, n_slots: int, steps: list[int]
) -> None:
    follow(guarded_host, n_slots, steps)


def test_the_queue_is_the_same_on_the_emulated_core_in_constant_time(
    guarded_core: EmulatedCore, guarded_host: HostMachine
) -> None:
    steps = np.random.default_rng(4).choice(5, 600, p=[0.3, 0.2, 0.15, 0.15, 0.2]).tolist()
    assert follow(guarded_core, 40, steps) == follow(guarded_host, 40, steps)
    per_call = []
    for n_slots in (4, 400):
        queue = Queue.of(guarded_core, n_slots)
        for peak in range(n_slots):
            queue.put(peak, 3)
        guarded_core.reset_profile()
        queue.put(n_slots, 3)
        per_call.append(guarded_core.profile().region_instructions()["put"])
    assert per_call[0] == per_call[1] < 120


@pytest.mark.parametrize("n_slots", [0, 65535])
def test_a_queue_without_slots_or_with_too_many_is_refused(guarded_host: HostMachine, n_slots: int) -> None:
    guarded_host.free_all()
    queue, slots = guarded_host.allocate(256), guarded_host.allocate(16)
    assert guarded_host.call("ictus_queue_init", queue, slots, n_slots) != 0


@LAW
@given(st.binary(min_size=1, max_size=300), st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 70))
def test_any_flipped_bit_is_found_within_two_passes(
    guarded_host: HostMachine, data: bytes, bit: int, before: int, step: int
) -> None:
    guarded_host.free_all()
    address = place(guarded_host, data)
    check = guarded_host.allocate(64)
    guarded_host.call("ictus_check_init", check, address, len(data), zlib.crc32(data))
    for _ in range(before):
        assert guarded_host.call("ictus_check_step", check, step) == 0
    bit %= 8 * len(data)
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    guarded_host.write(address, bytes(changed))
    n_steps = 2 * -(-len(data) // step)
    assert max(guarded_host.call("ictus_check_step", check, step) for _ in range(n_steps)) == 1


def test_without_faults_the_guard_changes_nothing(
    guarded_host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    plain = run_recording(guarded_host, random_model, device_counts)
    guarded = run_guarded(guarded_host, inject(device_counts, ()), len(to_bytes(random_model)), 256)
    order = np.argsort(guarded.peak, kind="stable")
    assert np.array_equal(guarded.peak[order], plain.events.peak)
    assert np.array_equal(guarded.label[order], plain.events.label)
    assert guarded.total == plain.counts
    counts = guarded.counts
    assert (counts.missing, counts.late, counts.unjudged, counts.broken_at, counts.n_lost) == (0, 0, 0, 0, 0)
    assert counts.passes == len(device_counts) // DEVICE_FS_HZ * 64 // len(to_bytes(random_model))


def test_host_and_emulated_core_guard_alike(
    guarded_host: HostMachine, guarded_core: EmulatedCore, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    faults = [parse_fault("dropped:10-30@20%"), parse_fault("lead-off:40-50"), parse_fault("outage:15-45")]
    signal = inject(device_counts[: 60 * DEVICE_FS_HZ], faults)
    size = len(to_bytes(random_model))
    one, other = (run_guarded(machine, signal, size, 8) for machine in (guarded_host, guarded_core))
    assert np.array_equal(one.peak, other.peak)
    assert np.array_equal(one.sent_at, other.sent_at)
    assert np.array_equal(one.stages, other.stages)
    assert one.counts == other.counts
    assert one.counts.n_lost > 0


def _signal(counts: np.ndarray, tick: np.ndarray) -> FaultySignal:
    n_ticks = int(tick.max()) + 1
    return FaultySignal(counts, tick.astype(np.uint32), n_ticks, 1.0, np.ones(-(-n_ticks // 128), np.bool_), ())


@pytest.mark.parametrize("n_gap", [1, 100, 127, 128, 1000, 30 * 128])
def test_a_gap_of_any_length_is_filled_and_its_samples_counted(
    guarded_host: HostMachine, random_model: CompactModel, device_counts: np.ndarray, n_gap: int
) -> None:
    counts = device_counts[: 60 * DEVICE_FS_HZ]
    tick = np.delete(np.arange(len(counts)), slice(1280, 1280 + n_gap))
    run = run_guarded(guarded_host, _signal(counts[tick], tick), len(to_bytes(random_model)), 256)
    caught_up = run.counts.missing - n_gap  # samples that came while it filled
    assert run.counts.gaps == 1
    assert 0 <= caught_up <= n_gap // 127 + 1
    filled = counts.copy()
    n_first = min(n_gap, 127)
    filled[1280 : 1280 + n_first] = counts[1279]
    if n_gap <= 127:
        assert np.array_equal(np.sort(run.peak), run_recording(guarded_host, random_model, filled).events.peak)
    assert run.total.blocks == 60


def test_samples_that_come_twice_or_late_are_not_used(
    guarded_host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    counts = device_counts[: 20 * DEVICE_FS_HZ]
    feed = start_feed(guarded_host, inject(counts, ()), 256, 0)
    sent = []
    for start in range(0, len(counts), DEVICE_FS_HZ):
        tick = np.arange(start, start + DEVICE_FS_HZ, dtype=np.uint32)
        sent.append(feed.push(counts[start : start + DEVICE_FS_HZ], tick, 32))
        feed.push(counts[start : start + 100] * 0, tick[:100], 0)
    assert feed.counts().late == 20 * 100
    plain = run_recording(guarded_host, random_model, counts)
    assert np.array_equal(np.sort(np.concatenate(sent)[:, 0]), plain.events.peak)


def test_the_sample_numbers_may_wrap(
    guarded_host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    counts = device_counts[: 20 * DEVICE_FS_HZ]
    feed = start_feed(guarded_host, inject(counts, ()), 256, 0)
    sent = []
    for start in range(0, len(counts), DEVICE_FS_HZ):
        tick = (np.arange(start, start + DEVICE_FS_HZ) - 1000).astype(np.uint32)
        sent.append(feed.push(counts[start : start + DEVICE_FS_HZ], tick, 32))
    assert feed.counts().missing == feed.counts().late == 0
    plain = run_recording(guarded_host, random_model, counts)
    assert np.array_equal(np.sort(np.concatenate(sent)[:, 0]), plain.events.peak)


def test_a_flipped_bit_stops_the_model_but_not_the_detector(
    guarded_core: EmulatedCore, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    counts, size = device_counts[: 60 * DEVICE_FS_HZ], len(to_bytes(random_model))
    bit = 8 * 15 + 3  # of the header, which only the check reads
    run = run_guarded(guarded_core, inject(counts, [parse_fault(f"bit-flip:10@{bit}")]), size, 256)
    found_s = run.counts.broken_at / DEVICE_FS_HZ
    assert 10 < found_s <= 10 + 2 * -(-size // 64) + 1
    assert run.counts.unjudged > 0
    assert run.total.blocks == found_s
    detected = detect_qrs(counts)
    due = detected.peak[detected.reported < len(counts)] if hasattr(detected, "reported") else detected.peak
    assert np.isin(due[due < len(counts) - 3 * DEVICE_FS_HZ], run.peak).all()
    decided_later = (run.sent_at > run.counts.broken_at + DEVICE_FS_HZ) & (run.peak > run.counts.broken_at)
    assert (run.label[decided_later] == -1).all()
    whole = run_guarded(guarded_core, inject(counts, ()), size, 256)
    assert whole.counts.broken_at == 0  # the bit was put back


def test_a_queue_larger_than_the_harness_is_refused(
    guarded_host: HostMachine, random_model: CompactModel, device_counts: np.ndarray
) -> None:
    with pytest.raises(InputError, match="a queue of 257 events; 1 to 256"):
        run_guarded(guarded_host, inject(device_counts, ()), len(to_bytes(random_model)), 257)
    with pytest.raises(InputError, match=r"bit 99999999 of the model; it has \d+"):
        run_guarded(
            guarded_host, inject(device_counts, [parse_fault("bit-flip:10@99999999")]), len(to_bytes(random_model))
        )
