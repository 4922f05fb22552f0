"""Operating points of a seizure model, measured on recordings of subjects that it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...models.event_scores import EventScore, false_alarm_interval, score_events, share_interval, sum_scores
from .operating_point import THRESHOLDS, Curve, Curves, SubjectCounts, curve_of

__all__ = ["KIND", "ScoredRecording", "seizure_counts", "seizure_curves"]

KIND = "seizure"


@dataclass(frozen=True)
class ScoredRecording:
    """What a model said of one recording, and what is known of it.

    Attributes
    ----------
    subject : of the recording
    duration_s : of the recording
    seizures_s : onset and end of each seizure that is known
    alarms : onset, end and confidence of each event that was reported
    """

    subject: str
    duration_s: float
    seizures_s: tuple[tuple[float, float], ...]
    alarms: tuple[tuple[float, float, float], ...]


def seizure_counts(recordings: Sequence[ScoredRecording]) -> list[SubjectCounts]:
    """What each subject adds: at every threshold the events that reach it are scored as SzCORE scores them."""
    subjects = sorted({r.subject for r in recordings})
    return [_subject([r for r in recordings if r.subject == s]) for s in subjects]


def seizure_curves(recordings: Sequence[ScoredRecording], model_sha256: str, source: str, made_by: str) -> Curves:
    """The curves of the zoo's seizure model.

    Parameters
    ----------
    recordings : decided by models that had not seen their subject, all made as the zoo's model was
    source : which recordings and which models, in words
    made_by : the command, to be written down

    The intervals hold those of a binomial share and of a Poisson rate as well as those over subjects: a handful of
    seizures that were all found, or no false alarm in an hour, would look certain otherwise.
    """
    counts = seizure_counts(recordings)
    return Curves(
        task="seizure",
        model_sha256=model_sha256,
        source=source,
        made_by=made_by,
        n_records=len(recordings),
        n_subjects=len({r.subject for r in recordings}),
        hours=round(sum(r.duration_s for r in recordings) / 3600, 3),
        by_kind={KIND: _widened(curve_of(KIND, counts), counts)},
    )


def _widened(curve: Curve, subjects: Sequence[SubjectCounts]) -> Curve:
    hits = sum(s.hits for s in subjects)
    alarms, seconds = sum(s.false_alarms for s in subjects), 3600 * sum(s.hours for s in subjects)
    share = np.array([share_interval(int(n), curve.n_reference) for n in np.asarray(hits)])
    rate = np.array([false_alarm_interval(int(n), seconds) for n in np.asarray(alarms)]) / 24
    return replace(
        curve,
        sensitivity_low=np.minimum(curve.sensitivity_low, share[:, 0]),
        sensitivity_high=np.maximum(curve.sensitivity_high, share[:, 1]),
        false_alarms_per_hour_low=np.minimum(curve.false_alarms_per_hour_low, rate[:, 0]),
        false_alarms_per_hour_high=np.maximum(curve.false_alarms_per_hour_high, rate[:, 1]),
    )


def _subject(recordings: Sequence[ScoredRecording]) -> SubjectCounts:
    scores = [sum_scores([_score(r, threshold) for r in recordings]) for threshold in THRESHOLDS.tolist()]
    hits, alarms = (np.array([getattr(s, name) for s in scores]) for name in ("n_detected", "n_false"))
    return SubjectCounts(hits, alarms, scores[0].n, sum(r.duration_s for r in recordings) / 3600)


def _score(recording: ScoredRecording, threshold: float) -> EventScore:
    said = [(onset_s, end_s) for onset_s, end_s, confidence in recording.alarms if confidence >= threshold]
    return score_events(recording.seizures_s, said, recording.duration_s)
