"""The public surface is what `public_api.txt` says; its head says how a change that is meant gets into it."""

from importlib.util import find_spec

import public_api
import pytest

FRESH = "python tests/public_api.py > tests/public_api.txt"


def _locked() -> dict[str, list[str]]:
    """Heading -> lines of the lock."""
    parts = public_api.LOCK.read_text(encoding="utf-8").split("\n\n")
    return {lines[0][1:-1]: lines[1:] for lines in (part.strip("\n").split("\n") for part in parts)}


def test_the_lock_holds_every_section():
    assert list(_locked()) == list(public_api.SECTIONS)


@pytest.mark.parametrize("heading", public_api.SECTIONS)
def test_names_signatures_options_and_keys_are_those_that_are_locked(heading):
    if heading == "JSON" and not (find_spec("unicorn") and find_spec("ziglang")):
        pytest.skip("simulating needs the extra ictus[wearable]")
    now, locked = public_api.SECTIONS[heading](), _locked()[heading]
    gone, added = sorted(set(locked) - set(now)), sorted(set(now) - set(locked))
    assert now == locked, f"gone: {gone}; new: {added}; if that is meant: {FRESH}"


def test_a_changed_default_and_a_lost_name_would_be_seen(monkeypatch):
    import ictus.signals as module

    before = public_api.package_lines("ictus.signals")

    def load(path, *, channel=7):
        return path, channel

    monkeypatch.setattr(module, "load", load)
    assert "load(path, *, channel=7)" in public_api.package_lines("ictus.signals")
    monkeypatch.setattr(module, "__all__", [name for name in module.__all__ if name != "load"])
    assert not [line for line in public_api.package_lines("ictus.signals") if line.startswith("load(")]
    assert [line for line in before if line.startswith("load(")]
