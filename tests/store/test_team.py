"""Teams: changed by many at once, on both databases, and each change in the log or not made."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from bot.plan import Plan, Step
from bot.ports import Entry
from bot.registry import Registry
from bot.run import Run, StepState, new_run
from bot.store import Store
from bot.store.audit import record
from bot.store.team import ended
from bot.team import Member, defaults, disabled, enabled
from tests.store.conftest import Now
from tests.store.stories import request
from workers import Result, Task, Worker

ROOT = Path(__file__).parents[2]


async def body(task: Task) -> Result:
    raise NotImplementedError


NAMES = ("analyst", "summarizer", "writer")
WORKERS = {name: Worker(name, f"Is the {name}.", body) for name in NAMES}
DEFAULTS = defaults(WORKERS)


async def test_the_first_change_makes_the_whole_list_and_a_line_in_the_log(store: Store, now: Now) -> None:
    assert await store.team.members("T1") is None
    off = await store.team.change("T1", "writer", "UADA", disabled, DEFAULTS)
    assert off == Member(worker="writer", on=False)
    assert await store.team.members("T1") == {**DEFAULTS, "writer": off}
    assert await store.team.members("T2") is None
    assert await store.audit.recent("T1", 10) == [
        Entry("T1", now.at, "UADA", "worker", "writer", "on, everywhere", "off")
    ]


async def test_what_changes_nothing_is_not_logged_and_makes_no_list(store: Store) -> None:
    assert await store.team.change("T1", "writer", "UADA", enabled, DEFAULTS) == DEFAULTS["writer"]
    assert await store.team.members("T1") is None
    await store.team.change("T1", "writer", "UADA", disabled, DEFAULTS)
    await store.team.change("T1", "writer", "UBEN", disabled, DEFAULTS)
    assert len(await store.audit.recent("T1", 10)) == 1


async def test_a_worker_that_is_in_no_list_is_off_until_it_is_switched_on(store: Store) -> None:
    await store.team.change("T1", "writer", "UADA", disabled, DEFAULTS)
    grown = {**DEFAULTS, "scribe": Member(worker="scribe")}
    seen: list[Member] = []
    await store.team.change("T1", "scribe", "UADA", lambda m: seen.append(m) or m, grown)  # type: ignore[func-returns-value]
    assert seen == [Member(worker="scribe", on=False)]
    await store.team.change("T1", "scribe", "UADA", lambda m: enabled(m, "C1"), grown)
    newest, _ = await store.audit.recent("T1", 10)
    assert (newest.before, newest.after) == ("off", "on, only in <#C1>")


async def test_the_second_bot_sees_a_change_at_its_next_look(store: Store, url: str, now: Now) -> None:
    other = Store(url, now)
    here, there = (Registry(WORKERS, s.team) for s in (store, other))
    assert "writer" in (await there.team("T1")).here("C1")
    await here.change("T1", "writer", "UADA", lambda m: disabled(m, "C1"))
    assert "writer" not in (await there.team("T1")).here("C1")
    assert "writer" in (await there.team("T1")).here("C2")
    await other.close()


async def test_changes_of_two_bots_at_once_lose_nothing_the_first_ones_included(
    store: Store, url: str, now: Now
) -> None:
    """Every bot excepts channels of its own from every worker; at the end all are excepted, and logged."""
    stores = [store, Store(url, now)]
    await asyncio.gather(
        *(
            stores[n % 2].team.change("T1", name, f"U{n}", lambda m, n=n: disabled(m, f"C{n}"), DEFAULTS)  # type: ignore[misc]
            for n in range(12)
            for name in NAMES
        )
    )
    members = await store.team.members("T1")
    assert members
    for name in NAMES:
        assert set(members[name].channels) == {f"C{n}" for n in range(12)}
    log = await store.audit.recent("T1", 100)
    assert len(log) == 12 * len(NAMES)
    for name in NAMES:  # each line goes on from the one before it
        own = [e for e in reversed(log) if e.subject == name]
        assert [e.before for e in own[1:]] == [e.after for e in own[:-1]]
    await stores[1].close()


async def test_a_change_that_fails_leaves_neither_a_list_nor_a_line(store: Store) -> None:
    def fail(member: Member) -> Member:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await store.team.change("T1", "writer", "UADA", fail, DEFAULTS)
    assert await store.team.members("T1") is None
    await store.team.change("T1", "writer", "UADA", disabled, DEFAULTS)
    with pytest.raises(RuntimeError):
        await store.team.change("T1", "writer", "UADA", fail, DEFAULTS)
    assert len(await store.audit.recent("T1", 10)) == 1


async def test_where_the_log_cannot_be_written_nothing_changes(sqlite_url: str) -> None:
    store = Store(sqlite_url, Now())
    await store.database.write(lambda c: c.execute(text("ALTER TABLE audit RENAME TO elsewhere")))
    with pytest.raises(Exception, match="audit"):
        await store.team.change("T1", "writer", "UADA", disabled, DEFAULTS)
    assert await store.team.members("T1") is None
    await store.close()


async def test_the_log_is_newest_first_and_of_one_workspace_or_all(store: Store) -> None:
    entries = [Entry(f"T{n % 2}", float(n // 2), "UADA", "worker", f"w{n}", "off", "on") for n in range(6)]
    for entry in entries:
        await store.database.write(lambda c, e=entry: record(c, e))  # type: ignore[misc]
    assert await store.audit.recent("T1", 10) == [entries[5], entries[3], entries[1]]
    assert await store.audit.recent("", 3) == [entries[5], entries[4], entries[3]]


async def test_a_workspace_that_is_forgotten_has_no_team_and_no_log(store: Store) -> None:
    for workspace in ("T1", "T2"):
        await store.team.change(workspace, "writer", "UADA", disabled, DEFAULTS)
    await store.forget_workspace("T1")
    assert await store.team.members("T1") is None and await store.audit.recent("T1", 10) == []
    assert await store.team.members("T2") and len(await store.audit.recent("", 10)) == 1


def a_run(name: str, *steps: StepState, workspace: str = "T1") -> Run:
    plan = Plan(title="Done", steps=tuple(s.step for s in steps))
    return replace(new_run(name, workspace, request(), 1_000.0), title=plan.title, steps=steps)


def step(id: str, worker: str, status: str, at: float, kind: str = "work") -> StepState:
    work = Step(id=id, title=id, worker=worker, instruction="Do it")
    return StepState(work, kind=kind, status=status, finished_at=at)  # type: ignore[arg-type]


async def test_use_counts_what_ended_lately_in_this_workspace(store: Store) -> None:
    await store.runs.save(
        None,
        a_run(
            "r1",
            step("a", "writer", "done", 2_000.0),
            step("b", "writer", "failed", 2_100.0),
            step("c", "analyst", "waiting", 0.0),
            step("~answer", "writer", "done", 9_000.0, kind="answer"),
        ),
    )
    await store.runs.save(
        None, a_run("r2", step("a", "writer", "done", 1_500.0), step("b", "analyst", "failed", 1_400.0))
    )
    await store.runs.save(None, a_run("r3", step("a", "writer", "done", 3_000.0), workspace="T2"))
    used = await store.team.use("T1", 1_450.0)
    assert {name: (u.last_at, u.done, u.failed) for name, u in used.items()} == {"writer": (2_100.0, 2, 1)}
    assert (await store.team.use("T1", 0.0))["analyst"].failed == 1
    assert await store.team.use("T1", 5_000.0) == {}


async def test_what_ended_lately_is_found_by_an_index(sqlite_url: str) -> None:
    """The table only grows, and the Home tab asks often."""
    store = Store(sqlite_url, Now())
    query = ended("T1", 5.0).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    plan = await store.database.read(lambda c: c.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
    assert any("ix_step_ended (workspace=? AND finished_at>?)" in row[-1] for row in plan)
    await store.close()


async def test_the_command_prints_the_log(sqlite_url: str, tmp_path: Path) -> None:
    def said(*more: str) -> str:
        environment = {**os.environ, "DATABASE_URL": sqlite_url}
        command = [sys.executable, "-m", "bot", "audit", *more]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert await asyncio.to_thread(said) == (
        "Nothing has been changed yet: no worker was switched, no schedule was set up.\n"
    )
    store = Store(sqlite_url, Now())
    await store.team.change("T1", "writer", "UADA", disabled, DEFAULTS)
    await store.team.change("T2", "writer", "UBEN", lambda m: disabled(m, "C1"), DEFAULTS)
    await store.close()
    assert await asyncio.to_thread(said, "--workspace", "T1") == (
        "1970-01-01T00:16:40Z  T1  UADA  worker  writer  on, everywhere → off\n"
    )
    (line,) = (await asyncio.to_thread(said, "--limit", "1")).splitlines()
    assert line.endswith("T2  UBEN  worker  writer  on, everywhere → on, everywhere except <#C1>")
