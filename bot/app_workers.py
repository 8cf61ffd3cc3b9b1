"""The composition root, the side towards the workers: in this process, behind RabbitMQ, behind a URL. Nothing
is decided here.

Without a broker the workers and their model are started in this process. With one, this process has neither:
planning and answering are tasks like any other, and the worker services run them all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from aiohttp import web

from bot.file_links import FileLinks
from bot.functions.callbacks import PATH, reports_route
from bot.functions.dispatch import HttpDispatch
from bot.functions.post import Post
from bot.functions.signing import Signer
from bot.local import embedded_for
from bot.ports import CannotStart, Clock, StoreDown
from bot.registry import Registry
from bot.remote import Declared, declared
from bot.settings import Settings
from bot.store import Store
from workers import Worker, WorkerError, discover
from workers.kit.crashpoints import Crash
from workers.kit.files import FileStore
from workers.kit.metrics import Book, WorkerMeter
from workers.kit.model import Model
from workers.kit.models import named
from workers.kit.service import Service
from workers.kit.tracing import Tracing
from workers.kit.transport import BrokerRefused, TaskTransport
from workers.kit.watching import Watching
from workers.kit.wire import Report, TaskMessage

log = structlog.get_logger(__name__)

DISPATCH_LEASES = 3.0  # with a broker: how many leases a task may lie in its queue before it is sent anew


@dataclass(frozen=True)
class Crew:
    """Everybody there is, ours and declared."""

    workers: Mapping[str, Worker]
    remote: Declared


def crew(settings: Settings, ours: Mapping[str, Worker] | None) -> Crew:
    """`ours` replaces the discovered ones (tests)."""
    if ours is None:
        found = discover()
        ours = found.workers
        for problem in found.problems:
            log.warning(problem)
    remote = declared(
        settings.workers_file,
        ours,
        broker=bool(settings.broker_url),
        secret=settings.worker_secret.get_secret_value(),
        prefix=settings.broker_prefix,
    )
    for problem in remote.problems:
        log.warning(problem)
    return Crew({**ours, **remote.workers}, remote)


class WorkerSide:
    """Implements `Transport`: links for files are added, functions are posted to, the rest is queued."""

    def __init__(
        self,
        transport: TaskTransport,
        dispatch: HttpDispatch,
        links: FileLinks | None,
        reports: web.RouteDef,
        model: Model | None,
    ) -> None:
        """`model`: None where worker services have it."""
        self.transport, self._dispatch, self._links = transport, dispatch, links
        self._reports, self.model = reports, model

    def deliver(self, on_report: Callable[[Report], Awaitable[bool]]) -> None:
        self.transport.deliver(on_report)
        self._dispatch.deliver(on_report)

    async def start(self) -> None:
        """Raises `CannotStart`."""
        try:
            await self.transport.start()
        except BrokerRefused as error:
            raise CannotStart(str(error)) from error

    async def send(self, task: TaskMessage) -> None:
        await self._dispatch.send(self._links.on(task) if self._links else task)

    async def cancel(self, workspace: str, run_id: str) -> None:
        await self._dispatch.cancel(workspace, run_id)

    async def stop(self, seconds: float) -> None:
        await asyncio.gather(self._dispatch.close(seconds), self.transport.stop(seconds))
        if self.model:
            await self.model.close()

    def add_routes(self, app: web.Application) -> None:
        """What worker services and functions call."""
        if self._links:
            self._links.add_routes(app)
        app.router.add_routes([self._reports])


async def worker_side(
    settings: Settings,
    crew: Crew,
    *,
    registry: Registry,
    files: FileStore,
    store: Store,
    stack: AsyncExitStack,
    clock: Clock,
    crash: Crash,
    book: Book,
    tracing: Tracing,
) -> WorkerSide:
    names = [name for name in crew.workers if name not in crew.remote.functions]
    try:
        transport = TaskTransport(
            settings.broker_url,
            prefix=settings.broker_prefix,
            workers=names,
            task_seconds=settings.lease_seconds * (DISPATCH_LEASES - 1),
            transient=(StoreDown,),
        )
    except BrokerRefused as error:
        raise CannotStart(str(error)) from error
    model: Model | None = None
    if not settings.broker_url:
        watching = Watching(WorkerMeter(book), tracing)
        model = await default_model(settings, registry, stack, watching)
        ours = {name: w for name, w in crew.workers.items() if name not in crew.remote.workers}
        models = {name: named(settings, name, watching) for name in registry.models}
        service = Service(
            ours,
            lambda task: models.get(task.model, model),
            transport.report,
            files,
            holder=transport.holder,
            concurrency=settings.concurrency,
            beat_seconds=settings.lease_seconds / 4,
            crash=crash,
            watching=watching,
        )
        transport.listen(service)
    secret = settings.worker_secret.get_secret_value()
    signer = Signer(secret if crew.remote.functions else "")
    dispatch = HttpDispatch(
        transport,
        crew.remote.functions,
        Post(signer),
        holder=transport.holder,
        renew=store.runs.renew,
        reports_at=f"{settings.public_url.rstrip('/')}{PATH}" if settings.public_url else "",
        lease_seconds=settings.lease_seconds,
    )
    links = None
    if settings.public_url:
        key = secret or settings.slack_bot_token.get_secret_value()  # the same in every bot
        links = FileLinks(settings.public_url, key, files, clock)
    return WorkerSide(transport, dispatch, links, reports_route(signer, dispatch, store.runs.load), model)


async def default_model(
    settings: Settings, registry: Registry, stack: AsyncExitStack, watching: Watching
) -> Model:
    if settings.model:
        return named(settings, settings.model, watching)
    return await embedded_for(settings, registry, stack, watching)


async def warmed(model: Model | None, stack: AsyncExitStack) -> None:
    """litellm takes seconds to import: from now on, in a thread, rather than in somebody's first request."""

    async def warm() -> None:
        assert model
        try:
            await model.warm()
        except WorkerError as error:
            log.error("the model cannot be used", error=str(error))

    async def stop() -> None:
        warming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await warming

    if model:
        warming = asyncio.create_task(warm())
        stack.push_async_callback(stop)
