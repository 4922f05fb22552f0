"""Fit a screen of beats that looks at the context alone, and show what each threshold costs.

    python benchmarks/wearable_screen.py --out beat-wearable.ictus [--model FILE] [--withheld 0.002]

Fitted on DS1 of MIT-BIH and on svdb, as the zoo's model was; the threshold is set on the same beats. The table is
of DS2, for this screen and for the model's own: share of the beats that reach the specialist, sensitivity and
predictive value of each class, for thresholds from low to high.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ictus.app.model_files import load_model
from ictus.app.output import write_bytes
from ictus.app.wearable.firmware import compact_of
from ictus.compression import CompactModel, to_bytes
from ictus.compression.context_screen import ScreenRecipe, with_context_screen
from ictus.firmware_export.wearable.thresholds import PASS_ALL, with_threshold
from ictus.models import BeatRecord, decide, prepare_records
from ictus.models.beat_data import LabelledBeats
from ictus.signals import CLASSES, DS1, DS2, InputError, find_dataset

SHOWN = ("N", "S", "V", "F")
STEPS = (-16, -8, 0, 8, 16)


def records_of(name: str, chosen: Sequence[str] | None = None) -> tuple[BeatRecord, ...]:
    """Prepared recordings of a data set, all or some."""
    found = find_dataset(name)
    return prepare_records([found.path(record) for record in chosen or found.records])


def row(model: CompactModel, records: Sequence[BeatRecord]) -> list[str]:
    """Share that reaches the specialist, and Se / +P of each class."""
    decided = [decide(model, record) for record in records]
    reached = np.concatenate([d.reached for d in decided])
    said = np.concatenate([d.label for d in decided])
    true = np.concatenate([record.label for record in records])
    n_missed = [np.concatenate([r.reference_label[r.missed] for r in records]) == k for k in range(len(CLASSES))]
    cells = [f"{100 * reached.mean():.1f} %"]
    for label, name in enumerate(CLASSES):
        hits = ((true == label) & (said == label)).sum()
        n = (true == label).sum() + n_missed[label].sum()
        if name in SHOWN:
            cells.append(f"{100 * hits / n:.2f} / {100 * hits / max((said == label).sum(), 1):.1f}")
    return cells


def thresholds(model: CompactModel, records: Sequence[BeatRecord]) -> list[list[str]]:
    """A row for each of some thresholds around the model's own, and for the specialist on every beat."""
    own = int(model.thresholds["screen"])
    rows = [["every beat", *row(with_threshold(model, "screen", PASS_ALL), records)]]
    for step in STEPS:
        changed = with_threshold(model, "screen", int(np.clip(own + step, -127, 127)))
        rows.append([f"{own + step}{' (own)' if step == 0 else ''}", *row(changed, records)])
    return rows


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description="a screen that looks at the context alone")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default=None, help="compact model whose screen is replaced; default: the zoo's")
    parser.add_argument("--withheld", type=float, default=ScreenRecipe().withheld)
    args = parser.parse_args()
    try:
        model = compact_of(load_model(args.model, "beat"))
        beats = LabelledBeats.of((*records_of("mitdb", DS1), *records_of("svdb")))
        fitted = with_context_screen(model, beats, replace(ScreenRecipe(), withheld=args.withheld))
        write_bytes(args.out, to_bytes(fitted))
        test = records_of("mitdb", DS2)
    except InputError as error:
        sys.exit(f"wearable_screen: {error}")
    for title, shown in (("the model's own screen", model), ("the screen that looks at the context", fitted)):
        print(f"\n{title}\n\n| threshold | reach | " + " | ".join(f"{name} Se / +P %" for name in SHOWN) + " |")
        print("|" + "---|" * (2 + len(SHOWN)))
        for cells in thresholds(shown, test):
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
