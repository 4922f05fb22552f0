"""Who may be scored on what: folds by subject, recordings recognised by their content, refusals."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.evaluate.beat_splits import scoring_plan, seen_in_training, without_paced
from ictus.app.evaluate.folds import cross_validate
from ictus.app.model_files import LoadedModel
from ictus.app.tasks import beat
from ictus.models import BeatRecord, GateSources, cv_protocols, prepare_record, recording_id, recording_ids
from ictus.models.beat_train import TrainConfig
from ictus.models.cross_validation import subject_folds
from ictus.models.float_model import FloatModel
from ictus.models.train import FitConfig
from ictus.models.weights import seeded_net
from ictus.signals import N_GATE_FEATURES, SAMPLE_FOLDER, InputError, find_dataset, load
from ictus.signals.subjects import subject_in_header

FAST = TrainConfig(FitConfig(epochs=1, min_steps=20), FitConfig(epochs=1, min_steps=5))


@pytest.fixture(scope="module")
def records() -> list[BeatRecord]:
    """One minute of four recordings, so that training takes a moment."""
    return [_shortened(prepare_record(load(find_dataset().path(n)))) for n in ("106", "119", "200", "208")]


def _shortened(record: BeatRecord, seconds: int = 60) -> BeatRecord:
    rows, beats = record.beats.peak < seconds * 128, record.reference_peak < seconds * 128
    matched = np.where(record.matched < beats.sum(), record.matched, -1)[rows]
    return replace(
        record,
        signal=replace(record.signal, counts=record.signal.counts[: seconds * 128]),
        beats=record.beats.take(rows),
        features=record.features[:seconds],
        matched=matched,
        reference_peak=record.reference_peak[beats],
        reference_label=record.reference_label[beats],
    )


def loaded(**provenance: object) -> LoadedModel:
    model = FloatModel(seeded_net(N_GATE_FEATURES, 0).eval(), {"gate": -1e9, "screen": 0.0})
    return LoadedModel(Path("m.safetensors"), "beat", model, provenance, 1)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.sampled_from("pqrst"), min_size=5), st.data())
def test_every_recording_tests_once_and_no_subject_is_on_both_sides(
    subject_of: dict[str, str], data: st.DataObject
) -> None:
    n_subjects = len(set(subject_of.values()))
    if n_subjects < 2:
        return
    folds = subject_folds(subject_of, data.draw(st.integers(2, n_subjects)), data.draw(st.integers(0, 9)))
    assert sorted(r for fold in folds for r in fold) == sorted(subject_of)
    for fold in folds:
        tested = {subject_of[r] for r in fold}
        assert tested
        assert not tested & {subject_of[r] for r in subject_of if r not in fold}


def test_more_folds_than_subjects_are_refused(records: list[BeatRecord]) -> None:
    with pytest.raises(InputError, match="9 folds; 4 subjects allow 2 to 4"):
        cv_protocols(records, 9)


def test_the_hash_of_a_fold_follows_its_recordings(records: list[BeatRecord]) -> None:
    hashes = [p.sha256 for seed in (0, 1) for p in cv_protocols(records, 2, seed)]
    assert len(set(hashes)) == 4
    assert [p.sha256 for p in cv_protocols(records[::-1], 2, 0)] == hashes[:2]


def test_a_cross_validation_goes_on_where_it_stopped(records: list[BeatRecord], tmp_path: Path) -> None:
    sources = GateSources.find(True)
    lines: list[str] = []

    def progress(phase: str, done: int, total: int, message: str) -> None:
        lines.append(phase)

    first = cross_validate(records, sources, 2, 0, FAST, tmp_path / "folds", progress)
    assert len(list((tmp_path / "folds").iterdir())) == 2
    assert "train" in lines
    lines.clear()
    again = cross_validate(records, sources, 2, 0, FAST, tmp_path / "folds", progress)
    assert "train" not in lines
    assert (again.table == first.table).all()
    assert set(first.tables) == {"106", "119", "200", "208"}
    next((tmp_path / "folds").iterdir()).write_bytes(b"damaged")
    assert (cross_validate(records, sources, 2, 0, FAST, tmp_path / "folds", progress).table == first.table).all()
    assert "train" in lines


@pytest.mark.parametrize("keeps", ["notes and checksums", "notes", "checksums"])
def test_a_renamed_copy_of_202_is_still_the_subject_of_201(tmp_path: Path, keeps: str) -> None:
    lines = ["202 2 360 650000"]
    checksums = ("1024 -29350", "1049 -32096") if "checksums" in keeps else ("0 0", "0 0")
    lines += [f"202.dat 212 200 11 1024 {c} 0 X" for c in checksums]
    lines += ["# 68 M 1960 2851 x1", "# Digoxin"] if "notes" in keeps else []
    (tmp_path / "holter7.hea").write_text("\n".join(lines))
    assert subject_in_header(tmp_path / "holter7.hea") == "201"


def test_an_unknown_header_goes_by_the_name_of_the_record(tmp_path: Path) -> None:
    (tmp_path / "202.hea").write_text("202 1 250 1000\n202.dat 16 200 16 0 5 6 0 II\n# 70 F 1 2 x1\n")
    assert subject_in_header(tmp_path / "202.hea") == "202"


def test_a_recording_is_recognised_under_another_name(tmp_path: Path) -> None:
    for suffix in (".hea", ".dat", ".atr"):
        shutil.copy(SAMPLE_FOLDER / "mitdb" / f"106{suffix}", tmp_path)
    text = (tmp_path / "106.hea").read_text().replace("106 2 360", "mine 2 360")
    (tmp_path / "mine.hea").write_text(text)
    (tmp_path / "106.atr").rename(tmp_path / "mine.atr")
    (tmp_path / "106.hea").unlink()
    original, copy = (prepare_record(load(p)) for p in (find_dataset().path("106"), tmp_path / "mine.hea"))
    assert recording_id(original) == recording_id(copy)
    model = loaded(dataset="mitdb", split="inter", recordings=recording_ids([original]))
    found = find_dataset(tmp_path)
    assert seen_in_training(model, found, [copy]) == {"mine"}
    with pytest.raises(InputError, match=r"was trained on 1 of the recordings in .* needs other data"):
        scoring_plan("external", model, found, [copy])


@pytest.mark.parametrize("extra", ["svdb", ["svdb"], ["incartdb", "svdb"]])
def test_an_external_evaluation_refuses_data_that_were_added_to_the_training(extra: object) -> None:
    found = replace(find_dataset(), name="svdb")
    with pytest.raises(InputError, match="was trained on svdb; an external evaluation needs other data"):
        scoring_plan("external", loaded(dataset="mitdb", extra=extra), found, [])


def test_all_tells_the_recordings_of_the_training_apart(records: list[BeatRecord]) -> None:
    plan = scoring_plan("all", loaded(dataset="mitdb", split="inter"), find_dataset(), records)
    assert plan.seen == {"106", "119", "208"}
    assert len(plan.records) == 4
    known = loaded(dataset="mitdb", split="inter", recordings=recording_ids(records[:1]))
    assert scoring_plan("all", known, find_dataset(), records).seen == {"106"}


def test_paced_recordings_stay_out_of_the_totals(records: list[BeatRecord]) -> None:
    renamed = [replace(records[0], name="102"), *records[1:]]
    assert [r.name for r in without_paced(find_dataset(), renamed)] == ["119", "200", "208"]
    plan = scoring_plan("all", loaded(), find_dataset(), renamed)
    assert [r.name for part in plan.apart.values() for r in part] == ["102"]
    assert "102" not in {r.name for r in plan.records}


def test_inter_refuses_a_model_that_saw_a_test_recording(records: list[BeatRecord]) -> None:
    model = loaded(dataset="other", split="inter", recordings=recording_ids(records[2:3]))
    with pytest.raises(InputError, match="would score beats it was fitted on"):
        scoring_plan("inter", model, find_dataset(), records)


def test_reference_peaks_of_a_training_are_those_of_its_compression_and_a_warning_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ictus.models.protocol.INTRA_CONFIG", replace(FAST, design="known patients"))
    path = tmp_path / "m.safetensors"
    file, result = beat.train(split="intra", out=path, peaks="reference")
    assert file.provenance["peaks"] == result["peaks"] == "reference"
    assert {r.peaks for r in beat.bench(path).protocol.train} == {"reference"}
    warned = {
        peaks: [w for w in beat.evaluate(path, split="intra", peaks=peaks)["warnings"] if "trained on" in w]
        for peaks in ("reference", "detected")
    }
    assert warned["reference"] == []
    assert warned["detected"] == ["The model was trained on reference peaks and is tested on detected ones."]
