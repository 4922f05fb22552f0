"""The data sets: what they are, where they lie on this machine, whose recordings they hold."""

import fnmatch
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .archives import unpack_files
from .errors import InputError

__all__ = [
    "DATASETS",
    "SAMPLE_FOLDER",
    "Dataset",
    "LocalDataset",
    "dataset",
    "default_data_folder",
    "find_dataset",
    "subject_of",
]

SAMPLE_FOLDER = Path(__file__).parent / "sample"


@dataclass(frozen=True)
class Dataset:
    """A public data set.

    Attributes
    ----------
    name : short name, also the name of its folder, for instance ``"mitdb"``
    title : full title
    slug, version : its place on PhysioNet, ``https://physionet.org/files/<slug>/<version>/``
    licence : licence of the data
    citation : the publication that the database asks to cite
    fs_hz : sampling rate in Hz
    n_channels : channels of a recording
    record_suffix : what a recording's file ends with
    files : patterns of the files that a fetch takes by default, matched with the path or the file's name
    archive : name of an archive that may stand for the unpacked folder, "" if there is none
    archive_in_folder : True where the archive lies inside the folder, False where it lies beside it
    """

    name: str
    title: str
    slug: str
    version: str
    licence: str
    citation: str
    fs_hz: float
    n_channels: int
    record_suffix: str = ".hea"
    files: tuple[str, ...] = ("RECORDS", "*.hea", "*.dat", "*.atr")
    archive: str = ""
    archive_in_folder: bool = False


_ODC_BY = "ODC-By-1.0"

DATASETS: dict[str, Dataset] = {
    d.name: d
    for d in (
        Dataset(
            name="mitdb",
            title="MIT-BIH Arrhythmia Database",
            slug="mitdb",
            version="1.0.0",
            licence=_ODC_BY,
            citation="Moody & Mark, IEEE Eng Med Biol Mag 20(3):45-50, 2001",
            fs_hz=360,
            n_channels=2,
            files=("RECORDS", "[12][0-9][0-9].hea", "[12][0-9][0-9].dat", "[12][0-9][0-9].atr"),
        ),
        Dataset(
            name="nstdb",
            title="MIT-BIH Noise Stress Test Database",
            slug="nstdb",
            version="1.0.0",
            licence=_ODC_BY,
            citation="Moody, Muldrow & Mark, Computers in Cardiology 11:381-384, 1984",
            fs_hz=360,
            n_channels=2,
            files=("[bem][wma].hea", "[bem][wma].dat"),
        ),
        Dataset(
            name="svdb",
            title="MIT-BIH Supraventricular Arrhythmia Database",
            slug="svdb",
            version="1.0.0",
            licence=_ODC_BY,
            citation="Greenwald, PhD thesis, Harvard-MIT Division of Health Sciences and Technology, 1990",
            fs_hz=128,
            n_channels=2,
            archive="svdb.tar.xz",
        ),
        Dataset(
            name="cudb",
            title="CU Ventricular Tachyarrhythmia Database",
            slug="cudb",
            version="1.0.0",
            licence=_ODC_BY,
            citation="Nolle, Badura, Catlett, Bowser & Sketch, Computers in Cardiology 13:515-518, 1986",
            fs_hz=250,
            n_channels=1,
        ),
        Dataset(
            name="cinc2017",
            title="AF Classification from a Short Single Lead ECG Recording (PhysioNet/CinC Challenge 2017)",
            slug="challenge-2017",
            version="1.0.0",
            licence=_ODC_BY,
            citation="Clifford et al., Computing in Cardiology 44, 2017, doi:10.22489/CinC.2017.065-469",
            fs_hz=300,
            n_channels=1,
            files=("REFERENCE-v3.csv", "training/*"),
            archive="training2017.tar.xz",
            archive_in_folder=True,
        ),
        Dataset(
            name="chbmit",
            title="CHB-MIT Scalp EEG Database",
            slug="chbmit",
            version="1.0.0",
            licence=_ODC_BY,
            citation="Shoeb, PhD thesis, Massachusetts Institute of Technology, 2009",
            fs_hz=256,
            n_channels=23,
            record_suffix=".edf",
            files=("*",),
        ),
    )
}

_SAME_SUBJECT = {("mitdb", "202"): "201", ("chbmit", "chb21"): "chb01"}


@dataclass(frozen=True)
class LocalDataset:
    """A data set as it lies on this machine.

    Attributes
    ----------
    name : name in `DATASETS`, or the folder's name where it is none of them
    folder : where the recordings lie
    records : names of the recordings, sorted; in a subfolder with its name before it, ``"chb01/chb01_03"``
    suffix : what a recording's file ends with
    is_sample : True for the built-in excerpts
    """

    name: str
    folder: Path
    records: tuple[str, ...]
    suffix: str
    is_sample: bool

    def path(self, record: str) -> Path:
        """File to hand to `load`; `InputError` if the data set has no such record."""
        if record not in self.records:
            raise InputError(f"{self.folder}: no record {record!r} among its {len(self.records)} records")
        return self.folder / f"{record}{self.suffix}"


def dataset(name: str) -> Dataset:
    """Look a data set up by its short name; `InputError` lists the known ones."""
    if name not in DATASETS:
        raise InputError(f"{name!r} is no data set; known: {', '.join(DATASETS)}")
    return DATASETS[name]


