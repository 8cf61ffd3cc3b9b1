"""Tasks of functions behind a URL are posted there by the bot itself; all others go on to the queues.

The task is a signed CloudEvent; the result is in the response, or (202) is posted back later. To the
orchestrator a function is a worker process like any other: `Started` is granted before anything is posted,
heartbeats renew the lease while the response is awaited, one report ends it. After a 202 nobody here need
live on: the lease is then the task's whole time, and to which bot it is posted back is no matter.

An error is the end of the step, even where asking again might help: nobody knows whether it was done. (Being
too busy is no error: see `bot/functions/post.py`.) Not known here: HTTP, signatures, Slack, SQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from bot.functions import reply
from bot.functions.post import Lost, Post
from bot.ports import StoreDown, Transport
from bot.remote import Remote
from workers.kit.ending import what
from workers.kit.wire import Address, Beat, Released, Report, Said, Started, TaskMessage, address_of

log = structlog.get_logger(__name__)

Key = tuple[str, str, str, int]
T = TypeVar("T")

OnReport = Callable[[Report], Awaitable[bool]]
Renew = Callable[[Address, float], Awaitable[object]]


@dataclass(slots=True, eq=False)
class Posted:
    """A task this bot answers for."""

    task: TaskMessage
    silent: asyncio.Event = field(default_factory=asyncio.Event)  # no heartbeats any more
    answered: asyncio.Event = field(default_factory=asyncio.Event)  # it was posted back
    settled: bool = False  # what becomes of it is no matter of this process any more
    work: asyncio.Task[None] | None = None


class HttpDispatch:
    """Implements `Transport`."""

    def __init__(
        self,
        others: Transport,
        functions: Mapping[str, Remote],
        post: Post,
        *,
        holder: str,
        renew: Renew,
        reports_at: str = "",
        lease_seconds: float = 20.0,
        concurrency: int = 64,
    ) -> None:
        """`holder` names this process. `reports_at`: where functions post back; empty: they cannot."""
        self._others, self._functions, self._post = others, functions, post
        self._holder, self._renew, self._reports_at = holder, renew, reports_at
        self._lease_seconds = lease_seconds
        self._longest = max((f.seconds for f in functions.values()), default=0)
        self._slots = {name: asyncio.Semaphore(concurrency) for name in functions}
        self._posted: dict[Key, Posted] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._on_report: OnReport | None = None
        self._closing = False

    def deliver(self, on_report: OnReport) -> None:
        """Reports go to this function; its answer to `Started` says whether that may be."""
        self._on_report = on_report

    async def send(self, task: TaskMessage) -> None:
        if task.worker not in self._functions:
            await self._others.send(task)
        elif not self._closing and _key(task) not in self._posted:
            posted = self._posted[_key(task)] = Posted(
                task.model_copy(update={"reports_at": self._reports_at})
            )
            posted.work = self._keep(self._work(posted))
            posted.work.add_done_callback(lambda _: self._gone(posted))

    async def cancel(self, workspace: str, run_id: str) -> None:
        for key, posted in self._posted.items():
            if key[:2] == (workspace, run_id) and posted.work:
                posted.work.cancel()
        await self._others.cancel(workspace, run_id)

    def takes(self, worker: str) -> bool:
        """Whether this one is behind a URL."""
        return worker in self._functions

    async def posted_back(self, report: Report) -> None:
        """What a function says later, to whichever bot. Raises `StoreDown`."""
        assert self._on_report
        await self._on_report(report)
        if isinstance(report, Said):  # no heartbeat: who only says how far it is keeps all of its time
            await self._renew(report, self._longest + self._lease_seconds)
        elif not isinstance(report, Beat) and (posted := self._posted.get(_key(report))):
            posted.answered.set()

    async def close(self, seconds: float) -> None:
        """Posts nothing new, gives open requests this long, and hands the rest back. Who posts back later
        does so to whichever bot is there then."""
        self._closing = True
        waited = [p.work for p in self._posted.values() if p.work and not p.settled]
        if waited:
            await asyncio.wait(waited, timeout=seconds)
        left = [p for p in self._posted.values() if p.work]
        for posted in left:
            if posted.work:
                posted.work.cancel()
        for posted in left:
            if posted.work:
                await asyncio.wait([posted.work])
            if not posted.settled:
                await self._report(Released(**address_of(posted.task)))
        if self._background:
            await asyncio.wait(self._background, timeout=1)
        await self._post.close()

    async def _work(self, posted: Posted) -> None:
        beats = self._keep(self._beat(posted))
        try:
            if outcome := await self._outcome(posted, beats):
                posted.settled = True
                await self._report(outcome)
        except Exception as error:  # the lease runs out, and the step is handed out again
            log.error("a function's task was lost", run=posted.task.run, **what(error))

    def _gone(self, posted: Posted) -> None:
        posted.silent.set()
        del self._posted[_key(posted.task)]

    async def _outcome(self, posted: Posted, beats: asyncio.Task[None]) -> Report | None:
        """What to report in the end; None when nobody has to, or another has."""
        task = posted.task
        async with self._slots[task.worker]:
            if not await self._report(Started(**address_of(task), holder=self._holder)):
                return None
            until = asyncio.get_running_loop().time() + task.seconds
            try:
                async with asyncio.timeout_at(until):
                    response = await self._post(self._functions[task.worker].url, task, until)
            except Lost:
                return reply.lost(task)
            except TimeoutError:
                return reply.late(task)
        if response.status != 202 or not self._reports_at:
            return reply.report(task, response)
        posted.settled = True
        posted.silent.set()
        await asyncio.wait({beats})  # one on its way would shorten the lease again
        whole = task.seconds + self._lease_seconds
        await self._taken(lambda: self._renew(Address(**address_of(task)), whole))
        try:
            async with asyncio.timeout_at(until):
                await posted.answered.wait()
        except TimeoutError:
            return reply.late(task)
        return None

    async def _beat(self, posted: Posted) -> None:
        while not posted.silent.is_set():
            try:
                await asyncio.wait_for(posted.silent.wait(), self._lease_seconds / 4)
            except TimeoutError:
                await self._report(Beat(**address_of(posted.task)))

    async def _report(self, report: Report) -> bool:
        """The orchestrator's answer."""
        handle = self._on_report
        assert handle
        return bool(await self._taken(lambda: handle(report), once=isinstance(report, Beat)))

    async def _taken(self, hand_over: Callable[[], Awaitable[object]], *, once: bool = False) -> object:
        """Until the store has it. Who waits for this may be cancelled; what is under way there is not."""
        return await asyncio.shield(self._keep(self._handed_over(hand_over, once)))

    async def _handed_over(self, hand_over: Callable[[], Awaitable[object]], once: bool) -> object:
        pause = 0.1
        while True:
            try:
                return await hand_over()
            except StoreDown as error:
                if once or self._closing:
                    log.warning("a report was not taken", error=str(error))
                    return False
            except Exception as error:  # the lease runs out, and the step is handed out again
                log.error("a report was lost", **what(error))
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _keep(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """asyncio itself holds tasks weakly."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _key(at: Address) -> Key:
    return at.workspace, at.run, at.step, at.attempt
