"""The connection to the review database: SQLite in a file, or a PostgreSQL server; errors as one line."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ...signals.errors import InputError

__all__ = ["BUSY_S", "ReviewStoreError", "clear_errors", "default_url", "make_engine", "reading", "writing"]

BUSY_S = 20
"""How long a writer waits for another one before it gives up."""

_FILE_NAME = "reviews.sqlite"
_READS = "ictus_reads"
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


class ReviewStoreError(InputError):
    """The review database cannot be read or written."""


def default_url() -> str:
    r"""``$ICTUS_REVIEWS``, a URL or the path of a file; else a file in the user's data folder.

    That is ``$XDG_DATA_HOME/ictus`` or ``~/.local/share/ictus``; ``~/Library/Application Support/ictus`` on macOS;
    ``%LOCALAPPDATA%\ictus`` on Windows.
    """
    return os.environ.get("ICTUS_REVIEWS") or str(_data_folder() / _FILE_NAME)


def _data_folder() -> Path:
    if os.environ.get("XDG_DATA_HOME"):
        return Path(os.environ["XDG_DATA_HOME"]) / "ictus"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "ictus"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ictus"
    return Path.home() / ".local" / "share" / "ictus"


def make_engine(where: str, busy_s: int = BUSY_S) -> tuple[Engine, str]:
    """Engine for a URL or the path of an SQLite file, and its name to show: without a password.

    Parameters
    ----------
    busy_s : how long to wait for another writer, or for a server that does not answer

    Raises
    ------
    ReviewStoreError
        No such kind of database, or the folder of the file cannot be made.
    """
    url = _url(where)
    if url.get_backend_name() == "sqlite":
        shown = url.database or ":memory:"
        _make_folder(Path(shown))
        engine = create_engine(url, connect_args={"timeout": busy_s})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine, shown
    options = {"connect_timeout": busy_s} if "connect_timeout" not in url.query else {}
    engine = create_engine(url, connect_args=options, pool_pre_ping=True)
    return engine, url.render_as_string(hide_password=True)


def _url(where: str) -> URL:
    if "://" not in where:
        return URL.create("sqlite", database=str(Path(where).expanduser().absolute()))
    try:
        url = make_url(where)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ReviewStoreError("the address of the review database is no URL and no path of a file") from error
    if backend == "sqlite":
        if not url.database or url.database == ":memory:" or url.query:
            raise ReviewStoreError("an SQLite review database needs a file: sqlite:////folder/reviews.sqlite")
        return URL.create("sqlite", database=str(Path(url.database).absolute()))
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    raise ReviewStoreError(f"reviews are kept in SQLite or PostgreSQL, not in {url.drivername!r}")


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReviewStoreError(f"{error.filename or path}: {error.strerror or error}") from error


def _set_up_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Readers beside a writer (WAL), every commit on the disk (FULL), and transactions begun by hand."""
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine, where: str) -> Iterator[Connection]:
    """A transaction that is kept as a whole when the block ends without an error; on SQLite the only writer."""
    with clear_errors(where), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine, where: str) -> Iterator[Connection]:
    """A transaction that only reads and waits for nobody."""
    with clear_errors(where), engine.connect().execution_options(**{_READS: True}) as connection:
        yield connection


@contextmanager
def clear_errors(where: str) -> Iterator[None]:
    """What the database says, as one line.

    Raises
    ------
    ReviewStoreError
    """
    try:
        yield
    except DBAPIError as error:
        raise ReviewStoreError(f"{where}: {_reason(error.orig)}") from error
    except SQLAlchemyError as error:
        raise ReviewStoreError(f"{where}: {_first_line(error)}") from error


def _reason(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    reasons = {
        sqlite3.SQLITE_FULL: "the disk is full, nothing was saved",
        sqlite3.SQLITE_READONLY: "the file may only be read, nothing was saved",
        sqlite3.SQLITE_BUSY: "another program is writing and did not let go, nothing was saved",
        sqlite3.SQLITE_CANTOPEN: "the file cannot be opened or made",
        sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
        sqlite3.SQLITE_CORRUPT: "the database is damaged",
    }
    return reasons.get(code) or _first_line(error)


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
