"""Killed between what was decided and what follows from it: a slot that was claimed has one run in the end
(K16), and a card that was confirmed one schedule (K17)."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import schema
from bot.ports import Schedule
from bot.store import Store
from tests.conversations.world import World, a_world
from tests.kill.process import SETTLE, Bot
from tests.services import postgres_database

TEAM = "T0PLAYGRND"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bot' / 'delegate.db'}"
    else:
        with postgres_database() as address:
            yield address


async def a_schedule_that_is_due(url: str) -> Store:
    """Daily at the minute that has just begun."""
    await asyncio.to_thread(schema.upgrade, url)
    store = Store(url, time.time)
    due = time.time() // 60 * 60
    at = datetime.fromtimestamp(due, UTC)
    await store.schedules.put(
        Schedule(
            id="daily",
            workspace=TEAM,
            by="U0ADA",
            channel="C0GENERAL",
            text="Say how it goes",
            rule=f"{at.minute} {at.hour} * * *",
            zone="UTC",
            next_at=due,
            next_slot=f"{at:%Y-%m-%dT%H:%M} UTC",
            revision="first",
        ),
        by="U0ADA",
        most=20,
    )
    return store


def roots(world: World) -> list[str]:
    return [str(m["ts"]) for m in world.slack.messages("general") if "as scheduled" in str(m)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "times", [pytest.param(1, id="once"), pytest.param(2, id="twice", marks=pytest.mark.chaos)]
)
async def test_a_slot_that_was_claimed_becomes_one_run(times: int, url: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.stub.on("Say how it goes", plan={"answer": "It goes well."})
        store = await a_schedule_that_is_due(url)
        bot = Bot(world, url)
        try:
            await bot.start(crash_at="K16")
            await bot.died(or_else=lambda: False)
            assert not roots(world), "killed before there was a run"
            assert len(await store.schedules.open_fires()) == 1, "the slot is claimed"
            if times == 2:  # the claim is made once and for all: the next crash comes after it
                await bot.start(crash_at="K6")
                await bot.died(or_else=lambda: bool(roots(world)))
                await bot.kill()
            await bot.start()
            await world.slack.until(lambda: roots(world), timeout=40)
            (ts,) = roots(world)
            await world.sees(ts, "It goes well", within=40)
            await asyncio.sleep(SETTLE + 0.7)
        except BaseException:
            sys.stderr.write((world.data / "bot.log").read_text()[-6000:])
            raise
        finally:
            await bot.kill()
        assert len(roots(world)) == 1
        said = Counter(m["metadata"]["event_payload"]["key"] for m in world.posts(ts))
        assert set(said.values()) == {1} and len(said) == 3, world.thread(ts)
        runs = [r for r in await store.runs.recent_runs(TEAM, "U0ADA") if r.request.schedule == "daily"]
        assert [r.status for r in runs] == ["done"]
        assert not await store.schedules.open_fires()
        await store.close()


@pytest.mark.timeout(120)
async def test_two_processes_on_one_database_make_one_run_of_a_slot(url: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.stub.on("Say how it goes", plan={"answer": "It goes well."})
        store = await a_schedule_that_is_due(url)
        bots = Bot(world, url), Bot(world, url)
        try:
            await asyncio.gather(*(bot.start() for bot in bots))
            await world.slack.until(lambda: roots(world), timeout=40)
            await world.slack.connected(4, timeout=30)  # both are there, with two sockets each
            await world.sees(roots(world)[0], "It goes well", within=40)
            await asyncio.sleep(SETTLE + 0.7)
        finally:
            for bot in bots:
                await bot.kill()
        assert len(roots(world)) == 1
        runs = [r for r in await store.runs.recent_runs(TEAM, "U0ADA") if r.request.schedule == "daily"]
        assert [r.status for r in runs] == ["done"]
        await store.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["button", "words"])
async def test_a_card_that_was_confirmed_becomes_one_schedule(how: str, tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        bot = Bot(world)
        try:
            await bot.start(crash_at="K17")
            await world.slack.connected(timeout=30)
            ts = await world.says("@delegate schedule 0 9 * * 1 Say how it goes")
            await world.sees(ts, "This is what I understood", within=20)
            if how == "button":
                await world.slack.click("general", world.posts(ts)[0]["ts"], "proposal:yes")
            else:
                await world.says("yes", thread=ts)
            await bot.died(or_else=lambda: False)
            store = Store(f"sqlite:///{tmp_path / 'bot' / 'delegate.db'}", time.time)
            assert not await store.schedules.of(TEAM), "killed before there was a schedule"
            await bot.start()
            await world.sees(ts, "Scheduled by @ada", within=40)
            for _ in range(200):
                if made := await store.schedules.of(TEAM):
                    break
                await asyncio.sleep(0.05)
            assert [s.text for s in made] == ["Say how it goes"]
            await store.close()
        except BaseException:
            sys.stderr.write((world.data / "bot.log").read_text()[-6000:])
            raise
        finally:
            await bot.kill()
