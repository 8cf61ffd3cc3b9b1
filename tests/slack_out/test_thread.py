"""A thread matches its run, whatever Slack does meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.run import Run, ThreadLost, ThreadOpened
from bot.slack.pace import Rates
from bot.slack.thread import SlackThreads
from tests.slack_out.fakes import later, step
from tests.slack_out.stage import SPEED, Stage, on_stage
from workers import File, Result

CHAIN = {"title": "Comparison"}


def chain(run: Run, first: str, second: str) -> Run:
    """Two steps, the second needs the first."""
    a, b = step("a", first, "Found **two**." if first == "done" else "", finished_at=1.0), step("b", second)
    if second == "done":
        b = step("b", second, "They differ in one.", finished_at=2.0)
    b = replace(b, step=b.step.model_copy(update={"needs": ("a",)}))
    return later(run, a, b, title="Comparison")


async def play(stage: Stage, bot: SlackThreads) -> Run:
    """A whole run, a view at a time, not waiting for Slack."""
    run = stage.show(bot, await stage.run())
    for first, second in (("out", "waiting"), ("done", "out"), ("done", "done")):
        await stage.fast.sleep(2)
        run = stage.show(bot, chain(run, first, second))
    return stage.show(bot, later(run, status="done", ended_at=stage.fast.now()))


def whole(stage: Stage) -> None:
    """One visible message for each key, in order, in its last state."""
    assert stage.names() == ["delegate", "researcher", "researcher"]
    plan = stage.posts()[0]["blocks"]
    assert "Done." in str(plan[0])
    assert "They differ in one." in stage.posts()[2]["text"]


async def test_a_thread_reads_well() -> None:
    """The receipt becomes the plan, each worker replies under its name, the last reply is the answer."""
    async with on_stage() as stage:
        run = await play(stage, stage.bot())
        await stage.shown(run)
        whole(stage)
        assert stage.text() == (
            "ada: @delegate compare the two\n"
            "delegate: Done.\n"
            "[Comparison]\n"
            "  ✓ Do a\n"
            "      researcher\n"
            "  ✓ Do b\n"
            "      researcher\n"
            "researcher: Do a\n"
            "Found two.\n"
            "researcher: @ada Do b\n"
            "They differ in one.\n"
            "<feedback_buttons>"
        )
        assert not any(m["metadata"]["event_payload"]["key"].startswith("plan") for m in stage.posts())


async def test_the_same_view_costs_no_call() -> None:
    """What changes nothing in the thread is recorded as shown, and Slack hears nothing."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        before = len(stage.slack.calls())
        again = stage.show(bot, later(run))
        await stage.shown(again)
        assert len(stage.slack.calls()) == before


@pytest.mark.parametrize("fault", ["drop_reply", "commit_late", "fail"])
async def test_an_unclear_post_is_seen_once(fault: str) -> None:
    """Accepted and the reply lost, done 40 s late, or a 500: one message each in the end."""
    async with on_stage() as stage:
        faults = stage.slack.faults
        if fault == "drop_reply":
            faults.drop_reply(times=2)
        elif fault == "commit_late":
            faults.commit_late(40 / SPEED, times=2)
        else:
            faults.fail(times=2, method="chat.postMessage")
        run = await play(stage, stage.bot())
        await stage.shown(run, timeout=15)
        whole(stage)


async def test_two_bots_post_each_message_once() -> None:
    """Two processes on one store show the same run: who claims, posts."""
    async with on_stage() as stage:
        one, two = stage.bot(), stage.bot()
        stage.slack.faults.drop_reply(times=1)
        run = stage.show(one, await stage.run())
        two.show(run)
        for first, second in (("out", "waiting"), ("done", "out"), ("done", "done")):
            run = chain(run, first, second)
            stage.show(two, run)
            one.show(run)
        run = stage.show(one, later(run, status="done"))
        two.show(run)
        await stage.shown(run, timeout=15)
        await asyncio.sleep(0.2)
        whole(stage)


