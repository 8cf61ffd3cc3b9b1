"""The broker itself is killed, and its disk is lost: both sides go on by themselves, with nobody's help."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kit.house import BotEnd, WorkerEnd, eventually, started, task
from tests.nodes.rabbit import RabbitNode, rabbit_node
from workers.kit.transport import TransportDown
from workers.kit.wire import Finished

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[RabbitNode]:
    async with rabbit_node(tmp_path / "node") as node:
        yield node


async def test_a_broker_that_was_killed_is_as_good_as_new(node: RabbitNode, tmp_path: Path) -> None:
    """Twice in a row, its disk lost the second time. Meanwhile tasks are not taken, and results wait in the
    processes that have them."""
    bot = BotEnd(node.url, task_seconds=60)
    worker = WorkerEnd(tmp_path / "files", node.url, concurrency=2)
    async with started(bot, worker):
        for n, disk in enumerate(("its disk is there", "its disk is lost")):
            await bot.transport.send(task(f"{n}a", instruction="wait"))
            await worker.has_begun(f"{n}a")
            await bot.until(lambda: bot.kinds(f"{n}a") == ["started"])  # noqa: B023 (awaited here)
            await node.settle()
            await node.kill()
            await eventually(lambda: not bot.transport.connected and not worker.transport.connected)
            with pytest.raises(TransportDown):
                await bot.transport.send(task(f"{n}b"))
            worker.gate.set()
            if disk == "its disk is lost":
                await node.wipe()
            await node.start()
            assert isinstance(await bot.ended(f"{n}a"), Finished)
            await eventually(lambda: bot.transport.connected)
            await bot.transport.send(task(f"{n}b"))
            assert isinstance(await bot.ended(f"{n}b"), Finished)
            worker.gate.clear()
    assert worker.begun == ["0a", "0b", "1a", "1b"]


async def test_what_waited_in_the_broker_is_there_when_its_disk_is(node: RabbitNode, tmp_path: Path) -> None:
    """A confirmed task survives the broker: nobody was there to take it."""
    bot = BotEnd(node.url, task_seconds=60)
    worker = WorkerEnd(tmp_path / "files", node.url)
    async with started(bot):
        await asyncio.gather(*(bot.transport.send(task(f"s{i}")) for i in range(20)))
        await node.settle()
        await node.kill()
        await node.start()
        async with started(worker):
            for i in range(20):
                assert isinstance(await bot.ended(f"s{i}"), Finished)
    assert sorted(worker.begun) == sorted(f"s{i}" for i in range(20))
