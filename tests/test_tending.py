"""The clock of the machine is set while the bot runs; what it looks after goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from structlog.testing import capture_logs

from bot.ports import StoreDown
from bot.tending import Looking, a_scheduler, started


async def until(seen: Callable[[], object]) -> None:
    for _ in range(100):
        if seen():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it sleeps")


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_stops_nothing(hours: int) -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    scheduler = a_scheduler()
    scheduler.add_job(look, "interval", seconds=0.05)
    async with started(scheduler, look_seconds=0.05):
        await until(lambda: looks)
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
            await asyncio.sleep(0.2)  # one look may still be under way by the old clock
            looks = 0
            await until(lambda: looks >= 2)


def test_that_the_store_is_away_is_said_once_and_that_it_is_back() -> None:
    looking = Looking()
    with capture_logs() as said:
        for failing in (True, True, True, False, False, True):
            with looking("a sweep"):
                if failing:
                    raise StoreDown("It is away.")
            with looking("holding events"):
                pass
    assert [line["event"] for line in said] == [
        "the store is away; looking again",
        "the store is there again",
        "the store is away; looking again",
    ]
