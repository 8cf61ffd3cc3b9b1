"""Whole runs through a function: the real orchestrator and store, real HTTP both ways."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot import schema
from bot.briefing import Briefing
from bot.decide import AGAIN
from bot.functions.callbacks import PATH, reports_route
from bot.functions.dispatch import HttpDispatch
from bot.functions.post import Post
from bot.functions.signing import Signer
from bot.orchestrator import Orchestrator
from bot.ports import StoreDown
from bot.registry import Registry
from bot.run import PersonAnswered, Request, Run
from bot.store import Store
from bot.team import enabled
from tests.core.fakes import FakeMaterials, FakeThreads
from tests.remote.function import (
    SECRET,
    Queues,
    a_function,
    address,
    elsewhere,
    event,
    posted_back,
    remote,
    says,
    served,
)
from workers import Result, Worker
from workers.kit.wire import Address, Beat, Failed, Finished, Go, Report, Said, Started, TaskMessage

IDS = count()


@dataclass
class Bot:
    """One bot's part of the house; several may share a database."""

    store: Store
    orchestrator: Orchestrator
    dispatch: HttpDispatch
    queues: Queues
    promised: asyncio.Event  # a function said that it answers later, and has its time
    url: str = ""  # where functions post back
    ended: asyncio.Queue[Run] = field(default_factory=asyncio.Queue)
    away: bool = False  # its store, as far as reports go

    async def asks(self, worker: str = "translate", text: str = "Hello") -> Run:
        request = Request(text, "UADA", "C1", source="try", thread_ts=f"{next(IDS)}.1", worker=worker)
        return await self.orchestrator.begin("T1", f"r{next(IDS)}", request)

    async def end(self) -> Run:
        return await asyncio.wait_for(self.ended.get(), 10)

    async def take(self, report: Report) -> bool:
        if self.away:
            raise StoreDown("It is away.")
        return await self.orchestrator.report(report)


Starting = Callable[..., AbstractAsyncContextManager[Bot]]


@pytest.fixture
async def bots(tmp_path: Path) -> AsyncIterator[Starting]:
    database = f"sqlite:///{tmp_path / 'delegate.db'}"
    schema.upgrade(database)

    @asynccontextmanager
    async def start(function: str, *, effects: Any = "none", clock: Any = time.time) -> AsyncIterator[Bot]:
        functions = {"translate": remote("translate", function, effects=effects)}
        workers = functions | {"writer": Worker("writer", "Writes.", elsewhere)}
        store, signer, queues = Store(database, clock, lease_seconds=20), Signer(SECRET), Queues()
        registry = Registry(workers, store.team)
        await registry.change("T1", "translate", "UADA", enabled)
        promised = asyncio.Event()

        async def renew(at: Address, seconds: float) -> None:
            await store.runs.renew(at, seconds)
            promised.set()

        dispatch = HttpDispatch(
            queues,
            functions,
            Post(signer),
            holder="bot",
            renew=renew,
            reports_at="https://bot.example.com" + PATH,
        )
        orchestrator = Orchestrator(
            store.runs, dispatch, FakeThreads(), Briefing(registry, FakeMaterials(), clock), clock=clock
        )
        bot = Bot(store, orchestrator, dispatch, queues, promised)
        dispatch.deliver(bot.take)
        orchestrator.on_end = bot.ended.put
        app = web.Application()
        app.router.add_routes([reports_route(signer, dispatch, store.runs.load)])
        async with served(app) as url:
            bot.url = url + PATH
            try:
                yield bot
            finally:
                await orchestrator.drain(1)
                await dispatch.close(0)
                await store.close()

    yield start


async def answers(task: TaskMessage) -> web.Response:
    return says(f"“{task.instruction}” in German")


async def later(task: TaskMessage) -> web.Response:
    return web.Response(status=202)


def finished(task: Address, text: str = "Guten Tag", **more: Any) -> bytes:
    return event(Finished(**address(task, **more), result=Result(text=text)))


async def test_a_request_is_answered_by_a_function(bots: Starting) -> None:
    async with a_function(answers) as function, bots(function.url) as bot:
        await bot.asks()
        run = await bot.end()
        assert (run.status, [s.holder for s in run.work]) == ("done", ["bot"])
        assert run.work[0].result == Result(text="“Hello” in German")
        assert function.tasks[0].reports_at == "https://bot.example.com/workers/reports"


async def test_what_is_posted_back_later_is_the_answer_and_a_repeat_changes_nothing(bots: Starting) -> None:
    async with a_function(later) as function, bots(function.url) as bot:
        await bot.asks()
        await function.asked.wait()
        [task] = function.tasks
        said = event(Said(**address(task), line="Half of it."))
        for body in (said, event(Beat(**address(task))), finished(task), finished(task, "Something else")):
            assert await posted_back(bot.url, body) == (204, "")
        run = await bot.end()
        assert (run.status, run.work[0].result) == ("done", Result(text="Guten Tag"))


async def test_it_may_be_posted_back_to_another_bot_when_the_first_is_gone(bots: Starting) -> None:
    async with a_function(later) as function:
        async with bots(function.url) as first:
            await first.asks()
            await asyncio.wait_for(first.promised.wait(), 10)
        async with bots(function.url, clock=lambda: time.time() + 200) as second:
            await second.orchestrator.sweep()  # long past a usual lease, and within the task's time
            assert len(function.tasks) == 1
            assert await posted_back(second.url, finished(function.tasks[0])) == (204, "")
            assert (await second.end()).status == "done"


