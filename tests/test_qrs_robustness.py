"""Disturbances of every kind in real recordings: the QRS detector never raises, and finds beats again."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ictus.firmware_export.native.device import detect_qrs_native
from ictus.firmware_export.native.library import NoNativeLibraryError, native_library
from ictus.signals import DEVICE_FS_HZ, beats_of, default_data_folder, detect_qrs, find_dataset, load, match_peaks
from ictus.signals import to_device as device_signal

FOUND_AGAIN_S = 20
"""Beats are found again after a disturbance of any kind and length."""
FOUND_AGAIN_AT_START_S = 40
"""The same where the recording begins with one: the levels are then learnt from it."""

Disturb = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _clip(x: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(x), -32768, 32767)


DISTURBANCES: dict[str, Disturb] = {
    "flat": lambda x, _: np.full(len(x), x[0]),
    "lead off": lambda x, _: np.zeros(len(x)),
    "upper rail": lambda x, _: np.full(len(x), 32767),
    "lower rail": lambda x, _: np.full(len(x), -32768),
    "steps": lambda x, rng: _clip(x + np.repeat(rng.integers(-20000, 20000, len(x) // 97 + 1), 97)[: len(x)]),
    "rail to rail, slowly": lambda x, _: np.where(np.arange(len(x)) // 64 % 2, 32767, -32768),
    "rail to rail, every sample": lambda x, _: np.where(np.arange(len(x)) % 2, 32767, -32768),
    "white noise": lambda x, rng: _clip(x + rng.normal(0, 400, len(x))),
    "muscle": lambda x, rng: _clip(x + np.diff(rng.normal(0, 600, len(x)), prepend=0)),
    "anything": lambda x, rng: rng.integers(-32768, 32768, len(x)),
    "eight times as large": lambda x, _: _clip(8 * x),
    "pacing spikes": lambda x, _: np.where(np.arange(len(x)) % 100 == 0, 32767, x),
}


@cache
def _record(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Device counts, and those reference beats that are found when nothing disturbs."""
    recording = load(find_dataset(None).path(name))
    counts = device_signal(recording).counts[: 150 * DEVICE_FS_HZ]
    reference = np.rint(beats_of(recording.events)[0] * DEVICE_FS_HZ / recording.fs_hz).astype(np.int64)
    return counts, reference[match_peaks(reference, detect_qrs(counts).peak)[0]]


def _missed_until_s(counts: np.ndarray, reference: np.ndarray, start: int, n: int, disturb: Disturb) -> float:
    """Seconds after a disturbance until five beats in a row are found."""
    spoilt = counts.copy()
    spoilt[start : start + n] = disturb(counts[start : start + n].astype(float), np.random.default_rng(0))
    later = reference[reference >= start + n]
    found = np.isin(np.arange(len(later)), match_peaks(later, detect_qrs(spoilt).peak)[0])
    in_a_row = np.convolve(found, np.ones(5), "valid") == 5
    assert in_a_row.any(), "beats are not found again"
    return (later[in_a_row.argmax()] - start - n) / DEVICE_FS_HZ


@pytest.mark.parametrize("kind", DISTURBANCES)
@pytest.mark.parametrize("record", ["100", "114", "234"])
def test_beats_are_found_again_within_the_stated_time(record: str, kind: str) -> None:
    counts, reference = _record(record)
    for seconds in (1, 30):
        n = seconds * DEVICE_FS_HZ
        again_s = _missed_until_s(counts, reference, 60 * DEVICE_FS_HZ + 37, n, DISTURBANCES[kind])
        assert again_s <= FOUND_AGAIN_S
        assert _missed_until_s(counts, reference, 0, n, DISTURBANCES[kind]) <= FOUND_AGAIN_AT_START_S


@pytest.mark.parametrize("record", ["102", "104", "107", "217"])
def test_paced_records_are_detected(record: str) -> None:
    if not (default_data_folder() / "mitdb").is_dir():
        pytest.skip("ICTUS_DATA is not set: the paced records are not here")
    recording = load(find_dataset("mitdb").path(record))
    reference = np.rint(beats_of(recording.events)[0] * DEVICE_FS_HZ / recording.fs_hz).astype(np.int64)
    peak = detect_qrs(device_signal(recording).counts).peak
    matched = len(match_peaks(reference, peak)[0])
    assert matched / len(reference) > 0.995
    assert matched / len(peak) > 0.985


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(DISTURBANCES)), st.integers(0, 140 * 128), st.integers(1, 40 * 128)),
        max_size=6,
    )
)
def test_c_and_python_agree_whatever_happens(events: list[tuple[str, int, int]]) -> None:
    try:
        native_library()
    except NoNativeLibraryError as error:
        pytest.skip(str(error))
    counts, _ = _record("208")
    spoilt, rng = counts.copy(), np.random.default_rng(1)
    for kind, start, n in events:
        part = spoilt[start : start + n]
        spoilt[start : start + n] = DISTURBANCES[kind](part.astype(float), rng)
    expected, (peak, reported) = detect_qrs(spoilt), detect_qrs_native(spoilt)
    assert np.array_equal(peak, expected.peak)
    assert np.array_equal(reported, expected.reported)
