"""The composition root: the one place where adapters are brought together, started and stopped in order.

Nothing is decided here. Order matters twice: the database is upgraded before anything reads it, and Slack
is connected last, when whatever it brings can be taken. At the end the same in reverse: Slack first, so
that nothing new comes in, then what is under way is drained, then the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import aiohttp
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from filelock import FileLock, Timeout
from slack_sdk.web.async_client import AsyncWebClient

from bot import schema
from bot.crashpoints import crash_at
from bot.local import MAX_STEPS as EMBEDDED_STEPS
from bot.local import STEP_SECONDS, embedded
from bot.orchestrator import Orchestrator
from bot.ports import CannotStart, StoreDown
from bot.registry import Registry
from bot.run import Event
from bot.settings import SLACK_API, Settings
from bot.slack.bolt import build, connected, whisper, who_am_i
from bot.slack.files import SlackMaterials
from bot.slack.handlers import Handlers
from bot.slack.inbox import Inbox
from bot.slack.pace import NO_LIMITS, Rates
from bot.slack.people import People
from bot.slack.thread import SlackThreads
from bot.store import Store
from bot.web import serving, web_app
from workers import Worker, WorkerError, discover
from workers.kit.files import FileStore
from workers.kit.model import Model
from workers.kit.service import Service
from workers.kit.transport import TaskTransport

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 4.0  # with all other waits under the 10 s that platforms give
INBOX_SECONDS = 15.0
KEPT_SECONDS = 7 * 86_400.0  # how long an event that was handled is known, so that a late repeat is noticed


@dataclass(frozen=True)
class Running:
    """What tests and the command line may look at."""

    settings: Settings
    store: Store
    orchestrator: Orchestrator
    inbox: Inbox
    port: int


@asynccontextmanager
async def running(settings: Settings, workers: Mapping[str, Worker] | None = None) -> AsyncIterator[Running]:
    """The whole bot, from start to drained. `workers` replaces the discovered ones (tests)."""
    crash, clock = crash_at(settings.crash_at), time.time
    if settings.broker_url:
        raise CannotStart("Leave BROKER_URL empty: workers in other processes are not there yet.")
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(schema.upgrade, settings.database())
        alone = await asyncio.to_thread(_alone, settings, stack)  # let go of last of all
        store = Store(settings.database(), clock=clock, lease_seconds=settings.lease_seconds)
        stack.push_async_callback(store.close)
        if alone:
            await store.runs.expire_leases()

        session = await stack.enter_async_context(aiohttp.ClientSession())
        client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            retry_handlers=[],  # they would post twice where a reply was lost
        )
        me = await who_am_i(client)

        def client_for(workspace: str) -> AsyncWebClient:
            return client

        workers = _workers() if workers is None else workers
        registry = Registry(workers)
        files = FileStore(settings.data_dir / "files")
        people = People(client_for, clock)
        materials = SlackMaterials(
            client_for, people, files, session, bot_user=me.bot_user_id or "", own_host=_own_host(settings)
        )
        transport = TaskTransport(settings.broker_url, transient=(StoreDown,))
        model = await _model(settings, registry, stack)
        service = Service(
            workers,
            lambda task: model,
            transport.report,
            files,
            concurrency=settings.concurrency,
            beat_seconds=settings.lease_seconds / 4,
            crash=crash,
        )

        async def told(workspace: str, run_id: str, event: Event) -> None:
            await orchestrator.handle(workspace, run_id, event)

        threads = SlackThreads(
            client_for,
            store.messages,
            store.runs.load,
            told,
            emoji_of=registry.emoji,
            read_file=files.read,
            settle_seconds=settings.settle_seconds,
            rates=Rates() if settings.slack_paced else NO_LIMITS,
            crash=crash,
        )
        orchestrator = Orchestrator(
            store.runs,
            transport,
            threads,
            materials,
            registry=registry,
            clock=clock,
            max_steps=settings.max_steps if settings.model else min(settings.max_steps, EMBEDDED_STEPS),
            model_seconds=int(settings.model_seconds * 3),
            least_seconds=0 if settings.model else STEP_SECONDS,
            lease_seconds=settings.lease_seconds,
            crash=crash,
        )
        transport.listen(service)
        transport.deliver(orchestrator.report)
        await transport.start()

        handlers = Handlers(
            orchestrator, store.runs, people, partial(whisper, client), max_open=settings.open_per_person
        )
        inbox = Inbox(store.inbox, store.runs.owners, handlers.handle, clock, crash)
        bolt = build(client, me, inbox, store.runs, list(workers.values()))

        async def drain() -> None:
            await inbox.drain(1)
            await orchestrator.drain(1)
            await transport.stop(DRAIN_SECONDS)
            await model.close()
            await threads.close(2)

        stack.push_async_callback(drain)
        tending = _tend(settings, store, orchestrator, inbox, alone)
        stack.callback(tending.shutdown, wait=False)
        app_token = settings.slack_app_token.get_secret_value()
        secret = settings.slack_signing_secret.get_secret_value()
        if not (app_token or secret):
            raise CannotStart("Set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP).")
        http = web_app(None if app_token else bolt, secret, clock, store)
        port = await stack.enter_async_context(serving(http, settings.host, settings.port))
        if app_token:
            await stack.enter_async_context(connected(bolt, client, app_token))
        warming = asyncio.create_task(_warm(model))
        stack.push_async_callback(_cancel, warming)
        log.info("ready", team=me.team, bot=me.bot_user_id, workers=list(workers), port=port)
        yield Running(settings, store, orchestrator, inbox, port)


def _workers() -> Mapping[str, Worker]:
    found = discover()
    for problem in found.problems:
        log.warning(problem)
    return found.workers


def _alone(settings: Settings, stack: AsyncExitStack) -> bool:
    """Whether this is provably the only process on its database: then whatever is out is lost, and need not
    wait for its lease. The lock goes with the process, however it ends."""
    if settings.database_url or settings.broker_url:
        return False
    lock = FileLock(settings.data_dir / "delegate.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return False
    stack.callback(lock.release)
    return True


def _own_host(settings: Settings) -> str:
    """A local Slack's host; empty for Slack's own."""
    own = settings.slack_api_url != SLACK_API
    return (urlsplit(settings.slack_api_url).hostname or "") if own else ""


async def _model(settings: Settings, registry: Registry, stack: AsyncExitStack) -> Model:
    if not settings.model:
        return await embedded(settings, registry, stack)
    return Model(
        settings.model,
        settings.model_api_base or None,
        settings.model_api_key.get_secret_value() or None,
        timeout=settings.model_seconds,
    )


async def _warm(model: Model) -> None:
    """litellm takes seconds to import: now, in a thread, rather than in somebody's first request."""
    try:
        await model.warm()
    except WorkerError as error:
        log.error("the model cannot be used", error=str(error))


