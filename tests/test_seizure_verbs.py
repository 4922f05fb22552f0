"""The seizure task from the command line: analysis of one recording, protocols on many."""

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import edfio
import numpy as np
import pytest
from ictus.app.analyze.eeg import analyze_eeg, eeg_display
from ictus.app.cli import main
from ictus.app.evaluate import seizure_folds
from ictus.app.evaluate.seizure_protocols import Decided, decide_files, loso_folds, subject_folds
from ictus.app.evaluate.seizure_report import negatives_json, scores_json, seizure_evaluation_text
from ictus.app.tasks import seizure as seizure_verbs
from ictus.compression import CompactModel, to_bytes
from ictus.models import float_to_bytes
from ictus.models.seizure_data import EegRecord
from ictus.models.seizure_excerpts import excerpts_bytes, read_excerpts, subject_excerpts
from ictus.models.seizure_fit import SeizureConfig
from ictus.signals import SAMPLE_FOLDER, InputError, load
from ictus.signals.bids_eeg import read_bids_events
from ictus.signals.eeg_files import EegFile, eeg_files

CLIPS = SAMPLE_FOLDER / "chbmit"
CLIP = CLIPS / "chb01_18_ictal.edf"


@pytest.fixture
def model_file(random_seizure_model: CompactModel, tmp_path: Path) -> Path:
    path = tmp_path / "random.ictus"
    path.write_bytes(to_bytes(random_seizure_model))
    return path


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cases in CHB-MIT's layout, each with three recordings of 200 s and 2 channels, two with a seizure."""
    root, rng = tmp_path_factory.mktemp("chbmit"), np.random.default_rng(1)
    for case in ("chb98", "chb99"):
        (root / case).mkdir()
        summary = "Data Sampling Rate: 256 Hz\n\nChannels in EDF Files:\nChannel 1: T7-P7\nChannel 2: T8-P8\n"
        for number, onset_s in enumerate((70, None, 90), 1):
            write_recording(root / case / f"{case}_{number:02}.edf", rng, onset_s)
            summary += (
                f"\nFile Name: {case}_{number:02}.edf\nNumber of Seizures in File: {int(onset_s is not None)}\n"
            )
            if onset_s is not None:
                summary += f"Seizure Start Time: {onset_s} seconds\nSeizure End Time: {onset_s + 40} seconds\n"
        (root / case / f"{case}-summary.txt").write_text(summary)
    return root


def write_recording(path: Path, rng: np.random.Generator, onset_s: int | None) -> None:
    time_s = np.arange(200 * 256) / 256
    noise = np.cumsum(rng.normal(0, 4, (2, len(time_s))), axis=1)
    noise -= np.apply_along_axis(lambda x: np.convolve(x, np.ones(256) / 256, "same"), 1, noise)
    if onset_s is not None:
        is_ictal = (time_s >= onset_s) & (time_s < onset_s + 40)
        noise += is_ictal * 250 * np.sign(np.sin(2 * np.pi * 3.3 * time_s)) * rng.uniform(0.8, 1.2)
    signals = [
        edfio.EdfSignal(x, 256, label=label, physical_dimension="uV", physical_range=(-3000, 3000))
        for x, label in zip(np.clip(noise, -3000, 3000), ("T7-P7", "T8-P8"), strict=True)
    ]
    edfio.Edf(signals).write(path)


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    base = SeizureConfig(copies=3, gate_copies=2)
    fit = replace(base.fit, epochs=1, epoch_units=32 * 20)
    short = replace(base, fit=fit, gate_fit=replace(base.gate_fit, epochs=1, min_steps=60))
    monkeypatch.setattr(seizure_verbs, "_config", short.seeded)


def test_an_analysis_tells_every_second_of_every_channel(random_seizure_model: CompactModel) -> None:
    analysis = analyze_eeg(CLIP, random_seizure_model)
    assert analysis.channels[:2] == ("FP1-F7", "F7-T7")
    assert analysis.score.shape == analysis.screen.shape == analysis.reached.shape == analysis.is_on.shape == (10,)
    assert analysis.rejected.shape == analysis.line_length_uv.shape == (10, 18)
    np.testing.assert_array_equal(np.isnan(analysis.score), analysis.reached < 2)
    assert (analysis.line_length_uv[1:] > 1).all()
    assert analysis.not_analysable[0].duration_s == 4


def test_a_file_in_pieces_is_analysed_like_a_recording_in_memory(random_seizure_model: CompactModel) -> None:
    pieces, whole = (analyze_eeg(r, random_seizure_model, "temporal-4") for r in (CLIP, load(CLIP)))
    for name in ("score", "screen", "reached", "rejected", "line_length_uv", "is_on"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name))
    assert pieces.events == whole.events


def test_a_stretch_to_look_at_is_in_microvolts() -> None:
    display = eeg_display(CLIP, "temporal-2")
    assert (display.names, display.fs_hz, display.duration_s) == (("T7-P7", "T8-P8"), 256, 10)
    np.testing.assert_allclose(display.uv(2, 3)[:, 0], load(CLIP).physical(2)[512:768], atol=0.13)
    assert len(display.uv(9.5, 99)) == 128


