"""Worker services that are stopped, poisoned, or killed with something half done."""

from __future__ import annotations

import asyncio
import functools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aio_pika
import pytest

from tests.cluster import diary, folding, verdict
from tests.cluster.cluster import Cluster
from workers.kit.broker.topology import Topology

Taken = asyncio.Queue[bytes]
Again = Callable[[bytes], Awaitable[None]]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


async def test_the_late_result_of_a_worker_that_was_stopped_past_its_lease_is_refused(there: Cluster) -> None:
    """It comes while another process is still at the same step."""
    until, gates = there.world.data / "open", there.diary("gates")
    work, meanwhile = folding.gated("job-gate", gates, until), folding.chain("job-meanwhile", 3)
    ts = await there.ask(work)
    await there.until(lambda: there.began("gates"))
    late = there.began("gates")[0].pid
    stopped = there.process(late)
    stopped.signal(signal.SIGSTOP)
    await there.until(lambda: any(e.pid != late for e in there.began("gates")))
    stopped.signal(signal.SIGCONT)
    until.with_name(f"open.{late}").touch()
    await there.until(lambda: diary.read(gates, "ended"))
    between = await there.ask(meanwhile)
    await there.world.sees(between, meanwhile.results["s3"], within=60)
    (run,) = await there.truth.runs(ts)
    assert run.status == "working" and run.step("part0").status == "out", "the other one is still at it"
    until.touch()
    await there.quiet()
    (run,) = await there.truth.runs(ts)
    assert diary.read(gates, "ended")[0].pid == late
    assert f"process {late}." not in run.step("part0").result
    assert not await verdict.wrong(there, work, ts)
    assert not await verdict.wrong(there, meanwhile, between)


async def _done(there: Cluster, work: folding.Work) -> str:
    ts = await there.ask(work)
    await there.quiet()
    return ts


async def test_poison_takes_three_processes_at_most_the_third_while_alone(there: Cluster) -> None:
    """All the time there is other work in all processes, which ends well."""
    never, book = there.world.data / "never", there.diary("gates")
    poisoned = folding.gated("job-poison", book, never, worker="poison", seconds=0.5)
    bad = await there.ask(poisoned)
    beside: dict[str, folding.Work] = {}
    while bad not in (await there.truth.ended_and_asking())[0]:
        work = folding.gated(f"job-{len(beside)}", book, never, seconds=1.0, parts=9)
        ts = await there.ask(work)
        beside[ts] = work
        ran = functools.partial(diary.read, book, "ended", work.name)
        await there.until(ran)
    await there.quiet()
    for ts, work in beside.items():
        assert not await verdict.wrong(there, work, ts)
    (run,) = await there.truth.runs(bad)
    assert run.status == "failed" and run.step("part0").losses == 3
    assert "lost 3 times" in there.world.thread(bad)
    starts = diary.read(book, "began", poisoned.name)
    assert len(starts) == 3
    last = starts[-1].pid
    began = [e.name for e in diary.read(book, "began") if e.pid == last and e.name != poisoned.name]
    ended = [e.name for e in diary.read(book, "ended") if e.pid == last]
    assert sorted(began) == sorted(ended), "nothing ran beside it"


async def test_an_effect_that_may_have_happened_is_a_persons_decision(there: Cluster) -> None:
    work = folding.stamped("job-stamp", 1, there.diary(verdict.STAMPS), seconds=30)
    ts = await there.ask(work)
    (stamp,) = await there.until(lambda: diary.read(there.diary(verdict.STAMPS)))
    there.process(stamp.pid).signal(signal.SIGKILL)
    await there.world.sees(ts, "may or may not have happened", verdict.LEAVE, within=40)
    await verdict.leave(there, ts)
    await there.quiet()
    assert not await verdict.wrong(there, work, ts, left=True)
    assert len(diary.read(there.diary(verdict.STAMPS))) == 1


async def test_an_effect_whose_message_comes_again_happens_once(there: Cluster) -> None:
    """While it is on, in another process, and when it is done."""
    work = folding.stamped("job-stamp", 1, there.diary(verdict.STAMPS), seconds=2)
    async with copies(there, "stamp") as (taken, again):
        ts = await there.ask(work)
        await there.until(lambda: diary.read(there.diary(verdict.STAMPS)))
        body = await asyncio.wait_for(taken.get(), 10)
        for _ in range(5):
            await again(body)
        await there.quiet()
        for _ in range(5):
            await again(body)
        another = folding.stamped("job-after", 1, there.diary(verdict.STAMPS))
        assert not await verdict.wrong(there, another, await _done(there, another))
    assert not await verdict.wrong(there, work, ts)
    assert len(diary.read(there.diary(verdict.STAMPS))) == 2, "one of each work"


@asynccontextmanager
async def copies(there: Cluster, worker: str) -> AsyncIterator[tuple[Taken, Again]]:
    """A copy of each task for this worker, and a way to send it again."""
    topology = Topology(there.prefix)
    taken: Taken = asyncio.Queue()
    async with await aio_pika.connect(there.broker) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(topology.exchange, ensure=False)
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(exchange, routing_key=topology.worker(worker))

        async def took(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            taken.put_nowait(message.body)

        async def again(body: bytes) -> None:
            message = aio_pika.Message(body, content_type="application/cloudevents+json")
            await channel.default_exchange.publish(message, topology.worker(worker))

        await queue.consume(took, no_ack=True)
        yield taken, again
