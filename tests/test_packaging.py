"""The wheel holds the program, the whole program, and nothing but the program."""

import importlib.util
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

import ictus

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUP = PROJECT["tool"]["setuptools"]
LEFTOVERS = {"__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}


def _folder_of(package: str) -> Path:
    """Where a package lies: the longest part of its name that `package-dir` maps, and the rest below it."""
    parts = package.split(".")
    for n in range(len(parts), 0, -1):
        if (mapped := SETUP["package-dir"].get(".".join(parts[:n]))) is not None:
            return ROOT.joinpath(mapped, *parts[n:])
    raise KeyError(package)


def _top_folders() -> dict[str, Path]:
    return {package: ROOT / folder for package, folder in SETUP["package-dir"].items()}


def _files(folder: Path) -> list[Path]:
    found = [p for p in folder.rglob("*") if p.is_file() and not LEFTOVERS & set(p.parts)]
    return [p for p in found if p.suffix not in (".pyc", ".part") and not p.name.startswith(".")]


def _expected() -> set[str]:
    """Names in the wheel of every file of the mapped folders."""
    return {
        f"{package.replace('.', '/')}/{path.relative_to(folder).as_posix()}"
        for package, folder in _top_folders().items()
        for path in _files(folder)
    }


def test_every_folder_of_code_is_a_listed_package():
    there = {
        ".".join([package, *path.parent.relative_to(folder).parts])
        for package, folder in _top_folders().items()
        for path in _files(folder)
        if path.suffix == ".py"
    }
    assert sorted(SETUP["packages"]) == sorted(there)
    assert [p for p in SETUP["packages"] if not (_folder_of(p) / "__init__.py").is_file()] == []


def test_every_file_that_is_not_code_is_named_as_package_data():
    patterns = [
        f"{package.replace('.', '/')}/{pattern}"
        for package, given in SETUP["package-data"].items()
        for pattern in given
    ]
    data = [name for name in _expected() if not name.endswith(".py")]
    unnamed = [name for name in data if not any(_matches(name, pattern) for pattern in patterns)]
    assert unnamed == []
    assert [p for p in patterns if not any(_matches(name, p) for name in data)] == []


def _matches(name: str, pattern: str) -> bool:
    """`fnmatch` folder by folder, as setuptools reads a pattern."""
    parts, given = name.split("/"), pattern.split("/")
    return len(parts) == len(given) and all(map(fnmatch, parts, given))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy of the tree as it is, with whatever Python and the tests left in it."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed: nothing to build a wheel with")
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for folder in _top_folders().values():
        shutil.copytree(folder, copy / folder.name)
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy)
    (copy / "app" / "__pycache__").mkdir(exist_ok=True)
    (copy / "app" / "__pycache__" / "left.cpython-311.pyc").write_bytes(b"left over")
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True, timeout=300)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert sorted(_expected() - names) == []
    assert sorted(names - _expected()) == []


def test_the_wheel_brings_its_licences_and_its_command(wheel):
    head = f"ictus-{ictus.__version__}.dist-info"
    assert wheel.read(f"{head}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert wheel.read(f"{head}/licenses/NOTICE") == (ROOT / "NOTICE").read_bytes()
    assert "ictus/signals/sample/LICENSE-ODC-By.txt" in wheel.namelist()
    assert b"ictus = ictus.app.cli:main" in wheel.read(f"{head}/entry_points.txt")


def test_one_version_is_stated_everywhere():
    assert PROJECT["project"]["version"] == ictus.__version__
