"""A person at the page: types, clicks, opens a thread, and has a picture taken of what is seen.

All is found as a person finds it, by role, name or test id. It knows the page, nothing of the bot.
"""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Locator, Page, expect

PATIENT = 20_000  # ms: two cores may be shared with others; no assertion is softer for it


class Person:
    def __init__(self, page: Page, base_url: str, pictures: Path) -> None:
        self.page, self._base_url, self._pictures = page, base_url, pictures
        page.set_default_timeout(PATIENT)
        expect.set_options(timeout=PATIENT)

    async def comes(self, as_: str = "ada", channel: str = "C0GENERAL") -> None:
        await self.page.goto(f"{self._base_url}/?as={as_}#/{channel}")
        await self.page.get_by_test_id("composer").wait_for()
        await expect(self.page.locator("#banner")).to_be_hidden()

    @property
    def thread(self) -> Locator:
        return self.page.get_by_role("complementary", name="Thread")

    @property
    def plan(self) -> Locator:
        return self.thread.get_by_test_id("plan")

    @property
    def home(self) -> Locator:
        return self.page.get_by_test_id("home")

    @property
    def form(self) -> Locator:
        """The modal on top."""
        return self.page.get_by_test_id("modal")

    @property
    def asked_back(self) -> Locator:
        """The “are you sure?” of a button."""
        return self.page.get_by_role("dialog").filter(has=self.page.locator("form[method=dialog]"))

    @property
    def posts(self) -> Locator:
        """All posts in the thread, the root too."""
        return self.thread.get_by_test_id("message")

    def post(self, *says: str) -> Locator:
        """The posts in the thread that say all of this."""
        found = self.posts
        for words in says:
            found = found.filter(has_text=words)
        return found

    def said(self, words: str) -> Locator:
        """The messages in the channel that say this."""
        return self.page.get_by_role("main").get_by_test_id("message").filter(has_text=words)

    def step(self, title: str) -> Locator:
        return self.plan.get_by_test_id("task-card").filter(has_text=title)

    async def writes(self, text: str) -> None:
        await _types(self.page.get_by_test_id("composer"), text)

    async def replies(self, text: str) -> None:
        await _types(self.page.get_by_test_id("thread-composer"), text)

    async def opens_the_thread(self, words: str) -> None:
        """Of the message in the channel that says this."""
        await self.said(words).get_by_test_id("reply-count").click()
        await expect(self.post(words)).to_have_count(1)
        await expect(self.posts.nth(1)).to_be_visible()

    async def asks(self, text: str) -> None:
        """Writes in the channel, and opens the thread that begins."""
        await self.writes(text)
        await self.opens_the_thread(text.removeprefix("@delegate").strip())

    async def asks_for_a_schedule(self, when: str, task: str) -> None:
        """With a cron, so that no model is asked; opens the thread with its card."""
        await self.writes(f"/delegate schedule {when} {task}")
        await self.said(task).get_by_test_id("reply-count").click()
        await expect(self.post(task, "This is what I understood")).to_have_count(1)

    async def confirms(self) -> None:
        """The card in the thread."""
        await self.thread.get_by_role("button", name="Confirm").click()
        await expect(self.thread.get_by_role("button", name="Confirm")).to_have_count(0)

    async def opens_home(self) -> None:
        await self.page.get_by_test_id("home-link").click()
        await expect(self.home).to_contain_text("How to ask")

    async def opens_messages(self) -> None:
        """The conversation with the bot alone."""
        await self.page.get_by_role("link", name="Messages").first.click()
        await self.page.get_by_test_id("composer").wait_for()

    async def attaches(self, name: str, mimetype: str, content: bytes) -> None:
        async with self.page.expect_file_chooser() as chooser:
            await self.page.get_by_role("button", name="Attach files").first.click()
        await (await chooser.value).set_files([{"name": name, "mimeType": mimetype, "buffer": content}])
        await expect(self.page.get_by_role("list", name="Attached files")).to_contain_text(name)
        await expect(self.page.get_by_role("list", name="Attached files")).not_to_contain_text("uploading")

    async def sees_step(self, title: str, status: str) -> None:
        await expect(self.step(title)).to_have_attribute("data-status", status)

    async def looks(self, name: str, *, dark: bool = False, whole: Locator | None = None) -> Path:
        """A picture of the page as it is; `dark` takes one in the other theme too.

        `whole`: a part that scrolls, of which all is to be seen; the window grows for it."""
        window = self.page.viewport_size
        if whole and window:
            hidden = int(await whole.evaluate("el => el.scrollHeight - el.clientHeight"))
            await self.page.set_viewport_size({**window, "height": window["height"] + hidden})
        path = self._pictures / f"{name}.png"
        await self.page.screenshot(path=path, animations="disabled")
        if dark:
            await self.page.emulate_media(color_scheme="dark")
            await self.page.screenshot(path=self._pictures / f"{name}-dark.png", animations="disabled")
            await self.page.emulate_media(color_scheme="light")
        if window:
            await self.page.set_viewport_size(window)
        return path


async def _types(composer: Locator, text: str) -> None:
    await composer.click()
    await composer.press_sequentially(text)
    await composer.press("Enter")
    await expect(composer).to_have_value("")
