"""`python -m bot doctor`: what works and what does not, by name, and what to do about it.

It only looks: nothing is migrated, posted or fetched (a missing SQLite file is created, empty). The one
thing that costs is a model call of a few tokens. Which events an app is subscribed to cannot be read with a
bot token; what it can say is which events cannot come because their scope is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aio_pika
import aiohttp
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelNotFoundEntity
from slack_sdk.web.async_client import AsyncWebClient

from bot import remote, schema
from bot.ports import CannotStart
from bot.settings import Settings
from bot.slack import manifest
from bot.slack.bolt import who_am_i
from workers import WorkerError, discover
from workers.kit.broker.topology import Topology
from workers.kit.model import Model
from workers.kit.wire import MODEL

CONNECT_SECONDS = 5.0
BROKER_SAYS = {
    "ProbableAuthenticationError": "It refuses the user, or its password.",
    "AuthenticationError": "It refuses the user, or its password.",
    "InvalidFrameError": "It ends the connection: perhaps there is no such virtual host.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    ok: bool
    what: str
    sentence: str


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Findings, one by one as they come."""
    yield await _database(settings)
    yield _workers()
    async for finding in elsewhere(settings, discover().workers):
        yield finding
    if settings.broker_url:
        yield await broker(settings, [MODEL, *discover().workers])
    yield await _model(settings)
    async for finding in _slack(settings):
        yield finding


async def _database(settings: Settings) -> Finding:
    try:
        behind = await asyncio.to_thread(schema.check, settings.database())
    except Exception as error:
        return Finding(False, "database", f"It cannot be used: {error}. Look at DATABASE_URL.")
    if behind:
        return Finding(False, "database", behind)
    return Finding(True, "database", "It answers, and its tables are up to date.")


def _workers() -> Finding:
    found = discover()
    if found.problems:
        return Finding(False, "workers", " ".join(found.problems))
    return Finding(True, "workers", f"{', '.join(found.workers)}.")


async def elsewhere(settings: Settings, taken: Collection[str]) -> AsyncIterator[Finding]:
    """Workers whose code is not here, beside those whose names are `taken`."""
    there = remote.declared(
        settings.workers_file,
        taken,
        broker=bool(settings.broker_url),
        secret=settings.worker_secret.get_secret_value(),
        prefix=settings.broker_prefix,
    )
    for problem in there.problems:
        yield Finding(False, "workers", problem)
    for name, worker in there.workers.items():
        if "files" in worker.reads and not settings.public_url:
            yield Finding(False, name, "It reads files, and without PUBLIC_URL it cannot fetch them.")
        yield await _reached(worker) if worker.url else Finding(True, name, f"It is {worker.place}.")
    if there.functions and not settings.public_url:
        now = "Functions answer in their response alone: nobody can post a result back without PUBLIC_URL."
        yield Finding(True, "functions", now)


async def _reached(worker: remote.Remote) -> Finding:
    """Whether something listens, with a certificate where there has to be one. Nothing is posted."""
    parts = urlsplit(worker.url)
    secure = parts.scheme == "https"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            opened = asyncio.open_connection(
                parts.hostname, parts.port or (443 if secure else 80), ssl=secure or None
            )
            (await opened)[1].close()
    except (OSError, TimeoutError) as error:
        why = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or "nobody answers"
        return Finding(False, worker.name, f"It is {worker.place}, and not reached: {why}.")
    return Finding(True, worker.name, f"It is {worker.place}, where somebody listens.")


async def broker(settings: Settings, workers: Sequence[str]) -> Finding:
    """RabbitMQ, and whether anybody takes these workers' tasks."""
    names = Topology(settings.broker_prefix)
    idle = []
    try:
        async with await aio_pika.connect(settings.broker_url, timeout=CONNECT_SECONDS) as connection:
            for worker in workers:
                try:
                    async with connection.channel() as channel:
                        queue = await channel.declare_queue(names.worker(worker), passive=True)
                        taken = bool(queue.declaration_result.consumer_count)
                except ChannelNotFoundEntity:
                    taken = False
                idle += [] if taken else [worker]
    except (OSError, TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        why = BROKER_SAYS.get(type(error).__name__, f"It does not answer ({type(error).__name__}).")
        return Finding(False, "broker", f"{why} Look at BROKER_URL.")
    if idle:
        return Finding(
            False, "broker", f"It answers. Nobody runs {', '.join(idle)}: start `python -m workers`."
        )
    return Finding(True, "broker", "It answers, and each worker is run by somebody.")


async def _model(settings: Settings) -> Finding:
    if not settings.model:
        here = "the embedded one is fetched and started with the bot."
        there = "plans are as small as the embedded one's. Set it as for the worker services, which call it."
        return Finding(True, "model", f"MODEL is not set: {there if settings.broker_url else here}")
    model = Model(
        settings.model,
        settings.model_api_base or None,
        settings.model_api_key.get_secret_value() or None,
        timeout=20,
        attempts=1,
    )
    try:
        await model.warm()
        await model.complete([{"role": "user", "content": "Say ok."}], max_tokens=200)
    except WorkerError as error:
        return Finding(False, "model", f"{settings.model}: {error}")
    finally:
        await model.close()
    return Finding(True, "model", f"{settings.model} answers.")


async def _slack(settings: Settings) -> AsyncIterator[Finding]:
    token = settings.slack_bot_token.get_secret_value()
    app_token = settings.slack_app_token.get_secret_value()
    if not token:
        yield Finding(
            False, "slack", "SLACK_BOT_TOKEN is not set. “Install App” in the app's settings shows it."
        )
        return
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=token, base_url=settings.slack_api_url, session=session, retry_handlers=[]
        )
        try:
            me = await who_am_i(client)
        except CannotStart as error:
            yield Finding(False, "slack", str(error))
            return
        yield Finding(True, "slack", f"Connected to {me.team} as {me.bot_user_id}.")
        granted = (await client.auth_test()).headers.get("x-oauth-scopes", "")
        for sentence in manifest.missing({s.strip() for s in granted.split(",")}):
            yield Finding(False, "scopes", sentence)
        if app_token:
            yield await _socket(client, app_token)
        elif not settings.slack_signing_secret.get_secret_value():
            yield Finding(False, "slack", "Set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP).")


async def _socket(client: AsyncWebClient, app_token: str) -> Finding:
    try:
        await client.apps_connections_open(app_token=app_token)
    except Exception as error:
        return Finding(False, "socket", f"SLACK_APP_TOKEN is refused: {error}. It needs `connections:write`.")
    return Finding(True, "socket", "Socket Mode is open to this token.")
