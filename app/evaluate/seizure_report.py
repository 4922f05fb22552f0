"""Decisions on EEG as scores: the command line's JSON contract, and in words what the figures do not prove."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...models.event_scores import (
    SZCORE,
    EventScore,
    bootstrap_events,
    false_alarm_interval,
    score_events,
    score_samples,
    sum_scores,
)
from ...models.seizure_cascade import EVENT_RULE
from ...models.seizure_data import FIRST_DECISION_S
from ...signals import InputError
from ..analyze.analysis import STAGES
from ..console import table_text
from .seizure_protocols import Decided

__all__ = [
    "SHORTEST_ALARM_S",
    "events_json",
    "negatives_json",
    "scores_json",
    "seizure_evaluation_text",
    "too_short_for_alarms",
    "warnings_of",
]

_HOUR_S = 3600.0
_DAY_S = 86400.0
_FEW_SUBJECTS = 10
SHORTEST_ALARM_S = FIRST_DECISION_S + EVENT_RULE.wanted
"""In a shorter recording no alarm can come."""

_MOST_LISTED = 30


def scores_json(decided: Sequence[Decided]) -> dict[str, Any]:
    """Scores of recordings whose seizures are known, in the shape of the JSON contract.

    A unit is a second. Rejected seconds count as not ictal, so that a seizure the gate threw away is missed.
    """
    samples = {d: score_samples(d.seizures_s, _said(d), d.duration_s) for d in decided}
    total = sum_scores(list(samples.values()))
    n = round(total.duration_s)
    ictal, other = _class_json(total), _class_json(_turned(total))
    by_subject = {s: sum_scores([_score(d) for d in own]) for s, own in _subjects(decided).items()}
    n_rejected = sum(d.rejected_s for d in decided)
    ended = np.asarray([d.stage_s for d in decided]).sum(axis=0)
    reached = ended[::-1].cumsum()[::-1]
    return {
        "peaks": None,
        "records": [d.name for d in decided],
        "units": n,
        "accuracy": 1 - (total.n - total.n_detected + total.n_false) / n,
        "majority": max(total.n, n - total.n) / n,
        "classes": {"seizure": ictal, "other": other},
        "macro_f1": float(np.nanmean([ictal["f1"], other["f1"]])),
        "rejected_fraction": n_rejected / sum(d.duration_s for d in decided),
        "stage_share": dict(zip(STAGES, (reached / reached[0]).tolist(), strict=True)),
        "events": events_json(by_subject) | {"early_alarms": sum(map(_n_early, decided))},
        "ci95": bootstrap_events(by_subject),
        "by_subject": {s: _event_json(score) for s, score in by_subject.items()},
    }


def events_json(by_subject: Mapping[str, EventScore]) -> dict[str, Any]:
    """Event scores over all subjects, with SzCORE's rules beside them."""
    total = sum_scores(list(by_subject.values()))
    rules = {key: getattr(SZCORE, key) for key in SZCORE.__dataclass_fields__}
    interval = false_alarm_interval(total.n_false, total.duration_s)
    return _event_json(total) | {"false_alarms_per_day_ci95": interval, "rules": rules}


def negatives_json(decided: Sequence[Sequence[Decided]]) -> dict[str, Any]:
    """False alarms on seizure-free recordings, one sequence for each model that heard them; mean over models.

    Recordings that are too short to raise an alarm are left out.

    Raises
    ------
    InputError
        All are.
    """
    long_enough = [[d for d in one if d.duration_s >= SHORTEST_ALARM_S] for one in decided]
    if not long_enough[0]:
        raise too_short_for_alarms(len(decided[0]))
    n_short, decided = len(decided[0]) - len(long_enough[0]), long_enough
    duration_s = sum(d.duration_s for d in decided[0])
    per_model = [sum(_score(d).n_false for d in one) for one in decided]
    mean = sum(per_model) / len(per_model)
    interval = false_alarm_interval(round(mean), duration_s)
    return {
        "records": len(decided[0]),
        "too_short": n_short,
        "subjects": len({d.subject for d in decided[0]}),
        "hours": duration_s / _HOUR_S,
        "models": len(decided),
        "false_alarms": per_model,
        "false_alarms_per_hour": mean * _HOUR_S / duration_s,
        "false_alarms_per_hour_ci95": [x / 24 for x in interval],
        "rejected_fraction": sum(d.rejected_s for one in decided for d in one) / duration_s / len(decided),
    }


def too_short_for_alarms(n: int) -> InputError:
    """What is wrong with `n` seizure-free recordings that are all too short."""
    return InputError(
        f"none of {n} seizure-free recordings is {SHORTEST_ALARM_S} s long; in less no alarm can be raised, "
        "so that none would be false"
    )


