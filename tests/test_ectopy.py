"""Strips that ectopic beats, not fibrillation, make irregular."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.analyze.ecg import analyze
from ictus.app.analyze.ectopy import EctopyJudge, is_ectopy
from ictus.app.analyze.rhythm_events import StripTable
from ictus.models.rhythm_task import FIBRILLATION, NORMAL, OTHER
from ictus.signals import DEVICE_FS_HZ, load
from ictus.signals.datasets import default_data_folder
from ictus.signals.rhythm_marks import rhythm_spans

N, V = 0, 2


def strips_of(network: list[int], duration_s: int = 32) -> StripTable:
    n = len(network)
    label, whole, score = np.array(network, np.int8), np.full(n, duration_s), np.full(n, 0.5)
    return StripTable(np.arange(n) * duration_s, whole, label, label, label, whole, score, score)


def beats(interval_s: np.ndarray, label: list[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.rint(np.cumsum(interval_s) * DEVICE_FS_HZ).astype(np.int64), np.asarray(label, np.int8)


def test_a_regular_rhythm_with_premature_beats_is_ectopy() -> None:
    label = np.tile([N, N, N, V], 10)
    interval_s = np.where(label == V, 0.5, np.where(np.roll(label, 1) == V, 1.1, 0.8))
    assert is_ectopy(*beats(interval_s, label))


def test_bigeminy_leaves_no_pair_of_normal_beats() -> None:
    label = np.tile([N, V], 20)
    assert is_ectopy(*beats(np.where(label == V, 0.5, 1.1), label))


def test_irregular_normal_beats_are_fibrillation_whatever_lies_between_them() -> None:
    rng = np.random.default_rng(0)
    label = np.where(rng.random(60) < 0.15, V, N)
    assert not is_ectopy(*beats(rng.uniform(0.4, 0.9, 60), label))


def test_beats_that_the_gate_rejected_prove_nothing() -> None:
    assert not is_ectopy(*beats(np.full(40, 0.8), np.full(40, -1)))
    assert not is_ectopy(np.empty(0, np.int64), np.empty(0, np.int8))


@given(st.integers(1, 9), st.lists(st.sampled_from([NORMAL, FIBRILLATION, OTHER, -1]), min_size=1, max_size=6))
def test_pieces_do_not_change_what_is_said(n_pieces: int, network: list[int]) -> None:
    n_s = 32 * len(network) + 5
    label = np.tile([N, N, N, V], n_s // 2)
    (peak, label), strips = beats(np.where(label == V, 0.6, 0.8), label), strips_of(network)
    judge, parts, n_beats, n_strips = EctopyJudge(3), [], 0, 0
    for now_s in np.linspace(0, n_s, n_pieces + 1, dtype=int)[1:].tolist():
        until = int(np.searchsorted(peak, (now_s - 2) * DEVICE_FS_HZ)), int((strips.end_s <= now_s).sum())
        new = strips.take(slice(n_strips, until[1]))
        parts.append(judge.add(peak[n_beats : until[0]], label[n_beats : until[0]], new, now_s))
        n_beats, n_strips = until
    found = StripTable.concatenate([*parts, judge.close()])
    np.testing.assert_array_equal(found.network, network)
    np.testing.assert_array_equal(found.label, [OTHER if said == FIBRILLATION else said for said in network])


@pytest.mark.skipif(not (default_data_folder() / "mitdb").is_dir(), reason="MIT-BIH is not here ($ICTUS_DATA)")
@pytest.mark.parametrize(("record", "is_af"), [("208", False), ("201", True)])
def test_recordings_with_ectopy_and_with_fibrillation(record: str, is_af: bool) -> None:
    recording = load(default_data_folder() / "mitdb" / record)
    strips = analyze(recording).strips
    called = strips.take(strips.network == FIBRILLATION)
    spans = rhythm_spans(recording, ("(AFIB",))
    middle = called.onset_s + called.duration_s / 2
    true = ((middle[:, None] >= spans[:, 0]) & (middle[:, None] < spans[:, 1])).any(axis=1)
    assert len(called) > 10
    assert true.mean() == pytest.approx(float(is_af), abs=0.1)
    assert (called.label == FIBRILLATION).mean() == pytest.approx(float(is_af), abs=0.25)