def test_analyze_writes_json_bids_and_a_table_and_never_who_it_was(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "night.edf"
    content = bytearray(CLIP.read_bytes())
    content[8:23] = b"MCH-0815 F DOE_"
    record.write_bytes(content)
    out = tmp_path / "out"
    arguments = ["analyze", str(record), "--task", "seizure", "--model", str(model_file), "--out", str(out)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "night, montage double-banana: 18 of 18 channels" in said
    assert "Research use only" in said
    found = json.loads((out / "night.seizure.json").read_text())
    assert found["summary"]["duration_s"] == 10
    assert len(found["channels"]) == 18
    (head, *rows) = (out / "night_seizure_events.tsv").read_text().splitlines()
    assert head.split("\t")[:4] == ["onset", "duration", "eventType", "confidence"]
    assert len(rows) == max(len(found["events"]), 1)
    assert len(read_bids_events(out / "night_seizure_events.tsv")) == len(rows)
    seconds = list(csv.DictReader((out / "night.seizure.csv").read_text().splitlines()))
    assert len(seconds) == 10
    everything = said + "".join(path.read_text() for path in out.iterdir())
    assert "DOE" not in everything
    assert "0815" not in everything


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--montage", "banana"], "montage 'banana' is not known"),
        (["--montage", "A1-A2"], "no channel of the montage A1-A2 can be had"),
        (["--channel", "T7-P7"], "--channel is not an option"),
    ],
)
def test_what_cannot_be_analysed_is_one_line(
    arguments: list[str], message: str, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["analyze", str(CLIP), "--task", "seizure", "--model", str(model_file), "--out", str(tmp_path)]
    assert main([*base, *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


def file_of(subject: str, number: int, seizures_s: tuple[tuple[float, float], ...] = ()) -> EegFile:
    name = f"{subject}_{number:02}"
    return EegFile(Path(f"{name}.edf"), name, subject, name, 0.0, "", seizures_s)


SEIZURE = ((10.0, 20.0),)


def test_loso_never_trains_on_the_subject_it_tests() -> None:
    files = [file_of(s, i, SEIZURE if i == 2 else ()) for s in ("a", "b", "c") for i in (1, 2)]
    folds = loso_folds(files)
    assert [fold.name for fold in folds] == ["a", "b", "c"]
    for fold in folds:
        assert {f.subject for f in fold.test} == {fold.name}
        assert {f.subject for f in fold.train} == {"a", "b", "c"} - {fold.name}
    with pytest.raises(InputError, match="leaving a out of 2 subjects leaves no seizure to learn from"):
        loso_folds([file_of("a", 1, SEIZURE), file_of("b", 1)])
    with pytest.raises(InputError, match="or nothing but seizures"):
        loso_folds(eeg_files())


def test_subject_folds_go_forward_in_time_only() -> None:
    files = [file_of("a", i, SEIZURE if i in (2, 4, 5) else ()) for i in range(1, 7)] + [file_of("b", 1, SEIZURE)]
    first, second = subject_folds(files)
    assert [f.record for f in first.train] == ["a_01", "a_02", "a_03"]
    assert [f.record for f in first.test] == ["a_04"]
    assert [f.record for f in second.train] == ["a_01", "a_02", "a_03", "a_04"]
    assert [f.record for f in second.test] == ["a_05", "a_06"]
    with pytest.raises(InputError, match="none of 1 subjects has seizures in two recordings"):
        subject_folds([file_of("b", 1, SEIZURE)])


def test_excerpts_hold_the_seizure_and_quiet_eeg_far_from_it(database: Path) -> None:
    files = eeg_files(database / "chb98")
    assert [f.seizures_s for f in files] == [((70.0, 110.0),), (), ((90.0, 130.0),)]
    records = subject_excerpts(files, "temporal-2")
    ictal = [r for r in records if len(r.seizures)]
    quiet = [r for r in records if not len(r.seizures)]
    assert [r.seizures.tolist() for r in ictal] == [[[60, 100]], [[60, 100]]]
    assert {r.name for r in quiet} == {"chb98_02"}
    assert [r.n_seconds for r in quiet] == [60, 60, 60]
    stored = Path(str(database) + ".npz")
    stored.write_bytes(excerpts_bytes(records))
    for a, b in zip(records, read_excerpts(stored), strict=True):
        np.testing.assert_array_equal(a.counts, b.counts)
        np.testing.assert_array_equal(a.seizures, b.seizures)
        assert (a.name, a.subject) == (b.name, b.subject)


def test_loso_runs_on_the_layout_of_chb_mit_and_resumes(
    database: Path, tmp_path: Path, short_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> dict:
        return seizure_verbs.evaluate(data=database, out=tmp_path, montage="temporal-2", negatives=database)

    result = run()
    assert result["events"]["n"] == 4
    assert result["units"] == 1200
    assert set(result["by_subject"]) == {"chb98", "chb99"}
    assert result["negatives"]["records"] == 2
    assert result["events"]["rules"]["tolerance_before_s"] == 30
    assert "4 seizures" in seizure_evaluation_text(result)
    assert "seeds" not in result
    monkeypatch.setattr(seizure_folds, "train_seizure", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(seizure_folds, "decide_files", lambda *_: pytest.fail("decided again"))
    assert run() == result
    assert json.loads((tmp_path / "report.json").read_text())["events"]["n"] == 4


def test_another_recording_under_the_same_name_is_not_taken_for_the_one_before(
    database: Path, tmp_path: Path, short_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = shutil.copytree(database, tmp_path / "database")

    def run() -> dict:
        return seizure_verbs.evaluate(data=copied, out=tmp_path / "out", montage="temporal-2")

    run()
    changed = next(copied.rglob("chb99*.edf"))
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    train, trained = seizure_folds.train_seizure, []

    def counted(records: Sequence[EegRecord], *rest: object) -> object:
        trained.append({r.subject for r in records})
        return train(records, *rest)

    monkeypatch.setattr(seizure_folds, "train_seizure", counted)
    run()
    assert trained == [{"chb99"}]


def test_a_trained_model_knows_whom_it_has_seen(database: Path, tmp_path: Path, short_training: None) -> None:
    out = tmp_path / "model.safetensors"
    file, result = seizure_verbs.train(database, "without-chb99", out, montage="temporal-2")
    assert file.provenance["subjects"] == ["chb98"]
    assert set(result["by_subject"]) == {"chb99"}
    assert out.read_bytes() == float_to_bytes(file)
    with pytest.raises(InputError, match="was trained on chb98; an external evaluation needs others"):
        seizure_verbs.evaluate(out, database, "external", montage="temporal-2")
    known = seizure_verbs.evaluate(out, database, "all", montage="temporal-2")
    assert any("trained on these subjects: chb98" in warning for warning in known["warnings"])
    with pytest.raises(InputError, match="split 'without-chb07' is not known; known: all, without-chb98"):
        seizure_verbs.train(database, "without-chb07", montage="temporal-2")


def test_clips_of_one_recording_are_joined_and_said_to_prove_little(random_seizure_model: CompactModel) -> None:
    decided = decide_files(eeg_files(), random_seizure_model, "double-banana")
    assert {d.name: (round(d.duration_s), d.seizures_s) for d in decided} == {
        "chb01_18": (20, ((9.75, 19.75),)),
        "chb03_34": (10, ((0.0, 10.0),)),
    }


@pytest.fixture
def quiet_folder(tmp_path: Path) -> Iterator[Path]:
    shutil.copyfile(CLIPS / "chb01_18_preictal.edf", tmp_path / "quiet.edf")
    (tmp_path / "short.csv").write_text("# fs_hz=256\nT7-P7\n" + "1\n2\n" * 512)
    return tmp_path


def test_negatives_may_be_of_any_kind_and_short_ones_count_for_nothing(
    random_seizure_model: CompactModel, quiet_folder: Path
) -> None:
    decided = decide_files(eeg_files(quiet_folder), random_seizure_model, None)
    found = negatives_json([decided, decided])
    assert (found["records"], found["too_short"], found["models"]) == (1, 1, 2)
    assert found["hours"] == pytest.approx(10 / 3600)
    with pytest.raises(InputError, match="none of 1 seizure-free recordings is 8 s long"):
        negatives_json([[d for d in decided if d.duration_s < 8]])


def test_negatives_that_are_too_short_are_refused_before_anything_is_trained(
    quiet_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (quiet_folder / "quiet.edf").unlink()
    out = tmp_path_factory.mktemp("loso")
    with pytest.raises(InputError, match="none of 1 seizure-free recordings is 8 s long"):
        seizure_verbs.evaluate(data=CLIPS, split="loso", out=out, negatives=quiet_folder)
    assert not any(out.iterdir())


def test_a_gated_seizure_is_missed() -> None:
    gated = Decided("r", "s", 100.0, 100.0, (100, 0, 0), ((10.0, 30.0),), ())
    result = scores_json([gated])
    assert (result["events"]["n"], result["events"]["detected"]) == (1, 0)
    assert (result["rejected_fraction"], result["classes"]["seizure"]["se"], result["accuracy"]) == (1.0, 0.0, 0.8)


def test_an_early_alarm_is_told() -> None:
    early = Decided("r", "s", 600.0, 0.0, (0, 0, 600), ((100.0, 130.0),), ((80.0, 120.0, 84.0),))
    result = scores_json([early])
    assert (result["events"]["detected"], result["events"]["early_alarms"]) == (1, 1)
    assert result["stage_share"] == {"gate": 1.0, "screen": 1.0, "specialist": 1.0}
    late = replace(early, alarms=((101.0, 120.0, 105.0),))
    assert scores_json([late])["events"]["early_alarms"] == 0
    assert scores_json([late])["events"]["latency_s"] == 5.0
