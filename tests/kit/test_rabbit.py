"""What only several processes can show: who gets a message when somebody is lost, and what is set aside."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from yarl import URL

from tests.cluster.queues import rabbit_prefix
from tests.kit.house import Away, BotEnd, WorkerEnd, eventually, started, task
from tests.nodes.cable import Cable, cable
from workers.kit.broker.over_rabbit import REPORTS_AT_ONCE
from workers.kit.broker.topology import DELIVERIES, Topology
from workers.kit.transport import BrokerRefused, TaskTransport, TransportDown
from workers.kit.wire import Beat, Failed, Finished, Started, TaskMessage


@dataclass
class Place:
    """A broker, and names of our own there."""

    url: str
    prefix: str
    folder: Path

    @property
    def names(self) -> Topology:
        return Topology(self.prefix)

    def bot(self, **more: object) -> BotEnd:
        return BotEnd(self.url, self.prefix, **more)  # type: ignore[arg-type]

    def worker(self, url: str = "", **more: object) -> WorkerEnd:
        return WorkerEnd(self.folder, url or self.url, self.prefix, **more)  # type: ignore[arg-type]

    def over(self, cable: Cable) -> str:
        return str(URL(self.url).with_port(cable.port))

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        async with await aio_pika.connect(self.url) as connection, connection.channel() as channel:
            yield channel


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with rabbit_prefix(["clerk"]) as (url, prefix):
        yield Place(url, prefix, tmp_path)


@pytest.fixture
async def wire(place: Place) -> AsyncIterator[Cable]:
    async with cable(URL(place.url).port or 5672) as wire:
        yield wire


async def test_a_task_in_the_hands_of_a_process_that_is_lost_goes_to_the_next(
    place: Place, wire: Cable
) -> None:
    """It waited there for a place, and had not begun. The one that had begun is not begun again, and its
    result comes when the process is back."""
    bot, first, second = place.bot(), place.worker(place.over(wire), concurrency=1), place.worker()
    async with started(bot, first):
        await bot.transport.send(task("s1", instruction="wait"))
        await first.has_begun("s1")
        await bot.transport.send(task("s2"))
        await eventually(lambda: first.service.busy == 2)
        wire.pull()
        async with started(second):
            assert isinstance(await bot.ended("s2"), Finished)
            first.gate.set()
            wire.plug()
            assert isinstance(await bot.ended("s1"), Finished)
            await bot.transport.send(task("s3"))
            await bot.ended("s3")
            await eventually(lambda: first.service.busy == 0)
            assert first.begun + second.begun == ["s1", "s2", "s3"] or "s3" in first.begun
            assert (first.begun + second.begun).count("s1") == 1
            assert (first.begun + second.begun).count("s2") == 1


async def test_what_waits_long_for_a_place_is_handed_back(place: Place) -> None:
    """Another process may be idle; the bot sends it out again."""
    bot, busy = place.bot(), place.worker(concurrency=1, beat_seconds=0.1)
    async with started(bot, busy):
        await bot.transport.send(task("s1", instruction="wait"))
        await busy.has_begun("s1")
        await bot.transport.send(task("s2"))
        await bot.until(lambda: bot.kinds("s2") == ["released"])
        busy.gate.set()
        await bot.ended("s1")
    assert busy.begun == ["s1"]


async def test_a_process_that_ends_hands_back_what_it_has_not_begun(place: Place) -> None:
    bot, first, second = place.bot(), place.worker(concurrency=1), place.worker()
    async with started(bot, first, second):
        await second.transport.stop(1)
        await bot.transport.send(task("s1", instruction="wait"))
        await first.has_begun("s1")
        await bot.transport.send(task("s2"))
        await eventually(lambda: first.service.busy == 2)
        third = place.worker()
        async with started(third):
            stopping = asyncio.create_task(first.transport.stop(20))
            await third.has_begun("s2")
            first.gate.set()
            await stopping
            assert isinstance(await bot.ended("s1"), Finished)
            assert first.begun == ["s1"]


async def test_what_runs_too_long_at_the_end_is_said_to_be_handed_back(place: Place) -> None:
    bot, worker = place.bot(), place.worker()
    async with started(bot, worker):
        await bot.transport.send(task(instruction="wait"))
        await worker.has_begun()
        await worker.transport.stop(0.1)
        await bot.until(lambda: bot.kinds() == ["started", "released"])


async def test_a_task_nobody_takes_in_time_is_dropped_and_is_no_dead_letter(place: Place) -> None:
    bot = place.bot(task_seconds=0.2)
    async with started(bot):
        await bot.transport.send(task())

        async def nothing_waits() -> bool:
            return (await bot.transport.pending())["worker.clerk"] == 0

        await eventually(nothing_waits)
        assert (await bot.transport.pending())["bot.dead"] == 0


async def test_a_message_that_is_lost_with_many_processes_is_set_aside(place: Place) -> None:
    bot = place.bot()
    async with started(bot):
        await bot.transport.send(task())
        for _ in range(DELIVERIES + 1):
            async with place.channel() as channel:
                queue = await channel.get_queue(place.names.worker("clerk"))
                await _next(queue)  # unacknowledged, when the connection ends

        async def one_is_dead() -> bool:
            return await bot.transport.pending() == {
                "worker.clerk": 0,
                "worker.model": 0,
                "bot.reports": 0,
                "bot.dead": 1,
            }

        await eventually(one_is_dead)
        async with place.channel() as channel:
            dead = await _next(await channel.get_queue(place.names.dead))
            assert dead.headers["x-first-death-reason"] == "delivery_limit"
            assert dead.headers["x-first-death-queue"] == place.names.worker("clerk")
            await dead.ack()


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"specversion": "1.0"}', b"[" * 100_000])
async def test_what_nobody_can_read_is_set_aside_with_a_reason(place: Place, body: bytes) -> None:
    """On either queue, and what comes after it is handled."""
    bot, worker = place.bot(), place.worker()
    async with started(bot, worker):
        async with place.channel() as channel:
            for queue in (place.names.worker("clerk"), place.names.reports):
                await channel.default_exchange.publish(aio_pika.Message(body), queue)
                dead = await _next(await channel.get_queue(place.names.dead))
                assert dead.headers["why"]
                assert dead.body.decode(errors="replace").startswith(body[:1].decode(errors="replace")) or (
                    b"\\xff" in dead.body
                )
                await dead.ack()
        await bot.transport.send(task())
        await bot.ended()
    assert len(bot.broken) == len(worker.broken) == 1


async def test_a_report_that_cannot_be_handled_is_set_aside(place: Place) -> None:
    bot, worker = place.bot(), place.worker()
    bot.troubles = [ValueError("a bug")]
    async with started(bot, worker):
        await worker.transport.report(_ended("s1"))
        async with place.channel() as channel:
            dead = await _next(await channel.get_queue(place.names.dead))
            assert dead.headers == {
                "why": "It could not be handled (ValueError).",
                "queue": place.names.reports,
            }
            await dead.ack()
        await worker.transport.report(_ended("s2"))
        await bot.ended("s2")


async def test_a_task_for_a_worker_nobody_has_a_queue_for_is_not_taken(place: Place) -> None:
    bot = place.bot()
    async with started(bot):
        with pytest.raises(TransportDown, match="no queue"):
            await bot.transport.send(task(worker="nobody"))


async def test_a_queue_that_was_deleted_is_made_again(place: Place) -> None:
    """By a bot that finds it missing, by a worker that listened to it."""
    bot, worker = place.bot(), place.worker()
    async with started(bot), place.channel() as channel:
        await channel.queue_delete(place.names.worker("clerk"))
        assert not await _taken(bot, "s1")
        await eventually(lambda: _taken(bot, "s1"))
        async with started(worker):
            await bot.ended("s1")
            await channel.queue_delete(place.names.worker("clerk"))
            await eventually(lambda: _taken(bot, "s2"))
            await bot.ended("s2")


async def test_what_cannot_be_read_makes_no_bot_deaf_where_dead_letters_have_no_queue(place: Place) -> None:
    """Somebody deleted it. What is not acknowledged counts against all that a bot is handed at once."""
    bot, worker = place.bot(), place.worker()
    async with started(bot, worker):
        async with place.channel() as channel:
            await channel.queue_delete(place.names.dead)
            for _ in range(REPORTS_AT_ONCE + 1):
                await channel.default_exchange.publish(aio_pika.Message(b"no"), place.names.reports)
        await eventually(lambda: _taken(bot, "s1"))
        await bot.ended()


async def _taken(bot: BotEnd, step: str) -> bool:
    try:
        await bot.transport.send(task(step))
    except TransportDown:
        return False
    return True


async def test_several_bots_share_the_reports(place: Place) -> None:
    bots, worker = [place.bot(), place.bot()], place.worker()
    for bot in bots:
        bot.take_gate.clear()
    async with started(*bots, worker):
        for i in range(40):
            await worker.transport.report(_ended(f"s{i}"))
        await eventually(lambda: all(bot.transport.lag > 0 for bot in bots))
        for bot in bots:
            bot.take_gate.set()
        await eventually(lambda: len(bots[0].reports) + len(bots[1].reports) == 40)
    assert len({r.step for bot in bots for r in bot.reports}) == 40


async def test_a_report_in_the_hands_of_a_bot_that_ends_goes_to_the_next(place: Place) -> None:
    """Its database is away: it must not be acknowledged, nor waited for."""
    first, second, worker = place.bot(), place.bot(), place.worker()
    first.troubles = [Away("locked")] * 1000
    async with started(first, worker):
        await worker.transport.report(_ended("s1"))
        await eventually(lambda: first.transport.lag > 0)
        await first.transport.stop(1)
        async with started(second):
            await second.ended("s1")
    assert first.reports == []


async def test_a_report_whose_bot_lost_its_connection_is_handled_by_another(
    place: Place, wire: Cable
) -> None:
    first, second, worker = place.bot(), place.bot(), place.worker()
    first = BotEnd(place.over(wire), place.prefix)
    first.take_gate.clear()
    async with started(first, worker):
        await worker.transport.report(_ended("s1"))
        await eventually(lambda: first.transport.lag > 0)
        wire.pull()
        async with started(second):
            await second.ended("s1")
            first.take_gate.set()
            await first.ended("s1")  # twice is harmless


async def test_a_run_nobody_waits_for_is_dropped_in_the_process_that_has_it(place: Place) -> None:
    bot, workers = place.bot(), [place.worker(), place.worker()]
    async with started(bot, *workers):
        for i in range(4):
            await bot.transport.send(task(f"s{i}", instruction="wait"))
        await bot.transport.send(task("other", run="r2", instruction="wait"))
        await eventually(lambda: sum(len(w.begun) for w in workers) == 5)
        await bot.transport.cancel("T1", "r1")
        await eventually(lambda: sum(w.service.busy for w in workers) == 1)
        for worker in workers:
            worker.gate.set()
        await bot.ended("other")
    assert {r.step for r in bot.reports if r.kind != "started"} == {"other"}


@pytest.mark.parametrize("asking", ["external", "alone"])
async def test_what_must_be_let_begins_when_the_bot_says_so(place: Place, asking: str) -> None:
    def asks(step: str) -> TaskMessage:
        return task(step).model_copy(update={asking: True})

    bot, worker = place.bot(), place.worker(concurrency=2)
    async with started(bot, worker):
        await bot.transport.send(asks("s1"))
        await bot.ended("s1")
        bot.may_begin = False
        await bot.transport.send(asks("s2"))
        await bot.until(lambda: bot.kinds("s2") == ["started"])
        await asyncio.wait_for(worker.service.idle.wait(), 10)
        bot.may_begin = True
        await bot.transport.send(asks("s3"))
        await bot.ended("s3")
    assert worker.begun == ["s1", "s3"]
    assert bot.kinds("s2") == ["started"]


async def test_the_answer_finds_a_process_that_came_back(place: Place, wire: Cable) -> None:
    """Its control queue has another name then; it asks at each heartbeat."""
    bot, worker = place.bot(), place.worker(place.over(wire), beat_seconds=0.1)
    bot.take_gate.clear()
    async with started(bot, worker):
        await bot.transport.send(task(external=True))
        await eventually(lambda: bot.transport.lag > 0)
        wire.pull()
        await eventually(lambda: not worker.transport.connected)
        bot.take_gate.set()
        wire.plug()
        await bot.ended()
    assert worker.begun == ["s1"]
    asked = [r for r in bot.reports if isinstance(r, Started)]
    assert len({r.reply_to for r in asked}) >= 2
    assert {r.holder for r in asked} == {worker.transport.holder}


async def test_nobody_begins_while_the_broker_is_away_at_the_start(place: Place, wire: Cable) -> None:
    """A bot comes up nevertheless: it has events to take. Sending says at once that it is of no use."""
    wire.pull()
    bot, worker = BotEnd(place.over(wire), place.prefix), place.worker(place.over(wire))
    async with started(bot, worker):
        assert not bot.transport.connected
        with pytest.raises(TransportDown):
            await bot.transport.send(task())
        with pytest.raises(TransportDown):
            await bot.transport.pending()
        with pytest.raises(TransportDown):
            await worker.transport.report(Beat(workspace="T1", run="r1", step="s1", attempt=1))
        await bot.transport.cancel("T1", "r1")
        reporting = asyncio.create_task(worker.transport.report(_ended("s0")))
        wire.plug()
        await eventually(lambda: bot.transport.connected and worker.transport.connected)
        assert await reporting
        await bot.ended("s0")
        await bot.transport.send(task())
        await bot.ended()


async def test_ending_while_the_broker_is_away_does_not_wait_for_it(place: Place, wire: Cable) -> None:
    bot, worker = place.bot(), place.worker(place.over(wire))
    async with started(bot, worker):
        await bot.transport.send(task(instruction="wait"))
        await worker.has_begun()
        wire.pull()
        await eventually(lambda: not worker.transport.connected)
        await asyncio.wait_for(worker.transport.stop(0.1), 10)


async def test_a_wrong_password_is_refused_with_a_sentence(place: Place) -> None:
    transport = TaskTransport(str(URL(place.url).with_password("wrong")))
    with pytest.raises(BrokerRefused, match="refused the user or the password in BROKER_URL"):
        await transport.start()
    await transport.stop(0)


async def test_a_queue_that_was_declared_differently_is_said(place: Place) -> None:
    async with place.channel() as channel:
        await channel.declare_queue(place.names.reports, durable=True)
    bot = place.bot()
    with pytest.raises(BrokerRefused, match=r"declared differently.*bot\.reports"):
        await bot.transport.start()
    await bot.transport.stop(0)


async def _next(queue: aio_pika.abc.AbstractQueue) -> AbstractIncomingMessage:
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    tag = await queue.consume(arrived.put)
    message = await asyncio.wait_for(arrived.get(), 20)
    await queue.cancel(tag)
    return message


def _ended(step: str) -> Failed:
    return Failed(workspace="T1", run="r1", step=step, attempt=1, error="It did not work.")
