"""What people do with schedules: ask for one, confirm what was understood, pause, resume, run, delete it.

A card or a button holds an id and nothing else; who may is decided on our record, at that moment. What a cron
or a date says is read here at once; words are for the planner. It does not know Block Kit or rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from bot import planner, recurrence
from bot.orchestrator import Orchestrator
from bot.ports import Clock, Schedule, Unsure
from bot.run import Proposal, ProposalDecided, Request, Run
from bot.schedules import Schedules
from bot.slack.admin import Admin
from bot.slack.incoming import Incoming

YES = ("yes", "y", "ok", "okay", "confirm", "confirmed", "ja", "oui", "sí", "si")
USAGE = (
    "Say when and what: `/delegate schedule every Monday at 9 summarise #support`. A cron works too: "
    "`/delegate schedule 0 9 * * 1 summarise #support`; or a date: `2026-12-01 15:00`."
)
UNKNOWN = "I do not know this schedule any more. `/delegate schedules` lists those there are."

CHANGED = "This schedule was changed or deleted meanwhile. Open it in the Home tab, and edit it again."


class Runs(Protocol):
    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None: ...
    async def thread_runs(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Run]: ...


class Scheduling:
    def __init__(
        self, schedules: Schedules, orchestrator: Orchestrator, admin: Admin, runs: Runs, clock: Clock
    ) -> None:
        self._schedules, self._orchestrator, self._admin = schedules, orchestrator, admin
        self._runs, self._clock = runs, clock

    def understood(self, request: Request) -> Proposal | None:
        """What needs no model: the text begins with a cron or a date, after the word “schedule” or in place
        of it. None when it does not. Raises `recurrence.Unusable`."""
        text = re.sub(r"^schedule[: ]\s*", "", request.text, flags=re.IGNORECASE)
        said_so = bool(request.scheduling) or text != request.text
        if not said_so and not _looks_timed(text):
            return None
        typed = recurrence.typed(text, request.zone, self._clock())
        if typed is None:
            return None
        rule, zone, task = typed
        if len(task) > planner.MOST_TASK:
            raise recurrence.Unusable(f"What a schedule does takes {planner.MOST_TASK:,} characters at most.")
        if not task:
            raise recurrence.Unusable(f"I see when, but not what to do. {USAGE}")
        return planner.proposal_for(request, task, rule, zone)

    async def barred(self, request: Request, workspace: str) -> str:
        """Before anything is paid for: why this person cannot have a schedule there, as a sentence."""
        channel = request.target or request.channel
        return await self._barred(workspace, request.by, channel, request.replaces)

    async def _barred(self, workspace: str, person: str, channel: str, replaces: str) -> str:
        id, _, revision = replaces.partition("/")
        if id:
            schedule = await self._schedules.get(workspace, id)
            if why := await self._not_theirs(schedule, workspace, person):
                return why
            if schedule and schedule.revision != revision:
                return CHANGED
        try:
            return await self._schedules.refusal(workspace, person, channel, id)
        except Unsure as error:
            return str(error)

    async def decide(self, incoming: Incoming) -> str:
        """A card's button, or a yes in its thread. A sentence where there is something to say."""
        run = await self._runs.load(incoming.workspace, incoming.value, fresh=True)
        if run is None or run.proposal is None or run.request.channel != incoming.channel:
            return "I do not know this card any more."
        yes = incoming.text == "yes"
        if incoming.by != run.request.by and (
            yes or await self._admin.barred(incoming.workspace, incoming.by)
        ):
            return "Only the person who asked can confirm this; they or an admin can cancel it."
        if yes and not run.ended and (why := await self._unfit(run, run.proposal)):
            return why
        event = ProposalDecided(incoming.by, yes, incoming.key)
        decided = await self._orchestrator.handle(incoming.workspace, run.id, event)
        proposal = decided.proposal if decided else None
        if decided and proposal and proposal.decided == "yes":
            schedule = await self._schedules.confirm(decided)  # again, should a crash have come in between
            if schedule is None:
                return CHANGED
            if schedule.status != "active":
                return f"It is stored as it says, and {schedule.status}. {schedule.note}".strip()
        if proposal is None or (proposal.decided == "yes") != yes:
            return "This was decided already, or is closed. Ask again to have a new card."
        return ""

    async def _unfit(self, run: Run, proposal: Proposal) -> str:
        try:
            recurrence.check(proposal.rule, proposal.zone, self._clock())
        except recurrence.Unusable as error:
            return str(error)
        request = run.request
        if request.thread_ts:
            there = await self._runs.thread_runs(run.workspace, request.channel, request.thread_ts)
            if any(
                r.proposed and r.request.by == request.by and r.created_at > run.created_at for r in there
            ):
                return "There is a newer card below; that one counts."
        return await self._barred(run.workspace, request.by, proposal.channel, proposal.replaces)

    async def act(self, incoming: Incoming) -> str:
        """Pause, resume, run or delete: what became of it, in a sentence."""
        workspace, id, by = incoming.workspace, incoming.value, incoming.by
        schedule = await self._schedules.get(workspace, id)
        if why := await self._not_theirs(schedule, workspace, by):
            return why
        name = f"“{schedule.name}”" if schedule else ""
        try:
            match incoming.text:
                case "pause":
                    done = await self._schedules.pause(workspace, id, by, key=incoming.key)
                    return f"{name} is paused." if done else UNKNOWN
                case "resume":
                    done = await self._schedules.resume(workspace, id, by, key=incoming.key)
                    again = done and done.status == "active"
                    return f"{name} is on again. {_next(done)}" if done and again else UNKNOWN
                case "delete":
                    await self._schedules.delete(workspace, id, by)
                    return f"{name} is deleted."
                case "run":
                    run = await self._schedules.run_now(workspace, id, by, incoming.key)
                    return f"{name} runs now." if run else UNKNOWN
        except (recurrence.Unusable, Unsure) as error:
            return str(error)
        return UNKNOWN

    async def _not_theirs(self, schedule: Schedule | None, workspace: str, person: str) -> str:
        if schedule is None:
            return UNKNOWN
        if schedule.by != person and await self._admin.barred(workspace, person):
            return "Only its owner or an admin can change this schedule. Nothing was changed."
        return ""


def _looks_timed(text: str) -> bool:
    """So that “1 2 3 4 5 are numbers” stays a request, and no schedule."""
    return "*" in text.split()[:5] or re.match(r"\d{4}-\d\d-\d\d[ T]\d{1,2}:\d\d\b", text) is not None


def _next(schedule: Schedule) -> str:
    return f"Next: {recurrence.said(schedule.next_at, schedule.zone)}." if schedule.next_at else ""
