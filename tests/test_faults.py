"""Every fault on a real recording: what is found, rejected, lost and sent; and that the device never hangs."""

from collections.abc import Iterator

import numpy as np
import pytest
from ictus.app.model_files import load_model
from ictus.compression.compact import CompactModel
from ictus.firmware_export.energy.devices import get_device
from ictus.firmware_export.faults import RAIL_COUNTS, inject, parse_fault
from ictus.firmware_export.faults.cost import fault_duty, guarded_profile, worst_call
from ictus.firmware_export.faults.outcome import FaultOutcome, GuardedFirmware, confusion_of
from ictus.firmware_export.toolchain import MissingToolError, require
from ictus.firmware_export.wearable.energy_timeline import energy_timeline
from ictus.models import BeatRecord, prepare_record
from ictus.signals import DEVICE_FS_HZ, SAMPLE_FOLDER, InputError, load

QUICK = 20 * DEVICE_FS_HZ


@pytest.fixture(scope="module")
def record() -> BeatRecord:
    return prepare_record(load(SAMPLE_FOLDER / "mitdb" / "200"))


@pytest.fixture(scope="module")
def firmware() -> Iterator[GuardedFirmware]:
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
    except MissingToolError as error:
        pytest.skip(str(error))
    model = load_model(None, "beat").model
    assert isinstance(model, CompactModel)
    with GuardedFirmware(model) as built:
        yield built


@pytest.fixture(scope="module")
def clean(firmware: GuardedFirmware, record: BeatRecord) -> FaultOutcome:
    return firmware.outcome(record)


def broken(firmware: GuardedFirmware, record: BeatRecord, *faults: str, n_slots: int = 64) -> FaultOutcome:
    return firmware.outcome(record, [parse_fault(text) for text in faults], n_slots)


