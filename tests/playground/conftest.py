"""A playground, and an unmodified Bolt app connected to it over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground
from tests.playground.bench import QUICK, Connect, client, online


@pytest.fixture
async def slack() -> AsyncIterator[Playground]:
    async with Playground(retries=QUICK) as playground:
        yield playground


@pytest.fixture
def web(slack: Playground) -> AsyncWebClient:
    return client(slack)


@pytest.fixture
async def connect(slack: Playground) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def go(app: AsyncApp) -> AsyncSocketModeHandler:
            return await stack.enter_async_context(online(slack, app))

        yield go
