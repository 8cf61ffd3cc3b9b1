"""What an incoming message, command or button does: who may, what it means, which event it becomes.

Runs after the event was committed and acknowledged, possibly more than once for the same event (a crash
in between): so all it does is idempotent, and the run's id is made of the event's key. A refusal is said
to that person alone, before anything is paid for. It does not know blocks, rows or models.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from bot import recurrence
from bot.orchestrator import Orchestrator
from bot.render import ROOT_SOURCES
from bot.run import PersonAnswered, Proposal, ProposalDecided, Request, Run, StopAsked
from bot.slack.admin import Admin
from bot.slack.blocks import ref
from bot.slack.incoming import STOP_WORDS, Incoming
from bot.slack.people import People, Person, PersonUnknown, refusal
from bot.slack.scheduling import USAGE, YES, Scheduling
from workers.kit.files import LARGEST

log = structlog.get_logger(__name__)

MAX_CHARS = 12_000

NO_TEXT = (
    "Tell me what to do in the same message, for example: `@delegate summarise this thread in three points`."
)


class Runs(Protocol):
    """The questions that handlers ask of the store."""

    async def load(self, workspace: str, run_id: str) -> Run | None: ...
    async def thread_runs(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Run]: ...
    async def open_of(self, workspace: str, person: str) -> set[str]:
        """Ids of this person's runs that have not ended."""
        ...

    async def rate(self, workspace: str, run_id: str, by: str, value: str) -> None: ...


Whisper = Callable[[Incoming, str], Awaitable[None]]


