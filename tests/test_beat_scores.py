"""EC57 figures from small tables counted by hand, and against the standard's own programs where they are here."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
import wfdb.processing
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.evaluate.decision_files import ANNOTATOR, decision_annotations
from ictus.models import BeatRecord, Decisions, evaluate_decisions, prepare_record
from ictus.models.beat_scores import (
    average_over_records,
    ectopic_score,
    lost_in_gate,
    majority_baseline,
    one_against_rest,
)
from ictus.models.metrics import bootstrap_ci95, confusion, score
from ictus.models.run_scores import RunTables, compare_runs
from ictus.signals import CLASSES, DEVICE_FS_HZ, SAMPLE_FOLDER, Recording, load

TABLE = np.array(
    [
        # N   S   V  F  Q  gated missed
        [900, 10, 5, 2, 1, 3, 4],  # N
        [20, 50, 6, 0, 0, 1, 2],  # S
        [7, 3, 80, 4, 0, 2, 1],  # V
        [5, 1, 9, 12, 0, 0, 1],  # F
        [2, 1, 1, 0, 3, 0, 0],  # Q
        [4, 2, 3, 0, 0, 5, 0],  # no beat
    ]
)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load(SAMPLE_FOLDER / "mitdb" / "200")


@pytest.fixture(scope="module")
def record(recording: Recording) -> BeatRecord:
    return prepare_record(recording)


def decided(record: BeatRecord, label: np.ndarray, accepted: np.ndarray | None = None) -> Decisions:
    """Decisions of a cascade that says `label`, int (n,), in the seconds that are `accepted`."""
    accepted = np.ones(len(record.features), bool) if accepted is None else accepted
    gated = ~accepted[record.beats.block]
    said = np.where(gated, -1, label).astype(np.int8)
    classes = 8.0 * np.eye(5)[np.maximum(said, 0)]
    return Decisions(accepted, gated, ~gated, said, np.full(len(said), 4.0), classes)


@pytest.fixture(scope="module")
def decisions(record: BeatRecord) -> Decisions:
    """Mostly right, with wrong classes at random and every 30th second rejected."""
    rng = np.random.default_rng(3)
    n = len(record.beats)
    label = np.where(rng.random(n) < 0.85, np.maximum(record.label, 0), rng.integers(0, 5, n))
    return decided(record, label, np.arange(len(record.features)) % 30 > 0)


def test_veb_counts_follow_ec57() -> None:
    veb = ectopic_score(TABLE, "VEB")
    assert (veb.tp, veb.fn) == (80, 7 + 3 + 4 + 0 + 2 + 1)
    assert veb.fp == 5 + 6 + 3  # Nv, Sv, Ov; Fv and Qv count nowhere
    assert veb.tn == 913 + 70 + 18 + 6 + 6  # every other decision on N S F Q and on no beat
    assert veb.se == 80 / 97
    assert veb.fpr == 14 / (14 + veb.tn)


def test_sveb_counts_follow_ec57() -> None:
    sveb = ectopic_score(TABLE, "SVEB")
    assert (sveb.tp, sveb.fn) == (50, 20 + 6 + 1 + 2)
    assert sveb.fp == 10 + 3 + 1 + 2  # Ns, Vs, Fs, Os; Qs counts nowhere
    assert sveb.ppv == 50 / 66


def test_a_kind_that_does_not_occur_has_no_score() -> None:
    nothing = ectopic_score(np.zeros((6, 7), np.int64), "VEB")
    assert np.isnan([nothing.se, nothing.ppv, nothing.fpr]).all()


@given(st.lists(st.integers(0, 50), min_size=42, max_size=42))
def test_every_decision_counts_once_or_is_exempt(counts: list[int]) -> None:
    table = np.array(counts).reshape(6, 7)
    for name, exempt in (("VEB", [(3, 2), (4, 2)]), ("SVEB", [(4, 1)])):
        e = ectopic_score(table, name)
        i = CLASSES.index(name[0] if name == "SVEB" else "V")
        undecided = table[:, 5:].sum() - table[i, 5:].sum()
        assert e.tp + e.fn + e.fp + e.tn == table.sum() - undecided - sum(table[cell] for cell in exempt)


def test_one_against_rest_is_never_below_the_five_class_accuracy() -> None:
    rest = one_against_rest(TABLE)
    n, decided_beats = TABLE[:5].sum(), TABLE[:5, :5].sum()
    assert rest["V"]["accuracy"] == (decided_beats - (7 + 3 + 4) - (5 + 6 + 9 + 1)) / n
    assert rest["mean"]["accuracy"] > score(TABLE).accuracy
    assert rest["V"]["baseline"] == 1 - 97 / n


def test_the_majority_baseline_is_the_share_of_the_largest_class() -> None:
    assert majority_baseline(TABLE).label == "N"
    assert majority_baseline(TABLE).accuracy == 925 / TABLE[:5].sum()


def test_what_the_gate_cost_is_told_per_class() -> None:
    assert lost_in_gate(TABLE)["S"] == {"n": 1, "share": 1 / 79}
    assert "Q" not in lost_in_gate(np.where(np.arange(6)[:, None] == 4, 0, TABLE))


def test_gross_weighs_beats_and_average_weighs_records() -> None:
    rows = {"a": {"se": 1.0, "ppv": float("nan")}, "b": {"se": 0.5, "ppv": 0.2}}
    assert average_over_records(rows) == {"se": 0.75, "ppv": 0.2}
    assert np.isnan(average_over_records({"a": {"se": float("nan")}})["se"])


def test_intervals_hold_the_ectopic_scores() -> None:
    ci95 = bootstrap_ci95({str(i): TABLE + i for i in range(8)}, n_draws=100)
    low, high = ci95["se_VEB"]
    assert low <= ectopic_score(8 * TABLE + 28, "VEB").se <= high
    assert {"ppv_SVEB", "fpr_VEB", "accuracy", "se_N"} <= set(ci95)


def test_fibrillation_is_left_out_on_both_sides(record: BeatRecord, decisions: Decisions) -> None:
    whole = confusion(record, decisions)
    inside = record.reference_peak / DEVICE_FS_HZ < 60
    without = confusion(replace(record, fibrillation_s=np.array([[0.0, 60.0]])), decisions)
    assert without[:5].sum() == whole[:5].sum() - inside.sum()
    assert without.sum() < whole.sum()
    assert (without <= whole).all()


def runs_of(
    reference: str, said: str, rr: int = 100, fibrillation_s: tuple[float, float] | None = None
) -> RunTables:
    """Runs of two rows of beats at the same places, a letter a beat; a dash is a missed beat or none at all."""
    at = 300 + rr * np.arange(len(reference))
    is_beat, is_said = (np.array([c != "-" for c in row]) for row in (reference, said))
    base = prepare_record(load(SAMPLE_FOLDER / "mitdb" / "106"))
    rows = np.flatnonzero(is_said)
    beats = replace(base.beats.take(np.arange(len(rows))), peak=at[rows], block=at[rows] // DEVICE_FS_HZ)
    record = replace(
        base,
        beats=beats,
        reference_peak=at[is_beat],
        reference_label=np.array([CLASSES.index(c) for c in reference if c != "-"], np.int8),
        fibrillation_s=np.array([fibrillation_s] if fibrillation_s else []).reshape(-1, 2),
    )
    return compare_runs(record, decided(record, np.array([CLASSES.index(c) for c in said if c != "-"])))


@pytest.mark.parametrize(
    ("reference", "said", "kind", "expected"),
    [
        ("NVVN", "NVVN", "couplet", (1, 1, 1, 1)),
        ("NVVN", "NVNN", "couplet", (1, 0, 0, 0)),
        ("NVVN", "NV-N", "couplet", (1, 0, 0, 0)),
        ("NFVN", "NVFN", "couplet", (1, 1, 1, 1)),  # fusion beats belong to a run
        ("NVNN", "NVVN", "couplet", (0, 0, 1, 0)),
        ("NVVVN", "NVVNN", "short", (1, 0, 0, 0)),
        ("NVVVN", "NVVNN", "couplet", (0, 0, 1, 1)),  # the decided couplet lies in a longer run: right
        ("NVVVVVN", "NVVVNVN", "short", (1, 1, 1, 1)),
        ("NVVVVVVVN", "NVVVVVNVN", "long", (1, 0, 0, 0)),
        ("NVVVVVVVN", "NVVVVVVVN", "long", (1, 1, 1, 1)),
        ("NVVSVVN", "NVVVVVN", "short", (0, 0, 1, 0)),  # another ectopic beat ends a run
    ],
)
def test_runs_are_compared_as_ec57_does(reference: str, said: str, kind: str, expected: tuple[int, ...]) -> None:
    s = runs_of(reference, said).score(kind)
    assert (s.n_reference, s.n_found, s.n_said, s.n_right) == expected


def test_fibrillation_in_the_reference_is_a_longest_run() -> None:
    found = runs_of("N------N", "NVVVVVVN", fibrillation_s=(3.0, 7.0)).score("long")
    assert (found.n_reference, found.n_found, found.n_said, found.n_right) == (1, 1, 1, 1)
    missed = runs_of("N------N", "N------N", fibrillation_s=(3.0, 7.0)).score("long")
    assert (missed.n_reference, missed.n_found, missed.n_said) == (1, 0, 0)


def test_qrs_counts_equal_those_of_wfdb_compare_annotations(
    record: BeatRecord, decisions: Decisions, recording: Recording
) -> None:
    table = confusion(
        record, replace(decisions, gated=np.zeros_like(decisions.gated), label=np.abs(decisions.label))
    )
    width = int(0.15 * recording.fs_hz)
    to_samples = recording.fs_hz / DEVICE_FS_HZ
    said = np.rint(record.beats.peak * to_samples).astype(int)
    theirs = wfdb.processing.compare_annotations(
        np.rint(record.reference_peak * to_samples).astype(int), said, width
    )
    assert (table[:5, :5].sum(), table[:5, 6].sum(), table[5].sum()) == (theirs.tp, theirs.fn, theirs.fp)


def annotated_folder(folder: Path, record: BeatRecord, decisions: Decisions, recording: Recording) -> Path:
    for suffix in (".hea", ".dat", ".atr"):
        shutil.copy(SAMPLE_FOLDER / "mitdb" / f"{record.name}{suffix}", folder)
    (folder / f"{record.name}.{ANNOTATOR}").write_bytes(decision_annotations(record, decisions, recording))
    return folder


def test_written_decisions_are_what_was_decided(
    record: BeatRecord, decisions: Decisions, recording: Recording, tmp_path: Path
) -> None:
    annotated_folder(tmp_path, record, decisions, recording)
    written = wfdb.rdann(str(tmp_path / record.name), ANNOTATOR)
    symbol = np.array(written.symbol)
    kept = ~decisions.gated
    assert "".join(symbol[symbol != "~"]) == "".join(CLASSES[i] for i in decisions.label[kept])
    rejected_s = np.diff(np.array(written.sample)[symbol == "~"])[::2].sum() / recording.fs_hz
    assert rejected_s == pytest.approx((~decisions.accepted).sum(), abs=1)


@pytest.mark.skipif(
    shutil.which("bxb") is None or shutil.which("rxr") is None,
    reason="EC57's programs bxb and rxr (WFDB tools) are not installed",
)
def test_bxb_and_rxr_count_the_same(
    record: BeatRecord, decisions: Decisions, recording: Recording, tmp_path: Path
) -> None:
    """Record 200 has no escape beats, the only ones that bxb classes otherwise."""
    folder = annotated_folder(tmp_path, record, decisions, recording)
    result = evaluate_decisions([record], {record.name: decisions})

    def output(program: str, *options: str) -> str:
        command = [program, "-r", record.name, "-a", "atr", ANNOTATOR, "-f", "0", *options]
        environment = {"PATH": os.environ["PATH"], "WFDB": str(folder)}
        return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True).stdout

    lines = [line.split("|") for line in output("bxb", "-S", "-").splitlines() if "|" in line]
    theirs = np.zeros((6, 6), int)
    for row, (_, counts) in enumerate(lines):
        numbers = [int(c) for c in counts.split()]
        theirs[min(row, 5), :5] += numbers[:5]
        theirs[min(row, 5), 5] += sum(numbers[5:])
    mine = np.column_stack([result.table[:, :5], result.table[:, 5:].sum(axis=1)])
    mine[5, 5] = 0
    assert (mine == theirs).all()
    scores = [compare_runs(record, decisions).score(kind) for kind in ("couplet", "short", "long")]
    runs = [n for s in scores for n in (s.n_found, s.n_reference - s.n_found, s.n_right, s.n_said - s.n_right)]
    assert runs == [int(n) for n in output("rxr", "-l", "-").split()[1:13]]
