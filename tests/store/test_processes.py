"""More than one process on one database: nothing is lost, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing

import pytest

from bot.database import open_database
from bot.ports import StoreDown
from bot.run import PlanMade
from bot.store import Store
from tests.core.plans import chain
from tests.store.conftest import Now
from tests.store.contend import contend
from tests.store.stories import begun, happen

TIMES = 50


async def test_two_processes_that_read_and_then_write_lose_nothing(store: Store, url: str) -> None:
    run = await begun(store)
    command = [sys.executable, "-m", "tests.store.contend", url, "r1", str(TIMES)]
    other = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"ready\n"
    await contend(url, "r1", TIMES)
    assert await other.wait() == 0
    after = await store.runs.load("T1", "r1", fresh=True)
    assert after is not None
    assert len(after.title) == 2 * TIMES
    assert after.version == run.version + 2 * TIMES


async def test_a_database_locked_for_a_moment_is_waited_for(sqlite_url: str) -> None:
    store = Store(sqlite_url, Now())
    with locked(sqlite_url) as blocker:
        saving = asyncio.create_task(begun(store))
        await asyncio.sleep(0.3)
        assert not saving.done()
        blocker.rollback()
        assert (await saving).status == "working"
    await store.close()


async def test_a_database_locked_too_long_refuses_and_loses_nothing(sqlite_url: str) -> None:
    store = Store(open_database(sqlite_url, wait_seconds=0.3), Now())
    run = await begun(store)
    with locked(sqlite_url) as blocker:
        plan = PlanMade(1, chain("a"))
        refused = await asyncio.gather(
            happen(store, run, plan),
            store.inbox.put("T1", ["e1"], "{}"),
            store.messages.claim("T1", "r1", "plan", "C1"),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, StoreDown) for outcome in refused)
        assert await store.runs.load("T1", "r1") == run  # reading goes on meanwhile
        blocker.rollback()
    assert await store.inbox.put("T1", ["e1"], "{}") is not None  # it was not remembered as seen
    assert await store.messages.claim("T1", "r1", "plan", "C1")
    assert (await happen(store, run, plan)).version == run.version + 1
    await store.close()


async def test_a_full_disk_refuses_and_loses_nothing(sqlite_url: str) -> None:
    store = Store(sqlite_url, Now())
    run = await begun(store)
    pages = await store.database.write(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())
    await store.database.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(StoreDown, match="full"):
        await store.inbox.put("T1", ["e1"], "x" * 1_000_000)
    await store.database.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages + 1_000}"))
    assert await store.inbox.put("T1", ["e1"], "x" * 1_000_000) is not None
    assert await store.runs.load("T1", "r1", fresh=True) == run
    await store.close()


def locked(url: str) -> closing[sqlite3.Connection]:
    blocker = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    return closing(blocker)


async def test_a_server_that_is_not_there_is_said_so() -> None:
    store = Store("postgresql://nobody@127.0.0.1:9/none", Now())
    with pytest.raises(StoreDown, match="cannot be reached"):
        await store.ping()
    with pytest.raises(StoreDown):
        await store.inbox.put("T1", ["e1"], "{}")
    await store.close()


async def test_a_connection_that_broke_is_replaced(postgres: str, now: Now) -> None:
    store = Store(postgres, now)
    await store.inbox.put("T9", ["broken"], "{}")
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await store.database.read(lambda c: c.exec_driver_sql(kill))
    assert await store.inbox.put("T9", ["broken"], "{}") is None
    await store.close()
