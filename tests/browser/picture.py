"""`python -m tests.browser.picture` makes `docs/thread.png` anew: the README's picture of a real thread.

The whole bot works for it, over the playground and the page in chromium; only what the model says is given,
and is in `stories.py`. The window is so narrow that the thread covers the channel, and as tall as the thread.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright, expect

from tests.browser import stories
from tests.browser.person import Person
from tests.services import CHROMIUM_FLAGS, find_chromium

DOCS = Path(__file__).parents[2] / "docs"
WIDTH, HEIGHT, SCALE = 960, 700, 1.25  # CSS pixels; the picture is 1200 wide


async def make(chromium: str, folder: Path) -> Path:
    with tempfile.TemporaryDirectory() as data:
        async with stories.a_held_world(Path(data)) as world, async_playwright() as playwright:
            stories.blog(world.stub)
            browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            page = await browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT},
                device_scale_factor=SCALE,
                color_scheme="light",
                locale="en-GB",
            )
            ada = Person(page, world.slack.base_url, folder)
            async with world.bot():
                await ada.comes()
                await ada.asks(stories.BLOG)
                await expect(ada.plan).to_contain_text("2 of 2 complete")
                await expect(ada.post("Keep the off switch close")).to_have_count(1)
                await expect(ada.posts.nth(1)).to_contain_text("Done.")
                tall = "document.querySelector('#thread .scroller')"
                hidden = await page.evaluate(f"{tall}.scrollHeight - {tall}.clientHeight")
                await page.set_viewport_size({"width": WIDTH, "height": HEIGHT + int(hidden)})
                await page.mouse.move(0, 0)  # nothing is pointed at,
                await page.evaluate("document.activeElement.blur()")  # nor about to be typed into
                made = await ada.looks("thread")
            await browser.close()
    return made


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No chromium here (install it, or set CHROMIUM to its path).")
    DOCS.mkdir(exist_ok=True)
    made = asyncio.run(make(chromium, DOCS))
    print(f"{made}: {made.stat().st_size / 1000:.0f} KB")  # noqa: T201


if __name__ == "__main__":
    main()
