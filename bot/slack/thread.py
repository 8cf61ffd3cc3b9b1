"""Makes a thread match its run: posts what is missing, in order, and updates what differs.

Level-triggered: `show(run)` only says which view is wanted; the newest wins, and one task per run compares it
with what the table says Slack was shown. A crash, a 429 or a Slack that is down for an hour cost nothing but
time: whoever comes next compares and goes on. Posting never delays a step.

How one post becomes visible once is `posting.py`, how fast one may speak `pace.py`, how it looks `views.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.crashpoints import Crash, no_crash
from bot.ports import Clock, MessageStore, Shown, StoreDown
from bot.render import Ask, Message, PlanMessage, Reply, render
from bot.run import Event, Run, ThreadLost, ThreadOpened
from bot.slack.calls import Limited, Refused, SlackTrouble, Unclear
from bot.slack.pace import POST, REPLIES, UPDATE, Pace, Rates, Urgency
from bot.slack.posting import PLAIN, Gone, Item, Later, Posting, Sleep, Unknown
from bot.slack.surfaces import EmojiOf
from bot.slack.uploads import ReadFile, Uploads, shares
from bot.slack.views import blocks_for

log = structlog.get_logger(__name__)

Load = Callable[[str, str], Awaitable[Run | None]]
OnEvent = Callable[[str, str, Event], Awaitable[object]]
MOST_FAILURES = 8  # in a row; then the sweeper comes back to it
POSTPONED = 300.0


@dataclass(slots=True, eq=False)
class _Thread:
    run: Run
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    rows: dict[str, Shown] | None = None  # as the table has them, while nobody else touches them
    updated: dict[str, float] = field(default_factory=dict)
    again: dict[str, float] = field(default_factory=dict)  # to be updated once more, at that time
    given_up: set[str] = field(default_factory=set)
    turn: float | None = None  # when this thread's next post may go out
    polls: int = 0
    failures: int = 0
    told: Event | None = None


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
    ) -> None:
        self._messages, self._load, self._on_event = messages, load, on_event
        self._clock, self._steady, self._sleep = clock, steady, sleep
        self._settle_seconds, self._crash = settle_seconds, crash
        self._rates = rates or Rates()
        self._pace = Pace(steady, self._rates)
        self._posting = Posting(
            client_for,
            messages,
            emoji_of,
            clock=clock,
            sleep=sleep,
            settle_seconds=settle_seconds,
            crash=crash,
        )
        self._uploads = Uploads(client_for, messages, read_file, clock=clock, settle_seconds=settle_seconds)
        self._emoji_of = emoji_of
        self._threads: dict[tuple[str, str], _Thread] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def show(self, run: Run) -> None:
        """This is how the run is now. Returns at once."""
        if self._closing:
            return
        thread = self._threads.get((run.workspace, run.id))
        if thread is None:
            thread = self._threads[run.workspace, run.id] = _Thread(run)
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

    async def _follow(self, thread: _Thread) -> None:
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

    async def _tried(self, thread: _Thread) -> float | None:
        """One look at the thread. In how many seconds to look again; None when it matches."""
        try:
            wait = await self._match(thread)
        except (StoreDown, SlackTrouble) as error:
            log.warning("a thread waits", run=thread.run.id, error=str(error), failures=thread.failures)
        except Exception:
            log.exception("a thread could not be shown", run=thread.run.id)
        else:
            return wait
        thread.rows = None
        return self._backoff(thread)

    def _backoff(self, thread: _Thread) -> float:
        thread.failures += 1
        return float(min(60.0, 0.5 * 2**thread.failures) * random.uniform(0.7, 1.0))  # noqa: S311

    async def _postponed(self, thread: _Thread) -> bool:
        run = thread.run
        try:
            await self._messages.postpone(run.workspace, run.id, self._clock() + POSTPONED)
        except StoreDown:
            return False
        log.warning("a thread is left for later", run=run.id, seconds=POSTPONED)
        return True

    async def _nap(self, thread: _Thread, seconds: float) -> None:
        """Until then, or until there is a newer view."""
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        waking = asyncio.ensure_future(thread.changed.wait())
        try:
            await asyncio.wait((sleeping, waking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    async def _match(self, thread: _Thread) -> float | None:
        run = thread.run
        if thread.rows is None:
            thread.rows = await self._messages.shown(run.workspace, run.id)
        if await self._outdated(thread):
            return 0.0
        wanted = render(run)
        if run.status == "lost":
            wanted = {key: message for key, message in wanted.items() if key == "notice"}
        try:
            waits = [await self._post_next(thread, run, wanted), await self._update_next(thread, run, wanted)]
        except Gone as gone:
            return await self._lost(thread, run, str(gone))
        soonest = min((wait for wait in waits if wait is not None), default=None)
        if soonest is None:
            await self._messages.all_shown(run.workspace, run.id, run.version)
        return soonest

    async def _outdated(self, thread: _Thread) -> bool:
        """Another bot has shown a newer view already: take that one."""
        assert thread.rows is not None
        if all(row.version <= thread.run.version for row in thread.rows.values()):
            return False
        newest = await self._load(thread.run.workspace, thread.run.id)
        if newest is None or newest.version <= thread.run.version:
            return False
        thread.run = newest
        return True

    async def _post_next(self, thread: _Thread, run: Run, wanted: Mapping[str, Message]) -> float | None:
        """Posts the first message that is missing; later ones wait for it."""
        assert thread.rows is not None
        rows = thread.rows
        for key, message in wanted.items():
            row = rows.get(key)
            if key not in thread.given_up and (row is None or not row.ts):
                return await self._guarded(thread, run, key, message, row)
            if key == "root" and row and row.ts and not run.request.thread_ts:
                await self._tell(thread, run, ThreadOpened(row.ts))
            files = f"files:{key}"
            if isinstance(message, Reply) and row and files not in thread.given_up:
                below, there = shares(message, row), rows.get(files)
                if below and not (there and there.ts):
                    return await self._guarded(thread, run, files, message, there)
        return None

    async def _guarded(
        self, thread: _Thread, run: Run, key: str, message: Message, row: Shown | None
    ) -> float:
        try:
            wait = await self._post(thread, run, key, message, row)
        except Limited as limited:
            self._pace.limited(run.workspace, POST, limited.seconds)
            thread.turn = None
            return limited.seconds
        except Later as later:
            thread.rows = None if later.moved else thread.rows
            thread.polls += later.moved
            return min(later.seconds, 0.2 * 1.5**thread.polls, 10.0) if later.moved else later.seconds
        except Unclear as unclear:
            log.warning("a post of unknown fate", run=run.id, key=key, error=str(unclear))
            thread.rows = None
            return self._backoff(thread)
        except Unknown as unknown:
            thread.given_up.add(key)
            if key == "root":
                raise Gone("Slack did not say whether my first message arrived.") from unknown
            return 0.0
        thread.polls = thread.failures = 0
        return wait

    async def _post(self, thread: _Thread, run: Run, key: str, message: Message, row: Shown | None) -> float:
        assert thread.rows is not None
        if wait := self._turn(thread, run, key):
            return wait
        root = thread.rows.get("root")
        item = self._item(run, key, message, run.request.thread_ts or (root.ts if root else ""))

        async def read() -> None:
            if wait := self._pace.read(run.workspace, REPLIES):
                await self._sleep(wait)

        if key.startswith("files:"):
            assert isinstance(message, Reply)
            below = shares(message, thread.rows[key.removeprefix("files:")])
            thread.rows[key] = await self._uploads.share(item, below, row, read)
        elif row is not None and row.sending_since is not None:
            thread.rows[key] = await self._posting.settle(item, row.sending_since, read)
        else:
            thread.rows[key] = await self._posting.post(await self._with_pictures(thread, item))
        thread.turn = None
        thread.updated[key] = self._steady()
        return 0.0

    def _turn(self, thread: _Thread, run: Run, key: str) -> float:
        """In how many seconds this thread may post. Its place in the channel's queue is kept meanwhile."""
        if paused := self._pace.paused(run.workspace, POST):
            return paused
        now = self._steady()
        if thread.turn is None:
            thread.turn = now + self._pace.post(run.workspace, _channel(run, key))
        return max(thread.turn - now, 0.0)

    async def _update_next(self, thread: _Thread, run: Run, wanted: Mapping[str, Message]) -> float | None:
        if thread.rows is None:
            return 0.0
        soonest: float | None = None
        for key, message in wanted.items():
            row = thread.rows.get(key)
            if row is None or not row.ts or row.version > run.version:
                continue
            item = self._item(run, key, message, "")
            redo = thread.again.get(key)
            if row.digest.removesuffix(PLAIN) == item.digest:
                if redo is None:
                    continue
                wait = max(0.0, redo - self._steady())
            else:
                wait = self._update_wait(thread, run, key, message)
            wait = wait or self._pace.update(run.workspace, _urgency(run, message))
            if wait == 0:
                wait = await self._update(thread, item, row)
            soonest = wait if soonest is None else min(soonest, wait)
            if thread.rows is None:
                break
        return soonest

    def _update_wait(self, thread: _Thread, run: Run, key: str, message: Message) -> float:
        """Two updates of one message keep a distance; the last word does not wait."""
        since = self._steady() - thread.updated.get(key, float("-inf"))
        return 0.0 if run.ended else max(0.0, self._rates.same_message - since)

    async def _update(self, thread: _Thread, item: Item, row: Shown) -> float:
        thread.updated[item.key] = self._steady()
        thread.again.pop(item.key, None)
        try:
            await self._posting.update(await self._with_pictures(thread, item), row)
        except Limited as limited:
            self._pace.limited(item.workspace, UPDATE, limited.seconds)
            return limited.seconds
        except Unclear:
            # It may still be carried out, after a newer one: so once more when Slack has settled.
            thread.again[item.key] = self._steady() + self._settle_seconds
            raise
        except Refused as refused:
            log.warning("an update was refused", run=item.run_id, key=item.key, code=refused.code)
            await self._posting.record(item, Shown(item.key, row.channel, row.ts, item.digest, item.version))
        thread.failures = 0
        thread.rows = await self._messages.shown(item.workspace, item.run_id)
        now = thread.rows.get(item.key)
        if now and now.version > item.version:  # ours came after a newer one
            thread.again[item.key] = self._steady()
        return 0.0

    async def _with_pictures(self, thread: _Thread, item: Item) -> Item:
        assert thread.rows is not None
        message = await self._uploads.pictures(item.workspace, item.run_id, item.message, thread.rows)
        return Item(**{f: getattr(item, f) for f in Item.__slots__} | {"message": message})

    async def _lost(self, thread: _Thread, run: Run, sentence: str) -> float | None:
        if run.ended:
            log.warning("the last words of a run can't be shown", run=run.id, why=sentence)
            await self._messages.all_shown(run.workspace, run.id, run.version)
            return None
        await self._tell(thread, run, ThreadLost(sentence))
        return self._backoff(thread)

    async def _tell(self, thread: _Thread, run: Run, event: Event) -> None:
        if thread.told != event:
            await self._on_event(run.workspace, run.id, event)
            thread.told = event

    def _item(self, run: Run, key: str, message: Message, thread_ts: str) -> Item:
        return Item(
            workspace=run.workspace,
            run_id=run.id,
            key=key,
            message=message,
            digest=self._digest(run, key, message),
            version=run.version,
            channel=_channel(run, key),
            thread_ts="" if key in ("root", "notice") else thread_ts,
            since=run.created_at,
            final=key == "answer" or (isinstance(message, Reply) and bool(message.to)),
        )

    def _digest(self, run: Run, key: str, message: Message) -> str:
        """Of what is seen, not of the run: what changes nothing in the thread costs no call."""
        post = blocks_for(key, message, run.id, self._emoji_of)
        seen = json.dumps([post.text, post.blocks], sort_keys=True).encode()
        return hashlib.sha256(seen).hexdigest()[:32]


def _channel(run: Run, key: str) -> str:
    return run.request.by if key == "notice" else run.request.channel


def _urgency(run: Run, message: Message) -> Urgency:
    if run.ended:
        return "terminal"
    failed = isinstance(message, PlanMessage) and any(card.status == "error" for card in message.cards)
    return "error" if failed or isinstance(message, Ask) else "progress"
