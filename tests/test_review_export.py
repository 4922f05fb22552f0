"""What leaves the dashboard can be read back, says what it must, and names no patient unless asked to."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import wfdb
from ictus.app.recording_facts import ModelFacts, patient_identity, recording_facts
from ictus.app.review import export_pdf as review_export_pdf
from ictus.app.review.export import NO_DEVICE, ReviewDocument, ReviewedEvent, Strip, strip_window
from ictus.app.review.export_pdf import pdf_report
from ictus.app.review.export_tables import bids_events, events_csv
from ictus.app.review.export_wfdb import beat_key, wfdb_annotations
from ictus.app.review.log import Comment, EventKey, EventState
from ictus.signals import SAMPLE_FOLDER, load
from pypdf import PdfReader

ECG, EEG = SAMPLE_FOLDER / "mitdb" / "208.hea", SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"
MODEL = ModelFacts("beat.ictus", "0.1.0", "cd" * 32)
AT = "2026-11-22T06:15:32.286Z"
RUN = EventKey("ventricular_run", 13.195, 4.5, "ventricular_run")
BEATS = [(0.594, "V"), (2.391, "V"), (3.867, "S"), (4.375, "V"), (5.0, "N")]


def _state(key: EventKey, verdict: str, label: str | None = None, comment: str = "") -> EventState:
    comments = (Comment(comment, "Dr A", AT),) if comment else ()
    return EventState(
        key, verdict, label or key.label, "Dr \N{LATIN CAPITAL LETTER A WITH DIAERESIS}.", AT, 7, comments
    )


def _events() -> tuple[ReviewedEvent, ...]:
    keys = [beat_key(time_s, letter) for time_s, letter in BEATS[:4]]
    states = (
        _state(keys[0], "confirmed", comment='broad, "typical";\nsee V1'),
        _state(keys[1], "relabelled", "F"),
        _state(keys[2], "rejected"),
        EventState.unreviewed(keys[3]),
    )
    beats = (ReviewedEvent(k, s, 0.25 * i) for i, (k, s) in enumerate(zip(keys, states, strict=True), 1))
    return (ReviewedEvent(RUN, _state(RUN, "confirmed"), note="9 beats at 160/min"), *beats)


def _document(path: Path = ECG, events: tuple[ReviewedEvent, ...] | None = None, **more) -> ReviewDocument:
    found = _events() if events is None else events
    return ReviewDocument(recording_facts(path), MODEL, {"V": 0.5, "S": 0.62}, "Dr Export", AT, found, **more)


def _ecg_strip(key: EventKey) -> Strip:
    recording = load(ECG)
    start_s, stop_s = strip_window(key, recording.duration_s)
    values = recording.physical(0)[round(start_s * 360) : round(stop_s * 360)].copy()
    values[100:200] = np.nan
    marks = tuple((time_s, letter) for time_s, letter in BEATS)
    return Strip(start_s, 360.0, ("MLII",), "mV", values[None], marks, ((start_s + 5, start_s + 7),))


def _eeg_strip(_: EventKey) -> Strip:
    recording = load(EEG)
    values = np.stack([recording.physical(i) for i in range(18)])
    return Strip(0.0, 256.0, tuple(c.name for c in recording.channels[:18]), "uV", values)


def _pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def test_every_page_says_what_was_reviewed_with_what_and_that_it_is_no_device():
    document = _document()
    pages = _pages(pdf_report(document, _ecg_strip))
    assert len(pages) >= 3
    for number, page in enumerate(pages, 1):
        identified = (document.recording.sha256, MODEL.sha256, "ictus 0.1.0", "S 0.62, V 0.5", "Dr Export", AT)
        for words in (NO_DEVICE, *identified, f"page {number}"):
            assert words in page, (number, words)


def test_the_report_lists_and_shows_the_confirmed_events_and_no_others():
    pages = _pages(pdf_report(_document(), _ecg_strip))
    assert "5 events: 2 confirmed, 1 relabelled, 1 rejected, 1 unreviewed" in pages[0]
    rows = re.findall(r"^\d\n(0:00:\d\d\.\d{3})\n", pages[0], re.MULTILINE)
    assert rows == ["0:00:00.594", "0:00:02.391", "0:00:13.195"]
    strips = "\n".join(pages[1:])
    assert re.findall(r"^(\d\. .*)$", strips, re.MULTILINE) == [
        "1. V, 0:00:00.594", "2. F (model: V), 0:00:02.391", "3. ventricular run, 0:00:13.195, 4.500 s"
    ]  # fmt: skip
    assert strips.count("lead MLII, 25 mm/s, 10 mm/mV") == 3
    assert strips.count("1 mV") == 3
    assert strips.count("not analysable") == 3
    assert 'broad, "typical"; see V1' in strips


def test_paper_runs_at_25_mm_a_second_and_10_mm_a_millivolt():
    """The calibration pulse of 1 mV and the grid, measured in the page's drawing commands."""
    page = PdfReader(io.BytesIO(pdf_report(_document(events=_events()[:1]), _ecg_strip))).pages[1]
    drawn = page.get_contents().get_data().decode("latin-1")
    points = np.array(re.findall(r"([\d.]+) ([\d.]+) [ml]\b", drawn), np.float64) * 25.4 / 72
    steps = {tuple(step) for step in np.diff(points, axis=0).round(2).tolist()}
    assert {(0.0, 10.0), (5.0, 0.0), (0.0, -10.0)} <= steps
    (grid,) = page["/Resources"]["/XObject"].values()
    lines = re.findall(r"([\d.]+) ([\d.]+) m ([\d.]+) ([\d.]+) l", grid.get_object().get_data().decode("latin-1"))
    columns = sorted({float(x0) * 25.4 / 72 for x0, _, x1, _ in lines if x0 == x1})
    np.testing.assert_allclose(columns, np.arange(251), atol=1e-3)


