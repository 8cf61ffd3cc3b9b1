"""Admins choose who works here; everybody else sees it. As it is said, and as it appears."""

from __future__ import annotations

import asyncio

import pytest

from tests.conversations.screens import at_home, filled, open_modal, press, seen, whispered
from tests.conversations.world import World, steps
from workers import Task, Worker


async def quick(task: Task) -> str:
    return "Quickly done."


async def careful(task: Task) -> str:
    return "Carefully done."


async def slow(task: Task) -> str:
    return "Slowly done."


CREW = {
    "slow": Worker("slow", "Takes its time.", slow),
    "quick": Worker("quick", "Is quick.", quick),
    "careful": Worker("careful", "Is careful.", careful),
}


async def test_an_admin_switches_a_worker_off_and_nobody_is_handed_to_it_any_more(world: World) -> None:
    world.stub.plan({"answer": "Nobody here writes."})
    async with world.bot():
        assert "writer is off" in await whispered(world, "ada", "workers disable writer")
        ts = await world.says("@delegate write a poem")
        await world.sees(ts, "Nobody here writes")
        asked = world.stub.requests[-1]
        assert "writer" not in asked.text and "writer" not in str(asked.schema)
        assert "writer" not in await whispered(world, "ben", "workers")
        assert "writer is on" in await whispered(world, "ada", "workers enable writer")
        assert "writer" in await whispered(world, "ben", "workers")


async def test_an_owner_who_is_no_admin_is_as_good(world: World) -> None:
    world.slack.workspace.user("chen")["is_owner"] = True
    async with world.bot():
        assert "writer is off" in await whispered(world, "chen", "workers disable writer")


@pytest.mark.parametrize(("by", "sentence"), [("ben", "Only admins and owners"), ("gwen", "Guests cannot")])
async def test_members_and_guests_change_nothing(world: World, by: str, sentence: str) -> None:
    async with world.bot() as bot:
        assert sentence in await whispered(world, by, "workers disable writer")
        assert (await bot.store.audit.recent("", 10)) == []


async def test_a_name_that_is_near_is_named_and_words_that_fit_nothing_say_how(world: World) -> None:
    async with world.bot():
        assert "Did you mean writer" in await whispered(world, "ada", "workers disable writter")
        assert "/delegate workers enable writer" in await whispered(world, "ada", "workers please dance")


async def test_a_channel_narrows_the_team(world: World) -> None:
    async with world.bot(CREW):
        await whispered(world, "ada", "workers disable quick #support")
        world.stub.plan({"answer": "Not here."})
        ts = await world.says("@delegate be quick", channel="support")
        await world.sees(ts, "Not here", channel="support")
        assert "quick:" not in world.stub.requests[-1].text and "slow:" in world.stub.requests[-1].text
        world.stub.plan(steps(("s1", "quick", "Be quick")))
        ts = await world.says("@delegate be quick")
        await world.sees(ts, "Quickly done")


async def test_who_is_switched_off_while_a_run_is_on_gets_nothing_more_and_the_thread_says_so(
    world: World,
) -> None:
    world.stub.plan(
        steps(
            ("one", "slow", "Take your time"),
            ("two", "careful", "Go on with care", ["one"]),
            ("three", "quick", "Finish", ["two"]),
        )
    )
    switched_off = asyncio.Event()

    async def until_then(task: Task) -> str:
        await switched_off.wait()
        return "Slowly done."

    async with world.bot(CREW | {"slow": Worker("slow", "Takes its time.", until_then)}):
        ts = await world.says("@delegate do all three")
        await world.sees(ts, "One")
        assert "careful is off" in await whispered(world, "ada", "workers disable careful")
        switched_off.set()
        thread = await world.sees(ts, "Slowly done", "careful is not on the team here any more", within=10)
        assert "Carefully done" not in thread and "Quickly done" not in thread
        assert "Not run" in thread


async def test_the_home_tab_of_an_admin_has_the_switches_and_of_a_member_the_list(world: World) -> None:
    async with world.bot():
        admin = await at_home(world, "ada", "The team", "worker:off")
        assert "worker:edit" in admin and "worker:try" in admin and "in the bot's process" in admin
        member = await at_home(world, "ben", "The team", "writer")
        assert "worker:" not in member
        await press(world, "ada", "worker:off", "writer")
        await world.slack.until(lambda: "writer is off" in seen(world.slack.home("ada")))
        member = await at_home(world, "ben", "The team", "summarizer")
        await world.slack.until(lambda: "*writer*" not in seen(world.slack.home("ben")))
        assert "Latest changes" in await at_home(world, "ada", "Latest changes")


