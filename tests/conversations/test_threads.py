"""Follow-ups, manners, stop, questions: how people and the bot share a thread."""

from __future__ import annotations

import asyncio

from tests.conversations.world import World, steps
from workers import Question, Result, Task, Worker, WorkerError

ONE = steps(("write", "writer", "Write it, draft only"), title="One piece")


def made(name: str, body, about: str = "Does it.", **more: object) -> Worker:  # type: ignore[no-untyped-def]
    return Worker(name, about, body, **more)  # type: ignore[arg-type]


async def test_a_trivial_request_is_answered_directly(world: World) -> None:
    world.stub.plan({"answer": "Four."})
    async with world.bot():
        ts = await world.says("@delegate what is 2+2?")
        await world.sees(ts, "Answered below", "delegate: @ada", "Four\\.")
    assert len(world.posts(ts)) == 2 and world.stub.count == 1


async def test_a_follow_up_by_the_requester_needs_no_mention_and_knows_the_thread(world: World) -> None:
    world.stub.plan({"answer": "Oolong is half-oxidised."})
    world.stub.plan({"answer": "Green tea is not oxidised."})
    async with world.bot():
        ts = await world.says("@delegate what is oolong?")
        await world.sees(ts, "Oolong is half")
        await world.says("and green tea?", thread=ts)
        await world.sees(ts, "Green tea is not")
    prompt = world.stub.requests[-1].text
    assert "what is oolong?" in prompt and "Oolong is half-oxidised." in prompt and "and green tea?" in prompt


async def test_in_a_thread_of_ours_the_bot_is_silent_when_others_talk(world: World) -> None:
    world.stub.plan({"answer": "Yes."})
    async with world.bot():
        ts = await world.says("@delegate is tea good?")
        await world.sees(ts, "Yes\\.")
        await world.says("I think so too", by="ben", thread=ts)
        await world.says("@ben do you really?", by="ada", thread=ts)
        await asyncio.sleep(0.5)
        assert len(world.posts(ts)) == 2
        world.stub.plan({"answer": "Hello Ben."})
        await world.says("@delegate what about me?", by="ben", thread=ts)
        await world.sees(ts, "@ben", "Hello Ben")


async def test_a_reply_while_a_run_is_on_waits_its_turn(world: World) -> None:
    gate = asyncio.Event()

    async def slow(task: Task) -> str:
        await gate.wait()
        return "Slow is done."

    world.stub.plan(steps(("slow", "slow", "take your time")))
    world.stub.plan({"answer": "Second."})
    async with world.bot({"slow": made("slow", slow)}):
        ts = await world.says("@delegate do the slow thing")
        await world.sees(ts, "Working")
        await world.says("then say second", thread=ts)
        await world.sees(ts, "On the list")
        gate.set()
        await world.sees(ts, "Slow is done", "Second\\.")
    assert "Slow is done." in world.stub.requests[-1].text


async def test_a_bare_stop_ends_what_is_running_and_says_what_was_done(world: World) -> None:
    async def forever(task: Task) -> str:
        await asyncio.sleep(60)
        return "never"

    async def quick(task: Task) -> str:
        return "The quick part."

    world.stub.plan(steps(("first", "quick", "go"), ("then", "forever", "go on", ["first"])))
    async with world.bot({"quick": made("quick", quick), "forever": made("forever", forever)}):
        ts = await world.says("@delegate begin")
        await world.sees(
            ts,
            "The quick part",
        )
        await world.says("stop", by="ben", thread=ts)  # not his run: silence
        await asyncio.sleep(0.3)
        assert "Stopped" not in world.thread(ts)
        await world.says("stop", thread=ts)
        await world.sees(ts, "Stopped by @ada", "Stopped\\. Done before that: “First”")


async def test_the_stop_button_is_for_the_requester_and_admins(world: World) -> None:
    async def forever(task: Task) -> str:
        await asyncio.sleep(60)
        return "never"

    world.stub.plan(steps(("go", "forever", "go")))
    async with world.bot({"forever": made("forever", forever)}):
        ts = await world.says("@delegate begin", by="ben")
        await world.sees(ts, "Working", "<Stop>")
        plan = world.posts(ts)[0]["ts"]
        await world.slack.click("general", plan, "stop", by="chen")
        await world.slack.until(lambda: world.slack.ephemerals("chen"))
        assert "Only the person who asked" in world.slack.ephemerals("chen")[-1]["text"]
        await world.slack.click("general", plan, "stop", by="ada")
        await world.sees(ts, "Stopped by @ada")


