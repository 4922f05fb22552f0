"""Measure the curve behind the dashboard's sensitivity slider for seizures and put it beside the zoo's model.

    python benchmarks/seizure_operating_points.py [DATA] [--work DIR] [--out FILE]

Every CHB-MIT subject's clips are decided by a compact model that was trained on those of the others, seed 0
(those that are not in `--work` yet are trained first); the Michigan recording and the seizure-free scalp EEG of
Bonn (A and B) and Delhi, each set as one subject, by the zoo's model, which never saw them. Bonn's intracranial
sets C and D are left out: no wearable has electrodes there (`seizure_clips.py` shows them). Alarms are scored as
SzCORE scores them.
"""

import argparse
import sys
from pathlib import Path

from ictus.app.analyze.eeg import alarm_confidences
from ictus.app.evaluate.operating_point import Curves, curves_path, curves_text
from ictus.app.evaluate.seizure_curves import KIND, ScoredRecording, seizure_curves
from ictus.app.model_files import load_model
from ictus.app.output import write_text
from ictus.app.recording_facts import model_facts
from ictus.models.seizure_cascade import run_cascade
from ictus.models.seizure_data import EegRecord
from ictus.models.staged import StagedModel
from ictus.signals import InputError
from ictus.signals.datasets import default_data_folder
from seizure_clips import chb_subjects, michigan, models_without, quiet_segments

SOURCE = (
    "CHB-MIT clips (each subject by a model of the others), the Michigan recording, and seizure-free scalp EEG of "
    "Bonn and Delhi (each set as one subject)"
)
SCALP = ("Bonn A", "Bonn B", "Delhi preictal", "Delhi interictal")
SHOWN = (0.0, 0.6, 0.7, 0.8, 0.9)


def scored(model: StagedModel, record: EegRecord) -> ScoredRecording:
    """What a model says of a recording, and what is known of it."""
    alarms = alarm_confidences(run_cascade(model, record.counts, record.mask))
    seizures = tuple((float(onset_s), float(end_s)) for onset_s, end_s in record.seizures)
    return ScoredRecording(record.subject, float(record.n_seconds), seizures, tuple(alarms))


def recordings(data: Path, work: Path) -> list[ScoredRecording]:
    """Every recording, decided by a model that did not see its subject."""
    subjects, found = chb_subjects(data), list[ScoredRecording]()
    for subject, own in subjects.items():
        model = models_without(subject, 0, subjects, work, compress=True)["compact"]
        found += [scored(model, record) for record in own]
    zoo = load_model(None, "seizure").model
    quiet = quiet_segments(data)
    return found + [
        scored(zoo, record) for record in (michigan(data), *(r for name in SCALP for r in quiet[name]))
    ]


def table(curves: Curves) -> str:
    """Some points of the curve as Markdown."""
    lines = ["| threshold | found | false alarms / h |", "|---|---|---|"]
    for threshold in SHOWN:
        p = curves.by_kind[KIND].at(threshold)
        share = f"{p.sensitivity:.3f} ({p.sensitivity_low:.3f} to {p.sensitivity_high:.3f})"
        low, high = p.false_alarms_per_hour_low, p.false_alarms_per_hour_high
        lines.append(f"| {threshold:g} | {share} | {p.false_alarms_per_hour:.2f} ({low:.2f} to {high:.2f}) |")
    return "\n".join(lines)


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description="curve of seizures found and false alarms")
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--work", type=Path, default=Path("seizure_clips"), help="keeps finished models")
    parser.add_argument("--out", type=Path, default=curves_path("seizure"))
    args = parser.parse_args()
    try:
        found = recordings(args.data or default_data_folder(), args.work)
        made_by = "python benchmarks/seizure_operating_points.py"
        curves = seizure_curves(
            found, model_facts(curves_path("seizure").with_name("seizure.ictus")).sha256, SOURCE, made_by
        )
        write_text(args.out, curves_text(curves))
    except InputError as error:
        sys.exit(f"seizure_operating_points: {error}")
    print(f"{curves.n_records} recordings of {curves.n_subjects} subjects, {curves.hours:g} h; "
          f"{curves.by_kind[KIND].n_reference} seizures\n")  # fmt: skip
    print(table(curves))


if __name__ == "__main__":
    main()
