"""What is counted, by the same conversations that people have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from bot.app import Running
from bot.decide import decide
from bot.gauges import Gauges
from bot.metrics import Metrics
from bot.ports import StoreDown
from bot.run import LeaseLost, Request, Run, TurnCame, new_run
from bot.settling import admit
from bot.slack.client import WatchedClient
from bot.store import Counts
from tests.conversations.world import World, steps
from tests.seeing.numbers import Numbers
from workers import Result
from workers.kit.metrics import Book
from workers.kit.wire import Finished, Released, Started


async def page(bot: Running, path: str = "/metrics") -> Numbers:
    url = f"http://127.0.0.1:{bot.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return Numbers(await answer.text())


async def test_a_request_shows_in_runs_steps_calls_and_acks(world: World) -> None:
    world.stub.plan(steps(("draft", "writer", "Write"), ("refine", "writer", "Refine", ["draft"])))
    async with world.bot() as bot:
        ts = await world.says("@delegate Draft a secret post, then refine it")
        await world.sees(ts, "Done", "writer: .*@ada")
        now = await page(bot)
    assert now.of("delegate_runs_started_total", source="mention") == 1
    assert now.of("delegate_runs_ended_total", status="done", source="mention") == 1
    assert now.of("delegate_run_seconds_count", status="done") == 1
    assert now.of("delegate_steps_ended_total", kind="plan", worker="model", status="done") == 1
    assert now.of("delegate_steps_ended_total", kind="work", worker="writer", status="done") == 2
    assert now.of("delegate_step_seconds_count", worker="writer") == 2
    assert now.of("delegate_tasks_ended_total", outcome="finished") == 3
    assert now.of("delegate_tasks_running") == now.of("delegate_tasks_waiting") == 0
    assert now.of("delegate_task_queue_seconds_count", worker="writer") == 2
    assert now.of("delegate_model_calls_total", model="hosted_vllm/stub", outcome="ok") == world.stub.count
    for spent, charged in (
        ("delegate_model_calls_total", "delegate_usage_calls_total"),
        ("delegate_model_tokens_total", "delegate_usage_tokens_total"),
    ):
        assert now.of(spent) == now.of(charged) > 0
    assert now.of("delegate_slack_calls_total", method="chat.postMessage", outcome="ok") == 3
    assert now.of("delegate_ack_seconds_count", way="socket", outcome="acked") > 0
    assert now.of("delegate_sweep_seconds_count") > 0
    assert now.of("delegate_runs_open") == now.of("delegate_inbox_events") == 0
    assert now.of("delegate_database_up") == 1
    assert now.of("delegate_socket_age_seconds") < 60


async def test_no_label_names_a_person_a_run_or_a_text(world: World) -> None:
    world.stub.plan(steps(("draft", "writer", "Write")))
    async with world.bot() as bot:
        ts = await world.says("@delegate Draft a secret post")
        await world.sees(ts, "writer: .*@ada")
        labels = (await page(bot)).labels()
        (run,) = await bot.store.runs.recent_runs("T0PLAYGRND", "U0ADA")
    allowed = {"mention", "done", "plan", "work", "model", "writer", "in", "out", "hosted_vllm/stub", "ok"}
    allowed |= {"finished", "socket", "acked", "working", "queued", "event", "step"}
    assert {label for label in labels - allowed if "." not in label} <= {"limited", "refused"}
    assert run.id not in labels and "secret" not in str(labels)


async def test_limits_of_slack_and_of_the_model_show(world: World) -> None:
    world.stub.fault(429, times=1, retry_after=0.1)
    async with world.bot() as bot:
        world.slack.faults.ratelimit(5, "chat.postMessage")
        ts = await world.says("@delegate Draft a post")
        await world.sees(ts, "@ada", within=20)
        now = await page(bot)
    assert now.of("delegate_slack_calls_total", method="chat.postMessage", outcome="limited") >= 1
    assert now.of("delegate_model_calls_total", outcome="limited") == 1


class Told:
    """A run that things happen to, and what is counted of it."""

    def __init__(self) -> None:
        self.at, self.now = 0.0, 1_000.0
        self.book = Book()
        self.metrics = Metrics(self.book, steady=lambda: self.at)
        self.run = new_run("r1", "T1", Request("Hello", "U1", "C1", "schedule"), 990.0)
        self.metrics.changed(None, self.run, None)

    def happens(self, event: object) -> Run:
        before = self.run
        self.run = decide(before, event, self.now)  # type: ignore[arg-type]
        if self.run is not before:
            self.metrics.changed(before, self.run, event)  # type: ignore[arg-type]
        self.run = admit(self.run)
        return self.run

    @property
    def numbers(self) -> Numbers:
        return Numbers(self.book.page())


def address(attempt: int) -> dict[str, Any]:
    return {"workspace": "T1", "run": "r1", "step": "~plan", "attempt": attempt}


def test_what_is_lost_and_handed_back_is_told_apart_and_poison_is_set_aside() -> None:
    told = Told()
    told.happens(TurnCame())
    told.happens(Released(**address(1)))
    for attempt in (2, 3, 4):
        told.happens(Started(**address(attempt)))
        told.at += 10
        told.happens(LeaseLost("~plan", attempt))
    now = told.numbers
    assert now.of("delegate_step_retries_total", worker="model", reason="handed_back") == 1
    assert now.of("delegate_step_retries_total", worker="model", reason="lost") == 2
    assert now.of("delegate_leases_lost_total", worker="model") == 3
    assert now.of("delegate_set_aside_total", kind="step") == 1
    assert now.of("delegate_steps_ended_total", status="failed") == 1
    assert now.of("delegate_runs_ended_total", status="failed", source="schedule") == 1
    assert now.of("delegate_run_seconds_sum", status="failed") == 10.0
    assert now.of("delegate_step_seconds_sum", worker="model") == 10.0  # of its last attempt


def test_a_report_that_comes_too_late_counts_nothing() -> None:
    told = Told()
    told.happens(TurnCame())
    told.happens(LeaseLost("~plan", 1))
    before = told.book.page()
    late = Finished(**address(1), result=Result(text="late"))
    told.happens(late)
    assert (
        Numbers(before).of("delegate_steps_ended_total") == told.numbers.of("delegate_steps_ended_total") == 0
    )


class Broker:
    lag = 2.5

    def __init__(self) -> None:
        self.down = False

    async def pending(self) -> Mapping[str, int]:
        if self.down:
            raise OSError("away")
        return {"worker.writer": 7, "bot.dead": 1}


async def test_what_cannot_be_looked_up_is_left_out_rather_than_shown_as_it_was() -> None:
    broker, away = Broker(), False

    async def counts() -> Counts:
        if away:
            raise StoreDown("away")
        return Counts(
            working=3, queued=1, inbox=2, oldest=95.0, out_by_worker={"writer": 4}, oldest_in_line=40.0
        )

    gauges = Gauges(Book(), counts, lambda: 100.0, broker=broker, socket_age=lambda: 1.5)
    now = Numbers(await gauges.page())
    assert now.of("delegate_steps_out", worker="writer") == 4
    assert now.of("delegate_inbox_oldest_seconds") == 5 and now.of("delegate_line_oldest_seconds") == 60
    assert now.of("delegate_queue_messages", queue="worker.writer") == 7
    assert (now.of("delegate_report_lag_seconds"), now.of("delegate_broker_up")) == (2.5, 1)
    broker.down = away = True
    now = Numbers(await gauges.page())
    assert now.of("delegate_database_up") == now.of("delegate_broker_up") == 0
    for gone in ("delegate_steps_out", "delegate_queue_messages", "delegate_inbox_events"):
        assert now.of(gone) != now.of(gone)  # NaN


async def test_a_database_that_does_not_answer_holds_up_no_scrape() -> None:
    async def counts() -> Counts:
        await asyncio.sleep(60)
        raise AssertionError

    async with asyncio.timeout(8):
        now = Numbers(await Gauges(Book(), counts, lambda: 100.0).page())
    assert now.of("delegate_database_up") == 0


async def test_a_worker_that_has_nothing_any_more_shows_nothing() -> None:
    out = {"writer": 4}

    async def counts() -> Counts:
        return Counts(working=0, queued=0, inbox=0, oldest=None, out_by_worker=dict(out))

    gauges = Gauges(Book(), counts, lambda: 100.0)
    assert Numbers(await gauges.page()).of("delegate_steps_out", worker="writer") == 4
    out.clear()
    now = Numbers(await gauges.page())
    assert now.of("delegate_steps_out", worker="writer") == 0
    assert now.of("delegate_broker_up") != now.of("delegate_broker_up")  # there is none


async def test_a_call_that_slack_never_answers_is_counted_as_unclear() -> None:
    book = Book()
    hung = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hung.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        client = WatchedClient("xoxb-1", f"http://127.0.0.1:{port}/", session, Metrics(book))
        asking = asyncio.ensure_future(client.auth_test())
        await hung.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        gone = WatchedClient("xoxb-1", "http://127.0.0.1:9/", session, Metrics(other := Book()))
        with pytest.raises(aiohttp.ClientConnectorError):
            await gone.auth_test()
    assert Numbers(book.page()).of("delegate_slack_calls_total", method="auth.test", outcome="unclear") == 1
    assert Numbers(other.page()).of("delegate_slack_calls_total", outcome="not_sent") == 1
