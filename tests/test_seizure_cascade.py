"""The seizure cascade: pooling, the event rule, pieces against the whole, a compact model against a float one."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ictus.compression.compact import CompactModel
from ictus.compression.quant_net import QuantNet
from ictus.models.float_model import FloatModel
from ictus.models.network import StagedNet
from ictus.models.seizure_cascade import NO_SCORE, SeizureCascade, SeizureDecisions, pool_channels, run_cascade
from ictus.models.seizure_task import seizure_net_spec
from ictus.signals.eeg_events import EventRule, find_events

RULE = EventRule(wanted=4, among=5, quiet=8, merge_s=30)


def _net(seed: int = 0) -> StagedNet:
    torch.manual_seed(seed)
    return StagedNet(seizure_net_spec()).eval()


def _compact() -> CompactModel:
    """Untrained, with thresholds that let some of everything pass."""
    return QuantNet(_net()).to_compact("seizure", {"gate": -20, "screen": -128})


def _eeg(seconds: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    walk = np.cumsum(np.random.default_rng(seed).standard_normal((256 * seconds, channels)), axis=0)
    return np.rint(20 * (walk - walk.mean(axis=0))).clip(-32768, 32767).astype(np.int16)


def _assert_same(a: SeizureDecisions, b: SeizureDecisions) -> None:
    for name in ("rejected", "analysable", "screen", "specialist", "reached"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


def test_pooling_is_the_floor_of_the_mean_of_the_upper_half() -> None:
    logits = np.array([[-3, 5, 2, -8], [7, 7, -1, -2]], np.int8)
    everywhere, some = np.ones((2, 4), bool), np.array([[True, False, True, True], [False, False, False, True]])
    assert pool_channels(logits, everywhere).tolist() == [3, 7]
    assert pool_channels(logits, some).tolist() == [-1, -2]


@given(arrays(np.int8, (6, 5)), arrays(bool, (6, 5)))
def test_pooling_does_not_depend_on_the_order_or_on_masked_channels(logits: np.ndarray, use: np.ndarray) -> None:
    use[:, 0] = True
    other = np.where(use, logits, -logits // 2)
    assert np.array_equal(pool_channels(logits, use), pool_channels(other[:, ::-1], use[:, ::-1]))


def test_alarm_comes_with_the_fourth_of_five_and_names_the_first() -> None:
    above = np.zeros(40, bool)
    above[[10, 11, 13, 14, 15]] = True
    events, is_on = find_events(above, RULE)
    assert [(e.onset_s, e.alarm_s, e.end_s) for e in events] == [(10, 15, 16)]
    assert np.flatnonzero(is_on).tolist() == list(range(14, 23))


def test_three_of_five_raise_no_alarm() -> None:
    assert find_events(np.tile([True, True, True, False, False], 20), RULE)[0] == []


@pytest.mark.parametrize(("gap_s", "n_events"), [(12, 1), (25, 1), (60, 2)])
def test_alarms_that_are_close_are_one(gap_s: int, n_events: int) -> None:
    above = np.concatenate([np.ones(10, bool), np.zeros(gap_s, bool), np.ones(10, bool)])
    events, _ = find_events(above, RULE)
    assert len(events) == n_events
    assert events[-1].end_s == 20 + gap_s


@given(arrays(bool, st.integers(0, 200)))
def test_events_are_in_order_apart_and_inside(above: np.ndarray) -> None:
    events, is_on = find_events(above, RULE)
    assert len(is_on) == len(above)
    ends = [0, *(e.end_s for e in events)]
    for event, last_end in zip(events, ends, strict=False):
        assert last_end <= event.onset_s < event.alarm_s <= event.end_s <= len(above)
        assert above[event.onset_s]
        assert above[event.end_s - 1]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 1400), max_size=6), st.integers(0, 3))
def test_pieces_give_the_same_as_the_whole(lengths: list[int], seed: int) -> None:
    model, counts = _compact(), _eeg(12, seed=seed)
    by_piece = SeizureCascade(model, np.array([True, False, True]))
    pieces = np.split(counts, np.minimum(np.cumsum(lengths), len(counts)))
    parts = SeizureDecisions.concatenate([by_piece.push(piece) for piece in pieces])
    _assert_same(parts, run_cascade(model, counts, np.array([True, False, True])))


def test_masked_channels_change_nothing() -> None:
    model, counts = _compact(), _eeg(10)
    alone = run_cascade(model, counts[:, :2])
    masked = run_cascade(model, counts, np.array([True, True, False]))
    assert np.array_equal(masked.specialist, alone.specialist)
    assert masked.rejected[:, 2].all()


def test_nothing_is_decided_before_a_whole_window_and_without_a_channel() -> None:
    early = run_cascade(_compact(), _eeg(8))
    assert (early.reached[:4] == 0).all()
    assert (early.screen[:4] == NO_SCORE).all()
    assert (early.reached[4:] > 0).any()
    none = run_cascade(_compact(), _eeg(8), np.zeros(3, bool))
    assert not none.is_above.any()
    assert (none.reached == 0).all()


def test_compact_scores_are_those_of_the_quantised_net() -> None:
    quant, counts = QuantNet(_net(1)), _eeg(9, channels=1)
    model = quant.to_compact("seizure", {"gate": -128, "screen": -128})
    decided = run_cascade(model, counts)
    float_model = FloatModel(_net(1), {"gate": -1e9, "screen": -1e9})
    exact = run_cascade(float_model, counts)
    assert decided.specialist.dtype.kind == "i"
    assert np.corrcoef(decided.screen[4:], exact.screen[4:])[0, 1] > 0.9


def _zoo() -> Path:
    return Path(__file__).parent.parent / "models" / "zoo" / "seizure.ictus"


@pytest.mark.skipif("ICTUS_DATA" not in os.environ, reason="needs ICTUS_DATA: recordings of CHB-MIT")
@pytest.mark.skipif(not _zoo().exists(), reason="no model in the zoo")
def test_zoo_model_finds_a_whole_seizure_that_it_was_trained_on_within_10_s() -> None:
    from ictus.compression import load_compact
    from ictus.signals.eeg_lead import load_device_eeg
    from ictus.signals.load import load

    clip = Path(os.environ["ICTUS_DATA"]) / "chbmit" / "clips" / "chb01_03_seizure.edf"
    counts, mask = load_device_eeg(load(clip), "double-banana")
    events, _ = run_cascade(load_compact(_zoo()), counts, mask).events()
    assert len(events) == 1
    assert 10 < events[0].alarm_s <= 20
