"""One look at one thread: what its run wants to be seen, against what the table says Slack was shown.

Missing messages are posted in order, each waiting for the one before; updates wait for nobody, and the newest
view wins. Each look does little and says when to look again, so that a newer view is never far. It does not
know how a post becomes visible once (`posting.py`), nor who calls it and how often (`thread.py`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from bot.messages import Ask, Message, PlanMessage, Reply
from bot.ports import Clock, MessageStore, Shown
from bot.render import render
from bot.run import Event, Run, ThreadLost, ThreadOpened
from bot.slack.calls import Limited, Refused, Unclear
from bot.slack.item import Item, channel_of, item_of
from bot.slack.pace import HISTORY, POST, REPLIES, Pace, Urgency
from bot.slack.posting import PLAIN, Gone, Later, Posting, Sleep, Unknown
from bot.slack.uploads import Uploads, shares

log = structlog.get_logger(__name__)

Load = Callable[[str, str], Awaitable[Run | None]]
MOST_REFUSALS = 3  # of one message for a reason nobody foresaw; then what comes after goes on without it
MOST_SHARES = 2  # more tries at sharing files, before what comes after goes on without them
OnEvent = Callable[[str, str, Event], Awaitable[object]]


@dataclass(slots=True, eq=False)
class Thread:
    """What is remembered of a thread while somebody looks after it; all of it can be lost."""

    run: Run
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    rows: dict[str, Shown] | None = None  # as the table has them, while nobody else touches them
    given_up: set[str] = field(default_factory=set)
    turn: float | None = None  # when this thread's next post may go out
    polls: int = 0
    failures: int = 0
    told: Event | None = None

    def backoff(self) -> float:
        """One more failure in a row; how long to leave it alone."""
        self.failures += 1
        return float(min(60.0, 0.5 * 2 ** min(self.failures, 8)) * random.uniform(0.7, 1.0))  # noqa: S311


@dataclass(slots=True)
class Matcher:
    messages: MessageStore
    posting: Posting
    uploads: Uploads
    pace: Pace
    load: Load
    on_event: OnEvent
    steady: Clock
    sleep: Sleep

    async def look(self, thread: Thread) -> float | None:
        """In how many seconds to look again; None: it matches. Raises `StoreDown`, `SlackTrouble`."""
        run = thread.run
        if thread.rows is None:
            thread.rows = await self.messages.shown(run.workspace, run.id)
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
            await self.messages.all_shown(run.workspace, run.id, run.version)
        return soonest

    async def _outdated(self, thread: Thread) -> bool:
        """Another bot has shown a newer view already: take that one."""
        assert thread.rows is not None
        if all(row.version <= thread.run.version for row in thread.rows.values()):
            return False
        newest = await self.load(thread.run.workspace, thread.run.id)
        if newest is None or newest.version <= thread.run.version:
            return False
        thread.run = newest
        return True

    async def _post_next(self, thread: Thread, run: Run, wanted: Mapping[str, Message]) -> float | None:
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
        self, thread: Thread, run: Run, key: str, message: Message, row: Shown | None
    ) -> float:
        try:
            wait = await self._post(thread, run, key, message, row)
        except Limited as limited:
            self.pace.limited(run.workspace, limited.method, limited.seconds)
            thread.turn = None
            return limited.seconds
        except Later as later:
            return _poll(thread, later)
        except Unclear as unclear:
            log.warning("a post of unknown fate", run=run.id, key=key, error=str(unclear))
            thread.rows = None
            if key.startswith("files:") and thread.failures >= MOST_SHARES:
                thread.given_up.add(key)  # the words go on without it
            return thread.backoff()
        except Refused as refused:
            log.warning("a message is refused", run=run.id, key=key, code=refused.code)
            thread.rows = None
            if thread.failures >= MOST_REFUSALS and key != "root":
                thread.given_up.add(key)
                return 0.0
            return thread.backoff()
        except Unknown as unknown:
            thread.given_up.add(key)
            if key == "root":
                raise Gone("Slack did not say whether my first message arrived.") from unknown
            return 0.0
        if wait == 0:
            thread.polls = thread.failures = 0
        return wait

    async def _post(self, thread: Thread, run: Run, key: str, message: Message, row: Shown | None) -> float:
        assert thread.rows is not None
        if wait := self._turn(thread, run, key):
            return wait
        root = thread.rows.get("root")
        item = item_of(run, key, message, run.request.thread_ts or (root.ts if root else ""))

        async def read() -> None:
            method = REPLIES if item.thread_ts else HISTORY
            if wait := max(self.pace.paused(run.workspace, method), self.pace.read(run.workspace, method)):
                await self.sleep(wait)

        if key.startswith("files:"):
            assert isinstance(message, Reply)
            below = shares(message, thread.rows[key.removeprefix("files:")])
            thread.rows[key] = await self.uploads.share(item, below, row, read)
        elif row is not None and row.sending_since is not None:
            thread.rows[key] = await self.posting.settle(item, row.sending_since, read)
        else:
            thread.rows[key] = await self.posting.post(await self._with_pictures(thread, item))
        thread.turn = None
        self.pace.touched(item.mark)
        return 0.0

    def _turn(self, thread: Thread, run: Run, key: str) -> float:
        """In how many seconds this thread may post. Its place in the channel's queue is kept meanwhile."""
        if paused := self.pace.paused(run.workspace, POST):
            return paused
        now = self.steady()
        if thread.turn is None:
            thread.turn = now + self.pace.post(run.workspace, channel_of(run, key))
        return max(thread.turn - now, 0.0)

    async def _update_next(self, thread: Thread, run: Run, wanted: Mapping[str, Message]) -> float | None:
        soonest: float | None = None
        for key, message in wanted.items():
            if thread.rows is None:  # somebody else is at it: that said when to look again
                break
            row = thread.rows.get(key)
            if row is None or not row.ts or row.version > run.version:
                continue
            item = item_of(run, key, message, "")
            if row.digest.removesuffix(PLAIN) == item.digest:
                continue
            wait = 0.0 if run.ended else self.pace.apart(item.mark)  # the last word does not wait
            wait = wait or self.pace.update(run.workspace, _urgency(run, message))
            if wait == 0:
                wait = await self._update(thread, item)
            soonest = wait if soonest is None else min(soonest, wait)
        return soonest

    async def _update(self, thread: Thread, item: Item) -> float:
        assert thread.rows is not None
        self.pace.touched(item.mark)
        lock = thread.rows.get(f"update:{item.key}")
        try:
            await self.posting.update(await self._with_pictures(thread, item), lock)
        except Limited as limited:
            self.pace.limited(item.workspace, limited.method, limited.seconds)
            return limited.seconds
        except Later as later:
            return _poll(thread, later)
        thread.failures = thread.polls = 0
        thread.rows = await self.messages.shown(item.workspace, item.run_id)
        return 0.0

    async def _with_pictures(self, thread: Thread, item: Item) -> Item:
        assert thread.rows is not None
        message = await self.uploads.pictures(item.workspace, item.run_id, item.message, thread.rows)
        return replace(item, message=message)

    async def _lost(self, thread: Thread, run: Run, sentence: str) -> float | None:
        if run.ended:
            log.warning("the last words of a run can't be shown", run=run.id, why=sentence)
            await self.messages.all_shown(run.workspace, run.id, run.version)
            return None
        await self._tell(thread, run, ThreadLost(sentence))
        return thread.backoff()

    async def _tell(self, thread: Thread, run: Run, event: Event) -> None:
        if thread.told != event:
            await self.on_event(run.workspace, run.id, event)
            thread.told = event


def _poll(thread: Thread, later: Later) -> float:
    """Somebody else is at it, or nobody knows: look at the rows again, less and less often."""
    thread.rows = None
    thread.polls += 1
    return float(min(later.seconds, 0.2 * 1.5 ** min(thread.polls, 20), 10.0))


def _urgency(run: Run, message: Message) -> Urgency:
    if run.ended:
        return "terminal"
    failed = isinstance(message, PlanMessage) and any(card.status == "error" for card in message.cards)
    return "error" if failed or isinstance(message, Ask) else "progress"
