"""The page in a browser: what a person sees and does, found as a person finds it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect
from slack_bolt.async_app import AsyncApp

from playground import Playground

pytestmark = pytest.mark.asyncio(loop_scope="module")
Seen = list[tuple[str, Any]]


async def ask(page: Page, text: str = "@Delegate draft a post & refine it") -> None:
    """A mention, and the thread it starts opened, with everything in it."""
    composer = page.get_by_test_id("composer")
    await composer.fill(text)
    await composer.press("Enter")
    await expect(page.get_by_test_id("reply-count")).to_contain_text("3 replies")
    await page.get_by_test_id("reply-count").click()
    await expect(page.locator("#thread").get_by_test_id("message")).to_have_count(4)


async def test_someone_who_does_not_know_what_to_type_takes_an_example(page: Page, app: AsyncApp) -> None:
    await page.get_by_test_id("example").first.click()
    await expect(page.get_by_test_id("composer")).to_have_value(
        "@delegate Draft a short blog post about AI automation, then refine it"
    )
    await expect(page.get_by_test_id("composer")).to_be_focused()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_test_id("message").first).to_contain_text("@Delegate Draft a short blog post")


async def test_a_plan_says_how_far_it_is_in_words(page: Page, app: AsyncApp) -> None:
    await ask(page)
    plan = page.get_by_test_id("plan")
    await expect(plan).to_contain_text("1 of 4 complete, 1 in progress, 1 failed")
    states = [
        await card.locator(".task-state").inner_text()
        for card in await page.get_by_test_id("task-card").all()
    ]
    assert states == ["Complete", "Failed", "In progress", "Pending"]
    reply = page.locator("#thread").get_by_test_id("message").filter(has_text="Found three")
    await expect(reply).to_contain_text("Researcher")
    await expect(reply).to_contain_text("APP")


async def test_what_a_model_wrote_stays_text(page: Page, app: AsyncApp) -> None:
    await ask(page)
    result = page.locator("#thread .markdown")
    await expect(result.get_by_role("table")).to_be_visible()
    await expect(result).to_contain_text("<img src=x onerror=alert(1)>")
    assert await result.locator("img").count() == 0
    links = await result.get_by_role("link").evaluate_all("all => all.map(a => [a.href, a.rel])")
    safe = "noopener noreferrer"
    assert links == [["https://example.org/a", safe], ["https://evil.example/p.png", safe]]


async def test_a_form_shows_errors_beside_its_fields_and_keeps_what_was_typed(
    page: Page, app: AsyncApp, seen: Seen
) -> None:
    await ask(page)
    await page.get_by_role("button", name="Change the plan").click()
    dialog = page.get_by_role("dialog", name="Change the plan")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("Please fill this in.")).to_have_count(2)
    await dialog.get_by_label("Name").fill("taken")
    await dialog.get_by_label("Effort").select_option(label="High")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_text("That name is taken.")).to_be_visible()
    await expect(dialog.get_by_label("Name")).to_be_focused()
    await dialog.get_by_label("Name").fill("free")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    sent = [values for what, values in seen if what == "form"][-1]
    assert sent["name"]["value"]["value"] == "free"
    assert sent["effort"]["value"]["selected_option"]["value"] == "high"


async def test_a_shortcut_opens_a_form_and_a_view_above_it_leaves_what_was_typed(
    page: Page, app: AsyncApp, seen: Seen
) -> None:
    await page.goto(page.url.split("#")[0] + "#/C0SUPPORT")
    message = page.get_by_test_id("message").filter(has_text="Invoice question")
    await message.hover()
    await message.get_by_role("button", name="More for this message").click()
    await page.get_by_role("menuitem", name="Delegate this message").click()
    form, details = (
        page.get_by_role("dialog", name="Change the plan"),
        page.get_by_role("dialog", name="Details"),
    )
    await form.get_by_label("Name").fill("typed before")
    await form.get_by_role("button", name="Details").click()
    await expect(details).to_contain_text("On this machine")
    await page.keyboard.press("Escape")
    await expect(form.get_by_label("Name")).to_have_value("typed before")
    await page.keyboard.press("Escape")
    await expect(form).to_be_hidden()
    assert [body["message"]["user"] for what, body in seen if what == "shortcut"] == ["U0BEN"]


async def test_a_button_reaches_the_app_with_its_value(page: Page, app: AsyncApp, seen: Seen) -> None:
    await ask(page)
    approve = page.get_by_role("button", name="Approve")
    await approve.click()
    await expect(approve).not_to_have_attribute("aria-busy", "true")
    clicked = [action for what, action in seen if what == "action"]
    assert [(a["action_id"], a["value"]) for a in clicked] == [("approve", "approve")]


async def test_the_keyboard_alone_is_enough(page: Page, app: AsyncApp) -> None:
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("@del")
    await expect(page.get_by_role("option", name="Delegate")).to_have_attribute("aria-selected", "true")
    await composer.press("Enter")
    await expect(composer).to_have_value("@Delegate ")
    await composer.press_sequentially("one")
    await composer.press("Shift+Enter")
    await composer.press_sequentially("two")
    await composer.press("Control+Enter")
    await expect(page.get_by_test_id("reply-count")).to_contain_text("3 replies")
    await page.get_by_test_id("reply-count").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("thread-composer")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#thread")).to_be_hidden()
    assert await page.evaluate("document.activeElement.dataset.testid") == "message"


async def test_a_command_is_answered_to_one_person_and_refused_in_a_thread(page: Page, app: AsyncApp) -> None:
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/del")
    await expect(page.get_by_role("option", name="/delegate")).to_be_visible()
    await composer.fill("/delegate explain webhooks")
    await composer.press("Enter")
    answer = page.get_by_test_id("message").filter(has_text="Working on: explain webhooks")
    await expect(answer).to_contain_text("Only visible to you")
    await ask(page)
    thread = page.get_by_test_id("thread-composer")
    await thread.fill("/delegate more")
    await thread.press("Enter")
    await expect(page.locator("#thread").get_by_role("alert")).to_contain_text("not supported in threads")
    await expect(thread).to_have_value("/delegate more")
    await page.get_by_test_id("person-switch").select_option(label="Ben Whitfield")
    await expect(page.get_by_test_id("reply-count")).to_be_visible()
    await expect(answer).to_have_count(0)


async def test_a_file_goes_in_and_comes_out(page: Page, slack: Playground) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach files").first.click()
    await (await chooser.value).set_files(
        [{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}]
    )
    await expect(page.get_by_role("button", name="Send")).to_be_enabled()
    await page.get_by_role("button", name="Send").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download notes.txt").click()
    assert (await (await download.value).path()).read_bytes() == b"hello"


async def test_the_page_says_when_the_bot_is_away(page: Page, slack: Playground) -> None:
    await expect(page.locator("#banner")).to_contain_text("The bot is not connected")


async def test_what_the_bot_called_can_be_looked_at(page: Page, app: AsyncApp) -> None:
    await expect(page.locator("#banner")).to_be_hidden()
    await ask(page)
    await page.get_by_test_id("inspector-toggle").click()
    call = page.get_by_test_id("call").filter(has_text="chat.update")
    await call.locator("summary").first.click()
    await expect(call.locator(".json").first).to_contain_text('"ts"')


async def test_the_bots_home_is_a_tab(page: Page, app: AsyncApp) -> None:
    await page.get_by_test_id("home-link").click()
    await expect(page.get_by_role("heading", name="Your workers")).to_be_visible()


async def test_a_narrow_window_scrolls_only_downwards(page: Page, app: AsyncApp) -> None:
    await page.set_viewport_size({"width": 375, "height": 740})
    await ask(page)
    await expect(page.get_by_test_id("person-switch")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 375
    assert await page.locator("#thread .scroller").evaluate("e => e.scrollWidth - e.clientWidth") == 0
