"""The spellings in which SQLite and PostgreSQL differ, for all statements of the store."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> postgresql.Insert:
    """An insert that knows `ON CONFLICT`, which SQLite understands in PostgreSQL's words."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)  # type: ignore[return-value]  # the same methods, no common base
    return postgresql.insert(table)


def alone(connection: Connection, name: str) -> None:
    """Whoever names the same waits until our transaction is over, where there is no row yet (or no single
    one) that could be locked. On SQLite every transaction that writes is alone anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
