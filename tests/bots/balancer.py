"""What stands between Slack and several bots in HTTP mode: hands each request to one that says it is ready.

A test may take its place and say who gets what, and when. It knows bots by their addresses alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import aiohttp
from aiohttp import web

PATH = "/slack/events"
LOOK_SECONDS = 0.2

Pass = Callable[[bytes], Awaitable[Sequence[str]]]


class Balancer:
    """`to`: for each request the addresses of those that get it, at the same time; without it, each ready one
    in its turn. The first answer counts."""

    def __init__(self) -> None:
        self.bots: list[str] = []
        self.to: Pass | None = None
        self.answers: Counter[int] = Counter()
        self.ready: list[str] = []  # these get requests
        self.said: list[str] = []  # why one was not ready
        self.url = ""
        self._next = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(PATH, self._take)
        self._session = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{PATH}"
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        await self._runner.cleanup()
        await self._session.close()

    async def has(self, *bots: str) -> None:
        """Until it sends to all of these."""
        async with asyncio.timeout(60):
            while not set(bots) <= set(self.ready):  # noqa: ASYNC110  (they are other processes)
                await asyncio.sleep(LOOK_SECONDS / 4)

    async def _is_ready(self, bot: str) -> bool:
        """One that takes its time stays what it was, as balancers have it."""
        try:
            limit = aiohttp.ClientTimeout(total=2)
            async with self._session.get(f"{bot}/readyz", timeout=limit) as answer:
                if answer.status != 200:
                    self.said.append(await answer.text())
                return answer.status == 200
        except TimeoutError:
            return bot in self.ready
        except aiohttp.ClientError:
            return False

    async def _look(self) -> None:
        while True:
            states = await asyncio.gather(*map(self._is_ready, self.bots))
            self.ready = [bot for bot, ready in zip(self.bots, states, strict=True) if ready]
            await asyncio.sleep(LOOK_SECONDS)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.to:
            chosen = await self.to(body)
        else:
            self._next += 1
            chosen = [self.ready[self._next % len(self.ready)]] if self.ready else []
        sends = [self._pass(bot, body, request) for bot in chosen]
        status, text, kind = (await asyncio.gather(*sends))[0] if sends else (503, b"", "text/plain")
        self.answers[status] += 1
        return web.Response(status=status, body=text, headers={"Content-Type": kind})

    async def _pass(self, bot: str, body: bytes, request: web.Request) -> tuple[int, bytes, str]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
        try:
            async with self._session.post(f"{bot}{PATH}", data=body, headers=headers) as answer:
                return answer.status, await answer.read(), answer.headers.get("Content-Type", "text/plain")
        except aiohttp.ClientError:
            return 502, b"", "text/plain"
