"""All bots die, and stay dead for longer than a lease: what workers did meanwhile waits in the queue."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.cluster import folding, verdict
from tests.cluster.cluster import LEASE, Cluster
from tests.cluster.folding import Work

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


@pytest.mark.parametrize(
    "work, moments",
    [
        pytest.param(folding.chain("job-chain", 5), (1, 3, 6), id="chain-5"),
        pytest.param(folding.fork("job-fork", 1), (1, 5), id="planning-and-answering"),
    ],
)
async def test_when_only_bots_die_no_model_call_is_repeated(
    work: Work, moments: tuple[int, ...], there: Cluster
) -> None:
    """`moments`: they die while the model is at this call, the first being the plan's."""
    stub = there.world.stub
    stub.delay = 0.5

    def reached(call: int) -> bool:
        return stub.count >= call

    ts = await there.ask(work)
    for moment in moments:
        await there.until(partial(reached, moment))
        await asyncio.gather(*(bot.hold() for bot in there.bots))
        await asyncio.sleep(1.5 * LEASE)  # time itself is what this is about
        for bot in there.bots:
            bot.start()
    await there.quiet()
    assert not await verdict.wrong(there, work, ts)
    assert stub.count == work.calls


async def test_bots_that_were_dead_for_long_count_no_lease_as_lost(there: Cluster) -> None:
    """The steps run on while nobody hears their heartbeats."""
    until = there.world.data / "open"
    work = folding.gated("job-gate", there.diary("gates"), until)
    ts = await there.ask(work)
    await there.until(lambda: there.began("gates"))
    await asyncio.gather(*(bot.hold() for bot in there.bots))
    await asyncio.sleep(2 * LEASE)
    for bot in there.bots:
        bot.start()
    await there.connected()
    await asyncio.sleep(2 * LEASE)
    until.touch()
    await there.quiet()
    assert not await verdict.wrong(there, work, ts)
    assert len(there.began("gates")) == 1
