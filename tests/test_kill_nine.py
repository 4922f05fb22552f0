"""A few of the kills of `benchmarks/kill_nine.py`: a restart gives what an undisturbed run gives."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "kill_nine.py"


@pytest.fixture(scope="module")
def kill_nine() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kill_nine", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_nine"] = module
    spec.loader.exec_module(module)
    return module


def test_a_killed_evaluation_ends_as_if_nothing_had_been(kill_nine, tmp_path):
    case = next(case for case in kill_nine.CASES if case.name == "evaluate --split cv")
    few = kill_nine.Case(case.name, case.arguments, 2, 2)
    tally = kill_nine.Killer(few, tmp_path, np.random.default_rng(1)).run()
    assert (tally.kills, tally.faults, tally.survivors) == (2, [], 0)
    assert tally.restarts >= 1
    assert tally.files >= 4
    assert tally.not_in_registry <= tally.kills


def test_a_half_written_and_a_changed_file_are_faults(kill_nine, tmp_path):
    (tmp_path / "a.json").write_text('{"accuracy": 1, "seconds": 2}')
    (tmp_path / ".b.0123abcd.part").write_text("half")
    before = kill_nine.results(tmp_path)
    assert list(before) == ["a.json"]
    (tmp_path / "a.json").write_text('{"accuracy": 1, "seconds": 3}')
    assert kill_nine.results(tmp_path) == before
    (tmp_path / "a.json").write_text('{"accuracy": 2, "seconds": 3}')
    assert kill_nine.results(tmp_path) != before
    (tmp_path / "a.json").write_text('{"accuracy": 1, "sec')
    with pytest.raises(ValueError, match="Unterminated"):
        kill_nine.results(tmp_path)
