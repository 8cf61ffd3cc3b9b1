"""The orchestrator in a world that loses, repeats and reorders, with crashes in between and fake time: every
run ends, one after the other in its thread, and no step is done twice."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.briefing import Briefing
from bot.orchestrator import Orchestrator
from bot.plan import Plan
from bot.registry import Registry
from bot.run import Request, Run
from tests.core.fakes import FakeMaterials, FakeStore, FakeThreads, FakeTransport
from tests.core.plans import TEAM, plans
from workers import Result, Task, Worker
from workers.kit.wire import Failed, Finished, Started, TaskMessage


async def never(task: Task) -> str:
    raise AssertionError("the simulation answers for the workers")


WORKERS = {name: Worker(name, "Does it.", never) for name in TEAM}


class Simulation:
    def __init__(self, plans: list[Plan], seed: int, window: int) -> None:
        self.plans, self.chance = plans, random.Random(seed)
        self.store, self.threads = FakeStore(window=window), FakeThreads()
        self.transport = FakeTransport(self.chance)
        self.lost_reports = 0
        self.boot()

    def boot(self) -> None:
        """A new process: what the last one had in its hands is gone."""
        self.transport.queue.clear()
        briefing = Briefing(Registry(WORKERS), FakeMaterials(), self.store.clock)
        self.bot = Orchestrator(self.store, self.transport, self.threads, briefing, clock=self.store.clock)

    async def begin(self) -> None:
        for n in range(len(self.plans)):
            await self.bot.begin("T1", f"run{n}", Request(f"request {n}", "UADA", "C1", thread_ts="1.0"))
            self.store.now += 0.001

    async def work(self, task: TaskMessage) -> None:
        """A worker process, good or bad."""
        at = {"workspace": task.workspace, "run": task.run, "step": task.step, "attempt": task.attempt}
        await self.bot.report(Started(**at))
        kind = self.chance.random()
        if kind < 0.15:
            return  # died
        if task.call is not None and task.step == "~plan":
            text = self.plans[int(task.run[3:])].model_dump_json() if kind > 0.25 else "no plan"
            report: Finished | Failed = Finished(**at, result=Result(text=text))
        elif kind < 0.25:
            report = Failed(**at, error="It broke.")
        else:
            report = Finished(**at, result=Result(text=f"{task.step} by attempt {task.attempt}"))
        for _ in range(self.chance.choices((1, 2), (8, 2))[0]):
            await self.bot.report(report)

    async def turn(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        kind = self.chance.random()
        if kind < 0.03:
            self.boot()
        if self.transport.queue and kind < 0.8:
            await self.work(self.transport.take())
        else:
            self.store.now += self.chance.choice((0.1, 5.0, 25.0))
            await self.bot.sweep()

    async def run(self) -> list[Run]:
        await self.begin()
        for _ in range(3_000):
            if all(r.ended for r in self.store.runs.values()):
                break
            working = [r for r in self.store.runs.values() if r.status == "working"]
            one_by_one = not any(s.delay or s.not_before for plan in self.plans for s in plan.steps)
            assert len(working) <= 1 or not one_by_one, "one run at a time in a thread, unless one waits"
            await self.turn()
        await self.bot.drain(1)
        return list(self.store.runs.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(plans(5), min_size=1, max_size=3), st.integers(0, 10_000), st.sampled_from((1, 2, 1_000)))
def test_whatever_is_lost_repeated_or_killed_every_run_ends_and_its_thread_shows_it(
    plans: list[Plan], seed: int, window: int
) -> None:
    simulation = Simulation(plans, seed, window)
    runs = asyncio.run(simulation.run())
    assert len(runs) == len(plans) and all(r.ended for r in runs)
    for run in runs:
        assert simulation.threads.seen[run.id] == run, "the newest view is shown"
        for state in run.work:
            if state.status == "done":
                assert state.result and state.result.text == f"{state.id} by attempt {state.attempt}"
    assert not simulation.store.leases, "no lease is left over"
