"""Somebody asks in Slack, a step is done in Node, and its result stands in the thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cluster.queues import RABBITMQ
from tests.conversations.world import a_world, steps
from tests.wire.node import counter
from workers import Task, Worker
from workers.kit.files import FileStore
from workers.kit.model import Model
from workers.kit.service import Service
from workers.kit.transport import TaskTransport

DECLARED = """
[counter]
about = "Counts the words of earlier results."
emoji = ":abacus:"
"""


async def draft(task: Task) -> str:
    return "We are moving on Monday"


@asynccontextmanager
async def worker_service(
    workers: Mapping[str, Worker], model: Model, prefix: str, folder: Path
) -> AsyncIterator[None]:
    transport = TaskTransport(RABBITMQ, prefix=prefix, holder="service")
    service = Service(
        workers,
        lambda _: model,
        transport.report,
        FileStore(folder),
        holder=transport.holder,
        reply_to=transport.reply_to,
    )
    transport.listen(service)
    await transport.start()
    try:
        yield
    finally:
        await transport.stop(1)


async def test_a_step_of_a_plan_is_done_by_a_worker_in_another_language(
    installed: Path, own_queues: str, tmp_path: Path
) -> None:
    (tmp_path / "workers.toml").write_text(DECLARED)
    writer = {"writer": Worker("writer", "Writes.", draft)}
    there = {
        "broker_url": RABBITMQ,
        "broker_prefix": own_queues,
        "workers_file": tmp_path / "workers.toml",
    }
    async with (
        a_world(tmp_path) as world,
        worker_service(writer, Model("hosted_vllm/stub", world.stub.url, "key"), own_queues, tmp_path),
        world.bot(writer, **there),
        counter(installed, own_queues),
    ):
        world.stub.on(
            "how long",
            plan=steps(("draft", "writer", "Write it"), ("count", "counter", "Count it", ["draft"])),
        )
        await world.slack.command("/delegate", "workers enable counter", by="ada")
        await world.slack.until(lambda: world.slack.ephemerals("ada"))
        ts = await world.says("@delegate how long is the note about our move?")
        await world.sees(ts, "We are moving on Monday", "5 words", within=40)  # litellm is imported
