"""The review database: nothing is lost, nothing is counted twice, and what holds follows from the log."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.recording_facts import ModelFacts, RecordingFacts
from ictus.app.review import schema as review_schema
from ictus.app.review.engine import default_url
from ictus.app.review.log import Click, Decision, EventKey, EventState, event_states, standing_decisions
from ictus.app.review.store import ReviewStore, ReviewStoreError, open_store
from ictus.signals.errors import InputError
from sqlalchemy import event, text

RECORDING = RecordingFacts("ab" * 32, "208", "beat", 360.0, 300.0, ("MLII", "V1"), ("mV", "mV"))
MODEL = ModelFacts("beat.ictus", "0.1.0", "cd" * 32)
V_BEAT = EventKey("beat", 12.3456, 0.0, "V")
POINT = {"V": 0.5, "S": 0.62}

WRITER = """
import sys
from ictus.app.review.log import Click, EventKey
from ictus.app.review.store import open_store
from tests_of_reviews import MODEL, POINT, RECORDING
store = open_store(sys.argv[1])
review = store.begin_review(RECORDING, sys.argv[2], MODEL, POINT)
for i in range(int(sys.argv[3])):
    store.decide(review, EventKey("beat", float(i), 0.0, "V"), "confirm", Click(sys.argv[2], i), comment="x" * 500)
    print(i, flush=True)
