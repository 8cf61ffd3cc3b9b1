"""The real store behind the thread: two bots, lost replies, kills; in the end nothing is due."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import database
from bot.decide import decide
from bot.plan import Plan, Step
from bot.run import Event, PlanMade, Run, TurnCame, new_run
from bot.slack.pace import NO_LIMITS
from bot.slack.thread import SlackThreads
from bot.store import Store
from tests.slack_out.stage import Stage, on_stage
from tests.slack_out.test_thread import Killed, kill_at
from workers import Result
from workers.kit.wire import Finished


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    url = f"sqlite:///{tmp_path / 'delegate.db'}"
    database.upgrade(url)
    async with on_stage() as stage:
        store = Store(url, stage.fast.now)
        stage.store = store.messages
        stage.load = store.runs.load
        stage.whole = store
        yield stage
        for bot in stage.bots:
            await bot.close(1.0)
        await store.close()


def events(run: Run) -> list[Event]:
    at = {"workspace": run.workspace, "run": run.id, "attempt": 1}
    first = Step(id="a", title="Read", worker="researcher", instruction="-")
    last = Step(id="b", title="Compare", worker="analyst", instruction="-", needs=("a",))
    return [
        TurnCame(),
        PlanMade(1, Plan(title="Comparison", steps=(first, last))),
        Finished(**at, step="a", result=Result(text="Found two.")),
        Finished(**at, step="b", result=Result(text="They differ in one.")),
    ]


async def play(stage: Stage, bots: list[SlackThreads]) -> Run:
    """A run as the orchestrator drives it: decided, committed, shown; by each bot in turn."""
    store = stage.whole
    assert isinstance(store, Store)
    asked = await stage.run()
    run = await store.runs.save(None, new_run("r1", "T1", asked.request, stage.fast.now()))
    for n, event in enumerate(events(run)):
        bots[n % len(bots)].show(run)
        after = decide(run, event, stage.fast.now())
        run = await store.runs.save(run, after)
        bots[n % len(bots)].show(run)
        await stage.fast.sleep(1)
    return run


async def settled(stage: Stage, run: Run) -> None:
    """Sweeps as the orchestrator does, until nothing is due."""
    store = stage.whole
    assert isinstance(store, Store)
    bot = stage.bot(NO_LIMITS)
    for _ in range(400):
        due = await store.runs.due()
        if not due:
            break
        for workspace, run_id in due:
            found = await store.runs.load(workspace, run_id)
            assert found
            bot.show(found)
        await stage.fast.sleep(5)
    assert await store.runs.due() == []
    assert stage.names() == ["delegate", "researcher", "analyst"]
    assert "Done." in str(stage.posts()[0]["blocks"][0])


async def test_two_bots_and_lost_replies(stage: Stage) -> None:
    """Each message is there once, and the store agrees that all is shown."""
    stage.slack.faults.drop_reply(times=2)
    run = await play(stage, [stage.bot(), stage.bot()])
    await settled(stage, run)


@pytest.mark.parametrize("point", ["K6", "K7", "K8", "K15"])
async def test_killed_and_swept_up(stage: Stage, point: str) -> None:
    """Whoever comes next compares and goes on."""
    dying = stage.bot(crash=kill_at(point, 2))
    run = await play(stage, [dying])
    for task in list(dying._tasks):
        with contextlib.suppress(Killed):
            await task
    await settled(stage, run)
