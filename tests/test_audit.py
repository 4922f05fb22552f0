"""The check of dependencies finds what it is there to find."""

import json
import runpy
from pathlib import Path

import pytest

AUDIT = runpy.run_path(str(Path(__file__).resolve().parent.parent / ".ci" / "audit.py"), run_name="audit")


def test_a_vulnerability_is_named_with_the_version_that_mends_it():
    vulnerable = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
    sound, unknown = {"name": "b", "version": "2", "vulns": []}, {"name": "c", "skip_reason": "not found"}
    told = AUDIT["read_advisories"](json.dumps({"dependencies": [vulnerable, sound, unknown], "fixes": []}))
    assert told.n_checked == 2
    assert told.found == ("a 1: PYSEC-1, mended in 1.1",)


def test_a_withdrawn_version_is_told_with_its_reason():
    said = 'Resolved 2 packages in 3ms\nwarning: `attrs==21.1.0` is yanked (reason: "does not import")\n'
    assert AUDIT["read_withdrawn"](said) == ['`attrs==21.1.0` is yanked (reason: "does not import")']


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "GNU General Public License v2", "", "AGPL-3.0 OR MIT"])
def test_a_licence_that_nobody_has_judged_is_found(licence):
    assert AUDIT["unjudged"]({"fine": "MIT", "also": "BSD License", "other": licence}) == [
        f"other: {licence or 'states no licence'}"
    ]


def test_the_installed_dependencies_are_found_with_theirs_and_with_licences():
    versions = AUDIT["installed_for"]("ictus", ())
    assert {"numpy", "torch", "wfdb", "requests", "sympy"} <= set(versions)
    assert "ictus" not in versions
    assert AUDIT["unjudged"]({name: AUDIT["licence_of"](name) for name in versions}) == []


@pytest.mark.parametrize(("found", "fails"), [(["a 1: PYSEC-1"], True), ([], False), (None, False)])
def test_what_is_found_fails_and_what_nobody_could_check_says_so(found, fails, capsys):
    assert AUDIT["_report"]("known vulnerabilities", found, 3, 5) is fails
    said = capsys.readouterr().out
    assert ("NOT CHECKED" in said) is (found is None)
    assert all(line in said for line in found or ())
