"""Where statements run.

Work is a plain function of a synchronous `Connection`. On SQLite it runs in a thread with the plain driver,
so that a transaction of many statements costs one hop between threads (an async driver pays several per
statement); on PostgreSQL it runs over asyncpg with `run_sync`. Writing on SQLite is one connection in one
thread, every transaction `BEGIN IMMEDIATE`: one that reads first and locks later loses updates silently.

Not known here: tables, runs, who asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.engines import READERS, blaming, normal, postgres_engine, sqlite_engine
from bot.schema import check, upgrade

__all__ = ["Database", "check", "normal", "open_database", "upgrade"]

WRITERS = 2
T = TypeVar("T")


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
    """Transactions take their turns here, and not in the pool of connections: whoever waits there can be
    overtaken again and again; under a load some failed for want of a connection, the server being well."""

    def __init__(self, url: URL, wait_seconds: float) -> None:
        self._writing = postgres_engine(url, wait_seconds, pool_size=1, max_overflow=WRITERS - 1)
        # Each statement sees what is committed by then, in a transaction or not: this saves round trips.
        self._reading = postgres_engine(
            url, wait_seconds, pool_size=READERS, max_overflow=0, isolation_level="AUTOCOMMIT"
        )
        self._writers, self._readers = asyncio.Semaphore(WRITERS), asyncio.Semaphore(READERS)
        self._turn_seconds = 4 * wait_seconds  # as long as one statement may take

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self._in(self._writers, self._writing, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._in(self._readers, self._reading, work)

    async def _in(self, turns: asyncio.Semaphore, engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        with blaming():
            async with asyncio.timeout(self._turn_seconds):
                await turns.acquire()
            try:
                async with engine.begin() as connection:
                    return await connection.run_sync(work)
            finally:
                turns.release()

    async def close(self) -> None:
        await self._writing.dispose()
        await self._reading.dispose()
