"""Measure the curves behind the dashboard's sensitivity slider and put them beside the zoo's model.

    python benchmarks/operating_points.py [--data mitdb] [--split inter] [--model MODEL] [--out FILE]

Recordings of the training are refused. For every threshold on the model's confidence: share of the annotated beats
of the class that are shown, and false alarms an hour of recording, both with 95 % intervals by bootstrap over
subjects. The model's class decisions stay as they are: the slider can withhold a decision, not make one.
"""

import argparse
import sys
from pathlib import Path

from ictus.app.evaluate.beat_curves import beat_curves
from ictus.app.evaluate.operating_point import Curves, curves_path, curves_text
from ictus.app.output import write_text
from ictus.signals import InputError

SHOWN = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)


def table(curves: Curves) -> str:
    """Some points of every curve as Markdown."""
    lines = ["| class | threshold | sensitivity | false alarms / h |", "|---|---|---|---|"]
    for kind, curve in curves.by_kind.items():
        for threshold in SHOWN:
            p = curve.at(threshold)
            shares = f"{p.sensitivity:.3f} ({p.sensitivity_low:.3f} to {p.sensitivity_high:.3f})"
            low, high = p.false_alarms_per_hour_low, p.false_alarms_per_hour_high
            lines.append(
                f"| {kind} | {threshold:g} | {shares} | {p.false_alarms_per_hour:.2f} ({low:.2f} to {high:.2f}) |"
            )
    return "\n".join(lines)


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description="curves of sensitivity and false alarms")
    parser.add_argument("--data", default="mitdb")
    parser.add_argument("--split", default="inter")
    parser.add_argument("--model", default=None)
    parser.add_argument("--out", type=Path, default=curves_path("beat"))
    args = parser.parse_args()
    made_by = f"python benchmarks/operating_points.py --data {args.data} --split {args.split}"
    try:
        curves = beat_curves(args.model, args.data, args.split, made_by)
        write_text(args.out, curves_text(curves))
    except InputError as error:
        sys.exit(f"operating_points: {error}")
    print(f"{curves.source}: {curves.n_records} recordings of {curves.n_subjects} subjects, {curves.hours:g} h\n")
    print(table(curves))


if __name__ == "__main__":
    main()