def test_an_eeg_strip_names_its_channels_and_its_scale():
    key = EventKey("seizure", 3.0, 5.0, "seizure")
    document = _document(EEG, (ReviewedEvent(key, _state(key, "confirmed"), 0.93),))
    _, page = _pages(pdf_report(document, _eeg_strip))
    assert all(c.name in page for c in load(EEG).channels[:18])
    assert re.search(r"^\d+ uV$", page, re.MULTILINE)
    assert re.search(r"^\d+ uV/mm$", page, re.MULTILINE)
    assert "25 mm/s, negative up" in page


def test_the_same_document_gives_the_same_bytes_and_states_its_own_time(monkeypatch):
    monkeypatch.setenv("TZ", "America/Lima")
    first, second = (pdf_report(_document(), _ecg_strip) for _ in range(2))
    assert first == second
    assert PdfReader(io.BytesIO(first)).metadata["/CreationDate"] == "D:20261122061532Z"


def test_a_report_without_confirmed_events_says_so():
    (page,) = _pages(pdf_report(_document(events=()), _ecg_strip))
    assert "No event was confirmed." in page


def test_many_events_are_all_listed_and_the_first_are_shown(monkeypatch):
    monkeypatch.setattr(review_export_pdf, "MOST_STRIPS", 10)
    keys = [EventKey("beat", i / 4, 0.0, "V") for i in range(60)]
    document = _document(events=tuple(ReviewedEvent(k, _state(k, "confirmed")) for k in keys))
    flat = Strip(0.0, 10.0, ("II",), "mV", np.zeros((1, 100)))
    text = "\n".join(_pages(pdf_report(document, lambda key: flat)))
    assert "Strips of the first 10 of 60 confirmed events" in text
    assert len(re.findall(r"^\d+\n0:\d\d:\d\d\.\d{3}\n", text, re.MULTILINE)) == 60
    assert len(re.findall(r"^\d+\. V, 0:", text, re.MULTILINE)) == 10


def test_a_strip_without_signal_is_left_out_and_one_of_gaps_is_drawn():
    gaps = Strip(0.0, 100.0, ("II",), "mV", np.full((1, 1000), np.nan))
    assert len(_pages(pdf_report(_document(), lambda key: None))) == 1
    assert len(_pages(pdf_report(_document(), lambda key: gaps))) == 2
    eeg = _document(EEG)
    assert (
        len(_pages(pdf_report(eeg, lambda key: Strip(0.0, 100.0, ("A", "B"), "uV", np.full((2, 1000), np.nan)))))
        == 4
    )


def test_the_table_holds_every_event_with_its_decision():
    text = events_csv(_document()).decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(r["onset_s"], r["model_label"], r["verdict"], r["label"]) for r in rows] == [
        ("0.594", "V", "confirmed", "V"), ("2.391", "V", "relabelled", "F"), ("3.867", "S", "rejected", "S"),
        ("4.375", "V", "unreviewed", "V"), ("13.195", "ventricular_run", "confirmed", "ventricular_run"),
    ]  # fmt: skip
    assert rows[0]["comments"] == f'Dr A, {AT}: broad, "typical";\nsee V1'
    assert (rows[0]["confidence"], rows[4]["confidence"]) == ("0.2500", "")
    assert {(r["recording_sha256"], r["model_sha256"], r["notice"]) for r in rows} == {
        (recording_facts(ECG).sha256, MODEL.sha256, NO_DEVICE)
    }


