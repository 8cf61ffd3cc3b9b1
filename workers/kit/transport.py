"""Carries tasks to workers and their reports back. The taskiq brokers are made here and nowhere else, so this
file is the only switch between engines; today it knows one, which lives in this process.

A message is a hint: the database knows what is to be done, so a lost one costs time and a repeated one is
refused by the attempt number. taskiq acknowledges a task that raised, so nothing raises into it here. It
drops what it cannot read with one warning (that quotes it all): that warning is caught and becomes
`on_broken`, for whoever decides that such a process had better end.

Payloads are the wire's models as JSON text, the same bytes that will go to RabbitMQ. Not known here: what a
task means, leases, runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import count

import structlog
from pydantic import TypeAdapter
from taskiq import AsyncBroker, InMemoryBroker
from taskiq.result_backends.dummy import DummyResultBackend

from workers.kit.service import Service, what
from workers.kit.wire import Beat, Report, Said, TaskMessage

log = structlog.get_logger(__name__)
REPORT: TypeAdapter[Report] = TypeAdapter(Report)
LONGEST_PAUSE = 1.0  # seconds between attempts to hand over a report

OnReport = Callable[[Report], Awaitable[object]]


def tasks_broker(url: str = "") -> AsyncBroker:
    """The queue to the workers. A task runs on beside its sender."""
    return _in_memory(url, await_inplace=False)


def reports_broker(url: str = "") -> AsyncBroker:
    """The queue back. A report is handled before `report` returns, so what one worker says keeps its order
    and a worker feels it when the bot is slow."""
    return _in_memory(url, await_inplace=True)


def _in_memory(url: str, *, await_inplace: bool) -> AsyncBroker:
    if url:
        raise ValueError("Workers in other processes are not there yet: leave the broker's address empty.")
    numbers = (
        count()
    )  # nobody asks for a message by its id, and a uuid4 for each was the loop's costliest call
    broker = InMemoryBroker(await_inplace=await_inplace, cast_types=False)
    broker = broker.with_id_generator(lambda: str(next(numbers)))
    return broker.with_result_backend(DummyResultBackend())  # its own keeps the last 100 results alive


class TaskTransport:
    """`listen` and `deliver` name the two ends that are in this process, before `start`.

    `transient`: what `on_report` may raise that passes by itself (the database is away): the report is
    offered again until it is taken. Anything else is logged, and the report is gone.
    """

    def __init__(
        self,
        url: str = "",
        *,
        transient: tuple[type[Exception], ...] = (),
        on_broken: Callable[[str], None] = log.critical,
    ) -> None:
        self._tasks, self._reports = tasks_broker(url), reports_broker(url)
        self._run_task = self._tasks.register_task(_function(self._received_task), "delegate.task")
        self._take_report = self._reports.register_task(_function(self._received_report), "delegate.report")
        self._service: Service | None = None
        self._on_report: OnReport | None = None
        self._transient = transient
        self._guard = _Unreadable(on_broken)
        self._closing = False

    def listen(self, service: Service) -> None:
        """Tasks are run by this service."""
        self._service = service

    def deliver(self, on_report: OnReport) -> None:
        """Reports go to this function."""
        self._on_report = on_report

    async def start(self) -> None:
        logging.getLogger("taskiq.receiver.receiver").addFilter(self._guard)
        await self._tasks.startup()
        await self._reports.startup()

    async def stop(self, seconds: float = 8.0) -> None:
        """Gives running tasks this long, and then hands them back."""
        self._closing = True
        if self._service is not None:
            await self._service.drain(seconds)
        for broker in (self._tasks, self._reports):
            if isinstance(broker, InMemoryBroker):
                await broker.wait_all()
            await broker.shutdown()
        logging.getLogger("taskiq.receiver.receiver").removeFilter(self._guard)

    async def send(self, task: TaskMessage) -> None:
        await self._run_task.kiq(task.model_dump_json())

    async def cancel(self, workspace: str, run_id: str) -> None:
        if self._service is not None:
            self._service.cancel(workspace, run_id)

    async def report(self, report: Report) -> None:
        await self._take_report.kiq(REPORT.dump_json(report).decode())

    async def _received_task(self, body: str) -> None:
        try:
            task = TaskMessage.model_validate_json(body)
        except ValueError as error:
            self._guard.broken(type(error).__name__)
            return
        if self._service is None:
            log.warning("no worker listens here", worker=task.worker, run=task.run)
            return
        await self._service.run(task)

    async def _received_report(self, body: str) -> None:
        try:
            report = REPORT.validate_json(body)
        except ValueError as error:
            self._guard.broken(type(error).__name__)
            return
        pause = 0.1
        while self._on_report is not None:
            try:
                await self._on_report(report)
                return
            except self._transient as error:
                if isinstance(report, Beat | Said) or self._closing:  # the next one will do
                    log.warning("a report was not taken", kind=report.kind, error=type(error).__name__)
                    return
            except Exception as error:
                log.error("a report was lost", kind=report.kind, run=report.run, **what(error))
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def _function(method: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
    """taskiq renames what it registers, which a bound method does not allow."""

    async def received(body: str) -> None:
        await method(body)

    return received


class _Unreadable(logging.Filter):
    """Stands in taskiq's logger for the one warning that means a message was thrown away."""

    def __init__(self, on_broken: Callable[[str], None]) -> None:
        super().__init__()
        self._on_broken = on_broken

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or not str(record.msg).startswith(("Cannot parse", "task ")):
            return True
        self.broken("taskiq")
        return False  # it quotes the message

    def broken(self, by: str) -> None:
        self._on_broken(f"A message could not be read and was thrown away ({by}).")
