"""`ictus doctor` finds what is broken, and says what to do."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import Distribution, PackageNotFoundError, PathDistribution
from pathlib import Path

import pytest
from ictus.app.cli import main
from ictus.app.doctor import command, files, machine, packages, tools, witnesses
from ictus.app.doctor.check import Check, carried_out
from ictus.app.model_files import ZOO
from ictus.app.runs.store import RunStore, open_runs
from ictus.compression import CompactModel
from ictus.data_scripts.checksums import SUMS_FILE
from ictus.data_scripts.zoo_sums import zoo_sums
from ictus.firmware_export import witnesses as forms
from test_runs import START


def _states(checks: Iterable[Check]) -> dict[str, str]:
    return {check.name: check.state for check in checks}


def _of(checks: Iterable[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the models that a test may break."""
    copy = tmp_path / "zoo"
    shutil.copytree(ZOO, copy)
    monkeypatch.setattr(files, "ZOO", copy)
    return copy


def _fake_compiler(folder: Path, body: str) -> Path:
    folder.mkdir()
    (folder / "cc").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "cc").chmod(0o755)
    return folder


def test_the_list_of_the_models_is_that_of_their_files():
    assert (ZOO / SUMS_FILE).read_text("ascii") == zoo_sums()


def test_the_files_that_come_along_are_as_published():
    assert _states(files.check_files()) == {"program files": "ok", "built-in sample": "ok", "models": "ok"}


