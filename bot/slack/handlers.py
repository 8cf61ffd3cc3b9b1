"""What an incoming message, command or button does: who may, what it means, which event it becomes.

Runs after the event was committed and acknowledged, possibly more than once for the same event (a crash
in between): so all it does is idempotent. A refusal is said to that person alone. What begins a run is
`asking.py`. It does not know blocks, rows or models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from weakref import WeakValueDictionary

from bot.orchestrator import Orchestrator
from bot.render import ROOT_SOURCES
from bot.run import PersonAnswered, Run, StopAsked
from bot.slack.admin import Admin
from bot.slack.asking import MAX_CHARS, Asking, run_id
from bot.slack.blocks import ref
from bot.slack.incoming import STOP_WORDS, Incoming
from bot.slack.people import People, Person, PersonUnknown, refusal
from bot.slack.scheduling import YES, Scheduling


class Runs(Protocol):
    """The questions that handlers ask of the store."""

    async def load(self, workspace: str, run_id: str, *, fresh: bool = False) -> Run | None: ...
    async def thread_runs(self, workspace: str, channel: str, thread_ts: str) -> Sequence[Run]: ...
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
        asking: Asking,
        scheduling: Scheduling,
        whisper: Whisper,
    ) -> None:
        self._orchestrator, self._runs, self._asking = orchestrator, runs, asking
        self._people, self._admin, self._scheduling, self._whisper = people, admin, scheduling, whisper
        self._places: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

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
                await self._whisper(incoming, await self._admin.switch(incoming))
            case "schedule":
                await self._whisper(incoming, await self._scheduling.act(incoming))
            case "proposal":
                await self._decide(incoming)

    async def _decide(self, incoming: Incoming) -> None:
        if said := await self._scheduling.decide(incoming):
            await self._whisper(incoming, said)

    async def _say_yes(self, incoming: Incoming, card: Run) -> None:
        await self._decide(incoming.model_copy(update={"value": card.id, "text": "yes"}))

    async def _ask(self, incoming: Incoming, person: Person) -> None:
        fresh = incoming.thread_ts in ("", incoming.ts) and incoming.source != "shortcut"
        there: Sequence[Run] = ()
        if not fresh:
            there = await self._runs.thread_runs(incoming.workspace, incoming.channel, incoming.thread_ts)
        if card := next((r for r in there if r.proposal and r.proposal.key == incoming.key), None):
            await self._say_yes(incoming, card)  # again: what follows from it may not have been done
            return
        if _taken(incoming, there):
            return
        if incoming.source not in ROOT_SOURCES and await self._was_no_request(incoming, person, there):
            return
        if why := await self._asking.ask(incoming, person, there):
            await self._whisper(incoming, why)

    async def _was_no_request(self, incoming: Incoming, person: Person, there: Sequence[Run]) -> bool:
        """A stop, an answer to a question, a yes to a card: said in words, in the thread."""
        words = incoming.text.lower()
        if words in STOP_WORDS:
            await self._stop(incoming, person, there or await self._mine(incoming))
            return True
        waiting = _asking(there, incoming.by)
        if waiting and len(incoming.text) <= MAX_CHARS:
            run, event = waiting[0], _answer_of(waiting[0], incoming)
            if await self._orchestrator.handle(run.workspace, run.id, event) == run:
                await self._whisper(incoming, "Please press one of the buttons under the question.")
            return True
        cards = _open_cards(there, incoming.by)
        if cards and words.rstrip(".! ") in YES:
            await self._say_yes(incoming, cards[-1])
            return True
        return False

    async def _mine(self, incoming: Incoming) -> list[Run]:
        """This person's open runs in this channel: what a bare stop outside a thread can only mean."""
        ids = await self._asking.open_of(incoming.workspace, incoming.by)
        runs = [await self._runs.load(incoming.workspace, id, fresh=True) for id in ids]
        return [r for r in runs if r and r.request.channel == incoming.channel and not r.proposed]

    async def _stop_pressed(self, incoming: Incoming, person: Person) -> None:
        run = await self._runs.load(incoming.workspace, incoming.value, fresh=True)
        here = run and (incoming.source == "home" or run.request.channel == incoming.channel)
        await self._stop(incoming, person, [run] if run and here else [])

    async def _stop(self, incoming: Incoming, person: Person, there: Sequence[Run]) -> None:
        going = [
            r for r in there if not r.ended and r.created_at <= incoming.at
        ]  # a late repeat stops no newer one
        if not going:
            await self._whisper(incoming, "Nothing of mine is running here.")
            return
        theirs = person.id in {r.request.by for r in there}
        if not theirs and await self._admin.barred(incoming.workspace, person.id):
            await self._whisper(incoming, "Only the person who asked, or an admin, can stop this.")
            return
        for run in reversed(going):  # the waiting ones first, or stopping one would begin the next
            await self._orchestrator.handle(run.workspace, run.id, StopAsked(by=person.id))
        if incoming.source == "home":
            cards = all(run.proposal for run in going)
            said = "Nothing was scheduled or changed." if cards else "What was finished stays in its thread."
            await self._whisper(incoming, f"{'Cancelled' if cards else 'Stopped'}. {said}")

    async def _answer(self, incoming: Incoming, person: Person) -> None:
        """A button under a question. It names run, step and question; what counts is our own record."""
        run_id, _, rest = incoming.value.partition("/")
        step, _, number = rest.rpartition("/")
        run = await self._runs.load(incoming.workspace, run_id, fresh=True)
        state = next((s for s in run.steps if ref(s.id) == step), None) if run else None
        if run is None or state is None or run.request.channel != incoming.channel:
            await self._whisper(incoming, "I do not know this question any more.")
        elif person.id != run.request.by and await self._admin.barred(incoming.workspace, person.id):
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


def _open_cards(there: Sequence[Run], person: str) -> list[Run]:
    return [r for r in there if r.request.by == person and r.proposed]


def _asking(there: Sequence[Run], person: str) -> list[Run]:
    return [r for r in there if r.request.by == person and any(s.status == "asking" for s in r.steps)]


def _answer_of(run: Run, incoming: Incoming) -> PersonAnswered:
    state = next(s for s in run.steps if s.status == "asking")
    return PersonAnswered(state.id, len(state.answers), incoming.text, incoming.by, incoming.key)


def _taken(incoming: Incoming, there: Sequence[Run]) -> bool:
    """This very event began a run, or answered something, before: it comes again after a crash."""
    began = any(r.id == run_id(incoming) for r in there)
    return began or any(a.key == incoming.key for r in there for s in r.steps for a in s.answers)
