"""The exported folder is what CMake, Arduino, Zephyr and make each look for, and its example decides."""

import shutil
import subprocess
from pathlib import Path

import pytest
from ictus.app.model_files import ZOO
from ictus.compression import load_compact
from ictus.firmware_export import GoldenVectors, c_export, export_c
from ictus.firmware_export.emulator.device_run import expected_run
from ictus.firmware_export.targets import TARGETS, get_target
from ictus.firmware_export.toolchain import MissingToolError
from ictus.signals import SAMPLE_FOLDER, InputError, load, to_device

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
CORES = {
    "arm-none-eabi-gcc": [["-mcpu=cortex-m0plus", "-mthumb"], ["-mcpu=cortex-m4", "-mthumb"]],
    "gcc": [[], SANITIZERS],
    "clang": [[], SANITIZERS],
}


@pytest.fixture(scope="module", params=["packed", "small"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zoo's model of beats, as `ictus export` writes it in a form."""
    model, folder = load_compact(ZOO / "beat.ictus"), tmp_path_factory.mktemp("library")

    def not_now(*_: object) -> None:
        raise MissingToolError("figures are the business of test_c_export.py")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_export, "measure_footprint", not_now)
        export_c(model, folder, GoldenVectors.random(model, 2), form=request.param)
    return folder


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize(("compiler", "flags"), [(name, f) for name, all_ in CORES.items() for f in all_])
def test_it_compiles_without_a_warning(compiler: str, flags: list[str], library: Path, tmp_path: Path) -> None:
    sources = [str(path) for path in sorted(library.glob("src/*.c"))]
    command = [tool(compiler), "-std=c99", "-O2", *STRICT, *flags, "-ffreestanding", "-c", *sources]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tmp_path.glob("*.o"))) == len(sources)


def test_the_ten_lines_give_the_beats_of_the_reference(library: Path, tmp_path: Path) -> None:
    """Compiled with the sanitizers, a computer as the board: samples in, a line per beat out."""
    parts = [*sorted(library.glob("src/*.c")), *library.glob("examples/ten_lines/*.c")]
    include = ["-I", str(library / "src"), "-I", str(library / "examples" / "ten_lines")]
    program = tmp_path / "example"
    command = [
        tool("gcc"),
        "-std=c99",
        "-O1",
        *STRICT,
        *SANITIZERS,
        *include,
        *map(str, parts),
        "-o",
        str(program),
    ]
    subprocess.run(command, check=True)
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "200")).counts
    done = subprocess.run([program], input=counts.astype("<i2").tobytes(), capture_output=True, check=True)
    found = done.stdout.decode().splitlines()
    events = expected_run(load_compact(ZOO / "beat.ictus"), counts).events
    rows = zip(events.peak, events.reached, events.label, strict=True)
    expected = [f"sample {peak}, reached {reached}, class {label}" for peak, reached, label in rows]
    assert found == expected[: len(found)]
    assert len(expected) - len(found) < 6, "the device waits for what follows the last beats"


def test_the_whole_integration_takes_ten_lines(library: Path) -> None:
    text = (library / "examples" / "ten_lines" / "main.c").read_text(encoding="utf-8")
    body = [line for line in text.splitlines() if line.strip(" {}") and not line.startswith(("#", "/*"))]
    assert len(body) <= 10


def test_cmake_builds_and_tests_it(library: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    for command in (["-S", str(library), "-B", str(build)], ["--build", str(build)]):
        done = subprocess.run([tool("cmake"), *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "2 golden vectors agree" in subprocess.run([build / "selftest"], capture_output=True, text=True).stdout


def test_the_zephyr_module_names_the_sources(library: Path, tmp_path: Path) -> None:
    """The functions that Zephyr brings print what they are given."""
    script = tmp_path / "zephyr.cmake"
    functions = ("zephyr_library_named", "zephyr_library_sources", "zephyr_include_directories")
    stand_ins = "\n".join(f'function({name})\n  message("{name} ${{ARGV}}")\nendfunction()' for name in functions)
    script.write_text(f"{stand_ins}\nset(CONFIG_ICTUS y)\ninclude({library}/zephyr/CMakeLists.txt)\n")
    done = subprocess.run([tool("cmake"), "-P", str(script)], capture_output=True, text=True)
    sources = next(line for line in done.stderr.splitlines() if line.startswith("zephyr_library_sources"))
    assert {Path(path).name for path in sources.split(" ", 1)[1].split(";")} == {
        path.name for path in library.glob("src/*.c")
    }
    assert (library / "zephyr" / "module.yml").is_file()
    assert "config ICTUS" in (library / "zephyr" / "Kconfig").read_text(encoding="utf-8")


@pytest.mark.parametrize("task", ["beat", "rhythm", "seizure"])
def test_the_arduino_sketch_compiles(task: str, tmp_path: Path) -> None:
    """As C++, beside a header that stands for Arduino's own."""
    from ictus.firmware_export.c_export import write_sources
    from ictus.firmware_export.library.layout import EXAMPLES

    write_sources(load_compact(ZOO / f"{task}.ictus"), tmp_path)
    (tmp_path / "Arduino.h").write_text(
        "#include <stdint.h>\nenum { A0 };\nint analogRead(int);\nunsigned long micros();\n"
        "struct { void begin(long); void print(char); void print(const char *); void print(unsigned long);\n"
        "void println(const char *); void println(long); } Serial;\n"
    )
    sketch = ["-x", "c++", "-include", "Arduino.h", "-I", ".", str(EXAMPLES / f"sketch_{task}.ino")]
    subprocess.run(
        [tool("g++"), "-std=c++11", "-Wall", "-Wextra", "-fsyntax-only", *sketch], cwd=tmp_path, check=True
    )


def test_arduino_finds_the_library(library: Path) -> None:
    lines = (library / "library.properties").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines)
    assert {"name", "version", "author", "maintainer", "sentence", "architectures"} <= values.keys()
    assert all((library / "src" / header).is_file() for header in values["includes"].split(","))
    assert (library / "examples" / "ictus_beat" / "ictus_beat.ino").is_file()


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(InputError, match="target 'z80' is not known; known: cortex-m0plus, cortex-m4"):
        get_target("z80")
    assert set(TARGETS) >= {"cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m7", "rv32imc", "host"}
