"""Scores of the rhythm task: F1 as in the CinC 2017 challenge, and the two-class readings of other publications.

A strip without a class (rejected by the gate) is an error of its class. Every reading stands beside what always
saying the commonest class would give.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .rhythm_cascade import StripDecisions
from .rhythm_task import FIBRILLATION, NORMAL, OTHER, RHYTHMS, STRIP_LABELS

__all__ = ["Reading", "RhythmScores", "rhythm_table", "score_strips", "screen_figures", "strip_ci95"]


@dataclass(frozen=True)
class Reading:
    """A two-class reading of the task; positive is atrial fibrillation.

    Attributes
    ----------
    n, n_positive : strips
    accuracy, se, ppv, f1 : 0 to 1
    majority : accuracy of always saying the commoner class
    """

    n: int
    n_positive: int
    accuracy: float
    majority: float
    se: float
    ppv: float
    f1: float

    @classmethod
    def of(cls, truth: np.ndarray, said: np.ndarray, answered: np.ndarray) -> "Reading":
        """Of bool (n,) each; a strip that is not answered is an error."""
        hits, n = int((truth & said & answered).sum()), len(truth)
        n_true, n_said = int(truth.sum()), int((said & answered).sum())
        accuracy = float(((truth == said) & answered).mean())
        majority = max(n_true, n - n_true) / n
        return cls(
            n,
            n_true,
            accuracy,
            majority,
            _over(hits, n_true),
            _over(hits, n_said),
            _over(2 * hits, n_true + n_said),
        )


@dataclass(frozen=True)
class RhythmScores:
    """Scores of one set of decisions.

    Attributes
    ----------
    table : int64 (4, 4); rows N A O ~ by the reference, columns N A O and no class
    f1 : of N, A, O
    macro_f1 : their mean, the challenge's score
    accuracy, majority : over N, A and O; of the commonest class
    af_or_normal : strips labelled N or A; AF is said where its logit is above that of N
    af_or_rest : all of N, A, O; AF is said where its logit is the highest
    af_or_rest_noisy : the same with the noisy strips among the rest, None where there is none
    """

    table: np.ndarray
    f1: tuple[float, float, float]
    macro_f1: float
    accuracy: float
    majority: float
    af_or_normal: Reading
    af_or_rest: Reading
    af_or_rest_noisy: Reading | None

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        noisy = None if self.af_or_rest_noisy is None else asdict(self.af_or_rest_noisy)
        return {
            "macro_f1": self.macro_f1,
            "accuracy": self.accuracy,
            "majority": self.majority,
            "classes": _classes(self.table),
            "af_or_normal": asdict(self.af_or_normal),
            "af_or_rest": asdict(self.af_or_rest),
            "af_or_rest_noisy": noisy,
            "confusion": {
                "rows": list(STRIP_LABELS),
                "columns": [*RHYTHMS, "no class"],
                "counts": self.table.tolist(),
            },
        }


def _over(a: float, b: float) -> float:
    return a / b if b else float("nan")


def _classes(table: np.ndarray) -> dict[str, dict[str, float]]:
    n, said = table[:3].sum(axis=1), table[:3, :3].sum(axis=0)
    return {
        name: {
            "n": int(n[i]),
            "se": _over(float(table[i, i]), float(n[i])),
            "ppv": _over(float(table[i, i]), float(said[i])),
            "f1": _over(2 * float(table[i, i]), float(n[i] + said[i])),
        }
        for i, name in enumerate(RHYTHMS)
    }


def rhythm_table(label: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Confusion table int64 (4, 4) of positions in `STRIP_LABELS` and in `RHYTHMS` (-1: no class)."""
    table = np.zeros((len(STRIP_LABELS), len(RHYTHMS) + 1), np.int64)
    np.add.at(table, (label, said), 1)
    return table


def _f1(table: np.ndarray) -> np.ndarray:
    """F1 of N, A, O: float64 (..., 3) of tables (..., 4, 4); noisy strips do not count."""
    hits = np.diagonal(table[..., :3, :3], axis1=-2, axis2=-1)
    total = table[..., :3, :].sum(axis=-1) + table[..., :3, :3].sum(axis=-2)
    return 2 * hits / np.maximum(total, 1)


def score_strips(d: StripDecisions) -> RhythmScores:
    """Score decisions on labelled strips."""
    said, table = d.said, rhythm_table(d.label, d.said)
    f1 = _f1(table)
    n = table[:3].sum(axis=1)
    is_noisy = d.label > OTHER
    one_of_two = d.label <= FIBRILLATION
    over_normal = d.reached & (d.classes[:, FIBRILLATION] > d.classes[:, NORMAL])
    is_af, is_said, answered = d.label == FIBRILLATION, said == FIBRILLATION, said >= 0
    return RhythmScores(
        table=table,
        f1=(float(f1[0]), float(f1[1]), float(f1[2])),
        macro_f1=float(f1.mean()),
        accuracy=float(np.trace(table[:3, :3]) / n.sum()),
        majority=float(n.max() / n.sum()),
        af_or_normal=Reading.of(is_af[one_of_two], over_normal[one_of_two], answered[one_of_two]),
        af_or_rest=Reading.of(is_af[~is_noisy], is_said[~is_noisy], answered[~is_noisy]),
        af_or_rest_noisy=Reading.of(is_af, is_said, answered | is_noisy) if is_noisy.any() else None,
    )


def strip_ci95(d: StripDecisions, n_draws: int = 2000, seed: int = 0) -> dict[str, list[float]]:
    """95 % percentile intervals by drawing strips with replacement; a strip is a record.

    Returns
    -------
    dict
        ``macro_f1``, ``accuracy`` and ``f1_X`` of N, A, O, each [low, high].
    """
    table = rhythm_table(d.label, d.said)[:3]
    draws = np.random.default_rng(seed).multinomial(table.sum(), table.ravel() / table.sum(), n_draws)
    tables = np.concatenate([draws.reshape(n_draws, 3, 4), np.zeros((n_draws, 1, 4), np.int64)], axis=1)
    f1 = _f1(tables)
    hits = np.trace(tables[:, :3, :3], axis1=1, axis2=2)
    values = {"macro_f1": f1.mean(axis=1), "accuracy": hits / table.sum()}
    values |= {f"f1_{name}": f1[:, i] for i, name in enumerate(RHYTHMS)}
    return {name: [float(x) for x in np.percentile(v, [2.5, 97.5])] for name, v in values.items()}


def screen_figures(d: StripDecisions) -> dict[str, float]:
    """Share of each class that the screen passes on, and of the normal strips that it spares the CNN."""
    passed = {f"passed_{name}": float(d.reached[d.label == i].mean()) for i, name in enumerate(RHYTHMS)}
    return passed | {"spared_N": 1.0 - passed["passed_N"]}