async def test_a_failing_worker_costs_its_own_branch_and_the_answer_says_what_is_missing(
    world: World,
) -> None:
    async def broken(task: Task) -> str:
        raise WorkerError("The archive is locked.")

    async def bug(task: Task) -> str:
        raise KeyError("secret detail")

    async def fine(task: Task) -> Result:
        return Result(text="Fine result.")

    world.stub.plan(
        steps(("a", "broken", "x"), ("b", "fine", "x"), ("c", "fine", "x", ["a"]), ("d", "bug", "x"))
    )
    workers = {"broken": made("broken", broken), "fine": made("fine", fine), "bug": made("bug", bug)}
    async with world.bot(workers):
        ts = await world.says("@delegate do all of it")
        thread = await world.sees(
            ts, "Partly done", "Fine result", "What is missing", "The archive is locked"
        )
    assert "secret detail" not in thread and "KeyError" in thread and "“C”" in thread


async def test_a_planner_that_answers_garbage_twice_ends_in_a_plain_sentence(world: World) -> None:
    world.stub.reply("I would rather talk about the weather.")
    world.stub.reply('{"title": "x", "steps": [')
    async with world.bot():
        ts = await world.says("@delegate plan something")
        await world.sees(ts, "This did not work", "I could not make a plan", "ask again in this thread")
    assert world.stub.count == 2


async def test_a_bad_plan_is_mended_once(world: World) -> None:
    world.stub.plan(steps(("a", "barista", "make coffee")))
    world.stub.plan({"answer": "Mended."})
    async with world.bot():
        ts = await world.says("@delegate plan something")
        await world.sees(ts, "Mended\\.")
    assert "barista" in world.stub.requests[1].text and "not on the team" in world.stub.requests[1].text


async def test_the_model_is_down_and_the_thread_says_so(world: World) -> None:
    world.stub.fault(500, times=3)
    async with world.bot(model_seconds=5.0):
        ts = await world.says("@delegate plan something")
        await world.sees(ts, "This did not work", "model", "ask again in this thread", within=20)


async def test_a_worker_may_ask_and_goes_on_with_the_answer(world: World) -> None:
    async def asker(task: Task) -> str:
        if not task.answers:
            raise Question("Which colour?", ["red", "blue"])
        return f"Painted it {task.answers[0].answer}."

    world.stub.on("paint", plan=steps(("paint", "asker", "paint it")))
    async with world.bot({"asker": made("asker", asker)}):
        ts = await world.says("@delegate paint it")
        await world.sees(ts, "Waiting for @ada", "Which colour\\?", "<red> <blue>")
        ask = world.posts(ts)[1]["ts"]
        await world.slack.click("general", ask, "answer:1", by="ben")
        await asyncio.sleep(0.3)
        assert "Painted" not in world.thread(ts)
        await world.slack.click("general", ask, "answer:1", by="ada")
        await world.sees(ts, "Answered by @ada: blue", "Painted it blue")
        other = await world.says("@delegate paint that too")
        await world.sees(other, "Which colour\\?")
        await world.says("a kind of green", thread=other)
        await world.sees(other, "Painted it a kind of green")


async def test_what_may_have_happened_is_not_done_again_because_of_somebodys_own_words(world: World) -> None:
    begun: list[str] = []

    async def payer(task: Task) -> str:
        begun.append(task.key)
        await asyncio.sleep(60)
        return "Paid."

    world.stub.on("pay", plan=steps(("pay", "payer", "pay it")))
    payers = {"payer": made("payer", payer, effects="external")}
    async with world.bot(payers):
        ts = await world.says("@delegate pay it")
        await world.slack.until(lambda: begun)
    async with world.bot(payers):
        await world.sees(ts, "may or may not have happened", "<Run it again> <Leave it>")
        assert "in your own words" not in world.thread(ts)
        await world.says("No, please do not!", thread=ts)
        await world.slack.until(lambda: world.slack.ephemerals("ada"))
        assert "press one of the buttons" in world.slack.ephemerals("ada")[-1]["text"]
        await world.slack.click("general", world.posts(ts)[1]["ts"], "answer:1", by="ada")
        await world.sees(ts, "Answered by @ada: Leave it")
    assert len(begun) == 1


async def test_the_summarizer_reads_the_thread_it_stands_in(world: World) -> None:
    world.stub.plan(steps(("sum", "summarizer", "Sum up this thread")))
    world.stub.reply("- Friday it is.", match="Sum up this thread")
    async with world.bot():
        ts = await world.says("When do we launch?", by="ben")
        await world.says("I would say Friday, the tests are green", by="chen", thread=ts)
        await world.says("@delegate sum up this thread", by="ada", thread=ts)
        await world.sees(ts, "summarizer: @ada", "Friday it is")
    prompt = world.stub.requests[-1].text
    assert "ben: When do we launch?" in prompt and "chen: I would say Friday" in prompt


