"""Do EC57's own programs, bxb and rxr of the WFDB tools, count what `ictus evaluate beat` counts?

    ictus evaluate beat --data mitdb --split all --out OUT
    python benchmarks/ec57_parity.py OUT mitdb

Debian has no package of the two programs; PhysioNet's WFDB software (github.com/bemoody/wfdb) builds with
``./configure && make``. They are looked for on PATH. Escape beats (e, j, n) are handed over as N, which they are
here (de Chazal et al. 2004); bxb would count them as S. A beat in rejected time is "shut down" to bxb and may be
"gated" or "missed" here, so the two columns are added up.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import wfdb
from ictus.app.evaluate.decision_files import ANNOTATOR
from ictus.signals import find_dataset

ESCAPE_BEATS = "ejn"
KINDS = ("couplet", "short", "long")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder that `ictus evaluate beat --out` wrote")
    parser.add_argument("data", help="folder or name of the data set")
    args = parser.parse_args()
    if shutil.which("bxb") is None or shutil.which("rxr") is None:
        sys.exit("bxb and rxr (WFDB software package) are not on PATH")
    result = json.loads((args.out / "evaluation.json").read_text(encoding="utf-8"))
    mine = _read_confusion(args.out / "confusion.csv")
    runs = _read_runs(args.out / "runs.csv")
    found = find_dataset(args.data)
    differing = []
    theirs_run_total = np.zeros(12, int)
    with tempfile.TemporaryDirectory() as scratch:
        for name in result["records"]:
            folder = Path(scratch) / name
            folder.mkdir()
            _lay_out(folder, found.path(name), args.out / "annotations" / f"{name}.{ANNOTATOR}")
            table, run_counts = _bxb(folder, name), _rxr(folder, name)
            theirs_run_total += run_counts
            n_beats, n_runs = int(np.abs(table - mine[name]).sum()), int(np.abs(run_counts - runs[name]).sum())
            if n_beats or n_runs:
                differing.append((name, n_beats, n_runs))
    print(f"{len(result['records'])} recordings, {result['units']:,} beats; gross {_shares(sum(mine.values()))}")
    print(f"runs found, missed, right, wrong (couplets, short, long): ictus {sum(runs.values()).tolist()}")
    print(f"{'':57}rxr   {theirs_run_total.tolist()}")
    for name, n_beats, n_runs in differing:
        print(f"{name}: {n_beats} cells' worth of beats and {n_runs} of runs differ")
    print(f"{len(result['records']) - len(differing)} recordings agree in every count")
    return 0


def _lay_out(folder: Path, header: Path, decisions: Path) -> None:
    """One recording as bxb reads it: header, reference annotations in this software's classes, decisions."""
    shutil.copy(header, folder)
    for line in header.read_text(encoding="ascii", errors="replace").splitlines()[1:]:
        if line.strip() and not line.startswith("#") and not (folder / line.split()[0]).exists():
            (folder / line.split()[0]).symlink_to(header.parent.resolve() / line.split()[0])
    shutil.copy(decisions, folder)
    reference = wfdb.rdann(str(header.with_suffix("")), "atr")
    symbols = ["N" if s in ESCAPE_BEATS else s for s in reference.symbol]
    notes = [(note or "").strip("\x00") for note in reference.aux_note]
    subtype = np.array(reference.subtype)
    sample = np.array(reference.sample)
    wfdb.wrann(header.stem, "ref", sample, symbols, subtype, aux_note=notes, write_dir=str(folder))


def _call(folder: Path, program: str, name: str, *options: str) -> str:
    command = [program, "-r", name, "-a", "ref", ANNOTATOR, "-f", "0", *options]
    environment = {"PATH": os.environ["PATH"], "WFDB": str(folder)}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True).stdout


def _bxb(folder: Path, name: str) -> np.ndarray:
    """Counts int (6, 6): rows N S V F Q and none, columns n s v f q and not decided."""
    table = np.zeros((6, 6), int)
    lines = [line for line in _call(folder, "bxb", name, "-S", "-").splitlines() if "|" in line]
    for row, line in enumerate(lines):
        counts = [int(c) for c in line.split("|")[1].split()]
        table[min(row, 5), :5] += counts[:5]
        table[min(row, 5), 5] += sum(counts[5:])
    return table


def _rxr(folder: Path, name: str) -> np.ndarray:
    return np.array(_call(folder, "rxr", name, "-l", "-").split()[1:13], int)


def _read_confusion(path: Path) -> dict[str, np.ndarray]:
    tables: dict[str, list[list[int]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        name, label, *counts = line.split(",")
        numbers = [int(c) for c in counts]
        undecided = 0 if label == "no beat" else numbers[5] + numbers[6]
        tables.setdefault(name, []).append([*numbers[:5], undecided])
    return {name: np.array(rows) for name, rows in tables.items() if name != "gross"}


def _read_runs(path: Path) -> dict[str, np.ndarray]:
    """Runs found, missed, right and wrong, for couplets, short and long ones: int (12,)."""
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    columns = head.split(",")
    runs = {}
    for line in lines:
        row = dict(zip(columns, line.split(","), strict=True))
        counts = [[int(row[f"{kind}_{key}"]) for key in ("n", "found", "said", "right")] for kind in KINDS]
        runs[row["record"]] = np.array([[f, n - f, r, s - r] for n, f, s, r in counts]).ravel()
    return {name: row for name, row in runs.items() if name != "gross"}


def _shares(table: np.ndarray) -> str:
    hits, beats = int(np.trace(table[:5, :5])), int(table[:5].sum())
    return f"accuracy {100 * hits / beats:.2f} %"


if __name__ == "__main__":
    sys.exit(main())
