"""The inbox: what is addressed to us is committed before Slack is told that it arrived, then handled.

As Bolt's only global middleware: Bolt answers Slack before a listener has ended, and a listener that fails
loses the event. What raises in here (the database is down) becomes a 500 (no ack on a socket), and Slack
delivers again. What is stored is answered 200 here; what needs no answer is too, or it would be a 404 and
come again. Views and messages that must open within 3 s go on to Bolt's listeners.

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
from workers.kit.crashpoints import Crash, no_crash

log = structlog.get_logger(__name__)

Handle = Callable[[Incoming], Awaitable[None]]
Owners = Callable[[str, str, str], Awaitable[set[str]]]
INLINE_COMMANDS = ("", "help", "status", "workers", "schedules")  # answered on the spot by Bolt's listeners
INLINE_EVENTS = ("app_home_opened",)
MOST_FAILURES = 5
AT_ONCE = 64


class Inbox:
    """`owners(workspace, channel, thread_ts)`: who started a run in that thread."""

    def __init__(
        self, store: InboxStore, owners: Owners, handle: Handle, clock: Clock, crash: Crash = no_crash
    ) -> None:
        self._store, self._owners, self._handle, self._clock, self._crash = (
            store,
            owners,
            handle,
            clock,
            crash,
        )
        self._failures: Counter[int] = Counter()
        self._arriving: Counter[str] = Counter()  # places whose event is being committed
        self._going: dict[int, tuple[asyncio.Task[None], Incoming]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def middleware(
        self, req: AsyncBoltRequest, next: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        """Commits, then acknowledges. Raises `StoreDown` so that nothing is acknowledged and lost."""
        body = req.body
        incoming = self.read(body, req.context.bot_user_id or "")
        if incoming is None:
            chatter = body.get("type") == "event_callback" and body["event"].get("type") not in INLINE_EVENTS
            return BoltResponse(status=200, body="") if chatter else await next()
        if incoming.kind != "reply" or await self._is_ours(incoming):
            await self.take(incoming)
        return BoltResponse(status=200, body="")

    async def take(self, incoming: Incoming) -> None:
        """Commits it, and begins to handle it. Raises `StoreDown`."""
        incoming = incoming.model_copy(update={"at": self._clock()})
        self._arriving[incoming.place] += 1
        try:
            self._crash("K1")
            new = await self._store.put(incoming.workspace, incoming.keys, incoming.model_dump_json())
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
        `older_than`, in seconds: leaves alone what another process may have in its hands."""
        busy = set(self._going)  # one may end while the rest is read
        for id, body in await self._store.waiting(older_than):
            if id in busy or id in self._going:
                continue
            try:
                incoming = Incoming.model_validate_json(body)
            except ValueError:
                log.error("an event cannot be read any more, and is set aside", id=id)
                await self._store.done(id)
            else:
                self._start(id, incoming)

    async def drain(self, seconds: float) -> None:
        """Waits for what is being handled, this long at most; the rest waits in the inbox."""
        if self._going:
            await asyncio.wait([task for task, _ in self._going.values()], timeout=seconds)

    async def _is_ours(self, incoming: Incoming) -> bool:
        """A reply in a thread that its author began, or is just beginning."""
        handled = (going.place for _, going in self._going.values())
        if incoming.place in self._arriving or incoming.place in handled:
            return True
        return incoming.by in await self._owners(incoming.workspace, incoming.channel, incoming.thread_ts)

    def _start(self, id: int, incoming: Incoming) -> None:
        task = asyncio.create_task(self._work_on(id, incoming))
        self._going[id] = (task, incoming)  # Bolt and asyncio keep no strong reference
        task.add_done_callback(lambda _: self._going.pop(id, None))

    async def _work_on(self, id: int, incoming: Incoming) -> None:
        async with self._slots:
            try:
                self._crash("K3")
                await self._handle(incoming)
                await self._store.done(id)
            except StoreDown as error:
                log.warning("the store is away; this waits in the inbox", id=id, error=str(error))
            except SlackTrouble as error:
                log.warning("Slack is away; this waits in the inbox", id=id, error=str(error))
            except Exception:
                await self._failed(id, incoming)

    async def _failed(self, id: int, incoming: Incoming) -> None:
        """Tried again with the next `recover`; set aside when it fails always, so that it blocks nobody."""
        self._failures[id] += 1
        log.exception("an event could not be handled", id=id, kind=incoming.kind, times=self._failures[id])
        if self._failures[id] >= MOST_FAILURES:
            log.error("an event is set aside", id=id, kind=incoming.kind)
            with contextlib.suppress(StoreDown):  # then it fails once more, later
                await self._store.done(id)
                del self._failures[id]
