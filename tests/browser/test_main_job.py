"""A person asks in the browser and gets what was asked for: the main job, and the ways around it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser import stories
from tests.browser.person import Person
from tests.browser.stories import HeldWorld
from tests.conversations.world import steps
from workers import Question, Task, Worker

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_mention_becomes_a_plan_whose_steps_move_and_an_answer(ada: Person, world: HeldWorld) -> None:
    stories.blog(world.stub)
    world.stub.hold()
    async with world.bot():
        await ada.comes()
        await ada.writes(stories.BLOG)
        await expect(ada.said("Draft a short blog post").get_by_test_id("reply-count")).to_contain_text(
            "1 reply"
        )
        await ada.opens_the_thread("Draft a short blog post")
        await expect(ada.posts.nth(1)).to_contain_text("I am making a plan")
        await expect(ada.posts.nth(1).get_by_role("button", name="Stop")).to_be_visible()
        await ada.looks("main-1-receipt")

        world.stub.let()
        await ada.sees_step("Draft the post", "in_progress")
        await ada.sees_step("Refine the draft", "pending")
        await expect(ada.plan).to_contain_text("0 of 2 complete, 1 in progress")

        world.stub.let()
        await ada.sees_step("Draft the post", "complete")
        await ada.sees_step("Refine the draft", "in_progress")
        draft = ada.post("many teams are wondering")
        await expect(draft).to_have_attribute("data-author", "writer")
        await expect(draft.get_by_role("group", name="Feedback")).to_have_count(0)
        await ada.looks("main-2-moving", dark=True)

        world.stub.let()
        await expect(ada.plan).to_contain_text("2 of 2 complete")
        answer = ada.post("Keep the off switch close")
        await expect(answer).to_have_attribute("data-author", "writer")
        await expect(answer).to_contain_text("@Ada")
        await expect(ada.posts).to_have_count(4)  # what was asked, the plan, the draft, the answer
        await expect(ada.thread.get_by_role("button", name="Stop")).to_have_count(0)
        await answer.scroll_into_view_if_needed()
        await ada.looks("main-3-done", dark=True)

        await answer.get_by_role("button", name="This helped").click()
        await expect(ada.post("Thanks, noted")).to_contain_text("Only visible to you")


async def test_a_command_begins_a_thread_that_names_who_asked(ada: Person, world: HeldWorld) -> None:
    world.stub.plan(
        {"answer": "Autumn rain again.\nThe build is green, then it is not,\nand then it is green."}
    )
    async with world.bot():
        await ada.comes(as_="ben")
        await ada.writes("/delegate write a haiku about our build")
        await expect(ada.said("asked:")).to_contain_text("@Ben")
        await ada.opens_the_thread("haiku about our build")
        await expect(ada.post("Autumn rain again")).to_contain_text("@Ben")
        await ada.looks("command")


async def test_stop_asks_first_and_then_says_what_was_done(ada: Person, world: HeldWorld) -> None:
    stories.blog(world.stub)
    world.stub.hold()
    async with world.bot():
        await ada.comes()
        await ada.asks(stories.BLOG)
        world.stub.let(2)
        await ada.sees_step("Refine the draft", "in_progress")
        stop, sure = ada.thread.get_by_role("button", name="Stop"), ada.page.get_by_role("dialog")
        await stop.click()
        await expect(sure).to_contain_text("What is finished stays in the thread")
        await ada.looks("stop-confirm")
        await sure.get_by_role("button", name="Go on").click()
        await expect(sure).to_have_count(0)
        await ada.sees_step("Refine the draft", "in_progress")
        await stop.click()
        await sure.get_by_role("button", name="Stop").click()
        await expect(ada.posts.nth(1)).to_contain_text("Stopped by @Ada")
        await expect(ada.post("Done before that: “Draft the post”")).to_have_count(1)
        await expect(ada.step("Refine the draft")).to_contain_text("Stopped")
        await expect(stop).to_have_count(0)
        await ada.looks("stopped")


async def test_a_file_goes_in_and_a_chart_and_a_table_come_out(ada: Person, world: HeldWorld) -> None:
    world.stub.plan(
        steps(("sales", "analyst", "Revenue by region, as a bar chart"), title="Revenue by region")
    )
    world.stub.reply(stories.SALES_SQL)
    world.stub.reply(stories.SALES_SAID)
    async with world.bot():
        await ada.comes()
        await ada.attaches("sales.csv", "text/csv", stories.SALES.encode())
        await ada.asks("@delegate chart the revenue by region")
        answer = ada.post("North leads with")
        await expect(answer.get_by_role("table")).to_contain_text("271350")
        chart = answer.get_by_role("img", name="chart.png")
        await expect(chart).to_be_visible()
        await expect(chart).to_have_js_property("complete", True)
        assert await chart.evaluate("img => img.naturalWidth") > 300
        await answer.scroll_into_view_if_needed()
        await ada.looks("file-in-chart-out", dark=True)


async def test_a_question_is_answered_with_a_button(ada: Person, world: HeldWorld) -> None:
    async def asker(task: Task) -> str:
        if not task.answers:
            raise Question("Who will read it?", ["Customers", "The whole company", "Only the board"])
        return f"Here is the note, written for {task.answers[0].answer.lower()}."

    writer = Worker("writer", "Writes.", asker, ":writing_hand:")
    world.stub.plan(steps(("note", "writer", "Write a note about the release"), title="Release note"))
    async with world.bot({"writer": writer}):
        await ada.comes()
        await ada.asks("@delegate write a note about the release")
        question = ada.post("Who will read it?")
        await expect(question.get_by_role("button", name="The whole company")).to_be_visible()
        await expect(ada.posts.nth(1)).to_contain_text("Waiting for @Ada")
        await ada.looks("waiting-for-a-person")
        await question.get_by_role("button", name="The whole company").click()
        await expect(ada.post("written for the whole company")).to_have_count(1)
        await expect(question).to_contain_text("Answered by @Ada")
        await expect(question.get_by_role("button", name="Customers")).to_have_count(0)
        await ada.looks("question-answered")


async def test_all_of_a_long_result_is_one_click_away(ada: Person, world: HeldWorld) -> None:
    world.stub.plan(steps(("sum", "summarizer", "Summarise the week at length"), title="The week in support"))
    world.stub.reply(stories.LONG)
    async with world.bot():
        await ada.comes(channel="C0SUPPORT")
        await ada.asks("@delegate summarise the week at length")
        result = ada.post("A week of support")
        await expect(result).not_to_contain_text("The very end of it")
        await result.get_by_role("button", name="Show all").scroll_into_view_if_needed()
        await ada.looks("long-result")
        await result.get_by_role("button", name="Show all").click()
        whole = ada.page.get_by_test_id("modal")
        await expect(whole).to_contain_text("The very end of it")
        await ada.looks("long-result-whole")
        await whole.get_by_role("button", name="Close").first.click()
        await expect(whole).to_be_hidden()


async def test_the_home_tab_says_how_to_ask_and_what_i_asked(ada: Person, world: HeldWorld) -> None:
    world.stub.plan({"answer": "Four."})
    stories.blog(world.stub)
    async with world.bot():
        await ada.comes()
        await ada.asks("@delegate what is 2+2?")
        await expect(ada.post("Four.")).to_have_count(1)
        await ada.asks(stories.BLOG)
        await expect(ada.plan).to_contain_text("2 of 2 complete")
        await ada.page.get_by_test_id("home-link").click()
        home = ada.page.get_by_test_id("home")
        await expect(home).to_contain_text("what is 2+2?")
        await expect(home).to_contain_text("Blog post about AI automation")
        await ada.looks("home", dark=True)
