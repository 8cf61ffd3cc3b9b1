"""The transport between processes, over RabbitMQ: who sends what where, and when it is acknowledged.

- A task is acknowledged when it begins in a worker's process. Before, a lost process costs nothing: the
  broker hands the message to the next. After, its lease is the one owner of lost work: who lost its
  connection may still be at it, and a time limit of the broker's has nothing to do with a task's.
- A report is acknowledged when it was handled, so a bot that dies hands it to the next. Reports of one
  attempt may be handled in any order, and twice.
- A task nobody took expires before its dispatch lease does. A heartbeat and a line of progress are of no use
  after one lease. What an attempt came to never expires.
- What can't be read, or can't be handled for a reason that does not pass, is set aside for an operator.

Not known here: leases, runs, what a task means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Annotated, Any

import structlog
from pydantic import TypeAdapter
from taskiq import BrokerMessage, Context, TaskiqDepends

from workers.kit import events
from workers.kit.down import TransportDown
from workers.kit.ending import what
from workers.kit.ends import Ends, NotTaken
from workers.kit.rabbit import EXPIRES, QUEUE, Link, RabbitBroker
from workers.kit.topology import Topology
from workers.kit.wire import MODEL, Beat, Cancel, Go, Report, Said, Started, TaskMessage

log = structlog.get_logger(__name__)
REPORT: TypeAdapter[Report] = TypeAdapter(Report)
REPORTS_AT_ONCE = 64
MOST_PREFETCHED = 8
HANDLING_SECONDS = 3.0  # for reports in hand, when this process ends
AGAIN_SECONDS = 0.5  # between attempts to publish a report


class OverRabbit:
    def __init__(
        self,
        url: str,
        ends: Ends,
        *,
        topology: Topology,
        holder: str,
        workers: Iterable[str],
        concurrency: int,
        task_seconds: float,
        on_broken: Callable[[str], None],
    ) -> None:
        self._url, self._ends, self._topology, self._holder = url, ends, topology, holder
        self._workers, self._concurrency, self._task_seconds = tuple(workers), concurrency, task_seconds
        self._on_broken = on_broken
        self._ids = count(1)
        self._bots: tuple[RabbitBroker, Link] | None = None
        self._works: tuple[RabbitBroker, Link] | None = None
        self._handling: set[asyncio.Task[Any]] = set()  # taskiq forgets them when a connection is lost
        self._stopped = asyncio.Event()

    @property
    def reply_to(self) -> str:
        """The control queue of this process. Its name changes with each connection, so a `Started` that asks
        is given the newest on its way out."""
        return (self._works[0].control if self._works else "") or self._topology.control(self._holder)

    @property
    def connected(self) -> bool:
        return all(link.connected.is_set() for _, link in self._sides())

    def _sides(self) -> list[tuple[RabbitBroker, Link]]:
        return [side for side in (self._works, self._bots) if side is not None]

    async def start(self) -> None:
        names, ends = self._topology, self._ends
        if ends.service is not None:
            own = [names.worker(name) for name in dict.fromkeys((*ends.service.workers, MODEL))]
            prefetch = max(1, min(MOST_PREFETCHED, self._concurrency // 4))
            broker = RabbitBroker(
                self._url,
                names,
                who=self._holder,
                declares=[*own, names.reports],
                listens=own,
                prefetch=prefetch,
                on_control=self._received_control,
            )
            broker.register_task(self._task_function(), events.TASK)
            broker.register_task(self._unreadable_function(broker), events.UNREADABLE)
            broker = broker.with_formatter(events.CloudEvents(takes=("delegate.task",)))
            self._works = broker, Link(broker, tasks=self._concurrency + prefetch * len(own))
        if ends.on_report is not None or ends.service is None:
            all_workers = [names.worker(name) for name in dict.fromkeys((*self._workers, MODEL))]
            broker = RabbitBroker(
                self._url,
                names,
                who=self._holder,
                declares=[*all_workers, names.reports],
                listens=[names.reports] if ends.on_report is not None else [],
                prefetch=REPORTS_AT_ONCE,
            )
            broker.register_task(self._report_function(), events.REPORT)
            broker.register_task(self._unreadable_function(broker), events.UNREADABLE)
            broker = broker.with_formatter(events.CloudEvents(takes=("delegate.report",)))
            self._bots = broker, Link(broker, tasks=REPORTS_AT_ONCE)
        for _, link in self._sides():
            await link.start()

    async def stop(self, seconds: float) -> None:
        self._stopped.set()
        if self._works is not None:
            await self._works[1].finish()
            await self._works[0].stop_listening()
        if self._ends.service is not None:
            await self._ends.service.drain(seconds)
        self._ends.closing = True
        if self._bots is not None:
            await self._bots[1].finish()
        if self._handling:
            await asyncio.wait(self._handling, timeout=HANDLING_SECONDS)
        for _, link in self._sides():
            await link.stop()

    async def send(self, task: TaskMessage) -> None:
        broker = self._broker_of(self._bots)
        await self._publish(broker, task, self._topology.worker(task.worker), self._task_seconds)

    async def cancel(self, workspace: str, run_id: str) -> None:
        broker = self._broker_of(self._bots)
        body, id = self._event(Cancel(workspace=workspace, run=run_id))
        try:
            await broker.publish(body, "", exchange=self._topology.cancels, id=id, mandatory=False)
        except TransportDown:
            log.warning("workers were not told that nobody waits", run=run_id)

    async def report(self, report: Report) -> bool:
        """Waits until the broker has it. Raises `TransportDown` for what the next one says as well, and when
        this process ends."""
        broker = self._broker_of(self._works or self._bots)
        passing = isinstance(report, Beat | Said)
        if isinstance(report, Started) and report.reply_to:
            report = report.model_copy(update={"reply_to": self.reply_to})
        while True:
            try:
                expires = self._task_seconds / 2 if passing else None
                await self._publish(broker, report, self._topology.reports, expires)
                return True
            except TransportDown:
                if passing or (self._stopped.is_set() and not self.connected):
                    raise
            await asyncio.sleep(AGAIN_SECONDS)

    async def pending(self) -> dict[str, int]:
        names = self._topology
        queues = {f"worker.{name}": names.worker(name) for name in (*self._workers, MODEL)}
        queues |= {"bot.reports": names.reports, "bot.dead": names.dead}
        broker = self._broker_of(self._bots or self._works)
        return {name: await broker.waiting(queue) for name, queue in queues.items()}

    def _broker_of(self, side: tuple[RabbitBroker, Link] | None) -> RabbitBroker:
        if side is None:
            raise TransportDown("This process does not do that.")
        return side[0]

    def _event(self, model: events.Message) -> tuple[bytes, str]:
        id = f"{self._holder}-{next(self._ids)}"
        source = f"/delegate/{self._holder}"
        return events.dumps(model, source=source, id=id, time=datetime.now(UTC)), id

    async def _publish(
        self, broker: RabbitBroker, model: TaskMessage | Report, queue: str, expires: float | None
    ) -> None:
        body, id = self._event(model)
        labels = {QUEUE: queue, EXPIRES: expires}
        await broker.kick(
            BrokerMessage(task_id=id, task_name=events.TYPES[type(model)], message=body, labels=labels)
        )

    def _task_function(self) -> Any:
        async def received(body: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            if self._stopped.is_set() or self._ends.service is None:
                return  # not acknowledged: it goes to another process
            with self._held():
                await self._ends.service.run(TaskMessage.model_validate_json(body), context.ack)

        return received

    def _report_function(self) -> Any:
        async def received(body: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            if self._ends.closing:
                return
            report = REPORT.validate_json(body)
            with self._held():
                await self._received_report(report, float(context.message.labels["time"]), context)

        return received

    async def _received_report(self, report: Report, sent: float, context: Context) -> None:
        broker = self._broker_of(self._bots)
        try:
            may_begin = await self._ends.take(report, sent)
            if isinstance(report, Started) and report.reply_to:
                await self._answer(broker, report, granted=may_begin)
        except NotTaken:
            return
        except Exception as error:
            log.error("a report was set aside", kind=report.kind, run=report.run, **what(error))
            body, _ = self._event(report)
            if not await self._set_aside(broker, body, f"It could not be handled ({type(error).__name__})."):
                return
        await _acknowledge(context)

    async def _answer(self, broker: RabbitBroker, to: Started, *, granted: bool) -> None:
        go = Go(workspace=to.workspace, run=to.run, step=to.step, attempt=to.attempt, granted=granted)
        body, id = self._event(go)
        try:
            await broker.publish(body, to.reply_to, id=id, mandatory=False)
        except TransportDown:
            log.warning("a worker was not answered; it asks again", run=to.run)

    def _unreadable_function(self, broker: RabbitBroker) -> Any:
        async def received(body: str, why: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            self._on_broken(f"A message could not be read and was set aside: {why}")
            if await self._set_aside(broker, body.encode(), why):
                await _acknowledge(context)

        return received

    async def _set_aside(self, broker: RabbitBroker, body: bytes, why: str) -> bool:
        queue = broker.listens[0] if len(broker.listens) == 1 else ""
        try:
            await broker.publish(body, self._topology.dead, headers={"why": why, "queue": queue})
        except TransportDown:
            return False
        return True

    async def _received_control(self, body: bytes) -> None:
        try:
            message = events.loads(body).data
        except events.Unreadable as error:
            self._on_broken(f"A message could not be read and was thrown away: {error}")
            return
        service = self._ends.service
        if service is not None and isinstance(message, Go):
            service.went(message)
        elif service is not None and isinstance(message, Cancel):
            service.cancel(message.workspace, message.run)

    def _held(self) -> Any:
        return _Held(self._handling)


class _Held:
    """Keeps the current task alive, and seen, while it works."""

    def __init__(self, tasks: set[asyncio.Task[Any]]) -> None:
        self._tasks, self._task = tasks, asyncio.current_task()

    def __enter__(self) -> None:
        if self._task is not None:
            self._tasks.add(self._task)

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._tasks.discard(self._task)


async def _acknowledge(context: Context) -> None:
    try:
        await context.ack()
    except Exception as error:  # its connection is gone: it comes again, and changes nothing
        log.info("a message comes again", error=type(error).__name__)
