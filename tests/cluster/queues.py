"""Names of one's own on the machine's RabbitMQ: a prefix that nobody else has, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import aio_pika
from aio_pika.exceptions import AMQPError

from tests.services import missing

RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")
EXCHANGES = ("delegate", "delegate.dead", "delegate.cancel")


@contextmanager
def rabbit_prefix(workers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """A broker's URL, and a prefix for the names of its queues; those of `workers` are deleted in the end."""
    prefix = f"t{uuid.uuid4().hex[:8]}."
    try:
        asyncio.run(_delete((), ()))
    except (OSError, TimeoutError, AMQPError) as error:
        missing(f"No RabbitMQ at {RABBITMQ}: {error}")
    try:
        yield RABBITMQ, prefix
    finally:
        queues = ["bot.reports", "bot.dead", *(f"worker.{name}" for name in (*workers, "model"))]
        names = [[prefix + name for name in kind] for kind in (queues, EXCHANGES)]
        asyncio.run(_delete(*names))


async def _delete(queues: Iterable[str], exchanges: Iterable[str]) -> None:
    connection = await aio_pika.connect(RABBITMQ, timeout=5)
    async with connection:
        channel = await connection.channel()
        for queue in queues:
            await channel.queue_delete(queue)
        for exchange in exchanges:
            await channel.exchange_delete(exchange)
