"""The worker in `examples/node-worker` does real steps: RabbitMQ, Node, and our messages between them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from tests.cluster.queues import RABBITMQ
from tests.wire.node import counter
from workers import Earlier, Result
from workers.kit.broker.topology import DELIVERIES, Topology
from workers.kit.events import CONTENT_TYPE, Message, dumps, loads
from workers.kit.wire import Failed, Finished, Go, Started, TaskMessage

WHERE: dict[str, Any] = {"workspace": "T1", "run": "r1", "attempt": 1}


class Bots:
    """The bots' end of the queues, with a pen and a pair of ears."""

    def __init__(self, channel: AbstractChannel, topology: Topology) -> None:
        self.channel, self.topology = channel, topology
        self.queue = topology.worker("counter")
        self.prefix = topology.prefix
        self._events: list[Any] = []
        self._more = asyncio.Condition()

    async def listen(self, message: AbstractIncomingMessage) -> None:
        async with self._more:
            self._events.append(loads(message.body))
            self._more.notify_all()

    async def send(self, message: Message, queue: str) -> None:
        await self.publish(
            dumps(message, source="/bots/b1", id=uuid.uuid4().hex, time=datetime.now(UTC)), queue
        )

    async def publish(self, body: bytes, queue: str) -> None:
        message = aio_pika.Message(body, content_type=CONTENT_TYPE)
        await self.channel.default_exchange.publish(message, queue)

    async def heard(self, kind: type[Any], step: str) -> Any:
        """The newest report of this kind on this step, once there is one."""

        def of_this_kind() -> list[Any]:
            return [e.data for e in self._events if isinstance(e.data, kind) and e.data.step == step]

        async with asyncio.timeout(20), self._more:
            await self._more.wait_for(of_this_kind)
            return of_this_kind()[-1]

    def kinds(self, step: str) -> list[str]:
        """What was reported on this step so far, but that it is alive."""
        return [e.data.kind for e in self._events if e.data.step == step and e.data.kind != "beat"]


@pytest.fixture
async def bots(own_queues: str) -> AsyncIterator[Bots]:
    topology = Topology(own_queues)
    connection = await aio_pika.connect(RABBITMQ, timeout=5)
    async with connection:
        channel = await connection.channel()
        await topology.declare_exchanges(channel)
        _, reports = await topology.declare_queues(channel, [topology.worker("counter"), topology.reports])
        bots = Bots(channel, topology)
        tag = await reports.consume(bots.listen, no_ack=True)
        yield bots
        await reports.cancel(tag)


def task(step: str, **more: Any) -> TaskMessage:
    return TaskMessage(**WHERE, step=step, worker="counter", **({"request": "Count these four words"} | more))


async def test_a_worker_in_another_language_takes_a_task_and_answers(installed: Path, bots: Bots) -> None:
    earlier = Earlier(
        step="s1", title="Draft", worker="writer", result=Result(text="Zwölf Boxkämpfer jagen.")
    )
    async with counter(installed, bots.prefix):
        await bots.send(task("s1"), bots.queue)
        await bots.send(task("s2", results=(earlier,)), bots.queue)
        assert (await bots.heard(Finished, "s1")).result.text == "4 words"
        assert (await bots.heard(Finished, "s2")).result.text == "3 words"
    assert bots.kinds("s1") == bots.kinds("s2") == ["started", "finished"]


async def test_with_effects_outside_it_begins_when_it_is_told_that_it_may(
    installed: Path, bots: Bots
) -> None:
    async with counter(installed, bots.prefix):
        for step, granted in (("s1", False), ("s2", True)):
            await bots.send(task(step, external=True), bots.queue)
            started = await bots.heard(Started, step)
            assert started.holder
            await bots.send(Go(**WHERE, step=step, granted=granted), started.reply_to)
        await bots.heard(Finished, "s2")
    assert bots.kinds("s1") == ["started"]
    assert bots.kinds("s2") == ["started", "finished"]


async def test_a_task_that_began_is_not_handed_to_a_second_process(installed: Path, bots: Bots) -> None:
    """What becomes of it then is the lease's part."""
    async with counter(installed, bots.prefix) as first:
        await bots.send(task("s1", external=True), bots.queue)
        await bots.heard(Started, "s1")
        await bots.send(task("s2"), bots.queue)
        await bots.heard(Finished, "s2")  # one later, so that the acknowledgement of the first has arrived
        first.kill()
    async with counter(installed, bots.prefix):
        await bots.send(task("s3"), bots.queue)
        await bots.heard(Finished, "s3")
    assert bots.kinds("s1") == ["started"]


async def test_work_that_fails_is_a_sentence_for_the_thread(installed: Path, bots: Bots) -> None:
    event = json.loads(dumps(task("s1"), source="/bots/b1", id="m1", time=datetime.now(UTC)))
    event["data"]["results"] = [{"step": "s0"}]  # no result in it
    async with counter(installed, bots.prefix):
        await bots.publish(json.dumps(event).encode(), bots.queue)
        assert (await bots.heard(Failed, "s1")).error.startswith("Counting went wrong")


async def test_a_message_that_it_stumbles_over_is_set_aside_and_the_next_is_done(
    installed: Path, bots: Bots
) -> None:
    """It ends, as an exception in Node does; whoever supervises it starts it again."""
    await bots.publish(b"{", bots.queue)
    await bots.send(task("s1"), bots.queue)
    finished = asyncio.create_task(bots.heard(Finished, "s1"))
    ends = 0
    while not finished.done():
        async with counter(installed, bots.prefix, ready=False) as process:
            ended = asyncio.create_task(process.wait())
            await asyncio.wait({finished, ended}, return_when=asyncio.FIRST_COMPLETED)
            ends += 1
    await finished
    dead = await bots.channel.get_queue(bots.topology.dead)
    letter = await dead.get(no_ack=True)
    assert letter.body == b"{"
    assert ends > DELIVERIES
