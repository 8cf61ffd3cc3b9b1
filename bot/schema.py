"""Brings a database to the tables this code wants (`migrations/`), and says whether it is there.

Safe in several processes at once: the whole upgrade is one transaction, behind an advisory lock on
PostgreSQL and `BEGIN IMMEDIATE` on SQLite, and who comes second finds nothing left to do. A bot of the
version before may start on what a newer one has upgraded. Works with an event loop running or not.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TypeVar

import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from bot.engines import blaming, normal, postgres_engine, sqlite_engine

log = structlog.get_logger(__name__)

T = TypeVar("T")
SCRIPTS = Path(__file__).parent.parent / "migrations"
LOCK = 0x0DE1E6A7E  # any number that is ours alone
WAIT_SECONDS = 60.0
_one_at_a_time = Lock()  # Alembic keeps its context in a global


def upgrade(url: str) -> bool:
    """False: a newer version has been here, and all is left as it is. Migrations only add, so code of the
    version before works on it. Raises `StoreDown` when the database cannot be reached."""
    try:
        with _one_at_a_time:
            command.upgrade(_config(url), "head")
    except CommandError as error:
        if not _is_newer(error):
            raise
        log.warning("the database is of a newer version than this code, which goes on with it")
        return False
    return True


def check(url: str) -> str:
    """Empty when the database has the tables of this code; else a sentence for the operator."""
    try:
        with _one_at_a_time:
            command.check(_config(url))
    except CommandError as error:
        if _is_newer(error):
            return "The database is of a newer version than this code, which can go on with it for now."
        return f"The database does not fit this version: {error} Run `python -m bot migrate`."
    return ""


def _is_newer(error: CommandError) -> bool:
    """It stands at a revision that this code has never heard of."""
    return isinstance(error.__cause__, ResolutionError)


def head() -> str:
    """The newest revision this code knows."""
    return str(ScriptDirectory(str(SCRIPTS)).get_current_head())


def in_transaction(url: str, work: Callable[[Connection], T]) -> T:
    """Runs the work alone: nobody else upgrades this database meanwhile."""
    # In a thread of its own, since a loop may be running in the caller's.
    with blaming(), ThreadPoolExecutor(1, "migrate") as thread:
        return thread.submit(_in_transaction, url, work).result()


def _in_transaction(url: str, work: Callable[[Connection], T]) -> T:
    where = normal(url)
    if where.get_backend_name() == "sqlite":
        engine = sqlite_engine(where, WAIT_SECONDS, "BEGIN IMMEDIATE")
        try:
            with engine.begin() as connection:
                return work(connection)
        finally:
            engine.dispose()

    async def over_asyncpg() -> T:
        engine = postgres_engine(where, WAIT_SECONDS)
        try:
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return asyncio.run(over_asyncpg())


def _config(url: str) -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["url"] = url
    return config
