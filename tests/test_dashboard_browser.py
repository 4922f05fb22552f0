"""The dashboard in a real browser, as a reviewer uses it; skipped where there is no Chromium or no Playwright."""

import csv
import io
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ictus.app.model_files import model_path
from ictus.app.review.store import open_store
from ictus.signals import SAMPLE_FOLDER

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("streamlit", reason="the dashboard extra is not installed")
pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-dev-shm-usage"]
WAIT_MS = 60_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory) -> Path:
    """The database of this test."""
    return tmp_path_factory.mktemp("reviews") / "reviews.sqlite"


@pytest.fixture(scope="module")
def address(reviews: Path) -> Iterator[str]:
    """A running `ictus app`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = "import sys; from ictus.app.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "app", "--port", str(port), "--database", str(reviews)]
    with (reviews.parent / "log.txt").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    base = f"http://127.0.0.1:{port}"
    try:
        _await(lambda: _is_up(base) or server.poll() is not None, 240)
        assert server.poll() is None, (reviews.parent / "log.txt").read_text()
        yield base
    finally:
        server.terminate()
        server.wait(20)


def _is_up(base: str) -> bool:
    try:
        return urllib.request.urlopen(f"{base}/_stcore/health", timeout=2).status == 200
    except OSError:
        return False


def _await(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    with browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True) as context:
        opened = context.new_page()
        opened.set_default_timeout(WAIT_MS)
        yield opened


def show(page, address: str, record: str, view: str = "review") -> None:
    page.goto(f"{address}/?record={record}&view={view}&t=0")
    page.locator(".st-key-strip svg").first.wait_for()
    page.locator(".st-key-list .row, .st-key-list .empty").first.wait_for()
    page.get_by_role("button", name="Next").wait_for()


def press_next(page) -> str:
    """J, and the finding that it leads to."""
    row = page.locator(".st-key-list .row.on")
    before = row.get_attribute("data-pick") if row.count() else None
    page.keyboard.press("j")
    _await(lambda: row.count() and row.get_attribute("data-pick") != before)
    return row.get_attribute("data-pick")


def list_only(page, kind: str) -> None:
    page.get_by_test_id("stMultiSelect").locator("input").fill(kind)
    page.get_by_role("option").filter(has_text=kind).first.click()
    page.keyboard.press("Escape")
    page.locator(".st-key-list .row .title").filter(has_text=kind).first.wait_for()


def download(page, name: str) -> bytes:
    with page.expect_download() as found:
        page.get_by_role("button", name=name).click()
    return Path(found.value.path()).read_bytes()


def saved(reviews: Path) -> list[tuple[str, str]]:
    """Action and new label of every line in the database."""
    store = open_store(str(reviews))
    lines = [(d.action, d.new_label) for r in store.recordings() for d in store.log(r.sha256)]
    store.close()
    return lines


def test_a_relabelled_beat_keeps_its_label_after_a_reload_and_reaches_the_exports(page, address, reviews):
    page.goto(address)
    page.get_by_role("button", name="ECG 200, MIT-BIH").click()
    page.locator(".st-key-strip svg").wait_for()
    list_only(page, "Ventricular beat")
    page.locator(".st-key-list .row").first.click()
    row = page.locator(".st-key-list .row.on")
    row.wait_for()
    beat = row.get_attribute("data-pick")
    assert beat.startswith("beat|") and beat.endswith("|V")
    page.locator(".st-key-why").get_by_text("RR before").wait_for()
    page.keyboard.press("s")
    page.locator(f'.st-key-list [data-pick="{beat}"] .relabelled').wait_for()
    assert ("relabel", "S") in saved(reviews)
    page.reload()
    page.locator(".st-key-list .row").first.wait_for()
    page.get_by_text("Decided", exact=True).click()
    shown = page.locator(f'.st-key-list [data-pick="{beat}"] .relabelled')
    shown.wait_for()
    assert "supraventricular" in shown.inner_text() or "S" in shown.inner_text()
    page.get_by_text("Export", exact=True).click()
    pdf = pypdf.PdfReader(io.BytesIO(download(page, "PDF report")))
    text = "".join(p.extract_text() for p in pdf.pages)
    assert "relabelled" in text and "Research use only" in text
    rows = list(csv.DictReader(io.StringIO(download(page, "CSV table").decode())))
    onset = beat.split("|")[1]
    changed = [r for r in rows if r["verdict"] == "relabelled"]
    assert [(r["model_label"], r["label"]) for r in changed] == [("V", "S")]
    assert float(changed[0]["onset_s"]) == pytest.approx(float(onset), abs=1e-3)


def test_a_beat_picked_on_the_paper_is_in_review_and_moving_on_keeps_it_there(page, address):
    show(page, address, "built-in:mitdb/203")
    beat = page.locator('.st-key-strip [data-pick^="beat|"][data-pick$="|V"]').first
    key = beat.get_attribute("data-pick")
    beat.click()
    page.locator(".st-key-why").get_by_text("RR before").wait_for()
    strip = page.locator(".st-key-strip svg").first
    before = strip.get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    _await(lambda: strip.get_attribute("aria-label") != before)
    page.keyboard.press("ArrowLeft")
    page.locator(f'.st-key-strip [data-pick="{key}"] .picked').wait_for()
    assert page.locator(".st-key-why").get_by_text("RR before").count()


def test_escape_in_an_empty_field_gives_the_keys_back_to_the_review(page, address):
    show(page, address, "built-in:mitdb/208")
    page.get_by_role("textbox", name="Time").click()
    page.keyboard.type("j")
    page.keyboard.press("Escape")
    assert page.get_by_role("textbox", name="Time").evaluate("field => field === document.activeElement")
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    assert not page.locator(".st-key-list .row.on").count()
    press_next(page)


def test_an_undo_takes_the_decision_back(page, address, reviews):
    show(page, address, "built-in:mitdb/208")
    first = press_next(page)
    page.keyboard.press("x")
    page.locator(f'.st-key-list [data-pick="{first}"] .rejected').wait_for()
    page.keyboard.press("u")
    page.locator(f'.st-key-list [data-pick="{first}"] .rejected').wait_for(state="detached")
    assert saved(reviews)[-2:] == [("reject", ""), ("undo", "")]


@pytest.mark.skipif(not model_path(None, "seizure").is_file(), reason="no model of seizures in the zoo")
def test_an_eeg_clip_is_marked_relabelled_and_exported(page, address):
    show(page, address, "built-in:chbmit/chb01_18_ictal")
    assert page.locator(".st-key-strip .names span").count() == 18
    if not page.locator(".st-key-list .row").count():
        page.get_by_role("button", name="Mark an event by hand").click()
        page.get_by_role("button", name="Mark", exact=True).click()
        page.keyboard.press("Escape")
    page.locator(".st-key-list .row").filter(has_text="Seizure").first.click()
    page.locator('[class*="st-key-relabel"] input').fill("Artefact")
    page.get_by_role("option").filter(has_text="Artefact").first.click()
    page.locator(".st-key-list .relabelled").filter(has_text="Artefact").first.wait_for()
    page.reload()
    page.locator(".st-key-list .relabelled").filter(has_text="Artefact").first.wait_for()
    page.get_by_text("Export", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(download(page, "CSV table").decode())))
    assert ("seizure", "artefact", "relabelled") in {(r["kind"], r["label"], r["verdict"]) for r in rows}
    pdf = pypdf.PdfReader(io.BytesIO(download(page, "PDF report")))
    assert "artefact" in "".join(p.extract_text() for p in pdf.pages)


def test_a_broken_upload_says_what_is_wrong_and_the_app_lives_on(page, address, tmp_path):
    broken = tmp_path / "broken.edf"
    broken.write_bytes((SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf").read_bytes()[:700])
    page.goto(address)
    page.locator('input[type="file"]').set_input_files(str(broken))
    page.get_by_role("button", name="Open the upload").click()
    said = page.get_by_test_id("stAlert")
    said.wait_for()
    assert "broken.edf" in said.inner_text() and "/" not in said.inner_text()
    sound = [SAMPLE_FOLDER / "mitdb" / f"100{suffix}" for suffix in (".hea", ".dat", ".atr")]
    page.reload()
    page.locator('input[type="file"]').set_input_files([str(path) for path in sound])
    page.get_by_role("button", name="Open the upload").click()
    page.locator(".st-key-strip svg").wait_for()
    assert re.search("record=upload", page.url)


def test_two_tabs_lose_no_decision(browser, address, reviews):
    with browser.new_context() as one, browser.new_context() as other:
        tabs = [context.new_page() for context in (one, other)]
        before = len(saved(reviews))
        for tab in tabs:
            tab.set_default_timeout(WAIT_MS)
            show(tab, address, "built-in:mitdb/233")
        picked = [press_next(tabs[0]), (press_next(tabs[1]), press_next(tabs[1]))[1]]
        for tab in tabs:
            tab.keyboard.press("y")
        _await(lambda: len(saved(reviews)) == before + 2)
        assert picked[0] != picked[1]
        tabs[0].get_by_text("Decided", exact=True).click()
        for key in picked:
            tabs[0].locator(f'.st-key-list [data-pick="{key}"] .confirmed').wait_for()
