"""How what somebody asks for becomes a run: whether it can be a request, what it asks for, and that one
person has only so many open.

The run's id is made of the event's key, so the same words twice (a crash in between) are one run. What keeps
it from beginning is a sentence for that person, before anything is paid for. It does not know what is meant
by a stop, an answer or a yes: those are no requests.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from bot import planner, recurrence
from bot.orchestrator import Orchestrator
from bot.run import Proposal, Request, Run, run_id_of
from bot.slack.incoming import Incoming
from bot.slack.people import Person
from bot.slack.scheduling import USAGE, Scheduling
from workers.kit.files import LARGEST

log = structlog.get_logger(__name__)

MAX_CHARS = 12_000

NO_TEXT = (
    "Tell me what to do in the same message, for example: `@delegate summarise this thread in three points`."
)


class Runs(Protocol):
    async def load(self, workspace: str, run_id: str) -> Run | None: ...
    async def open_of(self, workspace: str, person: str, *, cards: bool = True) -> set[str]:
        """Ids of this person's runs that have not ended. `cards`: schedules that wait for a yes count too."""
        ...


class Asking:
    def __init__(
        self, orchestrator: Orchestrator, runs: Runs, scheduling: Scheduling, *, max_open: int = 20
    ) -> None:
        self._orchestrator, self._runs, self._scheduling = orchestrator, runs, scheduling
        self._max_open = max_open
        self._beginning: defaultdict[str, set[str]] = defaultdict(set)  # by person: runs not yet in the store

    async def ask(self, incoming: Incoming, person: Person, there: Sequence[Run]) -> str:
        """Begins a run. `there`: the runs of its thread so far. Why it did not begin, as a sentence."""
        if why := _unfit(incoming):
            return why
        request = _request(incoming, person, there)
        try:
            proposal = None if request.worker else self._scheduling.understood(request)
            proposal = proposal and planner.recalled(proposal, there, person.id)
        except recurrence.Unusable as error:
            return str(error)
        if proposal or request.scheduling:
            if await self._runs.load(incoming.workspace, run_id(incoming)):
                return ""  # it comes again, and what it led to may bar it by now
            request = replace(request, scheduling=request.scheduling or "new")
            if why := await self._scheduling.barred(request, incoming.workspace):
                return why
        name = f"{incoming.workspace}/{incoming.by}"
        beginning = self._beginning[name]
        ahead = frozenset(beginning)
        beginning.add(run_id(incoming))
        try:
            return await self._begin(incoming, request, proposal, ahead)
        finally:
            beginning.discard(run_id(incoming))
            if not beginning:
                self._beginning.pop(name, None)

    async def _begin(
        self, incoming: Incoming, request: Request, proposal: Proposal | None, ahead: frozenset[str]
    ) -> str:
        """`ahead`: what else of this person is on its way, which the store may not know yet."""
        mine = await self._runs.open_of(incoming.workspace, incoming.by, cards=False) | ahead
        if len(mine - {run_id(incoming)}) >= self._max_open:
            many = f"You have {self._max_open} requests open, the most at once."
            return f"{many} Stop one, or wait for one to end."
        run = await self._orchestrator.begin(
            incoming.workspace, run_id(incoming), request, incoming.at, proposal=proposal
        )
        log.info("run began", run=run.id, workspace=run.workspace, source=request.source, status=run.status)
        return ""

    async def open_of(self, workspace: str, person: str) -> set[str]:
        """Ids of this person's open runs. Those on their way into the store are waited for."""
        for _ in range(100):
            if not self._beginning.get(f"{workspace}/{person}"):
                break
            await asyncio.sleep(0.05)
        return await self._runs.open_of(workspace, person)


def run_id(incoming: Incoming) -> str:
    return run_id_of(incoming.workspace, incoming.key)


def _request(incoming: Incoming, person: Person, there: Sequence[Run]) -> Request:
    edits = [r.request for r in there if r.proposed and r.request.by == person.id and r.request.replaces]
    edit = edits[-1] if edits else Request("", person.id, incoming.channel)
    return Request(
        text=incoming.text,
        by=incoming.by,
        channel=incoming.channel,
        source=incoming.source,
        thread_ts=incoming.thread_ts,
        files=incoming.files or (there[-1].request.files if there else ()),  # “now chart it”
        about=incoming.about,
        zone=incoming.zone or edit.zone or person.zone,
        worker=incoming.worker,
        scheduling=incoming.scheduling or edit.replaces,  # an edit's thread goes on
        target=incoming.target or edit.target,
    )


def _unfit(incoming: Incoming) -> str:
    """Why this cannot be a request, as a sentence; empty when it can."""
    if not any(c.isalnum() for c in incoming.text):
        return USAGE if incoming.scheduling else NO_TEXT
    if len(incoming.text) > MAX_CHARS:
        return (
            f"That is {len(incoming.text):,} characters; I can take {MAX_CHARS:,} in one request. "
            "Shorten it, or attach the long part as a file."
        )
    for file in incoming.files:
        if file.size > LARGEST:
            mb = LARGEST // 1024**2
            size = f"{file.size / 1024**2:,.0f} MB"
            return f"“{file.name}” is {size}; {mb} MB is the most I can read. I did not begin."
    return ""
