"""The page of a simulated wearable: whole, self-contained, with figures that say what the tables say."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from html_page import Page
from ictus.app.cli import main
from ictus.app.report.energy_strip import GROUPS
from ictus.app.wearable.figures import days_figure, timeline_figure
from ictus.app.wearable.page import wearable_page
from ictus.firmware_export.toolchain import MissingToolError, require
from ictus.signals import SAMPLE_FOLDER

RECORD = str(SAMPLE_FOLDER / "mitdb" / "200")
SECTIONS = ["strip", "time", "scenarios", "devices", "faults", "levels", "batteries", "harvest", "accelerator",
            "assumptions"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of a real recording, with a fault, as the command line writes it."""
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
    except MissingToolError as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("wearable") / "new"
    arguments = ["simulate", "beat", RECORD, "--seconds", "60", "--fault", "dropped:1%", "--out", str(out)]
    assert main([*arguments, "--json", str(out.parent / "result.json")]) == 0
    return out


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_the_page_is_whole_and_loads_nothing(folder: Path) -> None:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert page.loaded == []
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert "Research use only" in page.text
    assert "Not the energy of a microcontroller" in page.text


def test_the_page_is_made_from_the_report_beside_it(folder: Path, report: dict[str, Any]) -> None:
    assert wearable_page(report) == (folder / "report.html").read_text(encoding="utf-8")
    assert json.loads((folder.parent / "result.json").read_text(encoding="utf-8")) == report


def test_energy_under_the_strip_adds_up_to_that_of_the_recording(report: dict[str, Any]) -> None:
    over = report["over_time"]["uj"]
    assert list(over) == list(GROUPS)
    total = sum(sum(values) for values in over.values())
    power = report["power_uw"]
    assert total / report["seconds"] == pytest.approx(power["total"]["typical"] - power["afe"]["typical"])
    strip, start = report["strip"], int(report["strip"]["start_s"])
    for name, values in strip["energy"]["uj"].items():
        assert values == pytest.approx(over[name][start : start + len(values)], abs=1e-3)


def test_the_fault_is_beside_a_run_without_one(report: dict[str, Any]) -> None:
    assert [row["faults"] for row in report["faults"]] == [[], ["dropped:1%"]]
    clean, broken = report["faults"]
    assert clean["losses"] == []
    assert broken["counts"]["missing"] > 50
    assert "never came" in broken["losses"][0]


def test_every_device_and_level_is_there_with_its_range(report: dict[str, Any]) -> None:
    assert {"efm32wg", "stm32l4r5", "stm32u575", "nrf52840", "apollo4plus"} <= {
        r["device"] for r in report["devices"]
    }
    for row in report["devices"]:
        if "refused" not in row:
            assert row["battery_days"]["low"] <= row["battery_days"]["typical"] <= row["battery_days"]["high"]
    assert sum(row["is_cheapest"] for row in report["levels"]) == 1


def test_a_whisker_spans_low_to_high() -> None:
    rows = [{"name": "a", "battery_days": {"low": 50.0, "typical": 100.0, "high": 200.0}}]
    figure = str(days_figure(rows, "days"))
    (bar,) = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', figure)
    whisker = re.findall(r'<line x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', figure)[0]
    left, width = (float(v) for v in bar)
    low, high = (float(v) for v in whisker)
    assert (high - left) / width == pytest.approx(2, rel=0.01)
    assert (low - left) / width == pytest.approx(0.5, rel=0.01)
    assert "100 (50 to 200) days" in figure


@pytest.mark.parametrize(("n", "step"), [(1, 1), (59, 7), (600, 2), (100_000, 400)])
def test_a_recording_of_any_length_has_a_timeline(n: int, step: int) -> None:
    groups = {name: np.ones(n) for name in GROUPS}
    figure = str(timeline_figure(groups, np.zeros(n, np.bool_), step))
    assert "NaN" not in figure.replace("nan", "NaN")
    assert figure.count("<path") == len(GROUPS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "nothing:1-2"], "'nothing' is not known"),
        (["--fault", "lead-off:400-500"], "begins at 400 s of 300 s"),
        (["--fault", "drift:1", "--seconds", "60"], "takes no time, not '1'"),
    ],
)
def test_a_bad_fault_ends_the_command_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "beat", RECORD, *arguments]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_faults_serve_beats_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "rhythm", RECORD, "--fault", "drift:200ppm"]) == 2
    assert "serve the task beat, not rhythm" in capsys.readouterr().err
