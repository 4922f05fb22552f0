"""Beat models below 2 KB: float network, default recipe and smallest recipe, by the split's test side.

    python benchmarks/compression_bars.py [--split intra] [--peaks reference] [--seeds 0 1 2]
        [--recipes smallest] --work W

Trains what W does not hold yet, compresses it, and scores all of it on beats that trained nothing. ``inter``
trains on DS1 and svdb and is tested on DS2; ``intra`` leaks patients, for comparison with publications that do
the same, most of them with reference peaks (``--peaks``). Bytes are those of the device form and of the stored
form, whole files. ``--recipes`` takes names of baselines, too, such as "int8 post-training", the dense network in
int8. For rhythm the command line does it:

    ictus evaluate rhythm --data cinc2017 --split cv --recipe smallest --out DIR
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ictus.app.verbs import bench
from ictus.compression import BASELINES, load_compact, to_stored

import ictus

EXTRA = {"inter": ("svdb",), "intra": ()}


@dataclass(frozen=True)
class Row:
    """A model's scores: accuracy in percent, loss against the float network in points, bytes of both forms."""

    recipe: str
    seed: int
    accuracy: float
    loss: float
    n_device: int
    n_stored: int


def accuracy_of(path: Path, split: str, peaks: str) -> float:
    """In percent; beats that are missed or rejected count as errors."""
    return 100 * float(ictus.evaluate("beat", path, "mitdb", split, peaks=peaks)["accuracy"])


def trained(work: Path, split: str, peaks: str, seed: int) -> Path:
    """The float network of a split and a seed."""
    path = work / f"{split}-{peaks}{seed}.safetensors"
    if not path.is_file():
        ictus.train("beat", "mitdb", split=split, out=path, seed=seed, extra=EXTRA[split], peaks=peaks)
    return path


def baseline_accuracy(path: Path, name: str) -> float:
    """In percent, of a float network's form that no device runs."""
    opened = bench(path, "mitdb")
    return 100 * opened.whole.judge(opened.whole.compress(opened.model, BASELINES[name])).accuracy


def rows(work: Path, split: str, peaks: str, seeds: Sequence[int], recipes: Sequence[str]) -> Iterator[Row]:
    """The float network and its compact forms, seed by seed."""
    for seed in seeds:
        path = trained(work, split, peaks, seed)
        before = accuracy_of(path, split, peaks)
        yield Row("float32", seed, before, 0.0, 0, 0)
        for recipe in recipes:
            if recipe in BASELINES:
                after = baseline_accuracy(path, recipe)
                yield Row(recipe, seed, after, before - after, 0, 0)
                continue
            small = path.with_name(f"{path.stem}-{recipe}.ictus")
            if not small.is_file():
                ictus.compress(path, "mitdb", recipe, small)
            after, n_stored = accuracy_of(small, split, peaks), len(to_stored(load_compact(small)))
            yield Row(recipe, seed, after, before - after, small.stat().st_size, n_stored)


def print_spread(found: Sequence[Row]) -> None:
    """Mean and standard deviation over the seeds of each recipe."""
    for recipe in dict.fromkeys(row.recipe for row in found):
        loss = [row.loss for row in found if row.recipe == recipe]
        accuracy = [row.accuracy for row in found if row.recipe == recipe]
        spread = f" ({np.std(accuracy, ddof=1):.2f})" if len(accuracy) > 1 else ""
        print(f"| {recipe} | mean | {np.mean(accuracy):.2f}{spread} | {np.mean(loss):.2f} | | |")


def main() -> None:
    """Print a table for each split."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", nargs="+", choices=list(EXTRA), default=list(EXTRA))
    parser.add_argument("--peaks", choices=("detected", "reference"), default="detected")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=["default", "smallest"])
    parser.add_argument("--work", type=Path, required=True, help="folder for the models")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    for split in args.split:
        print(f"\n{split}, {args.peaks} peaks\n")
        print("| recipe | seed | accuracy | points lost | device bytes | stored bytes |")
        print("|---|---|---|---|---|---|")
        found = list[Row]()
        for row in rows(args.work, split, args.peaks, args.seeds, args.recipes):
            found.append(row)
            bytes_ = f"{row.n_device:,} | {row.n_stored:,}" if row.n_device else "|"
            print(f"| {row.recipe} | {row.seed} | {row.accuracy:.2f} | {row.loss:.2f} | {bytes_} |", flush=True)
        print_spread(found)


if __name__ == "__main__":
    main()
