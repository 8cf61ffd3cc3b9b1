"""A real process, killed for real at each point, started again: every acknowledged request ends, and each
message is visible once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from playground.delivery import Retries
from tests.conversations.world import World, a_world, steps

POINTS = ["K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K12", "K13", "K14", "K15"]
SETTLE = 1.5


class Bot:
    """`python -m bot serve` as a process of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, crash_at: str = "") -> None:
        world = self._world
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(world.data / "bot"),
            "MODEL": "hosted_vllm/stub",
            "MODEL_API_BASE": world.stub.url,
            "MODEL_API_KEY": "stub-key",
            "SLACK_BOT_TOKEN": world.slack.bot_token,
            "SLACK_APP_TOKEN": world.slack.app_token,
            "SLACK_API_URL": world.slack.url,
            "PORT": "0",
            "SWEEP_SECONDS": "0.2",
            "SETTLE_SECONDS": str(SETTLE),
            "SLACK_PACED": "false",
            "CRASH_AT": crash_at,
        }
        root = Path(__file__).parents[2]
        log = (world.data / "bot.log").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", cwd=root, env=environment, stdout=log, stderr=log
        )
        log.close()

    async def died(self, or_else: Callable[[], bool]) -> None:
        """Until it was killed; a second time it may instead be through, with the point behind it."""
        assert self._process
        for _ in range(600):
            if self._process.returncode is not None or or_else():
                break
            await asyncio.sleep(0.05)
        code = self._process.returncode
        assert code == -signal.SIGKILL or or_else(), f"it should have been killed, and ended with {code}"

    async def kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


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
