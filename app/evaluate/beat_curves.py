"""Operating points of a beat model, measured on annotated recordings that it was not trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...models import BeatEvaluation, BeatRecord, evaluate_beats
from ...models.beat_scores import NOT_COUNTED
from ...models.confidence_scores import decision_confidence
from ...models.metrics import scored_beats, scored_rows
from ...models.train import Progress
from ...signals import CLASSES, DEVICE_FS_HZ, find_dataset
from ..model_files import load_model
from ..recording_facts import model_facts
from .beat_splits import scoring_plan
from .experiment import prepare_annotated
from .operating_point import Curves, SubjectScores, curve_of

__all__ = ["KINDS", "beat_curves", "beat_scores"]

KINDS = ("V", "S")
"""Classes with a slider: a beat of the class stands when its confidence reaches the threshold."""


def beat_curves(
    model: str | Path | None, data: str | Path | None, split: str, made_by: str, progress: Progress | None = None
) -> Curves:
    """Measure the curves of a beat model.

    Parameters
    ----------
    data, split : as for ``ictus evaluate beat``, which refuses recordings of the training
    made_by : the command, to be written down

    Raises
    ------
    InputError
        The model was trained on these recordings, or they are not there.
    """
    loaded = load_model(model)
    found = find_dataset(data)
    records, _ = prepare_annotated(found, "detected", progress)
    plan = scoring_plan(split, loaded, found, records)
    scores = beat_scores(plan.records, evaluate_beats(loaded.model, plan.records, plan.wanted))
    hours = sum(len(r.signal.counts) for r in plan.records) / DEVICE_FS_HZ / 3600
    return Curves(
        task="beat",
        model_sha256=model_facts(loaded.path).sha256,
        source=f"{found.name}, {plan.name}, test side, detected peaks",
        made_by=made_by,
        n_records=len(plan.records),
        n_subjects=len({r.subject for r in plan.records}),
        hours=round(hours, 3),
        by_kind={kind: curve_of(kind, [s.counts() for s in subjects]) for kind, subjects in scores.items()},
    )


def beat_scores(records: Sequence[BeatRecord], evaluation: BeatEvaluation) -> Mapping[str, list[SubjectScores]]:
    """What each subject adds, by class; counted as EC57 counts VEB and SVEB (see `ectopic_score`).

    A reference beat that the detector missed, the gate rejected or another class took is one that no threshold
    finds; fusion and unclassifiable beats called V, and unclassifiable ones called S, are no false alarms.
    """
    subjects = sorted({r.subject for r in records})
    by_subject = {s: [r for r in records if r.subject == s] for s in subjects}
    return {kind: [_subject(of, evaluation, kind) for of in by_subject.values()] for kind in KINDS}


def _subject(records: Sequence[BeatRecord], evaluation: BeatEvaluation, kind: str) -> SubjectScores:
    index = CLASSES.index(kind)
    no_alarm = [index, *(CLASSES.index(label) for label in NOT_COUNTED[kind])]
    hits, alarms, n_reference, n_samples = [np.empty(0)], [np.empty(0)], 0, 0
    for record in records:
        decisions = evaluation.decisions[record.name]
        said = scored_rows(record) & ~decisions.gated & (decisions.label == index)
        confidence = decision_confidence(decisions)
        hits.append(confidence[said & (record.label == index)])
        alarms.append(confidence[said & ~np.isin(record.label, no_alarm)])
        n_reference += int((record.reference_label[scored_beats(record)] == index).sum())
        n_samples += len(record.signal.counts)
    hours = n_samples / DEVICE_FS_HZ / 3600
    return SubjectScores(np.concatenate(hits), np.concatenate(alarms), n_reference, hours)
