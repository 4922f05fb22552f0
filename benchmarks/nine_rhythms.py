"""Nine rhythms from segments of 500 samples of MIT-BIH: random segments against new patients.

    python benchmarks/nine_rhythms.py [DATA] [--epochs N] [--seeds N] [--json FILE]          (default: mitdb)

DATA is a folder of WFDB records with rhythm marks or the name of a data set below $ICTUS_DATA. A segment lasts
3.9 s at 128 Hz and lies in one rhythm; the nine commonest rhythms are kept. The published 98.24 % (light CNN and
LSTM) is of random segments of MIT-BIH and the Long-Term AF Database, which is not read here: it belongs beside the
first row.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from ictus.models.nine_rhythms import (
    Segments,
    SegmentScores,
    SegmentSplit,
    random_split,
    score_segments,
    segments_of,
    subject_folds,
)
from ictus.models.train import FitConfig
from ictus.signals import find_dataset, load

PUBLISHED = 0.9824
"""Accuracy of Light CNN and LSTM, nine rhythms, MIT-BIH and LTAFDB, random segments."""


def main() -> None:
    """Score both readings and print a table."""
    args = _arguments()
    found = find_dataset(args.data)
    segments = segments_of([load(found.path(record)) for record in found.records])
    rows = [_row(segments, split, args.epochs, args.seeds) for split in (random_split, subject_folds)]
    result = {
        "dataset": found.name,
        "segments": len(segments),
        "rhythms": dict(zip(segments.rhythms, np.bincount(segments.label).tolist(), strict=True)),
        "patients": dict(zip(segments.rhythms, segments.n_subjects, strict=True)),
        "left_out": segments.left_out,
        "published_random": PUBLISHED,
        "readings": rows,
    }
    print(_text(result))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", default="mitdb")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


def _row(
    segments: Segments, split_of: Callable[[Segments], SegmentSplit], epochs: int, n_seeds: int
) -> dict[str, object]:
    """One reading over several seeds."""
    split = split_of(segments)
    config = FitConfig(epochs=epochs, min_steps=0, batch_size=128, learning_rate=1e-2, weight_decay=1e-2)
    scores = [score_segments(segments, split, replace(config, seed=seed), _say) for seed in range(n_seeds)]
    return {
        "split": split.name,
        "sha256": split.sha256,
        "tested": int(scores[0].table.sum()),
        "accuracy": [s.accuracy for s in scores],
        "majority": scores[0].majority,
        "macro_f1": [s.macro_f1 for s in scores],
        "f1": dict(zip(segments.rhythms, _mean_f1(scores), strict=True)),
        "table": scores[0].table.tolist(),
    }


def _mean_f1(scores: list[SegmentScores]) -> list[float]:
    return np.mean([s.f1 for s in scores], axis=0).tolist()


def _say(phase: str, done: int, total: int, line: str) -> None:
    print(f"{phase} {done}/{total} {line}", flush=True)


def _text(result: dict[str, object]) -> str:
    lines = [
        f"{result['segments']} segments; patients by rhythm: {result['patients']}; left out: {result['left_out']}"
    ]
    rows = result["readings"]
    assert isinstance(rows, list)
    for row in rows:
        accuracy, macro = (np.array(row[key]) for key in ("accuracy", "macro_f1"))
        lines.append(
            f"{row['split']}: accuracy {100 * accuracy.mean():.2f} % (always the commonest "
            f"{100 * row['majority']:.2f} %), mean F1 {100 * macro.mean():.2f} %, "
            f"by rhythm { ({k: round(100 * v, 1) for k, v in row['f1'].items()}) }"
        )
    lines.append(f"published, random segments of MIT-BIH and LTAFDB: {100 * PUBLISHED:.2f} %")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
