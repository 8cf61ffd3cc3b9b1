"""A worker service, brought together, started and ended in order: the composition root of its process.

It listens for health first, then loads what a first call would otherwise wait for, then takes work. Told to
end, it takes nothing new, finishes what it can and hands the rest back, and only then hangs up.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import aiohttp
import structlog

from workers import Worker, WorkerError, discover
from workers.kit.crashpoints import crash_at
from workers.kit.far_files import SILENCE, FarFiles
from workers.kit.files import FileStore
from workers.kit.health import health_app, serving
from workers.kit.metrics import Book, WorkerMeter
from workers.kit.model import Model
from workers.kit.models import embedded, has_embedded, named
from workers.kit.process import told_to_end
from workers.kit.service import Service
from workers.kit.settings import WorkerSettings
from workers.kit.tracing import tracing_to
from workers.kit.transport import BrokerRefused, TaskTransport
from workers.kit.watching import Watching

log = structlog.get_logger(__name__)


class CannotServe(Exception):
    """A sentence for the operator."""


async def serve(settings: WorkerSettings, only: Sequence[str] = ()) -> None:
    """Until it is told to end. Raises `CannotServe`."""
    if not settings.broker_url:
        raise CannotServe("BROKER_URL is not set. Without a broker the bot runs its workers itself.")
    if not settings.model and not has_embedded():
        raise CannotServe("MODEL is not set, and what the embedded one needs is not installed here.")
    workers = _workers(only)
    told, health, book = told_to_end(), Health(), Book()
    tracing = tracing_to(settings.otel_exporter_otlp_endpoint, "delegate-workers")
    watching = Watching(WorkerMeter(book), tracing)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, tracing.close)
        port = await _listening(stack, health_app(health.missing, book.page), settings)
        log.info("starting", workers=list(workers), port=port)
        own = settings.model
        model = named(settings, own, watching) if own else await embedded(settings, stack, watching=watching)
        stack.push_async_callback(model.close)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=SILENCE))
        transport = _transport(settings, workers, model, session, watching)
        if not await _unless(told, _warm(model)):
            return
        try:
            await transport.start()
        except BrokerRefused as error:
            raise CannotServe(str(error)) from error
        health.transport = transport
        log.info("ready", workers=list(workers), port=port)
        await told.wait()
        health.ending = True
        log.info("ending", seconds=settings.drain_seconds)
        await transport.stop(settings.drain_seconds)


@dataclass
class Health:
    transport: TaskTransport | None = None
    ending: bool = False

    def missing(self) -> str:
        if self.ending:
            return "It is ending."
        if self.transport is None:
            return "It is starting."
        return "" if self.transport.connected else "The broker cannot be reached."


def _transport(
    settings: WorkerSettings,
    workers: Mapping[str, Worker],
    model: Model,
    session: aiohttp.ClientSession,
    watching: Watching,
) -> TaskTransport:
    try:
        transport = TaskTransport(
            settings.broker_url,
            prefix=settings.broker_prefix,
            holder=f"{socket.gethostname()[:100]}-{os.getpid()}-{secrets.token_hex(3)}",
            concurrency=settings.concurrency,
            task_seconds=settings.lease_seconds * 2,
        )
    except BrokerRefused as error:
        raise CannotServe(str(error)) from error
    files = FileStore(settings.data_dir / "files")
    models = {name: named(settings, name, watching) for name in settings.allowed_models()}
    service = Service(
        workers,
        lambda task: models.get(task.model, model),
        transport.report,
        files,
        holder=transport.holder,
        reply_to=transport.reply_to,
        far_files=FarFiles(files, session),
        concurrency=settings.concurrency,
        beat_seconds=settings.lease_seconds / 4,
        crash=crash_at(settings.crash_at),
        watching=watching,
    )
    transport.listen(service)
    return transport


def _workers(only: Sequence[str]) -> Mapping[str, Worker]:
    found = discover()
    for problem in found.problems:
        log.warning(problem)
    for name in only:
        if name not in found.workers:
            near = get_close_matches(name.lower(), found.workers, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(found.workers)}."
            raise CannotServe(f"There is no worker named “{name}” here. {hint}")
    return {name: found.workers[name] for name in only} if only else found.workers


async def _listening(stack: AsyncExitStack, app: Any, settings: WorkerSettings) -> int:
    """On a machine with several of them all but one find PORT taken: health then has another."""
    try:
        return await stack.enter_async_context(serving(app, settings.host, settings.port))
    except OSError as error:
        log.warning("PORT cannot be used, so a free one is", port=settings.port, error=error.strerror)
    return await stack.enter_async_context(serving(app, settings.host, 0))


async def _warm(model: Model) -> None:
    try:
        await model.warm()
    except WorkerError as error:
        raise CannotServe(str(error)) from error


async def _unless(told: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether it was done before we were told to end."""
    doing, waiting = asyncio.create_task(work), asyncio.create_task(told.wait())
    await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    return False
