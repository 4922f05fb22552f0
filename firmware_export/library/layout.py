"""Where things lie in an exported folder: what CMake, Zephyr, Arduino and a plain Makefile each look for.

::

    README.md  Makefile  CMakeLists.txt  library.properties
    src/                    the library: every C file and header that a device compiles
    selftest/               golden vectors and the program that runs them
    examples/ten_lines/     the whole integration, with a computer as the board
    examples/ictus_TASK/    the same as an Arduino sketch
    zephyr/                 the Zephyr module
"""

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ...compression.compact import CompactModel
from ..golden import GoldenVectors
from ..toolchain import DEVICE_DIRECTORY
from .c_text import write_text
from .golden_header import golden_header

__all__ = ["EXAMPLES", "example_sources", "write_library"]

_TEMPLATES = Path(__file__).with_name("templates")
EXAMPLES = _TEMPLATES / "examples"
"""The example's sources as they are before the export."""

_BUILD_FILES = (
    "Makefile",
    "CMakeLists.txt",
    "library.properties",
    "zephyr/module.yml",
    "zephyr/CMakeLists.txt",
    "zephyr/Kconfig",
)
_SIGNAL = {"beat": "ECG", "rhythm": "ECG", "seizure": "EEG"}
_HEADER = {"beat": "ictus.h", "rhythm": "ictus.h", "seizure": "ictus_seizure.h"}


def write_library(model: CompactModel, directory: Path, golden: GoldenVectors) -> None:
    """Write everything but ``src/`` and the read-me into an existing directory."""
    task = model.task
    for name in _BUILD_FILES:
        write_text(directory / name, _filled((_TEMPLATES / name).read_text(encoding="utf-8"), task))
    write_text(directory / "selftest" / "golden.h", golden_header(model, golden))
    shutil.copyfile(DEVICE_DIRECTORY / "selftest.c", directory / "selftest" / "selftest.c")
    for name, source in _example_files(task).items():
        (directory / "examples" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, directory / "examples" / name)


def example_sources(task: str) -> list[Path]:
    """The ten-line program of a task, which takes its board from ``port.h`` beside it."""
    return [EXAMPLES / f"main_{task}.c"]


def _example_files(task: str) -> dict[str, Path]:
    """Name in ``examples/`` -> source."""
    return {
        "ten_lines/main.c": EXAMPLES / f"main_{task}.c",
        "ten_lines/port.h": EXAMPLES / "port.h",
        "ten_lines/port_stdin.c": EXAMPLES / "port_stdin.c",
        f"ictus_{task}/ictus_{task}.ino": EXAMPLES / f"sketch_{task}.ino",
    }


def _filled(text: str, task: str) -> str:
    """A template with ``@NAME@`` replaced."""
    values = {"TASK": task, "SIGNAL": _SIGNAL[task], "HEADER": _HEADER[task], "VERSION": _version()}
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _version() -> str:
    try:
        return version("ictus")
    except PackageNotFoundError:
        return "0.0.0"
