"""A function behind a URL, for real, and what a bot needs to post to it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from bot.functions.signing import Signer
from bot.ports import StoreDown
from bot.remote import Remote
from workers import Result, Task
from workers.kit import events
from workers.kit.wire import Address, Beat, Failed, Finished, Report, Started, TaskMessage

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes, ok").decode()
Answer = Callable[[TaskMessage], Awaitable[web.StreamResponse]]


async def elsewhere(_: Task) -> Result:
    raise AssertionError("a function is not run here")


def remote(name: str, url: str, **more: Any) -> Remote:
    return Remote(name, f"Does what a {name} does.", elsewhere, package="workers.toml", url=url, **more)


def says(text: str = "Done.", **more: Any) -> web.Response:
    return web.json_response({"text": text, **more})


def reports(report: Report) -> web.Response:
    return web.Response(body=event(report), content_type=events.CONTENT_TYPE)


def event(report: Any, id: str = "1") -> bytes:
    return events.dumps(report, source="function", id=id, time=datetime.now(UTC))


def address(task: Address, **more: Any) -> dict[str, Any]:
    names = ("workspace", "run", "step", "attempt")
    return {name: getattr(task, name) for name in names} | more


@dataclass
class Function:
    """Answers each request with `answer`; whoever does not sign is turned away."""

    answer: Answer
    signer: Signer = field(default_factory=lambda: Signer(SECRET))
    url: str = ""
    got: list[tuple[dict[str, str], TaskMessage]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tasks(self) -> list[TaskMessage]:
        return [task for _, task in self.got]

    async def post(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.signer.check(request.headers, body)
        task = events.loads(body).data
        assert isinstance(task, TaskMessage)
        self.got.append((dict(request.headers), task))
        self.asked.set()
        return await self.answer(task)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_function(answer: Answer) -> AsyncIterator[Function]:
    function = Function(answer)
    app = web.Application()
    app.router.add_post("/translate", function.post)
    async with served(app) as url:
        function.url = f"{url}/translate"
        yield function


@dataclass
class Desk:
    """The orchestrator's side of a transport: takes reports, and says who may begin."""

    grants: bool = True
    down: int = 0  # so often the store is away
    reports: list[Report] = field(default_factory=list)
    renewed: list[tuple[Address, float]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    beaten: asyncio.Event = field(default_factory=asyncio.Event)
    kept: asyncio.Event = field(default_factory=asyncio.Event)  # a lease was renewed

    async def take(self, report: Report) -> bool:
        if self.down:
            self.down -= 1
            raise StoreDown("It is away.")
        self.reports.append(report)
        if isinstance(report, Started):
            return self.grants
        (self.beaten if isinstance(report, Beat) else self.ended).set()
        return True

    async def renew(self, at: Address, seconds: float) -> None:
        self.renewed.append((at, seconds))
        self.kept.set()

    @property
    def last(self) -> Report:
        return self.reports[-1]

    @property
    def text(self) -> str:
        """What the thread would show of the end."""
        assert isinstance(self.last, Finished | Failed), self.last
        return self.last.result.text if isinstance(self.last, Finished) else self.last.error


@dataclass
class Queues:
    """Implements `Transport`: where all other tasks go."""

    sent: list[TaskMessage] = field(default_factory=list)
    some: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: list[str] = field(default_factory=list)

    async def send(self, task: TaskMessage) -> None:
        self.sent.append(task)
        self.some.set()

    async def cancel(self, workspace: str, run_id: str) -> None:
        self.cancelled.append(run_id)


async def posted_back(url: str, body: bytes, secret: str = SECRET, **headers: str) -> tuple[int, str]:
    """What a function posts later: the status and the text it gets."""
    signed = {**Signer(secret).headers("any", body), "Content-Type": events.CONTENT_TYPE, **headers}
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=signed) as answer:
        return answer.status, await answer.text()
