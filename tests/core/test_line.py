"""Standing in line: what a run is meanwhile, who is sent when a place comes back, what the thread says."""

from __future__ import annotations

from typing import Any

import pytest

from bot.briefing import Briefing
from bot.decide import decide, tasks
from bot.messages import PlanMessage
from bot.orchestrator import Orchestrator
from bot.registry import Registry
from bot.render import render
from bot.run import InLine, PlanMade, Request, Run, StopAsked, TurnCame
from bot.settling import admit
from tests.core.fakes import FakeMaterials, FakeStore, FakeThreads
from tests.core.plans import fan, fresh_run, with_room
from workers import Result, Task, Worker
from workers.kit.wire import Finished, TaskMessage


async def never(task: Task) -> str:
    raise AssertionError("the test answers for the workers")


class Sent:
    """Implements `Transport`: keeps what was sent."""

    def __init__(self) -> None:
        self.tasks: list[TaskMessage] = []

    async def send(self, task: TaskMessage) -> None:
        self.tasks.append(task)

    async def cancel(self, workspace: str, run_id: str) -> None:
        pass

    def steps(self) -> list[tuple[str, str]]:
        return [(task.run, task.step) for task in self.tasks]


class Bot:
    def __init__(self, window: int) -> None:
        self.store, self.sent, self.threads = FakeStore(window=window), Sent(), FakeThreads()
        team = Registry({"writer": Worker("writer", "Writes.", never)})
        briefing = Briefing(team, FakeMaterials(), self.store.clock)
        self.orchestrator = Orchestrator(
            self.store, self.sent, self.threads, briefing, clock=self.store.clock
        )

    async def asked(self, run_id: str) -> Run:
        request = Request("Write", "UADA", "C1", thread_ts=run_id, worker="writer")
        run = await self.orchestrator.begin("T1", run_id, request)
        await self.settled()
        return run

    async def finished(self, task: TaskMessage) -> None:
        at = task.model_dump(include={"workspace", "run", "step", "attempt"})
        await self.orchestrator.report(Finished(**at, result=Result(text="Done")))
        await self.settled()

    async def settled(self) -> None:
        while waiting := list(self.orchestrator._background):
            for task in waiting:
                await task


@pytest.fixture
def bot() -> Bot:
    return Bot(window=1)


async def test_what_stands_in_line_is_sent_when_a_place_comes_back(bot: Bot) -> None:
    for name in ("r1", "r2", "r3"):
        await bot.asked(name)
    assert bot.sent.steps() == [("r1", "writer")]
    await bot.finished(bot.sent.tasks[-1])
    assert bot.sent.steps()[1:] == [("r2", "writer")]
    await bot.finished(bot.sent.tasks[-1])
    assert bot.sent.steps()[2:] == [("r3", "writer")]
    await bot.finished(bot.sent.tasks[-1])
    assert all(run.status == "done" for run in bot.store.runs.values()) and len(bot.sent.tasks) == 3


async def test_a_stop_gives_its_place_to_the_next_and_what_was_in_line_is_never_sent(bot: Bot) -> None:
    for name in ("r1", "r2", "r3"):
        await bot.asked(name)
    await bot.orchestrator.handle("T1", "r2", StopAsked("UADA"))
    await bot.orchestrator.handle("T1", "r1", StopAsked("UADA"))
    await bot.settled()
    assert bot.sent.steps() == [("r1", "writer"), ("r3", "writer")]


async def test_the_sweep_serves_a_line_that_another_bot_left(bot: Bot) -> None:
    await bot.asked("r1")
    await bot.asked("r2")
    run = bot.store.runs["T1", "r1"]
    await bot.store.save(run, decide(run, StopAsked("UADA"), 0.0))
    assert len(bot.sent.tasks) == 1
    await bot.orchestrator.sweep()
    await bot.settled()
    assert bot.sent.steps()[1:] == [("r2", "writer")]


