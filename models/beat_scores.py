"""What EC57 and the literature read from a confusion table beside sensitivity and predictive value per class.

Tables are int64 (6, 7) as in `metrics`: rows N S V F Q and "no beat", columns N S V F Q, gated and missed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..signals import CLASSES

__all__ = [
    "ECTOPIC",
    "NOT_COUNTED",
    "Baseline",
    "EctopicScore",
    "average_over_records",
    "ectopic_score",
    "lost_in_gate",
    "majority_baseline",
    "one_against_rest",
]

ECTOPIC = {"VEB": "V", "SVEB": "S"}
"""EC57's names of the ectopic beats, ventricular and supraventricular, and their class here."""

NOT_COUNTED = {"V": "FQ", "S": "Q"}
"""Reference classes whose beats are no false positives when they are called V or S."""

_N_CLASSES, _GATED = len(CLASSES), len(CLASSES)


@dataclass(frozen=True)
class EctopicScore:
    """Detection of one kind of ectopic beats; ratios are 0 to 1, nan where undefined.

    Attributes
    ----------
    n : reference beats of this kind, ``tp + fn``
    tp, fn, fp, tn : counts by the rules of `ectopic_score`
    """

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def n(self) -> int:
        return self.tp + self.fn

    @property
    def se(self) -> float:
        """Sensitivity, tp / (tp + fn)."""
        return _ratio(self.tp, self.n)

    @property
    def ppv(self) -> float:
        """Positive predictive value, +P, tp / (tp + fp)."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def fpr(self) -> float:
        """False positive rate, fp / (fp + tn)."""
        return _ratio(self.fp, self.fp + self.tn)

    def to_json(self) -> dict[str, float]:
        """Counts and ratios."""
        counts = {"n": self.n, "tp": self.tp, "fn": self.fn, "fp": self.fp, "tn": self.tn}
        return counts | {"se": self.se, "ppv": self.ppv, "fpr": self.fpr}


def ectopic_score(table: np.ndarray, name: str) -> EctopicScore:
    """``VEB`` or ``SVEB`` as EC57 counts them.

    Source: ANSI/AAMI EC57 section 4.2 and its Table 3, which make the program bxb of the WFDB tools the reference;
    the sums are those that bxb prints. With a capital for the reference, a small letter for the decision, O for
    "no beat" and o x for missed and gated:

    - VEB: TP = Vv; FN = Vn + Vs + Vf + Vq + Vo + Vx; FP = Nv + Sv + Ov. A fusion or an unclassifiable beat that
      is called V (Fv, Qv) is neither right nor wrong and counts nowhere.
    - SVEB: TP = Ss; FN = Sn + Sv + Sf + Sq + So + Sx; FP = Ns + Vs + Fs + Os. Only Qs counts nowhere.
    - TN: every other decision that is not this kind on a reference that is not this kind, false detections
      included; gated and missed beats are no decisions. bxb prints the rate FP / (FP + TN) for VEB alone; that of
      SVEB follows the same pattern.
    """
    label = ECTOPIC[name]
    i = CLASSES.index(label)
    others = [row for row in range(_N_CLASSES + 1) if row != i]
    counted = [row for row in others if row == _N_CLASSES or CLASSES[row] not in NOT_COUNTED[label]]
    not_this = [column for column in range(_N_CLASSES) if column != i]
    tp = int(table[i, i])
    fp = int(table[counted, i].sum())
    return EctopicScore(tp, int(table[i].sum()) - tp, fp, int(table[np.ix_(others, not_this)].sum()))


@dataclass(frozen=True)
class Baseline:
    """What one gets by calling every reference beat the most frequent class."""

    label: str
    accuracy: float


def majority_baseline(table: np.ndarray) -> Baseline:
    """The most frequent reference class and the accuracy of always saying it; every beat counts as found."""
    n = table[:_N_CLASSES].sum(axis=1)
    return Baseline(CLASSES[int(n.argmax())], _ratio(int(n.max()), int(n.sum())))


def one_against_rest(table: np.ndarray) -> dict[str, dict[str, float]]:
    """Accuracy of each class against the rest, and their mean, beside the majority baseline of each.

    A decision is right when it agrees on "this class or not"; gated and missed beats are errors for every class.
    The mean is what some papers print as "average accuracy": it is never below the five-class accuracy,
    since a wrong decision is wrong in two classes only and right in three.
    """
    decided = table[:_N_CLASSES, :_N_CLASSES]
    n_of, said_of, n = table[:_N_CLASSES].sum(axis=1), decided.sum(axis=0), int(table[:_N_CLASSES].sum())
    result = {}
    for i, label in enumerate(CLASSES):
        wrong = int(decided[i].sum() + said_of[i] - 2 * decided[i, i])
        share = _ratio(int(n_of[i]), n)
        result[label] = {"accuracy": _ratio(int(decided.sum()) - wrong, n), "baseline": max(share, 1 - share)}
    keys = ("accuracy", "baseline")
    return result | {"mean": {key: float(np.mean([result[c][key] for c in CLASSES])) for key in keys}}


def lost_in_gate(table: np.ndarray) -> dict[str, dict[str, float]]:
    """Reference beats of each class that the gate rejected: how many, and which share of the class."""
    n = table[:_N_CLASSES].sum(axis=1)
    return {
        label: {"n": int(table[i, _GATED]), "share": _ratio(int(table[i, _GATED]), int(n[i]))}
        for i, label in enumerate(CLASSES)
        if n[i]
    }


def average_over_records(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """EC57's average statistics: each record has the same weight, those in which a figure is undefined have none.

    Parameters
    ----------
    values : record -> figure -> value, nan where undefined

    Returns
    -------
    figure -> mean over the records that define it
    """
    names = list(dict.fromkeys(name for row in values.values() for name in row))
    columns = {name: np.array([row.get(name, np.nan) for row in values.values()], np.float64) for name in names}
    return {
        name: float(column[np.isfinite(column)].mean()) if np.isfinite(column).any() else float("nan")
        for name, column in columns.items()
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
