"""Migrations: the same tables on both databases, brought there once however many ask."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import make_url, text

from bot import database
from bot.decide import decide, tasks
from bot.engines import sqlite_engine
from bot.ports import CannotStart
from bot.run import StopAsked
from bot.schema import head
from bot.store import Store
from tests.services import postgres_database
from tests.store.conftest import Now

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/made/on the way/%delegate.db"
    else:
        with postgres_database() as url:
            yield url


def test_an_empty_database_is_brought_to_what_the_code_wants(empty: str) -> None:
    assert "python -m bot migrate" in database.check(empty)
    database.upgrade(empty)
    assert database.check(empty) == ""
    database.upgrade(empty)
    assert database.check(empty) == ""


async def test_a_version_starts_on_what_a_newer_one_has_upgraded(empty: str) -> None:
    assert database.upgrade(empty)
    store = Store(empty, Now())
    await store.database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = 'newer'")))
    await store.close()
    assert not await asyncio.to_thread(database.upgrade, empty)
    assert "newer version" in await asyncio.to_thread(database.check, empty)


async def test_it_works_with_a_loop_running_and_switches_off_no_logger(empty: str) -> None:
    log = logging.getLogger("of.somebody.else")
    database.upgrade(empty)
    assert not log.disabled
    store = Store(empty, Now())
    await store.ping()
    await store.close()


def test_processes_that_start_together_upgrade_once(empty: str) -> None:
    code = f"from bot import database; print('ready', flush=True); input(); database.upgrade({empty!r})"
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as two:  # type: ignore[call-overload]
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"
        for process in (one, two):
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [one.wait(), two.wait()] == [0, 0]
    assert database.check(empty) == ""


def test_connections_that_make_the_same_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    together = Barrier(6)

    def first_words(file: Path) -> None:
        engine = sqlite_engine(make_url(f"sqlite+pysqlite:///{file}"), 10.0, "BEGIN IMMEDIATE")
        together.wait()
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS made (by_whom INTEGER)"))
        engine.dispose()

    with ThreadPoolExecutor(together.parties) as threads:
        for attempt in range(25):
            list(threads.map(first_words, [tmp_path / f"{attempt}.db"] * together.parties))


def test_alembic_works_from_the_root(sqlite_url: str) -> None:
    command = [sys.executable, "-m", "alembic", "-x", f"url={sqlite_url}", "current"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{head()} (head)"


async def test_what_the_version_before_began_goes_on(empty: str) -> None:
    """A run in the middle, as 0001 stored it."""
    older = [sys.executable, "-m", "alembic", "-x", f"url={empty}", "upgrade", "0001"]
    await asyncio.to_thread(subprocess.run, older, cwd=ROOT, check=True)
    there = database.open_database(empty)
    run = {"workspace": "T1", "id": "r1", "by": "UADA", "channel": "C1", "source": "mention", "version": 3}
    run |= {"thread_ts": "1.0", "text": "Write", "about": "", "files": "[]", "context": "[]", "note": ""}
    run |= {"status": "working", "title": "t", "answer": "", "stopped_by": "", "created_at": 1.0}
    run |= {"shown_version": 0, "show_after": 0.0}
    step = {"workspace": "T1", "run_id": "r1", "id": "s1", "position": 0, "title": "t", "worker": "writer"}
    step |= {
        "instruction": "x",
        "needs": "[]",
        "kind": "work",
        "status": "out",
        "attempt": 2,
        "started": True,
    }
    step |= {"losses": 0, "external": False, "said": "", "error": "", "repair": "", "answers": "[]"}
    step |= {"calls": 0, "tokens_in": 0, "tokens_out": 0, "cost": 0.0, "finished_at": 0.0, "lease_until": 5.0}
    for table, row in (("run", run), ("step", step)):
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        insert = text(f'INSERT INTO "{table}" ({names}) VALUES ({values})')
        await there.write(lambda c, insert=insert, row=row: c.execute(insert, row))  # type: ignore[misc]
    await there.close()

    await asyncio.to_thread(database.upgrade, empty)
    store = Store(empty, Now())
    loaded = await store.runs.load("T1", "r1")
    assert loaded and [s.id for s in tasks(loaded)] == ["s1"] and not loaded.resting
    assert [lost.step for lost in await store.runs.lost_leases()] == ["s1"], "it is handed out again"
    done = decide(loaded, StopAsked("UADA"), 9.0)
    assert (await store.runs.save(loaded, done)).status == "stopped"
    await store.close()


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
        ("postgresql+psycopg2://h/d", "postgresql+asyncpg://h/d"),
        ("sqlite:///data/x.db", "sqlite+pysqlite:///data/x.db"),
        ("sqlite+aiosqlite:////x.db", "sqlite+pysqlite:////x.db"),
    ],
)
def test_a_url_is_taken_however_it_is_written(written: str, driver: str) -> None:
    assert database.normal(written).render_as_string(hide_password=False) == driver


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite://", "sqlite:///:memory:"])
def test_another_database_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(CannotStart, match=r"^[A-Z].*\.$"):
        database.normal(url)
