"""Makes a thread match its run: posts what is missing, in order, and updates what differs.

Level-triggered: `show(run)` only says which view is wanted; the newest wins, and one task per run compares it
with what the table says Slack was shown. A crash, a 429 or a Slack that is down for an hour cost nothing but
time: whoever comes next compares and goes on. Posting never delays a step.

How one post becomes visible once is `posting.py`, how fast one may speak `pace.py`, how it looks `views.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.ports import Clock, MessageStore, StoreDown
from bot.run import Run
from bot.slack.calls import SlackTrouble
from bot.slack.matching import Load, Matcher, OnEvent, Thread
from bot.slack.pace import Pace, Rates
from bot.slack.posting import Posting, Sleep
from bot.slack.surfaces import EmojiOf
from bot.slack.uploads import ReadFile, Uploads
from workers.kit.crashpoints import Crash, no_crash
from workers.kit.tracing import UNTRACED, Tracing

log = structlog.get_logger(__name__)

MOST_FAILURES = 5  # in a row; then the sweeper comes back to it
POSTPONED = 300.0


class SlackThreads:
    """`load` finds the newest view of a run, `on_event` hears that a thread was opened or lost.

    `clock` is the time of day (claims are dated with it), `steady` measures how much time passed."""

    def __init__(
        self,
        client_for: Callable[[str], AsyncWebClient],
        messages: MessageStore,
        load: Load,
        on_event: OnEvent,
        *,
        emoji_of: EmojiOf = lambda worker: ":gear:",
        read_file: ReadFile | None = None,
        settle_seconds: float = 60.0,
        rates: Rates | None = None,
        clock: Clock = time.time,
        steady: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        crash: Crash = no_crash,
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._messages, self._clock, self._sleep = messages, clock, sleep
        posting = Posting(
            client_for,
            messages,
            emoji_of,
            clock=clock,
            sleep=sleep,
            settle_seconds=settle_seconds,
            crash=crash,
            tracing=tracing,
        )
        uploads = Uploads(client_for, messages, read_file, clock=clock, settle_seconds=settle_seconds)
        pace = Pace(steady, rates or Rates())
        self._matcher = Matcher(messages, posting, uploads, pace, load, on_event, steady, sleep)
        self._threads: dict[tuple[str, str], Thread] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def show(self, run: Run) -> None:
        """This is how the run is now. Returns at once."""
        if self._closing:
            return
        thread = self._threads.get((run.workspace, run.id))
        if thread is None:
            thread = self._threads[run.workspace, run.id] = Thread(run)
            task = asyncio.create_task(self._follow(thread), name=f"thread {run.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif run.version > thread.run.version:
            thread.run = run
            thread.changed.set()

    async def close(self, seconds: float = 5.0) -> None:
        """Lets what is on its way arrive, this long at most. The rest is shown by whoever comes next."""
        self._closing = True
        for thread in self._threads.values():
            thread.changed.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _follow(self, thread: Thread) -> None:
        key = (thread.run.workspace, thread.run.id)
        try:
            while True:
                thread.changed.clear()
                wait = await self._tried(thread)
                if wait is None and not thread.changed.is_set():
                    return
                if self._closing and (wait or 0) > 1:
                    return
                if thread.failures >= MOST_FAILURES and await self._postponed(thread):
                    return
                if wait:
                    await self._nap(thread, wait)
        finally:
            if self._threads.get(key) is thread:
                del self._threads[key]

    async def _tried(self, thread: Thread) -> float | None:
        """One look at the thread. In how many seconds to look again; None when it matches."""
        try:
            wait = await self._matcher.look(thread)
        except (StoreDown, SlackTrouble) as error:
            log.warning("a thread waits", run=thread.run.id, error=str(error), failures=thread.failures)
        except Exception:
            log.exception("a thread could not be shown", run=thread.run.id)
        else:
            return wait
        thread.rows = None
        return thread.backoff()

    async def _postponed(self, thread: Thread) -> bool:
        run = thread.run
        try:
            await self._messages.postpone(run.workspace, run.id, self._clock() + POSTPONED)
        except StoreDown:
            return False
        log.warning("a thread is left for later", run=run.id, seconds=POSTPONED)
        return True

    async def _nap(self, thread: Thread, seconds: float) -> None:
        """Until then, or until there is a newer view."""
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        waking = asyncio.ensure_future(thread.changed.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
