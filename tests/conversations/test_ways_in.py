"""A command, a DM, a shortcut, a file: the other ways in, and what is refused before any paid call."""

from __future__ import annotations

import asyncio

import pytest

from tests.conversations.world import World, steps


async def test_a_command_opens_a_thread_of_its_own(world: World) -> None:
    world.stub.plan({"answer": "Done by command."})
    async with world.bot():
        await world.slack.command("/delegate", "write a haiku", by="ben")
        await world.slack.until(lambda: [m for m in world.slack.messages("general") if "haiku" in str(m)])
        root = next(m for m in world.slack.messages("general") if "haiku" in str(m))
        await world.sees(root["ts"], "@ben", "write a haiku", "Answered below", "Done by command")
    assert len(world.slack.thread("general", root["ts"])) == 3  # the root, the plan, the answer


@pytest.mark.parametrize("text", ["", "help", "HELP"])
async def test_the_command_alone_says_how_to_ask_to_that_person_only(world: World, text: str) -> None:
    async with world.bot():
        before = len(world.slack.messages("general"))
        await world.slack.command("/delegate", text, by="ben")
        await world.slack.until(lambda: world.slack.ephemerals("ben"))
        assert "delegate" in str(world.slack.ephemerals("ben")[-1])
        assert len(world.slack.messages("general")) == before
    assert world.stub.count == 0


async def test_status_lists_my_requests(world: World) -> None:
    world.stub.plan({"answer": "Four."})
    async with world.bot():
        ts = await world.says("@delegate what is 2+2?", by="ben")
        await world.sees(ts, "Four\\.")
        await world.slack.command("/delegate", "status", by="ben")
        await world.slack.until(lambda: world.slack.ephemerals("ben"))
        assert "2+2" in str(world.slack.ephemerals("ben")[-1])


async def test_a_direct_message_needs_no_mention(world: World) -> None:
    world.stub.plan({"answer": "Hello Ben."})
    async with world.bot():
        ts = await world.says("hello there", by="ben", channel="dm")
        await world.sees(ts, "Hello Ben\\.", channel="dm", by="ben")


async def test_the_shortcut_takes_a_message_as_the_request(world: World) -> None:
    world.stub.plan({"answer": "Taken."})
    async with world.bot():
        ts = await world.says("we should thank everybody for the launch", by="chen")
        await world.slack.shortcut("delegate_message", "general", ts, by="ben")
        await world.sees(ts, "Taken\\.")
    assert "thank everybody for the launch" in world.stub.requests[0].text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("@delegate", "Tell me what to do"),
        ("@delegate \u200b\u200f ", "Tell me what to do"),
        ("@delegate " + "long words " * 4000, "attach the long part as a file"),
    ],
)
async def test_what_cannot_be_a_request_is_said_to_that_person_alone(
    world: World, text: str, sentence: str
) -> None:
    async with world.bot():
        ts = await world.says(text, by="ben")
        await world.slack.until(lambda: world.slack.ephemerals("ben"))
        assert sentence in world.slack.ephemerals("ben")[-1]["text"]
        assert not world.posts(ts)
    assert world.stub.count == 0


@pytest.mark.parametrize(
    "text", ["שלום עולם", "Z̷a̸l̵g̶o̷ t̸e̶x̵t̷", "a\x00b\x07c", "日本語でお願いします", "<!channel> hi & <b>"]
)
async def test_any_script_is_a_request(world: World, text: str) -> None:
    world.stub.plan({"answer": f"You said {text}"})
    async with world.bot():
        ts = await world.says(f"@delegate {text}")
        await world.sees(ts, "You said")


async def test_guests_are_refused_politely_before_any_paid_call(world: World) -> None:
    async with world.bot():
        ts = await world.says("@delegate do it", by="gwen")
        await world.slack.until(lambda: world.slack.ephemerals("gwen"))
        assert "Guests cannot start work" in world.slack.ephemerals("gwen")[-1]["text"]
        assert not world.posts(ts)
    assert world.stub.count == 0


async def test_one_person_has_so_many_requests_open_and_no_more(world: World) -> None:
    world.stub.delay = 2.0
    async with world.bot(open_per_person=3):
        for n in range(5):
            await world.says(f"@delegate thing number {n}", by="ben")
        await world.slack.until(lambda: len(world.slack.ephemerals("ben")) == 2, timeout=10)
        assert "requests open" in world.slack.ephemerals("ben")[-1]["text"]


async def test_feedback_is_noted(world: World) -> None:
    world.stub.plan({"answer": "Four."})
    async with world.bot():
        ts = await world.says("@delegate what is 2+2?", by="ben")
        await world.sees(ts, "Four\\.")
        answer = world.posts(ts)[-1]["ts"]
        value = f"{world.posts(ts)[-1]['blocks'][-1]['elements'][0]['positive_button']['value']}"
        await world.slack.click("general", answer, "feedback", by="ben", value=value)
        await world.slack.until(lambda: world.slack.ephemerals("ben"))
        assert "noted" in world.slack.ephemerals("ben")[-1]["text"]


async def test_a_long_result_is_one_click_away_in_whole(world: World) -> None:
    world.stub.plan(steps(("write", "writer", "Draft only, please")))
    world.stub.reply("A long text. " * 600 + "The very end.", match="Draft only")
    async with world.bot():
        ts = await world.says("@delegate write much", by="ben")
        await world.sees(ts, "Show all")
        assert "The very end." not in world.thread(ts)
        await world.slack.click("general", world.posts(ts)[-1]["ts"], "show_all", by="ben")
        await world.slack.until(lambda: world.slack.view("ben"))
        assert "The very end." in str(world.slack.view("ben"))
        await asyncio.sleep(0)


async def test_the_home_tab_says_how_to_ask_and_lists_my_requests(world: World) -> None:
    world.stub.plan({"answer": "Four."})
    async with world.bot():
        ts = await world.says("@delegate what is 2+2?", by="ben")
        await world.sees(ts, "Four\\.")
        world.slack.open_home("ben")
        await world.slack.until(lambda: world.slack.home("ben"))
        assert "/delegate" in str(world.slack.home("ben")) and "2+2" in str(world.slack.home("ben"))
