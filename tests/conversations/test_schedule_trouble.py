"""Schedules when things go wrong: cards that are pressed late, by the wrong person or twice, events that come
again, a Slack that is slow or says no."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update

from bot.app import Running
from bot.ports import Schedule
from bot.tables import INBOX
from tests.conversations.screens import at_home, open_modal, press, seen, whispered
from tests.conversations.test_schedules import (
    MONDAYS,
    TEAM,
    asks,
    clicks,
    make_due,
    root_of,
    scheduled,
    the_form,
    the_schedule,
)
from tests.conversations.test_team import LIMITED
from tests.conversations.world import World, steps

WEEKLY = "@delegate schedule 0 9 * * 1 Write the weekly note"


async def edited(
    world: World, schedule: Schedule, by: str, task: str = "New words", when: str = "0 8 * * *"
) -> str:
    """Fills in the form; the thread with the card."""
    await at_home(world, by, "schedule:edit")
    view = await open_modal(world, by, "schedule:edit", schedule.id)
    await world.slack.submit(view["id"], the_form(task, when), by=by)
    ts = await root_of(world, "changes a schedule", channel="dm", by=by)
    await world.sees(ts, "as I understood it", channel="dm", by=by)
    return ts


async def says_yes(world: World, ts: str, by: str) -> str:
    """Presses *Confirm* in one's direct messages; what is said to them alone."""
    before = len(world.slack.ephemerals(by))
    await world.slack.click("dm", world.posts(ts, "dm", by)[1]["ts"], "proposal:yes", by=by)
    await world.slack.until(lambda: len(world.slack.ephemerals(by)) > before)
    return seen(world.slack.ephemerals(by)[-1])


async def handled_again(bot: Running) -> None:
    """What a crash right before the end leaves behind: all events come again."""
    await bot.inbox.drain(5)
    await bot.store.database.write(lambda c: c.execute(update(INBOX).values(done_at=None)))
    await bot.inbox.recover(0.0)
    await asyncio.sleep(0)
    await bot.inbox.drain(5)


async def test_an_admin_demoted_between_opening_an_edit_and_confirming_it_changes_nothing(
    world: World,
) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, WEEKLY)
        ts = await edited(world, schedule, "ada")
        world.slack.faults.demote("ada")
        assert "Only its owner or an admin" in await says_yes(world, ts, "ada")
        assert await the_schedule(bot) == schedule


async def test_an_edit_of_what_was_changed_meanwhile_is_not_confirmed(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, WEEKLY)
        bens = await edited(world, schedule, "ben", "Ben's words")
        adas = await edited(world, schedule, "ada", "Ada's words")
        await world.slack.click("dm", world.posts(adas, "dm", "ada")[1]["ts"], "proposal:yes", by="ada")
        await world.sees(adas, "Changed by @ada", channel="dm", by="ada")
        assert "Only its owner or an admin" in await says_yes(world, bens, "ben")
        assert ((await the_schedule(bot)).by, (await the_schedule(bot)).text) == ("U0ADA", "Ada's words")


async def test_a_form_that_was_opened_before_another_change_changes_nothing(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, WEEKLY)
        await at_home(world, "ada", "schedule:edit")
        form = await open_modal(world, "ada", "schedule:edit", schedule.id)
        ts = await edited(world, schedule, "ben", "Ben's words")
        await world.slack.click("dm", world.posts(ts, "dm", "ben")[1]["ts"], "proposal:yes", by="ben")
        await world.sees(ts, "Changed by @ben", channel="dm", by="ben")
        await world.slack.submit(form["id"], the_form("Ada's words", "0 7 * * *"))
        await world.slack.until(lambda: "changed or deleted meanwhile" in seen(world.slack.view("ada")))
        assert (await the_schedule(bot)).text == "Ben's words"


