"""The seizure cascade, from device counts to alarms: gate, screen, specialist on every channel, a score a second.

The same for a float model and for a compact one; with a compact one every number is an integer, and the device
(``ictus_seizure.c``) gives the same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from ..signals.eeg_events import EventRule, SeizureEvent, find_events
from ..signals.eeg_features import EEG_WINDOW_S, EegFrontEnd, EegSeconds
from ..signals.eeg_wave import EEG_DEVICE_FS_HZ
from .seizure_data import FIRST_DECISION_S, window_waves
from .staged import StagedModel

__all__ = [
    "EVENT_RULE",
    "MAX_REJECTED_S",
    "NO_SCORE",
    "REACHED",
    "SeizureCascade",
    "SeizureDecisions",
    "decide_seconds",
    "pool_channels",
    "run_cascade",
]

EVENT_RULE = EventRule()
MAX_REJECTED_S = 1
"""A channel with more rejected seconds than this among the 4 of the window is not analysed."""

NO_SCORE = -128
"""Score of a stage that did not run."""

REACHED = ("gate", "screen", "specialist")
"""Meaning of `SeizureDecisions.reached`."""

_PIECE_S = 60
_ROWS_AT_ONCE = 128


@dataclass(frozen=True)
class SeizureDecisions:
    """What the cascade decided each second.

    Attributes
    ----------
    rejected : bool (n, n_channels), seconds that the gate rejects, and channels that do not exist
    analysable : bool (n, n_channels), channels whose window is analysed
    screen : (n,), pooled screen logit; `NO_SCORE` without an analysable channel
    specialist : (n,), pooled logit of the specialist; `NO_SCORE` where it did not run; a seizure from 0 on, since
        the decision threshold is part of its last bias
    reached : uint8 (n,), position in `REACHED` of the last stage that ran
    """

    rejected: np.ndarray
    analysable: np.ndarray
    screen: np.ndarray
    specialist: np.ndarray
    reached: np.ndarray

    def __len__(self) -> int:
        return len(self.reached)

    @property
    def is_above(self) -> np.ndarray:
        """Seconds whose window looks like a seizure: bool (n,)."""
        return (self.reached == REACHED.index("specialist")) & (self.specialist >= 0)

    def events(self, rule: EventRule = EVENT_RULE) -> tuple[list[SeizureEvent], np.ndarray]:
        """Alarms, and for each second whether one is on, see `find_events`."""
        return find_events(self.is_above, rule)

    @classmethod
    def concatenate(cls, parts: Sequence["SeizureDecisions"]) -> "SeizureDecisions":
        """Join in the given order."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def pool_channels(logits: np.ndarray, analysable: np.ndarray) -> np.ndarray:
    """Mean of the upper half of the analysable channels' logits, the middle one included.

    Parameters
    ----------
    logits : (n, n_channels), integer or float
    analysable : bool (n, n_channels), at least one in each row

    Returns
    -------
    (n,), rounded down where the logits are integers
    """
    is_integer = np.issubdtype(logits.dtype, np.integer)
    values = np.where(analysable, logits.astype(np.int64 if is_integer else np.float64), -(2**30))
    ordered = np.sort(values, axis=1)[:, ::-1]
    n = (analysable.sum(axis=1) + 1) // 2
    total = np.where(np.arange(ordered.shape[1]) < n[:, None], ordered, 0).sum(axis=1)
    return total // n if is_integer else total / n


class SeizureCascade:
    """The cascade over a recording that comes in pieces; the same result in whatever pieces."""

    def __init__(self, model: StagedModel, mask: np.ndarray) -> None:
        self.model, self.mask = model, np.asarray(mask, bool)
        self._front_end = EegFrontEnd(int(self.mask.sum()))
        self._held = EegSeconds.none(int(self.mask.sum()))
        self._n_done = 0

    def push(self, counts: np.ndarray) -> SeizureDecisions:
        """Decisions of the seconds that are complete with this piece.

        Parameters
        ----------
        counts : int16 (n, n_channels), device signal; the columns outside the mask are not looked at
        """
        new = self._front_end.push(counts[:, self.mask])
        seconds = _joined(self._held, new)
        n_held = len(self._held)
        first = max(FIRST_DECISION_S - self._n_done, 0)
        self._n_done += len(new)
        self._held = EegSeconds(*(getattr(seconds, f.name)[1 - EEG_WINDOW_S :] for f in fields(seconds)))
        return self._on_all_channels(decide_seconds(self.model, seconds, n_held, first))

    def _on_all_channels(self, decisions: SeizureDecisions) -> SeizureDecisions:
        rejected = np.ones((len(decisions), len(self.mask)), bool)
        analysable = ~rejected
        rejected[:, self.mask], analysable[:, self.mask] = decisions.rejected, decisions.analysable
        return replace(decisions, rejected=rejected, analysable=analysable)


