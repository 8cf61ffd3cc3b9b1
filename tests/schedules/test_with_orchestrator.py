"""The real orchestrator over the real store behind schedules."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from bot.briefing import Briefing
from bot.orchestrator import Orchestrator
from bot.registry import Registry
from bot.run import PLAN
from bot.schedules import Schedules
from bot.store import Store
from tests.core.fakes import FakeMaterials, FakeThreads, FakeTransport
from tests.schedules.fakes import DAY, NINE, FakeAuthority, confirmed, tick
from tests.store.conftest import Now
from workers.kit.wire import Failed


class Bot:
    def __init__(self, store: Store, now: Now, authority: FakeAuthority) -> None:
        self.transport, self.threads = FakeTransport(random.Random(1)), FakeThreads()
        briefing = Briefing(Registry({}), FakeMaterials(), now)
        self.orchestrator = Orchestrator(store.runs, self.transport, self.threads, briefing, clock=now)
        self.schedules = Schedules(store.schedules, authority, self.orchestrator, now)


@pytest.fixture
def authority() -> FakeAuthority:
    return FakeAuthority()


@pytest.fixture
async def bots(store: Store, now: Now, url: str, authority: FakeAuthority) -> AsyncIterator[list[Bot]]:
    """Two on one database."""
    now.at = NINE - 60
    other = Store(url, now)
    both = [Bot(one, now, authority) for one in (store, other)]
    await both[0].schedules.confirm(confirmed("0 9 * * *", "s1"))
    yield both
    for bot in both:
        await bot.orchestrator.drain(1.0)
    await other.close()


async def test_two_bots_make_one_run_which_is_planned(bots: list[Bot], store: Store, now: Now) -> None:
    now.at = NINE
    for _ in range(3):
        await asyncio.gather(*(tick(bot.schedules) for bot in bots))
    schedule = await store.schedules.get("T1", "s1")
    assert schedule
    [run] = await store.schedules.latest_runs(schedule, 10)
    assert (run.status, run.request.source, run.request.schedule) == ("working", "schedule", "s1")
    assert [step.id for step in run.steps] == [PLAN]
    assert [run.id in bot.threads.seen for bot in bots].count(True) == 1  # who began it shows it


async def test_a_slot_refused_is_a_lost_run_with_the_reason(
    bots: list[Bot], store: Store, now: Now, authority: FakeAuthority
) -> None:
    authority.says = "That channel is archived."
    now.at = NINE
    await tick(bots[0].schedules)
    schedule = await store.schedules.get("T1", "s1")
    assert schedule
    [run] = await store.schedules.latest_runs(schedule, 10)
    assert (run.status, run.note, run.steps) == ("lost", "That channel is archived.", ())
    assert (schedule.status, schedule.note) == ("paused", "That channel is archived.")


async def test_three_runs_that_fail_pause_it_with_a_notice(bots: list[Bot], store: Store, now: Now) -> None:
    for day in range(3):
        now.at = NINE + day * DAY
        await tick(bots[day % 2].schedules)
        schedule = await store.schedules.get("T1", "s1")
        assert schedule
        run = (await store.schedules.latest_runs(schedule, 1))[0]
        failed = Failed(workspace="T1", run=run.id, step=PLAN, attempt=1, error="The model broke.")
        await bots[0].orchestrator.report(failed)
        ended = await store.runs.load("T1", run.id, fresh=True)
        assert ended
        assert ended.status == "failed"
        await asyncio.gather(*(bot.schedules.judge(ended) for bot in bots))
    schedule = await store.schedules.get("T1", "s1")
    assert schedule
    assert schedule.status == "paused"
    newest, *older = await store.schedules.latest_runs(schedule, 10)
    assert "failed 3 times in a row" in newest.notice
    assert [run.notice for run in older] == ["", ""]
