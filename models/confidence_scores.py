"""How far the cascade's own confidence can be trusted, and what abstaining on uncertain beats would give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..signals import CLASSES
from .beat_data import BeatRecord
from .metrics import scored_beats, scored_rows
from .staged import Decisions

__all__ = [
    "INTEGER_LOGIT_STEP",
    "N_BINS",
    "SHOWN_COVERAGE",
    "Calibration",
    "RiskCoverage",
    "ScoredDecisions",
    "calibration",
    "decision_confidence",
    "risk_coverage",
]

INTEGER_LOGIT_STEP = 1 / 8
"""Integer logits, those of a compact model, are Q4.3; float logits are natural already."""

N_BINS = 15
"""Equal bins of confidence from 0 to 1 (Guo et al., On Calibration of Modern Neural Networks, ICML 2017)."""

SHOWN_COVERAGE = (1.0, 0.99, 0.98, 0.95, 0.9, 0.8)
"""Shares of the decided beats that are kept in the short form of a risk-coverage curve."""


def decision_confidence(decisions: Decisions) -> np.ndarray:
    """The cascade's own probability of the class it decided, by the stage that decided: float64 (n,).

    For a beat that the screen stopped, 1 - sigmoid of the screen's logit; for one that reached the specialist,
    softmax of the class logits at the decided class; nan for a gated beat.
    """
    screen, classes = _natural(decisions.screen), _natural(decisions.classes)
    is_normal = 1 / (1 + np.exp(screen))
    share = np.exp(classes - classes.max(axis=1, keepdims=True, initial=-np.inf))
    share /= share.sum(axis=1, keepdims=True)
    of_class = np.take_along_axis(share, np.maximum(decisions.label, 0).astype(np.int64)[:, None], axis=1)[:, 0]
    return np.where(decisions.gated, np.nan, np.where(decisions.reached, of_class, is_normal))


def _natural(logits: np.ndarray) -> np.ndarray:
    step = INTEGER_LOGIT_STEP if np.issubdtype(logits.dtype, np.integer) else 1.0
    return logits.astype(np.float64) * step


@dataclass(frozen=True)
class ScoredDecisions:
    """Everything that was decided on the scored beats, most certain first; false detections are wrong decisions.

    Attributes
    ----------
    confidence : float64 (n,), descending
    is_right : bool (n,)
    truth : int8 (n,), position in `CLASSES`, -1 for a false detection
    n_beats : int64 (5,), scored reference beats of each class, those gated or missed included
    """

    confidence: np.ndarray
    is_right: np.ndarray
    truth: np.ndarray
    n_beats: np.ndarray

    @classmethod
    def of(
        cls, records: Sequence[BeatRecord], decisions: Sequence[Decisions], masks: Sequence[np.ndarray | None]
    ) -> "ScoredDecisions":
        """Collect from recordings; `masks` say which reference beats are wanted, bool (m,) or None for all."""
        parts = list(zip(records, decisions, masks, strict=True))
        columns = []
        for record, made, mask in parts:
            rows = scored_rows(record, mask) & ~made.gated
            columns.append((decision_confidence(made)[rows], record.label[rows], made.label[rows]))
        confidence, truth, said = (np.concatenate(column) for column in zip(*columns, strict=True))
        beats = np.concatenate([r.reference_label[scored_beats(r, mask)] for r, _, mask in parts])
        order = np.argsort(-confidence, kind="stable")
        n_beats = np.bincount(beats, minlength=len(CLASSES)).astype(np.int64)
        return cls(confidence[order], (truth == said)[order], truth[order], n_beats)


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy.

    Attributes
    ----------
    n : int64 (15,), decisions in each bin of confidence
    confidence, accuracy : float64 (15,), their means, nan in an empty bin
    error : expected calibration error, the mean of their distance weighted by n; nan without a decision
    """

    n: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float

    def rows(self) -> Iterator[tuple[float, float, int, float, float]]:
        """Lower and upper edge, decisions, mean confidence and accuracy of each bin that is not empty."""
        for i in np.flatnonzero(self.n):
            mean, accuracy = float(self.confidence[i]), float(self.accuracy[i])
            yield i / N_BINS, (i + 1) / N_BINS, int(self.n[i]), mean, accuracy

    def to_json(self) -> dict[str, object]:
        """Error and bins."""
        keys = ("low", "high", "n", "confidence", "accuracy")
        bins = [dict(zip(keys, row, strict=True)) for row in self.rows()]
        return {"ece": self.error, "n": int(self.n.sum()), "bins": bins}


