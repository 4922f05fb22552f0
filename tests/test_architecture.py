"""The shape of the repository, as DESIGN and STYLE state it."""

import ast
from pathlib import Path

import pytest

import ictus

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("signals", "models", "compression", "firmware_export", "app")
APP_ORDER = (
    "batch",
    "analyze",
    "report",
    "evaluate",
    "wearable",
    "compress",
    "tasks",
    "review",
    "runs",
    "doctor",
    "dashboard",
)
SOURCES = sorted(
    p for folder in (*ORDER, "data_scripts", "ictus", "benchmarks") for p in (ROOT / folder).rglob("*.py")
)
C_SOURCES = sorted(p for p in (ROOT / "firmware_export").rglob("*.[ch]"))


def _imported_folders(path: Path, root: Path) -> set[str]:
    """First folder or module below `root` of every relative import that leaves the file's own folder of `root`."""
    here = path.relative_to(root).parts[:-1]
    nodes = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ImportFrom)]
    leaving = [n for n in nodes if n.level == len(here) + 1]
    return {(n.module or n.names[0].name).split(".")[0] for n in leaving}


@pytest.mark.parametrize("folder", ORDER)
def test_imports_go_one_way(folder):
    allowed = {*ORDER[: ORDER.index(folder)], *(["data_scripts"] if folder == "app" else [])}
    for path in (ROOT / folder).rglob("*.py"):
        assert _imported_folders(path, ROOT) <= allowed, path


@pytest.mark.parametrize("folder", APP_ORDER)
def test_imports_within_the_app_go_one_way(folder):
    not_yet = set(APP_ORDER[APP_ORDER.index(folder) + 1 :])
    for path in (ROOT / "app" / folder).rglob("*.py"):
        assert not _imported_folders(path, ROOT / "app") & not_yet, path


@pytest.mark.parametrize("path", SOURCES + C_SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", [p for p in C_SOURCES if p.parent.name == "runtime"], ids=lambda p: p.name)
def test_the_runtime_includes_nothing_but_integers_and_itself(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    included = {line.split()[1] for line in lines if line.startswith("#include")}
    assert all(name in ("<stdint.h>", "<stddef.h>") or name.startswith('"ictus') for name in included)


def test_the_front_door_offers_the_public_verbs_and_nothing_else():
    verbs = ["analyze", "compress", "evaluate", "export", "load", "simulate", "train"]
    assert sorted(ictus.__all__) == ["__version__", *verbs]
    assert all(callable(getattr(ictus, verb)) for verb in verbs)
    with pytest.raises(AttributeError, match="no attribute 'download'"):
        _ = ictus.download


@pytest.mark.parametrize("folder", [*ORDER[:-1], "data_scripts"])
def test_what_a_folder_offers_exists(folder):
    from importlib import import_module

    module = import_module(f"ictus.{folder}")
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(module, name) for name in module.__all__)
