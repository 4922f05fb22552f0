"""The fibrillation alarm: its rule, its scores, and the C that must agree."""

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest
from ictus.firmware_export.emulator.device_run import push_samples, start_device
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import Machine, check
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import (
    RUNTIME_DIRECTORY,
    MissingToolError,
    build_device,
    build_library,
    require,
)
from ictus.models.alarm_model import (
    ALARM_ZOO,
    COUNT,
    WINDOW,
    AlarmModel,
    alarm_spans,
    fibrillation_events,
    load_alarm,
    standing,
)
from ictus.models.alarm_train import AlarmRecord, cross_validated_logits, fit_alarm, labels_of, score_alarms
from ictus.signals import N_GATE_FEATURES, SAMPLE_FOLDER, CorruptModelError, gate_features, load, to_device


def record(label: np.ndarray, episodes_s: np.ndarray, name: str = "x") -> AlarmRecord:
    features = np.where(label[:, None] == 1, 40, -40).astype(np.int8).repeat(N_GATE_FEATURES, axis=1)
    return AlarmRecord(name, "cudb", name, features, label, episodes_s)


def test_the_alarm_stands_while_enough_of_the_last_seconds_are_positive():
    positive = np.zeros(40, bool)
    positive[10:30] = True
    alarm = standing(positive)
    assert np.flatnonzero(alarm).tolist() == list(range(10 + COUNT - 1, 30 + WINDOW - COUNT))
    assert alarm_spans(alarm, positive) == [(10, 30)]
    assert not standing(positive[8:15]).any()


def test_seconds_at_the_edge_of_an_episode_have_no_label():
    assert labels_of(np.array([[2.5, 6.2]]), 9).tolist() == [0, 0, -1, 1, 1, 1, -1, 0, 0]


def test_an_alarm_away_from_every_episode_is_false_and_latency_runs_from_the_onset():
    label = np.zeros(100, np.int8)
    label[20:50] = 1
    positive = np.zeros(100, bool)
    positive[22:48] = positive[70:90] = True
    scores = score_alarms([record(label, np.array([[20.0, 50.0]]))], [positive])
    assert (scores.n_episodes, scores.n_detected, scores.n_false) == (1, 1, 1)
    assert scores.latency_s.tolist() == [2.0 + COUNT]
    assert scores.n_seconds == (30, 70)
    assert scores.n_positive == (26, 20)
    assert scores.false_per_hour == pytest.approx(3600 / 70)


def test_whole_recordings_are_left_out_and_a_clear_difference_is_learnt():
    label = np.repeat([0, 1, 0], 40).astype(np.int8)
    records = [record(label, np.array([[40.0, 80.0]]), f"r{i}") for i in range(4)]
    for mine, logits in zip(records, cross_validated_logits(records, n_folds=2), strict=True):
        np.testing.assert_array_equal(logits >= 0, mine.label == 1)


@pytest.fixture(scope="module")
def model() -> AlarmModel:
    rng = np.random.default_rng(3)
    return AlarmModel(
        rng.integers(-127, 128, (8, N_GATE_FEATURES)).astype(np.int8),
        rng.integers(-9000, 9000, 8).astype(np.int16),
        rng.integers(-127, 128, 8).astype(np.int8),
        -200,
        100,
    )


class CModel(ctypes.Structure):
    """`ictus_alarm_model`."""

    _fields_ = (
        ("hidden_weight", ctypes.c_int8 * (8 * N_GATE_FEATURES)),
        ("hidden_bias", ctypes.c_int16 * 8),
        ("weight", ctypes.c_int8 * 8),
        ("bias", ctypes.c_int32),
        ("threshold", ctypes.c_int32),
    )


class CAlarm(ctypes.Structure):
    """`ictus_alarm`."""

    _fields_ = (("model", ctypes.c_void_p), ("positive", ctypes.c_uint16), ("stands", ctypes.c_uint8))


def in_c(library: ctypes.CDLL, model: AlarmModel, features: np.ndarray) -> tuple[list[int], list[int]]:
    c_model = CModel(bias=model.bias, threshold=model.threshold)
    for name in ("hidden_weight", "hidden_bias", "weight"):
        getattr(c_model, name)[:] = getattr(model, name).ravel().tolist()
    alarm, stands = CAlarm(), []
    library.ictus_alarm_init(ctypes.byref(alarm), ctypes.byref(c_model))
    rows = [row.tobytes() for row in features]
    logits = [library.ictus_alarm_logit(ctypes.byref(c_model), row) for row in rows]
    for row in rows:
        library.ictus_alarm_push(ctypes.byref(alarm), row)
        stands.append(alarm.stands)
    return logits, stands