def calibration(scored: ScoredDecisions) -> Calibration:
    """Calibration curve and expected calibration error over all decisions, false detections included."""
    bin_of = np.minimum((scored.confidence * N_BINS).astype(np.int64), N_BINS - 1)
    n = np.bincount(bin_of, minlength=N_BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bin_of, scored.confidence, N_BINS) / n
        accuracy = np.bincount(bin_of, scored.is_right, N_BINS) / n
    total = int(n.sum())
    gap = np.abs(np.nan_to_num(confidence) - np.nan_to_num(accuracy))
    return Calibration(n, confidence, accuracy, float((gap * n).sum() / total) if total else float("nan"))


@dataclass(frozen=True)
class RiskCoverage:
    """What is left when decisions below a confidence are withheld; one point per distinct confidence, falling.

    Attributes
    ----------
    threshold : float64 (k,), lowest confidence that is kept
    coverage : float64 (k,), kept decisions on reference beats / scored reference beats; gated and missed beats
        are never covered, so it ends below 1
    risk : float64 (k,), share of wrong decisions among those kept, false detections included
    withheld : float64 (k, 5), share of each class's reference beats whose decision is withheld, nan without any
    area : mean risk over the coverage reached (area under the curve / largest coverage)
    ideal_area : the same had every wrong decision been less certain than every right one
    """

    threshold: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray
    withheld: np.ndarray
    area: float
    ideal_area: float

    def at(self, share: float) -> int:
        """Point at which at most `share` of the largest coverage is kept (the most certain ones)."""
        limit = share * self.coverage[-1] * (1 + 1e-12)
        return max(int(np.searchsorted(self.coverage, limit, side="right")) - 1, 0)

    def row(self, point: int) -> dict[str, float]:
        """One point as plain values."""
        names = ("threshold", "coverage", "risk")
        values = {name: float(getattr(self, name)[point]) for name in names}
        return values | {f"withheld_{c}": float(self.withheld[point, i]) for i, c in enumerate(CLASSES)}

    def to_json(self) -> dict[str, object]:
        """Areas, and the points of `SHOWN_COVERAGE`."""
        shown = [{"kept": share} | self.row(self.at(share)) for share in SHOWN_COVERAGE if len(self.risk)]
        return {"area": self.area, "ideal_area": self.ideal_area, "points": shown}


def risk_coverage(scored: ScoredDecisions) -> RiskCoverage:
    """Curve of withholding uncertain decisions (El-Yaniv & Wiener, J Mach Learn Res 11:1605-1641, 2010)."""
    n, n_beats = len(scored.confidence), max(int(scored.n_beats.sum()), 1)
    last = np.flatnonzero(np.append(np.diff(scored.confidence) != 0, True)) if n else np.empty(0, np.int64)
    kept_of = np.stack([np.cumsum(scored.truth == i)[last] for i in range(len(CLASSES))], axis=1)
    coverage = kept_of.sum(axis=1) / n_beats
    risk = np.cumsum(~scored.is_right)[last] / (last + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        withheld = (kept_of[-1:] - kept_of) / scored.n_beats
    n_wrong = int((~scored.is_right).sum())
    ideal = np.maximum(np.arange(1, n + 1) - (n - n_wrong), 0) / np.arange(1, n + 1)
    return RiskCoverage(
        scored.confidence[last],
        coverage,
        risk,
        withheld,
        _mean_over(coverage, risk),
        float(ideal.mean()) if n else float("nan"),
    )


def _mean_over(coverage: np.ndarray, risk: np.ndarray) -> float:
    """Mean risk, each point weighted by the coverage that it adds."""
    added = np.diff(coverage, prepend=0.0)
    return float((risk * added).sum() / coverage[-1]) if len(coverage) and coverage[-1] > 0 else float("nan")
