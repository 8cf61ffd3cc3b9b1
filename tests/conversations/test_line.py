"""More is asked than there are places: who waits sees how long the line is, and gets its answer."""

from __future__ import annotations

import asyncio

from tests.conversations.world import World, steps
from workers import Task, Worker


async def test_who_waits_for_long_sees_its_place_in_line_and_then_its_answer(world: World) -> None:
    gate = asyncio.Event()

    async def slow(task: Task) -> str:
        await gate.wait()
        return f"Done for {task.request}."

    for _ in range(3):
        world.stub.plan(steps(("it", "slow", "take your time")))
    async with world.bot({"slow": Worker("slow", "Takes its time.", slow)}, window=1) as bot:
        ada = await world.says("@delegate one")
        await world.sees(ada, "Working on it")
        ben = await world.says("@delegate two", by="ben")
        await world.sees(ben, "Working on it")
        again = await world.says("@delegate three")
        await world.sees(again, "Working on it")
        assert "Waiting" not in world.thread(ben) + world.thread(again)
        world.ahead += 16
        await world.sees(ben, "Waiting for a free slow; it is next")
        await world.sees(again, "Waiting for a free slow; 1 is before it")
        gate.set()
        for ts in (ada, ben, again):
            await world.sees(ts, "Done for")
        assert (await bot.store.counts()).out == 0
    assert all(len(world.posts(ts)) == 2 for ts in (ada, ben, again)), "no post of its own"