def default_data_folder() -> Path:
    """Root folder of full data sets: ``$ICTUS_DATA``, else ``ictus`` in the user's data folder (XDG)."""
    if os.environ.get("ICTUS_DATA"):
        return Path(os.environ["ICTUS_DATA"])
    return _xdg_folder("XDG_DATA_HOME", ".local/share")


def find_dataset(where: str | os.PathLike[str] | None = None, name: str = "mitdb") -> LocalDataset:
    """Find a data set.

    Parameters
    ----------
    where : None for the built-in sample; a folder of recordings, or an archive (.tar, .tar.xz, .tar.gz, .zip) of
        one; a root folder that holds a folder (or the archive) of data set `name`; or the name of a data set,
        looked for in `default_data_folder`
    name : which data set, where `where` leaves it open

    Raises
    ------
    InputError
        There is no such folder or data set, or it holds no recording.
    """
    if where is None:
        return _in_root(SAMPLE_FOLDER, dataset(name))
    if str(where) in DATASETS and not Path(where).is_dir():
        return _in_root(default_data_folder(), DATASETS[str(where)])
    folder = Path(where).resolve()
    if folder.is_file():
        return _in_archive(folder)
    if not folder.is_dir():
        raise InputError(f"{where}: neither a folder nor a data set; known: {', '.join(DATASETS)}")
    for suffix in (".hea", ".edf"):
        if _recordings(folder, suffix, "*"):
            return _local(folder, _name_of(folder), suffix)
    if folder.name in DATASETS:
        return _in_root(folder.parent, DATASETS[folder.name])
    return _in_root(folder, dataset(name))


def subject_of(record: str, folder_name: str) -> str:
    """Whose recording it is, as far as the databases say.

    MIT-BIH 202 is from the same tape as 201; case chb21 of CHB-MIT is the subject of chb01, 1.5 years later.

    Parameters
    ----------
    record : name of the recording without folder and suffix
    folder_name : name of the folder it lies in, which tells the database
    """
    if record.startswith("chb") and "_" in record:
        case = record.split("_")[0].rstrip("abc")
        return _SAME_SUBJECT.get(("chbmit", case), case)
    return _SAME_SUBJECT.get((folder_name, record), record)


def _in_root(root: Path, found: Dataset) -> LocalDataset:
    """The data set in ``root/name``, or its archive unpacked."""
    folder = root / found.name
    if not _recordings(folder, found.record_suffix, "**/*") and found.archive:
        archive = (folder if found.archive_in_folder else root) / found.archive
        folder = _unpacked(archive, found.name) if archive.is_file() else folder
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; `ictus data fetch {found.name}` fetches the {found.title}")
    return _local(folder, found.name, found.record_suffix)


def _in_archive(archive: Path) -> LocalDataset:
    """The recordings of an archive; one that is named as a data set's archive is that data set."""
    name = next((d.name for d in DATASETS.values() if d.archive == archive.name), archive.name.split(".")[0])
    folder = _unpacked(archive, name)
    return _local(folder, name, ".hea" if _recordings(folder, ".hea", "*") else ".edf")


def _local(folder: Path, name: str, suffix: str) -> LocalDataset:
    records = _recordings(folder, suffix, "*") or _recordings(folder, suffix, "**/*")
    if not records:
        raise InputError(f"{folder}: no recording (*{suffix}) in this folder")
    return LocalDataset(name, folder, records, suffix, SAMPLE_FOLDER.resolve() in folder.resolve().parents)


def _recordings(folder: Path, suffix: str, pattern: str) -> tuple[str, ...]:
    found = (p.relative_to(folder).as_posix() for p in folder.glob(f"{pattern}{suffix}"))
    return tuple(sorted(p.removesuffix(suffix) for p in found))


def _name_of(folder: Path) -> str:
    """Name of the data set in a folder of recordings: the folder's name, MIT-BIH by its record names."""
    if folder.name in DATASETS:
        return folder.name
    if folder.parent.name in DATASETS:
        return folder.parent.name
    records = _recordings(folder, ".hea", "*")
    is_mitdb = records and all(fnmatch.fnmatch(r, "[12][0-3][0-9]") for r in records)
    return "mitdb" if is_mitdb else folder.name


def _unpacked(archive: Path, name: str) -> Path:
    """Folder of the archive's files in the user's cache, unpacked once per content of the archive."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    cache = _xdg_folder("XDG_CACHE_HOME", ".cache") / digest[:16]
    if not (cache / name).is_dir():
        _unpack(archive, cache, name)
    return cache / name


def _unpack(archive: Path, cache: Path, name: str) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            unpacked = Path(scratch) / name
            unpacked.mkdir()
            for file_name, content in unpack_files(archive):
                with (unpacked / file_name).open("wb") as file:
                    file.writelines(content)
            for labels in archive.parent.glob("REFERENCE*.csv"):
                shutil.copyfile(labels, unpacked / labels.name)
            if not (cache / name).is_dir():
                unpacked.rename(cache / name)
    except OSError as error:
        raise InputError(f"{archive}: not unpacked into {cache}, {error.strerror or error}") from error


def _xdg_folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "ictus"
