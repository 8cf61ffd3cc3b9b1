"""What is looked after again and again: APScheduler as the clock that calls, and nothing more.

Its jobs are a few, fixed, and in memory; what they look for is in the database: leases, wakes, schedules that
are due. A job per schedule was not worth it: a look at an index each second finds what is due in every bot
alike, and needs no telling when a schedule changes. A job that is late runs once, never twice at a time, and
what fails in one is looked at again. APScheduler waits by the time of day: after a clock was set back its
jobs would sleep until it is as late as before, so they are woken then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.orchestrator import Orchestrator
from bot.ports import StoreDown
from bot.schedules import Schedules
from bot.settings import Settings
from bot.slack.inbox import Inbox
from bot.store import Store
from bot.watch import UNWATCHED, Watch

log = structlog.get_logger(__name__)

INBOX_SECONDS, HOLD_SECONDS = 15.0, 4.0  # an event that nobody has in hand; how often it is said who has it
KEPT_SECONDS = 7 * 86_400.0  # how long an event that was handled is known, so that a late repeat is noticed
FIRES_KEPT_SECONDS = 90 * 86_400.0


@asynccontextmanager
async def tending(
    settings: Settings,
    store: Store,
    orchestrator: Orchestrator,
    schedules: Schedules,
    inbox: Inbox,
    *,
    alone: bool,
    watch: Watch = UNWATCHED,
) -> AsyncIterator[None]:
    """Until it is left. `alone`: nobody else can have an event in their hands."""

    looking = Looking()

    async def sweep() -> None:
        with looking("a sweep"):
            began = time.perf_counter()
            await orchestrator.sweep()
            watch.swept(time.perf_counter() - began)

    async def claim() -> None:
        with looking("schedules that are due"):
            await schedules.claim()

    async def fire() -> None:
        with looking("slots that came"):
            await schedules.work_off()

    async def recover(older_than: float) -> None:
        """What another bot says that it has in hand is left alone, unless nobody else can be alive."""
        with looking("the inbox"):
            await inbox.recover(older_than)

    async def hold() -> None:
        with looking("holding events"):
            await inbox.hold()

    async def forget() -> None:
        with looking("forgetting"):
            await store.inbox.forget_done(KEPT_SECONDS)
            await store.schedules.forget(FIRES_KEPT_SECONDS)

    scheduler, now = a_scheduler(), datetime.now(UTC)
    scheduler.add_job(sweep, "interval", seconds=settings.sweep_seconds, next_run_time=now)
    scheduler.add_job(claim, "interval", seconds=settings.sweep_seconds, next_run_time=now)
    scheduler.add_job(fire, "interval", seconds=settings.sweep_seconds, next_run_time=now)
    scheduler.add_job(recover, args=[0.0 if alone else INBOX_SECONDS])
    scheduler.add_job(recover, "interval", seconds=INBOX_SECONDS, args=[INBOX_SECONDS])
    scheduler.add_job(hold, "interval", seconds=HOLD_SECONDS)
    scheduler.add_job(forget, "interval", hours=6, next_run_time=now + timedelta(minutes=1))
    async with started(scheduler):
        yield


def a_scheduler() -> AsyncIOScheduler:
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    own = logging.getLogger("bot.apscheduler")  # litellm sets the level of the library's, whoever uses it
    return AsyncIOScheduler(job_defaults=defaults, timezone=UTC, logger=own)


@asynccontextmanager
async def started(scheduler: AsyncIOScheduler, look_seconds: float = 1.0) -> AsyncIterator[None]:
    """`look_seconds`: how soon it is noticed that the clock was set back."""
    scheduler.start()
    watch = asyncio.create_task(_watch_the_clock(scheduler, look_seconds), name="clock")
    try:
        yield
    finally:
        watch.cancel()
        scheduler.shutdown(wait=False)


async def _watch_the_clock(scheduler: AsyncIOScheduler, seconds: float) -> None:
    before = time.time() - time.monotonic()
    while True:
        await asyncio.sleep(seconds)
        now = time.time() - time.monotonic()
        if now < before - seconds:
            log.warning("the clock was set back", seconds=round(before - now))
            for job in scheduler.get_jobs():
                job.modify(next_run_time=datetime.now(UTC))
        before = now


class Looking:
    """What fails is looked at again; nothing else depends on it. That the store is away is said once for
    each. Nor is it a failure that the bot ends in the middle of something, which APScheduler would say with a
    stack."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()

    @contextlib.contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            log.info("left in the middle; whoever comes next looks again", what=what)
        except StoreDown as error:
            if what not in self._waiting:
                log.warning("the store is away; looking again", what=what, error=str(error))
            self._waiting.add(what)
        except Exception:
            log.exception("this failed; looking again", what=what)
        else:
            if what in self._waiting:
                log.info("the store is there again", what=what)
            self._waiting.discard(what)