def decided_outside(outcome: FaultOutcome, start_s: float, end_s: float) -> set[tuple[int, int]]:
    """R peaks and classes of beats that lie outside a stretch."""
    second = outcome.decided.peak / DEVICE_FS_HZ
    keep = (second < start_s) | (second >= end_s)
    return set(zip(outcome.decided.peak[keep].tolist(), outcome.decided.label[keep].tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lead-of:60-180", r"'lead-of' is not known; known: lead-off, motion, "),
        ("lead-off", r"takes seconds START-END, not ''"),
        ("lead-off:180-60", r"ends at 60 s, not after its start at 180 s"),
        ("lead-off:60-180@3", r"takes no level, not '3'"),
        ("motion:60-180@99dB", r"99dB is outside -30 to 30"),
        ("motion:60-180@much", r"takes a level such as -6dB, not 'much'"),
        ("drift:60-180", r"takes no time, not '60-180'"),
        ("drift", r"takes a level such as 200ppm$"),
        ("drift:9999ppm", r"9999ppm is outside -2000 to 2000"),
        ("dropped:101%", r"101% is outside 0 to 100"),
        ("bit-flip:60-90", r"takes a second, not '60-90'"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        parse_fault(text)
    assert "\n" not in str(refused.value)
    assert repr(text) in str(refused.value)


def test_a_fault_behind_the_end_is_refused(record: BeatRecord) -> None:
    with pytest.raises(InputError, match="begins at 400 s of 300 s"):
        inject(record.signal.counts, [parse_fault("lead-off:400-500")])


def test_without_a_fault_nothing_changes(record: BeatRecord, clean: FaultOutcome) -> None:
    signal = inject(record.signal.counts, ())
    assert np.array_equal(signal.counts, record.signal.counts)
    assert (clean.losses, clean.rejected_s, clean.unanalysed_s) == ((), 0, 0)
    assert clean.quality.qrs_se > 0.98
    assert clean.quality == clean.quality_uncorrected


def test_lead_off_is_rejected_and_nothing_else_is_touched(
    firmware: GuardedFirmware, record: BeatRecord, clean: FaultOutcome
) -> None:
    outcome = broken(firmware, record, "lead-off:60-180")
    assert 115 <= outcome.rejected_s <= 130
    assert outcome.sent.counts.railed > 110 * DEVICE_FS_HZ
    assert "at a rail" in outcome.losses[0]
    before = {beat for beat in decided_outside(clean, 58, 1000) if beat[0] < 58 * DEVICE_FS_HZ}
    assert before <= decided_outside(outcome, 58, 1000)
    late = decided_outside(clean, 0, 200)
    assert len(late & decided_outside(outcome, 0, 200)) > 0.9 * len(late)


def test_motion_is_rejected_and_beats_outside_it_keep_their_classes(
    firmware: GuardedFirmware, record: BeatRecord, clean: FaultOutcome
) -> None:
    outcome = broken(firmware, record, "motion:100-160")
    assert 50 <= outcome.rejected_s <= 70
    kept = decided_outside(clean, 98, 190)
    assert len(kept & decided_outside(outcome, 98, 190)) > 0.9 * len(kept)
    weaker = broken(firmware, record, "motion:100-160@18dB")
    assert weaker.rejected_s < 10
    assert weaker.quality.qrs_se > outcome.quality.qrs_se


def test_saturation_cuts_at_the_rail_and_is_counted(firmware: GuardedFirmware, record: BeatRecord) -> None:
    signal = inject(record.signal.counts, [parse_fault("saturation:60-180@0.2mV")])
    assert np.abs(signal.counts.astype(int)).max() == RAIL_COUNTS
    outcome = broken(firmware, record, "saturation:60-180@0.2mV")
    assert outcome.sent.counts.railed > 500
    roomy = broken(firmware, record, "saturation:60-180@20mV")
    assert roomy.sent.counts.railed == 0
    assert roomy.quality.v_se > outcome.quality.v_se


def test_dropped_samples_are_filled_and_hardly_matter(
    firmware: GuardedFirmware, record: BeatRecord, clean: FaultOutcome
) -> None:
    outcome = broken(firmware, record, "dropped:1%")
    n = len(record.signal.counts)
    assert outcome.sent.counts.missing == n - len(outcome.signal.counts)
    assert 0.008 * n < outcome.sent.counts.missing < 0.012 * n
    assert abs(outcome.quality.qrs_se - clean.quality.qrs_se) < 0.01
    half = broken(firmware, record, "dropped:60-120@100%")
    assert half.sent.counts.gaps == 1
    assert 60 * DEVICE_FS_HZ <= half.sent.counts.missing <= 61 * DEVICE_FS_HZ
    assert 55 <= half.rejected_s <= 66


def test_a_drifting_clock_moves_time_stamps_and_not_decisions(
    firmware: GuardedFirmware, record: BeatRecord, clean: FaultOutcome
) -> None:
    outcome = broken(firmware, record, "drift:2000ppm")
    assert outcome.clock_error_s == pytest.approx(0.6)
    assert abs(outcome.quality.qrs_se - clean.quality.qrs_se) < 0.01
    assert abs(outcome.quality.v_se - clean.quality.v_se) < 0.05
    assert outcome.quality_uncorrected.qrs_se < 0.6
    assert "time stamps 0.60 s off at the end" in outcome.losses[-1]


def test_a_bit_flip_is_found_and_no_class_is_given_any_more(firmware: GuardedFirmware, record: BeatRecord) -> None:
    outcome = broken(firmware, record, "bit-flip:20")
    passes_s = -(-firmware.model_bytes // 64)
    found_s = outcome.sent.counts.broken_at / DEVICE_FS_HZ
    assert 20 < found_s <= 20 + 2 * passes_s + 1
    late = outcome.decided.peak > outcome.sent.counts.broken_at
    assert late.any()
    assert (outcome.decided.label[late] == -1).all()
    assert outcome.quality.qrs_se > 0.98  # beats are still found
    assert 0 < outcome.unanalysed_s == 300 - found_s - 1


def test_in_an_outage_nothing_is_sent_and_every_event_is_accounted_for(
    firmware: GuardedFirmware, record: BeatRecord, clean: FaultOutcome
) -> None:
    outcome = broken(firmware, record, "outage:60-260", n_slots=32)
    sent_s, counts = outcome.sent.sent_at // DEVICE_FS_HZ, outcome.sent.counts
    assert not ((sent_s > 60) & (sent_s <= 260)).any()
    assert len(outcome.sent.peak) + counts.n_lost + counts.waiting == len(clean.sent.peak)
    assert counts.n_lost == sum(loss.n for loss in counts.lost.values()) > 0
    assert counts.lost["routine"].n == 0
    roomy = broken(firmware, record, "outage:60-260", n_slots=256)
    assert roomy.sent.counts.n_lost == 0
    assert 190 < roomy.longest_delay_s < 210
    assert set(roomy.sent.peak.tolist()) == set(clean.sent.peak.tolist())
    after = roomy.sent.label[(roomy.sent.sent_at // DEVICE_FS_HZ) == 261]
    assert (np.diff(np.minimum(after, 2)) <= 0).all()  # ventricular first


def test_faults_may_come_together(firmware: GuardedFirmware, record: BeatRecord) -> None:
    outcome = broken(firmware, record, "lead-off:60-100", "dropped:1%", "drift:200ppm", "outage:50-200")
    assert outcome.rejected_s >= 38
    assert outcome.sent.counts.missing > 0
    assert len(outcome.losses) >= 3


def test_a_fault_is_priced(firmware: GuardedFirmware, record: BeatRecord, clean: FaultOutcome) -> None:
    profile, device = guarded_profile(firmware, record, seconds=60), get_device("stm32l4")
    assert 3000 < profile.stages.instructions["check"] < 6000
    whole = energy_timeline(fault_duty(clean, profile), device)
    off = energy_timeline(fault_duty(broken(firmware, record, "lead-off:60-180"), profile), device)
    cut = energy_timeline(fault_duty(broken(firmware, record, "outage:60-180"), profile), device)
    assert off.by_group["mcu"].typical < whole.by_group["mcu"].typical  # rejected beats need no network
    assert off.duration_s == whole.duration_s == 300
    advertised = cut.rows["radio"][1, 70:170]
    assert (advertised == advertised[0]).all() > 0


@pytest.mark.parametrize(
    "fault",
    ["lead-off:2-15", "motion:2-15@-12dB", "saturation:2-15@0mV", "dropped:30%", "dropped:3-12@100%",
     "drift:2000ppm", "bit-flip:2", "outage:2-15"],
)  # fmt: skip
def test_the_device_never_hangs(firmware: GuardedFirmware, record: BeatRecord, fault: str) -> None:
    worst = worst_call(firmware.core, inject(record.signal.counts[:QUICK], [parse_fault(fault)]), n_slots=4)
    assert worst.instructions < 600_000  # 23 ms at 26 MHz


def test_the_confusion_of_the_reference_itself_has_no_error(record: BeatRecord) -> None:
    table = confusion_of(record, record.reference_peak, record.reference_label)
    assert np.trace(table) == table.sum() == len(record.reference_peak)
