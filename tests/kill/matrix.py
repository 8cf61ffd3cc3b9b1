"""The kill matrix: every point × every setup × one crash or two, and what came of each case.

A case asks for work, lets processes die at its point, and looks when all is quiet. Where a point is passed
only once for a request, the second crash is at the next request's. What a case may cost: nothing but time
where only a bot dies and the work is elsewhere; the calls that were in flight where their process dies.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.ports import Schedule
from bot.store import Store
from tests.cluster import folding, verdict
from tests.cluster.cluster import CREW, WORKSPACE, Cluster
from tests.cluster.folding import Work
from tests.cluster.queues import rabbit_prefix
from tests.services import postgres_database

POINTS = tuple(f"K{n}" for n in range(1, 17))
SETUPS = {"sqlite": "SQLite, one process", "cluster": "PostgreSQL + RabbitMQ, 2 bots, 3 workers"}
WORKERS = (*CREW, "writer", "summarizer", "analyst")
OF_WORKERS = ("K4", "K11", "K12")
IN_FLIGHT = 3  # calls that a process may have in its hands, in this work
QUICK = {("sqlite", "K3"), ("sqlite", "K7"), ("sqlite", "K12"), ("cluster", "K5"), ("cluster", "K12")}


@dataclass(frozen=True, slots=True)
class Case:
    setup: str
    point: str
    crashes: int

    @property
    def quick(self) -> bool:
        """Part of the sample that each check runs."""
        return self.crashes == 1 and (self.setup, self.point) in QUICK

    @property
    def may_repeat(self) -> int:
        """So many model calls at most."""
        alone = self.setup == "sqlite"
        return self.crashes * IN_FLIGHT if alone or self.point in OF_WORKERS else 0


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    runs: int
    messages: int
    repeated: int
    seconds: float
    wrong: tuple[str, ...]


def cases() -> Iterator[Case]:
    for setup in SETUPS:
        for point in POINTS:
            for crashes in (1, 2):
                yield Case(setup, point, crashes)


@contextmanager
def engines(setup: str) -> Iterator[dict[str, Any]]:
    """What `cluster` is told: a database and a broker of one's own, and how many processes."""
    if setup == "sqlite":
        yield {}
        return
    with postgres_database() as database, rabbit_prefix(WORKERS) as (broker, prefix):
        yield {"database": database, "broker": broker, "prefix": prefix, "bots": 2, "workers": 3}


async def play(there: Cluster, case: Case) -> Outcome:
    began, calls = time.monotonic(), there.world.stub.count
    asked: dict[str, Work] = {}
    there.arm(case.point, case.crashes)
    while there.left() and len(asked) < case.crashes:
        work = folding.fork(f"job-{uuid.uuid4().hex[:8]}", 1)
        asked[await _begin(there, work, case.point)] = work
        await there.quiet()
    wrong = [sentence for ts, work in asked.items() for sentence in await verdict.wrong(there, work, ts)]
    if left := there.left():
        wrong.append(f"{case.point} was not passed: {left} crashes are left")
    there.disarm()
    repeated = there.world.stub.count - calls - sum(work.calls for work in asked.values())
    if repeated > case.may_repeat:
        wrong.append(f"{repeated} model calls were repeated, and {case.may_repeat} might be")
    messages = sum(len(there.world.posts(ts)) for ts in asked)
    return Outcome(case, len(asked), messages, repeated, time.monotonic() - began, tuple(wrong))


async def _begin(there: Cluster, work: Work, point: str) -> str:
    """Its thread: a mention's, or the one that a schedule opens."""
    if point != "K16":
        return await there.ask(work)
    await a_due_schedule(there, work)
    await there.quiet()
    return next(run.thread_ts for run in await there.truth.runs() if work.name in run.text)


async def a_due_schedule(there: Cluster, work: Work) -> None:
    """Daily, at the minute that has just begun."""
    there.book.works[work.name] = work
    due = time.time() // 60 * 60
    at = datetime.fromtimestamp(due, UTC)
    schedule = Schedule(
        id=work.name,
        workspace=WORKSPACE,
        by="U0ADA",
        channel="C0GENERAL",
        text=work.request,
        rule=f"{at.minute} {at.hour} * * *",
        zone="UTC",
        next_at=due,
        next_slot=f"{at:%Y-%m-%dT%H:%M} UTC",
        revision=work.name,
    )
    store = Store(there.truth.url, time.time)
    await store.schedules.put(schedule, by="U0ADA", most=1000)
    await store.close()
