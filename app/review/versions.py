"""Tables that know their version: made where there are none, brought up to date where they are older."""

from collections.abc import Callable, Sequence

from sqlalchemy import Column, Connection, Integer, MetaData, Table, inspect, select

from ...signals.errors import InputError

__all__ = ["Migration", "bring_up_to_date", "stored_version", "version_table"]

Migration = Callable[[Connection], None]

_POSTGRESQL_LOCK = 0x1C705
"""Any number, the same for all: of two programs that find an empty database only one makes the tables."""


def version_table(name: str, schema: MetaData) -> Table:
    """The table of one number that says how far the other tables of `schema` are."""
    return Table(name, schema, Column("version", Integer, nullable=False))


def bring_up_to_date(
    connection: Connection,
    where: str,
    what: str,
    schema: MetaData,
    version: Table,
    migrations: Sequence[Migration],
) -> None:
    """Make the tables where there are none, or bring those of an older version up to date.

    Parameters
    ----------
    connection : in a transaction that others wait for (SQLite: begun with IMMEDIATE)
    where, what : name of the database, and what the tables are, for the message
    migrations : step i makes tables of version i + 1 those of version i + 2

    Raises
    ------
    InputError
        The tables were written by a newer version of the package.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
    latest, found = len(migrations) + 1, stored_version(connection, version)
    if found is None:
        schema.create_all(connection)
        connection.execute(version.insert().values(version=latest))
        return
    if found > latest:
        raise InputError(f"{where}: version {found} of {what}; this ictus knows up to {latest}")
    for migrate in migrations[found - 1 :]:
        migrate(connection)
    if found < latest:
        connection.execute(version.update().values(version=latest))


def stored_version(connection: Connection, version: Table) -> int | None:
    """Version of the tables, None where there are none."""
    if not inspect(connection).has_table(version.name):
        return None
    return connection.execute(select(version.c.version)).scalar_one()
