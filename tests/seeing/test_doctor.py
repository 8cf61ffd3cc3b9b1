"""The doctor looks at RabbitMQ: whether it answers, and whether somebody runs each worker."""

from __future__ import annotations

import asyncio
import secrets

import aio_pika
import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.doctor import broker
from bot.ports import CannotStart
from bot.settings import Settings
from bot.slack.bolt import who_am_i
from tests.cluster.queues import RABBITMQ
from tests.services import missing
from workers.kit.broker.topology import Topology


async def _nothing(_: object) -> None:
    pass


async def test_workers_that_nobody_runs_are_named_until_somebody_does() -> None:
    settings = Settings(_env_file=None, broker_url=RABBITMQ, broker_prefix=f"doctor{secrets.token_hex(3)}.")
    try:
        connection = await aio_pika.connect(RABBITMQ, timeout=5)
    except OSError as error:
        missing(f"No RabbitMQ at {RABBITMQ}: {error}")
    async with connection, connection.channel() as channel:
        nobody = await broker(settings, ["model", "writer"])
        assert not nobody.ok and "Nobody runs model, writer" in nobody.sentence
        names = Topology(settings.broker_prefix)
        await names.declare_exchanges(channel)
        model, writer = await names.declare_queues(channel, [names.worker("model"), names.worker("writer")])
        await model.consume(_nothing)
        half = await broker(settings, ["model", "writer"])
        assert not half.ok and "Nobody runs writer:" in half.sentence
        await writer.consume(_nothing)
        assert (await broker(settings, ["model", "writer"])).ok
        for queue in (names.worker("model"), names.worker("writer"), names.dead):
            await channel.queue_delete(queue)
        for exchange in (names.exchange, names.cancels, names.dead_exchange):
            await channel.exchange_delete(exchange)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("amqp://guest:wrong@127.0.0.1:5672/", "password"),
        ("amqp://guest:guest@127.0.0.1:9/", "does not answer"),
    ],
)
async def test_a_broker_that_cannot_be_used_is_a_sentence(url: str, says: str) -> None:
    finding = await broker(Settings(_env_file=None, broker_url=url), ["model"])
    assert not finding.ok and finding.sentence.endswith("Look at BROKER_URL.")
    assert says in finding.sentence


async def test_a_slack_that_hangs_up_is_a_sentence() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/"
    async with server, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token="xoxb-1", base_url=url, session=session, retry_handlers=[])
        with pytest.raises(CannotStart, match=r"Slack cannot be reached at .*: \S.*\."):
            await who_am_i(client)
