"""What RabbitMQ brings: given to the service or to the bot, acknowledged, answered, or set aside.

- A task is acknowledged when it begins. Before, a lost process costs nothing: the broker hands the message to
  the next. After, its lease is the one owner of lost work: who lost its connection may still be at it, and a
  time limit of the broker's has nothing to do with a task's.
- A report is acknowledged when it was handled, so a bot that dies hands it to the next. Reports of one
  attempt may be handled in any order, and twice.
- What can't be read, or can't be handled for a reason that does not pass, is set aside for an operator.

taskiq acknowledges nothing here by itself, and nothing raises into it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import structlog
from pydantic import TypeAdapter
from taskiq import Context, TaskiqDepends

from workers.kit import events
from workers.kit.broker.down import TransportDown
from workers.kit.broker.ends import Ends, NotTaken
from workers.kit.broker.rabbit import RabbitBroker
from workers.kit.broker.topology import Topology
from workers.kit.ending import what
from workers.kit.wire import Cancel, Go, Report, Started, TaskMessage, address_of

log = structlog.get_logger(__name__)
REPORT: TypeAdapter[Report] = TypeAdapter(Report)

Written = Callable[[events.Message], tuple[bytes, str]]  # the message's bytes and its id


class Arrivals:
    def __init__(
        self, ends: Ends, topology: Topology, written: Written, on_broken: Callable[[str], None]
    ) -> None:
        self._ends, self._topology, self._written, self._on_broken = ends, topology, written, on_broken
        self.handling: set[asyncio.Task[Any]] = set()  # taskiq forgets them when a connection is lost
        self.stopped = False  # tasks that come now are left to other processes

    def tasks_at(self, broker: RabbitBroker) -> None:
        async def received(body: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            if self.stopped or self._ends.service is None:
                return
            with self._handling():
                await self._ends.service.run(TaskMessage.model_validate_json(body), context.ack)

        self._register(broker, received, events.TASK)

    def reports_at(self, broker: RabbitBroker) -> None:
        async def received(body: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            if self._ends.closing:
                return
            with self._handling():
                sent = float(context.message.labels["time"])
                if await self._handled(REPORT.validate_json(body), sent, broker):
                    await _acknowledge(context)

        self._register(broker, received, events.REPORT)

    def _register(self, broker: RabbitBroker, function: Any, name: str) -> None:
        async def unreadable(body: str, why: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            self._on_broken(f"A message could not be read and was set aside: {why}")
            if await self._set_aside(broker, body.encode(), why):
                await _acknowledge(context)

        broker.register_task(function, name)
        broker.register_task(unreadable, events.UNREADABLE)

    async def control(self, body: bytes) -> None:
        """What came to this process alone, or to all of them."""
        service = self._ends.service
        try:
            message = events.loads(body).data
        except events.Unreadable as error:
            self._on_broken(f"A message could not be read and was thrown away: {error}")
            return
        if service is not None and isinstance(message, Go):
            service.went(message)
        elif service is not None and isinstance(message, Cancel):
            service.cancel(message.workspace, message.run)

    async def _handled(self, report: Report, sent: float, broker: RabbitBroker) -> bool:
        """Whether it need not come again."""
        try:
            may_begin = await self._ends.take(report, sent)
        except NotTaken:
            return False
        except Exception as error:
            log.error("a report was set aside", kind=report.kind, run=report.run, **what(error))
            body, _ = self._written(report)
            return await self._set_aside(broker, body, f"It could not be handled ({type(error).__name__}).")
        if isinstance(report, Started) and report.reply_to:
            await self._answer(broker, report, granted=may_begin)
        return True

    async def _answer(self, broker: RabbitBroker, to: Started, *, granted: bool) -> None:
        go = Go(**address_of(to), granted=granted)
        body, id = self._written(go)
        try:
            await broker.tell(body, to.reply_to, id=id)
        except TransportDown:
            log.warning("a worker was not answered; it asks again", run=to.run)

    async def _set_aside(self, broker: RabbitBroker, body: bytes, why: str) -> bool:
        queue = broker.listens[0] if len(broker.listens) == 1 else ""
        try:
            await broker.publish(body, self._topology.dead, headers={"why": why, "queue": queue})
        except TransportDown:
            return False
        return True

    @contextmanager
    def _handling(self) -> Iterator[None]:
        """Keeps the current task alive, and seen, while it works."""
        task = asyncio.current_task()
        assert task is not None
        self.handling.add(task)
        try:
            yield
        finally:
            self.handling.discard(task)


async def _acknowledge(context: Context) -> None:
    try:
        await context.ack()
    except Exception as error:  # its connection is gone: it comes again, and changes nothing
        log.info("a message comes again", error=type(error).__name__)
