"""The files that come along, and the data sets, against their lists of checksums."""

import base64
import hashlib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from ...data_scripts.checksums import SUMS_FILE, matching, parse_sums, sha256_of
from ...data_scripts.fetch import DatasetState, list_datasets, verify
from ...signals import SAMPLE_FOLDER
from ..model_files import ZOO
from .check import Check

__all__ = ["check_data", "check_files"]

_AGAIN = "pip install --force-reinstall --no-deps ictus"
_MOST_NAMES = 3


def check_files() -> Iterator[Check]:
    """Program, built-in sample and models."""
    yield _program()
    yield _listed("built-in sample", SAMPLE_FOLDER)
    yield _listed("models", ZOO)


def _program() -> Check:
    """Every file of the package, where an installer wrote down its hash."""
    own = [f for f in distribution("ictus").files or () if f.parts[0] == "ictus" and f.suffix != ".pyc"]
    listed = [(str(f), Path(str(f.locate())), f.hash) for f in own if f.hash is not None]
    if not any(name == "ictus/app/cli.py" for name, _, _ in listed):
        return Check("program files", "ok", "a checkout; nobody wrote down what its files should be")
    wrong = [name for name, path, digest in listed if not _is_as_installed(path, digest.mode, digest.value)]
    if wrong:
        return Check("program files", "failed", f"{_names(wrong)} changed or missing", _AGAIN)
    return Check("program files", "ok", f"{len(listed)} files as installed")


def _is_as_installed(path: Path, mode: str, value: str) -> bool:
    """By a hash as the wheel format writes it (PEP 427): URL-safe base64 without padding."""
    try:
        digest = hashlib.new(mode, path.read_bytes()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == value


def _listed(name: str, folder: Path) -> Check:
    try:
        sums = parse_sums((folder / SUMS_FILE).read_text(encoding="ascii"), str(folder / SUMS_FILE))
    except OSError as error:
        return Check(name, "failed", f"{folder / SUMS_FILE}: {error.strerror}", _AGAIN)
    wrong = [path for path, digest in sums.items() if _digest(folder / path) != digest]
    if wrong:
        return Check(name, "failed", f"{folder}: {_names(wrong)} changed or missing", _AGAIN)
    return Check(name, "ok", f"{len(sums)} files as published")


def check_data(is_full: bool) -> Iterator[Check]:
    """Every known data set on this machine; `is_full` hashes all files, else they are only looked for."""
    for state in list_datasets():
        yield _whole(state) if is_full else _there(state)


def _there(state: DatasetState) -> Check:
    name = f"data {state.dataset.name}"
    fetch = f"ictus data fetch {state.dataset.name}"
    if not state.n_recordings:
        if state.archive:
            return Check(name, "ok", f"{state.archive}")
        return Check(name, "absent", f"not in {state.folder.parent}", fetch)
    if not (state.folder / SUMS_FILE).is_file():
        return Check(name, "ok", f"{state.n_recordings} recordings, and no list of checksums to compare with")
    sums = parse_sums((state.folder / SUMS_FILE).read_text(encoding="utf-8"), str(state.folder / SUMS_FILE))
    wanted = matching(sorted(sums), state.dataset.files)
    missing = [path for path in wanted if not (state.folder / path).is_file()]
    if missing:
        why = f"{state.n_recordings} recordings; {len(missing)} of {len(wanted)} published files are not here"
        return Check(name, "warning", why, f"{fetch}, if they are needed")
    return Check(name, "ok", f"{len(wanted)} files are there; --full hashes them")


def _whole(state: DatasetState) -> Check:
    there = _there(state)
    if there.state == "absent" or not (state.folder / SUMS_FILE).is_file():
        return there
    found = verify(state.dataset.name)
    if found.damaged:
        why = f"{found.folder}: {_names(found.damaged)} not as published"
        return Check(there.name, "failed", why, f"remove them; ictus data fetch {state.dataset.name}")
    return Check(
        there.name, there.state, f"{found.n_ok} files as published, {len(found.missing)} not here", there.todo
    )


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return ""


def _names(paths: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(paths) - _MOST_NAMES} more" if len(paths) > _MOST_NAMES else ""
    return ", ".join(paths[:_MOST_NAMES]) + more