def test_what_a_reviewer_typed_does_not_run_as_a_formula():
    key = beat_key(1.0, "V")
    state = EventState(key, "relabelled", "=1+1", "@cmd", AT, 1, ())
    text = events_csv(_document(events=(ReviewedEvent(key, state),))).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["label"], row["reviewer"]) == ("'=1+1", "'@cmd")


def test_bids_events_have_their_columns_described_and_leave_the_rejected_out():
    table, sidecar = bids_events(_document())
    head, *rows = [line.split("\t") for line in table.decode().splitlines()]
    assert head[:3] == ["onset", "duration", "trial_type"]
    described = json.loads(sidecar)
    assert all(described[name]["Description"] for name in head)
    assert described["onset"]["Units"] == described["duration"]["Units"] == "s"
    assert [row[2] for row in rows] == ["V", "F", "V", "ventricular_run"]
    assert [float(row[0]) for row in rows] == sorted(float(row[0]) for row in rows)
    assert all(len(row) == len(head) and all(row) for row in rows)
    assert rows[2][head.index("reviewer")] == "n/a"
    assert {row[head.index("review")] for row in rows} == set(described["review"]["Levels"])


def test_wfdb_reads_the_present_labels_back(tmp_path):
    (tmp_path / "208.rev").write_bytes(wfdb_annotations(_document(), BEATS))
    found = wfdb.rdann(str(tmp_path / "208"), "rev")
    assert found.fs == 360
    marks = list(zip(found.sample.tolist(), found.symbol, found.aux_note, strict=True))
    assert marks[0][1:] == ('"', f"{NO_DEVICE}; reviewed with ictus 0.1.0")
    assert marks[1:] == [
        (round(0.594 * 360), "V", "confirmed"), (round(2.391 * 360), "F", "relabelled from V"),
        (round(4.375 * 360), "V", ""), (1800, "N", ""),
        (round(13.195 * 360), '"', "ventricular_run 4.500 s confirmed"),
    ]  # fmt: skip


def test_a_label_that_is_no_beat_class_becomes_a_note(tmp_path):
    key = beat_key(1.0, "V")
    document = _document(events=(ReviewedEvent(key, _state(key, "relabelled", "artefact")),))
    (tmp_path / "208.rev").write_bytes(wfdb_annotations(document, [(1.0, "V")]))
    found = wfdb.rdann(str(tmp_path / "208"), "rev")
    assert (found.symbol[1], found.aux_note[1]) == ('"', "beat artefact from V")


def test_a_reviewed_label_stands_before_that_of_a_model_of_another_version(tmp_path):
    confirmed, rejected, marked = beat_key(1.0, "V"), beat_key(2.0, "V"), beat_key(2.5, "gated")
    states = (_state(confirmed, "confirmed"), _state(rejected, "rejected"), _state(marked, "relabelled", "S"))
    document = _document(events=tuple(ReviewedEvent(s.key, s) for s in states))
    (tmp_path / "208.rev").write_bytes(wfdb_annotations(document, [(1.0, "N"), (2.0, "N"), (3.0, "N")]))
    found = wfdb.rdann(str(tmp_path / "208"), "rev")
    assert list(zip(found.sample.tolist(), found.symbol, strict=True))[1:] == [
        (360, "V"), (720, "N"), (900, "S"), (1080, "N")
    ]  # fmt: skip


@pytest.mark.parametrize("path", [ECG, EEG], ids=["WFDB", "EDF"])
def test_the_patient_is_in_no_export_unless_asked_for(path):
    identity = patient_identity(path)

    def exported(document: ReviewDocument) -> str:
        tables = events_csv(document) + b"".join(bids_events(document)) + wfdb_annotations(document, BEATS)
        return tables.decode("utf-8", "replace") + "".join(_pages(pdf_report(document, lambda key: None)))

    without = exported(_document(path))
    assert not any(line in without for line in identity if len(line) > 6)
    assert identity[0] in exported(_document(path, identity=identity))


@pytest.mark.parametrize(
    ("onset_s", "duration_s", "window"),
    [
        (100.0, 2.0, (96.0, 106.0)),
        (1.0, 0.0, (0.0, 10.0)),
        (299.0, 0.5, (290.0, 300.0)),
        (50.0, 60.0, (48.0, 58.0)),
    ],
)
def test_a_strip_has_the_event_in_its_middle_or_begins_with_it(onset_s, duration_s, window):
    assert strip_window(EventKey("x", onset_s, duration_s, "x"), 300.0) == window


def test_a_strip_of_a_short_recording_is_all_of_it():
    assert strip_window(EventKey("x", 3.0, 0.0, "x"), 6.0) == (0.0, 6.0)