def _joined(held: EegSeconds, new: EegSeconds) -> EegSeconds:
    return EegSeconds(*(np.concatenate([getattr(held, f.name), getattr(new, f.name)]) for f in fields(EegSeconds)))


def decide_seconds(model: StagedModel, seconds: EegSeconds, n_before: int = 0, first: int = 0) -> SeizureDecisions:
    """Run the stages.

    Parameters
    ----------
    seconds : consecutive seconds
    n_before : the first so many only complete the windows of the others, and are not decided
    first : after these, the first so many are not decided either, for want of a whole window

    Returns
    -------
    SeizureDecisions of all seconds but the first `n_before`
    """
    n, n_channels = seconds.factor.shape
    logits = model.judge(seconds.gate.reshape(n * n_channels, seconds.gate.shape[2])).reshape(n, n_channels)
    rejected = logits < model.thresholds["gate"]
    analysable = _analysable(rejected)
    analysable[: n_before + first] = False
    screen = np.full(n, NO_SCORE, logits.dtype if np.issubdtype(logits.dtype, np.integer) else np.float64)
    specialist, reached = screen.copy(), np.zeros(n, np.uint8)
    rows = np.flatnonzero(analysable.any(axis=1))
    screen[rows] = _pooled_screen(model, seconds.context[rows], analysable[rows])
    reached[rows] = REACHED.index("screen")
    rows = rows[screen[rows] >= model.thresholds["screen"]]
    specialist[rows] = _pooled_specialist(model, seconds, rows, analysable[rows])
    reached[rows] = REACHED.index("specialist")
    parts = (rejected, analysable, screen, specialist, reached)
    return SeizureDecisions(*(part[n_before:] for part in parts))


def _analysable(rejected: np.ndarray) -> np.ndarray:
    """Channels with few enough rejected seconds in the window that ends with each: bool (n, n_channels)."""
    total = np.cumsum(np.pad(rejected.astype(np.int64), ((EEG_WINDOW_S, 0), (0, 0))), axis=0)
    return total[EEG_WINDOW_S:] - total[:-EEG_WINDOW_S] <= MAX_REJECTED_S


def _pooled_screen(model: StagedModel, context: np.ndarray, analysable: np.ndarray) -> np.ndarray:
    """Screen score of each second, (n,), of context int8 (n, n_channels, n_context)."""
    n, n_channels, n_context = context.shape
    logits = model.screen_strips(context.reshape(n * n_channels, n_context))
    return pool_channels(logits.reshape(n, n_channels), analysable)


def _pooled_specialist(
    model: StagedModel, seconds: EegSeconds, rows: np.ndarray, analysable: np.ndarray
) -> np.ndarray:
    """Specialist's score of the seconds `rows`, (n,)."""
    parts = [np.empty(0, np.int64)]
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        some, use = rows[at : at + _ROWS_AT_ONCE], analysable[at : at + _ROWS_AT_ONCE]
        wave = window_waves(seconds.filtered, seconds.factor, some)[use]
        _, classes = model.classify(wave[:, :, None], seconds.context[some][use])
        logits = np.zeros(use.shape, classes.dtype)
        logits[use] = classes[:, 0]
        parts.append(pool_channels(logits, use))
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def run_cascade(model: StagedModel, counts: np.ndarray, mask: np.ndarray | None = None) -> SeizureDecisions:
    """Run the cascade over a recording.

    Parameters
    ----------
    model : of the seizure task
    counts : int16 (n, n_channels), device signal at 256 Hz, 0.25 uV per count
    mask : bool (n_channels,), channels that exist; None takes all

    Returns
    -------
    SeizureDecisions of each whole second
    """
    cascade = SeizureCascade(model, np.ones(counts.shape[1], bool) if mask is None else mask)
    step = _PIECE_S * EEG_DEVICE_FS_HZ
    pieces = [cascade.push(counts[at : at + step]) for at in range(0, max(len(counts), 1), step)]
    return SeizureDecisions.concatenate(pieces)
