"""The parallel-branch CNN of the RRAM paper on Bonn, set A against set E, in the three readings of its protocol.

    python benchmarks/parallel_cnn.py [DATA] [--epochs 30] [--seeds 1] [--json FILE]

DATA is the folder of the Bonn sets (default: bonn below $ICTUS_DATA). See `ictus.models.parallel_cnn` for what the
published 99.84 % is made of.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from ictus.models.parallel_cnn import (
    PUBLISHED_ACCURACY,
    ParallelConfig,
    RawWindows,
    WindowReading,
    raw_windows,
    score_parallel_cnn,
)
from ictus.signals.bonn import bonn_recordings
from ictus.signals.datasets import default_data_folder


def main() -> None:
    """Score every reading and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--epochs", type=int, default=ParallelConfig().epochs)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    sets = bonn_recordings(args.data or default_data_folder() / "bonn")
    windows = raw_windows(sets["A"], sets["E"])
    rows = [_row(windows, reading, args.epochs, args.seeds) for reading in WindowReading]
    print(f"published: {100 * PUBLISHED_ACCURACY:.2f} % of windows; always one class 50 %")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


def _row(windows: RawWindows, reading: WindowReading, epochs: int, n_seeds: int) -> dict[str, object]:
    scores = [
        score_parallel_cnn(windows, reading, ParallelConfig(epochs=epochs, seed=seed)) for seed in range(n_seeds)
    ]
    accuracy = [s.accuracy for s in scores]
    folds = np.mean([s.by_fold for s in scores], axis=0)
    recordings = [s.recordings for s in scores]
    whole = "" if np.isnan(recordings).any() else f", recordings {100 * np.mean(recordings):.2f} %"
    print(
        f"{reading.value}: windows {100 * np.mean(accuracy):.2f} % (sd {100 * np.std(accuracy):.2f}), "
        f"by fold {' '.join(f'{100 * a:.2f}' for a in folds)}{whole}",
        flush=True,
    )
    return {"reading": reading.value, "accuracy": accuracy, "by_fold": folds.tolist(), "recordings": recordings}


if __name__ == "__main__":
    main()
