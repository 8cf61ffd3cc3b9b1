"""The two engines: what a connection to SQLite or PostgreSQL needs, however its URL was written, and when
the database is to blame for an error.

Not known here: tables, transactions, threads.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.ports import CannotStart, StoreDown

READERS = 4


def normal(url: str) -> URL:
    """The URL with the driver we use, however people write it. Raises `CannotStart`."""
    try:
        where = make_url(url)
    except ArgumentError as error:
        raise CannotStart("DATABASE_URL is no address such as postgresql://user@host/name.") from error
    backend = where.get_backend_name()
    if backend == "sqlite":
        if not where.database or where.database == ":memory:":
            raise CannotStart("SQLite needs a file here, for example sqlite:///data/delegate.db.")
        return where.set(drivername="sqlite+pysqlite")
    if backend in ("postgres", "postgresql"):
        query = {"ssl" if name == "sslmode" else name: value for name, value in where.query.items()}
        return where.set(drivername="postgresql+asyncpg", query=query)
    raise CannotStart(f"The database is SQLite or PostgreSQL, not {backend}.")


def sqlite_engine(url: URL, wait_seconds: float, begin: str) -> Engine:
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        connect_args={"timeout": wait_seconds},
        pool_size=READERS,
        max_overflow=0,
        hide_parameters=True,  # what people wrote belongs in no error message
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own
        _write_ahead(connection, wait_seconds)
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _write_ahead(connection: Any, wait_seconds: float) -> None:
    """The one lock that SQLite's own time limit does not wait for: of several who make the same file, the
    others are refused at once while one switches its journal. Once it is switched, this changes nothing."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def postgres_engine(url: URL, wait_seconds: float, **pool: Any) -> AsyncEngine:
    return create_async_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,  # the first transaction after a restart of the server should not fail
        pool_timeout=wait_seconds,
        connect_args={
            "timeout": wait_seconds,
            "command_timeout": 4 * wait_seconds,  # a server that stopped without a word
            "server_settings": {"application_name": "delegate", "lock_timeout": f"{wait_seconds * 1000:.0f}"},
        },
        **pool,
    )


@contextmanager
def blaming() -> Iterator[None]:
    """Makes `StoreDown` of what the database did. Lets pass what is wrong with a statement or its values,
    and two transactions that met in a deadlock: that is worth another try."""
    try:
        yield
    except DBAPIError as error:
        code = str(getattr(error.orig, "sqlstate", None) or "")
        own = isinstance(error, (IntegrityError, DataError, ProgrammingError))
        if own or code[:2] in ("22", "23", "40", "42"):
            raise
        raise StoreDown(f"The database failed: {error.orig}") from error
    except StatementError:
        raise
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        why = str(error) or "it did not answer in time"
        raise StoreDown(f"The database cannot be reached: {why}") from error
