"""What the pages need of an opened recording, whatever it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from markupsafe import Markup

from ...recording_facts import ModelFacts, RecordingFacts
from ...review.export import Strip
from ...review.log import EventKey, EventState
from ..library import LibraryEntry
from .findings import Finding
from .overview import Overview

__all__ = ["Case", "Figure", "Look", "Reason", "States"]

States = Mapping[EventKey, EventState]


@dataclass(frozen=True)
class Figure:
    """A figure at the top of the page."""

    what: str
    much: str
    note: str = ""


@dataclass(frozen=True)
class Look:
    """How a stretch is shown.

    Attributes
    ----------
    start_s, span_s : which part
    gain : mm a millivolt for ECG, microvolt a row for EEG
    band : one of the case's `bands`; empty is as recorded
    """

    start_s: float
    span_s: float
    gain: float
    band: str = ""

    @property
    def stop_s(self) -> float:
        return self.start_s + self.span_s


@dataclass(frozen=True)
class Reason:
    """Why something was found: facts by name, and a picture where one helps."""

    facts: Sequence[tuple[str, str]]
    picture: Markup = field(default_factory=Markup)
    caption: str = ""


class Case(Protocol):
    """An opened recording with what was found in it.

    Attributes
    ----------
    entry, facts, model : what it is, and what decided
    findings : to be reviewed, the gravest first
    spans_s, gains : how much and how large it may be shown; the first is the default
    gain_unit : what a gain is in
    bands : filters for looking at it, the first is the default; none where it is shown as recorded
    note : what the reader should know of how it was analysed; may be empty
    beats : time in s and class letter of every beat that was decided; nothing for EEG
    """

    @property
    def entry(self) -> LibraryEntry: ...
    @property
    def facts(self) -> RecordingFacts: ...
    @property
    def model(self) -> ModelFacts: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def spans_s(self) -> tuple[float, ...]: ...
    @property
    def gains(self) -> tuple[float, ...]: ...
    @property
    def gain_unit(self) -> str: ...
    @property
    def bands(self) -> tuple[str, ...]: ...
    @property
    def note(self) -> str: ...
    @property
    def beats(self) -> Sequence[tuple[float, str]]: ...

    def figures(self, states: States) -> Sequence[Figure]:
        """Figures of the whole recording as it stands after the review."""
        ...

    def overview(self, states: States) -> Overview:
        """The whole recording at a glance."""
        ...

    def strip(self, look: Look, picked: Finding | None, states: States) -> Markup:
        """A stretch, with what was found in it."""
        ...

    def finding_at(self, key: EventKey) -> Finding | None:
        """What a key names, a normal beat as well; None if there is no such thing."""
        ...

    def labels(self, finding: Finding) -> Sequence[str]:
        """What a finding may be called."""
        ...

    def reason(self, finding: Finding) -> Reason:
        """Why it was found."""
        ...

    def printed(self, key: EventKey) -> Strip | None:
        """The strip of an event for the report."""
        ...
