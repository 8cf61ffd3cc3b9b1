"""The one spelling in which SQLite and PostgreSQL differ, for all statements of the store."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> postgresql.Insert:
    """An insert that knows `ON CONFLICT`, which SQLite understands in PostgreSQL's words."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)  # type: ignore[return-value]  # the same methods, no common base
    return postgresql.insert(table)
