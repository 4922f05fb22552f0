"""The rhythm task's verbs on the built-in strips: what they write, refuse and take up again."""

import csv
import json

import pytest
from html_page import Page
from ictus.app.cli import main
from ictus.app.compress import rhythm as compress_rhythm
from ictus.app.tasks import rhythm as rhythm_verbs
from ictus.app.tasks.rhythm import compress, evaluate, figures_of, train
from ictus.models import load_float
from ictus.models.rhythm_train import RhythmConfig
from ictus.models.train import FitConfig
from ictus.signals import N_GATE_FEATURES, InputError


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    config = RhythmConfig(FitConfig(epochs=2, min_steps=0, batch_size=4, learning_rate=1e-2))
    for module in (rhythm_verbs, compress_rhythm):
        monkeypatch.setattr(module, "RhythmConfig", lambda: config)


@pytest.fixture
def trained(tmp_path):
    path = tmp_path / "rhythm.safetensors"
    return path, train(out=path)


def test_a_model_of_all_strips_says_so(trained):
    path, (file, result) = trained
    assert load_float(path).provenance == file.provenance
    assert file.provenance["split"] == "all"
    assert result["warnings"] == ["scored on the strips it was trained on"]
    assert result["units"] == 9
    assert set(result["classes"]) == {"N", "A", "O"}
    assert figures_of(result)["macro_f1"] == result["macro_f1"]


def test_it_compresses_to_a_model_with_the_gate_of_the_beats(trained, tmp_path):
    path, _ = trained
    compact, summary = compress(path, recipe="quick", out=tmp_path / "rhythm.ictus")
    assert compact.task == "rhythm"
    assert summary["compressed"]["bytes"] == (tmp_path / "rhythm.ictus").stat().st_size
    assert json.loads((tmp_path / "rhythm.ictus.json").read_text())["provenance"]["split"] == "all"


def test_the_report_of_one_model_has_every_strip_s_decision(trained, tmp_path):
    path, _ = trained
    result = evaluate(path, split="all", out=tmp_path / "out")
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert "the model was trained on strips of this data set" in page.text
    with (tmp_path / "out" / "strips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["strip"] for row in rows] == result["records"]
    right = sum(row["decision"] == row["reference"] for row in rows if row["reference"] != "~")
    assert right / result["units"] == pytest.approx(result["accuracy"])
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["macro_f1"] == result["macro_f1"]


def test_it_is_not_external_to_its_own_data(trained):
    path, _ = trained
    with pytest.raises(InputError, match="was trained on cinc2017"):
        evaluate(path, split="external")


def test_a_cross_validation_keeps_its_folds_and_takes_them_up(tmp_path, monkeypatch):
    first = evaluate(split="cv", folds=2, out=tmp_path)
    assert len(list((tmp_path / "folds").glob("*.safetensors"))) == 2
    monkeypatch.setattr(rhythm_verbs, "train_rhythm", None)
    again = evaluate(split="cv", folds=2, out=tmp_path)
    assert json.dumps(again) == json.dumps(first)
    assert len(first["split_sha256"]) == 64
    assert first["af_or_normal"]["majority"] == 0.5
    assert {"with_gate", "screen", "spread", "seeds", "ci95"} <= set(first)


def test_the_compressed_folds_stand_beside_the_float_ones_and_in_the_report(tmp_path):
    result = evaluate(split="cv", folds=2, out=tmp_path, recipe="quick")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.loaded == []
    assert {"scores", "compact", "seeds", "stages", "method"} <= set(page.ids)
    assert "research use only" in page.text.lower()
    assert result["split_sha256"] in page.text
    assert len(list((tmp_path / "folds").glob("*.ictus"))) == 2
    assert result["compact"]["model_bytes"] < result["model_bytes"] / 8
    assert result["compact"]["units"] == result["units"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--split", "inter"), "split 'inter' is not known; known: cv, external, all"),
        (("--split", "cv", "--folds", "5"), "3 strips are labelled 'A'"),
        (("--split", "cv", "--folds", "2", "--recipe", "tiny"), "recipe 'tiny' is not known"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, says, capsys):
    assert main(["evaluate", "rhythm", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_the_gate_sees_what_the_strips_hold():
    assert rhythm_verbs.load_model(None, "beat").model.n_features == N_GATE_FEATURES