class Handlers:
    """`whisper(incoming, sentence)`: says something to that person alone, where they are."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        runs: Runs,
        *,
        people: People,
        admin: Admin,
        scheduling: Scheduling,
        whisper: Whisper,
        max_open: int = 20,
    ) -> None:
        self._orchestrator, self._runs, self._max_open = orchestrator, runs, max_open
        self._people, self._admin, self._scheduling, self._whisper = people, admin, scheduling, whisper
        self._places: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._beginning: defaultdict[str, set[str]] = defaultdict(set)  # by person: runs not yet in the store

    async def handle(self, incoming: Incoming) -> None:
        """Raises only what should be tried again (the store or Slack is away). One person's words in one
        place are taken in their order: two replies to one question must not both be its answer, and a stop
        must not overtake what it stops."""
        async with self._places.setdefault(incoming.place, asyncio.Lock()):
            await self._handle(incoming)

    async def _handle(self, incoming: Incoming) -> None:
        try:
            person = await self._people.get(incoming.workspace, incoming.by)
        except PersonUnknown as error:
            await self._whisper(incoming, str(error))
            return
        if why := refusal(person, incoming.workspace):
            await self._whisper(incoming, why)
            return
        match incoming.kind:
            case "ask" | "reply":
                await self._ask(incoming, person)
            case "stop":
                await self._stop_pressed(incoming, person)
            case "answer":
                await self._answer(incoming, person)
            case "feedback":
                await self._feedback(incoming)
            case "worker":
                choice, channel = incoming.text, incoming.about
                said = await self._admin.switch(
                    incoming.workspace, person.id, incoming.value, choice, channel
                )
                await self._whisper(incoming, said)
            case "schedule":
                await self._whisper(incoming, await self._scheduling.act(incoming))
            case "proposal":
                await self._decide(incoming)

    async def _decide(self, incoming: Incoming) -> None:
        if said := await self._scheduling.decide(incoming):
            await self._whisper(incoming, said)

    async def _ask(self, incoming: Incoming, person: Person) -> None:
        fresh = incoming.thread_ts in ("", incoming.ts) and incoming.source != "shortcut"
        there: Sequence[Run] = ()
        if not fresh:
            there = await self._runs.thread_runs(incoming.workspace, incoming.channel, incoming.thread_ts)
        if _taken(incoming, there):
            return
        if incoming.source not in ROOT_SOURCES and await self._was_no_request(incoming, person, there):
            return
        if why := _unfit(incoming):
            await self._whisper(incoming, why)
            return
        request = _request(incoming, person, there)
        try:
            proposal = None if request.worker else self._scheduling.understood(request)
        except recurrence.Unusable as error:
            await self._whisper(incoming, str(error))
            return
        if proposal or request.scheduling:
            request = replace(request, scheduling=request.scheduling or "new")
            if why := await self._scheduling.barred(request, incoming.workspace):
                await self._whisper(incoming, why)
                return
        beginning = self._beginning[f"{incoming.workspace}/{incoming.by}"]
        ahead = frozenset(beginning)
        beginning.add(_run_id(incoming))
        try:
            await self._begin(incoming, request, proposal, ahead)
        finally:
            beginning.discard(_run_id(incoming))
            if not beginning:
                self._beginning.pop(f"{incoming.workspace}/{incoming.by}", None)
        for card in _open_cards(there, incoming.by):  # what is asked now takes its place
            event = ProposalDecided(incoming.by, yes=False)
            await self._orchestrator.handle(card.workspace, card.id, event)

    async def _was_no_request(self, incoming: Incoming, person: Person, there: Sequence[Run]) -> bool:
        """A stop, an answer to a question, a yes to a card: said in words, in the thread."""
        words = incoming.text.lower()
        if words in STOP_WORDS:
            await self._stop(incoming, person, there or await self._mine(incoming))
            return True
        waiting = _asking(there, incoming.by)
        if waiting and len(incoming.text) <= MAX_CHARS:
            run, event = waiting[0], _answer_of(waiting[0], incoming)
            await self._orchestrator.handle(run.workspace, run.id, event)
            return True
        cards = _open_cards(there, incoming.by)
        if cards and words.rstrip(".! ") in YES:
            await self._decide(incoming.model_copy(update={"value": cards[-1].id, "text": "yes"}))
            return True
        return False

    async def _begin(
        self, incoming: Incoming, request: Request, proposal: Proposal | None, ahead: frozenset[str]
    ) -> None:
        """`ahead`: what else of this person is on its way, which the store may not know yet."""
        mine = await self._runs.open_of(incoming.workspace, incoming.by) | ahead
        if len(mine - {_run_id(incoming)}) >= self._max_open:
            many = f"You have {self._max_open} requests open, the most at once."
            await self._whisper(incoming, f"{many} Stop one, or wait for one to end.")
            return
        run = await self._orchestrator.begin(
            incoming.workspace, _run_id(incoming), request, incoming.at, proposal=proposal
        )
        log.info("run began", run=run.id, workspace=run.workspace, source=request.source, status=run.status)

    async def _mine(self, incoming: Incoming) -> list[Run]:
        """This person's open runs in this channel: what a bare stop outside a thread can only mean. Those on
        their way into the store are waited for."""
        for _ in range(100):
            if not self._beginning.get(f"{incoming.workspace}/{incoming.by}"):
                break
            await asyncio.sleep(0.05)
        ids = await self._runs.open_of(incoming.workspace, incoming.by)
        runs = [await self._runs.load(incoming.workspace, id) for id in ids]
        return [r for r in runs if r and r.request.channel == incoming.channel]

    async def _stop_pressed(self, incoming: Incoming, person: Person) -> None:
        run = await self._runs.load(incoming.workspace, incoming.value)
        here = run and (incoming.source == "home" or run.request.channel == incoming.channel)
        await self._stop(incoming, person, [run] if run and here else [])

    async def _stop(self, incoming: Incoming, person: Person, there: Sequence[Run]) -> None:
        going = [
            r for r in there if not r.ended and r.created_at <= incoming.at
        ]  # a late repeat stops no newer one
        if not going:
            await self._whisper(incoming, "Nothing of mine is running here.")
            return
        if person.id not in {r.request.by for r in there} and not person.admin:
            await self._whisper(incoming, "Only the person who asked, or an admin, can stop this.")
            return
        for run in reversed(going):  # the waiting ones first, or stopping one would begin the next
            await self._orchestrator.handle(run.workspace, run.id, StopAsked(by=person.id))
        if incoming.source == "home":
            await self._whisper(incoming, "Stopped. What was finished stays in its thread.")

    async def _answer(self, incoming: Incoming, person: Person) -> None:
        """A button under a question. It names run, step and question; what counts is our own record."""
        run_id, _, rest = incoming.value.partition("/")
        step, _, number = rest.rpartition("/")
        run = await self._runs.load(incoming.workspace, run_id)
        state = next((s for s in run.steps if ref(s.id) == step), None) if run else None
        if run is None or state is None or run.request.channel != incoming.channel:
            await self._whisper(incoming, "I do not know this question any more.")
        elif person.id != run.request.by and not person.admin:
            await self._whisper(incoming, "Only the person who asked, or an admin, can answer this.")
        elif state.question is None or number != str(len(state.answers)):
            await self._whisper(incoming, "This question was answered already, or is closed.")
        elif incoming.text.isdecimal() and int(incoming.text) < len(state.question.options):
            answer = state.question.options[int(incoming.text)]
            event = PersonAnswered(state.id, int(number), answer, person.id, incoming.key)
            await self._orchestrator.handle(run.workspace, run.id, event)

    async def _feedback(self, incoming: Incoming) -> None:
        run_id, _, value = incoming.value.rpartition("/")
        run = await self._runs.load(incoming.workspace, run_id)
        if run is None or run.request.channel != incoming.channel or value not in ("good", "bad"):
            return
        await self._runs.rate(run.workspace, run.id, incoming.by, value)
        said = (
            "Thanks, noted."
            if value == "good"
            else "Thanks, noted. Reply here with what was wrong, and I try again."
        )
        await self._whisper(incoming, said)


def _run_id(incoming: Incoming) -> str:
    return hashlib.sha256(f"{incoming.workspace}/{incoming.key}".encode()).hexdigest()[:20]


def _request(incoming: Incoming, person: Person, there: Sequence[Run]) -> Request:
    return Request(
        text=incoming.text,
        by=incoming.by,
        channel=incoming.channel,
        source=incoming.source,
        thread_ts=incoming.thread_ts,
        files=incoming.files or (there[-1].request.files if there else ()),  # “now chart it”
        about=incoming.about,
        zone=person.zone,
        worker=incoming.worker,
        scheduling=incoming.scheduling,
        target=incoming.target,
    )


def _open_cards(there: Sequence[Run], person: str) -> list[Run]:
    return [r for r in there if r.request.by == person and not r.ended and r.resting and r.proposal]


def _asking(there: Sequence[Run], person: str) -> list[Run]:
    return [r for r in there if r.request.by == person and any(s.status == "asking" for s in r.steps)]


def _answer_of(run: Run, incoming: Incoming) -> PersonAnswered:
    state = next(s for s in run.steps if s.status == "asking")
    return PersonAnswered(state.id, len(state.answers), incoming.text, incoming.by, incoming.key)


def _taken(incoming: Incoming, there: Sequence[Run]) -> bool:
    """This very event began a run or answered a question before: it comes again after a crash."""
    began = any(r.id == _run_id(incoming) for r in there)
    return began or any(a.key == incoming.key for r in there for s in r.steps for a in s.answers)


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