async def test_a_long_429_loses_nothing() -> None:
    """120 s of 429 on every method: order kept, few calls, all there in the end."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        calls = len(stage.slack.calls())
        stage.slack.faults.ratelimit(120)
        run = chain(run, "done", "done")
        run = stage.show(bot, later(run, status="done"))
        await stage.shown(run)
        whole(stage)
        assert len(stage.slack.calls()) - calls <= 12


async def test_without_the_plan_block_the_plan_is_sections() -> None:
    """Refused once, remembered for the workspace."""
    async with on_stage() as stage:
        stage.slack.faults.refuse_blocks("plan")
        bot = stage.bot()
        run = await play(stage, bot)
        await stage.shown(run)
        whole(stage)
        assert "section" in stage.kinds()
        refused = [c for c in stage.slack.calls() if c["error"] == "invalid_blocks"]
        assert len(refused) == 1


async def test_any_refused_block_ends_in_something_readable() -> None:
    """Even with no blocks at all, the words arrive."""
    async with on_stage() as stage:
        stage.slack.faults.refuse_blocks("plan", "rich_text", "section", "context_actions")
        run = await play(stage, stage.bot())
        await stage.shown(run)
        assert [m["text"].split("\n")[0] for m in stage.posts()] == [
            "Comparison: Done.",
            "researcher: Do a",
            f"<@{stage.ada}> researcher: Do b",
        ]


async def test_without_the_scope_for_names_the_worker_is_named_in_the_text() -> None:
    """No chat:write.customize: the bot's own name above, the worker's in the reply."""
    async with on_stage() as stage:
        stage.drop_scope("chat:write.customize")
        run = await play(stage, stage.bot())
        await stage.shown(run)
        assert stage.names() == ["delegate"] * 3
        assert "delegate: researcher · Do a" in stage.text()


async def test_an_archived_channel_ends_the_run_and_says_so_by_dm() -> None:
    """ThreadLost through decide; the requester gets a direct message."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        stage.slack.workspace.archive(stage.slack.workspace.channel("general"))
        run = stage.show(bot, chain(run, "done", "out"))
        await stage.shown(replace(run, version=run.version + 1))
        assert stage.events == [ThreadLost("The channel was archived.")]
        dms = [m["text"] for m in stage.slack.messages("dm")]
        assert dms == ["I had to stop working on your request. The channel was archived."]


async def test_last_words_into_an_archived_channel_do_not_loop() -> None:
    """A run that has ended can't be lost any more: logged, and left."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        stage.slack.workspace.archive(stage.slack.workspace.channel("general"))
        run = stage.show(bot, later(chain(run, "done", "done"), status="done"))
        await stage.shown(run)
        assert stage.events == []


async def test_a_command_gets_a_root_and_its_thread() -> None:
    """The root goes into the channel, the run hears of its thread, the plan goes inside."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = await stage.run()
        request = replace(run.request, source="command", thread_ts="")
        run = stage.show(bot, replace(run, request=request))
        await stage.shown(replace(run, version=2))
        opened = stage.events[0]
        assert isinstance(opened, ThreadOpened)
        stage.root = opened.ts
        root, plan = stage.posts()
        assert root["text"].endswith("asked: Compare the two")
        assert plan["thread_ts"] == root["ts"]


async def test_an_unclear_root_is_found_in_the_channel() -> None:
    """Roots are looked up in the channel's history."""
    async with on_stage() as stage:
        stage.slack.faults.drop_reply(times=1)
        bot = stage.bot()
        run = await stage.run()
        request = replace(run.request, source="command", thread_ts="")
        run = stage.show(bot, replace(run, request=request))
        await stage.shown(replace(run, version=2))
        roots = [m for m in stage.slack.messages("general") if "asked:" in m["text"]]
        assert len(roots) == 1


