import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from html_page import Page
from ictus.app.cli import main
from ictus.app.model_files import read_card
from ictus.compression import byte_count, load_compact
from ictus.models import load_float

pytestmark = pytest.mark.skipif(
    find_spec("unicorn") is None or find_spec("ziglang") is None, reason="needs the extra ictus[wearable]"
)


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    assert main(["run", "--quick", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def report(out) -> dict:
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def test_the_folder_holds_report_models_and_firmware(out):
    names = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert {
        "report.html",
        "report.json",
        "beat-inter.ictus",
        "beat-inter.safetensors",
        "beat-intra.ictus",
        "firmware/src/ictus.h",
        "firmware/src/ictus_model_data.c",
        "tflite/beat.tflite",
        "tflite/gate.tflite",
    } <= names


def test_both_splits_are_scored_float_and_compact_from_both_kinds_of_peaks(report):
    seen = {(e["split"], e["model"], e["peaks"]) for e in report["evaluations"]}
    assert len(seen) == 8
    for e in report["evaluations"]:
        assert 0.3 < e["accuracy"] <= 1
        assert sum(e["classes"][label]["n"] for label in "NSVFQ") == e["units"]
        assert e["stage_share"]["gate"] >= e["stage_share"]["screen"] >= e["stage_share"]["specialist"] > 0
        assert sum(map(sum, e["screen_table"])) <= e["units"]


def test_no_patient_is_on_both_sides_of_the_inter_patient_split(report):
    split = report["splits"]["inter"]
    assert not set(split["train"]) & set(split["test"])
    assert split["shared_subjects"] == []
    assert "leaks" in report["splits"]["intra"]["name"]


def test_every_witness_agrees_on_two_thousand_real_windows(report):
    assert report["witnesses"]["n_windows"] >= 2000
    assert {row["name"] for row in report["witnesses"]["rows"]} >= {"C on the host", "C on the emulated Cortex-M4"}
    assert all(row["agrees"] for row in report["witnesses"]["rows"])


def test_the_emulated_wearable_decides_as_the_reference_within_32_kb(report):
    device = report["simulation"]["devices"][0]
    assert device["agrees_with_reference"] is True
    assert device["ram_bytes"] + device["stack_bytes"] < 32 * 1024
    assert len(report["simulation"]["devices"]) == 3
    for name in ("mcu", "sleep", "afe", "radio", "total"):
        assert device["energy_uj"][name] > 0
    parts = sum(device["energy_uj"][name] for name in ("mcu", "sleep", "afe", "radio"))
    assert parts == pytest.approx(device["energy_uj"]["total"])


def test_the_accounted_bytes_are_the_bytes_of_the_file(out, report):
    compressed = report["compression"]["inter"]["compressed"]
    path = out / "beat-inter.ictus"
    assert compressed["bytes"] == path.stat().st_size == byte_count(load_compact(path)).total
    assert sum(compressed["bytes_by"].values()) == compressed["bytes"]
    card = read_card(path)
    assert card["compressed"] == compressed
    assert card["provenance"]["split"] == "inter"
    baseline = load_float(out / "beat-inter.safetensors").model.net.n_float_bytes()
    assert report["compression"]["inter"]["ratio"] == pytest.approx(baseline / compressed["bytes"])


def test_the_page_stands_alone(out):
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    assert page.loaded == []
    assert "research use only" in page.text.lower()


def test_the_models_of_a_run_analyse_and_simulate_a_recording(out, tmp_path, capsys):
    from ictus.signals import SAMPLE_FOLDER

    record, model = str(SAMPLE_FOLDER / "mitdb" / "200"), str(out / "beat-inter.ictus")
    assert main(["analyze", record, "--model", model, "--out", str(tmp_path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert (tmp_path / "200_events.tsv").is_file()
    assert main(["evaluate", "beat", "--model", str(out / "beat-inter.safetensors"), "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    contract = "task dataset split peaks records units accuracy classes macro_f1 ci95 rejected_fraction"
    assert {*contract.split(), "model_bytes", "qrs"} <= set(result)
    assert main(["evaluate", "beat", "--model", str(out / "beat-inter.safetensors"), "--split", "intra"]) == 2
    assert "was trained on the inter split" in capsys.readouterr().err
