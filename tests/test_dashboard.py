"""The dashboard without a browser: what is listed in which order, what is drawn, and that the pages run."""

import re
import socket
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.analyze.ecg import analyze
from ictus.app.cli import main
from ictus.app.evaluate.operating_point import load_curves
from ictus.app.review.log import Comment, EventKey, EventState
from ictus.firmware_export.wearable.seizure import EEG_AFES
from ictus.signals import CLASSES, SAMPLE_FOLDER

pytest.importorskip("streamlit", reason="the dashboard extra is not installed")

from ictus.app.dashboard.views.case import Look
from ictus.app.dashboard.views.clock import clock
from ictus.app.dashboard.views.compare import compared
from ictus.app.dashboard.views.compare_eeg import OUTCOMES, compared_seconds
from ictus.app.dashboard.views.findings import SEVERITY, Choice, chosen, ecg_findings, present, with_added
from ictus.app.dashboard.views.keys import key_text, text_key
from ictus.app.dashboard.views.montage import EegStretch, montage_view
from ictus.app.dashboard.views.overview import overview, with_place
from ictus.app.dashboard.views.services import open_case, services
from ictus.app.dashboard.views.trend import N_COLUMNS, Curve, bridged, envelope, share_of_columns
from streamlit.testing.v1 import AppTest

EEG = "built-in:chbmit/chb01_18_ictal"
PAGE = Path(__file__).resolve().parent.parent / "app" / "dashboard" / "script.py"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """What the pages share, with a database of its own for every test."""
    monkeypatch.setenv("ICTUS_REVIEWS", str(tmp_path / "reviews.sqlite"))
    services.clear()
    opened = services()
    yield opened
    opened.store.close()
    opened.library.close()
    services.clear()


@pytest.fixture
def case(here):
    return open_case(here.library.find("built-in:mitdb/203"))


def state(key: EventKey, verdict: str, label: str = "") -> EventState:
    return replace(EventState.unreviewed(key), verdict=verdict, label=label or key.label)


def test_findings_come_by_severity_then_by_length_then_by_confidence(case):
    ranks = [SEVERITY.index(f.kind) for f in case.findings]
    assert ranks == sorted(ranks)
    runs = [f.key.duration_s for f in case.findings if f.kind == "ventricular_run"]
    assert len(runs) > 1 and runs == sorted(runs, reverse=True)
    sure = [f.confidence for f in case.findings if f.kind == "V"]
    assert sure == sorted(sure, reverse=True)


def test_every_beat_that_is_not_normal_is_a_finding_and_no_other_beat(case):
    analysis = analyze(SAMPLE_FOLDER / "mitdb" / "203")
    rows = {f.row for f in ecg_findings(analysis) if f.row >= 0}
    assert rows == set(np.flatnonzero(analysis.table.label > 0).tolist())


def test_an_operating_point_withholds_what_nobody_decided_on(case):
    unsure = min((f for f in case.findings if f.kind == "V"), key=lambda f: f.confidence)
    choice = Choice(thresholds={"V": unsure.confidence + 1e-3})
    assert unsure not in chosen(case.findings, choice, {})
    assert unsure in chosen(case.findings, choice, {unsure.key: state(unsure.key, "confirmed")})
    assert {f.kind for f in chosen(case.findings, Choice(kinds=("S",)), {})} == {"S"}
    assert not chosen(case.findings, Choice(status="decided"), {})


def test_a_run_answers_to_the_operating_point_of_its_beats(case):
    runs = [f for f in case.findings if f.kind == "ventricular_run"]
    surest = max(f.confidence for f in runs)
    listed = chosen(case.findings, Choice(thresholds={"V": surest}), {})
    assert [f.confidence for f in listed if f.kind == "ventricular_run"] == [surest]
    assert set(runs) <= set(chosen(case.findings, Choice(thresholds={"S": 1.0}), {}))


def test_the_review_moves_rejects_and_adds(case):
    first, second = [f for f in case.findings if f.kind == "V"][:2]
    marked = EventKey("pause", 12.0, 3.0, "pause")
    states = {
        first.key: state(first.key, "rejected"),
        second.key: state(second.key, "relabelled", "S"),
        marked: state(marked, "confirmed"),
    }
    standing = {f.key: f.kind for f in present(with_added(case.findings, states), states)}
    assert first.key not in standing
    assert standing[second.key] == "S"
    assert standing[marked] == "pause"


