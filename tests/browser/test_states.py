"""Every state a person can meet, each on the page, with what it must say; pictures for eyes to judge.

Those of the main job (moving, stopped, a question, a chart, a long result, Home) are in `test_main_job.py`.
"""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser import stories
from tests.browser.person import Person
from tests.browser.stories import HeldWorld
from tests.conversations.world import steps
from workers import Result, Task, Worker, WorkerError

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEEK = steps(
    ("points", "summarizer", "Sum up the channel: exports, billing, SSO"),
    ("mail", "writer", "Draft only: a mail to customers about the export fix"),
    title="The week in support",
)
WEEK["steps"][0]["title"] = "Sum up the week"
WEEK["steps"][1]["title"] = "Draft a mail to customers"


async def archive(task: Task) -> str:
    raise WorkerError("The archive is locked until Monday.")


async def points(task: Task) -> Result:
    return Result(text=stories.SUPPORT_POINTS)


async def test_a_reply_while_something_runs_is_on_the_list(ada: Person, world: HeldWorld) -> None:
    stories.blog(world.stub)
    world.stub.hold()
    async with world.bot():
        await ada.comes()
        await ada.asks(stories.BLOG)
        world.stub.let()
        await ada.sees_step("Draft the post", "in_progress")
        await ada.replies("and then translate it into German, please")
        waiting = ada.post("On the list")
        await expect(waiting.get_by_role("button", name="Stop")).to_be_visible()
        await ada.looks("waiting-its-turn")
        world.stub.free()


async def test_one_branch_fails_and_the_other_stays(ada: Person, world: HeldWorld) -> None:
    plan = steps(
        ("points", "summarizer", "Sum up"),
        ("past", "archivist", "Find last year's figures"),
        ("compare", "writer", "Compare both", ["points", "past"]),
        title="This week and last year",
    )
    for step, title in zip(
        plan["steps"], ("Sum up the week", "Find last year's figures", "Compare both"), strict=True
    ):
        step["title"] = title
    world.stub.plan(plan)
    workers = {
        "summarizer": Worker("summarizer", "Sums up.", points, ":memo:"),
        "archivist": Worker("archivist", "Finds old figures.", archive, ":card_index_dividers:"),
        "writer": Worker("writer", "Writes.", points, ":writing_hand:"),
    }
    async with world.bot(workers):
        await ada.comes()
        await ada.asks("@delegate compare this week with last year")
        await ada.sees_step("Find last year's figures", "error")
        await expect(ada.post("@Ada", "What is missing")).to_contain_text(
            "The archive is locked until Monday."
        )
        await expect(ada.posts.nth(1)).to_contain_text("Partly done: 1 of 3 steps.")
        await ada.looks("partly-failed", dark=True)


async def test_the_only_step_fails(ada: Person, world: HeldWorld) -> None:
    world.stub.plan(steps(("past", "archivist", "Find last year's figures"), title="Last year's figures"))
    async with world.bot({"archivist": Worker("archivist", "Finds old figures.", archive)}):
        await ada.comes()
        await ada.asks("@delegate find last year's figures")
        await expect(ada.post("@Ada", "The archive is locked until Monday.")).to_contain_text("ask again")
        await ada.looks("failed-worker")


async def test_the_planner_talks_garbage_twice(ada: Person, world: HeldWorld) -> None:
    world.stub.reply("I would rather talk about the weather.", times=2)
    async with world.bot():
        await ada.comes()
        await ada.asks("@delegate plan the offsite")
        await expect(ada.post("@Ada", "I could not make a plan")).to_contain_text("ask again")
        await expect(ada.plan).to_have_count(0)
        await ada.looks("failed-planner")


async def test_the_model_is_down(ada: Person, world: HeldWorld) -> None:
    world.stub.fault(500, times=None)
    async with world.bot(model_seconds=5.0):
        await ada.comes()
        await ada.asks("@delegate plan the offsite")
        await expect(ada.post("@Ada", "model")).to_contain_text("ask again")
        await ada.looks("model-down")


async def test_a_trivial_request_is_answered_directly(ada: Person, world: HeldWorld) -> None:
    world.stub.plan({"answer": "Four."})
    async with world.bot():
        await ada.comes()
        await ada.asks("@delegate what is 2+2?")
        await expect(ada.post("@Ada", "Four.").get_by_role("group", name="Feedback")).to_be_visible()
        await expect(ada.posts).to_have_count(3)
        await ada.looks("trivial")


async def test_several_ends_are_joined_by_an_answer(ada: Person, world: HeldWorld) -> None:
    world.stub.plan(WEEK)
    world.stub.reply(stories.text(stories.SUPPORT_POINTS), match="Sum up the channel")
    world.stub.reply(stories.text(stories.SUPPORT_MAIL), match="Draft only")
    world.stub.reply(stories.SUPPORT_ANSWER)
    world.stub.hold()
    async with world.bot():
        await ada.comes(channel="C0SUPPORT")
        await ada.asks("@delegate sum up the week, and draft a mail to customers about exports")
        world.stub.let(3)
        await expect(ada.posts.nth(1)).to_contain_text("putting the answer together")
        await ada.looks("joining")
        world.stub.let()
        answer = ada.post("@Ada", "One thing is still open")
        await expect(answer).to_have_attribute("data-author", "Delegate")
        await expect(ada.posts).to_have_count(5)
        await answer.scroll_into_view_if_needed()
        await ada.looks("several-ends")


async def test_a_guest_is_refused_and_only_the_guest_sees_it(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes(as_="gwen")
        await ada.writes("@delegate write to everybody")
        refusal = ada.said("Guests cannot start work")
        await expect(refusal).to_contain_text("Only visible to you")
        await ada.looks("refused-guest")
        await ada.page.get_by_test_id("person-switch").select_option(label="Ben Whitfield")
        await expect(ada.said("write to everybody")).to_have_count(1)
        await expect(refusal).to_have_count(0)


async def test_help_and_status_are_for_the_one_who_asked(ada: Person, world: HeldWorld) -> None:
    stories.blog(world.stub)
    world.stub.plan({"answer": "Four."})
    async with world.bot():
        await ada.comes()
        await ada.writes("/delegate help")
        await expect(ada.said("I plan it, hand the pieces to workers")).to_contain_text("Only visible to you")
        await ada.looks("help")
        await ada.asks(stories.BLOG)
        await expect(ada.plan).to_contain_text("2 of 2 complete")
        await ada.asks("@delegate what is 2+2?")
        await expect(ada.post("Four.")).to_have_count(1)
        world.stub.hold()
        await ada.writes("@delegate draft the launch mail")
        await expect(ada.said("draft the launch mail").get_by_test_id("reply-count")).to_be_visible()
        await ada.writes("/delegate status")
        status = ada.said("Your latest requests").last
        await expect(status).to_contain_text("Blog post about AI automation")
        await expect(status).to_contain_text("working")
        await ada.looks("status")
        world.stub.free()


async def test_an_empty_mention_says_how_to_ask(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes()
        await ada.writes("@delegate ")
        await expect(ada.said("Tell me what to do")).to_contain_text("Only visible to you")
        await ada.looks("refused-empty")
