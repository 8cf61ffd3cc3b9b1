"""A person has something done again and again, in the browser: the card, its fires, and the care of it."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.browser import stories
from tests.browser.person import Person
from tests.browser.stories import HeldWorld
from tests.conversations.world import steps

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = 86_400.0


def card(ada: Person) -> Locator:
    return ada.posts.nth(1)


async def schedules(ada: Person, when: str = "0 9 * * 1", task: str = "Write the weekly note") -> None:
    await ada.asks_for_a_schedule(when, task)
    await ada.confirms()
    await expect(card(ada)).to_contain_text("Scheduled by @Ada")


async def test_what_was_asked_for_is_shown_as_understood_and_exists_once_confirmed(
    ada: Person, world: HeldWorld
) -> None:
    world.stub.plan(stories.MONDAYS)
    async with world.bot():
        await ada.comes()
        await ada.asks("@delegate every Monday at 9 summarise #support and post it here")
        await expect(card(ada)).to_contain_text("This is what I understood")
        await expect(card(ada)).to_contain_text("Every Monday at 09:00")
        await expect(card(ada)).to_contain_text("Europe/Berlin")
        await expect(card(ada).get_by_role("listitem")).to_have_count(3)
        await expect(card(ada)).to_contain_text("Nothing is scheduled until you confirm")
        await ada.looks("schedule-card", dark=True)
        await ada.opens_home()
        await expect(ada.home).to_contain_text("No schedules yet")
        await ada.page.go_back()
        await ada.confirms()
        await expect(card(ada)).to_contain_text("Scheduled by @Ada")
        await ada.looks("schedule-confirmed", dark=True)
        await ada.opens_home()
        await expect(ada.home).to_contain_text("Every Monday at 09:00 (Europe/Berlin)")


async def test_a_cancelled_card_says_so_and_has_no_buttons(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes()
        await ada.asks_for_a_schedule("0 9 * * 1", "Write the weekly note")
        await ada.thread.get_by_role("button", name="Cancel").click()
        await expect(card(ada)).to_contain_text("Cancelled by @Ada")
        await expect(card(ada).get_by_role("button", name="Confirm")).to_have_count(0)
        await ada.looks("schedule-cancelled", dark=True)


async def test_a_card_that_waits_is_cancelled_from_home(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes()
        await ada.asks_for_a_schedule("0 9 * * 1", "Write the weekly note")
        await ada.opens_home()
        await ada.home.get_by_role("button", name="Cancel Write the weekly note").click()
        await expect(ada.asked_back).to_contain_text("nothing is scheduled")
        await ada.asked_back.get_by_role("button", name="Cancel it").click()
        await expect(ada.home).to_contain_text("cancelled, nothing was scheduled")
        await expect(ada.home).to_contain_text("No schedules yet")
        await ada.page.go_back()
        await expect(card(ada)).to_contain_text("Cancelled by @Ada")


async def test_it_is_paused_resumed_run_and_deleted_from_home(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes()
        await schedules(ada)
        await ada.opens_home()
        await ada.home.get_by_role("button", name="Pause Write the weekly note").click()
        await expect(ada.home).to_contain_text("Paused")
        await ada.looks("home-paused", whole=ada.home)
        resume = ada.home.get_by_role("button", name="Resume Write the weekly note")
        await expect(resume).to_be_focused()  # it stands where Pause was
        await resume.press("Enter")
        await expect(ada.home).to_contain_text("Next: Mon")
        world.stub.plan({"answer": "All quiet this week."})
        await ada.home.get_by_role("button", name="Run now Write the weekly note").click()
        await expect(ada.home).to_contain_text("runs now")
        await ada.looks("home-run-now", whole=ada.home)
        await ada.comes()
        await ada.opens_the_thread("as scheduled")
        await expect(ada.post("All quiet this week.")).to_have_count(1)
        await ada.opens_home()
        delete = ada.home.get_by_role("button", name="Delete Write the weekly note")
        await delete.click()
        await expect(ada.asked_back).to_contain_text("will not run again")
        await ada.looks("schedule-delete-confirm", dark=True)
        await ada.asked_back.get_by_role("button", name="Keep it").click()
        await expect(delete).to_be_visible()
        await delete.click()
        await ada.asked_back.get_by_role("button", name="Delete").click()
        await expect(ada.home).to_contain_text("No schedules yet")


async def test_an_edit_is_a_form_then_a_card_then_the_schedule(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes()
        await schedules(ada)
        await ada.opens_home()
        await ada.home.get_by_role("button", name="Edit Write the weekly note").click()
        when = ada.form.get_by_label("When?")
        await expect(when).to_have_value("0 9 * * 1")
        await ada.looks("schedule-form", dark=True)
        await when.fill("* * * * *")
        await ada.form.get_by_role("button", name="Next").click()
        await expect(ada.form).to_contain_text("15 minutes")
        await ada.looks("schedule-form-wrong")
        await when.fill("0 8 * * 1-5")
        await ada.form.get_by_label("Where?").select_option(label="#support")
        await ada.form.get_by_role("button", name="Next").click()
        await expect(ada.form).to_contain_text("direct message")
        await ada.looks("schedule-form-sent")
        await ada.form.get_by_role("button", name="Close").last.click()
        await ada.opens_messages()
        await ada.opens_the_thread("changes a schedule")
        await expect(card(ada)).to_contain_text("This is the change as I understood it")
        await expect(card(ada)).to_contain_text("#support")
        await ada.looks("schedule-change-card", dark=True)
        await ada.confirms()
        await expect(card(ada)).to_contain_text("Changed by @Ada")
        await ada.looks("schedule-changed")
        await ada.opens_home()
        await expect(ada.home).to_contain_text("at 08:00 (Europe/Berlin)")


async def test_after_downtime_one_run_catches_up_and_its_thread_says_so(
    ada: Person, world: HeldWorld
) -> None:
    async with world.bot():
        await ada.comes()
        await schedules(ada)
    world.ahead = 22 * DAY
    stories.note(world.stub)
    async with world.bot():
        await ada.opens_the_thread("as scheduled")
        await expect(ada.post("I was not running then")).to_have_count(1)
        await expect(ada.post("Nobody waited for long")).to_have_count(1)
        await ada.looks("schedule-fire", dark=True)


async def test_the_list_that_a_command_brings_has_the_buttons_too(ada: Person, world: HeldWorld) -> None:
    async with world.bot():
        await ada.comes()
        await schedules(ada)
        await schedules(ada, "30 16 * * 5", "List what #support still waits for")
        await ada.page.get_by_role("button", name="Close the thread").click()
        await ada.writes("/delegate schedules")
        listed = ada.said("Your schedules")
        await expect(listed).to_contain_text("Only visible to you")
        await expect(listed).to_contain_text("Every Friday at 16:30")
        await ada.looks("schedules-listed", dark=True)
        await listed.get_by_role("button", name="Pause Write the weekly note").click()
        await expect(listed).to_contain_text("is paused")
        await expect(listed.get_by_role("button", name="Resume Write the weekly note")).to_be_visible()
        await ada.looks("schedules-listed-paused")
        await listed.get_by_role("button", name="Resume Write the weekly note").click()
        await expect(listed).to_contain_text("is on again")
        await expect(listed).to_have_count(1)


async def test_a_step_that_waits_for_its_time_says_until_when(ada: Person, world: HeldWorld) -> None:
    plan = steps(
        ("mail", "writer", "Draft only: the mail to customers"),
        ("nudge", "writer", "Draft only: a reminder of it", ["mail"]),
        title="Mail, and a reminder tomorrow",
    )
    plan["steps"][0]["title"], plan["steps"][1]["title"] = "Draft the mail", "Remind them tomorrow"
    plan["steps"][1]["wait_minutes"] = 1_440
    world.stub.plan(plan)
    world.stub.reply(stories.text(stories.SUPPORT_MAIL))
    async with world.bot():
        await ada.comes()
        await ada.asks("@delegate draft the mail to customers, and remind them tomorrow at this time")
        await expect(ada.step("Remind them tomorrow")).to_contain_text("Waiting until")
        await expect(ada.post("please offer the weekly e-mail export")).to_have_count(1)
        await ada.looks("waiting-for-its-time", dark=True)
        await ada.opens_home()
        await expect(ada.home).to_contain_text("waits until")
        await ada.looks("home-waiting")