async def test_a_run_that_cannot_be_looked_after_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = Bot(window=2)
    await bot.asked("r1")
    await bot.asked("r2")
    load = bot.store.load

    async def broken(workspace: str, run_id: str, **more: Any) -> Run | None:
        if run_id == "r1":
            raise ValueError("its row makes no sense")
        return await load(workspace, run_id, **more)

    monkeypatch.setattr(bot.store, "load", broken)
    bot.store.now += 1_000
    assert [lost.run for lost in await bot.store.lost_leases()] == ["r1", "r2"]
    await bot.orchestrator.sweep()
    assert bot.store.runs["T1", "r2"].steps[0].attempt == 2


async def test_who_waits_for_long_hears_how_many_are_before_it(bot: Bot) -> None:
    for name in ("r1", "r2", "r3"):
        await bot.asked(name)
    await bot.orchestrator.sweep()
    seen = [card_of(bot.threads.seen[name]) for name in ("r1", "r2", "r3")]
    assert seen == [
        ("in_progress", "Working"),
        ("pending", "Waiting for a free writer; it is next."),
        ("pending", "Waiting for a free writer; 1 is before it."),
    ]
    await bot.finished(bot.sent.tasks[-1])
    assert card_of(bot.threads.seen["r2"]) == ("in_progress", "Working")


async def test_a_bot_that_closes_gives_no_places(bot: Bot) -> None:
    await bot.asked("r1")
    await bot.asked("r2")
    await bot.orchestrator.drain(0)
    await bot.finished(bot.sent.tasks[0])
    await bot.orchestrator.sweep()
    assert len(bot.sent.tasks) == 1 and not tasks(bot.store.runs["T1", "r2"])


async def test_what_a_bot_that_closes_does_not_send_any_more_another_sends_at_once(bot: Bot) -> None:
    await bot.orchestrator.drain(0)
    await bot.asked("r1")
    await bot.settled()
    assert not bot.sent.tasks and [lost.run for lost in await bot.store.lost_leases()] == ["r1"]


def card_of(run: Run) -> tuple[str, str]:
    plan = render(run)["plan"]
    assert isinstance(plan, PlanMessage)
    return plan.cards[0].status, plan.cards[0].line


def line_of(run: Run) -> str:
    plan = render(run)["plan"]
    assert isinstance(plan, PlanMessage)
    return plan.line


def waits(run: Run, step: str, ahead: int) -> Run:
    state = run.find(step)
    assert state
    return decide(run, InLine(step, state.attempt, ahead), 9.0)


def test_a_plan_in_line_says_so_in_its_own_words() -> None:
    run = decide(fresh_run(), TurnCame(), 1.0)
    assert not tasks(run) and line_of(run) == "On it. I am making a plan."
    assert line_of(waits(run, "~plan", 3)) == "I am busy with other requests; 3 are before yours."
    assert line_of(waits(run, "~plan", 0)) == "I am busy with other requests; yours is next."
    assert line_of(admit(waits(run, "~plan", 3))) == "On it. I am making a plan."


def test_an_answer_in_line_too() -> None:
    run = with_room(with_room(fresh_run(), TurnCame(), 1), PlanMade(1, fan("a", "b")), 2)
    for step in ("a", "b"):
        at = {"workspace": "T1", "run": "run1", "step": step, "attempt": 1}
        run = decide(run, Finished(**at, result=Result(text="Done")), 3)
    assert line_of(run) == "All steps have ended; I am putting the answer together."
    assert line_of(waits(run, "~answer", 2)) == "I am busy with other requests; 2 are before yours."


def test_a_number_that_did_not_change_or_is_too_late_changes_nothing() -> None:
    run = waits(decide(fresh_run(), TurnCame(), 1.0), "~plan", 3)
    assert waits(run, "~plan", 3) is run
    assert waits(admit(run), "~plan", 2) == admit(run)
    assert decide(run, InLine("~plan", 7, 2), 9.0) is run
    stopped = decide(run, StopAsked("UADA"), 9.0)
    assert not any(s.in_line or s.ahead for s in stopped.steps)


def test_only_what_is_named_gets_its_place() -> None:
    run = decide(with_room(fresh_run(), TurnCame(), 1), PlanMade(1, fan("a", "b", "c")), 2)
    assert [s.id for s in tasks(admit(run, {"a", "c"}))] == ["a", "c"]
    assert [s.id for s in tasks(admit(run))] == ["a", "b", "c"]
