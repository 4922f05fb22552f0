"""Which recordings may be opened: the built-in sample, one folder that the operator named, and uploads.

What comes from the browser is an entry's id, never a path: an id of the folder is looked up below it with every
symbolic link resolved, and leads nowhere else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...signals import SAMPLE_FOLDER
from ...signals.errors import IctusError, InputError
from ...signals.wfdb_header import parse_header
from ..recording_facts import BEAT, SEIZURE, recording_facts
from .uploads import UPLOAD_LIMIT_BYTES, Upload, UploadFolder

__all__ = ["BUILT_IN", "FOLDER", "UPLOAD", "UPLOAD_LIMIT_BYTES", "Library", "LibraryEntry"]

BUILT_IN, FOLDER, UPLOAD = "built-in", "folder", "upload"

_SUFFIXES = (".hea", ".edf", ".csv")
_MOST_ENTRIES = 5000
_SAMPLE = {"mitdb": BEAT, "chbmit": SEIZURE, "cinc2017": BEAT}
_TITLES = {"mitdb": "ECG {}, MIT-BIH", "chbmit": "EEG {}, CHB-MIT", "cinc2017": "ECG {}, CinC 2017"}


@dataclass(frozen=True)
class LibraryEntry:
    """A recording that may be opened.

    Attributes
    ----------
    id : stays the same between calls and, but for uploads, between runs of the program
    title : for the list
    source : ``built-in``, ``folder`` or ``upload``
    path : what `load` takes; not to be shown
    task : what it is analysed for, ``beat`` or ``seizure``; empty where only its header could tell
    fs_hz : sampling rate that was given with the upload of a CSV file; None elsewhere
    """

    id: str
    title: str
    source: str
    path: Path
    task: str
    fs_hz: float | None = None


class Library:
    """The recordings of one run of the dashboard.

    Parameters
    ----------
    folder : of the operator's recordings; None offers the sample and uploads only
    upload_limit_bytes : of one recording

    Raises
    ------
    InputError
        There is no such folder.
    """

    def __init__(self, folder: Path | None = None, upload_limit_bytes: int = UPLOAD_LIMIT_BYTES) -> None:
        if folder is not None and not folder.is_dir():
            raise InputError(f"{folder}: no such folder of recordings")
        self._root = None if folder is None else folder.resolve()
        self._uploads = UploadFolder(upload_limit_bytes)
        self._uploaded: dict[str, LibraryEntry] = {}

    def close(self) -> None:
        """Remove the uploads."""
        self._uploads.close()
        self._uploaded.clear()

    def entries(self) -> tuple[LibraryEntry, ...]:
        """The sample, the folder's recordings (the first 5,000) and the uploads so far."""
        return (*_built_in(), *self._in_folder(), *self._uploaded.values())

    def find(self, entry_id: str) -> LibraryEntry:
        """Look an entry up.

        Raises
        ------
        InputError
            There is no such entry, or it lies outside the folder.
        """
        source, _, name = entry_id.partition(":")
        if source == FOLDER and self._root is not None:
            return self._entry(self._root, name)
        known = self._uploaded if source == UPLOAD else {entry.id: entry for entry in _built_in()}
        if entry_id not in known:
            raise InputError(f"{_shown(entry_id)}: no such recording in the library")
        return known[entry_id]

    def upload(self, files: Sequence[Upload], *, fs_hz: float | None = None) -> LibraryEntry:
        """Take a recording that comes through the browser; its header is checked against its size.

        Parameters
        ----------
        files : names and contents, of one recording
        fs_hz : of a CSV file that states none

        Raises
        ------
        InputError
            See `UploadFolder.keep` and `load`; the message names the file without the folder it was put into.
        """
        path = self._uploads.keep(files)
        try:
            facts = recording_facts(path, fs_hz=fs_hz)
        except IctusError as error:
            self._uploads.forget(path)
            raise type(error)(str(error).replace(f"{path.parent}/", "").replace(f"{path.parent}\\", "")) from error
        entry_id = f"{UPLOAD}:{path.parent.name}"
        entry = LibraryEntry(entry_id, path.name, UPLOAD, path, facts.task, fs_hz)
        self._uploaded[entry_id] = entry
        return entry

    def _in_folder(self) -> Iterator[LibraryEntry]:
        if self._root is None:
            return
        n_entries = 0
        for path in sorted(p for p in self._root.rglob("*") if p.suffix.lower() in _SUFFIXES):
            if n_entries < _MOST_ENTRIES and path.is_file() and path.resolve().is_relative_to(self._root):
                name = path.relative_to(self._root).as_posix()
                yield LibraryEntry(f"{FOLDER}:{name}", name, FOLDER, path, "")
                n_entries += 1

    def _entry(self, root: Path, name: str) -> LibraryEntry:
        refused = InputError(f"{_shown(name)}: no such recording in the folder of recordings")
        if "\0" in name or Path(name).suffix.lower() not in _SUFFIXES:
            raise refused
        try:
            path = (root / name).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise refused from error
        if not path.is_file() or not path.is_relative_to(root):
            raise refused
        if not all(p.resolve().is_relative_to(root) for p in _companions(path)):
            raise refused
        return LibraryEntry(f"{FOLDER}:{name}", name, FOLDER, path, "")


def _built_in() -> Iterator[LibraryEntry]:
    for folder, task in _SAMPLE.items():
        for path in sorted((SAMPLE_FOLDER / folder).iterdir()):
            if path.suffix in (".hea", ".edf"):
                title = _TITLES[folder].format(path.stem)
                yield LibraryEntry(f"{BUILT_IN}:{folder}/{path.stem}", title, BUILT_IN, path, task)


def _companions(path: Path) -> list[Path]:
    """Other files that are read with a recording."""
    if path.suffix.lower() != ".hea":
        return []
    signals = {spec.file_name for spec in parse_header(path).signals}
    return [path.with_suffix(".atr"), *(path.with_name(name) for name in sorted(signals))]


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:100]