"""


@pytest.fixture
def store(review_url: str):
    opened = open_store(review_url)
    yield opened
    opened.close()


def _review(store: ReviewStore, reviewer: str = "Dr A"):
    return store.begin_review(RECORDING, reviewer, MODEL, POINT)


def _writer(url: str, reviewer: str, n: int, tmp_path: Path) -> "subprocess.Popen[str]":
    """Another process that decides `n` times and prints the number of each decision once it is saved."""
    values = (
        f"from ictus.app.recording_facts import *\nMODEL={MODEL!r}\nRECORDING={RECORDING!r}\nPOINT={POINT!r}\n"
    )
    (tmp_path / "tests_of_reviews.py").write_text(values)
    command = [sys.executable, "-c", WRITER, url, reviewer, str(n)]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_a_decision_is_there_for_the_next_program_that_looks(review_url):
    first = open_store(review_url)
    said = first.decide(_review(first), V_BEAT, "relabel", Click("tab", 1), new_label="S", comment="broad?")
    first.close()
    second = open_store(review_url)
    assert second.log(RECORDING.sha256) == (said,)
    assert second.states(RECORDING.sha256)[EventKey("beat", 12.346, 0, "V")].label == "S"
    assert (said.model_sha256, said.operating_point, said.reviewer) == (MODEL.sha256, POINT, "Dr A")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.decided_at)
    assert second.recordings() == (RECORDING,)
    second.close()


def test_a_program_that_has_read_before_sees_what_another_one_adds(review_url):
    here, there = open_store(review_url), open_store(review_url)
    for i, action in enumerate(("confirm", "reject")):
        said = here.decide(_review(here), V_BEAT, action, Click("tab", i))
        assert there.log(RECORDING.sha256)[-1] == said
        assert there.states(RECORDING.sha256)[V_BEAT].decision_id == said.id
        assert there.log(RECORDING.sha256, said.id - 1) == (said,)
    there.undo(_review(there), Click("other", 1))
    assert here.states(RECORDING.sha256)[V_BEAT].verdict == "confirmed"
    here.close()
    there.close()


def test_the_same_click_saved_twice_is_one_decision(store):
    review = _review(store)
    first = store.decide(review, V_BEAT, "confirm", Click("tab", 1))
    assert store.decide(review, V_BEAT, "confirm", Click("tab", 1)) == first
    assert len(store.log(RECORDING.sha256)) == 1
    with pytest.raises(ValueError, match="already saved as a confirm"):
        store.decide(review, V_BEAT, "reject", Click("tab", 1))
    undone = store.undo(review, Click("tab", 2), V_BEAT)
    assert store.undo(review, Click("tab", 2), V_BEAT) == undone
    assert len(store.log(RECORDING.sha256)) == 2


def test_undo_appends_and_brings_the_decision_before_back(store):
    review, other = _review(store), _review(store, "Dr B")
    store.decide(review, V_BEAT, "confirm", Click("a", 1))
    store.decide(other, V_BEAT, "reject", Click("b", 1), comment="artefact")
    assert store.states(RECORDING.sha256)[V_BEAT].verdict == "rejected"
    store.undo(review, Click("a", 2), V_BEAT)
    state = store.states(RECORDING.sha256)[V_BEAT]
    assert (state.verdict, state.reviewer, state.comments) == ("confirmed", "Dr A", ())
    store.undo(review, Click("a", 3))
    assert store.states(RECORDING.sha256)[V_BEAT] == EventState.unreviewed(V_BEAT)
    assert store.undo(review, Click("a", 4)) is None
    assert [d.action for d in store.log(RECORDING.sha256)] == ["confirm", "reject", "undo", "undo"]


def test_undo_without_an_event_takes_back_ones_own_latest(store):
    review, other = _review(store), _review(store, "Dr B")
    run = EventKey("ventricular_run", 20.0, 3.0, "ventricular_run")
    store.decide(review, V_BEAT, "confirm", Click("a", 1))
    store.decide(other, run, "confirm", Click("b", 1))
    assert store.undo(review, Click("a", 2)).key == V_BEAT
    assert store.states(RECORDING.sha256)[run].verdict == "confirmed"


def test_a_comment_leaves_the_verdict(store):
    review = _review(store)
    store.decide(review, V_BEAT, "confirm", Click("a", 1))
    store.decide(
        review, V_BEAT, "comment", Click("a", 2), comment="  fusion\0 beat? \N{GREEK SMALL LETTER MU}\ud800 "
    )
    state = store.states(RECORDING.sha256)[V_BEAT]
    assert state.verdict == "confirmed"
    assert [c.text for c in state.comments] == ["fusion beat? \N{GREEK SMALL LETTER MU}?"]


def test_the_operating_point_is_saved_with_the_review(store):
    review = _review(store)
    assert _review(store) == review
    moved = store.begin_review(RECORDING, "Dr A", MODEL, POINT | {"V": 0.7})
    assert moved.id != review.id
    assert store.latest_review(RECORDING.sha256, "Dr A") == moved
    assert store.latest_review(RECORDING.sha256).operating_point["V"] == 0.7
    assert store.latest_review("00" * 32) is None
    assert store.decide(moved, V_BEAT, "confirm", Click("a", 1)).operating_point["V"] == 0.7


@pytest.mark.parametrize(
    ("action", "given", "message"),
    [("relabel", {}, "needs the new label"), ("comment", {"comment": " "}, "needs a text"),
     ("confirm", {"comment": "x" * 10_001}, "10001 letters are too many")],
)  # fmt: skip
def test_what_says_nothing_or_too_much_is_refused(store, action, given, message):
    with pytest.raises(InputError, match=message):
        store.decide(_review(store), V_BEAT, action, Click("a", 1), **given)
    assert store.log(RECORDING.sha256) == ()


def test_a_review_needs_a_name(store):
    with pytest.raises(InputError, match="reviewer's name"):
        _review(store, "  ")


def test_two_tabs_at_once_lose_nothing(store):
    tabs = [f"tab {i}" for i in range(4)]

    def press(tab: str) -> None:
        review = _review(store, tab)
        for i in range(10):
            store.decide(review, EventKey("beat", float(i), 0.0, "V"), "confirm", Click(tab, i))

    threads = [threading.Thread(target=press, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = store.log(RECORDING.sha256)
    assert {(d.click.client_id, d.click.sequence) for d in log} == {(t, i) for t in tabs for i in range(10)}
    assert len(log) == 40


def test_two_programs_at_once_lose_nothing(review_url, tmp_path):
    writers = [_writer(review_url, f"Dr {i}", 25, tmp_path) for i in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    for writer in writers:
        writer.stdout.close()
    store = open_store(review_url)
    log = store.log(RECORDING.sha256)
    store.close()
    assert sorted((d.reviewer, d.click.sequence) for d in log) == [
        (f"Dr {i}", k) for i in range(2) for k in range(25)
    ]
    assert [d.id for d in log] == sorted({d.id for d in log})


@pytest.mark.parametrize("n_before", [1, 17])
def test_a_program_killed_in_the_middle_of_saving_loses_at_most_one(review_url, tmp_path, n_before):
    writer = _writer(review_url, "Dr A", 100_000, tmp_path)
    for _ in range(n_before):
        writer.stdout.readline()
    time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    told = n_before + len(writer.stdout.readlines())
    writer.wait()
    writer.stdout.close()
    store = open_store(review_url)
    saved = [d.click.sequence for d in store.log(RECORDING.sha256)]
    assert saved == list(range(len(saved)))
    assert told <= len(saved) <= told + 1
    store.decide(_review(store), V_BEAT, "confirm", Click("after", 1))
    store.close()


def test_a_newer_database_is_refused_in_one_line(review_url):
    store = open_store(review_url)
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE ictus_schema SET version = 99"))
    store.close()
    with pytest.raises(InputError, match=r"version 99 of the review database; this ictus knows up to 1"):
        open_store(review_url)


def test_an_older_database_is_brought_up_to_date(review_url, monkeypatch):
    store = open_store(review_url)
    said = store.decide(_review(store), V_BEAT, "confirm", Click("a", 1))
    store.close()
    steps = [lambda c: c.execute(text("ALTER TABLE reviews ADD COLUMN site TEXT"))]
    monkeypatch.setattr(review_schema, "MIGRATIONS", steps)
    for _ in range(2):
        store = open_store(review_url)
        assert store.log(RECORDING.sha256) == (said,)
        with store._engine.begin() as connection:
            assert review_schema.stored_version(connection) == 2
            assert connection.execute(text("SELECT site FROM reviews")).all() == [(None,)]
        store.close()


def test_a_full_disk_is_told_in_one_line_and_nothing_is_half_saved(tmp_path):
    store = open_store(str(tmp_path / "r.sqlite"))
    review = _review(store)
    store.close()

    @event.listens_for(store._engine, "connect")
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 16").close()

    with pytest.raises(ReviewStoreError, match="the disk is full, nothing was saved") as caught:
        for i in range(100):
            store.decide(review, V_BEAT, "comment", Click("a", i), comment="x" * 5000)
    assert "\n" not in str(caught.value)
    saved = store.log(RECORDING.sha256)
    assert [d.click.sequence for d in saved] == list(range(len(saved)))
    store.close()


def test_a_file_that_may_only_be_read_is_told_in_one_line(tmp_path):
    store = open_store(str(tmp_path / "r.sqlite"))
    review = _review(store)
    store.close()
    event.listen(store._engine, "connect", lambda c, _: c.execute("PRAGMA query_only = ON").close())
    with pytest.raises(ReviewStoreError, match=r"r\.sqlite: the file may only be read, nothing was saved$"):
        store.decide(review, V_BEAT, "confirm", Click("a", 1))
    assert store.states(RECORDING.sha256) == {}
    store.close()


@pytest.mark.parametrize(
    ("where", "message"),
    [("mysql://u:secret@h/d", "SQLite or PostgreSQL"), ("sqlite://", "needs a file"), ("://", "no URL"),
     ("postgresql://u:secret@/d?host=/nowhere&connect_timeout=1", r"postgresql\+psycopg://u:\*\*\*@")],
)  # fmt: skip
def test_a_database_that_cannot_be_had_is_told_in_one_line_without_its_password(where, message):
    with pytest.raises(ReviewStoreError, match=message) as caught:
        open_store(where)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path):
    (tmp_path / "r.sqlite").write_text("recording,label\n" * 100)
    with pytest.raises(ReviewStoreError, match="not an SQLite database"):
        open_store(str(tmp_path / "r.sqlite"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ReviewStoreError, match=r"file"):
        open_store(str(tmp_path / "file" / "r.sqlite"))


def test_reviews_lie_in_the_users_data_folder_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("ICTUS_REVIEWS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Path(default_url()) == tmp_path / "ictus" / "reviews.sqlite"
    monkeypatch.setenv("ICTUS_REVIEWS", "postgresql://host/db")
    assert default_url() == "postgresql://host/db"


_KEYS = st.sampled_from([V_BEAT, EventKey("pause", 40.0, 2.5, "pause")])
_STEPS = st.lists(
    st.tuples(_KEYS, st.sampled_from(["confirm", "reject", "relabel", "comment", "undo"])), max_size=25
)


@given(_STEPS)
def test_the_state_is_that_of_the_last_decision_that_stands(steps):
    log: list[Decision] = []
    stacks: dict[EventKey, list[str]] = {}
    for i, (key, action) in enumerate(steps):
        undoes = None
        if action == "undo":
            standing = [d for d in standing_decisions(log) if d.key == key]
            if not standing:
                continue
            undoes = standing[-1].id
            stacks[key].pop()
        else:
            stacks.setdefault(key, []).append(action)
        new_label, comment = ("S" if action == "relabel" else ""), ("hm" if action == "comment" else "")
        click = Click("tab", i)
        log.append(Decision(i, 1, key, action, new_label, comment, undoes, "Dr A", "", "", {}, click))
    states = event_states(log)
    for key, stack in stacks.items():
        said = [a for a in stack if a != "comment"]
        verdict = {"confirm": "confirmed", "reject": "rejected", "relabel": "relabelled"}
        assert states[key].verdict == (verdict[said[-1]] if said else "unreviewed")
        assert states[key].label == ("S" if said and said[-1] == "relabel" else key.label)
        assert len(states[key].comments) == stack.count("comment")
