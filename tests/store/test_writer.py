"""Group commit: one transaction for many callers, and no one harmed by another's failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from bot.ports import StoreDown
from bot.store import Store
from bot.store.writer import Kind, Writer
from tests.store.stories import begun

T = TypeVar("T")


class Transactions:
    """A database that runs the work on no connection at all, and counts."""

    def __init__(self) -> None:
        self.batches = 0
        self.down = False

    async def write(self, work: Callable[[Connection], T]) -> T:
        self.batches += 1
        await asyncio.sleep(0.01)
        if self.down:
            raise StoreDown("The database is away.")
        return work(None)  # type: ignore[arg-type]

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.write(work)

    async def close(self) -> None:
        pass


class Poison(Exception):
    pass


def doubled(_: Connection, batch: Sequence[int]) -> list[int]:
    if 13 in batch:
        raise Poison
    return [2 * item for item in batch]


DOUBLE = Kind(1, doubled, lambda item: item)


async def test_many_changes_share_few_transactions() -> None:
    database = Transactions()
    writer = Writer(database)
    assert await asyncio.gather(*(writer.do(DOUBLE, n) for n in range(100, 200))) == list(range(200, 400, 2))
    assert database.batches == 1
    await writer.close()


async def test_two_changes_of_one_key_come_one_after_the_other() -> None:
    database = Transactions()
    writer = Writer(database)
    assert await asyncio.gather(*(writer.do(DOUBLE, n) for n in (1, 2, 1, 1))) == [2, 4, 2, 2]
    assert database.batches == 3
    await writer.close()


async def test_a_poisoned_change_fails_alone() -> None:
    writer = Writer(Transactions())
    outcomes = await asyncio.gather(*(writer.do(DOUBLE, n) for n in range(10, 15)), return_exceptions=True)
    assert outcomes[:3] == [20, 22, 24]
    assert isinstance(outcomes[3], Poison)
    assert outcomes[4] == 28
    await writer.close()


async def test_a_database_that_is_away_refuses_everybody_at_once_and_then_takes_again() -> None:
    database = Transactions()
    database.down = True
    writer = Writer(database)
    outcomes = await asyncio.gather(*(writer.do(DOUBLE, 1) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(outcome, StoreDown) for outcome in outcomes)
    assert database.batches == 1
    database.down = False
    assert await writer.do(DOUBLE, 1) == 2
    await writer.close()


async def test_a_caller_that_went_away_harms_nobody() -> None:
    settled: list[object] = []
    kind = Kind(1, doubled, lambda item: item, lambda item, outcome: settled.append(outcome))
    writer = Writer(Transactions())
    gone = asyncio.create_task(writer.do(kind, 1))
    stays = asyncio.create_task(writer.do(kind, 2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    assert settled == [2, 4]
    await writer.close()


async def test_closing_commits_what_waits_and_takes_nothing_more() -> None:
    writer = Writer(Transactions())
    waiting = [asyncio.create_task(writer.do(DOUBLE, n)) for n in range(3)]
    await asyncio.sleep(0)
    await writer.close()
    assert [await task for task in waiting] == [0, 2, 4]
    with pytest.raises(StoreDown):
        await writer.do(DOUBLE, 1)


async def test_a_failed_transaction_leaves_neither_rows_nor_cache_behind(store: Store) -> None:
    """The step's row is in the way, so the whole transition fails, the run's row included."""
    run = await begun(store)
    other = await begun(store, "r2")
    twice = run.steps + run.steps
    good = store.runs.save(other, replace(other, title="Good"))
    bad = store.runs.save(replace(run, steps=()), replace(run, title="Bad", steps=twice))
    saved, error = await asyncio.gather(good, bad, return_exceptions=True)
    assert isinstance(error, Exception)
    assert await store.runs.load("T1", "r1") == run
    assert await store.runs.load("T1", "r2") == saved
    assert saved == replace(other, title="Good", version=3)