async def test_a_deleted_plan_is_left_deleted() -> None:
    """Somebody removed it: no second plan, and no loop."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        stage.slack.workspace.delete(stage.slack.workspace.channel("general"), stage.posts()[0]["ts"])
        run = stage.show(bot, chain(run, "out", "waiting"))
        await stage.shown(run)
        run = stage.show(bot, later(chain(run, "done", "done"), status="done"))
        await stage.shown(run)
        assert stage.names() == ["researcher", "researcher"]


async def test_many_views_are_one_update() -> None:
    """The latest wins: a hundred views in a moment are a handful of calls."""
    async with on_stage() as stage:
        bot = stage.bot(Rates())
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        run = chain(run, "out", "waiting")
        for n in range(100):
            run = stage.show(bot, later(run, replace(run.steps[0], said=f"page {n}"), run.steps[1]))
            await asyncio.sleep(0)
        await stage.shown(run)
        assert len(stage.slack.calls("chat.update")) <= 15, "about one for each second that passed"
        assert "page 99" in stage.text()


async def test_an_older_view_never_wins() -> None:
    """A slow bot with an older run takes the newer one instead of overwriting it."""
    async with on_stage() as stage:
        fast, slow = stage.bot(), stage.bot()
        first = stage.show(fast, await stage.run())
        await stage.shown(first)
        old = chain(first, "out", "waiting")
        new = stage.show(fast, later(chain(old, "done", "out")))
        await stage.shown(new)
        slow.show(old)
        await stage.slack.until(lambda: not slow._threads)
        assert "✓ Do a" in stage.text()


async def test_two_bots_update_one_message_in_turn() -> None:
    """Two views at once: whoever comes second waits for the first, and the newer one stays."""
    async with on_stage() as stage:
        one, two = stage.bot(), stage.bot()
        run = stage.show(one, await stage.run())
        await stage.shown(run)
        for n in range(6):
            old = later(chain(run, "out", "waiting"))
            old = later(old, replace(old.steps[0], said=f"page {n}"), old.steps[1])
            new = later(old, replace(old.steps[0], said=f"page {n} read"), old.steps[1])
            one.show(old)
            run = stage.show(two, new)
            await stage.slack.until(lambda: not one._threads and not two._threads)
            assert f"page {n} read" in stage.text()


async def test_an_unclear_update_is_made_once_more() -> None:
    """Carried out 40 s late it would hide the newer view: so it is repeated when Slack has settled."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        stage.slack.faults.commit_late(40 / SPEED, method="chat.update")
        run = stage.show(bot, chain(run, "out", "waiting"))
        await stage.fast.sleep(5)
        run = stage.show(bot, later(chain(run, "done", "done"), status="done"))
        await stage.shown(run)
        whole(stage)


class Killed(asyncio.CancelledError):
    """A process that ends here: nothing on the way out may catch it."""


def kill_at(point: str, time: int) -> Callable[[str], None]:
    left = time

    def crash(passed: str) -> None:
        nonlocal left
        left -= passed == point
        if passed == point and left == 0:
            raise Killed

    return crash


@pytest.mark.parametrize("point", ["K7", "K8"])
async def test_a_killed_bot_leaves_one_message_per_key(point: str) -> None:
    """Killed there, and the next process killed there too: still one visible message per key."""
    async with on_stage() as stage:
        run = await stage.run()
        run = later(chain(run, "done", "done"), status="done")
        for _ in range(2):
            dying = stage.bot(crash=kill_at(point, 1))
            stage.show(dying, run)
            await died(dying)
        stage.show(stage.bot(), run)
        await stage.shown(run, timeout=15)
        whole(stage)


async def died(bot: SlackThreads) -> None:
    """Until its task has ended, which is killed and says nothing."""
    (task,) = bot._tasks
    with contextlib.suppress(Killed):
        await task


async def test_where_replies_may_not_be_read_nothing_is_posted_twice() -> None:
    """Delivery unknown: left as it is, and the rest of the thread goes on."""
    async with on_stage() as stage:
        stage.drop_scope("channels:history")
        stage.slack.faults.drop_reply(times=1)
        run = await play(stage, stage.bot())
        await stage.shown(run)
        assert stage.names() == ["delegate", "researcher", "researcher"]
        assert len(stage.slack.calls("chat.postMessage")) == 3


