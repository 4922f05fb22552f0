"""``ictus data``: the public data sets on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data_scripts.fetch import DatasetState, fetch, list_datasets, verify
from ..signals import CorruptRecordError, InputError
from .console import table_text
from .output import require_writable

__all__ = ["data_command"]


def data_command(
    action: str, name: str | None, root: Path | None = None, only: Sequence[str] = ()
) -> tuple[dict[str, Any], str]:
    """Run ``list``, ``fetch`` or ``verify``.

    Parameters
    ----------
    name : data set to fetch or verify
    root : root folder of the data sets, the default one if None
    only : shell patterns of the files to take, all that matter if empty

    Returns
    -------
    the result as plain values, and as text

    Raises
    ------
    InputError
        No name where one is needed, no such data set, or a data set that is not whole.
    """
    if action == "list":
        return _list(root)
    if name is None:
        raise InputError(f"`ictus data {action}` needs the name of a data set, see `ictus data list`")
    return _fetch(name, root, only) if action == "fetch" else _verify(name, root, only)


def _list(root: Path | None) -> tuple[dict[str, Any], str]:
    states = list_datasets(root)
    rows = [(s.dataset.name, _presence(s), s.dataset.licence, s.dataset.title) for s in states]
    width = max(len(name) for name, *_ in rows)
    lines = [f"{name:<{width}}  {held:<15}  {licence}  {title}" for name, held, licence, title in rows]
    text = "\n".join([*lines, f"root folder: {states[0].folder.parent}"])
    return {"root": str(states[0].folder.parent), "datasets": [_state_json(s) for s in states]}, text


def _presence(state: DatasetState) -> str:
    if state.n_recordings:
        return f"{state.n_recordings} recordings"
    return "archive" if state.archive else "not here"


def _state_json(state: DatasetState) -> dict[str, Any]:
    found = state.dataset
    return {
        "name": found.name,
        "title": found.title,
        "licence": found.licence,
        "citation": found.citation,
        "folder": str(state.folder),
        "n_recordings": state.n_recordings,
        "archive": None if state.archive is None else str(state.archive),
    }


def _fetch(name: str, root: Path | None, only: Sequence[str]) -> tuple[dict[str, Any], str]:
    if root is not None:
        require_writable(root)
    done = fetch(name, root, only=only)
    result = {
        "name": name,
        "folder": str(done.folder),
        "n_fetched": done.n_fetched,
        "n_present": done.n_present,
        "n_bytes": done.n_bytes,
    }
    rows = [
        ("fetched", str(done.n_fetched)),
        ("already there", str(done.n_present)),
        ("bytes", f"{done.n_bytes:,}"),
    ]
    return result, f"{table_text((name, 'files'), rows)}\nfolder: {done.folder}"


def _verify(name: str, root: Path | None, only: Sequence[str]) -> tuple[dict[str, Any], str]:
    found = verify(name, root, only=only)
    if not found.is_whole:
        bad = [*found.damaged, *found.missing]
        raise CorruptRecordError(
            f"{found.folder}: {found.n_ok} files as published, {len(found.damaged)} damaged, "
            f"{len(found.missing)} missing, first {bad[0]}"
        )
    result = {"name": name, "folder": str(found.folder), "n_ok": found.n_ok, "damaged": [], "missing": []}
    return result, f"{name}: {found.n_ok} files, all as published ({found.folder})"
