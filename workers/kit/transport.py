"""Carries tasks to workers and their reports back. This is the only switch between engines: no address is one
process, `amqp://…` is RabbitMQ between as many as there are.

A message is a hint: the database knows what is to be done, so a lost one costs time and a repeated one is
refused by the attempt number. Not known here: what a task means, leases, runs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from workers.kit.broker.down import BrokerRefused, TransportDown
from workers.kit.broker.ends import Ends, OnReport
from workers.kit.broker.in_process import InProcess
from workers.kit.service import Service
from workers.kit.wire import Report, TaskMessage

__all__ = ["BrokerRefused", "TaskTransport", "TransportDown"]

log = structlog.get_logger(__name__)


class Engine(Protocol):
    @property
    def reply_to(self) -> str: ...
    @property
    def connected(self) -> bool: ...
    async def start(self) -> None: ...
    async def stop(self, seconds: float) -> None: ...
    async def send(self, task: TaskMessage) -> None: ...
    async def cancel(self, workspace: str, run_id: str) -> None: ...
    async def report(self, report: Report) -> bool: ...
    async def pending(self) -> dict[str, int]: ...


class TaskTransport:
    """`listen` and `deliver` name the two ends that are in this process, before `start`.

    `prefix` stands before the names of all queues; `holder` names this process; `workers` are those it sends
    to. `task_seconds`: a task that nobody took for so long is of no use any more; a heartbeat after half of
    it. `transient`: what `on_report` may raise that passes by itself (the database is away): the report is
    offered again until it is taken. `on_broken` is told of what nobody can read.
    """

    def __init__(
        self,
        url: str = "",
        *,
        prefix: str = "",
        holder: str = "",
        workers: Iterable[str] = (),
        concurrency: int = 64,
        task_seconds: float = 40.0,
        transient: tuple[type[Exception], ...] = (),
        on_broken: Callable[[str], None] = log.critical,
    ) -> None:
        self.holder = holder or uuid.uuid4().hex[:12]
        self._ends = Ends(transient)
        if not url:
            self._engine: Engine = InProcess(self._ends, on_broken)
            return
        if (scheme := urlsplit(url).scheme) not in ("amqp", "amqps"):
            raise BrokerRefused(
                f"BROKER_URL begins with “{scheme}:”; the broker that is supported is RabbitMQ, as amqp://…"
            )
        from workers.kit.broker.over_rabbit import OverRabbit
        from workers.kit.broker.topology import Topology

        self._engine = OverRabbit(
            url,
            self._ends,
            topology=Topology(prefix),
            holder=self.holder,
            workers=workers,
            concurrency=concurrency,
            task_seconds=task_seconds,
            on_broken=on_broken,
        )

    def listen(self, service: Service) -> None:
        """Tasks are run by this service."""
        self._ends.service = service

    def deliver(self, on_report: OnReport) -> None:
        """Reports go to this function."""
        self._ends.on_report = on_report

    async def start(self) -> None:
        """A broker that is away is tried again in the background. Raises `BrokerRefused` where an operator
        has to do something."""
        await self._engine.start()

    async def stop(self, seconds: float = 8.0) -> None:
        """Gives running tasks this long, and then hands them back."""
        await self._engine.stop(seconds)

    async def send(self, task: TaskMessage) -> None:
        """Returns when it is in the queue. Raises `TransportDown` when it is not, or may not be."""
        await self._engine.send(task)

    async def cancel(self, workspace: str, run_id: str) -> None:
        """Tells workers that nobody waits for this run; best effort."""
        await self._engine.cancel(workspace, run_id)

    async def report(self, report: Report) -> bool:
        """From a service. In one process: what the bot says (False: what was started may not begin). With a
        broker: True when the broker has it, which is waited for; heartbeats and lines of progress raise
        `TransportDown` instead."""
        return await self._engine.report(report)

    @property
    def reply_to(self) -> str:
        """Where this process is answered; empty where `report` answers itself."""
        return self._engine.reply_to

    @property
    def connected(self) -> bool:
        return self._engine.connected

    @property
    def lag(self) -> float:
        """How many seconds ago the oldest report was sent that is being handled; 0 when there is none."""
        return self._ends.lag

    async def pending(self) -> dict[str, int]:
        """Messages that wait, by queue. Raises `TransportDown`."""
        return await self._engine.pending()
