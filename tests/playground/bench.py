"""What the tests of the playground share: an unmodified Bolt app connected to it over a real socket."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from playground import Playground
from playground.delivery import Retries

QUICK = Retries(ack_timeout=0.4, delays=(0.0, 0.1, 0.2))


def client(slack: Playground, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(token=token or slack.bot_token, base_url=slack.url, retry_handlers=[])


def bolt(slack: Playground) -> AsyncApp:
    return AsyncApp(
        client=client(slack), signing_secret=slack.signing_secret, raise_error_for_unhandled_request=False
    )


@asynccontextmanager
async def online(slack: Playground, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    """The app connected for as long as the block lasts."""
    handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=0.2)
    before = len(slack.world.sockets.connections)
    await handler.connect_async()
    await slack.connected(before + 1)
    try:
        yield handler
    finally:
        await handler.close_async()


Connect = Callable[[AsyncApp], Awaitable[AsyncSocketModeHandler]]


def modal() -> dict[str, Any]:
    """A form with one field."""
    field = {"type": "plain_text_input", "action_id": "value"}
    return {
        "type": "modal",
        "callback_id": "settings_form",
        "title": {"type": "plain_text", "text": "Settings"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [
            {
                "type": "input",
                "block_id": "name",
                "element": field,
                "label": {"type": "plain_text", "text": "Name"},
            }
        ],
    }
