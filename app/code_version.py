"""Which code made a result: the package's version, a hash of its files, and what it ran on."""

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_fingerprint", "environment"]

_PACKAGES = ("signals", "models", "compression", "firmware_export", "app")
_PROGRAM = (".py", ".c", ".h", ".json", ".ictus", ".toml")
_NUMERICAL = ("numpy", "scipy", "torch")


@cache
def code_fingerprint() -> str:
    """Hash of every file of the package that a result may follow from: 16 hexadecimal digits.

    The same files give the same hash on every machine, wherever and whenever they were installed.
    """
    root = Path(__file__).resolve().parent.parent
    files = sorted(p for folder in _PACKAGES for p in (root / folder).rglob("*") if p.suffix in _PROGRAM)
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def environment() -> dict[str, str]:
    """Versions of what computes: the same code may give other last digits on another one."""
    found = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    return found | {name: _version(name) for name in _NUMERICAL}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
