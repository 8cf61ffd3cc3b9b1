"""Socket Mode: the places over which Slack sends events, each with one connection at a time.

A connection that is to be replaced stays until the next one is there, and a little longer: what came over it
is acknowledged over it, so a refresh loses nothing. What keeps us from connecting is said once, with what to
do, and tried again with growing pauses.

A connection that answers pings and carries nothing looks healthy. It shows when Slack sends an event a second
time because nobody answered the first: then those that were quiet are replaced. Where all of them are like
that, nothing shows it before Slack replaces them, about once an hour.

It does not know what an event means; that it is committed before it is acknowledged is the inbox's.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import CannotStart
from bot.slack.link import Link, NotOpen, Timing, address, first
from bot.watch import UNWATCHED, Watch

log = structlog.get_logger(__name__)

SOCKETS = 2  # of this process; all processes of an app have ten together [doc]
PASSING = ("", "ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout")
REPLACED = ("warning", "refresh_requested", "quiet")  # it still carries what was sent over it
OURS = (*REPLACED, "closed", "deaf")  # ended, and nothing to be mended
WHAT_TO_DO = {
    "too_many_websockets": "Slack takes ten connections of an app, two a bot: run fewer bots, or use HTTP.",
    "link_disabled": "Socket Mode is off: switch it on in the app's settings, under “Socket Mode”.",
}


def advice(code: str) -> str:
    if code in PASSING:
        return "It may pass by itself."
    refused = "Slack refuses SLACK_APP_TOKEN. It needs `connections:write`."
    return WHAT_TO_DO.get(code, refused)


class Sockets:
    def __init__(
        self,
        app: AsyncApp,
        client: AsyncWebClient,
        app_token: str,
        *,
        count: int = SOCKETS,
        timing: Timing | None = None,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._watch = watch
        self._app, self._client, self._app_token = app, client, app_token
        self._timing = timing or Timing()
        self._places = [_Place(self, n) for n in range(count)]
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard_at: float | None = None

    @property
    def links(self) -> list[Link]:
        return [place.link for place in self._places if place.link]

    def age(self) -> float | None:
        """Seconds since anything was heard from Slack, over any of them; None before the first time."""
        heard = [link.heard_at for link in self.links]
        self._heard_at = max([*heard, self._heard_at or 0.0]) if heard else self._heard_at
        return None if self._heard_at is None else max(0.0, time.monotonic() - self._heard_at)

    async def start(self) -> None:
        """Asks once, so that what an operator must mend is said on the terminal; returns when all are
        connected, or Slack takes its time. Raises `CannotStart`."""
        try:
            await address(self._client, self._app_token, self._timing.open)
        except NotOpen as error:
            if error.code not in PASSING:
                raise CannotStart(f"{advice(error.code)} ({error.code})") from error
        for place in self._places:
            self.spawn(place.keep(self._timing))
        both = asyncio.gather(*(place.tried.wait() for place in self._places))
        await asyncio.wait([both], timeout=self._timing.open)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(link.close() for link in self.links), return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def opened(self) -> Link:
        return await Link.opened(self._app_token, self._client, self._take, self._timing)

    def let_go(self, link: Link) -> None:
        """Closes it a little later."""
        self.age()  # keeps what it heard

        async def close() -> None:
            try:
                await asyncio.sleep(self._timing.grace)
            finally:
                await link.close()

        self.spawn(close())

    async def _take(self, link: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        if request.retry_attempt and request.retry_reason == "timeout":
            self._suspect(but=link)
        started, began = time.time(), time.perf_counter()
        answer = await run_async_bolt_app(self._app, request)
        await send_async_response(link, request, answer, started)
        self._watch.acked("socket", time.perf_counter() - began, ok=answer.status == 200)

    def _suspect(self, but: AsyncBaseSocketModeClient) -> None:
        """Slack had sent this before: over a connection that carries nothing any more?"""
        now = time.monotonic()
        for link in self.links:
            if link is not but and now - link.carried_at > self._timing.quiet:
                link.end("quiet")


class _Place:
    """`tried`: it has a connection, or knows why not."""

    def __init__(self, sockets: Sockets, number: int) -> None:
        self._sockets, self._number = sockets, number
        self.link: Link | None = None
        self.tried = asyncio.Event()
        self._said: set[str] = set()

    async def keep(self, timing: Timing) -> None:
        """For ever: a connection, and the next one when it ends."""
        pause = 0.0
        while True:
            if pause:
                await asyncio.sleep(pause * random.uniform(0.8, 1.0))  # noqa: S311
            longer = min(max(timing.pause, pause * 2), timing.longest)
            try:
                link = await self._sockets.opened()
            except NotOpen as error:
                self._say(error.code)
                pause = max(error.seconds, longer)
                continue
            finally:
                self.tried.set()
            if self.link:
                self._sockets.let_go(self.link)
            self.link = link
            await self._watch(link, timing)
            pause = 0.0 if link.lived > timing.short else longer
            log.info("a socket is replaced", socket=self._number, why=link.why, lived=round(link.lived))
            if link.why not in OURS:
                self._say(link.why)
            if link.why not in REPLACED:
                self.link = None
                self._sockets.let_go(link)

    async def _watch(self, link: Link, timing: Timing) -> None:
        while not link.ended.is_set():
            link.look()
            if self._said and link.lived > timing.short:
                log.info("connected to Slack again", socket=self._number)
                self._said.clear()
            await first(link.ended, within=timing.look)

    def _say(self, code: str) -> None:
        """Once, until a connection lasts again."""
        if code not in self._said:
            self._said.add(code)
            why = code or "no answer"
            log.error("no connection to Slack", socket=self._number, why=why, hint=advice(code))


@asynccontextmanager
async def connected(
    app: AsyncApp, client: AsyncWebClient, app_token: str, watch: Watch = UNWATCHED
) -> AsyncIterator[Sockets]:
    """Until it is left. Raises `CannotStart`."""
    sockets = Sockets(app, client, app_token, watch=watch)
    try:
        await sockets.start()
        yield sockets
    finally:
        await sockets.close()