async def test_the_store_may_be_away_for_a_while() -> None:
    """A post whose record failed is recorded later, not posted again."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.slack.until(stage.posts)
        stage.rows.down = 3
        run = stage.show(bot, later(chain(run, "done", "done"), status="done"))
        await stage.shown(run)
        whole(stage)


async def test_slack_down_for_long_is_left_to_the_sweeper() -> None:
    """After some failures the thread is put off; the next show goes on."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await stage.shown(run)
        stage.slack.faults.fail(times=1_000, method="chat.update")
        run = stage.show(bot, chain(run, "out", "waiting"))
        await stage.slack.until(lambda: run.id in stage.rows.postponed, 15)
        stage.slack.faults.clear()
        await stage.slack.until(lambda: not bot._threads)
        stage.show(bot, run)
        await stage.shown(run)
        assert "… Do a" in stage.text()


async def test_files_are_shown_or_shared() -> None:
    """A picture inside the reply, a table file below it."""
    async with on_stage() as stage:
        picture = File(name="chart.png", mimetype="image/png", size=3, id="1" * 64)
        table = File(name="rows.csv", mimetype="text/csv", size=3, id="2" * 64)
        stage.blobs = {picture.id: b"png", table.id: b"a,b"}
        done = step("a", "done", "See the chart.", finished_at=1.0)
        done = replace(done, result=Result(text="See the chart.", files=(picture, table)))
        run = await stage.run()
        run = stage.show(stage.bot(), later(run, done, status="done"))
        await stage.shown(run)
        assert "image" in stage.kinds()
        shared = [f["name"] for m in stage.slack.thread("general", stage.root) for f in m.get("files", [])]
        assert shared == ["rows.csv"]


async def test_a_refused_picture_is_shared_below() -> None:
    """Where the image block does not work the picture still arrives."""
    async with on_stage() as stage:
        stage.slack.faults.refuse_blocks("image")
        picture = File(name="chart.png", mimetype="image/png", size=3, id="1" * 64)
        stage.blobs = {picture.id: b"png"}
        done = replace(step("a", "done", "x", finished_at=1.0), result=Result(text="See.", files=(picture,)))
        run = await stage.run()
        run = stage.show(stage.bot(), later(run, done, status="done"))
        await stage.shown(run)
        shared = [f["name"] for m in stage.slack.thread("general", stage.root) for f in m.get("files", [])]
        assert shared == ["chart.png"]
        assert "image" not in stage.kinds()


@pytest.mark.parametrize("times", [1, 1_000])
async def test_words_do_not_wait_for_files(times: int) -> None:
    """Uploads that fail for a while are shared below later; for good, they are given up."""
    async with on_stage() as stage:
        stage.slack.faults.fail(times=times, method="files.getUploadURLExternal")
        picture = File(name="chart.png", mimetype="image/png", size=3, id="1" * 64)
        stage.blobs = {picture.id: b"png"}
        done = step("a", "done", "See.", finished_at=1.0)
        done = replace(done, result=Result(text="See.", files=(picture,)))
        run = stage.show(stage.bot(), later(await stage.run(), done, step("b", "out")))
        await stage.slack.until(lambda: len(stage.posts()) >= 2)
        done_too = step("b", "done", "And this.", finished_at=2.0)
        run = stage.show(stage.bots[0], later(run, done, done_too, status="done"))
        await stage.shown(run)
        shared = [f["name"] for m in stage.slack.thread("general", stage.root) for f in m.get("files", [])]
        assert shared == (["chart.png"] if times == 1 else [])
        assert "And this." in stage.text()


async def test_closing_lets_what_is_on_its_way_arrive() -> None:
    """No task is left, and nothing begins afterwards."""
    async with on_stage() as stage:
        bot = stage.bot()
        run = stage.show(bot, await stage.run())
        await asyncio.sleep(0)
        await bot.close(2.0)
        assert not bot._tasks
        calls = len(stage.slack.calls())
        bot.show(later(run))
        await asyncio.sleep(0.05)
        assert len(stage.slack.calls()) == calls
