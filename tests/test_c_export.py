"""The exported directory is whole, the same every time, builds without a warning and proves itself."""

import dataclasses
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from ictus.compression.compact import CompactModel
from ictus.compression.model_file import to_bytes
from ictus.firmware_export import c_export, toolchain
from ictus.firmware_export.arena import arena_bytes
from ictus.firmware_export.c_export import export_c
from ictus.firmware_export.golden import GoldenVectors
from ictus.firmware_export.toolchain import FirmwareImage, MissingToolError
from ictus.signals.errors import InputError

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]


def without_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise MissingToolError("ziglang is not installed")

    monkeypatch.setattr(c_export, "measure_footprint", missing)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def host_compiler() -> list[str]:
    if found := shutil.which("gcc"):
        return [found]
    try:
        toolchain.compiler()
    except MissingToolError as error:
        pytest.skip(str(error))
    return [sys.executable, "-m", "ziglang", "cc"]


def self_test(directory: Path) -> subprocess.CompletedProcess[str]:
    sources = [str(path) for path in [*directory.glob("src/*.c"), directory / "selftest" / "selftest.c"]]
    program = directory / "program"
    include = ["-I", str(directory / "src")]
    subprocess.run([*host_compiler(), *STRICT, "-O1", *include, *sources, "-o", str(program)], check=True)
    return subprocess.run([program], capture_output=True, text=True)


def test_an_export_is_the_same_every_time(
    random_model: CompactModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_measurement(monkeypatch)
    golden = GoldenVectors.random(random_model, 3)
    files = export_c(random_model, tmp_path / "a", golden)
    export_c(random_model, tmp_path / "b", golden)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file()) == files
    assert "Not measured" in (tmp_path / "a" / "README.md").read_text()


def test_the_model_in_the_source_is_the_model_file(exported: Path, random_model: CompactModel) -> None:
    source = (exported / "src" / "ictus_model_data.c").read_text()
    body = source[source.index("{") + 1 : source.index("}")]
    data = bytes(int(word, 16) for word in body.replace(",", " ").split())
    assert data == to_bytes(random_model)
    header = (exported / "src" / "ictus_model_data.h").read_text()
    assert f"ICTUS_MODEL_CRC32 0x{zlib.crc32(data):08x}u" in header
    assert f"ICTUS_ARENA_BYTES {arena_bytes(random_model)}u" in header
    bound = header.partition("accumulators stay within +-")[2].partition(",")[0]
    assert 2**22 < int(bound) < 2**23, "bias and rounding at the largest shift, and some weights"


def test_the_self_test_passes_and_compiles_without_a_warning(
    random_model: CompactModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_measurement(monkeypatch)
    export_c(random_model, tmp_path, GoldenVectors.random(random_model, 4))
    done = self_test(tmp_path)
    assert (done.returncode, done.stdout) == (0, "4 golden vectors agree at every exit\n")


def test_the_self_test_fails_when_the_model_is_another(
    random_model: CompactModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_measurement(monkeypatch)
    export_c(random_model, tmp_path, GoldenVectors.random(random_model, 4))
    last = random_model.stages[-1]
    bias = last.layers[-1].bias + np.array([0, 0, 0, 0, 1], np.int8)
    layers = *last.layers[:-1], dataclasses.replace(last.layers[-1], bias=bias)
    other = dataclasses.replace(
        random_model, stages=(*random_model.stages[:-1], dataclasses.replace(last, layers=layers))
    )
    export_c(other, tmp_path / "other", GoldenVectors.random(random_model, 4))
    for name in ("ictus_model_data.c", "ictus_model_data.h"):
        shutil.copyfile(tmp_path / "other" / "src" / name, tmp_path / "src" / name)
    done = self_test(tmp_path)
    assert done.returncode == 1
    assert "stage 2, logit 4" in done.stdout


def test_measured_figures_stand_in_the_readme(exported: Path, device_image: FirmwareImage) -> None:
    readme = (exported / "README.md").read_text()
    assert f"{device_image.flash_bytes:,} bytes" in readme
    assert f"{device_image.ram_bytes:,} bytes" in readme
    assert "instructions, specialist" in readme


def test_the_firmware_holds_the_model_and_its_arena(
    device_image: FirmwareImage, random_model: CompactModel
) -> None:
    assert device_image.model_bytes == len(to_bytes(random_model))
    assert arena_bytes(random_model) < device_image.ram_bytes < 32 * 1024


def test_the_runtime_needs_no_other_headers(exported: Path) -> None:
    allowed = {"<stdint.h>", "<stddef.h>"}
    for path in exported.glob("src/*.[ch]"):
        included = {line.split()[1] for line in path.read_text().splitlines() if line.startswith("#include <")}
        assert included <= allowed, path.name


def test_nothing_to_check_with_is_refused(random_model: CompactModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no golden vector"):
        export_c(random_model, tmp_path / "out", GoldenVectors.random(random_model, 0))
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_directory_is_refused(random_model: CompactModel, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(InputError, match="taken"):
        export_c(random_model, taken, GoldenVectors.random(random_model, 1))
    assert taken.read_text() == "mine"


def test_a_failed_export_leaves_nothing_behind(
    random_model: CompactModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(c_export, "write_library", fails)
    with pytest.raises(InputError, match="No space left"):
        export_c(random_model, tmp_path, GoldenVectors.random(random_model, 1))
    assert list(tmp_path.iterdir()) == []
