"""Where statements run: one place that knows SQLite from PostgreSQL.

Work is a plain function of a synchronous `Connection`. On SQLite it runs in a thread with the plain driver,
so that a transaction of many statements costs one hop between threads (an async driver pays several per
statement); on PostgreSQL it runs over asyncpg with `run_sync`. Writing on SQLite is one connection in one
thread, every transaction `BEGIN IMMEDIATE`: one that reads first and locks later loses updates silently.

Not known here: tables, runs, who asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.ports import StoreDown

T = TypeVar("T")
READERS = 4


class Database(Protocol):
    """`StoreDown` when the database is to blame; other exceptions are the statement's own fault."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Runs the work in one transaction of its own, committed when this returns."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs the work on another connection, which sees what is committed."""
        ...

    async def close(self) -> None: ...


def open_database(url: str, *, wait_seconds: float = 5.0) -> Database:
    """`wait_seconds`: how long a transaction waits for somebody else's lock before it is `StoreDown`."""
    where = normal(url)
    return (
        Sqlite(where, wait_seconds) if where.get_backend_name() == "sqlite" else Postgres(where, wait_seconds)
    )


def normal(url: str) -> URL:
    """The URL with the driver we use, however people write it. Raises `ValueError` with a sentence."""
    where = make_url(url)
    backend = where.get_backend_name()
    if backend == "sqlite":
        if not where.database or where.database == ":memory:":
            raise ValueError("SQLite needs a file here, for example sqlite:///data/delegate.db.")
        return where.set(drivername="sqlite+pysqlite")
    if backend in ("postgres", "postgresql"):
        return where.set(drivername="postgresql+asyncpg")
    raise ValueError(f"The database is SQLite or PostgreSQL, not {backend}.")


class Sqlite:
    def __init__(self, url: URL, wait_seconds: float) -> None:
        self._writing = sqlite_engine(url, wait_seconds, "BEGIN IMMEDIATE")
        self._reading = sqlite_engine(url, wait_seconds, "BEGIN")
        self._writer = ThreadPoolExecutor(1, "store-write")
        self._readers = ThreadPoolExecutor(READERS, "store-read")

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._in(self._writer, self._writing, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._in(self._readers, self._reading, work)

    async def _in(self, threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with engine.begin() as connection:
                return work(connection)

        with blaming():
            return await asyncio.get_running_loop().run_in_executor(threads, transaction)

    async def close(self) -> None:
        for threads, engine in ((self._writer, self._writing), (self._readers, self._reading)):
            await asyncio.to_thread(threads.shutdown)
            engine.dispose()


class Postgres:
    def __init__(self, url: URL, wait_seconds: float) -> None:
        self._writing = postgres_engine(url, wait_seconds, pool_size=1, max_overflow=1)
        self._reading = postgres_engine(url, wait_seconds, pool_size=READERS, max_overflow=0)

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._in(self._writing, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._in(self._reading, work)

    async def _in(self, engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        with blaming():
            async with engine.begin() as connection:
                return await connection.run_sync(work)

    async def close(self) -> None:
        await self._writing.dispose()
        await self._reading.dispose()


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
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


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
        raise StoreDown(f"The database cannot be reached: {error}") from error
