"""`ictus compress` on trial: a killed sweep goes on, tables and page agree, limits are kept or it is said."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from html_page import Page
from ictus.app.cli import main
from ictus.app.compress import cost as compress_cost
from ictus.app.compress import search as compress_search
from ictus.app.compress import trials as compress_trials
from ictus.app.compress.beat import held_out_protocol
from ictus.app.model_files import ZOO, read_card
from ictus.compression import byte_count, load_compact
from ictus.compression.sweep_grid import TrialPlan
from ictus.firmware_export.golden import GoldenVectors
from ictus.models import cv_protocols, protocol
from ictus.models.float_model import FloatModel
from ictus.models.weights import FloatFile, float_to_bytes, seeded_net
from ictus.signals import N_GATE_FEATURES

QUICK = """
from dataclasses import replace
from ictus.app.compress import trials as compress_trials
from ictus.models import protocol
short = replace(protocol.INTER_CONFIG.beats, epochs=1, min_steps=10)
gate = replace(protocol.INTER_CONFIG.gate, epochs=1, min_steps=10)
protocol.INTER_CONFIG = replace(protocol.INTER_CONFIG, beats=short, gate=gate)
compress_trials.decision_cost = lambda *_: None
"""
GRID = """
baselines = ["float32", "int8 post-training"]
[trials]
folds = 1
prune_epochs = 1
tune_epochs = 1
min_steps = 10
gate_epochs = 1
[[grid]]
fixed.pruning.epochs = 1
fixed.tuning.epochs = 1
vary.pruning.sparsity = [0.5, 0.7]
vary.quantiser.n_exponents = [4, 1]
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short trainings, and no firmware built for every trial."""
    config = protocol.INTER_CONFIG
    beats, gate = (replace(fit, epochs=1, min_steps=10) for fit in (config.beats, config.gate))
    monkeypatch.setattr(protocol, "INTER_CONFIG", replace(config, beats=beats, gate=gate))
    monkeypatch.setattr(compress_trials, "decision_cost", lambda *_: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float model that knows nothing yet, and a grid."""
    folder = tmp_path_factory.mktemp("sweep")
    model = FloatModel(seeded_net(N_GATE_FEATURES, 0).eval(), {"gate": -1.0, "screen": -1.0})
    (folder / "m.safetensors").write_bytes(float_to_bytes(FloatFile("beat", model)))
    (folder / "grid.toml").write_text(GRID)
    return folder


def sweep_command(folder: Path, *more: str) -> list[str]:
    head = ["compress", str(folder / "m.safetensors"), "--sweep", "--grid", str(folder / "grid.toml")]
    return [*head, "--out", str(folder / "out"), "--jobs", "1", "--json", str(folder / "result.json"), *more]


def finished(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (folder / "out" / "trials").glob("*") if p.suffix != ".part"}


@pytest.fixture(scope="module")
def killed(folder: Path) -> dict[str, int]:
    """What a sweep that was killed in the middle leaves."""
    script = QUICK + "import sys\nfrom ictus.app.cli import main\nsys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", script, *sweep_command(folder)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 900
    while sum(name.endswith(".json") for name in finished(folder)) < 2 and time.monotonic() < end:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return finished(folder)


@pytest.fixture
def swept(folder: Path, killed: dict[str, int]) -> dict:
    if not (folder / "result.json").exists():
        assert main(sweep_command(folder)) == 0
    return json.loads((folder / "result.json").read_text())


def test_after_a_kill_only_what_is_missing_is_done(folder: Path, killed: dict[str, int], swept: dict) -> None:
    trials = [name for name in killed if name.endswith(".json")]
    assert 2 <= len(trials) < len(swept["sweep"]["points"])
    assert len({point["key"] for point in swept["sweep"]["points"]}) == 6
    now = finished(folder)
    assert all(now[name] == killed[name] for name in trials)
    assert not [p for p in (folder / "out").iterdir() if p.suffix in (".part", ".tmp")]


def test_table_json_and_page_hold_the_same_points(folder: Path, swept: dict) -> None:
    with (folder / "out" / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    points = json.loads((folder / "out" / "points.json").read_text())
    assert [row["key"] for row in rows] == [point["key"] for point in points]
    for row, point in zip(rows, points, strict=True):
        assert float(row["accuracy"]) == point["accuracy"] and int(row["bytes"]) == point["bytes"]
    html = (folder / "out" / "pareto.html").read_text(encoding="utf-8")
    assert Page(html).loaded == []
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "") and "https://" not in html
    data = html.split('id="points">')[1].split("</script>")[0]
    assert json.loads(data) == points
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert parquet.read_table(folder / "out" / "points.parquet").column("key").to_pylist() == [
        p["key"] for p in points
    ]


def test_bits_are_those_of_the_setting_whatever_its_screen_has(swept: dict) -> None:
    points = swept["sweep"]["points"]
    recipes = [p for p in points if p["method"] == "recipe"]
    assert sorted(p["bits"] for p in recipes) == [1, 1, 3, 3]
    assert all(f"{p['bits']} bit" in p["name"] for p in recipes)
    assert {p["name"]: p["bits"] for p in points if p["method"] == "baseline"} == {
        "float32": 32,
        "int8 post-training": 8,
    }


