"""Reviewed labels as a WFDB annotation file."""

from collections.abc import Iterable, Iterator

from ...signals import CLASSES
from ...signals.wfdb_annotations import Mark, encode_annotations
from .export import NO_DEVICE, ReviewDocument
from .log import REJECTED, RELABELLED, UNREVIEWED, EventKey, EventState

__all__ = ["ANNOTATOR", "BEAT_KIND", "beat_key", "wfdb_annotations"]

ANNOTATOR = "rev"
"""Suffix of the file."""

BEAT_KIND = "beat"
"""Kind of a single beat in an `EventKey`."""

_NOTE = '"'
_NOTICE_AT = 1
"""Sample of the notice: notes at sample 0 are settings of the file, which readers take away."""


def beat_key(time_s: float, letter: str) -> EventKey:
    """Key of a single beat with the class that the model gave it."""
    return EventKey(BEAT_KIND, time_s, 0.0, letter)


def wfdb_annotations(document: ReviewDocument, beats: Iterable[tuple[float, str]]) -> bytes:
    """Present labels: every beat that stands with its class, every other event that stands as a note.

    A rejected beat is left out; a reviewed one carries what was decided as its text. A note stands at an event's
    onset: label, duration and state of the review. A beat that a reviewer marked, or that the gate had rejected,
    stands once it is decided on. A note on the second sample says what the file is.

    Parameters
    ----------
    beats : time in s and class letter of every beat that the model decided
    """
    notice = Mark(_NOTICE_AT, _NOTE, 0, f"{NO_DEVICE}; reviewed with ictus {document.model.version}")
    marks = [notice, *_beat_marks(document, beats), *_event_marks(document)]
    in_order = sorted(marks, key=lambda mark: mark.sample)
    return b"".join(encode_annotations(in_order, document.recording.fs_hz))


def _beat_marks(document: ReviewDocument, beats: Iterable[tuple[float, str]]) -> Iterator[Mark]:
    """Reviewed beats, and those of the model at whose time nothing was decided about the class it gave."""
    beat_states = (e.state for e in document.events if e.key.kind == BEAT_KIND)
    reviewed = {state.key.onset_s: state for state in beat_states if state.verdict != UNREVIEWED}
    for time_s, letter in beats:
        state = reviewed.get(beat_key(time_s, letter).onset_s)
        if state is None or (state.verdict == REJECTED and state.key.label != letter):
            yield Mark(_sample(document, time_s), letter)
    for state in reviewed.values():
        if state.verdict != REJECTED:
            yield _reviewed(document, state)


def _reviewed(document: ReviewDocument, state: EventState) -> Mark:
    """A note where the label is no class of beats."""
    is_class = state.label in CLASSES
    said = state.verdict if is_class else f"beat {state.label}"
    text = f"{said} from {state.key.label}" if state.verdict == RELABELLED else said
    return Mark(_sample(document, state.key.onset_s), state.label if is_class else _NOTE, 0, text)


def _event_marks(document: ReviewDocument) -> Iterator[Mark]:
    for event in document.standing:
        key, state = event.key, event.state
        if key.kind != BEAT_KIND:
            text = f"{state.label} {key.duration_s:.3f} s {state.verdict}"
            yield Mark(_sample(document, key.onset_s), _NOTE, 0, text)


def _sample(document: ReviewDocument, time_s: float) -> int:
    last = round(document.recording.duration_s * document.recording.fs_hz) - 1
    return max(min(round(time_s * document.recording.fs_hz), last), 0)
