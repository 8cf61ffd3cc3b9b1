"""A world, and a person with a browser in it. ARTEFACTS names where the pictures go, if not `artefacts/`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests import services
from tests.browser.person import Person
from tests.browser.stories import HeldWorld, a_held_world
from workers.kit.model import Model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def pictures() -> Path:
    folder = Path(os.environ.get("ARTEFACTS") or ROOT / "artefacts") / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _litellm_is_imported() -> None:
    """Seconds, once for all tests: none of them is about that."""
    asyncio.run(Model("hosted_vllm/stub", "http://127.0.0.1:9", "key").warm())


# A browser takes seconds to start, so the tests of a module share one, and with it one event loop.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    path = services.chromium()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=services.CHROMIUM_FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def world(chromium: Browser, tmp_path: Path) -> AsyncIterator[HeldWorld]:
    async with a_held_world(tmp_path) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="module")
async def ada(chromium: Browser, world: HeldWorld, pictures: Path) -> AsyncIterator[Person]:
    """A person before the page is opened; a script error or a request to any other host fails the test."""
    wrong: list[str] = []
    context = await chromium.new_context(
        viewport={"width": 1280, "height": 1000}, color_scheme="light", locale="en-GB"
    )
    page = await context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    own = (world.slack.base_url, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else wrong.append(r.url))
    yield Person(page, world.slack.base_url, pictures)
    await context.close()
    assert wrong == []
