"""A worker service as a process of its own, at a real RabbitMQ: what it needs, what it tells, how it ends."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aio_pika
import pytest

from tests.cluster.queues import rabbit_prefix
from tests.kit.shop import message
from tests.stub_model import StubModel
from tests.workers.process import BotEnd, Process, bot_end
from workers.kit.wire import Call

NOBODY = "amqp://guest:guest@127.0.0.1:9/"


@pytest.fixture
def rabbit() -> Iterator[tuple[str, str]]:
    with rabbit_prefix(["clerk"]) as names:
        yield names


@pytest.fixture
async def bot(rabbit: tuple[str, str]) -> AsyncIterator[BotEnd]:
    async with bot_end(*rabbit) as bot:
        yield bot


@pytest.fixture
async def processes() -> AsyncIterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        await process.close()


async def test_it_needs_a_broker_and_a_model_and_nothing_of_the_bot(
    rabbit: tuple[str, str], bot: BotEnd, processes: list[Process], tmp_path: Path
) -> None:
    url, prefix = rabbit
    async with StubModel() as stub:
        stub.reply("I am.")
        stub.reply("A plan.")
        process = Process(tmp_path, broker_url=url, broker_prefix=prefix, model_api_base=stub.url)
        processes.append(process)
        await process.start("--only", "clerk")
        assert (await process.get("/healthz"))[0] == 200
        await process.ready()
        assert (await process.get("/readyz"))[0] == 200

        await bot.transport.send(message(instruction="imports"))
        assert (await bot.hears("s1", "finished")).result.text == "imported: []"
        assert bot.kinds("s1") == ["started", "finished"]

        await bot.transport.send(message(step="s2", instruction="asks"))
        finished = await bot.hears("s2", "finished")
        assert (finished.result.text, finished.usage.calls) == ("I am.", 1)

        call = Call(messages=({"role": "user", "content": "Plan."},))
        await bot.transport.send(message(step="~plan", worker="model", call=call))
        assert (await bot.hears("~plan", "finished")).result.text == "A plan."

        bot.refused = {"s3"}
        for step in ("s3", "s4"):
            await bot.transport.send(message(step=step, instruction="imports", external=True))
        await bot.hears("s4", "finished")
        asked = await bot.hears("s3", "started")
        assert asked.holder and asked.reply_to.startswith(f"{prefix}control.")
        assert bot.kinds("s3") == ["started"], "the bot did not let it begin"

        status, numbers = await process.get("/metrics")
        assert status == 200
        assert 'delegate_tasks_started_total{worker="clerk"}' in numbers
        assert await queues(url, prefix) == {"worker.clerk": 1, "worker.model": 1}
        process.signal()
        assert await process.ended() == 0, process.log()


async def queues(url: str, prefix: str) -> dict[str, int]:
    """The queues of workers there are, with how many read them."""
    found = {}
    connection = await aio_pika.connect(url)
    async with connection:
        for name in ("worker.clerk", "worker.model", "worker.analyst"):
            channel = await connection.channel()  # asking for one that is not there ends it
            try:
                queue = await channel.declare_queue(prefix + name, passive=True)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                continue
            found[name] = queue.declaration_result.consumer_count or 0
    return found


async def test_told_to_end_it_finishes_what_it_can_and_hands_back_the_rest(
    rabbit: tuple[str, str], bot: BotEnd, processes: list[Process], tmp_path: Path
) -> None:
    url, prefix = rabbit
    process = Process(tmp_path, broker_url=url, broker_prefix=prefix, drain_seconds=2)
    processes.append(process)
    await process.start("--concurrency", "2")
    await process.ready()
    for step in ("short", "long", "waiting"):
        await bot.transport.send(message(step=step, instruction=f"waits {tmp_path / step}"))
    await process.until(lambda: all((tmp_path / f"{step}.began").exists() for step in ("short", "long")))
    process.signal()
    await process.until(lambda: " ending " in process.log())
    assert (await process.get("/healthz"))[0] == 200
    (tmp_path / "short").touch()
    await bot.hears("short", "finished")
    await bot.hears("long", "released")
    assert await process.ended() == 0, process.log()
    assert bot.kinds("waiting") in ([], ["released"]), "back at the broker, or handed back; never begun"
    assert not (tmp_path / "waiting.began").exists()


async def test_told_twice_it_is_gone_at_once(
    rabbit: tuple[str, str], bot: BotEnd, processes: list[Process], tmp_path: Path
) -> None:
    url, prefix = rabbit
    process = Process(tmp_path, broker_url=url, broker_prefix=prefix, drain_seconds=3600)
    processes.append(process)
    await process.start()
    await process.ready()
    await bot.transport.send(message(instruction=f"waits {tmp_path / 'for ever'}"))
    await process.until((tmp_path / "for ever.began").exists)
    async with asyncio.timeout(20):
        while not process.over:
            process.signal()
            await asyncio.sleep(0.1)
    assert await process.ended() == 1


async def test_while_the_broker_is_away_it_is_alive_and_not_ready(
    processes: list[Process], tmp_path: Path
) -> None:
    process = Process(tmp_path, broker_url=NOBODY)
    processes.append(process)
    await process.start()
    await process.until(lambda: "the broker is away" in process.log())
    await process.ready()
    assert (await process.get("/healthz"))[0] == 200
    status, told = await process.get("/readyz")
    assert status == 503
    assert "The broker cannot be reached." in told
    process.signal()
    assert await process.ended() == 0, process.log()


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        ((), {}, "BROKER_URL is not set. Without a broker the bot runs its workers itself."),
        (
            ("--only", "clark"),
            {"broker_url": NOBODY},
            "There is no worker named “clark” here. Did you mean clerk?",
        ),
        ((), {"broker_url": "kafka://here"}, "BROKER_URL begins with “kafka:”"),
        ((), {"broker_url": NOBODY, "model": "nonsense"}, "No provider is known for the model 'nonsense'"),
        ((), {"concurrency": "none"}, "The settings cannot be used."),
    ],
)
async def test_what_an_operator_can_mend_is_one_sentence(
    processes: list[Process],
    tmp_path: Path,
    arguments: tuple[str, ...],
    settings: dict[str, str],
    sentence: str,
) -> None:
    process = Process(tmp_path, **settings)
    processes.append(process)
    await process.start(*arguments)
    assert await process.ended() == 1
    assert sentence in process.log()
    assert "Traceback" not in process.log()


async def test_a_password_that_is_wrong_is_said(
    rabbit: tuple[str, str], processes: list[Process], tmp_path: Path
) -> None:
    process = Process(tmp_path, broker_url=rabbit[0].replace("guest:guest", "guest:wrong"))
    processes.append(process)
    await process.start()
    assert await process.ended() == 1
    assert "RabbitMQ refused the user or the password in BROKER_URL." in process.log()
