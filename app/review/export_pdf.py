"""The report of a review as PDF: what was reviewed with what, a table of confirmed events, and their strips."""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from ..recording_facts import SEIZURE
from .export import NO_DEVICE, ReviewDocument, ReviewedEvent, Strip, operating_text
from .log import EventKey
from .paper import PAGE_MM, PAGE_POINTS, Paper, clock, draw_ecg, draw_eeg, ecg_height_mm, fitted

__all__ = ["MOST_STRIPS", "StripSource", "pdf_report"]

MOST_STRIPS = 200
"""Confirmed events that get a strip; the table lists them all."""

StripSource = Callable[[EventKey], Strip | None]
"""Signal around an event; None where there is none to show."""

_LEFT, _RIGHT = 24.0, PAGE_MM[0] - 23.0
_TOP, _BOTTOM = 34.0, PAGE_MM[1] - 14.0
_ROW_MM, _CAPTION_MM, _LETTERS_MM, _AXIS_MM = 4.6, 9.5, 5.0, 7.5
_RULE = HexColor("#888888")

_COLUMNS = (
    ("#", 8.0), ("onset", 22.0), ("duration", 18.0), ("label", 44.0), ("model's label", 44.0),
    ("conf.", 12.0), ("verdict", 19.0), ("reviewer", 30.0), ("decided (UTC)", 34.0),
)  # fmt: skip


@dataclass(frozen=True)
class _Shown:
    """A confirmed event with its number in the table."""

    number: int
    event: ReviewedEvent

    @property
    def span_s(self) -> tuple[float, float]:
        key = self.event.key
        return key.onset_s, key.onset_s + key.duration_s


def pdf_report(document: ReviewDocument, strip_of: StripSource) -> bytes:
    """The report, vector graphics throughout; the same document and strips give the same bytes.

    Parameters
    ----------
    strip_of : asked for each confirmed or relabelled event, up to `MOST_STRIPS`, in time order
    """
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=PAGE_POINTS, pageCompression=1, invariant=1)
    canvas.setTitle(f"Review of {document.recording.name}")
    canvas.setAuthor(document.reviewer)
    canvas.setSubject(NO_DEVICE)
    canvas.setCreator(f"ictus {document.model.version}")
    stated = "D:" + "".join(c for c in document.created_at[:19] if c.isdigit()) + "Z"
    canvas.setDateFormatter(lambda *_: stated)
    _Report(document, Paper(canvas)).draw(strip_of)
    canvas.save()
    return buffer.getvalue()


