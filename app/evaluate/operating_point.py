"""What a threshold costs: the share of events that are missed and the false alarms an hour, with their intervals.

A curve is measured on recordings that the model was not trained on, and lies beside the model it belongs to. The
threshold acts on the model's own confidence in an event that it has found; at 0 everything stands that the model
decides. A higher threshold only ever withholds events.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...signals.bounded_files import read_bounded_text
from ...signals.errors import CorruptModelError, InputError, one_line, parsed
from ..model_files import ZOO
from ..recording_facts import ModelFacts

__all__ = [
    "THRESHOLDS",
    "Curve",
    "Curves",
    "OperatingPoint",
    "SubjectCounts",
    "SubjectScores",
    "curve_of",
    "curves_path",
    "curves_text",
    "load_curves",
]

THRESHOLDS = np.concatenate([np.linspace(0, 0.9, 46), 1 - np.geomspace(0.1, 0.001, 41)[1:]]).round(5)
"""Where curves are measured: steps of 0.02, then finer and finer towards 1, where confidences crowd."""

_FORMAT = 1
_N_DRAWS = 2000
_COLUMNS = (
    "threshold", "sensitivity", "sensitivity_low", "sensitivity_high",
    "false_alarms_per_hour", "false_alarms_per_hour_low", "false_alarms_per_hour_high",
)  # fmt: skip


@dataclass(frozen=True)
class OperatingPoint:
    """What to expect at a threshold; ``low`` and ``high`` are 95 % intervals by bootstrap over subjects."""

    threshold: float
    sensitivity: float
    sensitivity_low: float
    sensitivity_high: float
    false_alarms_per_hour: float
    false_alarms_per_hour_low: float
    false_alarms_per_hour_high: float

    @property
    def missed(self) -> float:
        """Share of the events that are not shown, 0 to 1."""
        return 1 - self.sensitivity


@dataclass(frozen=True)
class Curve:
    """One kind of event at every threshold.

    Attributes
    ----------
    kind : class letter of a beat, or kind of an event
    n_reference : events of this kind in the reference
    threshold : float64 (k,), rising
    others : float64 (k,), as in `OperatingPoint`
    """

    kind: str
    n_reference: int
    threshold: np.ndarray
    sensitivity: np.ndarray
    sensitivity_low: np.ndarray
    sensitivity_high: np.ndarray
    false_alarms_per_hour: np.ndarray
    false_alarms_per_hour_low: np.ndarray
    false_alarms_per_hour_high: np.ndarray

    def at(self, threshold: float) -> OperatingPoint:
        """Figures at a threshold, on straight lines between those measured; beyond the ends as at the end."""
        columns = (getattr(self, name) for name in _COLUMNS[1:])
        at = float(np.clip(threshold, self.threshold[0], self.threshold[-1]))
        return OperatingPoint(at, *(float(np.interp(at, self.threshold, column)) for column in columns))

    def threshold_for(self, sensitivity: float) -> float:
        """Highest measured threshold with at least this sensitivity; the lowest one where none reaches it."""
        enough = np.flatnonzero(self.sensitivity >= sensitivity)
        return float(self.threshold[enough[-1]]) if len(enough) else float(self.threshold[0])


@dataclass(frozen=True)
class Curves:
    """All curves of a model.

    Attributes
    ----------
    task : of the model
    model_sha256 : of the model's file
    source : which recordings, in words
    made_by : the command that measured them
    n_records, n_subjects, hours : how much was looked at
    by_kind : kind of event -> curve
    matches_model : whether they were measured with the model that was asked about
    """

    task: str
    model_sha256: str
    source: str
    made_by: str
    n_records: int
    n_subjects: int
    hours: float
    by_kind: Mapping[str, Curve]
    matches_model: bool = True


@dataclass(frozen=True)
class SubjectScores:
    """What one subject's recordings add to a curve.

    Attributes
    ----------
    hits : float (n,), confidence of the found events, one for each reference event that was found
    false_alarms : float (m,), confidence of what was found where there is nothing
    n_reference : reference events, those that nobody found included
    hours : length of the recordings
    """

    hits: np.ndarray
    false_alarms: np.ndarray
    n_reference: int
    hours: float

    def counts(self) -> "SubjectCounts":
        """How many stand at each threshold."""
        hits, false_alarms = _at_or_above(self.hits), _at_or_above(self.false_alarms)
        return SubjectCounts(hits, false_alarms, self.n_reference, self.hours)


@dataclass(frozen=True)
class SubjectCounts:
    """The same where one found event may stand for several, or several for one: counted at each threshold anew.

    Attributes
    ----------
    hits : (k,), reference events found at each of `THRESHOLDS`
    false_alarms : (k,)
    n_reference, hours : as in `SubjectScores`
    """

    hits: np.ndarray
    false_alarms: np.ndarray
    n_reference: int
    hours: float


def curve_of(kind: str, subjects: Sequence[SubjectCounts], seed: int = 0) -> Curve:
    """Gross sensitivity and false alarms an hour at `THRESHOLDS`; intervals by drawing subjects with replacement.

    Parameters
    ----------
    subjects : at least one, with at least one reference event among them
    """
    hits, alarms = np.stack([s.hits for s in subjects]), np.stack([s.false_alarms for s in subjects])
    n_reference = np.array([s.n_reference for s in subjects], np.float64)
    hours = np.array([s.hours for s in subjects])
    drawn = np.random.default_rng(seed).integers(len(subjects), size=(_N_DRAWS, len(subjects)))
    weight = np.stack([np.bincount(rows, minlength=len(subjects)) for rows in drawn])
    weight = weight[weight @ n_reference > 0]
    shares = _interval((weight @ hits) / (weight @ n_reference)[:, None])
    rates = _interval((weight @ alarms) / (weight @ hours)[:, None])
    gross = hits.sum(axis=0) / n_reference.sum(), alarms.sum(axis=0) / hours.sum()
    return Curve(kind, int(n_reference.sum()), THRESHOLDS, gross[0], *shares, gross[1], *rates)


def _at_or_above(confidence: np.ndarray) -> np.ndarray:
    """How many reach each threshold, int64 (k,)."""
    return len(confidence) - np.searchsorted(np.sort(confidence), THRESHOLDS, side="left")


def _interval(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return low, high


def curves_path(task: str) -> Path:
    """Where the curves of the zoo's compact model of a task lie."""
    return ZOO / f"{task}.curve.json"


