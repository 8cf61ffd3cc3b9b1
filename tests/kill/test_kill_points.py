"""A real process, killed for real at each point, started again: every acknowledged request ends, and each
message is visible once."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path

import pytest

from playground.delivery import Retries
from tests.conversations.world import a_world, steps
from tests.kill.process import SETTLE, Bot

POINTS = ["K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K12", "K13", "K14", "K15"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "times", [pytest.param(1, id="once"), pytest.param(2, id="twice", marks=pytest.mark.chaos)]
)
@pytest.mark.parametrize("point", POINTS)
async def test_killed_there_and_started_again_nothing_is_lost_or_said_twice(
    point: str, times: int, tmp_path: Path
) -> None:
    async with a_world(tmp_path, retries=Retries(delays=(0.2, 0.5, 1.0))) as world:
        world.stub.on(
            "tea",
            plan=steps(
                ("green", "writer", "About green tea, a draft"),
                ("black", "writer", "About black tea, a draft"),
                title="Two teas",
            ),
        )
        bot = Bot(world)
        try:
            await bot.start(crash_at=point)
            await world.slack.connected(timeout=30)
            ts = await world.says("@delegate Write about tea")
            await bot.died(or_else=lambda: False)
            for _ in range(times - 1):
                await bot.start(crash_at=point)
                await bot.died(or_else=lambda: "delegate: @ada" in world.thread(ts))
                await bot.kill()
            await bot.start()
            await world.sees(ts, "delegate: Done", "delegate: @ada", within=40)
            await asyncio.sleep(SETTLE + 0.7)  # whatever would be said twice is said by now
        except BaseException:
            sys.stderr.write((world.data / "bot.log").read_text()[-6000:])
            raise
        finally:
            await bot.kill()
        said = Counter(m["metadata"]["event_payload"]["key"] for m in world.posts(ts))
        assert set(said.values()) == {1}, world.thread(ts)
        assert len(said) == 4, world.thread(ts)
        nominal, in_flight = 4, times  # a plan, two steps, an answer; each crash may repeat one call or more
        if point in ("K6", "K7", "K8", "K15"):
            assert world.stub.count <= nominal + 3 * in_flight
