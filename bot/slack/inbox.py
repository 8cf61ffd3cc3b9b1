"""The inbox: what is addressed to us is committed before Slack is told that it arrived, then handled.

As Bolt's only global middleware: Bolt answers Slack before a listener has ended, and a listener that fails
loses the event. What raises in here (the database is down) becomes a 500 (no ack on a socket), and Slack
delivers again. What is stored is answered 200 here; what needs no answer is too, or it would be a 404 and
come again. Views and messages that must open within 3 s go on to Bolt's listeners.

Any bot takes any event, so what must not depend on which one it was is asked of the database: whether a reply
stands in a thread whose mention waits to be handled, and whether something waits before it there. One bot
has an event in hand and says so while it lasts; when it no longer does, another takes it up. The order is
that in which events were committed: two that came to two bots within the few milliseconds of a commit have
none, and neither has Slack.

It does not know what any of it means: that is `bot/slack/handlers.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.ports import Clock, InboxStore, StoreDown
from bot.slack.calls import SlackTrouble
from bot.slack.incoming import (
    COMMAND,
    SHORTCUT,
    Incoming,
    read_action,
    read_command,
    read_event,
    read_shortcut,
)
from bot.watch import UNWATCHED, Watch
from workers.kit.crashpoints import Crash, no_crash

log = structlog.get_logger(__name__)

Handle = Callable[[Incoming], Awaitable[None]]
Owners = Callable[[str, str, str], Awaitable[set[str]]]
INLINE_COMMANDS = ("", "help", "status", "workers", "schedules")  # answered on the spot by Bolt's listeners
INLINE_EVENTS = ("app_home_opened",)
MOST_TRIES = 8  # then it is set aside: it fails always, or takes every bot down that tries it
AT_ONCE = 64
TURN_SECONDS = 5.0  # the most an event waits for what came before it in its thread
LOOK_SECONDS = 0.1
REMEMBERED = 2_000
QUICK_SECONDS, BRIEFLY = 10.0, 1.0  # a reply so soon after its thread began is not refused before this time


class Inbox:
    """`owners(workspace, channel, thread_ts)`: who started a run in that thread. `shared`: other bots may
    have events of the same thread; without them a look at the database is saved."""

    def __init__(
        self,
        store: InboxStore,
        owners: Owners,
        handle: Handle,
        clock: Clock,
        crash: Crash = no_crash,
        *,
        shared: bool = True,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._store, self._owners, self._handle, self._clock = store, owners, handle, clock
        self._crash, self._shared, self._watch = crash, shared, watch
        self._arriving: Counter[str] = Counter()  # places whose event is being committed
        self._going: dict[int, tuple[asyncio.Task[None], Incoming]] = {}
        self._no_request: dict[tuple[Any, Any], None] = {}  # (channel, ts) of messages that were not for us
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def middleware(
        self, req: AsyncBoltRequest, next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        """Commits, then acknowledges. Raises `StoreDown` so that nothing is acknowledged and lost."""
        body = req.body
        incoming = self.read(body, req.context.bot_user_id or "")
        if incoming is None:
            chatter = body.get("type") == "event_callback" and body["event"].get("type") not in INLINE_EVENTS
            if not chatter:
                return await next()
            self._remember(body["event"])
            return BoltResponse(status=200, body="")
        if incoming.kind != "reply" or await self._is_ours(incoming):
            await self.take(incoming)
        return BoltResponse(status=200, body="")

    async def take(self, incoming: Incoming) -> None:
        """Commits it, and begins to handle it. Raises `StoreDown`."""
        incoming = incoming.model_copy(update={"at": self._clock()})
        self._arriving[incoming.place] += 1
        try:
            self._crash("K1")
            body = incoming.model_dump_json()
            new = await self._store.put(incoming.workspace, incoming.keys, body, incoming.thread)
            self._crash("K2")
            if new is not None:
                self._start(new, incoming)
        finally:
            self._arriving[incoming.place] -= 1
            self._arriving += Counter()  # forgets those at zero

    @staticmethod
    def read(body: dict[str, Any], bot_user: str) -> Incoming | None:
        """What in a payload is stored; None for what is not for us or is answered on the spot."""
        if body.get("type") == "event_callback":
            return read_event(body, bot_user)
        if body.get("command") == COMMAND:
            words = str(body.get("text") or "").strip().lower()
            return None if words in INLINE_COMMANDS else read_command(body)
        if body.get("type") == "message_action" and body.get("callback_id") == SHORTCUT:
            return read_shortcut(body)
        if body.get("type") == "block_actions":
            return read_action(body)
        return None

    async def recover(self, older_than: float = 0.0) -> None:
        """Takes up what was acknowledged and not handled: after a crash, and whenever a handler failed.
        `older_than`, in seconds: leaves alone what another bot said more lately that it has in hand."""
        await self.hold()
        for taken in await self._store.take(older_than):
            if taken.id in self._going:
                continue
            try:
                incoming = Incoming.model_validate_json(taken.body)
            except ValueError:
                log.error("an event cannot be read any more, and is set aside", id=taken.id)
                await self._store.done(taken.id)
                self._watch.set_aside("event")
                continue
            if taken.tries > MOST_TRIES:
                await self._set_aside(taken.id, incoming)
            else:
                self._start(taken.id, incoming, taken.tries)

    async def hold(self) -> None:
        """Says for all that is being handled here that it is. More often than others take up."""
        if self._going:
            await self._store.hold(list(self._going))

    async def drain(self, seconds: float) -> None:
        """Waits for what is being handled, this long at most; the rest waits in the inbox."""
        if self._going:
            await asyncio.wait([task for task, _ in self._going.values()], timeout=seconds)

    async def _is_ours(self, reply: Incoming) -> bool:
        """A reply in a thread that its author began, or is just beginning."""
        handled = (going.place for _, going in self._going.values())
        if reply.place in self._arriving or reply.place in handled:
            return True
        return await self._began(reply) or (self._shared and await self._begins(reply))

    async def _began(self, reply: Incoming) -> bool:
        waiting = await self._store.at(
            reply.workspace, reply.thread
        )  # first: then there is a run or there it is
        theirs = any(_said_by(body, reply.by) for _, body in waiting)
        return theirs or reply.by in await self._owners(reply.workspace, reply.channel, reply.thread_ts)

    async def _begins(self, reply: Incoming) -> bool:
        """Its author answers their own message of a moment ago: that may be a mention which another bot is
        committing right now, or to which Slack's second attempt comes. Slack waits 3 s for us."""
        if reply.root_by != reply.by or float(reply.ts) - float(reply.thread_ts) > QUICK_SECONDS:
            return False
        if (reply.channel, reply.thread_ts) in self._no_request:
            return False
        for _ in range(round(BRIEFLY / LOOK_SECONDS)):
            await asyncio.sleep(LOOK_SECONDS)
            if await self._began(reply):
                return True
        return False

    def _remember(self, event: dict[str, Any]) -> None:
        """What was said to others: who adds to it a moment later need not be held up."""
        if event.get("type") == "message" and "thread_ts" not in event:
            self._no_request[event.get("channel"), event.get("ts")] = None
            if len(self._no_request) > REMEMBERED:
                del self._no_request[next(iter(self._no_request))]

    def _start(self, id: int, incoming: Incoming, tries: int = 1) -> None:
        task = asyncio.create_task(self._work_on(id, incoming, tries))
        self._going[id] = (task, incoming)  # Bolt and asyncio keep no strong reference
        task.add_done_callback(lambda _: self._going.pop(id, None))

    async def _work_on(self, id: int, incoming: Incoming, tries: int) -> None:
        try:
            await self._its_turn(id, incoming)
            async with self._slots:
                self._crash("K3")
                await self._handle(incoming)
                await self._store.done(id)
        except StoreDown as error:
            log.warning("the store is away; this waits in the inbox", id=id, error=str(error))
            await self._give_back(id)
        except SlackTrouble as error:
            log.warning("Slack is away; this waits in the inbox", id=id, error=str(error))
            await self._give_back(id)
        except Exception:
            log.exception("an event could not be handled", id=id, kind=incoming.kind, times=tries)
            if tries >= MOST_TRIES:
                await self._set_aside(id, incoming)

    async def _its_turn(self, id: int, incoming: Incoming) -> None:
        """Waits for what was committed before it in its thread: a stop must not overtake what it stops. Not
        for long: that may wait itself for Slack or the database."""
        if not (self._shared and incoming.thread):
            return
        for _ in range(round(TURN_SECONDS / LOOK_SECONDS)):
            waiting = await self._store.at(incoming.workspace, incoming.thread)
            if not waiting or waiting[0][0] >= id:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _give_back(self, id: int) -> None:
        with contextlib.suppress(StoreDown):  # then this try counts, though it was not its fault
            await self._store.give_back(id)

    async def _set_aside(self, id: int, incoming: Incoming) -> None:
        """So that it blocks nobody; its row stays for as long as others that were handled."""
        log.error("an event is set aside", id=id, kind=incoming.kind)
        with contextlib.suppress(StoreDown):  # then once more, later
            await self._store.done(id)
            self._watch.set_aside("event")


def _said_by(body: str, by: str) -> bool:
    """Something that this person said to us, and no button."""
    try:
        waiting = Incoming.model_validate_json(body)
    except ValueError:
        return False
    return waiting.by == by and waiting.kind in ("ask", "reply")