def test_c_agrees_on_anything(model: AlarmModel, tmp_path: Path):
    try:
        library = ctypes.CDLL(str(build_library(RUNTIME_DIRECTORY / "ictus_alarm.c", tmp_path / "alarm.so")))
    except MissingToolError as error:
        pytest.skip(str(error))
    features = np.random.default_rng(4).integers(-128, 128, (500, N_GATE_FEATURES)).astype(np.int8)
    logits, alarms = in_c(library, model, features)
    np.testing.assert_array_equal(logits, model.logits(features))
    np.testing.assert_array_equal(np.array(alarms, bool), model.alarms(features))
    assert 0 < sum(alarms) < len(alarms)


def test_the_file_gives_back_the_alarm_and_a_wrong_one_is_refused(model: AlarmModel, tmp_path: Path):
    path = tmp_path / "alarm.json"
    path.write_text(json.dumps({"model": model.to_json()}))
    features = np.random.default_rng(5).integers(-128, 128, (50, N_GATE_FEATURES)).astype(np.int8)
    np.testing.assert_array_equal(load_alarm(path).logits(features), model.logits(features))
    path.write_text(json.dumps({"model": model.to_json() | {"weight": [1, 2]}}))
    with pytest.raises(CorruptModelError, match=r"alarm\.json"):
        load_alarm(path)
    path.write_text("{}")
    with pytest.raises(CorruptModelError, match="not an alarm"):
        load_alarm(path)


@pytest.mark.skipif(not ALARM_ZOO.is_file(), reason="the zoo holds no alarm")
def test_the_zoo_s_alarm_is_silent_on_the_built_in_ecg():
    for name in ("100", "208"):
        assert fibrillation_events(to_device(load(SAMPLE_FOLDER / "mitdb" / name)).counts) == []
    assert load_alarm().n_bytes < 256
    assert len(gate_features(np.zeros(0, np.int16))) == 0
    assert fibrillation_events(np.zeros(100, np.int16)) == []


def test_an_alarm_needs_no_more_than_the_labelled_seconds():
    label = np.repeat([0, -1, 1], 30).astype(np.int8)
    fitted = fit_alarm([record(label, np.array([[30.0, 90.0]]))])
    assert fitted.n_bytes < 256


FIBRILLATION_ALARM = {"alarm": "ictus_alarm_push"}


def seconds_of(machine: Machine, counts: np.ndarray) -> np.ndarray:
    """Push a recording through a device with the alarm; bit 0 of each second: positive, bit 1: it stands."""
    start_device(machine)
    alarm = machine.allocate(machine.call("ictus_harness_alarm_size"))
    check(machine.call("ictus_harness_add_alarm", alarm))
    return push_samples(machine, "ictus_harness_push_alarm", counts, 1, 1)[:, 0]


@pytest.fixture(scope="module")
def alarming() -> np.ndarray:
    """Device signal, int16 (n,), that the zoo's alarm finds fibrillating in parts: a sine among real beats."""
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "100")).counts[: 60 * 128].copy()
    rows = np.arange(20 * 128, 35 * 128)
    counts[rows] = np.rint(120 * np.sin(2 * np.pi * 4.5 * rows / 128) + 30 * np.sin(2 * np.pi * 3.1 * rows / 128))
    return counts


def expected_seconds(counts: np.ndarray) -> np.ndarray:
    zoo = load_alarm()
    features = gate_features(counts)[: len(counts) // 128]
    return (zoo.logits(features) >= zoo.threshold) + 2 * zoo.alarms(features)


def test_on_the_device_it_takes_the_gate_s_features(host: HostMachine, alarming: np.ndarray):
    expected = expected_seconds(alarming)
    assert set(expected.tolist()) >= {0, 3}
    np.testing.assert_array_equal(seconds_of(host, alarming), expected)


def test_it_costs_little_and_only_where_it_is_added(exported: Path, alarming: np.ndarray, tmp_path: Path):
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
    except MissingToolError as error:
        pytest.skip(str(error))
    without = build_device(exported / "src", tmp_path / "without.elf")
    with_it = build_device(exported / "src", tmp_path / "with.elf", with_alarm=True)
    assert 200 < with_it.flash_bytes - without.flash_bytes < 600
    core = EmulatedCore(with_it.elf, FIBRILLATION_ALARM)
    np.testing.assert_array_equal(seconds_of(core, alarming), expected_seconds(alarming))
    profile = core.profile()
    assert profile.region_instructions()["alarm"] / profile.calls["alarm"] < 2500
