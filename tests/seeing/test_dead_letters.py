"""What was set aside: looked at, sent again, dropped. At a real RabbitMQ, with names of one's own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from bot.dead_letters import DeadLetters, Said, asked, dead_letters
from bot.ports import CannotStart
from tests.cluster.queues import RABBITMQ, rabbit_prefix
from workers import Result
from workers.kit import events
from workers.kit.broker.topology import Topology
from workers.kit.wire import Finished, TaskMessage

ROOT = Path(__file__).parents[2]
SECRET = "the salaries of the board"


@pytest.fixture
def names() -> Iterator[Topology]:
    with rabbit_prefix(["writer"]) as (_, prefix):
        yield Topology(prefix)


@pytest.fixture
async def channel(names: Topology) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(RABBITMQ) as connection:
        channel = await connection.channel()
        await names.declare_exchanges(channel)
        await names.declare_queues(channel, [names.worker("writer"), names.reports])
        yield channel


def a_task(step: str) -> bytes:
    task = TaskMessage(workspace="T1", run="r1", step=step, attempt=2, worker="writer", request=SECRET)
    return events.dumps(task, source="/delegate/bot", id=f"e-{step}", time=datetime.now(UTC))


async def refuse(channel: AbstractChannel, queue: str, *bodies: bytes, **more: object) -> None:
    """Whoever takes them refuses them, so the broker sets them aside."""
    there = await channel.get_queue(queue)
    for body in bodies:
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **more)  # type: ignore[arg-type]
        await channel.default_exchange.publish(message, queue)
        taken = await there.get(timeout=5)
        assert taken
        await taken.reject(requeue=False)


@asynccontextmanager
async def operator(names: Topology, there: int) -> AsyncIterator[DeadLetters]:
    """Looks again until as many are there as must come: the broker sets aside in its own time."""
    while True:
        async with dead_letters(RABBITMQ, names.prefix) as letters:
            if len(await letters.read()) == there:
                break
    async with dead_letters(RABBITMQ, names.prefix) as letters:
        yield letters


async def test_the_list_says_when_where_why_and_of_what_and_never_what_is_in_it(
    names: Topology, channel: AbstractChannel
) -> None:
    await refuse(channel, names.worker("writer"), a_task("draft"))
    async with operator(names, 1) as letters:
        said = await asked(letters, (), ())
    line = said.lines[0]
    assert f"  {names.worker('writer')}  delegate.task for writer, r1/draft/2, " in line
    assert line.endswith(": refused by whoever took it") and f"{datetime.now(UTC):%Y-%m-%dT}" in line
    assert SECRET not in "\n".join(said.lines)


async def test_what_nobody_could_read_says_why_it_was_set_aside(
    names: Topology, channel: AbstractChannel
) -> None:
    headers = {"why": "It is no CloudEvent.", "queue": names.reports}
    noise = aio_pika.Message(SECRET.encode(), headers=headers)  # type: ignore[arg-type]
    await channel.default_exchange.publish(noise, names.dead)
    async with operator(names, 1) as letters:
        said = await asked(letters, (), ())
    assert f"{names.reports}  unreadable, {len(SECRET)} bytes: It is no CloudEvent." in said.lines[0]
    assert SECRET not in "\n".join(said.lines)


async def test_looking_at_them_often_changes_neither_number_nor_order(
    names: Topology, channel: AbstractChannel
) -> None:
    steps = [f"s{n}" for n in range(5)]
    await refuse(channel, names.worker("writer"), *map(a_task, steps))
    async with operator(names, 5) as letters:
        first = [letter.about for letter in await letters.read()]
    for _ in range(8):  # more than a message may be delivered in other queues
        async with operator(names, 5) as letters:
            assert [letter.about for letter in await letters.read()] == first
    assert first == [f"r1/{step}/2" for step in steps]


async def test_one_that_is_sent_again_is_back_in_its_queue_as_it_was_and_the_others_stay(
    names: Topology, channel: AbstractChannel
) -> None:
    done = Finished(workspace="T1", run="r1", step="draft", attempt=2, result=Result(text=SECRET))
    report = events.dumps(done, source="/delegate/w", id="e1", time=datetime.now(UTC))
    await refuse(channel, names.worker("writer"), a_task("one"))
    await refuse(channel, names.reports, report, message_id="e1", content_type=events.CONTENT_TYPE)
    async with operator(names, 2) as letters:
        found = {letter.queue: letter.id for letter in await letters.read()}
    async with operator(names, 2) as letters:
        said = await asked(letters, [found[names.reports], "0123456789"], ())
    assert said.lines == ["Sent again: 1.", "0123456789 is not among what was set aside."] and not said.fine
    back = await (await channel.get_queue(names.reports)).get(timeout=5)
    assert back and back.body == report
    assert (back.message_id, back.content_type) == ("e1", events.CONTENT_TYPE)
    assert not back.headers.get("x-death")
    await back.ack()
    async with operator(names, 1) as letters:
        assert [letter.about for letter in await letters.read()] == ["r1/one/2"]


async def test_one_whose_queue_is_gone_stays(names: Topology, channel: AbstractChannel) -> None:
    await refuse(channel, names.worker("writer"), a_task("one"))
    await channel.queue_delete(names.worker("writer"))
    async with operator(names, 1) as letters:
        said = await asked(letters, ["all"], ())
    assert said.lines[0] == "Sent again: 0." and "any more" in said.lines[1] and not said.fine
    async with operator(names, 1) as letters:
        assert len(await letters.read()) == 1


async def test_what_is_dropped_is_gone(names: Topology, channel: AbstractChannel) -> None:
    await refuse(channel, names.worker("writer"), a_task("one"), a_task("two"))
    async with operator(names, 2) as letters:
        assert await asked(letters, (), ["all"]) == Said(["Dropped: 2."])
    async with operator(names, 0) as letters:
        assert (await asked(letters, (), ())).lines == ["Nothing was set aside."]


async def test_a_broker_that_is_not_there_or_was_never_used_is_a_sentence(names: Topology) -> None:
    for url, sentence in (
        ("", "BROKER_URL is not set"),
        ("amqp://guest:guest@127.0.0.1:9/", "Look at BROKER_URL"),
        (RABBITMQ, f"no queue {names.dead} in this broker"),
    ):
        with pytest.raises(CannotStart, match=sentence):
            async with dead_letters(url, names.prefix):
                pass


async def test_the_command_lists_them_and_ends_well(names: Topology, channel: AbstractChannel) -> None:
    await refuse(channel, names.worker("writer"), a_task("one"))
    async with operator(names, 1):
        pass
    told = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "dead-letters"),
        env=os.environ | {"BROKER_URL": RABBITMQ, "BROKER_PREFIX": names.prefix},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await told.communicate()
    assert told.returncode == 0 and b"for writer, r1/one/2" in said
