"""The transport between processes, over RabbitMQ: who sends what where, and who listens to which queue.

A task nobody took expires before its dispatch lease does. A heartbeat and a line of progress are of no use
after one lease. What an attempt came to never expires.

Not known here: what becomes of what arrives (`workers.kit.broker.arrivals`), leases, runs, what a task means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import structlog
from taskiq import BrokerMessage

from workers import WorkerError
from workers.kit import events
from workers.kit.broker.arrivals import Arrivals
from workers.kit.broker.down import TransportDown
from workers.kit.broker.ends import Ends
from workers.kit.broker.link import Link
from workers.kit.broker.rabbit import EXPIRES, QUEUE, RabbitBroker
from workers.kit.broker.topology import Topology
from workers.kit.service import Service
from workers.kit.wire import MODEL, Beat, Cancel, Report, Said, Started, TaskMessage

log = structlog.get_logger(__name__)
REPORTS_AT_ONCE = 64
TASKS_AHEAD = 1  # of each worker: what waits for a place here can't be taken by an idle process
BIGGEST = 12_000_000  # bytes of a task: RabbitMQ 4 ends the connection of whoever sends more than 16 MiB
HANDLING_SECONDS = 3.0  # for reports in hand, when this process ends
AGAIN_SECONDS, LONGEST_PAUSE = 0.5, 5.0  # between attempts to publish a report


@dataclass(frozen=True, slots=True)
class Side:
    """A bot's or a worker's."""

    broker: RabbitBroker
    link: Link


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
        self._workers = tuple(dict.fromkeys((*workers, MODEL)))
        self._concurrency, self._task_seconds = concurrency, task_seconds
        self._arrivals = Arrivals(ends, topology, self._written, on_broken)
        self._ids = count(1)
        self._bot: Side | None = None
        self._worker: Side | None = None

    @property
    def reply_to(self) -> str:
        """The control queue of this process. Its name changes with each connection, so a `Started` that asks
        is given the newest on its way out."""
        return (self._worker.broker.control if self._worker else "") or self._topology.control(self._holder)

    @property
    def connected(self) -> bool:
        sides = self._sides()
        return bool(sides) and all(side.link.connected.is_set() for side in sides)

    def _sides(self) -> list[Side]:
        return [side for side in (self._worker, self._bot) if side is not None]

    async def start(self) -> None:
        if self._ends.service is not None:
            self._worker = self._worker_side(self._ends.service)
        if self._ends.on_report is not None or self._ends.service is None:
            self._bot = self._bot_side()
        for side in self._sides():
            await side.link.start()

    def _worker_side(self, service: Service) -> Side:
        own = [self._topology.worker(name) for name in dict.fromkeys((*service.workers, MODEL))]
        broker = RabbitBroker(
            self._url,
            self._topology,
            who=self._holder,
            declares=[self._topology.reports],
            listens=own,
            prefetch=TASKS_AHEAD,
            on_control=self._arrivals.control,
        ).with_formatter(events.CloudEvents(takes=("delegate.task",)))
        self._arrivals.tasks_at(broker)
        return Side(broker, Link(broker, tasks=self._concurrency + TASKS_AHEAD * len(own)))

    def _bot_side(self) -> Side:
        """Declares the workers' queues too: a task may go out before its worker has ever been there."""
        broker = RabbitBroker(
            self._url,
            self._topology,
            who=self._holder,
            declares=[self._topology.worker(name) for name in self._workers] + [self._topology.reports],
            listens=[self._topology.reports] if self._ends.on_report is not None else [],
            prefetch=REPORTS_AT_ONCE,
        ).with_formatter(events.CloudEvents(takes=("delegate.report",)))
        self._arrivals.reports_at(broker)
        return Side(broker, Link(broker, tasks=REPORTS_AT_ONCE))

    async def stop(self, seconds: float) -> None:
        self._arrivals.stopped = True
        if self._worker is not None:
            await self._worker.link.finish()
            await self._worker.broker.stop_listening()
        if self._ends.service is not None:
            await self._ends.service.drain(seconds)
        self._ends.closing = True
        if self._bot is not None:
            await self._bot.link.finish()
        if self._arrivals.handling:
            await asyncio.wait(self._arrivals.handling, timeout=HANDLING_SECONDS)
        for side in self._sides():
            await side.link.stop()

    async def send(self, task: TaskMessage) -> None:
        broker, queue = _of(self._bot).broker, self._topology.worker(task.worker)
        written = self._written(task)
        if len(written[0]) > BIGGEST:
            most = BIGGEST // 1_000_000
            raise WorkerError(f"What this step needs is more than the {most} MB that can be handed over.")
        await self._publish(broker, written, queue, self._task_seconds)

    async def cancel(self, workspace: str, run_id: str) -> None:
        body, id = self._written(Cancel(workspace=workspace, run=run_id))
        try:
            await _of(self._bot).broker.tell(body, exchange=self._topology.cancels, id=id)
        except TransportDown:
            log.warning("workers were not told that nobody waits", run=run_id)

    async def report(self, report: Report) -> bool:
        """Waits until the broker has it. Raises `TransportDown` for what the next one says as well, and when
        this process ends."""
        side, pause = _of(self._worker or self._bot), AGAIN_SECONDS
        passing = isinstance(report, Beat | Said)
        expires = self._task_seconds / 2 if passing else None
        written, asks = self._written(report), isinstance(report, Started) and report.reply_to
        while True:
            if asks:
                written = self._written(report.model_copy(update={"reply_to": self.reply_to}))
            try:
                await self._publish(side.broker, written, self._topology.reports, expires)
                return True
            except TransportDown:
                if passing or (self._arrivals.stopped and not self.connected):
                    raise
            await asyncio.sleep(pause)  # a broker that is short of memory takes all copies in the end
            pause = min(pause * 2, LONGEST_PAUSE) if self.connected else AGAIN_SECONDS

    async def pending(self) -> dict[str, int]:
        names = self._topology
        queues = {f"worker.{name}": names.worker(name) for name in self._workers}
        queues |= {"bot.reports": names.reports, "bot.dead": names.dead}
        found = await _of(self._bot or self._worker).broker.waiting(queues.values())
        return {name: found[queue] for name, queue in queues.items()}

    def _written(self, model: events.Message) -> tuple[bytes, str]:
        id = f"{self._holder}-{next(self._ids)}"
        return events.dumps(model, source=f"/delegate/{self._holder}", id=id, time=datetime.now(UTC)), id

    async def _publish(
        self, broker: RabbitBroker, written: tuple[bytes, str], queue: str, expires: float | None
    ) -> None:
        body, id = written
        labels = {QUEUE: queue, EXPIRES: expires}
        await broker.kick(BrokerMessage(task_id=id, task_name="", message=body, labels=labels))


def _of(side: Side | None) -> Side:
    if side is None:
        raise TransportDown("It was not started, or has no such end here.")
    return side
