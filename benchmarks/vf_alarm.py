"""The fibrillation alarm: whole recordings left out, on cudb and MIT-BIH together, 7 folds.

    python benchmarks/vf_alarm.py [--save]     --save trains on all recordings and writes models/zoo/alarm.json

Every recording is judged by an alarm that was trained without its subject. Latency runs from the annotated onset
to the moment of the alarm. False alarms overlap no episode; ventricular tachycardia, which cudb does not mark, is
among them. Other rules of the same logits are printed as information; none was chosen by them.
"""

import argparse
import json
from collections.abc import Sequence

import numpy as np
from ictus.models.alarm_model import ALARM_ZOO, COUNT, WINDOW
from ictus.models.alarm_train import (
    AlarmRecord,
    AlarmScores,
    alarm_record,
    cross_validated_logits,
    fit_alarm,
    score_alarms,
)
from ictus.signals import find_dataset, load

RULES = ((3, 3), (5, 4), (WINDOW, COUNT), (10, 8))
LONG_S = 10.0


def read(name: str) -> list[AlarmRecord]:
    """All recordings of a data set."""
    found = find_dataset(name)
    return [alarm_record(load(found.path(record)), name) for record in found.records]


def share(part: float, whole: float) -> str:
    """Per cent, or a dash."""
    return f"{100 * part / whole:6.1f}" if whole else "     -"


def row(name: str, s: AlarmScores) -> str:
    """A line of the table."""
    latency = (
        f"{np.median(s.latency_s):5.1f} {np.percentile(s.latency_s, 90):5.1f}" if s.n_detected else "    -     -"
    )
    inside, outside = s.n_seconds
    seconds = f"{share(s.n_positive[0], inside)} {share(outside - s.n_positive[1], outside)}"
    return (
        f"{name:26s}{s.n_detected:4d} /{s.n_episodes:4d} {share(s.n_detected, s.n_episodes)} {latency} "
        f"{seconds} {share(s.n_alarming[0], inside)} "
        f"{s.n_false:6d} {outside / 3600:6.2f} {s.false_per_hour:8.2f}"
    )


def summary(scores: AlarmScores) -> dict[str, float]:
    """What the zoo's card says."""
    inside, outside = scores.n_seconds
    return {
        "episodes": scores.n_episodes,
        "detected": scores.n_detected,
        "median_latency_s": float(np.median(scores.latency_s)) if scores.n_detected else float("nan"),
        "se_per_second": scores.n_positive[0] / max(inside, 1),
        "specificity_per_second": 1 - scores.n_positive[1] / max(outside, 1),
        "false_alarms_per_hour": scores.false_per_hour,
        "hours_outside": outside / 3600,
    }


def save(records: Sequence[AlarmRecord], figures: dict[str, dict[str, float]]) -> None:
    """Train on everything and write the zoo's alarm."""
    model = fit_alarm(records)
    card = {
        "task": "ventricular fibrillation alarm",
        "data": "cudb (35 records) and mitdb (48 records), all of them",
        "split": "figures: 7 folds, whole recordings left out; the weights: all recordings",
        "rule": f"{COUNT} of {WINDOW} seconds",
        "figures": figures,
        "bytes": model.n_bytes,
        "model": model.to_json(),
    }
    ALARM_ZOO.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {ALARM_ZOO.name}, {model.n_bytes} bytes of weights")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="train on all recordings and write the zoo's alarm")
    arguments = parser.parse_args()
    records = [*read("cudb"), *read("mitdb")]
    positive = [logits >= 0 for logits in cross_validated_logits(records)]
    print("                          episodes      Se  latency s     1 s    1 s   1 s   false  hours    false")
    print("                          found/all      %  med   p90    Se %   Sp %  alarm alarms  w/o VF  an hour")
    figures = {}
    for name in ("cudb", "mitdb"):
        chosen = [i for i, r in enumerate(records) if r.dataset == name]
        mine, theirs = [records[i] for i in chosen], [positive[i] for i in chosen]
        for window, count in RULES:
            print(row(f"{name}, {count} of {window} s", score_alarms(mine, theirs, window, count)))
        print(row(f"{name}, episodes >= {LONG_S:g} s", score_alarms(mine, theirs, shortest_s=LONG_S)))
        figures[name] = summary(score_alarms(mine, theirs))
        nobody = [np.zeros(len(r.label), bool) for r in mine]
        print(row(f"{name}, never an alarm", score_alarms(mine, nobody)))
    if arguments.save:
        save(records, figures)


if __name__ == "__main__":
    main()
