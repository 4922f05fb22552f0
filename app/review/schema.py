"""The tables of the review database, and how an older database becomes one of today."""

from collections.abc import Sequence

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from . import versions
from .versions import Migration, bring_up_to_date

__all__ = ["DECISIONS", "MIGRATIONS", "RECORDINGS", "REVIEWS", "SCHEMA", "prepare", "stored_version"]

SCHEMA = MetaData()

_VERSION = versions.version_table("ictus_schema", SCHEMA)

RECORDINGS = Table(
    "recordings",
    SCHEMA,
    Column("sha256", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("task", String(32), nullable=False),
    Column("fs_hz", Float(53), nullable=False),
    Column("duration_s", Float(53), nullable=False),
    Column("channels", Text, nullable=False),  # JSON, pairs of name and unit
    Column("first_seen_at", String(32), nullable=False),
)

REVIEWS = Table(
    "reviews",
    SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("recording_sha256", ForeignKey("recordings.sha256"), nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("model_name", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("operating_point", Text, nullable=False),  # JSON, kind of event -> threshold
    Column("started_at", String(32), nullable=False),
    Index("reviews_of_recording", "recording_sha256", "id"),
    sqlite_autoincrement=True,
)

DECISIONS = Table(
    "decisions",
    SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("review_id", ForeignKey("reviews.id"), nullable=False),
    Column("recording_sha256", ForeignKey("recordings.sha256"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("onset_s", Float(53), nullable=False),
    Column("duration_s", Float(53), nullable=False),
    Column("label", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("new_label", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("undoes", ForeignKey("decisions.id"), nullable=True),
    Column("reviewer", Text, nullable=False),
    Column("decided_at", String(32), nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("operating_point", Text, nullable=False),
    Column("client_id", String(64), nullable=False),
    Column("sequence", Integer, nullable=False),
    UniqueConstraint("client_id", "sequence", name="one_decision_per_click"),
    Index("decisions_of_recording", "recording_sha256", "id"),
    sqlite_autoincrement=True,
)

MIGRATIONS: Sequence[Migration] = ()
"""Step i makes a database of version i + 1 one of version i + 2; a new database is made as `SCHEMA` says."""


def prepare(connection: Connection, where: str) -> None:
    """Make the tables of an empty database, or bring those of an older version up to date.

    Parameters
    ----------
    connection : in a transaction that others wait for (SQLite: begun with IMMEDIATE)
    where : name of the database, for the message

    Raises
    ------
    InputError
        The database was written by a newer version of the package.
    """
    bring_up_to_date(connection, where, "the review database", SCHEMA, _VERSION, MIGRATIONS)


def stored_version(connection: Connection) -> int | None:
    """Version of the database's tables, None for one without them."""
    return versions.stored_version(connection, _VERSION)
