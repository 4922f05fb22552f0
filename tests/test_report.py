"""The report: one page that loads nothing, whatever parts of a run there are."""

import re
from typing import Any

import numpy as np
import pytest
from html_page import Page
from ictus.app.report.figures import PARTS
from ictus.app.report.run_page import render_report

LEAK = "leaks patients; only to compare with publications"


def evaluation(split: str, model: str, peaks: str) -> dict[str, Any]:
    counts = np.zeros((6, 7), int)
    counts[0, :3], counts[2, 2], counts[2, 5] = (900, 10, 5), 80, 3
    classes = {c: {"n": 0, "se": None, "ppv": None, "f1": None} for c in "SFQ"}
    classes |= {c: {"n": 100, "se": 0.91234, "ppv": 0.9, "f1": 0.9} for c in "NV"}
    return {
        "split": split, "model": model, "peaks": peaks, "units": 998, "accuracy": 0.98, "macro_f1": None,
        "classes": classes, "ci95": {"accuracy": [0.97, 0.99], "se_V": [0.8, 0.95]},
        "rejected_fraction": 0.01, "qrs": {"se": 0.998, "ppv": 0.999}, "stage_share": {"specialist": 0.2},
        "confusion": {
            "rows": [*"NSVFQ", "no beat"], "columns": [*"NSVFQ", "gated", "missed"], "counts": counts.tolist(),
        },
        "per_record": {"100": {"units": 998, "accuracy": 0.98, "classes": {"N": classes["N"]}}},
        "screen_table": [[880, 35], [2, 81]],
    }  # fmt: skip


def device(name: str) -> dict[str, Any]:
    energy = dict.fromkeys(PARTS, 5.0) | {"total": 20.0}
    return {
        "device": name, "energy_uj": energy | {"low": energy, "high": energy}, "average_uw": 90.0,
        "average_uw_range": [60.0, 150.0], "battery_days": 300.0, "battery_days_range": [200.0, 400.0],
        "assumptions": ["No cycle was measured."],
    }  # fmt: skip


@pytest.fixture
def report() -> dict[str, Any]:
    compression = {
        "baseline": {"accuracy": 0.98, "macro_f1": 0.9, "bytes": 80_000},
        "compressed": {
            "accuracy": 0.979, "macro_f1": 0.89, "bytes": 1600,
            "bytes_by": {"codes": 600, "index": 700, "scales": 150, "headers": 150},
        },
        "ratio": 50.0, "sparsity": 0.93, "bits": 4, "quality": 46.0,
        "waterfall": [{"step": "float32", "bytes": 80_000}, {"step": "device", "bytes": 1600}],
    }  # fmt: skip
    beat = {"time_s": 1.0, "reference": "N", "decision": "V", "stage": "specialist"}
    gated = {"time_s": 2.5, "reference": None, "decision": "gated", "stage": "gate"}
    split = {
        "name": "de Chazal",
        "sha256": "ab" * 32,
        "train": ["101"],
        "test": ["100"],
        "shared_subjects": ["201"],
    }
    return {
        "ictus": "0.1.0", "task": "beat", "command": "ictus run", "quick": False,
        "dataset": {
            "name": "mitdb", "title": "MIT-BIH <Arrhythmia>", "licence": "ODC-By", "citation": "M & M",
            "records": ["100"],
        },
        "seconds": {"train": 12.3},
        "splits": {"inter": split, "intra": {"name": "random", "sha256": "cd" * 32}},
        "evaluations": [
            evaluation(split, model, peaks)
            for split in ("inter", "intra")
            for model in ("float", "compact")
            for peaks in ("detected", "reference")
        ],
        "compression": {"inter": compression, "intra": compression},
        "firmware": {
            "target": "cortex-m4", "compiler": "zig cc", "flash_bytes": 9000,
            "flash_by": {"model": 1600, "code": 7400}, "ram_bytes": 3000, "stack_bytes": 400,
        },
        "witnesses": {"n_windows": 2000, "rows": [{"name": "host C", "agrees": True, "n_different": 0}]},
        "simulation": {
            "record": "208", "seconds_of_signal": 300.0,
            "stages": [
                {"name": "gate", "runs": 300, "instructions_per_run": 5000, "instructions": 1_500_000,
                 "share_of_units": None},
            ],
            "instructions_by_class": {"alu": 10, "load": 5}, "devices": [device(n) for n in ("a", "b", "c")],
        },
        "gate": {"definition": "6 dB or more.", "accept_at_12db": 0.98, "reject_at_0db": 0.96},
        "strip": {
            "record": "208", "lead": "MLII", "start_s": 0.0, "fs_hz": 128,
            "mv": [*np.sin(np.arange(1280) / 9), None],
            "rejected": [[2.0, 4.0]], "beats": [beat, gated],
        },
    }  # fmt: skip


def test_the_page_is_well_formed_and_loads_nothing(report: dict[str, Any]) -> None:
    html = render_report(report)
    page = Page(html)
    assert all(a.startswith("#") or a == "data:," for a in page.addresses)
    assert not re.search(r"@import|url\((?!#)|<script", html)
    assert len(page.ids) == len(set(page.ids))


def test_every_section_is_there_and_every_link_leads_to_one(report: dict[str, Any]) -> None:
    page = Page(render_report(report))
    sections = {"strip", "evaluation", "compression", "cost", "energy", "witnesses", "gate", "method"}
    assert sections <= set(page.ids)
    assert {a[1:] for a in page.addresses if a.startswith("#")} == sections


@pytest.mark.parametrize(
    "text",
    [
        "Research use only",
        LEAK,
        "50.0\u202f\u00d7",
        "No cycle was measured.",
        "MIT-BIH <Arrhythmia>",
        "ref N",
        "ab" * 32,
    ],
)
def test_what_must_be_said_is_said(report: dict[str, Any], text: str) -> None:
    assert text in Page(render_report(report)).text


@pytest.mark.parametrize(("agrees", "text"), [(True, "Every event equals"), (False, "The events differ from")])
def test_whether_the_device_agrees_is_said(report: dict[str, Any], agrees: bool, text: str) -> None:
    report["simulation"]["devices"][0]["agrees_with_reference"] = agrees
    assert f"{text} the integer reference." in Page(render_report(report)).text


def test_both_exits_are_shown_for_every_evaluation(report: dict[str, Any]) -> None:
    text = Page(render_report(report)).text
    assert text.count("Class exit.") == text.count("Screen exit") == 8


def test_a_shared_subject_is_named_beside_the_split(report: dict[str, Any]) -> None:
    report["splits"]["intra"]["shared_subjects"] = ["100"]
    assert Page(render_report(report)).text.count("but for subject") == 1


def test_assumptions_of_one_device_stand_apart(report: dict[str, Any]) -> None:
    for d in report["simulation"]["devices"]:
        d["assumptions"] = ["Shared by all.", f"Only {d['device']}."]
    text = Page(render_report(report)).text
    assert [text.count(line) for line in ("Shared by all.", "Only a.", "Only c.")] == [1, 1, 1]


@pytest.mark.parametrize(
    "part",
    ["strip", "evaluations", "compression", "firmware", "simulation", "witnesses", "gate", "splits", "seconds"],
)
def test_a_missing_part_leaves_its_section_out(report: dict[str, Any], part: str) -> None:
    del report[part]
    Page(render_report(report))


def test_a_run_that_only_has_a_head_still_gives_a_page() -> None:
    head = {"ictus": "0.1.0", "task": "beat", "dataset": {"name": "mine", "records": []}}
    assert "mine" in Page(render_report(head)).text
