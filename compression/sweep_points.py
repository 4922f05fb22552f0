"""What a sweep compares: points with accuracy and costs, their Pareto front, one quality figure, and a choice.

Everything here is arithmetic on finished points; how a point comes about is no business of this module.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from ..signals import InputError

__all__ = ["COST_AXES", "Limits", "SweepPoint", "Weights", "choose", "pareto_front", "quality"]

COST_AXES = ("loss_points", "bytes", "stored_bytes", "instructions", "energy_uj")
"""What a point costs, all of it better when smaller."""


@dataclass(frozen=True)
class SweepPoint:
    """One configuration and what came of it.

    Attributes
    ----------
    key : hash of the configuration
    name : for people
    method : ``recipe`` or ``baseline``
    settings : the configuration
    accuracy, macro_f1 : 0 to 1, on patients or strips that trained nothing
    loss_points : accuracy lost against the float network, in points of a hundred; negative where it grew
    bytes : on the device, or of the accounted arrays for a baseline that has no device form
    stored_bytes : in the stored form, None without one
    sparsity : share of the weights that are pruned
    bits : of a weight that is not
    instructions : of one decision on the emulated Cortex-M4, mean over the decisions; None if it cannot run there
    energy_uj : of one decision on the default device, inference alone; None if it cannot run there
    runs_on_device : whether there is a `CompactModel` that firmware can hold
    packed : bytes of all weights by packer, were it the only one; empty without a stored form
    """

    key: str
    name: str
    method: str
    settings: Mapping[str, object]
    accuracy: float
    macro_f1: float
    loss_points: float
    bytes: int
    stored_bytes: int | None = None
    sparsity: float = 0.0
    bits: int = 32
    instructions: float | None = None
    energy_uj: float | None = None
    runs_on_device: bool = True
    packed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Weights:
    """Exponents of `quality`: how much each property counts."""

    accuracy: float = 2.0
    bytes: float = 0.5
    instructions: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Weights":
        """``accuracy=4,bytes=0.5``; what is not named keeps its default.

        Raises
        ------
        InputError
            another name, or a value that is not a number from 0 on.
        """
        known = {f.name for f in fields(cls)}
        values: dict[str, float] = {}
        for part in text.split(","):
            name, _, number = (piece.strip() for piece in part.partition("="))
            if name not in known:
                raise InputError(f"weight {name!r} is not known; known: {', '.join(sorted(known))}")
            try:
                values[name] = float(number)
            except ValueError:
                raise InputError(f"weight {name}: {number!r} is not a number") from None
            if not 0 <= values[name] < math.inf:
                raise InputError(f"weight {name}: {number} is not a number from 0 on")
        return cls(**values)


@dataclass(frozen=True)
class Limits:
    """What the chosen point may cost at most; None stands for any.

    Attributes
    ----------
    max_bytes : on the device
    max_loss : accuracy lost, in points of a hundred
    max_energy : of one decision, inference alone, in uJ
    """

    max_bytes: float | None = None
    max_loss: float | None = None
    max_energy: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"--{name.replace('_', '-')} {value:g}: a limit is a number from 0 on")
        if self.max_loss is not None and self.max_loss > 100:
            raise InputError(f"--max-loss {self.max_loss:g}: more than the 100 points that there are")

    def excess(self, point: SweepPoint) -> float:
        """How far a point is over its limits, as a ratio; 0 if it keeps all, infinity where a cost is unknown."""
        pairs = (
            (point.bytes, self.max_bytes),
            (point.loss_points, self.max_loss),
            (point.energy_uj, self.max_energy),
        )
        return sum(_over(value, limit) for value, limit in pairs)


def _over(value: float | None, limit: float | None) -> float:
    if limit is None:
        return 0.0
    if value is None or math.isnan(value):
        return math.inf
    return max(value - limit, 0.0) / max(limit, 1e-9)


def quality(
    accuracy: float, n_bytes: float, instructions: float | None = None, weights: Weights | None = None
) -> float:
    """One figure for accuracy against size, in dB: 20 log10(percent^a / (bytes^b instructions^c)).

    NetScore (Wong 2018, arXiv 1806.05512) with its exponents 2 and 1/2, bytes in place of the parameter count, and
    without its term for operations unless `weights` ask for it. Twice the bytes cost 3 dB.

    Parameters
    ----------
    accuracy : 0 to 1
    instructions : of one decision; needed if their weight is not 0

    Returns
    -------
    dB; minus infinity for an accuracy of 0, nan where instructions count and are not known
    """
    w = weights or Weights()
    if accuracy <= 0:
        return -math.inf
    found = w.accuracy * math.log10(100 * accuracy) - w.bytes * math.log10(n_bytes)
    if w.instructions:
        found -= w.instructions * math.log10(instructions) if instructions else math.nan
    return 20 * found


def pareto_front(costs: np.ndarray) -> np.ndarray:
    """Which rows no other row beats.

    Parameters
    ----------
    costs : float (n, k), smaller is better; a row with nan takes no part

    Returns
    -------
    bool (n,); of equal rows all are on the front
    """
    known = np.logical_not(np.isnan(costs).any(axis=1))
    no_worse = np.all(costs[:, None] <= costs[None], axis=2)
    better = np.any(costs[:, None] < costs[None], axis=2)
    beats = np.logical_and(no_worse, better)
    return np.logical_and(known, np.logical_not(beats[known].any(axis=0)))


def choose(points: Sequence[SweepPoint], limits: Limits, weights: Weights | None = None) -> SweepPoint | None:
    """The best point that runs on the device and keeps every limit; None if there is none.

    With a limit on the loss, accuracy has had its say and the smallest point is best; otherwise the one with the
    highest `quality`.
    """
    allowed = [p for p in points if p.runs_on_device and limits.excess(p) == 0]
    if limits.max_loss is not None:
        return min(allowed, key=lambda p: (p.bytes, p.loss_points), default=None)
    rated = [(quality(p.accuracy, p.bytes, p.instructions, weights), p) for p in allowed]
    known = [each for each in rated if not math.isnan(each[0])]
    return max(known, key=lambda each: (each[0], -each[1].bytes), default=(None, None))[1]
