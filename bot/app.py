"""The composition root: the one place where adapters are brought together, started and stopped in order.

Nothing is decided here. Order matters twice: the database is upgraded before anything reads it, and Slack
is connected last, when whatever it brings can be taken. At the end the same in reverse: Slack first, so
that nothing new comes in, then what is under way is drained, then the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import structlog
from filelock import FileLock, Timeout
from slack_sdk.web.async_client import AsyncWebClient

from bot import schema
from bot.app_slack import slack_side
from bot.app_workers import DISPATCH_LEASES, crew, warmed, worker_side
from bot.briefing import Briefing
from bot.gauges import Gauges
from bot.health import Health
from bot.local import MAX_STEPS as EMBEDDED_STEPS
from bot.local import STEP_SECONDS
from bot.metrics import Metrics
from bot.orchestrator import Orchestrator
from bot.patience import read_up
from bot.ports import CannotStart, Clock
from bot.registry import Registry
from bot.run import Event
from bot.schedules import Schedules
from bot.settings import SLACK_API, Settings
from bot.slack.authority import SlackAuthority
from bot.slack.bolt import who_am_i
from bot.slack.client import WatchedClient
from bot.slack.files import SlackMaterials
from bot.slack.inbox import Inbox
from bot.slack.pace import NO_LIMITS, Rates
from bot.slack.people import People
from bot.slack.sockets import connected
from bot.slack.thread import SlackThreads
from bot.store import Store
from bot.tending import tending
from bot.web import listening, web_app
from workers import Worker
from workers.kit.crashpoints import crash_at
from workers.kit.files import FileStore
from workers.kit.metrics import Book
from workers.kit.tracing import tracing_to

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 3.0  # with all other waits under the 10 s that platforms give
LEAVING_SECONDS = 1.5  # balancers see that we are about to end before the port closes
SHOW_SECONDS = 3.0  # who changed a run shows it; after this another bot does


@dataclass(frozen=True)
class Running:
    """What tests and the command line may look at."""

    settings: Settings
    store: Store
    orchestrator: Orchestrator
    inbox: Inbox
    schedules: Schedules
    port: int


@asynccontextmanager
async def running(
    settings: Settings, workers: Mapping[str, Worker] | None = None, clock: Clock = time.time
) -> AsyncIterator[Running]:
    """The whole bot, from start to drained. `workers` replaces the discovered ones, `clock` the time of day
    (tests)."""
    crash, book = crash_at(settings.crash_at), Book()
    watch = Metrics(book)
    tracing = tracing_to(settings.otel_exporter_otlp_endpoint, "delegate-bot")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, tracing.close)
        await asyncio.to_thread(schema.upgrade, settings.database())
        alone = await asyncio.to_thread(_alone, settings, stack)  # let go of last of all
        store = Store(
            settings.database(),
            clock=clock,
            lease_seconds=settings.lease_seconds,
            dispatch_seconds=settings.lease_seconds * (DISPATCH_LEASES if settings.broker_url else 1),
            window=settings.window,
            show_seconds=0.0 if alone else SHOW_SECONDS,
        )
        stack.push_async_callback(store.close)
        everybody = crew(settings, workers)
        if alone:
            await store.runs.expire_leases(everybody.remote.functions)

        session = await stack.enter_async_context(aiohttp.ClientSession())
        token = settings.slack_bot_token.get_secret_value()
        client = WatchedClient(token, settings.slack_api_url, session, watch)
        me = await who_am_i(client)

        def client_for(workspace: str) -> AsyncWebClient:
            return client

        registry = Registry(
            everybody.workers,
            store.team,
            models=settings.allowed_models(),
            home="in a worker service" if settings.broker_url else "in the bot's process",
        )
        files = FileStore(settings.data_dir / "files")
        people = People(client_for, clock)
        materials = SlackMaterials(
            client_for, people, files, session, bot_user=me.bot_user_id or "", own_host=_own_host(settings)
        )
        side = await worker_side(
            settings,
            everybody,
            registry=registry,
            files=files,
            store=store,
            stack=stack,
            clock=clock,
            crash=crash,
            book=book,
            tracing=tracing,
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
            tracing=tracing,
        )
        briefing = Briefing(
            registry,
            materials,
            clock,
            max_steps=settings.max_steps if settings.model else min(settings.max_steps, EMBEDDED_STEPS),
            model_seconds=int(settings.model_seconds * 3),
            least_seconds=0 if settings.model else STEP_SECONDS,
            small=not settings.model,
        )
        orchestrator = Orchestrator(
            store.runs,
            side,
            threads,
            briefing,
            clock=clock,
            lease_seconds=settings.lease_seconds,
            crash=crash,
            caught_up=read_up(side.transport, settings.lease_seconds) if settings.broker_url else None,
            watch=watch,
            tracing=tracing,
        )
        side.deliver(orchestrator.report)
        await side.start()

        schedules = Schedules(
            store.schedules,
            SlackAuthority(client_for, people),
            orchestrator,
            clock,
            most=settings.schedules_per_person,
            crash=crash,
            watch=watch,
        )
        orchestrator.on_end = schedules.judge
        slack = slack_side(
            settings,
            client,
            me,
            store=store,
            registry=registry,
            people=people,
            orchestrator=orchestrator,
            schedules=schedules,
            files=files,
            clock=clock,
            crash=crash,
            alone=alone,
            watch=watch,
        )
        inbox = slack.inbox

        async def drain() -> None:
            await inbox.drain(1)
            await orchestrator.drain(1)
            await side.stop(DRAIN_SECONDS)
            await threads.close(2)

        stack.push_async_callback(drain)
        await stack.enter_async_context(
            tending(settings, store, orchestrator, schedules, inbox, alone=alone, watch=watch)
        )
        app_token = settings.slack_app_token.get_secret_value()
        secret = settings.slack_signing_secret.get_secret_value()
        if not (app_token or secret):
            raise CannotStart("Set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP).")
        broker = side.transport if settings.broker_url else None
        health = Health(store.ping, (lambda: side.transport.connected) if broker else None)
        gauges = Gauges(book, store.counts, clock, broker=broker, socket_age=health.age)
        if app_token:
            health.socket_age = lambda: None  # until they are there
        bolt = None if app_token else slack.bolt
        http = web_app(bolt, secret, clock, health=health, metrics=gauges.page, watch=watch)
        side.add_routes(http)
        port = await listening(stack, http, settings.host, settings.port)
        if app_token:
            sockets = await stack.enter_async_context(connected(slack.bolt, client, app_token, watch))
            health.socket_age = sockets.age
        await warmed(side.model, stack)
        log.info("ready", team=me.team, bot=me.bot_user_id, workers=list(everybody.workers), port=port)

        async def leave() -> None:
            health.end()
            if bolt:
                await asyncio.sleep(LEAVING_SECONDS)

        stack.push_async_callback(leave)
        yield Running(settings, store, orchestrator, inbox, schedules, port)


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
