"""What a reviewer decided on events: a log that only grows, and the state of each event that follows from it.

The last decision on an event counts, whoever made it; an undo takes one earlier decision back and is itself kept.
The log is the truth: states are derived from it and stored nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "ACTIONS",
    "CONFIRMED",
    "REJECTED",
    "RELABELLED",
    "UNREVIEWED",
    "Click",
    "Comment",
    "Decision",
    "EventKey",
    "EventState",
    "event_states",
    "standing_decisions",
]

ACTIONS = ("confirm", "reject", "relabel", "comment", "undo")
UNREVIEWED, CONFIRMED, REJECTED, RELABELLED = "unreviewed", "confirmed", "rejected", "relabelled"

_VERDICTS = {"confirm": CONFIRMED, "reject": REJECTED, "relabel": RELABELLED}
_DECIMALS = 3


@dataclass(frozen=True)
class EventKey:
    """Which event of a recording; times are rounded to a millisecond, so that a stored key equals a fresh one.

    Attributes
    ----------
    kind : ``beat`` for a single beat, else the event's kind, for instance ``ventricular_run``
    onset_s, duration_s : from the start of the recording; a beat has no duration
    label : as the model said: a class letter for a beat, the kind for others
    """

    kind: str
    onset_s: float
    duration_s: float
    label: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "onset_s", round(float(self.onset_s), _DECIMALS))
        object.__setattr__(self, "duration_s", round(float(self.duration_s), _DECIMALS))


@dataclass(frozen=True)
class Click:
    """Which press of a button: a second save of the same one changes nothing.

    Attributes
    ----------
    client_id : of the browser tab, a random text
    sequence : number of the press in that tab
    """

    client_id: str
    sequence: int


@dataclass(frozen=True)
class Decision:
    """A line of the log.

    Attributes
    ----------
    id : rises with every line
    review_id : the review it belongs to
    action : one of `ACTIONS`
    new_label : of a relabel, else empty
    comment : of any action
    undoes : line that an undo takes back, else None
    reviewer, decided_at : who and when, ISO 8601 in UTC
    model_sha256, operating_point : what the event was found with; the latter by kind of event
    """

    id: int
    review_id: int
    key: EventKey
    action: str
    new_label: str
    comment: str
    undoes: int | None
    reviewer: str
    decided_at: str
    model_sha256: str
    operating_point: Mapping[str, float]
    click: Click


@dataclass(frozen=True)
class Comment:
    """What a reviewer wrote, and when (ISO 8601 in UTC)."""

    text: str
    reviewer: str
    at: str


@dataclass(frozen=True)
class EventState:
    """What holds for an event now.

    Attributes
    ----------
    verdict : ``unreviewed``, ``confirmed``, ``rejected`` or ``relabelled``
    label : the new one of a relabel, else the model's
    reviewer, decided_at, decision_id : of the decision that counts; empty and None if there is none
    comments : those not taken back, in the order of the log
    """

    key: EventKey
    verdict: str
    label: str
    reviewer: str
    decided_at: str
    decision_id: int | None
    comments: tuple[Comment, ...]

    @classmethod
    def unreviewed(cls, key: EventKey) -> "EventState":
        """An event that nobody looked at."""
        return cls(key, UNREVIEWED, key.label, "", "", None, ())


def event_states(log: Sequence[Decision]) -> dict[EventKey, EventState]:
    """State of every event that occurs in a recording's log, in the order of its lines."""
    by_key: dict[EventKey, list[Decision]] = {decision.key: [] for decision in log}
    for decision in standing_decisions(log):
        by_key[decision.key].append(decision)
    return {key: _state(key, decisions) for key, decisions in by_key.items()}


def standing_decisions(log: Sequence[Decision]) -> tuple[Decision, ...]:
    """Decisions of a recording's whole log that were not taken back, without the undos, in the log's order."""
    undone = {decision.undoes for decision in log if decision.action == "undo"}
    return tuple(d for d in sorted(log, key=lambda d: d.id) if d.action != "undo" and d.id not in undone)


def _state(key: EventKey, decisions: Sequence[Decision]) -> EventState:
    comments = tuple(Comment(d.comment, d.reviewer, d.decided_at) for d in decisions if d.comment)
    verdicts = [d for d in decisions if d.action in _VERDICTS]
    if not verdicts:
        return EventState(key, UNREVIEWED, key.label, "", "", None, comments)
    last = verdicts[-1]
    label = last.new_label if last.action == "relabel" else key.label
    return EventState(key, _VERDICTS[last.action], label, last.reviewer, last.decided_at, last.id, comments)
