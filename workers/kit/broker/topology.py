"""What there is in RabbitMQ: names, and how each thing is declared. Bots and workers declare the same, each
time they connect, so that a broker whose disk is gone is as good as new.

- `delegate` (direct): a task goes to the queue of its worker, a report to `bot.reports`.
- `worker.<name>`: one queue for each worker, and `worker.model` for bare model calls.
- `bot.reports`: results and progress, read by all bots.
- `control.<holder>…`: one of each worker process, gone with it. `Go` is sent to that queue alone, `Cancel`
  to all of them through `delegate.cancel` (fanout).
- `bot.dead`: what was delivered too often or refused, for an operator. It is bound to `delegate.dead` by
  headers, on the reason: what merely expired has been made anew since, and is dropped.

Only what may never change stands in the declarations, because RabbitMQ refuses a queue that is declared
differently. Lengths, times and limits are an operator's policies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractQueue
from pamqp.common import FieldTable

DELIVERIES = 5  # processes that may be lost with a message in hand before it is set aside


@dataclass(frozen=True)
class Topology:
    """`prefix` stands before every name: several houses may share one broker."""

    prefix: str = ""

    @property
    def exchange(self) -> str:
        return f"{self.prefix}delegate"

    @property
    def cancels(self) -> str:
        return f"{self.prefix}delegate.cancel"

    @property
    def dead_exchange(self) -> str:
        return f"{self.prefix}delegate.dead"

    @property
    def reports(self) -> str:
        return f"{self.prefix}bot.reports"

    @property
    def dead(self) -> str:
        return f"{self.prefix}bot.dead"

    def worker(self, name: str) -> str:
        return f"{self.prefix}worker.{name}"

    def control(self, holder: str) -> str:
        return f"{self.prefix}control.{holder}"

    @property
    def arguments(self) -> FieldTable:
        """Of each queue whose messages must not get lost."""
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERIES,
            "x-dead-letter-exchange": self.dead_exchange,
        }

    async def declare_exchanges(self, channel: AbstractChannel) -> None:
        await channel.declare_exchange(self.exchange, ExchangeType.DIRECT, durable=True)
        await channel.declare_exchange(self.cancels, ExchangeType.FANOUT, durable=True)
        await channel.declare_exchange(self.dead_exchange, ExchangeType.HEADERS, durable=True)

    async def declare_queues(self, channel: AbstractChannel, names: Iterable[str]) -> list[AbstractQueue]:
        """These, bound by their names, and where dead letters go."""
        dead = await channel.declare_queue(self.dead, durable=True, arguments={"x-queue-type": "quorum"})
        for reason in ("delivery_limit", "rejected"):
            match: FieldTable = {"x-match": "any-with-x", "x-first-death-reason": reason}
            await dead.bind(self.dead_exchange, routing_key=reason, arguments=match)
        queues = []
        for name in names:
            queue = await channel.declare_queue(name, durable=True, arguments=self.arguments)
            await queue.bind(self.exchange, routing_key=name)
            queues.append(queue)
        return queues

    async def declare_control(self, channel: AbstractChannel, name: str) -> AbstractQueue:
        queue = await channel.declare_queue(name, exclusive=True, auto_delete=True)
        await queue.bind(self.cancels)
        return queue