async def test_it_may_be_posted_back_to_a_bot_that_remembers_the_run_without_the_step(bots: Starting) -> None:
    """It took the mention; another bot took the plan."""
    async with a_function(later) as function, bots(function.url) as first, bots(function.url) as second:
        run = await first.asks()
        await function.asked.wait()
        known = replace(run, steps=(), version=0)
        second.store.runs._keep(known)
        assert await second.store.runs.load("T1", run.id) == known
        assert await posted_back(second.url, finished(function.tasks[0])) == (204, "")
        assert (await second.end()).status == "done"


async def test_posting_back_nothing_is_a_failure(bots: Starting) -> None:
    async with a_function(later) as function, bots(function.url) as bot:
        await bot.asks()
        await function.asked.wait()
        assert await posted_back(bot.url, finished(function.tasks[0], " ")) == (204, "")
        assert (await bot.end()).work[0].error == "The translate came back with nothing."


async def test_one_that_promised_is_asked_again_when_its_time_and_its_bot_are_gone(bots: Starting) -> None:
    async with a_function(later) as function:
        async with bots(function.url) as first:
            run = await first.asks()
            await asyncio.wait_for(first.promised.wait(), 10)
        function.answer = answers
        async with bots(function.url, clock=lambda: time.time() + 400) as second:
            await second.orchestrator.sweep()
            yes = PersonAnswered("translate", 0, AGAIN, "UADA")  # a trial may have had effects
            await second.orchestrator.handle("T1", run.id, yes)
            assert (await second.end()).status == "done"
            first_task, again = function.tasks
            assert (first_task.attempt, again.attempt) == (1, 2)
            assert (await posted_back(second.url, finished(first_task)))[0] == 204, "and is too late"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"attempt": 2}, 204),  # as a repeat: not current
        ({"run": "other"}, 404),
        ({"workspace": "T2"}, 404),
        ({"step": "~plan"}, 404),
    ],
)
async def test_what_is_about_another_attempt_or_step_changes_nothing(
    bots: Starting, change: dict[str, Any], status: int
) -> None:
    async with a_function(later) as function, bots(function.url) as bot:
        run = await bot.asks()
        await function.asked.wait()
        assert (await posted_back(bot.url, finished(function.tasks[0], **change)))[0] == status
        now = await bot.store.runs.load("T1", run.id, fresh=True)
        assert now and now.work[0].status == "out"


async def test_the_secret_is_no_key_to_the_steps_of_other_workers(bots: Starting) -> None:
    async with a_function(later) as function, bots(function.url) as bot:
        await bot.asks("writer")
        await asyncio.wait_for(bot.queues.some.wait(), 10)
        [task] = bot.queues.sent
        status, said = await posted_back(bot.url, finished(task))
        assert (status, said) == (404, "No function has such a step.")


async def test_only_what_is_signed_is_read(bots: Starting) -> None:
    async with a_function(later) as function, bots(function.url) as bot:
        run = await bot.asks()
        await function.asked.wait()
        [task] = function.tasks
        other = "whsec_" + "b3RoZXIx" * 4
        assert (await posted_back(bot.url, finished(task), other))[0] == 401
        assert (await posted_back(bot.url, finished(task), **{"webhook-signature": "v1,x"}))[0] == 401
        assert (await posted_back(bot.url, finished(task), **{"webhook-timestamp": "1"}))[0] == 401
        started = Started(**address(task), holder="me")
        granted = Go(**address(task), granted=True)
        for body in (b"", b"{}", event(started), event(granted), event(task)):
            assert (await posted_back(bot.url, body))[0] in (400, 401), body
        assert (await posted_back(bot.url, b"x" * 1_000_001))[0] == 413
        now = await bot.store.runs.load("T1", run.id, fresh=True)
        assert now and now.work[0].status == "out" and now.work[0].holder == "bot"


async def test_what_cannot_be_stored_is_not_taken_and_may_be_sent_again(bots: Starting) -> None:
    async with a_function(later) as function, bots(function.url) as bot:
        await bot.asks()
        await function.asked.wait()
        bot.away = True
        assert (await posted_back(bot.url, finished(function.tasks[0])))[0] == 503
        bot.away = False
        assert (await posted_back(bot.url, finished(function.tasks[0])))[0] == 204
        assert (await bot.end()).status == "done"


async def test_an_effect_that_may_have_happened_is_not_begun_again_unasked(bots: Starting) -> None:
    """The bot ends while the function works."""
    forever = asyncio.Event()

    async def hangs(task: TaskMessage) -> web.Response:
        await forever.wait()
        return says()

    plan = {"title": "P", "steps": [{"id": "s1", "title": "T", "worker": "translate", "instruction": "I"}]}
    async with a_function(hangs) as function:
        async with bots(function.url, effects="external") as first:
            run = await first.asks("")
            await asyncio.wait_for(first.queues.some.wait(), 10)
            planned = Finished(**address(first.queues.sent[0]), result=Result(text=json.dumps(plan)))
            await first.orchestrator.report(planned)
            await function.asked.wait()
        async with bots(function.url, effects="external") as second:
            now = await second.store.runs.load("T1", run.id)
            assert now and now.work[0].status == "asking"
            assert now.work[0].question and "may or may not have happened" in now.work[0].question.text
        assert len(function.tasks) == 1
        forever.set()


async def test_a_function_that_fails_costs_its_step_and_says_why(bots: Starting) -> None:
    async def fails(task: TaskMessage) -> web.Response:
        await posted_back(bot.url, event(Failed(**address(task), error="There is no such language.")))
        return says("Too late.")

    async with a_function(fails) as function, bots(function.url) as bot:
        await bot.asks()
        run = await bot.end()
        assert (run.status, run.work[0].error) == ("failed", "There is no such language.")