class _Report:
    def __init__(self, document: ReviewDocument, paper: Paper) -> None:
        self._document, self._paper = document, paper
        self._page, self._y = 0, 0.0

    def draw(self, strip_of: StripSource) -> None:
        shown = [_Shown(i, event) for i, event in enumerate(self._document.confirmed, 1)]
        self._new_page()
        self._summary(len(shown))
        self._table(shown)
        self._strips(shown, strip_of)
        self._paper.canvas.showPage()

    def _new_page(self) -> None:
        """End the page before, and head the next one with what must stand on every page."""
        if self._page:
            self._paper.canvas.showPage()
        self._page += 1
        document, paper = self._document, self._paper
        recording, model = document.recording, document.model
        paper.text(_LEFT, 12, fitted(f"Review of {recording.name}", 150, 13), 13, bold=True)
        paper.text(_RIGHT, 12, NO_DEVICE, 9, bold=True, anchor="end")
        paper.text(_LEFT, 17, f"Recording SHA-256 {recording.sha256}", 7)
        model_text = f"Model {model.name}, ictus {model.version}, SHA-256 {model.sha256}"
        paper.text(_LEFT, 20.5, fitted(model_text, 200, 7), 7)
        paper.text(_LEFT, 24, fitted(f"Operating point: {operating_text(document.operating_point)}", 200, 7), 7)
        paper.text(_RIGHT, 20.5, fitted(f"Reviewer: {document.reviewer}", 80, 7), 7, anchor="end")
        paper.text(_RIGHT, 24, f"Created {document.created_at}", 7, anchor="end")
        paper.lines([(_LEFT, 26, _RIGHT, 26), (_LEFT, _BOTTOM + 3, _RIGHT, _BOTTOM + 3)], _RULE, 0.2)
        paper.text(_LEFT, _BOTTOM + 7, NO_DEVICE, 7)
        paper.text(_RIGHT, _BOTTOM + 7, f"page {self._page}", 7, anchor="end")
        self._y = _TOP

    def _line(self, text: str, size: float = 8) -> None:
        self._paper.text(_LEFT, self._y, fitted(text, _RIGHT - _LEFT, size), size)
        self._y += _ROW_MM

    def _summary(self, n_confirmed: int) -> None:
        recording = self._document.recording
        for line in self._document.identity:
            self._line(f"Patient, as the file says: {line}")
        channels = ", ".join(recording.channels)
        self._line(f"{clock(recording.duration_s, 0)} h, {recording.fs_hz:g} Hz, channels: {channels}")
        verdicts = Counter(event.state.verdict for event in self._document.events)
        counts = ", ".join(f"{verdicts[v]} {v}" for v in ("confirmed", "relabelled", "rejected", "unreviewed"))
        self._line(f"{len(self._document.events)} events: {counts}")
        if n_confirmed > MOST_STRIPS:
            self._line(f"Strips of the first {MOST_STRIPS} of {n_confirmed} confirmed events")
        self._y += 2

    def _table(self, shown: Sequence[_Shown]) -> None:
        if not shown:
            self._line("No event was confirmed.")
            return
        self._table_row([title for title, _ in _COLUMNS], bold=True)
        for each in shown:
            if self._y > _BOTTOM - 2:
                self._new_page()
                self._table_row([title for title, _ in _COLUMNS], bold=True)
            self._table_row(_cells(each))

    def _table_row(self, cells: Sequence[str], bold: bool = False) -> None:
        x = _LEFT
        for (_, width), cell in zip(_COLUMNS, cells, strict=True):
            self._paper.text(x, self._y, fitted(cell, width - 1.5, 7.5), 7.5, bold)
            x += width
        self._y += _ROW_MM

    def _strips(self, shown: Sequence[_Shown], strip_of: StripSource) -> None:
        is_eeg = self._document.recording.task == SEIZURE
        draw = draw_eeg if is_eeg else draw_ecg
        is_first = True
        for each, strip in _with_strips(shown, strip_of):
            height = _BOTTOM - _TOP if is_eeg else _CAPTION_MM + _LETTERS_MM + ecg_height_mm(strip) + _AXIS_MM
            if is_first or self._y + height > _BOTTOM:
                self._new_page()
            is_first = False
            self._caption(each, strip, is_eeg)
            top = self._y + (0.0 if is_eeg else _LETTERS_MM)
            self._y = draw(self._paper, strip, _LEFT, top, each.span_s) + 5

    def _caption(self, shown: _Shown, strip: Strip, is_eeg: bool) -> None:
        key, state = shown.event.key, shown.event.state
        label, said = _words(state.label), _words(key.label)
        what = label if label == said else f"{label} (model: {said})"
        head = f"{shown.number}. {what}, {clock(key.onset_s)}{_comma(_duration(key))}"
        scale = "25 mm/s, negative up" if is_eeg else f"lead {strip.channels[0]}, 25 mm/s, 10 mm/mV"
        part = f"; {strip.duration_s:.0f} s of it shown" if key.duration_s > strip.duration_s else ""
        self._paper.text(_LEFT, self._y, fitted(head, 170, 9), 9, bold=True)
        self._paper.text(_RIGHT, self._y, scale + part, 7.5, anchor="end")
        by = [f"{state.verdict} by {state.reviewer}, {state.decided_at}", *(c.text for c in state.comments)]
        self._paper.text(_LEFT, self._y + 4, fitted("; ".join(by), _RIGHT - _LEFT, 7.5), 7.5)
        self._y += _CAPTION_MM


def _with_strips(shown: Sequence[_Shown], strip_of: StripSource) -> Iterator[tuple[_Shown, Strip]]:
    for each in islice(shown, MOST_STRIPS):
        strip = strip_of(each.event.key)
        if strip is not None and strip.values.shape[1]:
            yield each, strip


def _cells(shown: _Shown) -> list[str]:
    key, state, confidence = shown.event.key, shown.event.state, shown.event.confidence
    return [
        str(shown.number),
        clock(key.onset_s),
        _duration(key),
        _words(state.label),
        _words(key.label),
        "" if confidence is None else f"{confidence:.2f}",
        state.verdict,
        state.reviewer,
        state.decided_at[:19].replace("T", " "),
    ]


def _duration(key: EventKey) -> str:
    """Nothing for a single beat."""
    return f"{key.duration_s:.3f} s" if key.duration_s else ""


def _comma(text: str) -> str:
    return f", {text}" if text else ""


def _words(label: str) -> str:
    return label.replace("_", " ")
