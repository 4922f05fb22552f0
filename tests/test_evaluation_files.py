"""`ictus evaluate beat`: every split, the files it leaves, and what it refuses."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from html_page import Page
from ictus.app.cli import main
from ictus.app.evaluate.spread import spread_of
from ictus.compression import CompactModel, to_bytes
from ictus.signals import SAMPLE_FOLDER

RECORDS = ("106", "200")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two annotated recordings and one without annotations, in a folder that says nothing."""
    folder = tmp_path_factory.mktemp("holter")
    for name in RECORDS:
        for suffix in (".hea", ".dat", ".atr"):
            shutil.copy(SAMPLE_FOLDER / "mitdb" / f"{name}{suffix}", folder)
    for suffix in (".hea", ".dat"):
        shutil.copy(SAMPLE_FOLDER / "nstdb" / f"em{suffix}", folder)
    return folder


@pytest.fixture(scope="module")
def model(random_model: CompactModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compact model that rejects nothing, trained on data of its own."""
    path = tmp_path_factory.mktemp("model") / "m.ictus"
    path.write_bytes(
        to_bytes(replace(random_model, stages=tuple(replace(s, threshold=-128) for s in random_model.stages)))
    )
    card = {"provenance": {"dataset": "other", "split": "inter", "seed": 0}}
    path.with_name("m.ictus.json").write_text(json.dumps(card))
    return path


@pytest.fixture(scope="module")
def evaluated(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("out") / "report"
    arguments = ["evaluate", "beat", "--model", str(model), "--data", str(data), "--split", "external"]
    assert main([*arguments, "--out", str(out), "--json", str(out.parent / "x.json")]) == 0
    return out, json.loads((out.parent / "x.json").read_text())


def test_the_contract_and_the_honest_figures_are_in_the_json(evaluated: tuple[Path, dict[str, Any]]) -> None:
    _, result = evaluated
    contract = (
        "task dataset split peaks records units accuracy classes macro_f1 ci95 rejected_fraction model_bytes qrs"
    )
    beside = (
        "split_sha256 majority_baseline ectopic one_against_rest average runs rejected calibration risk_coverage"
    )
    assert {*contract.split(), *beside.split(), "stage_share", "warnings", "trained_on"} <= set(result)
    assert set(result["ectopic"]["VEB"]) == {"n", "tp", "fn", "fp", "tn", "se", "ppv", "fpr"}
    assert result["not_scored"] == {"em": "no annotation file"}
    assert set(result["by_peaks"]) == {"detected", "reference"}


def test_all_files_are_there_and_agree(evaluated: tuple[Path, dict[str, Any]]) -> None:
    out, result = evaluated
    names = (
        "annotations calibration.csv confusion.csv decisions evaluation.json per_record.csv report.html "
        "risk_coverage.csv"
    )
    assert {p.name for p in out.iterdir()} == {*names.split(), "runs.csv"}
    assert json.loads((out / "evaluation.json").read_text()) == result
    assert sorted(p.name for p in (out / "annotations").iterdir()) == [f"{name}.ict" for name in RECORDS]
    rows = list(csv.DictReader((out / "per_record.csv").read_text().splitlines()))
    assert [row["record"] for row in rows] == [*RECORDS, "gross", "average"]
    gross = rows[2]
    assert int(gross["VEB_tp"]) == sum(int(row["VEB_tp"]) for row in rows[:2]) == result["ectopic"]["VEB"]["tp"]
    assert float(gross["veb_se"]) == pytest.approx(result["ectopic"]["VEB"]["se"], rel=1e-4)
    assert float(rows[3]["accuracy"]) == pytest.approx(sum(float(r["accuracy"]) for r in rows[:2]) / 2, rel=1e-4)


def test_the_page_loads_nothing_and_names_the_split(evaluated: tuple[Path, dict[str, Any]]) -> None:
    out, result = evaluated
    page = Page((out / "report.html").read_text())
    assert all(a.startswith("#") or a == "data:," for a in page.addresses)
    for text in (
        "Research use only",
        result["split_sha256"],
        "always N",
        "no annotation file",
        "Risk",
        "couplets",
    ):
        assert text.lower() in page.text.lower()


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out if status == 0 else captured.err.strip().splitlines()[-1]


def test_all_says_which_recordings_the_model_was_trained_on(
    data: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "beat", "--model", str(model), "--data", str(data), "--split", "all"]
    status, text = run(arguments, capsys)
    assert status == 0
    assert "new to the model: 2 recordings" in text
    assert "split SHA-256" in text


def test_several_models_give_their_spread(data: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "beat", "--model", str(model), str(model), "--data", str(data), "--split", "external"]
    status, text = run([*arguments, "--json", "-"], capsys)
    assert status == 0
    result = json.loads(text)
    assert len(result["seeds"]) == 2
    assert result["spread"]["accuracy"]["sd"] == 0
    assert result["spread"]["accuracy"]["mean"] == pytest.approx(result["accuracy"])


def test_the_spread_leaves_undefined_figures_out() -> None:
    spread = spread_of([{"se": 0.5, "ppv": float("nan")}, {"se": 0.7, "ppv": 0.2}])
    assert spread["se"] == pytest.approx({"mean": 0.6, "sd": 0.02**0.5, "min": 0.5, "max": 0.7})
    assert spread["ppv"] == {"mean": 0.2, "sd": 0.0, "min": 0.2, "max": 0.2}


BAD: dict[str, tuple[Callable[[Path, Path], list[str]], str]] = {
    "an unknown split": (
        lambda d, m: ["--data", str(d), "--split", "lucky"],
        "known: inter, intra, external, all, cv",
    ),
    "noise only": (
        lambda d, m: ["--data", str(SAMPLE_FOLDER / "nstdb")],
        "none of 3 recordings has annotated beats",
    ),
    "strips": (lambda d, m: ["--data", str(SAMPLE_FOLDER / "cinc2017")], "recordings has annotated beats"),
    "cv of a model": (lambda d, m: ["--model", str(m), "--split", "cv"], "takes no --model"),
    "its own data": (lambda d, m: ["--split", "external"], "was trained on mitdb"),
    "too many folds": (lambda d, m: ["--data", str(d), "--split", "cv", "--folds", "9"], "9 folds; 2 subjects"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_evaluated_is_one_line_and_status_2(
    case: str, data: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, expected = BAD[case]
    status, line = run(["evaluate", "beat", *options(data, model)], capsys)
    assert status == 2
    assert line.startswith("ictus: ")
    assert expected in line
