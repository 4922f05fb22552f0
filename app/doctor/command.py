"""``ictus doctor``: every check, one line each."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from ...models.train import Progress
from .check import Check, carried_out

__all__ = ["doctor_command", "examine"]


def doctor_command(is_full: bool = False, progress: Progress | None = None) -> tuple[dict[str, Any], str]:
    """Carry every check out.

    Parameters
    ----------
    is_full : hash every file of the data sets, too

    Returns
    -------
    ``checks``, each with ``name``, ``state``, ``why`` and ``todo``; how many are in each state; ``unmet``, a line
    that names those that failed, if any did; and all of it as text
    """
    checks = list(examine(is_full, progress))
    counts = Counter(check.state for check in checks)
    result: dict[str, Any] = {"checks": [check.to_json() for check in checks], "counts": dict(counts)}
    if failed := [check.name for check in checks if check.state == "failed"]:
        result["unmet"] = f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}"
    return result, _text(checks)


def examine(is_full: bool = False, progress: Progress | None = None) -> Iterator[Check]:
    """Every check, one after the other."""
    parts = _parts(is_full)
    for done, (name, look) in enumerate(parts.items(), 1):
        if progress:
            progress("check", done, len(parts), name)
        yield from carried_out(name, look)


def _parts(is_full: bool) -> dict[str, Callable[[], Iterable[Check]]]:
    """A package that cannot be imported fails the checks that need it, not the others."""
    modules = {"packages": "check_packages", "files": "check_files", "machine": "check_machine"}
    modules |= {"tools": "check_tools", "witnesses": "check_witnesses"}
    parts: dict[str, Callable[[], Iterable[Check]]] = {n: partial(_call, n, verb) for n, verb in modules.items()}
    return parts | {"data": partial(_call, "files", "check_data", is_full)}


def _call(module: str, verb: str, *arguments: Any) -> Iterable[Check]:
    from importlib import import_module

    return getattr(import_module(f".{module}", __package__), verb)(*arguments)


def _text(checks: Sequence[Check]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.state:<7}  {check.name:<{width}}  {check.why}")
        if check.todo and check.state != "ok":
            lines.append(f"{'':7}  {'':{width}}  -> {check.todo}")
    return "\n".join(lines)
