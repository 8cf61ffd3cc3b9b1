"""Slack in trouble: deliveries repeated, lost and late, rate limits, posts of unknown fate, channels gone."""

from __future__ import annotations

from collections import Counter

from tests.conversations.world import World, steps

TWO = steps(("a", "writer", "Draft only a"), ("b", "writer", "Draft only b", ["a"]))


def keys(world: World, ts: str) -> Counter[str]:
    return Counter(m["metadata"]["event_payload"]["key"] for m in world.posts(ts))


async def test_an_event_delivered_four_times_starts_one_run(world: World) -> None:
    world.stub.plan({"answer": "Once."})
    world.slack.faults.repeat_event(copies=4, times=2)
    async with world.bot():
        ts = await world.says("@delegate say it once")
        await world.sees(ts, "Once\\.")
    assert world.stub.count == 1 and set(keys(world, ts).values()) == {1}


async def test_only_the_retry_arrives_and_it_runs(world: World) -> None:
    world.stub.plan({"answer": "Here."})
    world.slack.faults.lose_first_delivery(times=2)
    async with world.bot():
        ts = await world.says("@delegate are you there?")
        await world.sees(ts, "Here\\.", within=20)


async def test_a_rate_limit_delays_the_thread_and_never_the_work(world: World) -> None:
    world.stub.plan(TWO)
    async with world.bot() as bot:
        world.slack.faults.ratelimit(3, "chat.postMessage")
        ts = await world.says("@delegate write both")
        await world.slack.until(lambda: world.stub.count == 3, timeout=10)
        await world.sees(ts, "writer: A", "writer: @ada", within=15)
        refused = [c for c in world.slack.calls("chat.postMessage") if c["error"] == "ratelimited"]
        assert len(refused) <= 6, "no busy loop"
        assert bot
    assert set(keys(world, ts).values()) == {1} and len(world.posts(ts)) == 3


async def test_a_post_whose_reply_was_lost_is_visible_once(world: World) -> None:
    world.stub.plan(TWO)
    world.slack.faults.drop_reply(times=2)
    async with world.bot():
        ts = await world.says("@delegate write both")
        await world.sees(ts, "writer: @ada", within=20)
    assert set(keys(world, ts).values()) == {1} and len(world.posts(ts)) == 3


async def test_a_post_that_slack_commits_late_is_visible_once(world: World) -> None:
    world.stub.plan(TWO)
    world.slack.faults.commit_late(0.6, times=1)
    async with world.bot():
        ts = await world.says("@delegate write both")
        await world.sees(ts, "writer: @ada", within=20)
    assert set(keys(world, ts).values()) == {1} and len(world.posts(ts)) == 3


async def test_a_slack_without_the_plan_block_gets_sections(world: World) -> None:
    world.stub.plan(TWO)
    world.slack.faults.refuse_blocks("plan")
    async with world.bot():
        ts = await world.says("@delegate write both")
        await world.sees(ts, "Done", "writer: @ada")
    assert "plan" not in {b["type"] for b in world.posts(ts)[0]["blocks"]}


async def test_an_archived_channel_stops_the_work_and_the_requester_is_told(world: World) -> None:
    world.stub.plan(TWO)
    world.stub.delay = 0.5
    async with world.bot():
        ts = await world.says("@delegate write both", by="ben")
        await world.sees(ts, "making a plan")
        world.slack.faults.archive("general")
        await world.slack.until(lambda: "archived" in str(world.slack.messages("dm", "ben")), timeout=10)
