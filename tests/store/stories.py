"""Short ways to bring runs into being for the tests of the store."""

from __future__ import annotations

from bot.decide import decide
from bot.plan import Plan
from bot.run import PLAN, Event, PlanMade, Request, Run, TurnCame, new_run
from bot.store import Store
from workers import Result
from workers.kit.wire import Address, Finished, Started


def request(by: str = "UADA", channel: str = "C1", thread_ts: str = "100.1") -> Request:
    return Request("Write about tea", by=by, channel=channel, thread_ts=thread_ts)


async def begun(store: Store, run_id: str = "r1", asked: Request | None = None, now: float = 1_000.0) -> Run:
    run = await store.runs.save(None, new_run(run_id, "T1", asked or request(), now))
    return await happen(store, run, TurnCame(), now)


async def planned(store: Store, plan: Plan, run_id: str = "r1", now: float = 1_000.0) -> Run:
    return await happen(store, await begun(store, run_id, now=now), PlanMade(1, plan), now)


async def happen(store: Store, run: Run, event: Event, now: float = 1_000.0) -> Run:
    after = decide(run, event, now)
    assert after is not run, f"{event} changes nothing"
    return await store.runs.save(run, after)


def started(run: Run, step: str = PLAN, attempt: int = 1) -> Started:
    return Started(workspace=run.workspace, run=run.id, step=step, attempt=attempt)


def finished(run: Run, step: str, text: str = "Done", attempt: int = 1) -> Finished:
    return Finished(workspace=run.workspace, run=run.id, step=step, attempt=attempt, result=Result(text=text))


def address(run: Run, step: str = PLAN, attempt: int = 1) -> Address:
    return Address(workspace=run.workspace, run=run.id, step=step, attempt=attempt)
