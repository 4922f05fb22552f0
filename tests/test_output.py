"""Outputs appear under their name only when whole."""

import json
from pathlib import Path

import numpy as np
import pytest
from ictus.app.output import atomic_folder, json_text, require_writable, require_writable_file, write_json
from ictus.signals import InputError


def test_json_is_strict_and_takes_numpy() -> None:
    text = json_text({"b": float("nan"), "a": np.float32(0.5), "c": np.arange(2), "d": (1, float("inf"))})
    assert json.loads(text) == {"b": None, "a": 0.5, "c": [0, 1], "d": [1, None]}
    assert list(json.loads(text)) == ["b", "a", "c", "d"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    write_json(target, {"n": 1})
    write_json(target, {"n": 2})
    assert json.loads(target.read_text()) == {"n": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_folder_under_a_file_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a folder"):
        require_writable(tmp_path / "file" / "a" / "b")
    require_writable(tmp_path / "new" / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("path", ["nowhere/x.json", "folder", "file/x.json"])
def test_a_file_without_a_place_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        require_writable_file(tmp_path / path)


def test_a_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with atomic_folder(target) as part:
        (part / "x").write_text("new")
        assert not target.exists()
    assert (target / "x").read_text() == "new"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b", "x"]


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "a" / "b") as part:
        (part / "x").write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_keeps_its_other_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "sub" / "x").write_text("old")
    with atomic_folder(tmp_path) as part:
        (part / "sub").mkdir()
        (part / "sub" / "x").write_text("new")
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / "sub" / "x").read_text() == "new"
    assert not list(tmp_path.parent.glob(".*.part"))
