"""Schedules as people have them: confirmed, paused, resumed, run now, deleted; and the tick by which they
make requests (`bot/fires.py`).

Not known here: databases, Slack, how a rule is read, who may change whose schedule: who calls has asked.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.fires import FAILURES, Fires, Runner, moved_on, paused
from bot.ports import BY_HAND, Authority, Clock, Fire, Schedule, ScheduleStore, StoreDown
from bot.recurrence import Unusable
from bot.run import Run
from bot.watch import UNWATCHED, Watch
from workers.kit.crashpoints import Crash, no_crash

log = structlog.get_logger(__name__)


class Schedules:
    def __init__(
        self,
        store: ScheduleStore,
        authority: Authority,
        orchestrator: Runner,
        clock: Clock,
        *,
        most: int = 20,
        crash: Crash = no_crash,
        watch: Watch = UNWATCHED,
    ) -> None:
        """`most`: active schedules of one person."""
        self._store, self._authority, self._clock, self._most = store, authority, clock, most
        self._crash = crash
        self._fires = Fires(store, authority, orchestrator, clock, crash, watch=watch)

    async def get(self, workspace: str, id: str) -> Schedule | None:
        return await self._store.get(workspace, id)

    async def refusal(self, workspace: str, by: str, channel: str, replaces: str = "") -> str:
        """Why this person cannot have a (further) schedule there now; empty when they can. Raises `Away`."""
        return await self._authority.refusal(workspace, by, channel) or await self._full(
            workspace, by, but=replaces
        )

    async def confirm(self, run: Run) -> Schedule | None:
        """The schedule that a person said yes to in this run; once, however often it is asked for. Who said
        yes is its owner. Paused, with a note, when its owner has no room for it. None: the schedule that it
        was to change is not there any more as it was."""
        self._crash("K17")  # said yes, and no schedule yet
        proposal, now = run.proposal, self._clock()
        if proposal is None or proposal.decided != "yes":
            raise ValueError(f"Nobody said yes to a schedule in the run {run.id}.")
        id, _, revises = proposal.replaces.partition("/")
        schedule = Schedule(
            id=id or run.id,
            workspace=run.workspace,
            by=proposal.by,
            channel=proposal.channel,
            text=proposal.task,
            rule=proposal.rule,
            zone=proposal.zone,
            about=proposal.about,
            counted_from=now,
            revision=run.id,
            created_at=now,
        )
        schedule = moved_on(schedule, now)
        if schedule.status == "ended":
            schedule = replace(schedule, note="Its time had passed when it was confirmed.")
        return await self._store.put(schedule, proposal.by, self._most, revises=revises)

    async def pause(self, workspace: str, id: str, by: str, *, key: str = "") -> Schedule | None:
        return await self._store.change(workspace, id, by, lambda schedule: paused(schedule, ""), key=key)

    async def resume(self, workspace: str, id: str, by: str, *, key: str = "") -> Schedule | None:
        """Goes on with the next slot from now. Raises `Unusable` when there is none, or no room for it."""
        now = self._clock()

        def resumed(schedule: Schedule) -> Schedule:
            if schedule.status == "active":
                return schedule
            active = moved_on(replace(schedule, status="active", counted_from=now, note=""), now)
            if active.status == "ended":
                raise Unusable("Its time has passed, so it cannot be resumed. Edit it and name a new time.")
            return active

        after = await self._store.change(workspace, id, by, resumed, key=key, most=self._most)
        if after and after.status != "active" and (full := await self._full(workspace, after.by, but=id)):
            raise Unusable(full)
        return after

    async def delete(self, workspace: str, id: str, by: str) -> Schedule | None:
        """What is deleted by this; None when it was gone before."""
        gone: list[Schedule] = []
        await self._store.change(workspace, id, by, gone.append)
        return gone[0] if gone else None

    async def run_now(self, workspace: str, id: str, by: str, key: str) -> Run | None:
        """One run under each `key`, also of a paused schedule. Raises `Unusable` when its owner may not have
        it done any more or its last run is still on, and `Away`."""
        schedule = await self._store.get(workspace, id)
        if schedule is None:
            return None
        if why := await self._authority.refusal(workspace, schedule.by, schedule.channel):
            raise Unusable(why)
        now = self._clock()
        fire = Fire(workspace, id, BY_HAND + key, at=now, claimed_at=now)
        if not await self._store.ask(fire, by):
            raise Unusable("Its last run is still on. Stop that one first, or wait for it to end.")
        run = await self._fires.begin(schedule, fire)
        await self._store.fired(fire)
        return run

    async def claim(self) -> None:
        """Every second, in any number of bots: takes the slots that are due. Raises `StoreDown`."""
        for schedule in await self._store.due():
            try:
                await self._fires.claim(schedule)
            except StoreDown:
                raise
            except Exception:  # the next tick tries it again; the others must not wait for that
                log.exception("a slot could not be claimed", schedule=schedule.id)

    async def work_off(self) -> None:
        """Makes runs of the slots that anybody took; apart from `claim`, since it asks Slack and may take its
        time. Raises `StoreDown`."""
        await self._fires.work_off(await self._store.open_fires())

    async def judge(self, run: Run) -> None:
        """A run ended: if it was the third in a row that failed, its schedule is paused and its owner told.
        Any number of times."""
        if not run.request.schedule:
            return
        schedule = await self._store.get(run.workspace, run.request.schedule)
        if schedule and schedule.status == "active":
            await self._fires.pause_if_failing(schedule, await self._store.latest_runs(schedule, FAILURES))

    async def _full(self, workspace: str, by: str, but: str) -> str:
        theirs = await self._store.of(workspace, by)
        if len([s for s in theirs if s.status == "active" and s.id != but]) < self._most:
            return ""
        return f"You have {self._most} schedules, the most at once. Pause or delete one of them first."
