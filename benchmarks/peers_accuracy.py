"""What a rhythm recipe decides beside the same float networks in dense int8, fold by fold of the cross-validation.

    ictus evaluate rhythm --data cinc2017 --split cv --recipe smallest --out DIR
    python benchmarks/peers_accuracy.py DIR [--data cinc2017]

Takes the float networks and the compact models that the first command left in DIR/folds. Each is judged on the
strips of the fold that trained neither; the dense network in int8 after training is what CMSIS-NN and TensorFlow
Lite would run. For beats: compression_bars.py --recipes "int8 post-training".
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ictus.app.compress.rhythm import RhythmPart, prepared_strips
from ictus.compression import BASELINES, load_compact
from ictus.models import load_float
from ictus.models.rhythm_cascade import decide_strips
from ictus.models.rhythm_protocol import CvJob, CvPlan, rhythm_folds
from ictus.models.rhythm_scores import score_strips
from ictus.models.rhythm_train import RhythmConfig

DENSE = "int8 post-training"
FORMS = "float32", "int8", "compact"


def rows(folder: Path, data: str) -> Iterator[tuple[int, int, np.ndarray]]:
    """Seed, fold and accuracies in percent of every compact model that has its float network.

    They are float64 (2, 3): of three classes and of fibrillation against the rest, by each of `FORMS`.
    """
    _, strips = prepared_strips(data)
    plan = CvPlan(strips, rhythm_folds(strips), RhythmConfig())
    for path in sorted(folder.glob("*.ictus")):
        seed, fold = map(int, re.findall(r"\d+", path.name)[:2])
        job, compact = CvJob(plan, fold, seed), load_compact(path)
        (trained,) = (load_float(found).model for found in folder.glob(f"seed{seed}-fold{fold}-*.safetensors"))
        part = RhythmPart(job.train, job.test, job.config, compact.stage("gate"))
        models = trained, part.compress(trained, BASELINES[DENSE]), compact
        scores = [score_strips(decide_strips(model, job.test)) for model in models]
        yield seed, fold, 100 * np.array([[s.accuracy, s.af_or_rest.accuracy] for s in scores]).T


def main() -> None:
    """Print a row for each fold and the means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of `ictus evaluate rhythm --split cv --recipe NAME --out`")
    parser.add_argument("--data", default="cinc2017")
    args = parser.parse_args()
    heads = [f"{name}, {what}" for what in ("N A O", "AF or rest") for name in (*FORMS, "compact - int8")]
    print(f"| seed | fold | {' | '.join(heads)} |\n|{'---|' * (2 + len(heads))}", flush=True)
    found = list[np.ndarray]()
    for seed, fold, accuracies in rows(args.folder / "folds", args.data):
        found.append(accuracies)
        print(_row(f"{seed} | {fold}", accuracies), flush=True)
    print(_row("| mean", np.mean(found, axis=0)))


def _row(head: str, accuracies: np.ndarray) -> str:
    cells = [
        f"{full:.2f} | {dense:.2f} | {compact:.2f} | {compact - dense:+.2f}" for full, dense, compact in accuracies
    ]
    return f"| {head} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
