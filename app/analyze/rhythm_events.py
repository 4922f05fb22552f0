"""What an analysis says about the rhythm: strips with a class, episodes of atrial fibrillation, and its burden."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from ...firmware_export.emulator.rhythm_run import StripEvents
from ...models.rhythm_task import FIBRILLATION, RHYTHMS
from .beat_events import Event, stretches
from .decision_scores import decision_scores

__all__ = ["BURDEN_DEFINITION", "AfFinder", "RhythmMeter", "RhythmSummary", "StripTable", "strip_table"]

BURDEN_DEFINITION = (
    "share of the analysed time, strips with a class, in which the strip is atrial fibrillation; a strip of which "
    "less than half is analysable has no class, nor has what is left behind the last whole strip; a strip in "
    "which only ectopic beats are irregular is other rhythm"
)
"""AF burden as the proportion of monitored time: Chen et al., Circulation 137:e623, 2018 (AHA statement)."""

_KIND = "atrial_fibrillation"


@dataclass(frozen=True)
class StripTable:
    """Strips as columns, in time order.

    Attributes
    ----------
    onset_s : int64 (n,), second in which the strip begins
    duration_s : int64 (n,)
    label : int8 (n,), position in `RHYTHMS`: normal, atrial fibrillation, other; -1 where too little is analysable
    network : int8 (n,), what the network says: `label` is another one where ectopic beats explain it, see `ectopy`
    stage : int8 (n,), position in `STAGES` of `analysis`: the stage that decided
    analysable_s : int64 (n,), seconds that the gate let through
    screen : float64 (n,), score of the screen, a logit: above 0 looks abnormal; nan without a class
    confidence : float64 (n,), the network's own share for its class, 0 to 1, not calibrated; nan without a class
    """

    onset_s: np.ndarray
    duration_s: np.ndarray
    label: np.ndarray
    network: np.ndarray
    stage: np.ndarray
    analysable_s: np.ndarray
    screen: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.onset_s)

    @classmethod
    def empty(cls) -> "StripTable":
        """No strip."""
        whole, small, score = np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0)
        return cls(whole, whole, small, small, small, whole, score, score)

    @classmethod
    def concatenate(cls, parts: Sequence["StripTable"]) -> "StripTable":
        """Strips of several tables one after the other."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def take(self, index: np.ndarray | slice) -> "StripTable":
        """Select strips by a mask, positions or a slice."""
        return StripTable(*(getattr(self, f.name)[index] for f in fields(self)))

    def with_label(self, label: np.ndarray) -> "StripTable":
        """The same strips with other classes."""
        return replace(self, label=label.astype(np.int8))

    @property
    def end_s(self) -> np.ndarray:
        """Second after each strip's last, int64 (n,)."""
        return self.onset_s + self.duration_s


def strip_table(events: StripEvents, duration_s: int) -> StripTable:
    """Strips of one length as the cascade decided them, with scores in natural units."""
    scores = decision_scores(events.label, events.reached, events.screen_logit, events.class_logits)
    durations_s = np.full(len(events), duration_s, np.int64)
    analysable_s = events.n_analysable.astype(np.int64)
    said = events.label, events.label
    return StripTable(events.first_block, durations_s, *said, events.reached, analysable_s, *scores)


@dataclass(frozen=True)
class RhythmSummary:
    """The rhythm of a whole recording.

    Attributes
    ----------
    n_strips : strips decided or found not analysable
    n_by_rhythm : strips by class letter: N normal, A atrial fibrillation, O other
    s_by_rhythm : their time in s
    n_undecided, undecided_s : strips too little of which is analysable, and their time
    rest_s : what is left of the recording behind the last strip, not looked at
    strip_s : length of a strip, the resolution of burden and episodes
    n_episodes, longest_s : episodes of atrial fibrillation, neighbouring strips as one; the longest of them
    """

    n_strips: int
    n_by_rhythm: dict[str, int]
    s_by_rhythm: dict[str, float]
    n_undecided: int
    undecided_s: float
    rest_s: float
    strip_s: float
    n_episodes: int
    longest_s: float

    @property
    def decided_s(self) -> float:
        """Time with a class."""
        return sum(self.s_by_rhythm.values())

    @property
    def share_by_rhythm(self) -> dict[str, float]:
        """Share of the decided time by class letter; nan if nothing was decided."""
        decided_s = self.decided_s
        return {name: s / decided_s if decided_s else float("nan") for name, s in self.s_by_rhythm.items()}

    @property
    def af_burden(self) -> float:
        """`BURDEN_DEFINITION`: 0 to 1; nan if nothing was decided."""
        return self.share_by_rhythm[RHYTHMS[FIBRILLATION]]


class AfFinder:
    """Neighbouring strips of atrial fibrillation as one event each, of strips that come in batches."""

    def __init__(self) -> None:
        self._open = StripTable.empty()

    def add(self, strips: StripTable) -> list[Event]:
        """Events that are over, of these strips and of those before them."""
        known = StripTable.concatenate([self._open, strips])
        is_af = known.label == FIBRILLATION
        spans = list(stretches(is_af))
        goes_on = bool(spans) and spans[-1][1] == len(known)
        self._open = known.take(slice(*spans[-1])) if goes_on else StripTable.empty()
        return [_episode(known.take(slice(*span))) for span in spans[: len(spans) - goes_on]]

    def close(self) -> list[Event]:
        """The event that goes on to the last strip."""
        last, self._open = self._open, StripTable.empty()
        return [_episode(last)] if len(last) else []


def _episode(strips: StripTable) -> Event:
    onset_s, duration_s = float(strips.onset_s[0]), float(strips.duration_s.sum())
    n_strips = f"{len(strips)} strip{'s' if len(strips) > 1 else ''} of {strips.duration_s[0]} s"
    note = f"atrial fibrillation in {n_strips}"
    return Event(onset_s, duration_s, _KIND, note=note, confidence=round(float(strips.confidence.mean()), 4))


class RhythmMeter:
    """Counts strips and episodes as they come.

    Parameters
    ----------
    strip_s : length of a strip
    """

    def __init__(self, strip_s: int) -> None:
        self._strip_s = strip_s
        self._n, self._s = np.zeros(len(RHYTHMS) + 1, np.int64), np.zeros(len(RHYTHMS) + 1, np.int64)
        self._end_s = 0
        self._n_episodes, self._longest_s = 0, 0.0

    def add(self, strips: StripTable, episodes: Sequence[Event]) -> None:
        """Strips, and episodes that are over."""
        for label, duration_s in zip(strips.label.tolist(), strips.duration_s.tolist(), strict=True):
            self._n[label] += 1  # the last one counts strips without a class
            self._s[label] += duration_s
            self._end_s += duration_s
        self._n_episodes += len(episodes)
        self._longest_s = max([self._longest_s, *(e.duration_s for e in episodes)])

    def summary(self, duration_s: float) -> RhythmSummary:
        """Of everything so far, of a recording of that length."""
        names = RHYTHMS
        return RhythmSummary(
            n_strips=int(self._n.sum()),
            n_by_rhythm=dict(zip(names, self._n.tolist(), strict=False)),
            s_by_rhythm=dict(zip(names, self._s.astype(float).tolist(), strict=False)),
            n_undecided=int(self._n[-1]),
            undecided_s=float(self._s[-1]),
            rest_s=max(duration_s - self._end_s, 0.0),
            strip_s=float(self._strip_s),
            n_episodes=self._n_episodes,
            longest_s=self._longest_s,
        )