async def test_who_is_no_admin_any_more_presses_in_vain(world: World) -> None:
    async with world.bot() as bot:
        await at_home(world, "ada", "worker:off")
        world.slack.faults.demote("ada")
        await press(world, "ada", "worker:off", "writer")
        await world.slack.until(lambda: "Only admins and owners" in seen(world.slack.home("ada")))
        assert await bot.store.audit.recent("", 10) == []


LIMITED = filled(
    on={"type": "radio_buttons", "selected_option": {"value": "on"}},
    reach={"type": "radio_buttons", "selected_option": {"value": "only"}},
    channels={"type": "multi_conversations_select", "selected_conversations": ["C0SUPPORT"]},
)


async def test_the_settings_of_a_worker_are_saved(world: World) -> None:
    async with world.bot():
        await at_home(world, "ada", "worker:edit")
        view = await open_modal(world, "ada", "worker:edit", "writer")
        await world.slack.submit(view["id"], LIMITED)
        await world.slack.until(lambda: "only in <#C0SUPPORT>" in seen(world.slack.home("ada")))
        assert not world.slack.view("ada")
        world.stub.plan({"answer": "Not here."})
        ts = await world.says("@delegate write")
        await world.sees(ts, "Not here")
        assert "writer" not in world.stub.requests[-1].text


async def test_an_admin_demoted_between_opening_and_sending_the_form_changes_nothing(world: World) -> None:
    async with world.bot() as bot:
        await at_home(world, "ada", "worker:edit")
        view = await open_modal(world, "ada", "worker:edit", "writer")
        world.slack.faults.demote("ada")
        await world.slack.submit(view["id"], LIMITED)
        await world.slack.until(lambda: "Only admins and owners" in seen(world.slack.view("ada")))
        assert await bot.store.audit.recent("", 10) == []


async def test_slack_that_does_not_say_who_it_is_changes_nothing(world: World) -> None:
    async with world.bot() as bot:
        await at_home(world, "ada", "worker:edit")
        view = await open_modal(world, "ada", "worker:edit", "writer")
        world.slack.faults.fail(1, "users.info")
        await world.slack.submit(view["id"], LIMITED)
        await world.slack.until(lambda: "did not confirm in time" in seen(world.slack.view("ada")))
        assert await bot.store.audit.recent("", 10) == []


async def test_a_worker_is_tried_and_its_reply_comes_by_direct_message(world: World) -> None:
    world.stub.reply("Roses are red.", match="Two lines")
    async with world.bot():
        await at_home(world, "ada", "worker:try")
        view = await open_modal(world, "ada", "worker:try", "writer")
        await world.slack.submit(
            view["id"], filled(text={"type": "plain_text_input", "value": "Two lines, a draft"})
        )
        await world.slack.until(lambda: "direct message" in seen(world.slack.view("ada")))
        root = (await world.slack.until(lambda: world.slack.messages("dm")))[0]
        await world.sees(root["ts"], "tries writer", "Roses are red", channel="dm")
    assert not any(seen.planning for seen in world.stub.requests), "nobody plans a trial"


async def test_a_worker_works_with_the_model_an_admin_chose(world: World) -> None:
    async with world.bot(models="hosted_vllm/other, hosted_vllm/third"):
        await at_home(world, "ada", "worker:edit")
        view = await open_modal(world, "ada", "worker:edit", "writer")
        chosen = {"type": "static_select", "selected_option": {"value": "hosted_vllm/other"}}
        everywhere = {"type": "radio_buttons", "selected_option": {"value": "everywhere"}}
        on = {"type": "radio_buttons", "selected_option": {"value": "on"}}
        await world.slack.submit(view["id"], filled(on=on, reach=everywhere, model=chosen))
        await world.slack.until(lambda: "with the model hosted_vllm/other" in seen(world.slack.home("ada")))
        world.stub.plan(steps(("s1", "writer", "Draft only, please")))
        ts = await world.says("@delegate write")
        await world.sees(ts, "delegate: Done")
    models = {(seen.planning, seen.body["model"]) for seen in world.stub.requests}
    assert models == {(True, "stub"), (False, "other")}
