"""Reviews in a database: every decision a line that is never changed, saved when `decide` returns.

SQLite in a file by default, PostgreSQL by URL. Two tabs or two programs may write at once: their lines come one
after the other, and the state of each event follows from all of them (`log.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, select
from sqlalchemy.dialects import postgresql, sqlite

from ...signals.errors import InputError
from ..recording_facts import ModelFacts, RecordingFacts
from .engine import ReviewStoreError, default_url, make_engine, reading, writing
from .log import ACTIONS, Click, Decision, EventKey, EventState, event_states, standing_decisions
from .schema import DECISIONS, RECORDINGS, REVIEWS, prepare

__all__ = ["Review", "ReviewStore", "ReviewStoreError", "default_url", "open_store"]

_MOST_LETTERS = {"reviewer": 200, "new_label": 200, "comment": 10_000}


@dataclass(frozen=True)
class Review:
    """One reviewer at one recording, with one model at one operating point.

    Attributes
    ----------
    operating_point : kind of event -> threshold
    started_at : ISO 8601 in UTC
    """

    id: int
    recording_sha256: str
    reviewer: str
    model: ModelFacts
    operating_point: Mapping[str, float]
    started_at: str


def open_store(where: str | None = None) -> "ReviewStore":
    """Open the review database, and make it if it is not there.

    Parameters
    ----------
    where : path of an SQLite file, or URL (``sqlite:///``, ``postgresql://``); None is `default_url`

    Raises
    ------
    InputError
        The database cannot be opened or made, or was written by a newer version of the package.
    """
    engine, shown = make_engine(default_url() if where is None else where)
    try:
        with writing(engine, shown) as connection:
            prepare(connection, shown)
    except InputError:
        engine.dispose()
        raise
    return ReviewStore(engine, shown)


class ReviewStore:
    """The database; threads may share it. Every method raises `ReviewStoreError` where it cannot be reached.

    Attributes
    ----------
    where : its file, or its URL without the password
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine, self.where = engine, where
        self._logs: dict[str, tuple[Decision, ...]] = {}  # what was read of each recording's log; it only grows
        self._states: dict[
            str, tuple[int, dict[EventKey, EventState]]
        ] = {}  # and what followed from how much of it

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def begin_review(
        self, recording: RecordingFacts, reviewer: str, model: ModelFacts, operating_point: Mapping[str, float]
    ) -> Review:
        """The review to decide in: the latest one of this reviewer, or a new one where model or operating point
        have changed.

        Raises
        ------
        InputError
            The reviewer has no name.
        """
        reviewer = _text("reviewer", reviewer)
        if not reviewer:
            raise InputError("a review needs the reviewer's name")
        point = _point_json(operating_point)
        with writing(self._engine, self.where) as connection:
            _add_recording(connection, recording)
            latest = _latest_review(connection, recording.sha256, reviewer)
            if latest is not None and (latest.model, _point_json(latest.operating_point)) == (model, point):
                return latest
            values = {
                "recording_sha256": recording.sha256,
                "reviewer": reviewer,
                **{f"model_{name}": value for name, value in asdict(model).items()},
                "operating_point": point,
                "started_at": _now(),
            }
            row = connection.execute(REVIEWS.insert().values(values).returning(*REVIEWS.c)).one()
            return _review(row)

    def latest_review(self, recording_sha256: str, reviewer: str | None = None) -> Review | None:
        """The last review of a recording that was begun, by anybody or by one reviewer; None if there is none."""
        with reading(self._engine, self.where) as connection:
            return _latest_review(connection, recording_sha256, reviewer)

    def decide(
        self, review: Review, key: EventKey, action: str, click: Click, *, new_label: str = "", comment: str = ""
    ) -> Decision:
        """Save a decision; it is on the disk when this returns.

        Parameters
        ----------
        action : ``confirm``, ``reject``, ``relabel`` or ``comment``
        click : a second save of the same click gives the decision that the first one made
        new_label : of a relabel
        comment : of any action

        Raises
        ------
        InputError
            A relabel without a label, a comment without a text, or a text that is too long.
        ValueError
            No such action, or the click was already used for something else.
        """
        if action not in ACTIONS or action == "undo":
            raise ValueError(f"{action!r} is no decision; there are {', '.join(ACTIONS[:-1])}")
        new_label, comment = _text("new_label", new_label), _text("comment", comment)
        if action == "relabel" and not new_label:
            raise InputError("a relabel needs the new label")
        if action == "comment" and not comment:
            raise InputError("a comment needs a text")
        said = {"action": action, "new_label": new_label if action == "relabel" else "", "comment": comment}
        with writing(self._engine, self.where) as connection:
            _await_turn(connection, review)
            saved = _saved(connection, click, said | asdict(key))
            return saved or _append(connection, review, key, click, said)

    def undo(self, review: Review, click: Click, key: EventKey | None = None) -> Decision | None:
        """Take the latest decision back that still stands; the undo is a line of its own.

        Parameters
        ----------
        click : as for `decide`
        key : whose decision, by whomever it is; None: this reviewer's latest in the recording

        Returns
        -------
        the line of the undo; None if there is nothing to take back
        """
        with writing(self._engine, self.where) as connection:
            _await_turn(connection, review)
            saved = _saved(connection, click, {"action": "undo"})
            if saved is not None:
                return saved
            standing = standing_decisions(self._whole_log(connection, review.recording_sha256))
            own = [d for d in standing if (d.key == key if key else d.reviewer == review.reviewer)]
            last = own[-1] if own else None
            if last is None:
                return None
            said = {"action": "undo", "new_label": "", "comment": "", "undoes": last.id}
            return _append(connection, review, last.key, click, said)

    def log(self, recording_sha256: str, after_id: int = 0) -> tuple[Decision, ...]:
        """Decisions on a recording in the order in which they were saved, those up to line `after_id` left out."""
        with reading(self._engine, self.where) as connection:
            whole = self._whole_log(connection, recording_sha256)
        return tuple(d for d in whole if d.id > after_id) if after_id else whole

    def states(self, recording_sha256: str) -> dict[EventKey, EventState]:
        """State of every event of a recording that somebody decided on."""
        log = self.log(recording_sha256)
        n_read, states = self._states.get(recording_sha256, (0, {}))
        if n_read != len(log):
            states = event_states(log)
            self._states[recording_sha256] = len(log), states
        return dict(states)

    def recordings(self) -> tuple[RecordingFacts, ...]:
        """Recordings that were reviewed, in the order in which they were first seen."""
        wanted = select(RECORDINGS).order_by(RECORDINGS.c.first_seen_at, RECORDINGS.c.sha256)
        with reading(self._engine, self.where) as connection:
            return tuple(map(_recording, connection.execute(wanted)))

    def _whole_log(self, connection: Connection, recording_sha256: str) -> tuple[Decision, ...]:
        """Only what is new is read: a recording's lines are numbered in the order in which they are committed."""
        known = self._logs.get(recording_sha256, ())
        whole = known + _log(connection, recording_sha256, known[-1].id if known else 0)
        self._logs[recording_sha256] = whole
        return whole


def _add_recording(connection: Connection, recording: RecordingFacts) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = asdict(recording) | {"first_seen_at": _now()}
    values["channels"] = json.dumps(list(zip(recording.channels, recording.units, strict=True)))
    del values["units"]
    connection.execute(insert(RECORDINGS).values(values).on_conflict_do_nothing())


def _await_turn(connection: Connection, review: Review) -> None:
    """One writer of a recording at a time, so that lines are numbered in the order in which they are committed."""
    wanted = select(RECORDINGS.c.sha256).where(RECORDINGS.c.sha256 == review.recording_sha256)
    if connection.execute(wanted.with_for_update()).first() is None:
        raise ValueError(f"review {review.id} belongs to another database")


def _saved(connection: Connection, click: Click, said: Mapping[str, Any]) -> Decision | None:
    """What an earlier save of the same click made."""
    is_same = (DECISIONS.c.client_id == click.client_id) & (DECISIONS.c.sequence == click.sequence)
    row = connection.execute(select(DECISIONS).where(is_same)).one_or_none()
    if row is None:
        return None
    if any(getattr(row, name) != value for name, value in said.items()):
        raise ValueError(f"click {click.sequence} of {click.client_id} was already saved as a {row.action}")
    return _decision(row)


def _append(
    connection: Connection, review: Review, key: EventKey, click: Click, said: Mapping[str, Any]
) -> Decision:
    values = {
        "review_id": review.id,
        "recording_sha256": review.recording_sha256,
        **asdict(key),
        **said,
        "reviewer": review.reviewer,
        "decided_at": _now(),
        "model_sha256": review.model.sha256,
        "operating_point": _point_json(review.operating_point),
        **asdict(click),
    }
    return _decision(connection.execute(DECISIONS.insert().values(values).returning(*DECISIONS.c)).one())


def _log(connection: Connection, recording_sha256: str, after_id: int) -> tuple[Decision, ...]:
    wanted = select(DECISIONS).where(DECISIONS.c.recording_sha256 == recording_sha256, DECISIONS.c.id > after_id)
    return tuple(map(_decision, connection.execute(wanted.order_by(DECISIONS.c.id))))


def _latest_review(connection: Connection, recording_sha256: str, reviewer: str | None) -> Review | None:
    wanted: Select[Any] = select(REVIEWS).where(REVIEWS.c.recording_sha256 == recording_sha256)
    if reviewer is not None:
        wanted = wanted.where(REVIEWS.c.reviewer == reviewer)
    row = connection.execute(wanted.order_by(REVIEWS.c.id.desc()).limit(1)).first()
    return None if row is None else _review(row)


def _review(row: Row[Any]) -> Review:
    model = ModelFacts(row.model_name, row.model_version, row.model_sha256)
    point = json.loads(row.operating_point)
    return Review(row.id, row.recording_sha256, row.reviewer, model, point, row.started_at)


def _recording(row: Row[Any]) -> RecordingFacts:
    channels: Sequence[tuple[str, str]] = json.loads(row.channels)
    names, units = (tuple(column) for column in zip(*channels, strict=True))
    return RecordingFacts(row.sha256, row.name, row.task, row.fs_hz, row.duration_s, names, units)


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        id=row.id,
        review_id=row.review_id,
        key=EventKey(row.kind, row.onset_s, row.duration_s, row.label),
        action=row.action,
        new_label=row.new_label,
        comment=row.comment,
        undoes=row.undoes,
        reviewer=row.reviewer,
        decided_at=row.decided_at,
        model_sha256=row.model_sha256,
        operating_point=json.loads(row.operating_point),
        click=Click(row.client_id, row.sequence),
    )


def _text(name: str, text: str) -> str:
    """A text that every database takes: no NUL, no lone surrogate."""
    text = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()
    if len(text) > _MOST_LETTERS[name]:
        raise InputError(f"{name}: {len(text)} letters are too many (at most {_MOST_LETTERS[name]})")
    return text


def _point_json(operating_point: Mapping[str, float]) -> str:
    return json.dumps({kind: float(operating_point[kind]) for kind in sorted(operating_point)}, allow_nan=False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
