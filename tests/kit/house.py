"""A bot's end and workers' ends of a transport, for tests: what came, and how to wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from workers import Result, Task, Worker
from workers.kit.files import FileStore
from workers.kit.model import Model
from workers.kit.service import Service
from workers.kit.transport import TaskTransport
from workers.kit.wire import Asked, Failed, Finished, Report, TaskMessage

SECONDS = 25.0  # no test waits longer for anything
ENDINGS = Finished | Failed | Asked
NO_MODEL = Model("hosted_vllm/none", "http://127.0.0.1:9", "key")


class Away(Exception):
    """What a bot raises whose database is away."""


class BotEnd:
    """Keeps what it is told. `troubles` are raised first, one each; `may_begin` is what it answers."""

    def __init__(
        self, url: str = "", prefix: str = "", workers: Iterable[str] = ("clerk",), **more: Any
    ) -> None:
        self.reports: list[Report] = []
        self.broken: list[str] = []
        self.troubles: list[Exception] = []
        self.may_begin = True
        self.take_gate = asyncio.Event()  # cleared: it handles nothing
        self.take_gate.set()
        self._came = asyncio.Condition()
        self.transport = TaskTransport(
            url, prefix=prefix, workers=workers, transient=(Away,), on_broken=self.broken.append, **more
        )
        self.transport.deliver(self.take)

    async def take(self, report: Report) -> bool:
        await self.take_gate.wait()
        if self.troubles:
            raise self.troubles.pop()
        async with self._came:
            self.reports.append(report)
            self._came.notify_all()
        return self.may_begin

    async def until(self, done: Callable[[], bool]) -> None:
        """Looks whenever a report came."""
        async with asyncio.timeout(SECONDS), self._came:
            await self._came.wait_for(done)

    async def ended(self, step: str = "s1") -> Finished | Failed | Asked:
        await self.until(lambda: bool(self._endings(step)))
        return self._endings(step)[0]

    def _endings(self, step: str) -> list[Finished | Failed | Asked]:
        return [r for r in self.reports if r.step == step and isinstance(r, ENDINGS)]

    def kinds(self, step: str = "s1") -> list[str]:
        return [r.kind for r in self.reports if r.step == step and r.kind not in ("beat", "said")]


class WorkerEnd:
    """One worker, the clerk: what it is instructed to `wait` over goes on when `gate` is set."""

    def __init__(
        self,
        folder: Path,
        url: str = "",
        prefix: str = "",
        *,
        transport: TaskTransport | None = None,
        workers: Mapping[str, Worker] | None = None,
        model: Model = NO_MODEL,
        concurrency: int = 8,
        beat_seconds: float = 5.0,
        **more: Any,
    ) -> None:
        self.begun: list[str] = []
        self.broken: list[str] = []
        self.gate = asyncio.Event()
        self._began = asyncio.Condition()
        self.transport = transport or TaskTransport(
            url, prefix=prefix, concurrency=concurrency, on_broken=self.broken.append, **more
        )
        self.service = Service(
            workers if workers is not None else {"clerk": Worker("clerk", "Does things.", self._clerk)},
            lambda _: model,
            self.transport.report,
            FileStore(folder),
            holder=self.transport.holder,
            reply_to=self.transport.reply_to,
            concurrency=concurrency,
            beat_seconds=beat_seconds,
            say_seconds=0.0,
        )
        self.transport.listen(self.service)

    async def _clerk(self, task: Task) -> Result:
        async with self._began:
            self.begun.append(task.key.rpartition("/")[2])
            self._began.notify_all()
        if task.instruction == "wait":
            await self.gate.wait()
        return Result(text=task.instruction or "done")

    async def has_begun(self, step: str = "s1") -> None:
        async with asyncio.timeout(SECONDS), self._began:
            await self._began.wait_for(lambda: step in self.begun)


def task(step: str = "s1", worker: str = "clerk", **more: Any) -> TaskMessage:
    known = {"workspace": "T1", "run": "r1", "attempt": 1, "request": "Write a post", "instruction": "Do it"}
    return TaskMessage(step=step, worker=worker, **(known | more))


@asynccontextmanager
async def started(*ends: BotEnd | WorkerEnd) -> AsyncIterator[None]:
    transports = list(dict.fromkeys(end.transport for end in ends))
    try:
        for transport in transports:
            await transport.start()
        yield
    finally:
        await asyncio.gather(*(transport.stop(1) for transport in transports))


async def eventually(look: Callable[[], bool | Awaitable[bool]]) -> None:
    """For what nobody tells us: looks again and again."""
    async with asyncio.timeout(SECONDS):
        while True:
            seen = look()
            if seen if isinstance(seen, bool) else await seen:
                return
            await asyncio.sleep(0.02)