def _tend(
    settings: Settings, store: Store, orchestrator: Orchestrator, inbox: Inbox, alone: bool
) -> AsyncIOScheduler:
    """What has to be looked after again and again. A job that is late runs once, never twice at a time."""

    async def sweep() -> None:
        with _patience("a sweep"):
            await orchestrator.sweep()

    async def recover(older_than: float) -> None:
        """A younger event is in the hands of whoever stored it, unless nobody else can be alive."""
        with _patience("the inbox"):
            await inbox.recover(older_than)

    async def forget() -> None:
        with _patience("forgetting"):
            await store.inbox.forget_done(KEPT_SECONDS)

    scheduler = AsyncIOScheduler(
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone=UTC
    )
    now = datetime.now(UTC)
    scheduler.add_job(sweep, "interval", seconds=settings.sweep_seconds, next_run_time=now)
    scheduler.add_job(recover, args=[0.0 if alone else INBOX_SECONDS])
    scheduler.add_job(recover, "interval", seconds=INBOX_SECONDS, args=[INBOX_SECONDS])
    scheduler.add_job(forget, "interval", hours=6, next_run_time=now + timedelta(minutes=1))
    scheduler.start()
    return scheduler


@contextlib.contextmanager
def _patience(what: str) -> Iterator[None]:
    """What fails is looked at again; nothing else depends on it."""
    try:
        yield
    except StoreDown as error:
        log.warning("the store is away; looking again", what=what, error=str(error))
    except Exception:
        log.exception("this failed; looking again", what=what)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
