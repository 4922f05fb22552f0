"""Records of runs in the database of the reviews: a line when a run begins, completed when it ends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, Row, select

from ...signals.errors import InputError
from ..review.engine import BUSY_S, default_url, make_engine, reading, writing
from .record import RunRecord, RunResult, RunStart
from .schema import RUNS, prepare_runs

__all__ = ["RunStore", "open_runs"]

_MOST_ROWS_AT_ONCE = 200


def open_runs(where: str | None = None, busy_s: int = BUSY_S) -> "RunStore":
    """Open the registry, and make it if it is not there.

    Parameters
    ----------
    where : as for `open_store` of the reviews
    busy_s : how long to wait for another writer, or for a server that does not answer

    Raises
    ------
    InputError
        The database cannot be opened or made, or its table of runs is of a newer version of the package.
    """
    engine, shown = make_engine(default_url() if where is None else where, busy_s)
    try:
        with writing(engine, shown) as connection:
            prepare_runs(connection, shown)
    except InputError:
        engine.dispose()
        raise
    return RunStore(engine, shown)


class RunStore:
    """The registry. Every method raises `ReviewStoreError` where the database cannot be reached.

    Attributes
    ----------
    where : its file, or its URL without the password
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine, self.where = engine, where

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def begin(self, start: RunStart) -> int:
        """Number of a run that begins now; its line is on the disk when this returns."""
        values = _columns(asdict(start)) | _columns(asdict(RunResult()))
        with writing(self._engine, self.where) as connection:
            return connection.execute(RUNS.insert().values(values).returning(RUNS.c.id)).scalar_one()

    def end(self, run_id: int, result: RunResult) -> None:
        """How a run ended; on the disk when this returns."""
        with writing(self._engine, self.where) as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(_columns(asdict(result))))

    def get(self, run_id: int) -> RunRecord:
        """One run.

        Raises
        ------
        InputError
            There is no run of this number.
        """
        with reading(self._engine, self.where) as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).one_or_none()
        if row is None:
            raise InputError(f"{self.where}: no run {run_id}; `ictus runs` lists them")
        return _record(row)

    def latest(
        self, limit: int | None = None, kind: str | None = None, task: str | None = None, since: str | None = None
    ) -> list[RunRecord]:
        """Runs, the latest first.

        Parameters
        ----------
        limit : how many at most
        kind, task : only these
        since : ISO 8601 in UTC; only what began then or later, by the clock of the computer it ran on
        """
        wanted = select(RUNS).order_by(RUNS.c.id.desc())
        for column, value in ((RUNS.c.kind, kind), (RUNS.c.task, task)):
            wanted = wanted if value is None else wanted.where(column == value)
        if since is not None:
            wanted = wanted.where(RUNS.c.started_at >= since)
        with reading(self._engine, self.where) as connection:
            rows = connection.execute(wanted if limit is None else wanted.limit(limit))
            return [_record(row) for part in rows.partitions(_MOST_ROWS_AT_ONCE) for row in part]


_AS_JSON = ("arguments", "environment", "process", "data", "splits", "seeds", "figures", "files")


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the table takes them: lists and tables as JSON, no letter that a database refuses."""
    return {name: _text(json.dumps(v) if name in _AS_JSON else v) for name, v in values.items()}


def _text(value: Any) -> Any:
    return value.replace("\0", "").encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _record(row: Row[Any]) -> RunRecord:
    found = {name: json.loads(v) if name in _AS_JSON else v for name, v in row._mapping.items()}
    run_id, found["seeds"] = found.pop("id"), tuple(found["seeds"])
    return RunRecord(run_id, _part(RunStart, found), _part(RunResult, found))


def _part(kind: type[Any], found: Mapping[str, Any]) -> Any:
    names: Sequence[str] = list(kind.__dataclass_fields__)
    return kind(**{name: found[name] for name in names})
