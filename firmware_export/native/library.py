"""The device's C compiled for this computer: once per version of its sources, kept in the user's cache folder."""

import ctypes
import hashlib
import platform
import secrets
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ...signals.errors import IctusError
from ...signals.folders import user_cache_folder
from ..toolchain import RUNTIME_DIRECTORY

__all__ = ["NoNativeLibraryError", "native_library"]

_DIRECTORY = Path(__file__).parent
_FLAGS = (
    "-std=c99",
    "-Werror=int-conversion",
    "-Werror=incompatible-pointer-types",
    "-shared",
    "-fPIC",
    "-O3",
    "-ffp-contract=off",  # a fused product and sum would differ from what scipy computes
)
_ZIG_FLAGS = ("-fno-sanitize=all", "-mcpu=baseline")  # a home folder may be shared by unlike machines


class NoNativeLibraryError(IctusError):
    """The runtime cannot be compiled here; the message says why."""


@cache
def native_library() -> ctypes.CDLL:
    """The shared library of the runtime and of ``native/``; compiled on first use by zig, else by ``cc``.

    Raises
    ------
    NoNativeLibraryError
        There is no compiler, or none that makes a library which can be loaded.
    """
    faults = []
    for command in _compilers():
        try:
            return ctypes.CDLL(str(_built(command)))
        except OSError as error:
            faults.append(f"{command[-1]}: {error}")
        except subprocess.CalledProcessError as error:
            faults.append(f"{command[-1]}: {_first_error(error.stderr)}")
    raise NoNativeLibraryError("; ".join(faults) or "neither ziglang nor a system compiler `cc` is installed")


def _compilers() -> list[tuple[str, ...]]:
    found = []
    if find_spec("ziglang"):
        found.append((sys.executable, "-m", "ziglang", "cc"))
    if system := shutil.which("cc"):
        found.append((system,))
    return found


def _built(command: tuple[str, ...]) -> Path:
    """The library, from the cache if it is there."""
    sources = sorted([*RUNTIME_DIRECTORY.glob("*.[ch]"), *_DIRECTORY.glob("*.[ch]")])
    flags = [*_FLAGS, *(_ZIG_FLAGS if len(command) > 1 else ())]
    library = user_cache_folder() / "native" / _key(command, flags, sources) / "ictus.so"
    if not library.is_file():
        library.parent.mkdir(parents=True, exist_ok=True)
        part = library.with_name(f".{secrets.token_hex(4)}.part")
        include = ["-I", str(RUNTIME_DIRECTORY), "-I", str(_DIRECTORY)]
        files = [str(path) for path in sources if path.suffix == ".c"]
        subprocess.run(
            [*command, *flags, *include, *files, "-o", str(part)], capture_output=True, text=True, check=True
        )
        part.replace(library)
    return library


def _key(command: tuple[str, ...], flags: list[str], sources: list[Path]) -> str:
    digest = hashlib.sha256("\n".join([*command[1:], _zig_version(), *flags, *platform.uname()[4:]]).encode())
    for path in sources:
        digest.update(path.name.encode() + b"\n" + path.read_bytes())
    return digest.hexdigest()[:16]


def _zig_version() -> str:
    try:
        return version("ziglang")
    except PackageNotFoundError:
        return ""


def _first_error(text: str) -> str:
    lines = text.splitlines() or ["the compiler failed"]
    return next((line for line in lines if "error" in line), lines[0])
