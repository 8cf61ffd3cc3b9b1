"""Whatever a function answers, one report comes of it, in time; all other tasks go on to the queues."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from bot.functions import reply
from bot.functions.dispatch import HttpDispatch
from bot.functions.post import Post
from bot.functions.reply import Response
from bot.functions.signing import Signer
from tests.remote.function import (
    SECRET,
    Answer,
    Desk,
    Function,
    Queues,
    a_function,
    address,
    remote,
    reports,
    says,
    served,
)
from workers import Result
from workers.kit.wire import Asked, Beat, Failed, Finished, Released, Said, Started, TaskMessage, Usage

LEASE = 20.0


def message(**more: Any) -> TaskMessage:
    known = {"workspace": "T1", "run": "r1", "step": "s1", "attempt": 1, "worker": "translate", "seconds": 20}
    return TaskMessage(**(known | more))


@dataclass
class Stage:
    """A function, and the dispatch of one bot that posts to it."""

    function: Function
    desk: Desk
    queues: Queues
    dispatch: HttpDispatch

    async def ends(self, task: TaskMessage | None = None) -> str:
        """The text or error that comes of a task."""
        await self.dispatch.send(task or message())
        await asyncio.wait_for(self.desk.ended.wait(), 10)
        return self.desk.text

    def kinds(self) -> list[str]:
        return [r.kind for r in self.desk.reports]


Staged = Callable[..., Any]


@pytest.fixture
async def staged() -> AsyncIterator[Staged]:
    async with AsyncExitStack() as stack:

        async def make(answer: Answer, *, url: str = "", **more: Any) -> Stage:
            function = await stack.enter_async_context(a_function(answer))
            desk, queues = Desk(), Queues()
            known: dict[str, Any] = {"holder": "bot1", "lease_seconds": LEASE}
            dispatch = HttpDispatch(
                queues,
                {"translate": remote("translate", url or function.url)},
                Post(Signer(SECRET), pause_seconds=0.0),
                renew=desk.renew,
                **(known | more),
            )
            dispatch.deliver(desk.take)
            stack.push_async_callback(dispatch.close, 0)
            return Stage(function, desk, queues, dispatch)

        yield make


async def done(task: TaskMessage) -> web.Response:
    return says(f"{task.request}: {task.instruction}")


async def hangs(task: TaskMessage) -> web.Response:
    await asyncio.Event().wait()
    return says()


async def test_a_task_is_posted_and_its_response_is_the_result(staged: Staged) -> None:
    stage = await staged(done, reports_at="https://bot.example.com/workers/reports")
    task = message(request="R", instruction="I", trace="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    assert await stage.ends(task) == "R: I"
    assert stage.kinds() == ["started", "finished"]
    started = stage.desk.reports[0]
    assert isinstance(started, Started) and (started.holder, started.reply_to) == ("bot1", "")
    [(headers, got)] = stage.function.got
    assert got == task.model_copy(update={"reports_at": "https://bot.example.com/workers/reports"})
    assert headers["webhook-id"] == "T1/r1/s1/1", "the same for whatever is sent twice"
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["traceparent"] == task.trace


async def test_all_other_tasks_go_on_to_the_queues(staged: Staged) -> None:
    stage = await staged(done)
    await stage.dispatch.send(message(worker="writer"))
    await stage.dispatch.cancel("T1", "r1")
    assert [t.worker for t in stage.queues.sent] == ["writer"]
    assert (stage.queues.cancelled, stage.function.got, stage.desk.reports) == (["r1"], [], [])


async def test_nothing_is_posted_before_its_start_is_granted(staged: Staged) -> None:
    stage = await staged(done)
    stage.desk.grants = False
    await stage.dispatch.send(message())
    await stage.dispatch.close(5)
    assert (stage.kinds(), stage.function.got) == (["started"], [])


async def test_the_same_attempt_is_posted_once(staged: Staged) -> None:
    stage = await staged(done)
    await stage.dispatch.send(message())
    assert await stage.ends() == ": "
    assert len(stage.function.got) == 1


async def test_a_response_may_be_a_report(staged: Staged) -> None:
    for report in (
        Failed(**address(message()), error="There is no such language."),
        Asked(**address(message()), question="Which language?", options=("German", "French")),
        Finished(**address(message()), result=Result(text="Guten Tag"), usage=Usage(calls=1)),
    ):

        async def answer(_: TaskMessage, report: Any = report) -> web.Response:
            return reports(report)

        stage = await staged(answer)
        await stage.dispatch.send(message())
        await stage.desk.ended.wait()
        assert stage.desk.last == report


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (lambda t: says(""), "The translate came back with nothing."),
        (lambda t: web.Response(), "The translate came back with something that is no result."),
        (lambda t: web.json_response([1]), "The translate came back with something that is no result."),
        (
            lambda t: web.Response(text="geheim <html>", content_type="text/html"),
            "The translate came back with something that is no result.",
        ),
        (
            lambda t: web.Response(body=gzip.compress(b'{"text": "x"}'), content_type="application/json"),
            "The translate came back with something that is no result.",
        ),
        (
            lambda t: web.Response(body=b"[" * 500_000, content_type="application/json"),
            "The translate came back with something that is no result.",
        ),
        (
            lambda t: reports(Beat(**address(t))),
            "The translate came back with something that is no result.",
        ),
        (
            lambda t: reports(Failed(**address(t, attempt=2), error="x")),
            "The translate answered for another task.",
        ),
        (
            lambda t: reports(Failed(**address(t, workspace="T2"), error="x")),
            "The translate answered for another task.",
        ),
        (lambda t: says("x" * 1_000_001), "The translate's result is too large to pass on."),
        (lambda t: web.Response(status=404, text="geheim"), "The translate answered with the status 404."),
        (lambda t: web.Response(status=500, text="geheim"), "The translate answered with the status 500."),
        (
            lambda t: web.Response(status=307, headers={"Location": "/other"}),
            "The translate answered with the status 307.",
        ),
        (
            lambda t: web.Response(status=202),
            "The translate means to answer later, and there is no address for that here.",
        ),
    ],
)
async def test_what_is_no_result_is_the_end_of_the_step_in_a_sentence_that_quotes_nothing(
    staged: Staged,
    response: Callable[[TaskMessage], web.Response],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(task: TaskMessage) -> web.Response:
        return response(task)

    stage = await staged(answer)
    assert await stage.ends() == sentence
    assert len(stage.function.got) == 1, "nobody knows whether it was done, so nobody asks again"
    written = capsys.readouterr()
    assert "geheim" not in written.out + written.err


async def test_a_response_without_end_is_cut_off(staged: Staged) -> None:
    cut = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        finally:
            cut.set()

    app = web.Application()
    app.router.add_post("/", endless)
    async with served(app) as url:
        stage = await staged(done, url=url)
        assert await stage.ends() == "The translate's result is too large to pass on."
        await asyncio.wait_for(cut.wait(), 10)


async def test_files_of_a_result_count_by_their_content_and_lead_nowhere(staged: Staged) -> None:
    async def answer(task: TaskMessage) -> web.Response:
        kept = {"name": "a.csv", "id": "a" * 64, "path": "/etc/passwd", "url": "http://169.254.169.254/"}
        return says("Here.", files=[kept, {"name": "b.csv", "path": "/etc/passwd"}])

    stage = await staged(answer)
    await stage.ends()
    assert isinstance(stage.desk.last, Finished)
    [file] = stage.desk.last.result.files
    assert (file.name, file.id, file.path, file.url) == ("a.csv", "a" * 64, "", "")


# -- too busy, or not reached


@pytest.mark.parametrize("status", [429, 503])
async def test_one_that_is_too_busy_is_asked_again_under_the_same_id(staged: Staged, status: int) -> None:
    async def answer(task: TaskMessage) -> web.Response:
        if len(stage.function.got) < 3:
            return web.Response(status=status, headers={"Retry-After": "0"})
        return says("At last.")

    stage = await staged(answer)
    assert await stage.ends() == "At last."
    assert {headers["webhook-id"] for headers, _ in stage.function.got} == {"T1/r1/s1/1"}
    assert stage.kinds() == ["started", "finished"]


async def test_one_that_stays_too_busy_is_asked_four_times(staged: Staged) -> None:
    async def answer(task: TaskMessage) -> web.Response:
        return web.Response(status=429)

    stage = await staged(answer)
    assert await stage.ends() == "The translate is too busy at the moment (it answered 429)."
    assert len(stage.function.got) == 4


async def test_nobody_waits_for_a_time_that_the_task_does_not_have(staged: Staged) -> None:
    async def answer(task: TaskMessage) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "30"})

    stage = await staged(answer)
    assert await stage.ends() == "The translate is too busy at the moment (it answered 503)."
    assert len(stage.function.got) == 1


async def test_one_that_is_not_there_is_said_to_be_so(staged: Staged) -> None:
    stage = await staged(done, url="http://127.0.0.1:9/")
    assert await stage.ends() == "The translate cannot be reached."


def test_a_pause_is_what_the_function_says_in_seconds_or_as_a_date() -> None:
    def after(status: int, said: str = "", *, external: bool = False) -> float | None:
        return reply.pause(
            Response(status, {"Retry-After": said} if said else {}), usual=2.0, external=external
        )

    assert (after(429, "7"), after(503, "0"), after(0)) == (7.0, 0.0, 2.0)
    assert (after(429, "soon"), after(429, "-1"), after(429, "²")) == (2.0, 2.0, 2.0)
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (after(503, later) or 0) <= 30
    assert after(503, "Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert [after(status) for status in (200, 202, 302, 400, 500, 502, 504)] == [None] * 7
    assert after(503, external=True) is None, "it may come from somebody in between, while the work goes on"
    assert (after(503, "1", external=True), after(429, external=True)) == (1.0, 2.0)


# -- time, loss, stopping


@pytest.mark.parametrize(("external", "more"), [(False, ""), (True, " It may or may not have happened.")])
async def test_one_that_hangs_is_given_up_in_time(staged: Staged, external: bool, more: str) -> None:
    stage = await staged(hangs)
    said = await stage.ends(message(seconds=0, external=external))
    assert said == f"The translate took longer than 0 seconds, so I stopped waiting.{more}"


@pytest.mark.parametrize(("external", "more"), [(False, ""), (True, " It may or may not have happened.")])
async def test_a_connection_that_breaks_is_the_end(staged: Staged, external: bool, more: str) -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    taken: list[int] = []
    async with await asyncio.start_server(breaks, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        stage = await staged(done, url=f"http://127.0.0.1:{port}/")
        said = await stage.ends(message(external=external))
    assert said == f"The connection to the translate was lost while it worked.{more}"
    assert len(taken) == 1


async def test_heartbeats_go_out_while_a_response_is_awaited(staged: Staged) -> None:
    async def answer(task: TaskMessage) -> web.Response:
        await stage.desk.beaten.wait()
        return says()

    stage = await staged(answer, lease_seconds=0.04)
    assert await stage.ends() == "Done."
    assert Beat(**address(message())) in stage.desk.reports


async def test_who_waits_for_its_turn_is_alive(staged: Staged) -> None:
    release = asyncio.Event()

    async def answer(task: TaskMessage) -> web.Response:
        await release.wait()
        return says()

    stage = await staged(answer, lease_seconds=0.04, concurrency=1)
    await stage.dispatch.send(message())
    await stage.function.asked.wait()
    await stage.dispatch.send(message(step="s2"))
    while Beat(**address(message(step="s2"))) not in stage.desk.reports:
        stage.desk.beaten.clear()
        await asyncio.wait_for(stage.desk.beaten.wait(), 10)
    assert Started(**address(message(step="s2")), holder="bot1") not in stage.desk.reports
    release.set()
    while stage.kinds().count("finished") < 2:
        stage.desk.ended.clear()
        await asyncio.wait_for(stage.desk.ended.wait(), 10)


async def test_a_report_is_offered_until_the_store_takes_it(staged: Staged) -> None:
    async def answer(task: TaskMessage) -> web.Response:
        stage.desk.down = 2
        return says()

    stage = await staged(answer)
    stage.desk.down = 1
    assert await stage.ends() == "Done."
    assert stage.kinds() == ["started", "finished"]


async def test_a_run_that_was_stopped_is_not_waited_for(staged: Staged) -> None:
    stage = await staged(hangs)
    await stage.dispatch.send(message())
    await stage.function.asked.wait()
    await stage.dispatch.cancel("T1", "other")
    await stage.dispatch.cancel("T1", "r1")
    await stage.dispatch.close(5)
    assert stage.kinds() == ["started"]


async def test_a_bot_that_ends_hands_back_what_is_open_and_takes_nothing_new(staged: Staged) -> None:
    stage = await staged(hangs)
    await stage.dispatch.send(message())
    await stage.function.asked.wait()
    await stage.dispatch.close(0)
    await stage.dispatch.send(message(step="s2"))
    assert stage.desk.last == Released(**address(message()))
    assert len(stage.function.got) == 1


# -- later


async def later(task: TaskMessage) -> web.Response:
    return web.Response(status=202)


async def test_what_is_posted_back_later_has_all_the_time_of_the_task_without_heartbeats(
    staged: Staged,
) -> None:
    stage = await staged(later, reports_at="https://bot/", lease_seconds=0.04)
    await stage.dispatch.send(message(seconds=600))
    await asyncio.wait_for(stage.desk.kept.wait(), 10)
    [(at, seconds)] = stage.desk.renewed
    assert (address(at), seconds) == (address(message()), 600.04)
    beats = stage.kinds().count("beat")
    finished = Finished(**address(message()), result=Result(text="Later."))
    await stage.dispatch.posted_back(finished)
    await stage.dispatch.close(5)
    assert (stage.desk.last, stage.kinds().count("beat")) == (finished, beats)


async def test_progress_that_is_posted_back_keeps_the_time_of_the_task(staged: Staged) -> None:
    stage = await staged(later, reports_at="https://bot/")
    await stage.dispatch.posted_back(Said(**address(message()), line="Half of it."))
    assert stage.desk.renewed[0][1] == 300 + LEASE
    await stage.dispatch.posted_back(Beat(**address(message())))
    assert len(stage.desk.renewed) == 1, "who beats is alive as long as it does"


async def test_one_that_promised_and_never_came_is_late(staged: Staged) -> None:
    stage = await staged(later, reports_at="https://bot/")
    assert (
        await stage.ends(message(seconds=1))
        == "The translate took longer than 1 seconds, so I stopped waiting."
    )


async def test_a_bot_that_ends_leaves_alone_what_will_be_posted_back(staged: Staged) -> None:
    stage = await staged(later, reports_at="https://bot/")
    await stage.dispatch.send(message())
    await asyncio.wait_for(stage.desk.kept.wait(), 10)
    await stage.dispatch.close(5)
    assert stage.kinds() == ["started"]
