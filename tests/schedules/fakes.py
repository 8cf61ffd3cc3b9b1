"""The world of schedules, by hand: a runner in memory, one over the store, an authority that is told what to
say. And short ways to bring schedules into being."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bot.decide import decide
from bot.ports import Away, Clock, Conflict, Schedule, Unsure
from bot.run import Event, Proposal, Request, Run, RunStatus, ThreadLost, TurnCame, new_run
from bot.schedules import Schedules
from bot.store import Store
from tests.store.conftest import Now
from workers.kit.crashpoints import Crash, no_crash

NINE, DAY = datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp(), 86_400.0  # a Monday


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@dataclass
class FakeRunner:
    """Implements `Runner` in memory: one run under each id, as the store's key makes it."""

    runs: dict[str, Run] = field(default_factory=dict)

    async def begin(
        self,
        workspace: str,
        run_id: str,
        request: Request,
        at: float = 0.0,
        *,
        proposal: Proposal | None = None,
        lost: str = "",
    ) -> Run:
        await asyncio.sleep(0)
        run = new_run(run_id, workspace, request, at)
        return self.runs.setdefault(run_id, decide(run, ThreadLost(lost), at) if lost else run)

    async def handle(self, workspace: str, run_id: str, event: Event) -> Run | None:
        if run := self.runs.get(run_id):
            self.runs[run_id] = decide(run, event, 0.0)
        return self.runs.get(run_id)


@dataclass
class StoredRunner:
    """Implements `Runner` over the store, without workers: a run stays on until a test ends it."""

    store: Store
    clock: Clock

    async def begin(
        self,
        workspace: str,
        run_id: str,
        request: Request,
        at: float = 0.0,
        *,
        proposal: Proposal | None = None,
        lost: str = "",
    ) -> Run:
        run = new_run(run_id, workspace, request, at)
        run = decide(run, ThreadLost(lost) if lost else TurnCame(), at)
        try:
            return await self.store.runs.save(None, run)
        except Conflict:
            return await self.store.runs.load(workspace, run_id, fresh=True) or run

    async def handle(self, workspace: str, run_id: str, event: Event) -> Run | None:
        run = await self.store.runs.load(workspace, run_id, fresh=True)
        if run is None or (after := decide(run, event, self.clock())) is run:
            return run
        return await self.store.runs.save(run, after)


@dataclass
class FakeAuthority:
    """Implements `Authority`."""

    says: str = ""
    away: bool = False
    unsure: str = ""  # what lies with the bot itself
    broken: str = ""  # a channel in which asking fails in a way that nobody foresaw
    asked: int = 0

    async def refusal(self, workspace: str, person: str, channel: str) -> str:
        self.asked += 1
        if self.away:
            raise Away("no answer")
        if self.unsure:
            raise Unsure(self.unsure)
        if channel == self.broken:
            raise RuntimeError("a bug")
        return self.says


@dataclass
class Desk:
    """A service with its world."""

    store: Store
    clock: Clock
    authority: FakeAuthority = field(default_factory=FakeAuthority)
    crash: Crash = no_crash
    most: int = 20

    @property
    def service(self) -> Schedules:
        """A new one each time: it must remember nothing."""
        runner = StoredRunner(self.store, self.clock)
        return Schedules(
            self.store.schedules, self.authority, runner, self.clock, most=self.most, crash=self.crash
        )

    async def made(
        self, rule: str = "0 9 * * *", id: str = "s1", by: str = "UADA", channel: str = "C1", zone: str = ""
    ) -> Schedule:
        return await self.confirm(confirmed(rule, id, by=by, channel=channel, zone=zone))

    async def runs(self, id: str = "s1") -> list[Run]:
        """Oldest first."""
        schedule = Schedule(id, "T1", "", "", "", "", "")
        return list(reversed(await self.store.schedules.latest_runs(schedule, 100)))

    async def end_last(self, status: RunStatus = "done") -> Run:
        run = (await self.runs())[-1]
        return await self.store.runs.save(run, replace(run, status=status, steps=(), ended_at=self.clock()))

    async def confirm(self, run: Run) -> Schedule:
        schedule = await self.service.confirm(run)
        assert schedule
        return schedule

    async def there(self, id: str = "s1") -> Schedule:
        schedule = await self.store.schedules.get("T1", id)
        assert schedule
        return schedule


async def ticked(desk: Desk, now: Now, at: float) -> None:
    now.at = at
    await tick(desk.service)


def confirmed(
    rule: str,
    id: str,
    *,
    by: str = "UADA",
    channel: str = "C1",
    zone: str = "",
    replaces: str = "",
    task: str = "Summarise #support",
) -> Run:
    """The run in which somebody said yes to a schedule."""
    asked = Request("every now and then", by=by, channel="C9", scheduling=replaces or "new")
    proposal = Proposal(task, rule, zone, channel, replaces=replaces, decided="yes", by=by)
    return replace(new_run(id, "T1", asked, 0.0, proposal=proposal), status="done", ended_at=0.0)


async def tick(service: Schedules) -> None:
    """What `bot/tending.py` does every second."""
    await service.claim()
    await service.work_off()