async def test_a_named_channel_is_read_and_one_that_the_person_may_not_read_is_not(world: World) -> None:
    world.stub.on("sum up", plan=steps(("sum", "summarizer", "Sum up the channel")))
    world.stub.reply("- Printers.", match="Sum up the channel")
    async with world.bot():
        support = world.slack.place("support")
        ts = await world.says(f"@delegate sum up <#{support}|support>", by="ben")
        await world.sees(ts, "Printers")
        random = world.slack.place("random")
        other = await world.says(f"@delegate sum up <#{random}|random>", by="ben")
        await world.sees(other, "This did not work|I could not do this", "not in that channel")


async def test_a_follow_up_has_the_files_of_the_message_before(world: World) -> None:
    world.stub.plan({"answer": "A table with two rows."})
    world.stub.plan({"answer": "Here."})
    async with world.bot():
        file = world.slack.upload("rows.csv", b"a,b\n1,2\n", by="ada")
        ts = await world.says("@delegate what is this?", files=[file])
        await world.sees(ts, "A table with two rows")
        await world.says("now chart it", thread=ts)
        await world.sees(ts, "Here\\.")
    assert "Attached files: rows.csv" in world.stub.requests[-1].text


async def test_a_bare_stop_where_nothing_runs_is_not_a_request(world: World) -> None:
    world.stub.plan({"answer": "Yes."})
    async with world.bot():
        ts = await world.says("@delegate is tea good?", by="ben")
        await world.sees(ts, "Yes\\.")
        await world.says("stop", by="ben", thread=ts)
        await world.slack.until(lambda: world.slack.ephemerals("ben"))
        await world.says("stop", by="chen", channel="dm")
        await world.slack.until(lambda: world.slack.ephemerals("chen"))
    assert "Nothing of mine is running" in world.slack.ephemerals("chen")[-1]["text"]
    assert world.stub.count == 1


async def test_slack_limits_a_look_up_and_the_request_is_not_lost(world: World) -> None:
    world.stub.plan({"answer": "Patience pays."})
    async with world.bot():
        world.slack.faults.ratelimit(1.5, "users.info")
        ts = await world.says("@delegate are you there?", by="ben")
        await world.sees(ts, "Patience pays")


async def test_the_channel_is_read_where_no_thread_is_and_no_channel_is_named(world: World) -> None:
    world.stub.plan(steps(("sum", "summarizer", "Sum up the channel")))
    world.stub.reply("- The printer.", match="Sum up the channel")
    async with world.bot():
        await world.says("The printer on floor 2 is on fire", by="chen")
        ts = await world.says("@delegate sum up what was said in this channel", by="ben")
        await world.sees(ts, "The printer")
    prompt = world.stub.requests[-1].text
    assert "chen: The printer on floor 2 is on fire" in prompt and "reading the channel" not in prompt


async def test_a_stop_right_behind_the_request_is_heard(world: World) -> None:
    world.stub.delay = 3.0
    async with world.bot():
        world.slack.faults.ratelimit(1.0, "users.info")
        ts = await world.says("@delegate begin something long", by="ben")
        await world.says("stop", by="ben", thread=ts)
        await world.sees(ts, "Stopped by @ben")


async def test_what_was_acknowledged_and_handled_is_not_handled_again(world: World) -> None:
    """A crash between an event's effect and its mark: the inbox hands it over a second time."""

    async def asker(task: Task) -> str:
        if len(task.answers) < 2:
            raise Question(f"Question {len(task.answers) + 1}?")
        return "Both: " + ", ".join(a.answer for a in task.answers)

    world.stub.on("ask me", plan=steps(("ask", "asker", "ask")))
    async with world.bot({"asker": made("asker", asker)}) as bot:
        ts = await world.says("@delegate ask me")
        await world.sees(ts, "Question 1\\?")
        await world.says("blue", thread=ts)
        await world.sees(ts, "Question 2\\?")
        await bot.store.database.write(lambda c: c.exec_driver_sql("UPDATE inbox SET done_at = NULL"))
        await bot.inbox.recover()
        await asyncio.sleep(0.5)
        assert world.thread(ts).count("Answered by") == 1 and world.stub.count == 1
        await world.says("red", thread=ts)
        await world.sees(ts, "Both: blue, red")


async def test_a_stop_while_a_file_is_fetched_keeps_the_worker_from_starting(world: World) -> None:
    began = []

    async def reader(task: Task) -> str:
        began.append(task.key)
        return "read"

    world.stub.plan(steps(("read", "reader", "read it")))
    async with world.bot({"reader": made("reader", reader, reads=("channel",))}):
        world.slack.faults.ratelimit(1.5, "conversations.history")
        ts = await world.says("@delegate read it", by="ben")
        await world.sees(ts, "Working")
        await world.says("stop", by="ben", thread=ts)
        await world.sees(ts, "Stopped by @ben")
        await asyncio.sleep(2.5)
    assert began == []