def test_paper_runs_at_25_mm_a_second_and_10_mm_a_millivolt(case):
    drawn = str(case.strip(Look(100.0, 10.0, 10.0), None, {}))
    assert re.search(r'style="--mm:273mm"', drawn) and 'viewBox="0 0 273 ' in drawn
    points = re.search(r'<path d="M([\d. L]+)" class="trace" data-moves=""', drawn)[1]
    x, y = np.array([pair.split() for pair in points.split("L")], float).T
    time_s, mv = case.pyramid.samples(100.0, 110.0)
    assert len(x) == len(mv)
    np.testing.assert_allclose(x, 25 * (time_s - 100.0), atol=0.006)
    np.testing.assert_allclose(np.diff(y), -10 * np.diff(mv), atol=0.011)


def test_the_browser_never_gets_more_than_a_screenful(case):
    assert len(case.strip(Look(0.0, 60.0, 10.0), None, {})) < 400_000
    assert len(overview(case.overview({}))) < 200_000


def test_a_beat_is_told_by_letter_shape_and_colour(case):
    drawn = str(case.strip(Look(240.0, 10.0, 10.0), None, {}))
    v = re.search(r'<g class="c-V" data-pick="beat\|[^"]+\|V".*?</title></rect></g>', drawn)[0]
    assert ">V</text>" in v and "<polygon" in v and "ink c-V" in v


def test_a_changed_label_shows_with_what_it_was(case):
    finding = next(f for f in case.findings if f.kind == "V")
    look = Look(finding.onset_s - 5, 10.0, 10.0)
    drawn = str(case.strip(look, finding, {finding.key: state(finding.key, "relabelled", "S")}))
    assert 'class="small muted was"' in drawn and 'class="picked"' in drawn


def test_a_reason_names_stage_score_interval_and_shape(case):
    finding = next(f for f in case.findings if f.kind == "V" and f.onset_s > 30)
    facts = dict(case.reason(finding).facts)
    assert {"Stage", "Confidence", "RR before", "RR after", "Shape against normal"} <= set(facts)
    assert "correlation" in facts["Shape against normal"]


def test_compact_and_device_never_differ(case):
    found = compared(case, 0.0, 60.0)
    assert len(found.peak_s) > 50
    np.testing.assert_array_equal(found.label[:, 1], found.label[:, 2])
    np.testing.assert_allclose(found.confidence[:, 1], found.confidence[:, 2])


def test_compact_and_device_agree_on_every_second_and_every_difference_is_listed(here):
    found = compared_seconds(here.library.find(EEG), 0.0, 10.0)
    assert len(found.outcome) == 10 and (found.outcome == OUTCOMES.index("seizure")).any(axis=0).all()
    np.testing.assert_array_equal(found.code[:, 1], found.code[:, 2])
    listed = [second for first, stop in found.differing for second in range(first, stop)]
    assert listed == np.flatnonzero((found.code != found.code[:, :1]).any(axis=1)).tolist()
    assert all((found.code[a:b] == found.code[a]).all() for a, b in found.differing)


def test_an_event_marked_by_hand_and_undone_is_gone_unless_it_was_commented(case):
    marked = EventState.unreviewed(EventKey("pause", 12.0, 3.0, "pause"))
    assert with_added(case.findings, {marked.key: marked}) == case.findings
    commented = replace(marked, comments=(Comment("look again", "reviewer", "2026-01-01T00:00:00Z"),))
    assert len(with_added(case.findings, {marked.key: commented})) == len(case.findings) + 1


@given(st.lists(st.floats(0, 999.99), min_size=1, max_size=50))
def test_an_envelope_holds_every_value(at_s):
    time_s = np.array(at_s)
    curve = envelope(time_s, time_s, 1000.0)
    assert np.nanmin(curve.low) == time_s.min() and np.nanmax(curve.high) == time_s.max()
    assert np.isfinite(curve.mean).sum() <= len(at_s)


def test_short_gaps_are_bridged_and_long_ones_are_not():
    row = np.full(N_COLUMNS, np.nan)
    row[[0, 4, 100]] = 1.0, 5.0, 9.0
    curve = bridged(Curve(row, row, row), float(N_COLUMNS), 10.0)
    np.testing.assert_array_equal(curve.mean[:5], [1, 2, 3, 4, 5])
    assert np.isnan(curve.mean[5:100]).all()


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 400)), max_size=6))
def test_columns_share_out_a_span_without_loss(pairs):
    ends = np.cumsum([v for pair in pairs for v in pair]) / max(len(pairs), 1)
    spans = [(a, b) for a, b in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True)]
    share = share_of_columns(spans, 1000.0)
    assert share.sum() * 1000.0 / N_COLUMNS == pytest.approx(sum(b - a for a, b in spans), abs=1e-6)


