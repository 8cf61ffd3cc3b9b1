"""A playground, a small Bolt app behind it, a browser in front; skipped where there is no browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground
from tests.page.app import make
from tests.services import CHROMIUM_FLAGS
from tests.services import chromium as chromium_path


# A browser takes seconds to start, so the tests share one, and with it one event loop.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    path = chromium_path()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def slack() -> AsyncIterator[Playground]:
    async with Playground() as playground:
        shortcut = {"callback_id": "delegate_message", "name": "Delegate this message"}
        playground.world.shortcuts.append(shortcut)
        yield playground


@pytest.fixture
def seen() -> list[tuple[str, Any]]:
    """What reached the app: (what, its payload)."""
    return []


@pytest_asyncio.fixture(loop_scope="module")
async def app(slack: Playground, seen: list[tuple[str, Any]]) -> AsyncIterator[AsyncApp]:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.url, retry_handlers=[])
    app = make(client, slack.signing_secret, seen)
    handler = AsyncSocketModeHandler(app, slack.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.connected()
    yield app
    await handler.close_async()  # type: ignore[no-untyped-call]


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser, slack: Playground) -> AsyncIterator[Page]:
    """The page, opened; a script error or a request to any other host fails the test."""
    wrong: list[str] = []
    context = await chromium.new_context(viewport={"width": 1280, "height": 860})
    page = await context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((slack.base_url, "data:")) else wrong.append(r.url))
    await page.goto(slack.base_url)
    await page.get_by_test_id("composer").wait_for()
    yield page
    await context.close()
    assert wrong == []