def seizure_evaluation_text(result: Mapping[str, Any]) -> str:
    """The figures for a terminal."""
    e = result["events"]
    low, high = e["false_alarms_per_day_ci95"]
    latency = "no seizure found" if e["latency_s"] is None else f"median latency {e['latency_s']:.1f} s"
    seconds = result["classes"]["seizure"]
    lines = [
        f"seizure, {result['dataset']}, split {result['split_name']}, montage {result['montage']}: "
        f"{e['detected']} of {e['n']} seizures found ({_percent(e['sensitivity'])}), {latency}; "
        f"{e['false_alarms']} false alarms in {e['hours']:.2f} h, {e['false_alarms_per_day']:.1f} a day "
        f"(95 % {low:.1f} to {high:.1f}), F1 {_percent(e['f1'])}; {e['early_alarms']} alarms before their seizure",
        table_text(("subject", "seizures", "found", "false alarms", "hours", "latency s"), _rows(result)),
        f"by the second: Se {_percent(seconds['se'])}, +P {_percent(seconds['ppv'])}; "
        f"{_percent(result['rejected_fraction'])} of time rejected",
    ]
    if result.get("negatives"):
        lines.append(_negatives_line(result["negatives"]))
    if result.get("compact"):
        lines.append(f"compressed models:\n{seizure_evaluation_text(result['compact'] | {'warnings': ()})}")
    lines += list(_seed_lines(result.get("seeds") or ()))
    return "\n".join([*lines, *(f"note: {warning}" for warning in result.get("warnings") or ())])


def _rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    subjects = list(result["by_subject"].items())
    rows = [
        (
            name,
            str(s["n"]),
            str(s["detected"]),
            str(s["false_alarms"]),
            f"{s['hours']:.2f}",
            "-" if s["latency_s"] is None else f"{s['latency_s']:.1f}",
        )
        for name, s in subjects[:_MOST_LISTED]
    ]
    left = len(subjects) - _MOST_LISTED
    return rows + ([(f"{left} more", *("",) * 5)] if left > 0 else [])


def _seed_lines(seeds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in seeds:
        e = row["events"]
        yield f"{row['name']}: {e['detected']} of {e['n']} seizures, {e['false_alarms']} false alarms"


def _negatives_line(n: Mapping[str, Any]) -> str:
    low, high = n["false_alarms_per_hour_ci95"]
    return (
        f"seizure-free EEG: {n['false_alarms_per_hour']:.2f} false alarms an hour (95 % {low:.2f} to {high:.2f}) "
        f"in {n['hours']:.2f} h of {n['records']} recordings, {_percent(n['rejected_fraction'])} of time rejected"
        + (f", {n['too_short']} more are too short to raise an alarm" if n["too_short"] else "")
        + (f"; mean of {n['models']} models" if n["models"] > 1 else "")
    )


def _said(d: Decided) -> list[tuple[float, float]]:
    return [(onset_s, end_s) for onset_s, end_s, _ in d.alarms]


def _score(d: Decided) -> EventScore:
    return score_events(d.seizures_s, _said(d), d.duration_s, alarm_s=[alarm_s for *_, alarm_s in d.alarms])


def _n_early(d: Decided) -> int:
    """Alarms that were raised before the seizure for which they count."""
    return sum(
        any(onset_s - SZCORE.tolerance_before_s <= alarm_s < onset_s for onset_s, _ in d.seizures_s)
        and not any(onset_s <= alarm_s <= end_s for onset_s, end_s in d.seizures_s)
        for *_, alarm_s in d.alarms
    )


def _subjects(decided: Sequence[Decided]) -> dict[str, list[Decided]]:
    found: dict[str, list[Decided]] = {}
    for d in decided:
        found.setdefault(d.subject, []).append(d)
    return dict(sorted(found.items()))


def _event_json(score: EventScore) -> dict[str, Any]:
    latency = np.asarray(score.latency_s)
    return {
        "n": score.n,
        "detected": score.n_detected,
        "sensitivity": score.sensitivity,
        "precision": score.precision,
        "f1": score.f1,
        "false_alarms": score.n_false,
        "false_alarms_per_day": score.false_alarms_per_day,
        "hours": score.duration_s / _HOUR_S,
        "latency_s": float(np.median(latency)) if len(latency) else None,
        "latency_max_s": float(latency.max()) if len(latency) else None,
    }


def _turned(score: EventScore) -> EventScore:
    """Sample scores of the other class."""
    n = round(score.duration_s)
    return EventScore(n - score.n, n - score.n - score.n_false, score.n - score.n_detected, score.duration_s)


def _class_json(score: EventScore) -> dict[str, Any]:
    return {"n": score.n, "se": score.sensitivity, "ppv": score.precision, "f1": score.f1}


def _percent(share: float) -> str:
    return "-" if share != share else f"{100 * share:.1f} %"


def warnings_of(decided: Sequence[Decided], is_clips: bool) -> list[str]:
    """In plain words what the figures do not prove."""
    hours = sum(d.duration_s for d in decided) / _HOUR_S
    n = sum(len(d.seizures_s) for d in decided)
    subjects = {d.subject for d in decided}
    found: list[str] = []
    if is_clips:
        found.append(
            f"these are clips cut around seizures, {hours * 60:.0f} minutes in all: where a seizure is was known "
            "to whoever cut them, clips of one recording are joined although time lies between them, an alarm up "
            "to 30 s early counts as true, which is the whole lead-in, and one false alarm more would add "
            f"{_DAY_S / (hours * _HOUR_S):.0f} a day. They show that the chain works from file to alarm; they "
            "prove neither a sensitivity nor a false-alarm rate"
        )
    if len(subjects) < _FEW_SUBJECTS:
        found.append(f"{n} seizures of {len(subjects)} subjects say little about the next subject")
    return found