def test_one_flipped_bit_of_a_model_is_found(zoo):
    content = bytearray((zoo / "beat.ictus").read_bytes())
    content[len(content) // 2] ^= 1
    (zoo / "beat.ictus").write_bytes(content)
    found = _of(files.check_files(), "models")
    assert found.state == "failed"
    assert "beat.ictus" in found.why
    assert "install" in found.todo


def test_a_model_that_is_gone_and_a_list_that_is_gone_are_found(zoo):
    (zoo / "rhythm.ictus").unlink()
    assert "rhythm.ictus" in _of(files.check_files(), "models").why
    (zoo / SUMS_FILE).unlink()
    assert _of(files.check_files(), "models").state == "failed"


def test_a_wheel_whose_file_was_changed_is_found(tmp_path, monkeypatch):
    (tmp_path / "ictus" / "app").mkdir(parents=True)
    (tmp_path / "ictus" / "app" / "cli.py").write_text("x = 1\n")
    info = tmp_path / "ictus-0.dist-info"
    info.mkdir()
    digest = "sha256=ryYEFoWYCBbWUiEXMdpg6AYnuC3HMiPrxR7xW9mm-nU"
    (info / "RECORD").write_text(f"ictus/app/cli.py,{digest},6\n")

    def installed(_: str) -> Distribution:
        return PathDistribution(info)

    monkeypatch.setattr(files, "distribution", installed)
    wrong = _of(files.check_files(), "program files")
    assert (wrong.state, "ictus/app/cli.py" in wrong.why) == ("failed", True)


def test_the_packages_of_this_installation_are_within_their_bounds():
    found = _states(packages.check_packages())
    assert found["Python"] == found["packages"] == "ok"


@pytest.mark.parametrize(
    ("name", "version", "check", "says"),
    [("numpy", "1.20.0", "packages", "numpy 1.20.0 is not >="),
     ("torch", "99.0", "packages", "torch 99.0 is not"),
     ("scipy", None, "packages", "scipy is not installed"),
     ("unicorn", "1.0", "extra wearable", "unicorn 1.0 is not")],
)  # fmt: skip
def test_a_wrong_or_missing_package_is_found(monkeypatch, name, version, check, says):
    real = packages.version

    def pretended(package: str) -> str:
        if package != name:
            return real(package)
        if version is None:
            raise PackageNotFoundError(package)
        return version

    monkeypatch.setattr(packages, "version", pretended)
    found = _of(packages.check_packages(), check)
    assert found.state == "failed"
    assert says in found.why
    assert "pip install" in found.todo


def test_an_extra_that_is_not_installed_is_absent_and_half_of_one_a_warning(monkeypatch):
    real = packages.version
    missing = {"unicorn", "ziglang", "pyelftools", "capstone", "flatbuffers"}

    def pretended(package: str) -> str:
        if package in missing:
            raise PackageNotFoundError(package)
        return real(package)

    monkeypatch.setattr(packages, "version", pretended)
    found = _states(packages.check_packages())
    assert found["extra wearable"] == "absent"
    if "extra tflite" in found:
        assert found["extra tflite"] in ("warning", "absent")


def test_another_python_is_found(monkeypatch):
    monkeypatch.setattr(packages.platform, "python_version", lambda: "3.9.1")
    assert _of(packages.check_packages(), "Python").state == "failed"


def test_no_compiler_on_the_path_is_found(monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = _states(tools.check_tools())
    assert found["C compiler"] == "failed"
    assert {found[name] for name in ("cross compiler", "emulator", "LiteRT", "QEMU")} == {"absent"}


@pytest.mark.parametrize(
    ("body", "says"),
    [("echo 'cc: out of order' >&2; exit 1", "out of order"),
     ("printf '#!/bin/sh\\nexit 7\\n' > \"$3\"; chmod +x \"$3\"", "gave 7 and not 42")],
    ids=["refuses", "makes wrong programs"],
)  # fmt: skip
def test_a_compiler_that_does_not_work_is_found(monkeypatch, tmp_path, body, says):
    folder = _fake_compiler(tmp_path / "bin", body)
    monkeypatch.setattr(tools, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    found = _of(tools.check_tools(), "C compiler")
    assert found.state == "failed"
    assert says in found.why


def test_witnesses_that_disagree_are_found(monkeypatch):
    """The C gets another model than Python: one bias of the screen has moved."""
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    real = forms.write_sources

    def damaged(model: CompactModel, sources: Path, form: str) -> bytes:
        return real(_moved(model), sources, form=form)

    monkeypatch.setattr(forms, "write_sources", damaged)
    monkeypatch.setattr(witnesses, "TASKS", ("beat",))
    found = next(iter(witnesses.check_witnesses()))
    assert found.state == "failed"
    assert "C on the host differs at" in found.why


def _moved(model: CompactModel) -> CompactModel:
    stage = model.stages[1]
    last = stage.layers[-1]
    moved = replace(last, bias=last.bias + (1 if int(last.bias.max()) < 127 else -1))
    stages = (model.stages[0], replace(stage, layers=(*stage.layers[:-1], moved)), *model.stages[2:])
    return replace(model, stages=stages)


def test_a_database_that_is_none_is_found(monkeypatch, tmp_path):
    (tmp_path / "r").write_text("no database at all " * 100)
    monkeypatch.setenv("ICTUS_REVIEWS", str(tmp_path / "r"))
    found = _of(machine.check_machine(), "database")
    assert found.state == "failed"
    assert "not an SQLite database" in found.why


def test_a_folder_that_is_a_file_is_found(monkeypatch, tmp_path):
    (tmp_path / "ictus").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _of(machine.check_machine(), "cache folder").state == "failed"


def test_a_clock_that_was_set_back_is_a_warning(monkeypatch, tmp_path):
    monkeypatch.setenv("ICTUS_REVIEWS", str(tmp_path / "r"))
    runs: RunStore = open_runs()
    runs.begin(replace(START, started_at="2999-01-01T00:00:00.000Z"))
    runs.close()
    assert _of(machine.check_machine(), "clock").state == "warning"


def test_a_damaged_recording_is_found_by_the_full_check_alone(monkeypatch, tmp_path):
    folder = tmp_path / "nstdb"
    shutil.copytree(files.SAMPLE_FOLDER / "nstdb", folder)
    names = sorted(p.name for p in folder.iterdir() if p.suffix in (".hea", ".dat"))
    sums = "".join(f"{files.sha256_of(folder / name)}  {name}\n" for name in names)
    (folder / SUMS_FILE).write_text(sums)
    monkeypatch.setenv("ICTUS_DATA", str(tmp_path))
    assert _of(files.check_data(True), "data nstdb").state == "ok"
    (folder / "bw.dat").write_bytes((folder / "bw.dat").read_bytes()[:-1] + b"\x55")
    assert _of(files.check_data(False), "data nstdb").state == "ok"
    found = _of(files.check_data(True), "data nstdb")
    assert (found.state, "bw.dat" in found.why) == ("failed", True)
    (folder / "bw.dat").unlink()
    assert _of(files.check_data(False), "data nstdb").state == "warning"
    assert _of(files.check_data(False), "data mitdb").state == "absent"


def test_a_check_that_breaks_has_failed():
    def breaks() -> Iterable[Check]:
        yield Check("first", "ok", "")
        raise ImportError("libsomething.so: cannot open")

    assert _states(carried_out("second", breaks)) == {"first": "ok", "second": "failed"}


def test_the_command_ends_with_2_and_names_what_failed(monkeypatch, capsys, tmp_path):
    wrong = [
        Check("one", "ok", "fine"),
        Check("two", "failed", "broken", "mend it"),
        Check("three", "absent", "none"),
    ]
    monkeypatch.setattr(command, "_parts", lambda _: {"all": lambda: wrong})
    assert main(["doctor", "--json", str(tmp_path / "d.json")]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == "ictus: 1 of 3 checks failed: two"
    assert "-> mend it" in said.out
    found = json.loads((tmp_path / "d.json").read_text())
    assert found["counts"] == {"ok": 1, "failed": 1, "absent": 1}
    assert found["checks"][1] == {"name": "two", "state": "failed", "why": "broken", "todo": "mend it"}
    monkeypatch.setattr(command, "_parts", lambda _: {"all": lambda: wrong[:1]})
    assert main(["doctor"]) == 0
