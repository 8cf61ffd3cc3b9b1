"""Slots that have come: claimed in the database, then worked off, by any bot and any number of times.

Working one off asks anew whether its owner may have this done, and begins a run whose id is made of schedule
and slot, so that whoever does it again finds that run. What cannot be now (Slack is away) is tried again for
a day. Nothing is remembered here.

Not known here: databases, Slack, how a rule is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from bot import recurrence
from bot.ports import BY_HAND, Authority, Away, Clock, Fire, Schedule, ScheduleStore, StoreDown, Unsure
from bot.recurrence import MAX_MISSED, Slot, Unusable, said
from bot.run import Event, Noted, Proposal, Request, Run, run_id_of
from bot.watch import UNWATCHED, Watch
from workers.kit.crashpoints import Crash

log = structlog.get_logger(__name__)

LATE = 120.0  # seconds after its slot a run says so
SOONEST, LATEST, GIVEN_UP = 15.0, 300.0, 86_400.0  # between two tries, and for how long in all
FAILURES = 3  # in a row
LOOKED_AT = 10  # runs back, for one that is still open
AT_ONCE = 8  # fires; each asks Slack something


class Runner(Protocol):
    """The orchestrator, as far as schedules need it."""

    async def begin(
        self,
        workspace: str,
        run_id: str,
        request: Request,
        at: float = 0.0,
        *,
        proposal: Proposal | None = None,
        lost: str = "",
    ) -> Run: ...

    async def handle(self, workspace: str, run_id: str, event: Event) -> Run | None: ...


class Fires:
    def __init__(
        self,
        store: ScheduleStore,
        authority: Authority,
        runner: Runner,
        clock: Clock,
        crash: Crash,
        *,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._store, self._authority, self._runner = store, authority, runner
        self._clock, self._crash, self._watch = clock, crash, watch

    async def claim(self, schedule: Schedule) -> None:
        """Takes the slot that is due, or the latest of those, if nobody else does."""
        assert schedule.next_at is not None
        now = self._clock()
        first = Slot(schedule.next_slot.partition(" ")[0], schedule.next_at)
        try:
            slot, missed = recurrence.missed(schedule.rule, schedule.zone, first, now)
            after = moved_on(schedule, max(now, slot.at))
        except (Unusable, ValueError, OverflowError) as error:  # news from tzdata, a row of another version
            log.warning("a schedule cannot be read", schedule=schedule.id, error=str(error))
            await self._pause(schedule, f"I cannot read its time any more: {error}")
            return
        name = slot_name(slot, schedule.zone)
        fire = Fire(schedule.workspace, schedule.id, name, slot.at, missed, claimed_at=now)
        if await self._store.claim(schedule, fire, after):
            log.info("slot came", schedule=schedule.id, slot=fire.slot, missed=missed)
            self._crash("K16")  # claimed, and no run yet

    async def work_off(self, fires: Sequence[Fire]) -> None:
        """Raises `StoreDown`; whatever else befalls one of them does not hold up the others."""
        few = asyncio.Semaphore(AT_ONCE)

        async def one(fire: Fire) -> None:
            async with few:
                await self._guarded(fire)

        for outcome in await asyncio.gather(*map(one, fires), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def begin(self, schedule: Schedule, fire: Fire, refusal: str = "") -> Run:
        request = Request(
            text=schedule.text,
            by=schedule.by,
            channel=schedule.channel,
            source="schedule",
            about=schedule.about,
            zone=schedule.zone,
            schedule=schedule.id,
            remark=remark(fire, schedule.zone, self._clock()),
        )
        id = run_id(fire)
        return await self._runner.begin(schedule.workspace, id, request, self._clock(), lost=refusal)

    async def pause_if_failing(self, schedule: Schedule, runs: Sequence[Run]) -> bool:
        """`runs`: its latest since `counted_from`, newest first. Its owner hears of it before it is paused,
        so that a kill in between leaves it to be found again."""
        last = runs[:FAILURES]
        if len(last) < FAILURES or any(run.status not in ("failed", "lost") for run in last):
            return False
        text = f"“{schedule.name}” failed {FAILURES} times in a row, so I paused it. "
        text += "You can resume it in my Home tab."
        await self._runner.handle(schedule.workspace, last[0].id, Noted(text))
        await self._pause(schedule, f"It failed {FAILURES} times in a row.")
        return True

    async def _guarded(self, fire: Fire) -> None:
        try:
            await self._work_off(fire)
        except StoreDown:
            raise
        except Unsure as error:
            await self._note(fire, f"I cannot begin it now: {error}")
            await self._later(fire, f"For a day I could not begin it: {error}")
        except Away:
            await self._later(fire, "I could not reach Slack for a day.")
        except Exception:
            log.exception("a slot could not be worked off", schedule=fire.schedule_id, slot=fire.slot)
            await self._later(fire, "An error kept me from it for a day.")

    async def _work_off(self, fire: Fire) -> None:
        schedule = await self._store.get(fire.workspace, fire.schedule_id)
        by_hand = fire.slot.startswith(BY_HAND)
        if schedule is None or (schedule.status == "paused" and not by_hand):
            await self._store.fired(fire)
            return
        if not by_hand and await self._is_held_back(schedule, fire):
            return
        refusal = await self._authority.refusal(fire.workspace, schedule.by, schedule.channel)
        await self.begin(schedule, fire, refusal)
        if refusal:
            await self._pause(schedule, refusal)
        elif schedule.note and schedule.status == "active":
            await self._note(fire, "")
        await self._store.fired(fire)
        self._watch.slot("refused" if refusal else "began")

    async def _is_held_back(self, schedule: Schedule, fire: Fire) -> bool:
        """By how earlier runs went; then nothing is left to do for this slot."""
        runs = await self._store.latest_runs(replace(schedule, counted_from=0.0), LOOKED_AT)
        if any(run.id == run_id(fire) for run in runs):
            return False
        if await self.pause_if_failing(schedule, [r for r in runs if r.created_at >= schedule.counted_from]):
            await self._store.fired(fire)
            return True
        if any(not run.ended for run in runs):
            await self._leave_out(fire, schedule.zone, "the run before it was still open")
            return True
        return False

    async def _later(self, fire: Fire, why: str) -> None:
        """After a day it is given up, and its owner is told."""
        now = self._clock()
        waited = now - fire.claimed_at
        if waited < GIVEN_UP:
            await self._store.postpone(fire, now + min(max(waited, SOONEST), LATEST))
            return
        log.warning("slot given up", schedule=fire.schedule_id, slot=fire.slot)
        try:
            if schedule := await self._store.get(fire.workspace, fire.schedule_id):
                await self.begin(schedule, fire, why)
        except StoreDown:
            raise
        except Exception:
            log.exception("its owner could not be told")
        await self._store.fired(fire)
        self._watch.slot("given_up")

    async def _leave_out(self, fire: Fire, zone: str, why: str) -> None:
        log.info("slot left out", schedule=fire.schedule_id, slot=fire.slot, why=why)
        await self._note(fire, f"{said(fire.at, zone)} is left out: {why}.")
        await self._store.fired(fire)
        self._watch.slot("left_out")

    async def _note(self, fire: Fire, note: str) -> None:
        """Why it is paused is not written over."""
        await self._store.change(
            fire.workspace,
            fire.schedule_id,
            "",
            lambda schedule: schedule if schedule.status == "paused" else replace(schedule, note=note),
        )

    async def _pause(self, schedule: Schedule, why: str) -> None:
        await self._store.change(schedule.workspace, schedule.id, "", lambda there: paused(there, why))


def paused(schedule: Schedule, why: str) -> Schedule:
    if schedule.status != "active":
        return schedule
    return replace(schedule, status="paused", next_at=None, next_slot="", note=why)


def moved_on(schedule: Schedule, after: float) -> Schedule:
    """With the first slot after that time; ended when there is none."""
    slot = next(recurrence.slots(schedule.rule, schedule.zone, after), None)
    if slot is None:
        return replace(schedule, status="ended", next_at=None, next_slot="")
    return replace(schedule, next_at=slot.at, next_slot=slot_name(slot, schedule.zone))


def slot_name(slot: Slot, zone: str) -> str:
    """09:00 in the new zone of an edited schedule is another slot than it was in the old one."""
    return slot.key if slot.key.endswith("Z") or not zone else f"{slot.key} {zone}"


def run_id(fire: Fire) -> str:
    """One slot, one run, whoever begins it."""
    return run_id_of(fire.workspace, f"{fire.schedule_id}/{fire.slot}")


def remark(fire: Fire, zone: str, now: float) -> str:
    """What its thread should know of how it began; empty when all is as it should be."""
    if fire.slot.startswith(BY_HAND):
        return "Run now, outside its schedule."
    words = []
    if now - fire.at > LATE:
        slept = fire.claimed_at - fire.at > LATE
        why = "I was not running then" if slept else "I could not begin it then"
        words.append(f"This was due {said(fire.at, zone)}; {why}.")
    if fire.missed:
        times = "1 earlier time is" if fire.missed == 1 else f"{fire.missed} earlier times are"
        words.append(f"{times if fire.missed < MAX_MISSED else 'Very many earlier times are'} left out.")
    return " ".join(words)
