"""Python and the packages, against the bounds that this package declares."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from .check import Check

__all__ = ["check_packages"]

EXTRAS = ("tflite", "wearable", "dashboard", "dask")
"""What a user may install; the others are a developer's."""


def check_packages() -> Iterator[Check]:
    """Python, the packages that are always needed, and those of each extra."""
    yield _python()
    found = [Requirement(text) for text in requires("ictus") or ()]
    yield _needed([r for r in found if r.marker is None or r.marker.evaluate({"extra": ""})])
    for extra in EXTRAS:
        own = [r for r in found if r.marker and _is_of(r, extra)]
        if own:
            yield _optional(extra, own)


def _is_of(requirement: Requirement, extra: str) -> bool:
    assert requirement.marker is not None
    return requirement.marker.evaluate({"extra": extra}) and not requirement.marker.evaluate({"extra": ""})


def _python() -> Check:
    here, wanted = platform.python_version(), metadata("ictus")["Requires-Python"] or ""
    if SpecifierSet(wanted).contains(here, prereleases=True):
        return Check("Python", "ok", f"{here} ({wanted})")
    return Check("Python", "failed", f"{here} is not {wanted}", f"install Python {wanted} and the package in it")


def _needed(requirements: list[Requirement]) -> Check:
    missing, wrong = _missing(requirements), _wrong(requirements)
    if missing or wrong:
        return Check("packages", "failed", ", ".join(missing + wrong), "pip install --upgrade ictus")
    return Check("packages", "ok", f"{len(requirements)} packages within their bounds")


def _optional(extra: str, requirements: list[Requirement]) -> Check:
    name, todo = f"extra {extra}", f"pip install --upgrade 'ictus[{extra}]'"
    missing, wrong = _missing(requirements), _wrong(requirements)
    if wrong:
        return Check(name, "failed", ", ".join(wrong + missing), todo)
    if len(missing) == len(requirements):
        return Check(name, "absent", "not installed", todo)
    if missing:
        return Check(name, "warning", ", ".join(missing), todo)
    return Check(name, "ok", f"{len(requirements)} packages within their bounds")


def _missing(requirements: list[Requirement]) -> list[str]:
    return [f"{r.name} is not installed" for r in requirements if _version(r.name) is None]


def _wrong(requirements: list[Requirement]) -> list[str]:
    found = [(r, here) for r in requirements if (here := _version(r.name)) is not None]
    return [
        f"{r.name} {v} is not {r.specifier}" for r, v in found if not r.specifier.contains(v, prereleases=True)
    ]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
