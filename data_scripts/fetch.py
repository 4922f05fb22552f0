"""Fetch, verify and list the full data sets of PhysioNet."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..signals import DATASETS, Dataset, FetchError, InputError, dataset, default_data_folder
from .checksums import SUMS_FILE, matching, parse_sums, sha256_of
from .download import download, read_text

__all__ = ["PHYSIONET_URL", "DatasetState", "FetchResult", "VerifyResult", "fetch", "list_datasets", "verify"]

PHYSIONET_URL = "https://physionet.org/files"


@dataclass(frozen=True)
class FetchResult:
    """What a fetch did.

    Attributes
    ----------
    folder : where the data set lies
    n_fetched, n_present : files that were fetched, and files that were there already, checked
    n_bytes : bytes received
    """

    folder: Path
    n_fetched: int
    n_present: int
    n_bytes: int


@dataclass(frozen=True)
class VerifyResult:
    """How a data set compares with its list of checksums.

    Attributes
    ----------
    folder : where the data set lies
    n_ok : files that are as published
    missing, damaged : paths of the other files
    """

    folder: Path
    n_ok: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return self.n_ok > 0 and not self.missing and not self.damaged


@dataclass(frozen=True)
class DatasetState:
    """A data set and what of it lies under a root folder.

    Attributes
    ----------
    dataset : which one
    folder : where it lies or would lie
    n_recordings : recordings in the folder, not counting those of an archive
    archive : the archive that stands for the folder, None if there is none
    """

    dataset: Dataset
    folder: Path
    n_recordings: int
    archive: Path | None


def fetch(
    name: str, root: Path | None = None, *, only: Sequence[str] = (), base_url: str = PHYSIONET_URL
) -> FetchResult:
    """Fetch a data set into ``root/name``; whole files that are there already are kept, begun ones resumed.

    A progress bar per file on a terminal, one line per file elsewhere, both on standard error.

    Parameters
    ----------
    name : short name, see `DATASETS`
    root : root folder of the data sets, `default_data_folder` if None
    only : shell patterns of the files to fetch, matched with the path or the file's name; the recordings and
        their annotations if empty
    base_url : address that ``/<slug>/<version>/`` follows

    Raises
    ------
    InputError
        No data set of that name, or the folder cannot be written.
    FetchError
        Nothing matches `only`, the server refuses, or a checksum differs.
    """
    found = dataset(name)
    folder = (root or default_data_folder()) / name
    address = f"{base_url.rstrip('/')}/{found.slug}/{found.version}"
    text = read_text(f"{address}/{SUMS_FILE}")
    sums = parse_sums(text, f"{address}/{SUMS_FILE}")
    chosen = _chosen(sums, only or found.files, f"{address}/{SUMS_FILE}")
    try:
        _write_whole(folder / SUMS_FILE, text)
        return _fetch_files(folder, address, {path: sums[path] for path in chosen})
    except OSError as error:
        raise InputError(f"{error.filename or folder}: {error.strerror or error}") from error


def verify(name: str, root: Path | None = None, *, only: Sequence[str] = ()) -> VerifyResult:
    """Compare the files of ``root/name`` with the data set's own ``SHA256SUMS.txt`` beside them.

    Parameters
    ----------
    name, root, only : as for `fetch`

    Raises
    ------
    InputError
        No data set of that name, or no list of checksums in the folder.
    """
    found = dataset(name)
    folder = (root or default_data_folder()) / name
    if not (folder / SUMS_FILE).is_file():
        raise InputError(f"{folder / SUMS_FILE}: no such file; `ictus data fetch {name}` fetches the data set")
    sums = parse_sums((folder / SUMS_FILE).read_text(encoding="utf-8", errors="replace"), str(folder / SUMS_FILE))
    chosen = _chosen(sums, only or found.files, str(folder / SUMS_FILE))
    missing = tuple(path for path in chosen if not (folder / path).is_file())
    present = [path for path in chosen if path not in missing]
    damaged = tuple(path for path in present if sha256_of(folder / path) != sums[path])
    return VerifyResult(folder, len(present) - len(damaged), missing, damaged)


def list_datasets(root: Path | None = None) -> list[DatasetState]:
    """Every known data set, and what of it lies under `root` (`default_data_folder` if None)."""
    return [_state(found, root or default_data_folder()) for found in DATASETS.values()]


def _state(found: Dataset, root: Path) -> DatasetState:
    folder = root / found.name
    n_recordings = sum(1 for _ in folder.rglob(f"*{found.record_suffix}"))
    archive = (folder if found.archive_in_folder else root) / found.archive
    return DatasetState(found, folder, n_recordings, archive if archive.is_file() else None)


def _chosen(sums: dict[str, str], patterns: Sequence[str], source: str) -> list[str]:
    chosen = matching(sorted(sums), patterns)
    if not chosen:
        raise FetchError(f"{source}: none of its {len(sums)} files matches {', '.join(patterns)}")
    return chosen


def _fetch_files(folder: Path, address: str, sums: dict[str, str]) -> FetchResult:
    n_fetched = n_bytes = 0
    for i, (path, sha256) in enumerate(sums.items(), 1):
        target = folder / path
        if target.is_file() and sha256_of(target) == sha256:
            continue
        received = download(f"{address}/{quote(path)}", target, sha256)
        n_fetched, n_bytes = n_fetched + 1, n_bytes + received
        print(f"{i}/{len(sums)} {path} ({target.stat().st_size} bytes)", file=sys.stderr, flush=True)
    return FetchResult(folder, n_fetched, len(sums) - n_fetched, n_bytes)


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(path)
