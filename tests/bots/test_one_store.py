"""What two bots would do twice, or not see of each other: asked of the database they share."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.ports import BY_HAND, Fire, Schedule
from bot.run import Request, StopAsked, new_run
from bot.store import Store
from tests.store.conftest import Now
from tests.store.stories import begun, happen

DAILY = Schedule(
    id="s1",
    workspace="T1",
    by="UADA",
    channel="C1",
    text="Say how it goes",
    rule="0 9 * * *",
    zone="UTC",
    next_at=9_000.0,
    next_slot="a",
    revision="r",
)


def click(name: str, at: float = 1_000.0) -> Fire:
    return Fire("T1", "s1", BY_HAND + name, at, claimed_at=at)


async def test_a_bot_whose_copy_is_old_finds_the_newest_when_the_one_that_made_it_is_gone(
    store: Store, url: str, now: Now
) -> None:
    gone = Store(url, now)
    run = await begun(store)
    assert await gone.runs.load("T1", "r1") == run
    stopped = await happen(gone, run, StopAsked("UADA"))
    await gone.close()
    assert await store.runs.load("T1", "r1") == run
    assert ("T1", "r1") in await store.runs.due(), "its thread does not show the newest"
    assert await store.runs.load("T1", "r1") == stopped


async def test_who_changed_a_run_shows_it_and_others_only_when_that_takes_long(url: str, now: Now) -> None:
    one, other = Store(url, now, show_seconds=3.0), Store(url, now, show_seconds=3.0)
    run = await begun(one, "shown")
    due = {run_id for _, run_id in await other.runs.due()}
    assert "shown" not in due
    now.at += 3.1
    assert ("T1", "shown") in await other.runs.due(), "the one that changed it may be gone"
    await happen(other, run, StopAsked("UADA"))
    assert ("T1", "shown") not in await one.runs.due()
    for bot in (one, other):
        await bot.close()


async def test_run_now_pressed_in_two_bots_at_once_makes_one_run(store: Store, url: str, now: Now) -> None:
    other = Store(url, now)
    for n in range(10):
        await store.schedules.put(replace(DAILY, id=f"s{n}"), "UADA", 20)
        two = [
            bot.schedules.ask(replace(click(name), schedule_id=f"s{n}"), "UADA")
            for name, bot in (("one", store), ("two", other))
        ]
        assert sorted(await asyncio.gather(*two)) == [False, True]
    await other.close()


async def test_run_now_waits_for_the_run_before_and_a_press_that_comes_again_is_the_same(
    store: Store, now: Now
) -> None:
    ask, fired = store.schedules.ask, store.schedules.fired
    await store.schedules.put(DAILY, "UADA", 20)
    assert await ask(click("one"), "UADA") and await ask(click("one"), "UADA")
    assert not await ask(click("two"), "UADA")
    request = Request("Say how it goes", "UADA", "C1", source="schedule", schedule="s1")
    run = await store.runs.save(None, new_run("r1", "T1", request, now.at))
    await fired(click("one"))
    assert not await ask(click("two"), "UADA"), "its run is on"
    assert await ask(click("one"), "UADA")
    await happen(store, run, StopAsked("UADA"))
    assert await ask(click("two"), "UADA")
    log = [entry.after for entry in await store.audit.recent("T1", 9)]
    assert log.count("run now") == 2
