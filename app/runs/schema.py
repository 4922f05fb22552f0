"""The table of runs: in the database of the reviews, with a version of its own."""

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Float, Index, Integer, MetaData, String, Table, Text

from ..review.versions import Migration, bring_up_to_date, version_table

__all__ = ["MIGRATIONS", "RUNS", "RUNS_SCHEMA", "prepare_runs"]

RUNS_SCHEMA = MetaData()

_VERSION = version_table("ictus_runs_schema", RUNS_SCHEMA)

RUNS = Table(
    "runs",
    RUNS_SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("task", String(32), nullable=False),
    Column("command", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON
    Column("version", String(64), nullable=False),
    Column("code", String(64), nullable=False),
    Column("environment", Text, nullable=False),  # JSON
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),  # JSON, what tells the process from a later one of the same number
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32), nullable=True),
    Column("duration_s", Float(53), nullable=True),
    Column("status", Integer, nullable=True),
    Column("error", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON, name -> files and hash
    Column("splits", Text, nullable=False),  # JSON, name -> hash
    Column("seeds", Text, nullable=False),  # JSON
    Column("figures", Text, nullable=False),  # JSON, name -> number
    Column("files", Text, nullable=False),  # JSON, path -> hash
    Index("runs_of_kind", "kind", "task", "id"),
    sqlite_autoincrement=True,
)

MIGRATIONS: Sequence[Migration] = ()
"""Step i makes a table of version i + 1 one of version i + 2.

The version is not that of the reviews: a program that knows no runs goes on with the reviews beside them.
"""


def prepare_runs(connection: Connection, where: str) -> None:
    """Make the table, or bring it up to date; see `bring_up_to_date`."""
    bring_up_to_date(connection, where, "the table of runs", RUNS_SCHEMA, _VERSION, MIGRATIONS)