def curves_text(curves: Curves) -> str:
    """Curves as the file holds them."""
    head = {name: value for name, value in vars(curves).items() if name not in ("by_kind", "matches_model")}
    by_kind = {
        kind: {"n_reference": curve.n_reference}
        | {name: np.round(getattr(curve, name), 6).tolist() for name in _COLUMNS}
        for kind, curve in sorted(curves.by_kind.items())
    }
    text = json.dumps({"format": _FORMAT} | head | {"by_kind": by_kind}, allow_nan=False)
    return text.replace("], ", "],\n").replace("}, ", "},\n") + "\n"


def load_curves(task: str, model: ModelFacts | None = None, path: Path | None = None) -> Curves | None:
    """The curves of a task; None where nobody measured any.

    Parameters
    ----------
    model : the model in use, for `Curves.matches_model`
    path : None is that of the zoo

    Raises
    ------
    CorruptModelError
        The file is damaged or of another version.
    """
    path = curves_path(task) if path is None else path
    if not path.is_file():
        return None
    try:
        stored: dict[str, Any] = parsed(json.loads, read_bounded_text(path, error=CorruptModelError))
        if stored.pop("format") != _FORMAT:
            raise CorruptModelError(f"{path}: another version of the file format; this ictus reads {_FORMAT}")
        by_kind = {kind: _curve(kind, columns) for kind, columns in stored.pop("by_kind").items()}
        matches = model is None or model.sha256 == stored["model_sha256"]
        return Curves(**stored, by_kind=by_kind, matches_model=matches)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise CorruptModelError(f"{path}: not a file of operating points ({one_line(error)})") from error


def _curve(kind: str, columns: Mapping[str, Any]) -> Curve:
    arrays = [np.asarray(columns[name], np.float64) for name in _COLUMNS]
    if (
        any(a.shape != arrays[0].shape or a.ndim != 1 or not len(a) for a in arrays)
        or (np.diff(arrays[0]) <= 0).any()
    ):
        raise ValueError(f"the columns of {kind!r} do not belong together")
    return Curve(kind, int(columns["n_reference"]), *arrays)
