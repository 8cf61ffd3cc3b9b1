"""Nobody is declared lost who only could not be heard: results that wait while all bots are dead, a broker
that is away, a bot that was asleep. And whoever really is gone is found out a lease later."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bot.briefing import Briefing
from bot.orchestrator import Orchestrator
from bot.patience import CaughtUp, Patience, read_up
from bot.registry import Registry
from bot.run import PLAN, Request, Run, StopAsked
from tests.core.fakes import FakeMaterials, FakeStore, FakeThreads
from workers import Result, WorkerError
from workers.kit.broker.down import TransportDown
from workers.kit.wire import Beat, Finished, Report, Started, TaskMessage

LEASE = 20.0


@dataclass
class Broker:
    """What is in its queues outlives bots."""

    tasks: list[TaskMessage] = field(default_factory=list)
    reports: deque[Report] = field(default_factory=deque)
    away: bool = False
    taken: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    refuses: Exception | None = None

    async def send(self, task: TaskMessage) -> None:
        if self.refuses:
            raise self.refuses
        if self.away:
            raise TransportDown("The broker is away.")
        self.tasks.append(task)
        self.taken.release()

    async def cancel(self, workspace: str, run_id: str) -> None:
        pass

    async def is_read_up(self) -> bool:
        return not self.away and not self.reports


@dataclass
class House:
    store: FakeStore = field(default_factory=lambda: FakeStore(lease=LEASE))
    broker: Broker = field(default_factory=Broker)

    def bot(self, caught_up: CaughtUp | None = None) -> Orchestrator:
        briefing = Briefing(Registry({}), FakeMaterials(), self.store.clock)
        return Orchestrator(
            self.store,
            self.broker,
            FakeThreads(),
            briefing,
            clock=self.store.clock,
            lease_seconds=LEASE,
            caught_up=caught_up or self.broker.is_read_up,
        )

    async def asked(self, bot: Orchestrator) -> TaskMessage:
        """A request whose planning is out with a worker."""
        await bot.begin("T1", "run", Request("What is tea?", "UADA", "C1"))
        await settled()
        return self.broker.tasks[-1]

    @property
    def run(self) -> Run:
        return self.store.runs["T1", "run"]

    @property
    def attempt(self) -> int:
        state = self.run.find(PLAN)
        assert state is not None
        return state.attempt

    async def passes(self, bot: Orchestrator, seconds: int) -> None:
        for _ in range(seconds):
            self.store.now += 1
            await bot.sweep()
        await settled()

    async def reads(self, bot: Orchestrator) -> None:
        while self.broker.reports:
            await bot.report(self.broker.reports.popleft())


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def of(task: TaskMessage) -> dict[str, object]:
    return {"workspace": task.workspace, "run": task.run, "step": task.step, "attempt": task.attempt}


async def test_a_result_that_waited_while_all_bots_were_dead_is_taken_and_no_step_goes_out_again() -> None:
    house = House()
    task = await house.asked(house.bot())
    house.broker.reports += [
        Started.model_validate(of(task)),
        Finished.model_validate(of(task) | {"result": Result(text='{"answer": "Leaves."}')}),
    ]
    house.store.now += 100 * LEASE  # all are dead
    bot = house.bot()
    await house.passes(bot, int(LEASE) - 1)
    assert house.attempt == 1, "it began a moment ago"
    await house.passes(bot, int(3 * LEASE))
    assert house.attempt == 1, "the queue is not read up"
    await house.reads(bot)
    await house.passes(bot, int(3 * LEASE))
    assert house.run.status == "done" and house.run.answer == "Leaves." and len(house.broker.tasks) == 1


async def test_who_is_gone_indeed_is_found_out_a_lease_after_the_queue_was_read_up() -> None:
    house = House()
    task = await house.asked(house.bot())
    house.broker.reports.append(Started.model_validate(of(task)))
    house.store.now += 100 * LEASE
    bot = house.bot()
    await house.passes(bot, int(2 * LEASE))
    await house.reads(bot)
    await house.passes(bot, int(LEASE) - 1)
    assert house.attempt == 1
    await house.passes(bot, 3)
    await settled()
    assert house.attempt == 2 and len(house.broker.tasks) == 2


async def test_while_the_broker_is_away_and_a_lease_after_that_nobody_is_lost() -> None:
    house = House()
    bot = house.bot()
    task = await house.asked(bot)
    await house.passes(bot, int(LEASE) + 2)
    assert house.attempt == 2, "nobody ever took it"
    task = house.broker.tasks[-1]
    await bot.report(Started.model_validate(of(task)))
    await bot.report(Beat.model_validate(of(task)))
    house.broker.away = True
    await house.passes(bot, int(10 * LEASE))
    house.broker.away = False
    await house.passes(bot, int(LEASE) - 2)
    await bot.report(Beat.model_validate(of(task)))
    await house.passes(bot, 5)
    assert house.attempt == 2, "its heartbeat is heard again"


async def test_without_a_broker_a_bot_that_begins_waits_for_nothing() -> None:
    patience = Patience(lambda: 1_000.0, LEASE)
    assert not await patience.lasts()


async def test_a_pause_of_half_a_lease_is_given_back() -> None:
    now = 0.0
    patience = Patience(lambda: now, LEASE)
    assert not await patience.lasts()
    patience.looked()
    now += LEASE / 2 + 1
    assert await patience.lasts()
    patience.looked()
    for _ in range(int(LEASE) - 1):
        now += 1
        assert await patience.lasts()
        patience.looked()
    now += 1
    assert not await patience.lasts()


async def test_a_moment_behind_costs_no_lease() -> None:
    now, up = 0.0, True

    async def caught_up() -> bool:
        return up

    patience = Patience(lambda: now, LEASE, caught_up)
    for _ in range(int(LEASE) + 1):
        await patience.lasts()
        patience.looked()
        now += 1
    for _ in range(5):
        up = False
        assert await patience.lasts()
        patience.looked()
        now, up = now + 1, True
        assert not await patience.lasts()
        patience.looked()


@dataclass
class Seen:
    connected: bool = True
    lag: float = 0.0
    waiting: int = 0
    down: bool = False

    async def pending(self) -> dict[str, int]:
        if self.down:
            raise TransportDown("away")
        return {"bot.reports": self.waiting, "worker.writer": 9}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(), True),
        (Seen(waiting=500, lag=0.2), True),
        (Seen(waiting=500, lag=9.0), False),
        (Seen(waiting=1), False),
        (Seen(lag=9.0), False),
        (Seen(connected=False), False),
        (Seen(down=True), False),
    ],
    ids=["idle", "busy", "behind", "nobody reads", "stuck", "away", "going"],
)
async def test_the_queue_is_read_up_when_nothing_old_is_in_it(seen: Seen, expected: bool) -> None:
    assert await read_up(seen, LEASE)() is expected


async def test_a_task_that_the_broker_did_not_take_is_sent_when_it_is_back() -> None:
    house = House()
    house.broker.away = True
    bot = house.bot()
    with capture_logs() as logs:
        for n in range(3):
            await bot.begin("T1", f"run{n}", Request("What is tea?", "UADA", "C1"))
        await settled()
        assert not house.broker.tasks
        await bot.handle("T1", "run1", StopAsked(by="UADA"))
        house.broker.away = False
        async with asyncio.timeout(5):
            for _ in range(2):
                await house.broker.taken.acquire()
        await bot.drain(5)
    assert sorted(task.run for task in house.broker.tasks) == ["run0", "run2"], "nobody wants the other"
    said = [entry["event"] for entry in logs if entry["event"].startswith("tasks are")]
    assert said == ["tasks are not taken; trying again", "tasks are taken again"]


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (WorkerError("What this step needs is too much."), "What this step needs is too much."),
        (KeyError("secret"), "This could not be handed to its worker (KeyError)."),
    ],
)
async def test_a_task_that_can_never_be_sent_fails_with_a_sentence(why: Exception, said: str) -> None:
    """Else its lease would run out and it would be tried again for ever."""
    house = House()
    house.broker.refuses = why
    bot = house.bot()
    await bot.begin("T1", "run", Request("What is tea?", "UADA", "C1"))
    await settled()
    await bot.drain(5)
    assert (house.run.status, house.run.note) == ("failed", said)
