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
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from filelock import FileLock, Timeout
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import schema
from bot.crashpoints import crash_at
from bot.local import MAX_STEPS as EMBEDDED_STEPS
from bot.local import embedded
from bot.orchestrator import Orchestrator
from bot.ports import StoreDown
from bot.registry import Registry
from bot.run import Event
from bot.settings import SLACK_API, Settings
from bot.slack.bolt import SlackRefused, build, who_am_i
from bot.slack.files import SLACK_FILE_HOSTS, SlackMaterials
from bot.slack.handlers import Handlers
from bot.slack.inbox import Inbox
from bot.slack.incoming import Incoming
from bot.slack.pace import NO_LIMITS, Rates
from bot.slack.people import People
from bot.slack.thread import SlackThreads
from bot.store import Store
from bot.web import web_app
from workers import Worker, WorkerError, discover
from workers.kit.files import FileStore
from workers.kit.model import Model
from workers.kit.service import Service
from workers.kit.transport import TaskTransport

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 8.0
SOCKETS = 2  # Bolt closes an old socket before it opens the new one: the other one bridges the gap
INBOX_SECONDS = 15.0
KEPT_SECONDS = 7 * 86_400.0  # how long an event that was handled is known, so that a late repeat is noticed


@dataclass(frozen=True)
class Running:
    """What tests and the command line may look at."""

    settings: Settings
    store: Store
    orchestrator: Orchestrator
    port: int


@asynccontextmanager
async def running(settings: Settings, workers: Mapping[str, Worker] | None = None) -> AsyncIterator[Running]:
    """The whole bot, from start to drained. `workers` replaces the discovered ones (tests)."""
    crash, clock = crash_at(settings.crash_at), time.time
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(schema.upgrade, settings.database())
        store = Store(settings.database(), clock=clock, lease_seconds=settings.lease_seconds)
        stack.push_async_callback(store.close)
        if await asyncio.to_thread(_alone, settings, stack):
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
        materials = SlackMaterials(client_for, people, files, session, _file_hosts(settings))
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
            crash=crash,
        )
        transport.listen(service)
        transport.deliver(orchestrator.report)
        await transport.start()

        async def whisper(incoming: Incoming, sentence: str) -> None:
            await _whisper(client, incoming, sentence)

        handlers = Handlers(orchestrator, store.runs, people, whisper, max_open=settings.open_per_person)
        inbox = Inbox(store.inbox, store.runs.owners, handlers.handle, crash)
        bolt = build(client, me, inbox, store.runs)

        async def drain() -> None:
            await inbox.drain(2)
            await orchestrator.drain(2)
            await transport.stop(DRAIN_SECONDS)
            await model.close()
            await threads.close(2)

        stack.push_async_callback(drain)
        tending = _tend(settings, store, orchestrator, inbox)
        stack.callback(tending.shutdown, wait=False)
        port = await _serve_http(settings, bolt, store, stack)
        if settings.slack_app_token.get_secret_value():
            await _connect(settings, client, bolt, stack)
        warming = asyncio.create_task(_warm(model))
        stack.push_async_callback(_cancel, warming)
        log.info("ready", team=me.team, bot=me.bot_user_id, workers=list(workers), port=port)
        yield Running(settings, store, orchestrator, port)


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
    lock = FileLock(settings.data_dir / "delegate.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return False
    stack.callback(lock.release)
    return True


def _file_hosts(settings: Settings) -> tuple[str, ...]:
    own = urlsplit(settings.slack_api_url).hostname or ""
    return SLACK_FILE_HOSTS if settings.slack_api_url == SLACK_API else (*SLACK_FILE_HOSTS, own)


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


def _tend(settings: Settings, store: Store, orchestrator: Orchestrator, inbox: Inbox) -> AsyncIOScheduler:
    """What has to be looked after again and again. A job that is late runs once, never twice at a time."""

    async def sweep() -> None:
        with _patience("a sweep"):
            await orchestrator.sweep()

    async def recover() -> None:
        with _patience("the inbox"):
            await inbox.recover()

    async def forget() -> None:
        with _patience("forgetting"):
            await store.inbox.forget_done(KEPT_SECONDS)

    scheduler = AsyncIOScheduler(
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone=UTC
    )
    now = datetime.now(UTC)
    scheduler.add_job(sweep, "interval", seconds=settings.sweep_seconds, next_run_time=now)
    scheduler.add_job(recover, "interval", seconds=INBOX_SECONDS, next_run_time=now)
    scheduler.add_job(forget, "interval", hours=6)
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


async def _serve_http(settings: Settings, bolt: AsyncApp, store: Store, stack: AsyncExitStack) -> int:
    socket_mode = bool(settings.slack_app_token.get_secret_value())
    secret = settings.slack_signing_secret.get_secret_value()
    if not socket_mode and not secret:
        raise SlackRefused("Set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP).")

    async def ready() -> str:
        try:
            await store.ping()
        except StoreDown as error:
            return str(error)
        return ""

    app = web_app(None if socket_mode else bolt, secret, time.time, ready, store.counts)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise SlackRefused(
            f"Port {settings.port} cannot be used ({error.strerror}). Set PORT to another."
        ) from error
    return int(runner.addresses[0][1])


async def _connect(settings: Settings, client: AsyncWebClient, bolt: AsyncApp, stack: AsyncExitStack) -> None:
    """Socket Mode. Asked once first, because the SDK retries a bad token for ever without a word."""
    app_token = settings.slack_app_token.get_secret_value()
    try:
        await client.apps_connections_open(app_token=app_token)
    except SlackApiError as error:
        reason = error.response.get("error")
        raise SlackRefused(
            f"Slack refuses SLACK_APP_TOKEN ({reason}). It needs `connections:write`."
        ) from error
    for _ in range(SOCKETS):
        handler = AsyncSocketModeHandler(bolt, app_token, web_client=client)
        stack.push_async_callback(handler.close_async)
        await handler.connect_async()  # type: ignore[no-untyped-call]


async def _whisper(client: AsyncWebClient, incoming: Incoming, sentence: str) -> None:
    """To one person, where they are. Best effort: a sentence that is lost costs nobody anything."""
    thread_ts = incoming.thread_ts if incoming.thread_ts != incoming.ts else None
    try:
        async with asyncio.timeout(10):
            await client.chat_postEphemeral(
                channel=incoming.channel, user=incoming.by, text=sentence, thread_ts=thread_ts
            )
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
        log.info("a sentence to one person was not shown", error=type(error).__name__)
