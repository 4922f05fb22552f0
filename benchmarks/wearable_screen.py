"""What the threshold of the screen of beats costs.

    python benchmarks/wearable_screen.py thresholds [--model FILE]
    python benchmarks/wearable_screen.py held-out [--fits 1]

`thresholds` is of DS2 of MIT-BIH: share of the beats that reach the specialist, sensitivity and predictive value
of each class, with the specialist on every beat and for thresholds around the model's own. `held-out` is what to
choose by: every fourth patient of DS1 and svdb is held out, the others train and compress a model as the default
recipe says, but for its offsets, and the held-out beats are decided with and without its screen, at its threshold
and around it; minutes a fold, with one fit of the screen instead of three. DS2 is not read there. Needs
$ICTUS_DATA with mitdb and svdb.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from beat_offsets import N_FOLDS, fold_protocol, read
from ictus.app.model_files import load_model
from ictus.app.wearable.firmware import compact_of
from ictus.compression import BEAT_RECIPES, CompactModel, ScreenRecipe, compress_beat
from ictus.firmware_export.wearable.thresholds import PASS_ALL, with_threshold
from ictus.models import BeatRecord, GateSources, decide, prepare_records, train_beats
from ictus.models.beat_train import INTER_CONFIG
from ictus.signals import CLASSES, DS2, InputError, find_dataset

SHOWN = ("N", "S", "V", "F")
STEPS = (-16, -8, 0, 4, 8, 12, 16)
HELD_OUT_STEPS = (-8, -4, 0, 4, 8)


def row(model: CompactModel, records: Sequence[BeatRecord]) -> list[str]:
    """Share that reaches the specialist, and Se / +P of each class."""
    decided = [decide(model, record) for record in records]
    reached = np.concatenate([d.reached for d in decided])
    said = np.concatenate([d.label for d in decided])
    true = np.concatenate([record.label for record in records])
    missed = np.concatenate([r.reference_label[r.missed] for r in records])
    cells = [f"{100 * reached.mean():.1f} %"]
    for label in map(CLASSES.index, SHOWN):
        hits, n = ((true == label) & (said == label)).sum(), (true == label).sum() + (missed == label).sum()
        cells.append(f"{100 * hits / n:.2f} / {100 * hits / max((said == label).sum(), 1):.1f}")
    return cells


def thresholds(model: CompactModel) -> list[list[str]]:
    """A row for each of some thresholds around the model's own, and for the specialist on every beat."""
    mitdb, own = find_dataset("mitdb"), int(model.thresholds["screen"])
    records = prepare_records([mitdb.path(name) for name in DS2])
    rows = [["threshold", "reach", *(f"{name} Se / +P %" for name in SHOWN)]]
    rows.append(["every beat", *row(with_threshold(model, "screen", PASS_ALL), records)])
    for step in STEPS:
        changed = with_threshold(model, "screen", int(np.clip(own + step, -127, 127)))
        rows.append([f"{own + step}{' (own)' if step == 0 else ''}", *row(changed, records)])
    return rows


def held_out(n_fits: int) -> list[list[str]]:
    """A row for each threshold around the models' own, over all patients, and for the specialist on every beat."""
    records, sources = read(), GateSources.find()
    folds = [fold_counts(records, sources, fold, n_fits) for fold in range(N_FOLDS)]
    rows = [["threshold", "reach", *(f"{name} Se %" for name in SHOWN)]]
    for name, counts in zip(("every beat", *(f"own {s:+d}" for s in HELD_OUT_STEPS)), sum(folds), strict=True):
        (n_reached, n), *by_class = counts
        rows.append(
            [name, f"{100 * n_reached / n:.1f} %", *(f"{100 * hits / total:.2f}" for hits, total in by_class)]
        )
    return rows


def fold_counts(records: Sequence[BeatRecord], sources: GateSources, fold: int, n_fits: int) -> np.ndarray:
    """int64 (rows, 1 + classes, 2): beats that reach the specialist and all, then found and all of each class."""
    protocol = fold_protocol(records, fold)
    data, default = protocol.training_set(sources), BEAT_RECIPES[INTER_CONFIG.design]
    recipe = replace(default.without_offsets(), screen=ScreenRecipe(n_fits=n_fits))
    model = with_threshold(
        compress_beat(train_beats(data, INTER_CONFIG), data, recipe, INTER_CONFIG), "gate", -128
    )
    own = int(model.thresholds["screen"])
    levels = [PASS_ALL, *(int(np.clip(own + step, -127, 127)) for step in HELD_OUT_STEPS)]
    return np.array([counts_of(with_threshold(model, "screen", level), protocol.test) for level in levels])


def counts_of(model: CompactModel, records: Sequence[BeatRecord]) -> list[tuple[int, int]]:
    """See `fold_counts`."""
    decided = [decide(model, record) for record in records]
    reached, said = (np.concatenate([getattr(d, name) for d in decided]) for name in ("reached", "label"))
    true = np.concatenate([record.label for record in records])
    reference = np.concatenate([record.reference_label for record in records])
    by_class = [
        (int(((true == k) & (said == k)).sum()), int((reference == k).sum())) for k in map(CLASSES.index, SHOWN)
    ]
    return [(int(reached.sum()), len(reached)), *by_class]


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description="what the threshold of the screen costs")
    parser.add_argument("part", choices=("thresholds", "held-out"))
    parser.add_argument("--model", default=None, help="compact model; default: the zoo's")
    parser.add_argument("--fits", type=int, default=1, help="held-out: fits of the screen")
    args = parser.parse_args()
    try:
        if args.part == "held-out":
            head, *rows = held_out(args.fits)
        else:
            head, *rows = thresholds(compact_of(load_model(args.model, "beat")))
    except InputError as error:
        sys.exit(f"wearable_screen: {error}")
    for cells in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
