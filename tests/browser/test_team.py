"""Home and the team in the browser: an admin switches, limits and tries; a member sees who works here."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.browser import stories
from tests.browser.person import Person
from tests.browser.stories import HeldWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWO_MODELS = "hosted_vllm/small, hosted_vllm/large"


def button(ada: Person, name: str) -> Locator:
    return ada.home.get_by_role("button", name=name, exact=True)


async def test_a_first_look_says_how_to_begin(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes(as_="chen")
        await ada.opens_home()
        await expect(ada.home).to_contain_text("No requests yet")
        await expect(ada.home).to_contain_text("No schedules yet")
        await ada.looks("home-empty", dark=True, whole=ada.home)


async def test_an_admin_switches_a_worker_off_and_a_member_does_not_see_it_any_more(
    ada: Person, world: HeldWorld
) -> None:
    async with world.bot():
        await ada.comes()
        await ada.opens_home()
        await button(ada, "Switch off writer").click()
        await expect(button(ada, "Switch on writer")).to_be_visible()
        await expect(ada.home).to_contain_text("writer is off")
        await expect(button(ada, "Try it with writer")).to_have_count(0)
        await ada.looks("home-switched-off", whole=ada.home)
        await ada.comes(as_="ben")
        await ada.opens_home()
        await expect(ada.home).to_contain_text("summarizer")
        await expect(ada.home).not_to_contain_text("writer")
        await expect(ada.home.get_by_role("button")).to_have_count(0)
        await ada.comes()
        await ada.opens_home()
        await button(ada, "Switch on writer").click()
        await expect(button(ada, "Switch off writer")).to_be_visible()


async def test_the_settings_limit_a_worker_to_a_channel(ada: Person, world: HeldWorld) -> None:
    async with world.bot(models=TWO_MODELS):
        await ada.comes()
        await ada.opens_home()
        await button(ada, "Settings of writer").click()
        await expect(ada.form).to_contain_text("Where does it work?")
        await ada.looks("worker-settings", dark=True)
        await ada.form.get_by_label("Only in these channels").check()
        await ada.form.get_by_role("button", name="Save").click()
        await expect(ada.form).to_contain_text("Choose at least one channel")
        await ada.looks("worker-settings-wrong")
        await ada.form.locator("summary").click()
        await expect(ada.form.get_by_label("Ben Whitfield")).to_have_count(0)  # channels only
        await ada.form.get_by_label("#support").check()
        await ada.looks("worker-settings-channels", dark=True)
        await ada.form.get_by_label("Which model").select_option(label="hosted_vllm/large")
        await ada.form.get_by_role("button", name="Save").click()
        await expect(ada.form).to_be_hidden()
        await expect(ada.home).to_contain_text("only in #support")
        await expect(ada.home).to_contain_text("model hosted_vllm/large")
        await ada.comes()
        await ada.writes("/delegate workers")
        await expect(ada.said("Only visible to you")).to_contain_text("only in #support")
        await ada.looks("workers-listed", dark=True)
        await ada.comes(as_="ben")
        await ada.writes("/delegate workers")
        await expect(ada.said("Only visible to you")).to_contain_text("Only in #support.")
        await expect(ada.said("Only visible to you").get_by_role("button", name="Settings")).to_have_count(0)
        await ada.looks("workers-listed-member")
        await ada.comes()
        await ada.said("Only visible to you").get_by_role("button", name="Settings of writer").click()
        await ada.form.get_by_label("In every channel").check()
        await ada.form.get_by_role("button", name="Save").click()
        await expect(ada.said("Only visible to you")).to_contain_text("writer – ✅ on, everywhere")
        await ada.looks("workers-listed-changed")
        await ada.opens_home()
        await expect(ada.home).to_contain_text("only in #support, with the model hosted_vllm/large → on")


async def test_a_worker_is_tried_and_its_reply_is_in_messages(ada: Person, world: HeldWorld) -> None:
    world.stub.reply(stories.text(stories.SUPPORT_MAIL))
    async with world.bot():
        await ada.comes()
        await ada.opens_home()
        await button(ada, "Try it with writer").click()
        await ada.looks("worker-try", dark=True)
        await ada.form.get_by_label("What should it do?").fill("Draft only: a mail about the export fix")
        await ada.form.get_by_role("button", name="Try it").click()
        await expect(ada.form).to_contain_text("direct message")
        await ada.looks("worker-try-sent")
        await ada.form.get_by_role("button", name="Close").last.click()
        await ada.opens_messages()
        await ada.opens_the_thread("tries writer")
        await expect(ada.post("Thank you for your patience!")).to_have_count(1)
        await ada.looks("worker-tried", dark=True)


async def test_home_of_those_who_use_it_much(ada: Person, world: HeldWorld) -> None:
    """Pictures with everything in them, of an admin's Home and of a member's."""
    stories.blog(world.stub)
    async with world.bot(models=TWO_MODELS):
        await ada.comes(as_="ben")
        await ada.asks_for_a_schedule("30 16 * * 5", "List what #support still waits for")
        await ada.confirms()
        await ada.asks(stories.BLOG)
        await expect(ada.plan).to_contain_text("2 of 2 complete")
        await ada.asks_for_a_schedule("0 9 1 * *", "Chart the revenue of last month")
        await ada.opens_home()
        await expect(ada.home).to_contain_text("waits for your confirmation")
        await ada.looks("home-member", dark=True, whole=ada.home)
        await ada.comes()
        await ada.asks_for_a_schedule("0 9 * * 1", "Write the weekly note")
        await ada.confirms()
        world.stub.hold()
        await ada.writes("@delegate draft the launch mail")
        await expect(ada.said("draft the launch mail").get_by_test_id("reply-count")).to_be_visible()
        await ada.opens_home()
        await button(ada, "Switch off analyst").click()
        await expect(ada.home).to_contain_text("analyst is off")
        await expect(ada.home).to_contain_text("Other people's schedules")
        await ada.looks("home-admin", dark=True, whole=ada.home)
        world.stub.free()
