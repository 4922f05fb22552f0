"""Make the built-in sample `signals/sample/` from the full databases, byte for byte the same each time.

``python -m ictus.data_scripts.make_sample --out signals/sample [--data DIR]``
"""

import argparse
import csv
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..signals import DATASETS, InputError, LocalDataset, default_data_folder, find_dataset, load
from .checksums import SUMS_FILE, sha256_of
from .excerpt import Excerpt, cut_record, richest_start
from .sample_text import LICENSE_TEXT, readme_text

__all__ = ["main", "make_sample"]

MITDB_TRAIN = ("101", "106", "114", "118", "119", "124", "201", "203", "208", "209", "215", "220", "223")
MITDB_TEST = ("100", "105", "200", "210", "213", "214", "222", "228", "232", "233", "234")
"""202 is left out of the sample: it is the same subject as 201."""
MITDB_S, MITDB_GRID_S = 300, 10
NSTDB_S, NSTDB_START_S = 180, 813
"""The middle is that of the full recording, so that the half which trains is the same in both."""
NSTDB_RECORDS = ("bw", "em", "ma")
CINC_PER_CLASS, CINC_SAMPLES, CINC_CLASSES = 3, 9_000, "NAO~"
CHBMIT_CLIPS = ("chb01_18_preictal", "chb01_18_ictal", "chb03_34_ictal")


def make_sample(data: Path, out: Path) -> None:
    """Write the whole sample into the folder `out`, which appears only when it is complete.

    Parameters
    ----------
    data : root folder of the full databases mitdb, nstdb, cinc2017 and of the CHB-MIT clips
    out : the sample's folder; an existing one is replaced

    Raises
    ------
    InputError
        A database is missing, or `out` is a folder that holds something else.
    """
    if out.exists() and any(out.iterdir()) and not (out / SUMS_FILE).is_file():
        raise InputError(f"{out}: the folder holds other files and no {SUMS_FILE}; not replaced")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        made = Path(scratch) / "sample"
        made.mkdir()
        _write_sample(data, made)
        if out.exists():
            shutil.rmtree(out)
        made.rename(out)


def _write_sample(data: Path, made: Path) -> None:
    excerpts = [*_mitdb(data, made / "mitdb"), *_nstdb(data, made / "nstdb")]
    strips = _cinc2017(data, made / "cinc2017")
    clips = _chbmit(data, made / "chbmit")
    (made / "README.md").write_text(readme_text(excerpts, strips, clips), encoding="utf-8", newline="\n")
    (made / "LICENSE-ODC-By.txt").write_text(LICENSE_TEXT, encoding="utf-8", newline="\n")
    files = sorted(p for p in made.rglob("*") if p.is_file())
    sums = [f"{sha256_of(p)} {p.relative_to(made).as_posix()}\n" for p in files]
    (made / SUMS_FILE).write_text("".join(sums), encoding="ascii", newline="\n")


def _mitdb(data: Path, target: Path) -> list[Excerpt]:
    source = find_dataset(data, "mitdb")
    length, grid = (int(s * DATASETS["mitdb"].fs_hz) for s in (MITDB_S, MITDB_GRID_S))
    excerpts = []
    for record in sorted(MITDB_TRAIN + MITDB_TEST):
        start = richest_start(load(source.path(record)), length, grid)
        excerpts.append(Excerpt("mitdb", record, start, start + length))
    return _cut(source, excerpts, target)


def _nstdb(data: Path, target: Path) -> list[Excerpt]:
    fs_hz = int(DATASETS["nstdb"].fs_hz)
    start, stop = NSTDB_START_S * fs_hz, (NSTDB_START_S + NSTDB_S) * fs_hz
    excerpts = [Excerpt("nstdb", record, start, stop) for record in NSTDB_RECORDS]
    return _cut(find_dataset(data, "nstdb"), excerpts, target)


def _cut(source: LocalDataset, excerpts: list[Excerpt], target: Path) -> list[Excerpt]:
    target.mkdir()
    for excerpt in excerpts:
        cut_record(source.path(excerpt.record), excerpt, target)
    names = "".join(f"{e.record}\n" for e in excerpts)
    (target / "RECORDS").write_text(names, encoding="ascii", newline="\n")
    return excerpts


def _cinc2017(data: Path, target: Path) -> list[tuple[str, str]]:
    """Copy the first strips of 30 s of each class, whole; (record, label) in order of record."""
    target.mkdir()
    source = find_dataset(data, "cinc2017")
    paths = {Path(record).name: source.path(record) for record in source.records}
    chosen: list[tuple[str, str]] = []
    for label in CINC_CLASSES:
        chosen += _first_strips(label, _labels(source.folder), paths)
    chosen.sort()
    for record, _ in chosen:
        for suffix in (".hea", ".mat"):
            shutil.copyfile(paths[record].with_suffix(suffix), target / f"{record}{suffix}")
    rows = "".join(f"{record},{label}\n" for record, label in chosen)
    (target / "REFERENCE.csv").write_text(rows, encoding="ascii", newline="\n")
    return chosen


def _labels(folder: Path) -> list[tuple[str, str]]:
    files = sorted(folder.glob("REFERENCE*.csv"))
    if not files:
        raise InputError(f"{folder}: no REFERENCE.csv with the labels of the strips")
    with files[-1].open(encoding="ascii", newline="") as file:
        return sorted((row[0], row[1]) for row in csv.reader(file))


def _first_strips(label: str, labels: list[tuple[str, str]], paths: dict[str, Path]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for record, its_label in labels:
        if its_label == label and record in paths and load(paths[record]).n_samples == CINC_SAMPLES:
            found.append((record, label))
        if len(found) == CINC_PER_CLASS:
            return found
    raise InputError(f"cinc2017: {len(found)} strips of class {label!r}, {CINC_PER_CLASS} needed")


def _chbmit(data: Path, target: Path) -> list[dict[str, str]]:
    """Copy EEG clips, whole, and their rows of the index."""
    target.mkdir()
    index = data / "chbmit" / "clips.csv"
    if not index.is_file():
        raise InputError(f"{index}: no such file; the clips of CHB-MIT are needed")
    with index.open(encoding="ascii", newline="") as file:
        rows = [r for r in csv.DictReader(file) if Path(r["file"]).stem in CHBMIT_CLIPS]
    if len(rows) != len(CHBMIT_CLIPS):
        raise InputError(f"{index}: {len(rows)} of the {len(CHBMIT_CLIPS)} clips {', '.join(CHBMIT_CLIPS)}")
    for row in rows:
        shutil.copyfile(index.parent / row["file"], target / Path(row["file"]).name)
        row["file"] = Path(row["file"]).name
    with (target / "clips.csv").open("w", encoding="ascii", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(description="Make the built-in sample from the full databases.")
    parser.add_argument("--data", type=Path, default=default_data_folder(), help="root of the full databases")
    parser.add_argument("--out", type=Path, required=True, help="folder of the sample")
    options = parser.parse_args(arguments)
    try:
        make_sample(options.data, options.out)
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
