"""``ictus runs``: what was run, what came out, and how two runs differ."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ...signals.errors import InputError
from .compare import compare_runs
from .store import RunStore, open_runs
from .text import comparison_text, list_text, record_text

__all__ = ["RunsArguments", "runs_command"]

_MOST_COMPARED = 20
_TAKES = {
    "list": (0, 0, "no number"),
    "show": (1, 1, "the number of one run"),
    "compare": (2, _MOST_COMPARED, f"from 2 to {_MOST_COMPARED} numbers of runs"),
}
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True)
class RunsArguments:
    """What the command line was given.

    Attributes
    ----------
    action : ``list``, ``show`` or ``compare``
    ids : numbers of runs, for the latter two
    kind, task, since, limit : which runs to list; `since` is a date, a time in ISO 8601, or a length like ``7d``
    database : as for `open_runs`
    """

    action: str = "list"
    ids: Sequence[str] = ()
    kind: str | None = None
    task: str | None = None
    since: str | None = None
    limit: int | None = 20
    database: str | None = None


def runs_command(given: RunsArguments) -> tuple[dict[str, Any], str]:
    """Run the command.

    Returns
    -------
    the result as plain values, and as text

    Raises
    ------
    InputError
        no such run, a number or time that is none, or a registry that cannot be read
    """
    ids = [_number(text) for text in given.ids]
    least, most, says = _TAKES[given.action]
    if not least <= len(ids) <= most:
        raise InputError(f"`ictus runs {given.action}` takes {says}, {len(ids)} given")
    since = None if given.since is None else _since(given.since)
    runs = open_runs(given.database)
    try:
        return _list(runs, given, since) if given.action == "list" else _of(runs, given.action, ids)
    finally:
        runs.close()


def _list(runs: RunStore, given: RunsArguments, since: str | None) -> tuple[dict[str, Any], str]:
    found = runs.latest(given.limit, given.kind, given.task, since)
    return {"registry": runs.where, "runs": [run.to_json() for run in found]}, list_text(found, runs.where)


def _of(runs: RunStore, action: str, ids: Sequence[int]) -> tuple[dict[str, Any], str]:
    found = [runs.get(run_id) for run_id in ids]
    if action == "show":
        return found[0].to_json(), record_text(found[0])
    compared = compare_runs(found)
    return compared, comparison_text(compared)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InputError(f"{text!r} is no number of a run; `ictus runs` lists them")
    return int(text)


def _since(text: str) -> str:
    """A time as the registry writes it."""
    if length := re.fullmatch(r"(\d{1,5})([dhm])", text):
        when = datetime.now(UTC) - timedelta(**{_UNITS[length[2]]: int(length[1])})
    else:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise InputError(f"--since {text!r} is no date (2026-01-31), time or length (7d, 12h, 30m)") from None
    when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