@given(st.floats(0, 90_000), st.floats(0, 900), st.sampled_from([*CLASSES, "pause"]))
def test_a_key_comes_back_from_the_page(onset_s, duration_s, label):
    key = EventKey("beat" if label in CLASSES else label, onset_s, duration_s, label)
    assert text_key(key_text(key)) == key


def test_names_from_a_file_are_text_and_never_markup():
    shown = EegStretch(0.0, 1.0, ["<script>x</script>"], np.array([True]), np.zeros((256, 1)), 100.0)
    assert "<script>" not in montage_view(shown)


def test_eeg_keeps_its_extremes_when_it_is_thinned_out():
    uv = np.zeros((25_600, 1))
    uv[12_345] = 300.0
    drawn = str(montage_view(EegStretch(0.0, 100.0, ["T7-P7"], np.array([True]), uv, 100.0)))
    assert "1 -750 " in drawn


def test_time_reads_the_same_everywhere():
    assert [clock(t) for t in (0, 61.04, 3725.5, 86_399.96)] == ["00:00:00", "00:01:01", "01:02:05.5", "24:00:00"]
    assert "left:50.000%;--width:10.000%" in with_place("", 50, 60, 100).replace("--", "", 1)


def page(**address: str) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def test_the_first_page_offers_the_built_in_recordings():
    app = page()
    assert not app.exception and not app.error
    assert any(b.label == "ECG 200, MIT-BIH" for b in app.button)


@pytest.mark.parametrize("view", ["review", "compare", "export"])
@pytest.mark.parametrize("record", ["built-in:mitdb/208", EEG])
def test_a_view_runs(record, view):
    app = page(record=record, view=view, t="30")
    assert not app.exception and not app.error


def test_eeg_runs_on_the_emulated_wearable():
    for module in ("ziglang", "unicorn", "elftools"):
        pytest.importorskip(module)
    app = page(record=EEG, view="device")
    assert not app.exception and not app.error
    assert [box.label for box in app.selectbox][:2] == ["Microcontroller", "Front end"]
    assert app.selectbox(key="eeg afe").value == EEG_AFES[0]


def test_a_key_press_confirms_the_finding_at_once():
    app = page(record="built-in:mitdb/208", view="review")
    app.button(key="Next").click().run()
    assert app.session_state.picked.kind in SEVERITY[:6]
    first = app.session_state.picked
    app.button(key="Confirm").click().run()
    assert not app.exception and app.session_state.picked != first
    again = page(record="built-in:mitdb/208", view="review")
    again.segmented_control(key="status").set_value("Decided").run()
    again.button(key="Next").click().run()
    assert again.session_state.picked == first


def test_the_slider_of_an_eeg_withholds_its_seizure_and_says_how_little_is_known():
    app = page(record=EEG, view="review")
    slider = next(s for s in app.select_slider if s.label.startswith("Seizure"))
    assert any("(0.0 to 4.3)" in c.value for c in app.caption)
    app.button(key="Next").click().run()
    assert app.session_state.picked.kind == "seizure"
    curve = load_curves("seizure").by_kind["seizure"]
    app.session_state[slider.key] = float(curve.threshold[np.flatnonzero(curve.sensitivity == 0)[0]])
    app.run()
    assert not app.exception and app.button(key="Next").disabled


def test_an_event_is_marked_where_the_paper_stands_when_the_button_is_pressed():
    app = page(record="built-in:mitdb/208", view="review", t="30")
    app.button(key="move On").click().run()
    app.button(key="mark").click().run()
    assert not app.exception
    assert app.session_state.picked.onset_s == app.session_state.start_s > 30


@pytest.mark.parametrize("record", ["built-in:mitdb/999", "folder:../../etc/passwd.csv", "nonsense"])
def test_an_unknown_recording_is_a_line_and_the_library(record):
    app = page(record=record, view="review")
    assert not app.exception and len(app.error) == 1
    assert any(b.label == "ECG 200, MIT-BIH" for b in app.button)


def test_the_command_refuses_what_it_cannot_serve(tmp_path, capsys, monkeypatch):
    assert main(["app", "--folder", str(tmp_path / "nowhere")]) == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["app", "--port", str(taken.getsockname()[1])]) == 2
    monkeypatch.setitem(sys.modules, "streamlit", None)
    assert main(["app"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3 and "ictus[dashboard]" in lines[2]


def test_it_listens_on_this_computer_only_and_reports_to_nobody():
    from ictus.app.dashboard.serve import LOCAL, streamlit_options

    options = streamlit_options(LOCAL, 8501, 200)
    assert options["server_address"] == "127.0.0.1"
    assert options["browser_gatherUsageStats"] is False and options["server_headless"] is True
    assert options["server_maxUploadSize"] == 200
