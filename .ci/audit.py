#!/usr/bin/env python3
"""What is installed for ictus: known vulnerabilities, versions that were withdrawn, licences.

    .venv/bin/python .ci/audit.py [--licences]      --licences prints those of every package

Status 1 for a known vulnerability, a withdrawn version, or a licence that nobody has judged. Where nobody can be
asked (no network, an index without advisories) that is said, and is no failure.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["Advisories", "installed_for", "licence_of", "main", "read_advisories", "read_withdrawn", "unjudged"]

AUDIT = "pip-audit==2.10.1"
UV = str(Path(sys.executable).with_name("uv"))

_EXTRAS = ("all", "dev", "bench")
_PERMISSIVE = re.compile(
    r"\b(MIT|0?BSD|Apache|PSF|Python Software Foundation|ISC|Zlib|CC0|BSL|HPND|Unlicense|Public Domain)\b",
    re.IGNORECASE,
)
_FILE_BY_FILE = re.compile(r"\b(MPL|Mozilla Public License)\b", re.IGNORECASE)
_COPYLEFT = re.compile(r"\bA?GPL|\bGNU\b|SSPL|EUPL|CC-BY-NC", re.IGNORECASE)
_JUDGED = {
    "psycopg": "LGPL-3.0: a library of its own, imported where the reviews lie on a PostgreSQL server",
    "psycopg-binary": "LGPL-3.0: see psycopg",
    "unicorn": "GPL-2.0 (its engine; the metadata say BSD): the extra `wearable` installs it, ictus has none",
    "timescoring": "MIT (its licence file; the metadata say nothing): tests only",
}


@dataclass(frozen=True)
class Advisories:
    """What the service said: how many packages it knows, and a line for every vulnerability."""

    n_checked: int
    found: tuple[str, ...]


def installed_for(package: str, extras: Iterable[str]) -> dict[str, str]:
    """Name -> installed version of everything that a package needs, directly or not, without itself."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(package, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen or (requires := _requires(name)) is None:
            continue
        seen.add((name, extra))
        versions[canonicalize_name(name)] = metadata.version(name)
        for needed in map(Requirement, requires):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(needed.name, more) for more in ("", *needed.extras)]
    versions.pop(canonicalize_name(package), None)
    return dict(sorted(versions.items()))


def _requires(name: str) -> list[str] | None:
    """None for what is not installed, such as a dependency of another system."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return None


def read_advisories(said: str) -> Advisories:
    """From pip-audit's JSON."""
    packages = json.loads(said)["dependencies"]
    checked = [p for p in packages if "skip_reason" not in p]
    found = [
        f"{p['name']} {p['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version yet'}"
        for p in checked
        for v in p["vulns"]
    ]
    return Advisories(len(checked), tuple(found))


def read_withdrawn(said: str) -> list[str]:
    """Lines of uv's warnings about withdrawn versions."""
    return [line.removeprefix("warning: ") for line in said.splitlines() if " is yanked" in line]


def licence_of(name: str) -> str:
    """What the package's metadata say; empty if nothing."""
    said = metadata.metadata(name)
    classifiers = [c for c in said.get_all("Classifier") or [] if c.startswith("License ::")]
    from_classifiers = "; ".join(c.rpartition(" :: ")[2] for c in classifiers if c != "License :: OSI Approved")
    first_line = next(iter((said.get("License") or "").strip().splitlines()), "")
    return said.get("License-Expression") or from_classifiers or first_line


def unjudged(licences: Mapping[str, str]) -> list[str]:
    """Packages whose licence is neither permissive, nor file by file, nor in the table of judged ones."""
    return [
        f"{name}: {licence or 'states no licence'}"
        for name, licence in licences.items()
        if name not in _JUDGED
        and (_COPYLEFT.search(licence) or not (_PERMISSIVE.search(licence) or _FILE_BY_FILE.search(licence)))
    ]


def _ask_for_advisories(pins: Path) -> Advisories | None:
    """None if no service answers."""
    for service in ("pypi", "osv"):
        ask = [UV, "tool", "run", "--quiet", AUDIT, "--vulnerability-service", service, "--format", "json"]
        ask += ["--progress-spinner", "off", "--no-deps", "--disable-pip", "--requirement", str(pins)]
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=600)
        if answer.stdout.startswith("{") and (told := read_advisories(answer.stdout)).n_checked:
            return told
    return None


def _ask_for_withdrawn(pins: Path) -> list[str] | None:
    """None if the index does not answer."""
    ask = [UV, "pip", "compile", "--no-deps", "--no-header", "--python", sys.executable, str(pins)]
    answer = subprocess.run(ask, capture_output=True, text=True, timeout=600)
    return read_withdrawn(answer.stderr) if answer.returncode == 0 else None


def _report(what: str, found: list[str] | None, n_asked: int, n_packages: int) -> bool:
    """Print one check; True if it found something."""
    if found is None:
        print(f"{what}: NOT CHECKED, nobody here can be asked about the {n_packages} packages")
        return False
    print(f"{what}: {len(found)} in {n_asked} of {n_packages} packages")
    print("".join(f"  {line}\n" for line in found), end="")
    return bool(found)


def main() -> int:
    """Ask, print, and say whether something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--licences", action="store_true", help="print the licence of every package")
    arguments = parser.parse_args()
    versions = installed_for("ictus", _EXTRAS)
    licences = {name: licence_of(name) for name in versions}
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("".join(f"{name}=={version.partition('+')[0]}\n" for name, version in versions.items()))
        told, withdrawn = _ask_for_advisories(pins), _ask_for_withdrawn(pins)
    if arguments.licences:
        for name, licence in licences.items():
            print(f"  {name} {versions[name]}: {_JUDGED.get(name, licence)}")
    n = len(versions)
    failed = [
        _report("known vulnerabilities", told and list(told.found), told.n_checked if told else 0, n),
        _report("withdrawn versions", withdrawn, n, n),
        _report("licences that nobody has judged", unjudged(licences), n, n),
    ]
    return int(any(failed))


if __name__ == "__main__":
    sys.exit(main())
