"""The device signal: rate, step, units, delay, missing samples."""

import numpy as np
import pytest
from ictus.signals import lead
from ictus.signals.device_signal import DEVICE_UV_PER_COUNT, to_device
from ictus.signals.errors import InputError, UnanalysableError
from ictus.signals.recording import Channel, Recording

RATES_HZ = [100.0, 128.0, 173.61, 250.0, 256.0, 257.3, 300.0, 360.0, 500.0, 1000.0]


def _recording(
    counts: np.ndarray,
    fs_hz: float = 360.0,
    unit: str = "mV",
    gain: float = 200.0,
    names: tuple[str, ...] = ("ECG",),
    invalid: np.ndarray | None = None,
) -> Recording:
    counts = counts if counts.ndim == 2 else counts[:, None]
    channels = tuple(Channel(name, unit, gain) for name in names)
    return Recording("r", fs_hz, counts, channels, "s", invalid=invalid)


def _sine(fs_hz: float, hz: float, seconds: float = 20, amplitude: float = 10000) -> np.ndarray:
    t = np.arange(round(seconds * fs_hz)) / fs_hz
    return np.rint(amplitude * np.sin(2 * np.pi * hz * t)).astype(np.int16)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize("hz", [1.0, 17.0, 30.0])
def test_a_sine_keeps_amplitude_and_phase_at_every_rate(fs_hz: float, hz: float) -> None:
    device = to_device(_recording(_sine(fs_hz, hz), fs_hz))
    expected = 10000 * np.sin(2 * np.pi * hz * np.arange(len(device.counts)) / 128)
    inner = slice(64, -64)
    assert np.abs(device.counts[inner] - expected[inner]).max() < 10000 * 0.003
    assert device.duration_s == pytest.approx(20, abs=2 / 128)


@pytest.mark.parametrize("hz", [70.0, 100.0, 150.0])
def test_what_would_alias_is_taken_out(hz: float) -> None:
    device = to_device(_recording(_sine(360.0, hz)))
    assert np.abs(device.counts[64:-64]).max() < 10000 * 0.002


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_a_constant_stays_exactly_constant(fs_hz: float) -> None:
    device = to_device(_recording(np.full(5000, 1234, np.int16), fs_hz))
    assert (device.counts == 1234).all()


def test_at_128_hz_and_the_device_step_nothing_changes() -> None:
    counts = np.random.default_rng(0).integers(-32768, 32768, 1000).astype(np.int16)
    assert np.array_equal(to_device(_recording(counts, 128.0)).counts, counts)


@pytest.mark.parametrize(("unit", "gain"), [("mV", 400), ("uV", 0.4), ("\u00b5V", 0.4), ("V", 4e5), ("nV", 4e-4)])
def test_a_count_is_five_microvolts_whatever_the_unit(unit: str, gain: float) -> None:
    device = to_device(_recording(np.full(500, 400, np.int16), unit=unit, gain=gain))
    assert DEVICE_UV_PER_COUNT == 5
    assert (device.counts == 200).all()


def test_the_baseline_count_is_zero_volts() -> None:
    recording = Recording("r", 128.0, np.full((9, 1), 1024, np.int16), (Channel("a", "mV", 200.0, 1024.0),), "s")
    assert not to_device(recording).counts.any()


def test_counts_beyond_the_converter_saturate() -> None:
    counts = np.array([-(2**30), 0, 2**30], np.int32)
    assert to_device(_recording(counts, 128.0)).counts.tolist() == [-32768, 0, 32767]


def test_missing_samples_hold_the_last_valid_one_and_at_the_start_the_first() -> None:
    counts = np.arange(10, dtype=np.int16)
    invalid = np.zeros((10, 1), bool)
    invalid[[0, 1, 5, 6, 9]] = True
    device = to_device(_recording(counts, 128.0, invalid=invalid))
    assert device.counts.tolist() == [2, 2, 2, 3, 4, 4, 4, 7, 8, 8]


def test_the_pieces_of_a_long_recording_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = _recording(np.random.default_rng(1).integers(-5000, 5000, 30000).astype(np.int16))
    whole = to_device(recording).counts
    for n in (1, 97, 1000):
        monkeypatch.setattr(lead, "PIECE_SAMPLES", n)
        assert np.array_equal(to_device(recording).counts, whole)


def test_the_lead_is_mlii_then_ii_then_the_first() -> None:
    two = np.zeros((10, 2), np.int16)
    assert to_device(_recording(two, names=("V5", "MLII"))).lead == "MLII"
    assert to_device(_recording(two, names=("V5", "II"))).lead == "II"
    assert to_device(_recording(two, names=("V5", "V2"))).lead == "V5"
    assert to_device(_recording(two, names=("V5", "V2")), "V2").lead == "V2"
    assert to_device(_recording(two, names=("V5", "V2")), 1).lead == "V2"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fs_hz": 0.0}, "sampling rate 0 Hz is outside 60 to 5000 Hz"),
        ({"fs_hz": 59.0}, "59 Hz"),
        ({"fs_hz": 1e6}, "1e\\+06 Hz"),
        ({"fs_hz": float("nan")}, "nan Hz"),
        ({"unit": "mmHg"}, "'mmHg', not a voltage"),
        ({"gain": 0.0}, "gain 0.0"),
        ({"gain": float("nan")}, "gain nan"),
    ],
)
def test_what_cannot_be_converted_is_named(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_device(_recording(np.zeros(100, np.int16), **changes))


@pytest.mark.parametrize("channel", ["II", 1, -1])
def test_a_channel_that_is_not_there_is_named(channel: int | str) -> None:
    with pytest.raises(InputError, match=str(channel)):
        to_device(_recording(np.zeros(100, np.int16)), channel)


def test_a_recording_without_a_valid_sample_is_unanalysable() -> None:
    with pytest.raises(UnanalysableError, match="no valid sample"):
        to_device(_recording(np.zeros(10, np.int16), invalid=np.ones((10, 1), bool)))
    with pytest.raises(UnanalysableError, match="no samples"):
        to_device(_recording(np.zeros(0, np.int16)))
