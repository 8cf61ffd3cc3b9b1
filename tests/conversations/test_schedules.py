"""Schedules as they are asked for, confirmed, fired and looked after. The bot's clock is put ahead; the rest
is real."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bot.app import Running
from bot.ports import Schedule
from bot.slack.incoming import Incoming
from tests.conversations.screens import at_home, filled, open_modal, press, seen, whispered
from tests.conversations.world import World, steps

DAY = 86_400.0
MONDAYS = {
    "schedule": {"task": "Summarise #support", "when": {"every": "week", "days": ["mon"], "time": "09:00"}}
}
TEAM = "T0PLAYGRND"


async def asks(world: World, text: str, by: str = "ben", channel: str = "general") -> str:
    """Asks in a channel, waits for the card, and returns its thread."""
    ts = await world.says(text, by=by, channel=channel)
    await world.sees(ts, "This is what I understood", channel=channel, by=by)
    return ts


async def clicks(world: World, ts: str, action: str, by: str = "ben", channel: str = "general") -> None:
    card = world.posts(ts, channel, by)[0]
    await world.slack.click(channel, card["ts"], action, by=by)


async def scheduled(
    world: World, bot: Running, text: str, by: str = "ben", channel: str = "general"
) -> Schedule:
    """Asked for and confirmed."""
    ts = await asks(world, text, by, channel)
    await clicks(world, ts, "proposal:yes", by, channel)
    await world.sees(ts, "Scheduled by @", channel=channel, by=by)
    return await the_schedule(bot)


async def the_schedule(bot: Running) -> Schedule:
    for _ in range(200):
        if found := await bot.store.schedules.of(TEAM):
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError("there is no schedule")


async def root_of(world: World, *patterns: str, channel: str = "general", by: str = "ben") -> str:
    """The newest root message of the bot that says so; its thread."""
    wanted = re.compile(".*".join(patterns), re.DOTALL)

    def find() -> str:
        roots = [m for m in world.slack.messages(channel, by) if m.get("bot_id")]
        roots = [m for m in roots if m.get("thread_ts", m["ts"]) == m["ts"] and wanted.search(str(m))]
        return str(roots[-1]["ts"]) if roots else ""

    return str(await world.slack.until(find))


def make_due(world: World, schedule: Schedule, late: float = 1.0) -> None:
    assert schedule.next_at
    world.ahead += schedule.next_at + late - world.now()


async def test_words_become_a_card_and_nothing_is_scheduled_before_it_is_confirmed(world: World) -> None:
    world.stub.plan(MONDAYS)
    async with world.bot() as bot:
        ts = await asks(world, "@delegate every Monday at 9 summarise #support and post it here")
        thread = world.thread(ts)
        assert "Every Monday at 09:00" in thread and "America/New_York" in thread
        assert thread.count("Mon ") >= 3, "the next three dates"
        assert await bot.store.schedules.of(TEAM) == []
        await clicks(world, ts, "proposal:yes")
        schedule = await the_schedule(bot)
        assert (schedule.text, schedule.rule, schedule.zone) == (
            "Summarise #support",
            "0 9 * * 1",
            "America/New_York",
        )
        assert (schedule.by, schedule.channel, schedule.about) == ("U0BEN", "C0GENERAL", "C0SUPPORT")
        assert len(world.posts(ts)) == 1, "the card is all there is"


async def test_a_cancelled_card_leaves_nothing_and_cannot_be_confirmed_any_more(world: World) -> None:
    world.stub.plan(MONDAYS)
    async with world.bot() as bot:
        ts = await asks(world, "@delegate every Monday at 9 summarise #support")
        await clicks(world, ts, "proposal:no")
        await world.sees(ts, "ancelled")
        (run,) = await bot.store.runs.thread_runs(TEAM, "C0GENERAL", ts)
        late = Incoming(kind="proposal", workspace=TEAM, channel="C0GENERAL", by="U0BEN", keys=("late",))
        await bot.inbox.take(late.model_copy(update={"value": run.id, "text": "yes"}))
        await world.slack.until(lambda: world.slack.ephemerals("ben"))
        assert "decided already" in seen(world.slack.ephemerals("ben")[-1])
        assert await bot.store.schedules.of(TEAM) == []


async def test_somebody_else_cannot_confirm_but_an_admin_can_cancel(world: World) -> None:
    world.stub.plan(MONDAYS)
    async with world.bot() as bot:
        ts = await asks(world, "@delegate every Monday at 9 summarise #support")
        await clicks(world, ts, "proposal:yes", by="chen")
        await world.slack.until(lambda: world.slack.ephemerals("chen"))
        assert "Only the person who asked" in seen(world.slack.ephemerals("chen"))
        await clicks(world, ts, "proposal:yes", by="ada")
        await world.slack.until(lambda: world.slack.ephemerals("ada"))
        assert await bot.store.schedules.of(TEAM) == []
        await clicks(world, ts, "proposal:no", by="ada")
        await world.sees(ts, "ancelled")


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("@delegate schedule 0 9 * * 0 say hello", "0 9 * * 0", "Every Sunday at 09:00"),
        ("@delegate 30 7 * * 1-5 say hello", "30 7 * * 1-5", "07:30"),
        ("@delegate 2031-12-01 15:00 say hello", "2031-12-01 15:00", "1 December 2031"),
    ],
)
async def test_a_cron_and_a_date_need_no_model(world: World, text: str, rule: str, words: str) -> None:
    async with world.bot() as bot:
        world.ahead = 0 if "2031" not in text else 4.5 * 365 * DAY  # within five years
        ts = await asks(world, text)
        assert words in world.thread(ts)
        await clicks(world, ts, "proposal:yes")
        schedule = await the_schedule(bot)
        assert (schedule.rule, schedule.text) == (rule, "say hello")
    assert world.stub.count == 0


async def test_a_cron_for_sundays_shows_three_sundays(world: World) -> None:
    async with world.bot():
        ts = await asks(world, "@delegate schedule 0 9 * * 0 say hello")
        assert len(re.findall(r"Sun \d+ \w+ \d{4}, 09:00", world.thread(ts))) >= 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("schedule * * * * * say hello", "15 minutes"),
        ("schedule 0 9 31 2 * say hello", "never fires"),
        ("schedule 0 9 * * 1 Europe/Berln say hello", "Europe/Berlin"),
        ("schedule 2020-01-01 10:00 say hello", "passed"),
        ("schedule 0 9 * * 1", "what to do"),
        ("schedule", "Say when and what"),
    ],
)
async def test_what_cannot_be_a_schedule_is_said_at_once_and_costs_nothing(
    world: World, text: str, sentence: str
) -> None:
    async with world.bot() as bot:
        assert sentence in await whispered(world, "ben", text)
        assert await bot.store.runs.recent_runs(TEAM, "U0BEN") == []
    assert world.stub.count == 0


async def test_what_the_model_understood_is_checked_by_code(world: World) -> None:
    world.stub.plan({"schedule": {"task": "Say hello", "when": {"every": "minutes", "n": 1}}})
    async with world.bot() as bot:
        ts = await world.says("@delegate every minute say hello", by="ben")
        await world.sees(ts, "15 minutes")
        assert await bot.store.schedules.of(TEAM) == []
    assert world.stub.count == 1


async def test_a_command_makes_a_schedule_in_a_thread_of_its_own(world: World) -> None:
    world.stub.plan(MONDAYS)
    async with world.bot() as bot:
        await world.slack.command("/delegate", "schedule every Monday at 9 summarise #support", by="ben")
        ts = await root_of(world, "wants this scheduled:")
        await world.sees(ts, "This is what I understood")
        card = world.posts(ts)[1]
        await world.slack.click("general", card["ts"], "proposal:yes", by="ben")
        assert (await the_schedule(bot)).text == "Summarise #support"
    assert '"steps"' not in str(world.stub.requests[0].schema), "it can become nothing but a schedule"


async def test_a_yes_in_the_thread_confirms_and_other_words_change_the_card(world: World) -> None:
    world.stub.plan(MONDAYS)
    world.stub.plan(
        {
            "schedule": {
                "task": "Summarise #support",
                "when": {"every": "week", "days": ["tue"], "time": "09:00"},
            }
        }
    )
    async with world.bot() as bot:
        ts = await asks(world, "@delegate every Monday at 9 summarise #support")
        await world.says("make it Tuesday", by="ben", thread=ts)
        await world.sees(ts, "Not scheduled", "Every Tuesday at 09:00")
        assert "Every Monday at 09:00" in world.stub.requests[-1].text, "it knows what it was"
        await world.says("yes!", by="ben", thread=ts)
        schedule = await the_schedule(bot)
        assert (schedule.rule, schedule.about) == ("0 9 * * 2", "C0SUPPORT"), "what was named stays named"
        assert len(await bot.store.schedules.of(TEAM)) == 1


async def test_a_fire_is_a_short_root_message_with_the_detail_in_its_thread(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note")
        world.stub.plan(steps(("s1", "writer", "Draft the note")))
        world.stub.reply("The note.", match="Draft the note")
        make_due(world, schedule)
        ts = await root_of(world, "as scheduled", "Write the weekly note")
        await world.sees(ts, "Done", "The note\\.")
        assert '"schedule"' not in str(world.stub.requests[0].schema), "a schedule makes no schedules"
        after = await the_schedule(bot)
        assert after.next_at and schedule.next_at and after.next_at > schedule.next_at + 6 * DAY


async def test_after_downtime_there_is_one_catch_up_and_the_thread_says_so(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note")
    make_due(world, schedule, late=21 * DAY + 3600)
    world.stub.plan({"answer": "A note."})
    async with world.bot() as bot:
        ts = await root_of(world, "as scheduled")
        await world.sees(ts, "I was not running then", "3 earlier", "A note")
        await asyncio.sleep(0.5)
        runs = [r for r in await bot.store.runs.recent_runs(TEAM, "U0BEN") if r.request.schedule]
        assert len(runs) == 1


async def test_a_schedule_is_paused_resumed_run_and_deleted_from_the_home_tab(world: World) -> None:
    world.stub.plan({"answer": "A note."})
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note")
        await at_home(world, "ben", "Write the weekly note", "schedule:pause")
        await press(world, "ben", "schedule:pause", schedule.id)
        await world.slack.until(lambda: "is paused" in seen(world.slack.home("ben")))
        assert (await the_schedule(bot)).status == "paused"
        await press(world, "ben", "schedule:resume", schedule.id)
        await world.slack.until(lambda: "is on again" in seen(world.slack.home("ben")))
        await press(world, "ben", "schedule:run", schedule.id)
        ts = await root_of(world, "as scheduled")
        await world.sees(ts, "A note\\.")
        await press(world, "ben", "schedule:delete", schedule.id)
        await world.slack.until(lambda: "is deleted" in seen(world.slack.home("ben")))
        assert await bot.store.schedules.of(TEAM) == []
        whats = [(e.by, e.what) for e in await bot.store.audit.recent(TEAM, 10)]
        assert whats.count(("U0BEN", "schedule")) == 5  # made, paused, resumed, run, deleted


async def test_the_list_has_the_buttons_and_a_member_cannot_delete_anothers(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note")
        assert "Write the weekly note" in await whispered(world, "ben", "schedules")
        assert "Write the weekly note" not in await whispered(world, "chen", "schedules")
        ts = world.slack.ephemerals("ben")[-1]["ts"]
        before = len(world.slack.ephemerals("chen"))
        await world.slack.click("general", ts, "schedule:delete", by="chen")
        await world.slack.until(lambda: len(world.slack.ephemerals("chen")) > before)
        assert "Only its owner or an admin" in seen(world.slack.ephemerals("chen")[-1])
        assert (await the_schedule(bot)).id == schedule.id
        await whispered(world, "ada", "schedules")
        await world.slack.click(
            "general", world.slack.ephemerals("ada")[-1]["ts"], "schedule:delete", by="ada"
        )
        await world.slack.until(lambda: "is deleted" in seen(world.slack.ephemerals("ada")[-1]))
        assert await bot.store.schedules.of(TEAM) == []


def the_form(task: str, when: str, channel: str = "C0GENERAL") -> dict[str, Any]:
    return filled(
        task={"type": "plain_text_input", "value": task},
        when={"type": "plain_text_input", "value": when},
        channel={"type": "conversations_select", "selected_conversation": channel},
    )


async def test_an_edit_is_shown_as_it_was_understood_and_counts_once_it_is_confirmed(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note")
        await at_home(world, "ben", "schedule:edit")
        view = await open_modal(world, "ben", "schedule:edit", schedule.id)
        await world.slack.submit(view["id"], the_form("Write the daily note", "* * * * *"), by="ben")
        assert (await the_schedule(bot)) == schedule
        await world.slack.submit(
            view["id"], the_form("Write the daily note", "0 8 * * *", "C0SUPPORT"), by="ben"
        )
        ts = await root_of(world, "changes a schedule", channel="dm")
        await world.sees(ts, "as I understood it", "Every day at 08:00", channel="dm", by="ben")
        assert (await the_schedule(bot)) == schedule
        await world.slack.click("dm", world.posts(ts, "dm", "ben")[1]["ts"], "proposal:yes", by="ben")
        await world.sees(ts, "Changed by @ben", channel="dm", by="ben")
        after = await the_schedule(bot)
        assert (after.id, after.text, after.rule, after.channel) == (
            schedule.id,
            "Write the daily note",
            "0 8 * * *",
            "C0SUPPORT",
        )


async def test_three_failures_in_a_row_pause_it_and_its_owner_hears_of_it_alone(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note")
        for n in range(1, 4):
            world.stub.fault("refuse", times=3)
            make_due(world, await the_schedule(bot))

            async def ended(n: int = n) -> bool:
                runs = [r for r in await bot.store.runs.recent_runs(TEAM, "U0BEN") if r.request.schedule]
                return len(runs) == n and all(r.ended for r in runs)

            for _ in range(300):
                if await ended():
                    break
                await asyncio.sleep(0.02)
            assert await ended(), n
        await world.slack.until(lambda: any("paused" in str(m) for m in world.slack.messages("dm", "ben")))
        assert (await the_schedule(bot)).status == "paused"
        assert schedule.id in {s.id for s in await bot.store.schedules.of(TEAM)}


async def test_a_channel_that_was_archived_pauses_it_and_its_owner_is_told(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(
            world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note", channel="support"
        )
        world.slack.faults.archive("support")
        make_due(world, schedule)
        await world.slack.until(lambda: any("archived" in str(m) for m in world.slack.messages("dm", "ben")))
        assert (await the_schedule(bot)).status == "paused"
    assert world.stub.count == 0


async def test_a_person_who_left_starts_nothing_any_more(world: World) -> None:
    async with world.bot() as bot:
        schedule = await scheduled(world, bot, "@delegate schedule 0 9 * * 1 Write the weekly note")
        world.slack.faults.deactivate("ben")
        make_due(world, schedule)
        for _ in range(300):
            if (await the_schedule(bot)).status == "paused":
                break
            await asyncio.sleep(0.02)
        assert (await the_schedule(bot)).status == "paused"
    assert world.stub.count == 0


async def test_a_step_waits_until_its_time_through_a_restart_and_holds_nothing_meanwhile(
    world: World,
) -> None:
    plan = steps(("first", "writer", "Draft the first part"), ("later", "writer", "Draft the second part"))
    plan["steps"][1]["wait_minutes"] = 600
    world.stub.plan(plan)
    world.stub.reply("Part one.", match="first part")
    world.stub.reply("Part two.", match="second part")
    async with world.bot() as bot:
        ts = await world.says("@delegate draft it, and the second part in ten hours", by="ben")
        await world.sees(ts, "Waiting until", "Part one")
        assert (await bot.store.counts()).out == 0
        world.stub.plan({"answer": "Meanwhile: four."})
        await world.says("what is 2+2?", by="ben", thread=ts)
        await world.sees(ts, "Meanwhile: four")
    world.ahead = 5 * 3600
    async with world.bot():
        await asyncio.sleep(0.5)
        assert "Part two" not in world.thread(ts)
        world.ahead = 11 * 3600
        await world.sees(ts, "Part two", within=10)