async def test_a_reply_in_an_edits_thread_is_about_that_schedule_in_its_zone(world: World) -> None:
    world.stub.plan({"schedule": {"task": "New words", "when": {"every": "day", "time": "10:00"}}})
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Europe/Berlin Write the note")
        ts = await edited(world, schedule, "ben")
        await world.says("make it 10 instead", by="ben", channel="dm", thread=ts)
        await world.sees(ts, "Every day at 10:00", "Europe/Berlin", channel="dm", by="ben")
        await world.says("yes", by="ben", channel="dm", thread=ts)
        await world.sees(ts, "Changed by @ben", channel="dm", by="ben")
        after = await the_schedule(bot)
        assert (after.id, after.rule, after.zone) == (schedule.id, "0 10 * * *", "Europe/Berlin")


async def test_a_bare_stop_stops_what_waits_and_leaves_cards_alone(world: World) -> None:
    plan = steps(("later", "writer", "Draft it"))
    plan["steps"][0]["wait_minutes"] = 600
    world.stub.plan(plan)
    async with world.bot() as bot:
        card = await asks(world, "0 9 * * 1 Write * words", channel="dm")
        waits = await world.says("draft a haiku in ten hours", by="ben", channel="dm")
        await world.sees(waits, "Waiting until", channel="dm", by="ben")
        await world.says("stop", by="ben", channel="dm")
        await world.sees(waits, "Stopped by @ben", channel="dm", by="ben")
        (run,) = await bot.store.runs.thread_runs(TEAM, world.slack.place("dm", "ben"), card)
        assert run.proposed


async def test_an_edit_brings_nothing_back_that_was_deleted(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, WEEKLY)
        ts = await edited(world, schedule, "ben")
        await press(world, "ben", "schedule:delete", schedule.id)
        await world.slack.until(lambda: "is deleted" in seen(world.slack.home("ben")))
        assert "do not know this schedule" in await says_yes(world, ts, "ben")
        assert await bot.store.schedules.of(TEAM) == []


async def test_an_edit_keeps_the_zone_and_what_is_paused_stays_paused(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Europe/Berlin Write the note")
        await at_home(world, "ben", "schedule:pause")
        await press(world, "ben", "schedule:pause", schedule.id)
        await world.slack.until(lambda: "is paused" in seen(world.slack.home("ben")))
        ts = await edited(world, schedule, "ben", "Write a note", schedule.rule)
        assert "and paused" in await says_yes(world, ts, "ben")
        after = await the_schedule(bot)
        assert (after.zone, after.text, after.status) == ("Europe/Berlin", "Write a note", "paused")


async def test_a_demoted_admin_does_not_even_see_what_others_scheduled(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Ben's secret")
        await at_home(world, "ada", "schedule:edit")
        world.slack.faults.demote("ada")
        view = await open_modal(world, "ada", "schedule:edit", schedule.id)
        assert "Ben's secret" not in seen(view) and "Only admins" in seen(view)


async def test_what_comes_again_undoes_nothing_newer(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, WEEKLY)
        await whispered(world, "ada", "workers disable writer")
        await whispered(world, "ada", "workers enable writer")
        await at_home(world, "ben", "schedule:pause")
        await press(world, "ben", "schedule:pause", schedule.id)
        await world.slack.until(lambda: "is paused" in seen(world.slack.home("ben")))
        await press(world, "ben", "schedule:resume", schedule.id)
        await world.slack.until(lambda: "is on again" in seen(world.slack.home("ben")))
        log = await bot.store.audit.recent(TEAM, 20)
        await handled_again(bot)
        assert await bot.store.audit.recent(TEAM, 20) == log
        assert (await the_schedule(bot)).status == "active"
        assert "*writer*" in await whispered(world, "ben", "workers")


async def test_another_request_beside_an_open_card_is_about_its_own(world: World) -> None:
    world.stub.plan(MONDAYS)
    world.stub.plan(steps(("s1", "writer", "Draft a haiku")))
    async with world.bot() as bot:
        ts = await asks(world, "@delegate every Monday at 9 summarise #support")
        await world.says("@delegate write a haiku", by="ben", thread=ts)
        await world.sees(ts, "delegate: Done")
        runs = await bot.store.runs.thread_runs(TEAM, "C0GENERAL", ts)
        assert runs[-1].request.about == ""
        assert runs[0].proposed, "and the card waits on"
        await clicks(world, ts, "proposal:yes")
        assert (await the_schedule(bot)).about == "C0SUPPORT"


async def test_run_now_twice_is_one_run_while_that_one_is_on(world: World) -> None:
    world.stub.delay = 1.0
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, WEEKLY)
        await at_home(world, "ben", "schedule:run")
        await press(world, "ben", "schedule:run", schedule.id)
        await world.slack.until(lambda: "runs now" in seen(world.slack.home("ben")))
        await press(world, "ben", "schedule:run", schedule.id)
        await world.slack.until(lambda: "still on" in seen(world.slack.home("ben")))
        runs = [r for r in await bot.store.runs.recent_runs(TEAM, "U0BEN") if r.request.schedule]
        assert len(runs) == 1


@pytest.mark.parametrize("error", ["missing_scope", "team_access_not_granted"])
async def test_trouble_of_the_bots_own_pauses_nobody(world: World, error: str) -> None:
    world.stub.plan({"answer": "A note."})
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, WEEKLY)
        world.slack.faults.refuse(error, "users.info")
        make_due(world, schedule)
        for _ in range(100):
            if await bot.store.schedules.get(TEAM, schedule.id) != schedule:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        assert (await the_schedule(bot)).status == "active"
        assert not [r for r in await bot.store.runs.recent_runs(TEAM, "U0BEN") if r.request.schedule]
        world.slack.faults.clear()
        world.ahead += 20  # it is tried again
        ts = await root_of(world, "as scheduled")
        await world.sees(ts, "A note")


