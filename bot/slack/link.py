"""One connection of Socket Mode: opened once, and given up when it is over or nothing is heard any more.

The SDK's client carries it. Left alone that client closes an old connection before it opens the new one (a
gap), tries an address that works once for ever, and repeats itself in the log when its token is refused. So
here it only says that it has ended, and why; what follows is decided in `sockets.py`.

Judged by the age of what was last heard from Slack, a pong too: a quiet workspace is healthy.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import Clock

Take = Callable[[AsyncBaseSocketModeClient, SocketModeRequest], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    ping: float = 5.0
    deaf: float = 25.0  # nothing heard, not even a pong
    open: float = 10.0  # from asking for an address to `hello`
    grace: float = 5.0  # a replaced one may still acknowledge what it brought
    short: float = 10.0  # one that ends sooner is no success
    pause: float = 1.0  # before the second try, and twice as long before each further one
    longest: float = 60.0  # pause
    quiet: float = 60.0  # so long without an event: replaced when Slack had to send something twice
    look: float = 1.0


class NotOpen(Exception):
    """Slack gave us no connection. `code`: why, in its word; `seconds`: when it wants to be asked again."""

    def __init__(self, code: str, seconds: float = 0.0) -> None:
        super().__init__(code or "no answer")
        self.code, self.seconds = code, seconds


async def address(client: AsyncWebClient, app_token: str, seconds: float) -> str:
    """Of one connection; it works once. Raises `NotOpen`."""
    try:
        async with asyncio.timeout(seconds):
            return str((await client.apps_connections_open(app_token=app_token))["url"])
    except SlackApiError as error:
        headers = {str(k).lower(): v for k, v in (getattr(error.response, "headers", None) or {}).items()}
        after = str(headers.get("retry-after", ""))
        code = str(error.response.get("error") or "internal_error")
        raise NotOpen(code, float(after) if after.isdecimal() else 0.0) from error
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise NotOpen("") from error


class Link(SocketModeClient):
    def __init__(
        self,
        app_token: str,
        client: AsyncWebClient,
        take: Take,
        timing: Timing,
        steady: Clock = time.monotonic,
    ) -> None:
        silent = logging.Logger("bot.slack.link", logging.CRITICAL)  # `sockets.py` says it, once
        super().__init__(app_token=app_token, logger=silent, web_client=client, ping_interval=timing.ping)
        self.socket_mode_request_listeners.append(take)
        self._timing, self._steady = timing, steady
        self._greeted, self.ended = asyncio.Event(), asyncio.Event()
        self.why = ""
        self.opened_at = self.heard_at = self.carried_at = steady()
        self._pong: float | None = None

    @classmethod
    async def opened(cls, app_token: str, client: AsyncWebClient, take: Take, timing: Timing) -> Self:
        """One on which Slack has greeted us. Raises `NotOpen`."""
        url = await address(client, app_token, timing.open)
        link = cls(app_token, client, take, timing)
        link.wss_uri = url
        try:
            async with asyncio.timeout(timing.open):
                await link.connect()  # type: ignore[no-untyped-call]
                await first(link._greeted, link.ended)
            if not link._greeted.is_set():
                raise NotOpen(link.why)
        except TimeoutError as error:
            await link.close()
            raise NotOpen("") from error
        except BaseException:
            await link.close()
            raise
        return link

    def end(self, why: str) -> None:
        if not self.ended.is_set():
            self.why = why
            self.ended.set()

    def look(self) -> None:
        """Ends it when it is over, or nothing is heard any more."""
        if self.last_ping_pong_time != self._pong:  # by the time of day, which may be set: only that it moved
            self._pong, self.heard_at = self.last_ping_pong_time, self._steady()
        if self.current_session is None or self.current_session.closed:
            self.end("closed")
        elif self._steady() - self.heard_at > self._timing.deaf:
            self.end("deaf")

    @property
    def lived(self) -> float:
        return self._steady() - self.opened_at

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        self.end("closed")

    async def enqueue_message(self, message: str) -> None:
        """A goodbye is read here, in its order: the connection's end, right behind it, would be taken for a
        network that broke."""
        self.heard_at = self._steady()
        if '"disconnect"' in message and (goodbye := _goodbye(message)):
            self.end(goodbye)
            return
        await super().enqueue_message(message)

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        if message.get("type") == "hello":
            self._greeted.set()
            return
        self.carried_at = self._steady()
        await super().run_message_listeners(message, raw_message)

    async def close(self) -> None:
        await super().close()  # type: ignore[no-untyped-call]


def _goodbye(message: str) -> str:
    """Why Slack ends it; empty for anything else."""
    try:
        said = json.loads(message)
    except ValueError:
        return ""
    is_one = isinstance(said, dict) and said.get("type") == "disconnect"
    return str(said.get("reason") or "disconnect") if is_one else ""


async def first(*events: asyncio.Event, within: float | None = None) -> None:
    """Until one of them happens, or so many seconds have passed."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