def test_the_chosen_model_is_written_with_its_card(folder: Path, swept: dict) -> None:
    path = folder / "out" / "beat.ictus"
    chosen = next(p for p in swept["sweep"]["points"] if p["chosen"])
    assert chosen["runs_on_device"] and chosen["method"] in ("recipe", "baseline")
    assert swept["compressed"]["bytes"] == byte_count(load_compact(path)).total == path.stat().st_size
    assert read_card(path)["recipe"] == chosen["name"]


def test_limits_that_nothing_keeps_are_said_in_one_line_and_the_nearest_is_kept(
    folder: Path, swept: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    before = finished(folder)
    assert main(sweep_command(folder, "--max-bytes", "10")) == 2
    assert finished(folder) == before  # all trials were there
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("ictus: nothing that was tried keeps --max-bytes 10")
    smallest = min(p["bytes"] for p in swept["sweep"]["points"] if p["runs_on_device"])
    assert f"{smallest:,} bytes" in line
    assert load_compact(folder / "out" / "beat.ictus").task == "beat"


def test_a_search_keeps_the_budget_on_held_out_data(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = TrialPlan(folds=1, prune_epochs=1, tune_epochs=1, min_steps=10, gate_epochs=1)
    monkeypatch.setattr(compress_search.search, "__defaults__", ("default", 1, None, plan))
    monkeypatch.setattr(compress_search, "_N_TRIALS", 2)
    out = folder / "found.ictus"
    command = ["compress", str(folder / "m.safetensors"), "--recipe", "quick", "--jobs", "1", "--out", str(out)]
    assert main([*command, "--max-loss", "99", "--json", str(folder / "found.json")]) == 0
    found = json.loads((folder / "found.json").read_text())
    tried = {row["sparsity"]: row["loss_points"] for row in found["search"]["tried"]}
    assert len(tried) >= 2 and tried[found["search"]["chosen"]] <= 99
    assert found["compressed"]["bytes"] == out.stat().st_size
    assert "tried on held-out folds" in capsys.readouterr().out


BAD = {
    "--max-bytes needs --sweep or --max-loss": ["--max-bytes", "2000"],
    "--max-loss -1: a limit is a number from 0 on": ["--max-loss", "-1"],
    "--max-loss 200: more than the 100 points": ["--max-loss", "200"],
    "--grid needs --sweep": ["--grid", "g.toml"],
    "weight 'size' is not known": ["--sweep", "--weights", "size=2"],
    "--recipe: a sweep takes its recipes from --grid": ["--sweep", "--recipe", "small"],
}


@pytest.mark.parametrize("expected", BAD)
def test_bad_options_are_one_line_and_status_2(
    expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compress", str(folder / "m.safetensors"), "--out", str(folder / "x"), *BAD[expected]]) == 2
    err = capsys.readouterr().err
    assert expected in err and err.count("\n") == 1
    assert not (folder / "x").exists()


def test_a_compact_model_is_not_compressed_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", str(ZOO / "beat.ictus"), "--out", "unused.ictus"]) == 2
    assert "is compact already" in capsys.readouterr().err


def test_held_out_patients_train_nothing(folder: Path, swept: dict) -> None:
    from ictus.app.evaluate.experiment import prepare_dataset

    records = prepare_dataset(None)[1]
    whole = cv_protocols(records, 3)[0]
    seen: set[str] = set()
    for fold in range(4):
        part = held_out_protocol(whole, fold, 4)
        held = {r.subject for r in part.test}
        assert held and not held & {r.subject for r in part.train}
        assert not {r.name for r in whole.test} & {r.name for r in (*part.train, *part.test)}
        seen |= held
    assert seen == {r.subject for r in whole.train}


def test_what_reaches_fewer_beats_costs_less() -> None:
    model = load_compact(ZOO / "beat.ictus")
    golden = GoldenVectors.random(model, 2)
    shares = [{"gate": 1.0, "screen": 1.0, "specialist": share} for share in (1.0, 0.5)]
    costs = [compress_cost.decision_cost(model, share, golden) for share in shares]
    if costs[0] is None or costs[1] is None:
        pytest.skip("the wearable extra is not installed")
    assert costs[0].instructions > costs[1].instructions > 0
    assert costs[0].energy_uj > costs[1].energy_uj > 0


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_the_page_works_without_a_network(folder: Path, swept: dict) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(offline=True)
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((folder / "out" / "pareto.html").as_uri())
        n_points = len(swept["sweep"]["points"])
        assert page.locator("#chart .point").count() == n_points == page.locator("#rows tr").count()
        page.select_option("#axis-x", "stored")
        assert "not drawn" in page.locator("#hidden").inner_text()
        page.locator("#chart .point[tabindex='0']").focus()
        before = page.locator("#detail").inner_text()
        page.keyboard.press("ArrowRight")
        assert page.locator("#detail").inner_text() != before
        page.fill("#weight-accuracy", "20")
        browser.close()
    assert errors == []