async def claimed(bot: Running, schedule: Schedule, due: float) -> None:
    """Until the slot that was due is taken; far sooner than a slow look-up ends."""
    for _ in range(200):
        after = await bot.store.schedules.get(TEAM, schedule.id)
        if after and after.next_at and after.next_at > due:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it waits for somebody else's look-up")


async def test_one_slow_look_up_holds_up_nobody_else(world: World) -> None:
    world.stub.on("note", plan={"answer": "A note."})
    async with world.bot() as bot:
        mine = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write one note")
        world.slack.faults.slow(9.0, "users.info")
        due = world.now()
        await bot.store.schedules.change(TEAM, mine.id, "", lambda s: replace(s, next_at=due))
        await claimed(bot, mine, due)
        await asyncio.sleep(0.5)  # and the look-up has begun
        ts = await asks(world, "@delegate schedule 0 9 * * 1 Write two notes", by="chen")
        await clicks(world, ts, "proposal:yes", by="chen")
        await world.sees(ts, "Scheduled by @", by="chen")
        (chens,) = [s for s in await bot.store.schedules.of(TEAM) if s.by == "U0CHEN"]
        now = world.now()
        await bot.store.schedules.change(TEAM, chens.id, "", lambda s: replace(s, next_at=now))
        await claimed(bot, chens, now)


async def test_a_form_is_answered_within_three_seconds_and_changes_nothing_late(world: World) -> None:
    async with world.bot() as bot:
        await at_home(world, "ada", "worker:edit")
        view = await open_modal(world, "ada", "worker:edit", "writer")
        world.slack.faults.slow(5.0, "users.info")
        await world.slack.submit(view["id"], LIMITED)  # as Slack does, it gives up after 3 s
        await world.slack.until(lambda: "did not confirm in time" in seen(world.slack.view("ada")))
        await asyncio.sleep(0.3)
        assert await bot.store.audit.recent("", 10) == []


@pytest.mark.parametrize(("command", "there"), [("workers", "summarizer"), ("schedules", "No schedules yet")])
async def test_a_list_comes_though_slack_does_not_say_who_asks(
    world: World, command: str, there: str
) -> None:
    async with world.bot():
        world.slack.faults.fail(4, "users.info")
        assert there in await whispered(world, "ben", command)
