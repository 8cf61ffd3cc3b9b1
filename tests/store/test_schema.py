"""Migrations: the same tables on both databases, brought there once however many ask."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import database
from bot.ports import CannotStart
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


def test_alembic_works_from_the_root(sqlite_url: str) -> None:
    command = [sys.executable, "-m", "alembic", "-x", f"url={sqlite_url}", "current"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{head()} (head)"


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
